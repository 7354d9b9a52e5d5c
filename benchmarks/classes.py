"""Classifiers of digits on the chip: accuracy in floats, with levels and emulated, class by class.

    python benchmarks/classes.py            # all networks, 500 test images each
    python benchmarks/classes.py --quick    # the smaller ones, 100 images
    python benchmarks/classes.py --json

The layers are those of nengo-loihi's examples "keras-to-loihi" and "CIFAR-10 convnet", padded so
that 8 x 8 pixels are left of them what these have of 28 x 28 and 32 x 32: with their strides, and
with a maximum or a mean of pools of 2 x 2 in their place. They are trained on the digits that come
with scikit-learn (``pip install scikit-learn``): 1,297 for training, 500 for tests, drawn with seed
0. All get 3 levels afterwards (``--levels 3 --normalization percentile``, on 64 training images);
those with maxima are also trained on with 3 levels. Networks run
in the ramp code where its sums are small enough, else in the thermometer code. The integer
reference is `benchmarks.class_reference`, which knows the Keras layers alone.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

if __name__ == "__main__":
    # Python puts the script's folder first.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np

Pooling = Literal["strides", "max", "average"]
Activation = Callable[[], Any]

KERAS_TO_LOIHI = ((3, 1, 1), (32, 3, 2), (64, 3, 2))
CIFAR_10 = ((4, 1, 1), (64, 3, 2), (72, 3, 1), (256, 3, 2), (256, 1, 1), (64, 1, 1))
"""Filters, rows and columns of a kernel, and stride of every convolution."""

ARCHITECTURES = {"keras-to-loihi": KERAS_TO_LOIHI, "CIFAR-10": CIFAR_10}
POOLINGS: tuple[Pooling, ...] = ("strides", "max", "average")
VARIANTS: tuple[tuple[Pooling, bool], ...] = (
    ("strides", False), ("max", False), ("max", True), ("average", False),
)  # fmt: skip
"""And whether levels are trained."""

SUMS_TOO_LARGE = {("keras-to-loihi", "average"), *(("CIFAR-10", one) for one in POOLINGS)}
"""Networks that the ramp code has no room for, whatever they are trained to."""

N_DENSE, N_CLASSES = 100, 10
N_TRAIN, N_CALIBRATION = 1297, 64
LEVELS, SHARE = 3, 0.975


@dataclass(frozen=True)
class Row:
    """What a network came to: accuracies, and whether the chip calls what the reference does.

    ``counts_equal`` says whether as many test images are called each class as by the integer
    reference, ``images_equal`` how many of the test images are called as by it.
    """

    architecture: str
    pooling: str
    levels: str
    code: str
    neurons: int
    cores: int
    steps: int
    trained: float
    quantized: float
    reference: float
    emulated: float
    counts_equal: bool
    images_equal: int
    n_images: int
    seconds: float


def network(
    convolutions: tuple[tuple[int, int, int], ...],
    pooling: Pooling,
    activation: Activation,
    side: int = 8,
    channels: int = 1,
) -> Any:
    """A classifier in Keras, untrained.

    Parameters
    ----------
    convolutions : tuple of (int, int, int)
        Filters, rows and columns of a kernel, and stride.
    pooling : str
        What stands for a stride: itself, or a pool of that size behind the activation.
    activation : callable
        Makes an activation's layer.
    side, channels : int
        Of the images.
    """
    from loihiseg.frameworks import tf

    layers = tf.keras.layers
    pools = {"max": layers.MaxPooling2D, "average": layers.AveragePooling2D}
    pixels = tf.keras.Input((side, side, channels))
    value = pixels
    for filters, size, stride in convolutions:
        own = stride if pooling == "strides" else 1
        value = activation()(layers.Conv2D(filters, size, own, padding="same")(value))
        if stride > own:
            value = pools[pooling](stride)(value)
    value = activation()(layers.Dense(N_DENSE)(layers.Flatten()(value)))
    return tf.keras.Model(pixels, layers.Dense(N_CLASSES)(value))


def digits(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 8, 8, 1) float32 from 0 to 1, and classes (n,), in an order that is drawn."""
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]

    found = load_digits()
    order = np.random.default_rng(seed).permutation(len(found.target))
    return (found.images[order, ..., None] / 16).astype(np.float32), found.target[order]


def _fit(model: Any, images: np.ndarray, labels: np.ndarray, epochs: int, rate: float) -> None:
    from loihiseg.frameworks import tf

    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(tf.keras.optimizers.Adam(rate), loss)
    model.fit(images, labels, batch_size=64, epochs=epochs, verbose=0)


def with_levels(trained: Any, calibration: np.ndarray, build: Callable[[Activation], Any]) -> Any:
    """A network of `QuantizedReLU` that begins where one of ReLU ended."""
    from benchmarks.class_reference import percentile_levels
    from loihiseg.network.quantized import QuantizedReLU

    found = percentile_levels(trained, calibration, LEVELS, SHARE)
    values = iter([levels.value * LEVELS for levels in found.values()])
    model = build(lambda: QuantizedReLU(LEVELS, alpha=next(values)))
    ours = [layer for layer in model.layers if hasattr(layer, "kernel")]
    theirs = [layer for layer in trained.layers if hasattr(layer, "kernel")]
    for new, old in zip(ours, theirs, strict=True):
        new.set_weights(old.get_weights())
    return model


def measured(name: str, pooling: Pooling, with_training: bool, n_images: int, epochs: int) -> Row:
    """Train a network, give it levels, deploy it, and hold it against the reference."""
    from loihiseg.frameworks import tf

    import loihiseg
    from benchmarks import class_reference
    from loihiseg.results import Network

    images, labels = digits()
    learnt, tested = slice(0, N_TRAIN), slice(N_TRAIN, N_TRAIN + n_images)
    calibration = images[:N_CALIBRATION]

    def build(activation: Activation) -> Any:
        return network(ARCHITECTURES[name], pooling, activation)

    code = "thermometer" if (name, pooling) in SUMS_TOO_LARGE else "ramp"
    start = time.perf_counter()
    tf.keras.utils.set_random_seed(0)
    model = build(tf.keras.layers.ReLU)
    _fit(model, images[learnt], labels[learnt], epochs, 1e-3)
    floats = model.predict(images[tested], verbose=0).argmax(axis=-1)
    options: dict[str, Any] = {"levels": LEVELS, "quantile": SHARE}
    words = f"{LEVELS}, percentile"
    if with_training:
        model, options = with_levels(model, calibration, build), {}
        words = f"{LEVELS}, trained"
        _fit(model, images[learnt], labels[learnt], epochs, 3e-4)
        levels = class_reference.levels_of(model)
    else:
        levels = class_reference.percentile_levels(model, calibration, LEVELS, SHARE)
    found = loihiseg.deploy_images(
        model,
        images[tested],
        labels[tested],
        calibration_images=calibration,
        calibration_tiles=N_CALIBRATION,
        code=code,
        chips=8,
        proof_seconds=0.0,
        **options,
    )
    widths = None
    if code == "thermometer":
        widths = {row.layer: row.shape[2] for row in found.deployed.blocks}
    expected = class_reference.integer_logits(model, images[tested], levels, widths)
    expected = expected.argmax(axis=-1)
    given = Network.QUANTIZED if options else Network.TRAINED
    accuracy = {key: float(np.mean(one == labels[tested])) for key, one in found.called.items()}
    counts = [np.bincount(one, minlength=N_CLASSES) for one in (expected, found.classes)]
    return Row(
        architecture=name,
        pooling=pooling,
        levels=words,
        code=found.results.code.name,
        neurons=found.results.mapping.n_neurons,
        cores=found.results.mapping.n_cores,
        steps=found.results.code.steps,
        trained=float(np.mean(floats == labels[tested])),
        quantized=accuracy[given],
        reference=float(np.mean(expected == labels[tested])),
        emulated=accuracy[Network.EMULATED],
        counts_equal=bool(np.array_equal(*counts)),
        images_equal=int((expected == found.classes).sum()),
        n_images=len(expected),
        seconds=time.perf_counter() - start,
    )


def main() -> int:
    """Run the command; 1 where a class is called otherwise than by the reference."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="the smaller networks, 100 images")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    names = ["keras-to-loihi"] if options.quick else list(ARCHITECTURES)
    rows = []
    line = "{:<15} {:<8} {:<13} {:<11} {:>7} {:>5} {:>5}  {:>6} {:>9} {:>9} {:>8}  {:<14} {:>5}"
    titles = (
        "network", "pooling", "levels", "code", "neurons", "cores", "steps", "float", "quantized",
        "reference", "emulated", "equal", "s",
    )  # fmt: skip
    print(line.format(*titles), file=sys.stderr)
    for name in names:
        for pooling, with_training in VARIANTS:
            n_images = 100 if options.quick else 500
            row = measured(name, pooling, with_training, n_images, options.epochs)
            rows.append(row)
            shares = (row.trained, row.quantized, row.reference, row.emulated)
            equal = f"{row.images_equal} of {row.n_images}"
            print(
                line.format(
                    row.architecture, row.pooling, row.levels, row.code, row.neurons, row.cores,
                    row.steps,
                    *(f"{one:.1%}" for one in shares), equal, f"{row.seconds:.0f}",
                ),
                file=sys.stderr,
            )  # fmt: skip
    if options.json:
        print(json.dumps([asdict(row) for row in rows]))
    return 0 if all(row.counts_equal for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
