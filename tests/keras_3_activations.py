"""One model of today's Keras with every activation that never falls, and what it gives.

``python -m tests.keras_3_activations tests/fixtures`` made the files that tests read, with
``KERAS_BACKEND=tensorflow TF_USE_LEGACY_KERAS=0``; a channel of the output is of one kind with all
of its settings.
"""

import sys
import zipfile
from pathlib import Path

import numpy as np

NAMES = (
    "relu6", "leaky_relu", "hard_tanh", "hard_sigmoid", "celu", "log_sigmoid", "tanh", "sigmoid",
    "selu", "softplus", "softsign", "exponential",
)  # fmt: skip
N_KINDS = len(NAMES) + 5
MODEL, ARRAYS = "keras-3-activations.keras", "keras-3-activations.npz"


def main(folder):
    """Write both files."""
    import keras
    from keras import layers as L

    rng = np.random.default_rng(0)
    kinds = [
        L.ReLU(1.5, 0.25, 0.125), L.LeakyReLU(negative_slope=0.1), L.ELU(alpha=0.7),
        L.PReLU(shared_axes=[1, 2]), *map(L.Activation, NAMES),
    ]  # fmt: skip
    pixels = keras.Input((6, 6, 1), name="pixels")
    x = L.ReLU()(L.Conv2D(2, 3, padding="same")(pixels))
    ends = [L.Conv2D(1, 1)(kind(L.Conv2D(2, 3, padding="same")(x))) for kind in kinds]
    inside = L.Conv2D(2, 3, padding="same", activation="hard_sigmoid")(x)
    made = keras.Model(pixels, L.Concatenate()([*ends, L.Conv2D(1, 1)(inside)]))
    for variable in made.weights:
        is_slope = "alpha" in variable.path
        value = rng.uniform(0.1, 0.8, variable.shape)
        variable.assign(value if is_slope else rng.normal(0.05, 0.6, variable.shape))
    images = rng.normal(size=(3, 6, 6, 1)).astype("float32")
    made.save(folder / MODEL)
    with zipfile.ZipFile(folder / MODEL) as plain:
        files = {name: plain.read(name) for name in plain.namelist()}
    # Stored as Keras does it, weights are nearly all of the file, and nearly all of them padding.
    with zipfile.ZipFile(folder / MODEL, "w", zipfile.ZIP_DEFLATED) as small:
        for name, content in files.items():
            small.writestr(name, content)
    np.savez_compressed(folder / ARRAYS, images=images, values=np.asarray(made(images)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
