"""Digits told apart by networks trained through time: normalizations, steps and seeds.

    python benchmarks/through_time_digits.py
    python benchmarks/through_time_digits.py --cases bntt shift --steps 8 --seeds 0 1 2
    python benchmarks/through_time_digits.py --table

The task of BNTT (arXiv 2010.01729) is to classify. Here three convolutions of 16, 32 and 32
channels, the last two of stride 2, tell the digits apart that come with scikit-learn (``pip install
scikit-learn``): 8 x 8 pixels, 1,297 for training, 500 for tests, as in `benchmarks/classes.py`.
Pixels are held at the input; the first layer integrates them without a leak, as the U-Nets' does;
ten numbers are read out of the mean of the last layer's spikes over T steps. One layer follows
another, so that a step of delay between them changes nothing but when the answer comes. Networks
are in floats and begin with random weights; "relu" is the same one without steps, normalized as
usual. Each training is a JSON file in ``benchmarks/through-time-digits``, not run again while that
is there.
"""

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

if __name__ == "__main__":
    # Python puts the script's folder first, where its modules would be found under other names.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from loihiseg.frameworks import tf

import numpy as np

from benchmarks.classes import N_CLASSES, N_TRAIN, digits
from benchmarks.kept_rows import grouped, keep, markdown, read_rows
from loihiseg.methods.bntt.exits import exit_step
from loihiseg.provenance import versions
from loihiseg.through_time.layers import MeanOverTime, Repeated, Spikes
from loihiseg.through_time.normalization import NormalizationOverTime
from loihiseg.through_time.settings import Dynamics, Normalization

FOLDER = Path(__file__).parent / "through-time-digits"

RELU = "relu"
NORMALIZATIONS: tuple[Normalization, ...] = ("bntt", "shift", "shared", "none")
CASES = (*NORMALIZATIONS, RELU)

CONVOLUTIONS = ((16, 1), (32, 2), (32, 2))
"""Channels and stride of each."""

SIDE, BATCH, LEARNING_RATE = 8, 64, 3e-3


@dataclass(frozen=True)
class Case:
    """A training.

    Attributes
    ----------
    name : str
        A normalization, or "relu".
    steps, seed, epochs : int
        1 step of a network that has none.
    """

    name: str
    steps: int
    seed: int
    epochs: int

    @property
    def file(self) -> str:
        """Of its row."""
        return f"{self.name}-T{self.steps}-{self.epochs}epochs-seed{self.seed}.json"


@dataclass(frozen=True)
class Row:
    """What a training came to on the test images.

    Attributes
    ----------
    case : Case
    accuracy : tuple of float
        Of answers after 1, 2, ... T steps of the last layer.
    events_per_mac : float
        Synaptic events of all steps over multiply-accumulates; 1 of a network without steps.
    exit_step : int
        Behind which all scales are small, see `loihiseg.methods.bntt.exits`; T where steps have
        no scales of their own.
    cpu_seconds : float
        Of all threads.
    versions : dict of str to str
    """

    case: Case
    accuracy: tuple[float, ...]
    events_per_mac: float
    exit_step: int
    cpu_seconds: float
    versions: dict[str, str]


def network(name: str, steps: int) -> tf.keras.Model:
    """A classifier, untrained: (n, 8, 8, 1) float32 to (n, 10) logits."""
    pixels = value = tf.keras.Input((SIDE, SIDE, 1), name="pixels")
    for number, (channels, stride) in enumerate(CONVOLUTIONS):
        convolve = tf.keras.layers.Conv2D(
            channels, 3, stride, padding="same", use_bias=False, name=f"conv{number}",
            kernel_initializer="he_normal",
        )  # fmt: skip
        value = convolve(value)
        if name == RELU:
            value = tf.keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-4)(value)
            value = tf.keras.layers.ReLU()(value)
        else:
            kind = next(one for one in NORMALIZATIONS if one == name)
            value = _spikes(value, kind, steps, number)
    if name != RELU:
        value = MeanOverTime(steps, name="mean")(value)
    value = tf.keras.layers.Dense(N_CLASSES, name="readout")(tf.keras.layers.Flatten()(value))
    return tf.keras.Model(pixels, value)


def _spikes(currents: object, kind: Normalization, steps: int, number: int) -> object:
    """Currents of a layer to its spikes of all steps; those of the first are the same in each."""
    neurons = Dynamics()
    if not number:
        first: Normalization = "none" if kind == "none" else "shared"
        currents = NormalizationOverTime(first, 1, name="norm0")(currents)
        currents = Repeated(steps, name="repeated")(currents)
        neurons = replace(neurons, decay=0)
    else:
        currents = NormalizationOverTime(kind, steps, name=f"norm{number}")(currents)
    return Spikes(steps, neurons, name=f"spikes{number}")(currents)


def by_look(model: tf.keras.Model, images: np.ndarray, steps: int) -> tuple[np.ndarray, float]:
    """Classes after each step, (steps, n), and events for each multiply-accumulate."""
    names = [f"spikes{number}" for number in range(len(CONVOLUTIONS))]
    inner = tf.keras.Model(model.inputs, [model.get_layer(name).output for name in names])
    *heard, last = (
        one.numpy().reshape(len(images), steps, *one.shape[1:])
        for one in inner(images, training=False)
    )
    so_far = last.cumsum(axis=1) / np.arange(1, steps + 1).reshape(1, -1, 1, 1, 1)
    readout = model.get_layer("readout")
    classes = [readout(one.reshape(len(images), -1)) for one in so_far.swapaxes(0, 1)]
    macs, events = 0.0, 0.0
    for spikes, (channels, stride) in zip(heard, CONVOLUTIONS[1:], strict=True):
        own = spikes[0, 0].size * channels * 9 / stride**2
        macs += own
        events += own * float(spikes.mean()) * steps
    return np.array([one.numpy().argmax(axis=-1) for one in classes]), events / macs


def trained(case: Case) -> Row:
    """Train and score."""
    images, labels = digits()
    learnt, tested = slice(0, N_TRAIN), slice(N_TRAIN, None)
    start = time.process_time()
    tf.keras.utils.set_random_seed(case.seed)
    model = network(case.name, case.steps)
    n_steps = case.epochs * -(-N_TRAIN // BATCH)
    rate = tf.keras.optimizers.schedules.CosineDecay(LEARNING_RATE, n_steps, alpha=0.01)
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(tf.keras.optimizers.Adam(rate), loss)
    model.fit(images[learnt], labels[learnt], batch_size=BATCH, epochs=case.epochs, verbose=0)
    if case.name == RELU:
        classes, events = model.predict(images[tested], verbose=0).argmax(axis=-1)[None], 1.0
    else:
        classes, events = by_look(model, images[tested], case.steps)
    accuracy = tuple(float(one) for one in (classes == labels[tested]).mean(axis=1))
    return Row(
        case, accuracy, events, _exit_step(model, case), time.process_time() - start, versions()
    )


def _exit_step(model: tf.keras.Model, case: Case) -> int:
    if case.name != "bntt":
        return case.steps
    layers = [model.get_layer(f"norm{number}") for number in range(1, len(CONVOLUTIONS))]
    return exit_step({layer.name: layer.gamma.numpy() for layer in layers})


def table(found: Iterable[Row]) -> str:
    """A row for each case over its seeds: the mean, and the lowest and the highest."""

    def alike(row: Row) -> tuple[str, int, int]:
        return row.case.name, row.case.steps, row.case.epochs

    head = (
        "| case | T | epochs | seeds | accuracy (range) | after the first step | a step before "
        "the last | steps by scales | events per MAC | CPU s |",
        "|---|---:|---:|---:|---|---:|---:|---:|---:|---:|",
    )
    lines = []
    for (name, steps, epochs), own in grouped(found, alike):
        last = [row.accuracy[-1] for row in own]
        looks = np.mean([row.accuracy for row in own], axis=0)
        cells = (
            name, str(steps) if name != RELU else "-", str(epochs), str(len(own)),
            f"{np.mean(last):.1%} ({min(last):.1%} to {max(last):.1%})",
            f"{looks[0]:.1%}" if steps > 1 else "-", f"{looks[-2]:.1%}" if steps > 1 else "-",
            f"{np.mean([row.exit_step for row in own]):.1f}" if name == "bntt" else "-",
            f"{np.mean([row.events_per_mac for row in own]):.2f}",
            f"{np.mean([row.cpu_seconds for row in own]):.0f}",
        )  # fmt: skip
        lines.append(cells)
    return markdown(head, lines)


def main(arguments: Sequence[str]) -> None:
    """Run what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=CASES)
    parser.add_argument("--steps", nargs="+", type=int, default=[4], metavar="T")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=20, help="of 21 batches of 64 images")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--table", action="store_true", help="run nothing")
    options = parser.parse_args(arguments)
    cases = [
        Case(name, 1 if name == RELU else steps, seed, options.epochs)
        for seed in options.seeds
        for steps in options.steps
        for name in options.cases
    ]
    for case in () if options.table else cases:
        keep(options.out / case.file, partial(trained, case))
    print(table(read_rows(options.out, Row)))


if __name__ == "__main__":
    main(sys.argv[1:])
