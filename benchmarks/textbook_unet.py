"""A float U-Net as textbooks have it, trained on a labelled stack: for deployment without training.

    python benchmarks/textbook_unet.py --data ISBI2012 --out runs/textbook
    python benchmarks/textbook_unet.py --data ISBI2012 --out runs/transposed --up transposed
    python benchmarks/textbook_unet.py --out runs/quick --epochs 1 --steps 2 --crop 64

Two 3 x 3 convolutions with ReLU at each depth, a batch normalization after each of them, max
pooling down, nearest upsampling or a transposed convolution up, concatenations across (Ronneberger
et al. 2015, doi 10.1007/978-3-319-24574-4_28). Nothing of a chip is in its training: crops,
augmentation and split are those of `python -m loihiseg.train`, whose sections are tested apart.
The network is kept in ``OUT/network.keras`` after each epoch, with its optimizer, and goes on from
there when the same command is given again; ``OUT/network.h5`` is the finished one.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    # Python puts the script's folder first, where its modules would be found under other names.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np

from loihiseg.data.augmentation import sample_crops
from loihiseg.data.readers import read_stack
from loihiseg.data.splits import split_of
from loihiseg.data.stack import Stack
from loihiseg.data.synthetic import synthetic_stack
from loihiseg.data.tiles import predict_sections
from loihiseg.errors import InputError
from loihiseg.files import write_json
from loihiseg.metrics.pixels import best_threshold, pixel_scores
from loihiseg.network.logits import sigmoid

if TYPE_CHECKING:
    import tensorflow as tf

KEPT, FINISHED, HISTORY = "network.keras", "network.h5", "history.json"


@dataclass(frozen=True)
class Shape:
    """Which U-Net.

    Attributes
    ----------
    channels : tuple of int
        Of each depth, the first at full resolution.
    tile : int
        Pixels of the side of its input.
    up : str
        "upsampling": nearest, then the depth's convolutions; "transposed": a transposed convolution
        of 2 x 2 without activation before them.
    stride : int
        Of the first convolution; the read-out is upsampled by as much.
    """

    channels: tuple[int, ...] = (8, 16, 32)
    tile: int = 64
    up: str = "upsampling"
    stride: int = 1


def unet(shape: Shape, n_inputs: int = 1) -> "tf.keras.Model":
    """The network with random weights; (batch, tile, tile, n_inputs) to logits of membrane."""
    from loihiseg.frameworks import tf

    layers = tf.keras.layers

    def twice(x: "tf.Tensor", n_channels: int, name: str, stride: int = 1) -> "tf.Tensor":
        for part, step in (("a", stride), ("b", 1)):
            x = layers.Conv2D(
                n_channels, 3, step, padding="same", activation="relu",
                kernel_initializer="he_normal", name=f"{name}{part}",
            )(x)  # fmt: skip
            x = layers.BatchNormalization(name=f"{name}{part}_norm")(x)
        return x

    pixels = x = tf.keras.Input((shape.tile, shape.tile, n_inputs), name="pixels")
    across = []
    *outer, inner = shape.channels
    for depth, n_channels in enumerate(outer):
        x = twice(x, n_channels, f"down{depth}", shape.stride if depth == 0 else 1)
        across.append(x)
        x = layers.MaxPooling2D(name=f"pool{depth}")(x)
    x = twice(x, inner, "bottom")
    for depth, n_channels in reversed(list(enumerate(outer))):
        if shape.up == "transposed":
            x = layers.Conv2DTranspose(n_channels, 2, 2, name=f"up{depth}")(x)
        else:
            x = layers.UpSampling2D(name=f"up{depth}")(x)
        x = layers.Concatenate(name=f"across{depth}")([x, across[depth]])
        x = twice(x, n_channels, f"up{depth}")
    x = layers.Conv2D(1, 1, name="logits")(x)
    if shape.stride > 1:
        x = layers.UpSampling2D(shape.stride, interpolation="bilinear", name="full")(x)
    return tf.keras.Model(pixels, x, name="textbook_unet")


@dataclass(frozen=True)
class Training:
    """How long, and on what, it is trained."""

    epochs: int = 20
    steps: int = 75
    crop: int = 128
    batch: int = 16
    learning_rate: float = 3e-3
    seed: int = 0


def _first(shape: Shape, training: Training) -> "tf.keras.Model":
    from loihiseg.frameworks import tf

    tf.keras.utils.set_random_seed(training.seed)
    model = unet(shape)
    rate = tf.keras.optimizers.schedules.CosineDecay(
        training.learning_rate, training.epochs * training.steps, alpha=0.01
    )
    model.compile(
        tf.keras.optimizers.Adam(rate), tf.keras.losses.BinaryCrossentropy(from_logits=True)
    )
    return model


def _epoch(model: "tf.keras.Model", stack: Stack, training: Training, epoch: int) -> float:
    """Train on the crops of an epoch, the same in each run; their mean loss."""
    losses = []
    for step in range(training.steps):
        rng = np.random.default_rng([training.seed, epoch, step])
        pixels, membrane, _ = sample_crops(stack, training.crop, training.batch, rng)
        losses.append(model.train_on_batch(pixels, membrane))
    return float(np.mean(losses))


def scores(model: "tf.keras.Model", stack: Stack, tile: int) -> dict[str, float]:
    """Of whole sections in tiles, at the threshold best on them."""
    logits = predict_sections(lambda tiles: model.predict(tiles, verbose=0), stack.images, tile)
    probability, truth = sigmoid(logits), np.asarray(stack.membrane)
    threshold = best_threshold(truth, probability)
    found = pixel_scores(truth, probability > threshold)
    return {
        "accuracy": found.accuracy,
        "membrane_iou": found.membrane_iou,
        "threshold": float(threshold),
    }


def train(stack: Stack, shape: Shape, training: Training, out: Path) -> "tf.keras.Model":
    """Train, or go on, and keep the network after each epoch; the finished one.

    Raises
    ------
    InputError
        If there are no labels, or ``out`` holds a network of other options.
    """
    out.mkdir(parents=True, exist_ok=True)
    split = split_of(stack, training.crop, shape.tile)
    parts = split.part(stack, "train"), split.part(stack, "validation")
    asked = {"shape": asdict(shape), "training": asdict(training), "digest": stack.digest}
    model = _first(replace(shape, tile=training.crop), training)
    history = _go_on(model, json.loads(json.dumps(asked)), out) if (out / KEPT).exists() else []
    whole = unet(shape)
    for epoch in range(len(history), training.epochs):
        begun = time.perf_counter()
        loss = _epoch(model, parts[0], training, epoch)
        whole.set_weights(model.get_weights())
        row = {"epoch": epoch + 1, "loss": loss} | scores(whole, parts[1], shape.tile)
        history.append(row | {"seconds": time.perf_counter() - begun})
        print(json.dumps(history[-1]), flush=True)
        # The history first: one that is ahead of the network is cut when it goes on.
        write_json(out / HISTORY, asked | {"epochs": history})
        model.save(out / "new.keras")
        os.replace(out / "new.keras", out / KEPT)
    whole.set_weights(model.get_weights())
    whole.save(out / FINISHED)
    return whole


def _go_on(model: "tf.keras.Model", asked: dict[str, Any], out: Path) -> list[dict[str, float]]:
    """Put what is kept in a folder into the model; its epochs."""
    from loihiseg.frameworks import tf

    before = json.loads((out / HISTORY).read_text())
    differing = [name for name, value in asked.items() if before[name] != value]
    if differing:
        raise InputError(
            f"{out}: holds a network of another {' and '.join(differing)}; expected the same to go "
            "on with, or choose another --out"
        )
    kept = tf.keras.models.load_model(out / KEPT)
    model.set_weights(kept.get_weights())
    model.optimizer.build(model.trainable_variables)
    for ours, theirs in zip(model.optimizer.variables, kept.optimizer.variables, strict=True):
        ours.assign(theirs)
    done = int(model.optimizer.iterations) // asked["training"]["steps"]
    history: list[dict[str, float]] = before["epochs"][:done]
    return history


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, and say what the finished network scores on the test sections."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", metavar="PATH", help="stack; synthetic sections if not given")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--channels", type=int, nargs="+", default=Shape.channels)
    parser.add_argument("--tile", type=int, default=Shape.tile)
    parser.add_argument("--up", choices=("upsampling", "transposed"), default=Shape.up)
    parser.add_argument("--stride", type=int, default=Shape.stride)
    for name in ("epochs", "steps", "crop", "batch", "seed"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Training, name))
    options = parser.parse_args(arguments)
    stack = read_stack(options.data) if options.data else synthetic_stack()
    shape = Shape(tuple(options.channels), options.tile, options.up, options.stride)
    training = Training(
        options.epochs, options.steps, options.crop, options.batch, seed=options.seed
    )
    model = train(stack, shape, training, options.out)
    test = split_of(stack, training.crop, shape.tile).part(stack, "test")
    print(json.dumps({"part": "test"} | scores(model, test, shape.tile)), flush=True)


if __name__ == "__main__":
    main()
