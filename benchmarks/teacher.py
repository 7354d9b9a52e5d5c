"""A float U-Net that sees neighbouring sections, and its maps as soft labels for smaller networks.

    python benchmarks/teacher.py --data ISBI2012 --channels 24 48 96 128 --out runs/teacher
    python -m loihiseg.train --data ISBI2012 --soft-labels runs/teacher/maps.npy ...

The network is that of `benchmarks/textbook_unet.py`, wider and deeper, and is given the sections
before and behind as channels: it is never deployed, so that nothing of a chip limits it. It is
trained on the training sections of the usual split; what is kept is the mean of weights over the
last batches. Maps of all sections are means over the eight orientations. State, network and
maps are kept in ``--out``, and the same command goes on from there. With ``--network`` nothing is
trained: the maps are those of a network that was kept.
"""

import argparse
import io
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

if __name__ == "__main__":
    # Python puts the script's folder first.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from loihiseg.frameworks import tf

import numpy as np

from benchmarks.textbook_unet import Shape, unet
from loihiseg.data.augmentation import sample_planes, vary_intensity
from loihiseg.data.contrast import normalize
from loihiseg.data.orientations import orientations
from loihiseg.data.readers import read_stack
from loihiseg.data.splits import split_of
from loihiseg.data.stack import Stack
from loihiseg.data.tiles import tile_grid
from loihiseg.files import write_bytes, write_json
from loihiseg.metrics.pixels import best_threshold, pixel_scores
from loihiseg.network.logits import sigmoid
from loihiseg.storage.arrays import pack_arrays, unpack_arrays
from loihiseg.training.averaging import MeanWeights

STATE, NETWORK, MAPS, HISTORY = "state.npz", "network.h5", "maps.npy", "history.json"


@dataclass(frozen=True)
class Training:
    """How long, and on what, it is trained. ``neighbours`` are the sections seen on either side."""

    epochs: int = 30
    steps: int = 100
    crop: int = 192
    batch: int = 8
    learning_rate: float = 3e-3
    average: float = 0.998
    seed: int = 0
    neighbours: int = 1

    @property
    def n_inputs(self) -> int:
        """Channels: a section, and as many before it as behind."""
        return 1 + 2 * self.neighbours


def neighbourhoods(stack: Stack, reach: int) -> np.ndarray:
    """Normalized sections before and behind each, float32 (sections, height, width, 2 reach).

    Beyond the ends of the stack its last section is taken.
    """
    images = np.stack([normalize(section) for section in stack.images])
    places = np.arange(len(images))
    offsets = [*range(-reach, 0), *range(1, reach + 1)]
    around = [images[np.clip(places + offset, 0, len(images) - 1)] for offset in offsets]
    return np.stack(around, -1) if around else np.zeros((*images.shape, 0), np.float32)


def _between(around: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Channels of a network: the sections before, the one itself, those behind."""
    reach = around.shape[-1] // 2
    return np.concatenate([around[..., :reach], image, around[..., reach:]], -1)


class Crops(tf.keras.utils.Sequence):
    """Crops of sections and their neighbours; they are warped and turned alike, and shaded each."""

    def __init__(self, stack: Stack, training: Training, epoch: int) -> None:
        assert stack.membrane is not None
        membrane = stack.membrane[..., np.newaxis].astype(np.float32)
        self.stack, self.training, self.epoch = stack, training, epoch
        self.planes = np.concatenate([membrane, neighbourhoods(stack, training.neighbours)], -1)

    def __len__(self) -> int:
        return self.training.steps

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Images (batch, crop, crop, channels) and membrane (batch, crop, crop, 1)."""
        rng = np.random.default_rng([self.training.seed, self.epoch, index])
        size, batch = self.training.crop, self.training.batch
        images, planes = sample_planes(
            self.stack, self.planes.__getitem__, size, batch, rng, augment=True
        )
        around = planes[..., 1:]
        for crop in around:
            for plane in range(crop.shape[-1]):
                crop[..., plane] = vary_intensity(crop[..., plane], rng, 1.0)
        return _between(around, images), planes[..., :1]


def compiled(shape: Shape, training: Training) -> tf.keras.Model:
    """The network at the size of crops, with random weights."""
    tf.keras.utils.set_random_seed(training.seed)
    size = Shape(shape.channels, training.crop, shape.up, shape.stride)
    model = unet(size, training.n_inputs)
    steps = training.epochs * training.steps
    rate = tf.keras.optimizers.schedules.CosineDecay(training.learning_rate, steps, alpha=0.01)
    loss = tf.keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(tf.keras.optimizers.Adam(rate), loss)
    model.optimizer.build(model.trainable_variables)
    return model


def train(stack: Stack, shape: Shape, training: Training, out: Path) -> tf.keras.Model:
    """Train, or go on, and keep the state after each epoch; the finished network, for tiles."""
    out.mkdir(parents=True, exist_ok=True)
    split = split_of(stack, training.crop, shape.tile)
    part, model = split.part(stack, "train"), compiled(shape, training)
    mean = MeanWeights(training.average, model.get_weights())
    history = _go_on(model, mean, training, out) if (out / STATE).exists() else []
    whole = unet(shape, training.n_inputs)
    for epoch in range(len(history), training.epochs):
        begun = time.perf_counter()
        fitted = model.fit(
            Crops(part, training, epoch), epochs=epoch + 1, initial_epoch=epoch, verbose=0,
            callbacks=[mean], shuffle=False,
        )  # fmt: skip
        whole.set_weights(mean.weights)
        row = {"epoch": epoch + 1, "loss": float(fitted.history["loss"][0])}
        row |= scores(whole, shape.tile, stack, split.validation)
        history.append(row | {"seconds": time.perf_counter() - begun})
        print(json.dumps(history[-1]), flush=True)
        _keep(model, mean, history, {"shape": asdict(shape), "training": asdict(training)}, out)
    whole.set_weights(mean.weights)
    return whole


def _keep(model: tf.keras.Model, mean: MeanWeights, history: list, asked: dict, out: Path) -> None:
    parts = {
        "weight": model.get_weights(),
        "optimizer": [variable.numpy() for variable in model.optimizer.variables],
        "mean": mean.weights,
    }
    arrays = {f"{name}/{n}": a for name, part in parts.items() for n, a in enumerate(part)}
    # The history first: one that is ahead of the state is cut when it goes on.
    write_json(out / HISTORY, asked | {"epochs": history})
    write_bytes(out / STATE, pack_arrays(arrays))


def _go_on(model: tf.keras.Model, mean: MeanWeights, training: Training, out: Path) -> list:
    arrays = unpack_arrays((out / STATE).read_bytes())
    model.set_weights([arrays[f"weight/{n}"] for n in range(len(model.weights))])
    for n, variable in enumerate(model.optimizer.variables):
        variable.assign(arrays[f"optimizer/{n}"])
    mean.weights = [arrays[f"mean/{n}"].copy() for n in range(len(model.weights))]
    mean.batches = int(model.optimizer.iterations)
    history: list = json.loads((out / HISTORY).read_text())["epochs"]
    return history[: mean.batches // training.steps]


def maps(
    model: tf.keras.Model, tile: int, stack: Stack, sections: Sequence[int], looks: int
) -> np.ndarray:
    """Probabilities of membrane, float32 (sections, height, width), means over orientations.

    Tiles overlap by half; what counts is the tile whose middle is nearest.
    """
    around = neighbourhoods(stack, model.input_shape[-1] // 2)
    found = np.zeros((len(sections), *stack.images.shape[1:]), np.float32)
    for place, section in enumerate(sections):
        image = normalize(stack.images[section])[..., np.newaxis]
        channels = _between(around[section], image)
        for orientation in orientations(looks):
            shown = np.ascontiguousarray(orientation.shown(channels))
            found[place] += orientation.brought_back(_map(model, tile, shown)) / looks
    return found


def _map(model: tf.keras.Model, tile: int, image: np.ndarray) -> np.ndarray:
    """Of one section, (height, width, channels)."""
    grid = tile_grid(image.shape[:2], tile, tile // 2)
    tiles = np.stack([image[y : y + tile, x : x + tile] for y, x in grid.origins])
    ramp = 1 - np.abs(np.linspace(-1, 1, tile, dtype=np.float32)) * np.float32(0.999)
    weight = np.minimum.outer(ramp, ramp)
    total, weights = (np.zeros(image.shape[:2], np.float32) for _ in range(2))
    for (y, x), logits in zip(grid.origins, model.predict(tiles, verbose=0, batch_size=8)):
        window = slice(y, y + tile), slice(x, x + tile)
        total[window] += weight * sigmoid(logits[..., 0])
        weights[window] += weight
    found: np.ndarray = total / weights
    return found


def scores(
    model: tf.keras.Model, tile: int, stack: Stack, sections: Sequence[int]
) -> dict[str, float]:
    """Of whole sections as they are, at the threshold best on them."""
    assert stack.membrane is not None
    probability, truth = maps(model, tile, stack, sections, 1), stack.membrane[list(sections)]
    threshold = best_threshold(truth, probability)
    found = pixel_scores(truth, probability > threshold)
    return {"accuracy": found.accuracy, "membrane_iou": found.membrane_iou}


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, and write the maps of all sections."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", metavar="PATH", required=True)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--channels", type=int, nargs="+", default=(16, 32, 64, 96))
    parser.add_argument("--tile", type=int, default=256)
    parser.add_argument("--network", type=Path, metavar="FILE", help="make its maps, train nothing")
    for name in ("epochs", "steps", "crop", "batch", "seed", "neighbours"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Training, name))
    options = parser.parse_args(arguments)
    stack = read_stack(options.data)
    shape = Shape(tuple(options.channels), options.tile, stride=2)
    training = Training(
        options.epochs, options.steps, options.crop, options.batch, seed=options.seed,
        neighbours=options.neighbours,
    )  # fmt: skip
    if options.network:
        model = tf.keras.models.load_model(options.network, compile=False)
    else:
        model = train(stack, shape, training, options.out)
        model.save(options.out / NETWORK)
    found = maps(model, model.input_shape[1], stack, range(stack.n_sections), 8)
    buffer = io.BytesIO()
    np.save(buffer, found)
    write_bytes(options.out / MAPS, buffer.getvalue())


if __name__ == "__main__":
    main()
