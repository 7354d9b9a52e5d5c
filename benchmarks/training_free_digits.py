"""Classifiers of digits deployed without training, with and without corrections.

    python benchmarks/training_free_digits.py

The keras-to-loihi layers of `benchmarks/classes.py` with max pooling, trained in floats, with so
many levels in every layer on the chip and 15 on the host: by a plain percentile, by quantiles that
are searched, and corrected, on 64 training images without labels. 500 test images on the compiled
emulator, by the ramp code. One row of Markdown for each.
"""

import argparse
import sys
from pathlib import Path

if __name__ == "__main__":
    # Python puts the script's folder first, where its modules would be found under other names.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

WAYS = {
    "percentile": {},
    "searched": {"normalization": "bayes"},
    "corrected": {"corrections": True},
}
HOST_LEVELS = 15


def main() -> None:
    """Train, deploy, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--levels", type=int, nargs="+", default=[1, 2, 3, 7])
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--images", type=int, default=500)
    options = parser.parse_args()
    from loihiseg.frameworks import tf

    import numpy as np

    import loihiseg
    from benchmarks.classes import ARCHITECTURES, N_CALIBRATION, N_TRAIN, _fit, digits, network
    from loihiseg.compilation.scales import own_names
    from loihiseg.conversion.lowering import lower
    from loihiseg.results import Network

    images, labels = digits()
    tested = slice(N_TRAIN, N_TRAIN + options.images)
    tf.keras.utils.set_random_seed(0)
    model = network(ARCHITECTURES["keras-to-loihi"], "max", tf.keras.layers.ReLU)
    _fit(model, images[:N_TRAIN], labels[:N_TRAIN], options.epochs, 1e-3)
    floats = model.predict(images[tested], verbose=0).argmax(axis=-1)
    n_layers = len(own_names(lower(model, levels_follow=True).network))
    print("| L | how | floats | with levels | emulated | called as with 8-bit weights | steps |")
    print("|---|---|---|---|---|---|---|")
    for levels in options.levels:
        for name in options.ways:
            way = WAYS[name]
            found = loihiseg.deploy_images(
                model, images[tested], labels[tested], calibration_images=images[:N_CALIBRATION],
                calibration_tiles=N_CALIBRATION, code="ramp", chips=2, proof_seconds=0.0,
                levels=(HOST_LEVELS, *[levels] * (n_layers - 1)), **way,
            )  # fmt: skip
            called = found.called
            accuracy = {key: float(np.mean(one == labels[tested])) for key, one in called.items()}
            same = int((called[Network.EMULATED] == called[Network.EIGHT_BIT]).sum())
            print(
                f"| {levels} | {name} | {np.mean(floats == labels[tested]):.1%} | "
                f"{accuracy[Network.QUANTIZED]:.1%} | {accuracy[Network.EMULATED]:.1%} | "
                f"{same} of {len(floats)} | {found.results.code.steps} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
