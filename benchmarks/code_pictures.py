"""Pictures of the neural codes for docs/codes.md: voltages of a few neurons in a real run.

    python -m benchmarks.code_pictures levels2-seed0 isbi2012 --out docs

A network of firing rates and one of levels, each on one tile of a section, built and run by
nengo-loihi; the voltages are those of its emulator.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import loihiseg.frameworks  # noqa: F401 (before nengo-loihi)

import numpy as np

from loihiseg.codes.ramp.code import RampCode
from loihiseg.codes.rate import RateCode
from loihiseg.codes.thermometer.code import ThermometerCode
from loihiseg.compilation.block_model import reference
from loihiseg.compilation.mapping import partition_layers
from loihiseg.compilation.source import build_network, read_network
from loihiseg.conversion.lowering import lower
from loihiseg.data.contrast import normalize
from loihiseg.data.readers import read_stack
from loihiseg.training import shipped
from partition.shapes.tiling import choose_block_shapes

TILE = 32
SECTION, ROW, COLUMN = 20, 240, 240
LAYER = "encode0_1_spikes"
UNIT = 2**13
"""Of the axis: voltages are shown in so many of the chip's integers."""


@dataclass(frozen=True)
class Run:
    """Voltages as they are compared with the threshold, and spikes, of one layer.

    (steps, rows, columns, neurons) each.
    """

    voltage: np.ndarray
    fired: np.ndarray
    threshold: np.ndarray


def run(source, code_of, image):
    """One tile through nengo-loihi's emulator, watched in `LAYER`."""
    network = lower(build_network(source, TILE).model).network
    code = code_of(network)
    neurons = code.neurons(network)
    shapes = choose_block_shapes(partition_layers(neurons)).shapes
    neurons = code.settled(neurons, shapes)
    shape = neurons.layer(LAYER).shape
    voltage, fired, before = [], [], 0
    with reference(neurons, shapes, code.synapse_s, 0) as presenter:
        places = presenter.deployable.places[LAYER]
        emulator, _ = presenter._begun(image, code.n_steps)
        for _ in range(code.n_steps):
            emulator.step()
            part = emulator.compartment
            kept = np.abs(before) * (4096 - part.decay_v[places]) // 4096 * np.sign(before)
            compared = kept + part.current[places] + part.bias[places]
            voltage.append(np.maximum(compared, part.vmin[places]).reshape(shape))
            before = part.voltage[places].astype(np.int64)
            fired.append(part.spiked[places].reshape(shape))
        threshold = part.vth[places].reshape(shape)
        emulator.close()
    return network, code, Run(np.array(voltage), np.array(fired), threshold)


def units_of(counts, wanted):
    """A neuron for each number of spikes, the nearest to the middle of the tile."""
    rows, columns = np.indices(counts.shape[:2])
    off = (rows - counts.shape[0] / 2) ** 2 + (columns - counts.shape[1] / 2) ** 2
    found = []
    for number in wanted:
        places = np.argwhere(counts == number)
        found.append(tuple(min(places, key=lambda at: off[at[0], at[1]])))
    return found


def draw(path, title, lines, n_steps, marked=(), *, deep=False, kept=True):
    """A panel for each neuron: its voltage over the steps, its threshold and its spikes.

    With ``deep`` what is far from 0 is drawn by its logarithm; ``kept`` says whether a voltage goes
    on from the step before.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(
        len(lines),
        1,
        sharex=True,
        sharey=True,
        figsize=(7.5, 1.25 * len(lines) + 0.9),
        layout="constrained",
    )
    steps = np.arange(1, n_steps + 1)
    for axis, (label, voltage, fired, threshold) in zip(axes, lines, strict=True):
        voltage, fired = voltage[:n_steps], fired[:n_steps]
        # A spike takes the voltage back to 0 in the same step.
        at = np.repeat(steps, 1 + fired)
        through = np.concatenate([[v, 0][: 1 + f] for v, f in zip(voltage, fired)])
        if kept:
            axis.plot(at, through / UNIT, color="tab:blue", lw=1)
        else:
            axis.vlines(steps, 0, voltage / UNIT, color="tab:blue", lw=1)
        axis.plot(steps, voltage / UNIT, color="tab:blue", marker=".", ms=4, lw=0)
        axis.axhline(threshold / UNIT, color="0.5", lw=0.8, ls="--")
        low = min(min(v.min() for _, v, _, _ in lines), 0) / UNIT
        high = max(max(v.max(), t) for _, v, _, t in lines) / UNIT
        span = max(high - low, 1e-9)
        if deep:
            axis.set_yscale("symlog", linthresh=2)
            axis.set_ylim(-300, 300)
            axis.set_yticks([-100, -10, 0, 10, 100])
        else:
            axis.set_ylim(low - 0.1 * span, high + 0.35 * span)
        for step in steps[fired]:
            axis.axvline(step, ymin=0.78, color="tab:red", lw=1.6)
        for first, last, color in marked:
            axis.axvspan(first - 0.5, last + 0.5, color=color, alpha=0.12, lw=0)
        axis.set_ylabel(label, fontsize=8)
        axis.tick_params(labelsize=7)
    axes[0].set_title(title, fontsize=9)
    axes[-1].set_xlabel("step", fontsize=8)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main():
    """Draw all three."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("levels", help="checkpoint of a network of two levels")
    parser.add_argument("data", help="folder of ISBI 2012")
    parser.add_argument("--out", type=Path, default=Path("docs"))
    options = parser.parse_args()
    section = normalize(read_stack(options.data).images[SECTION])
    image = section[ROW : ROW + TILE, COLUMN : COLUMN + TILE]
    levels = read_network(options.levels)

    rates = read_network(shipped.resolve("paper-isbi2012", None))
    _, code, found = run(rates, lambda network: RateCode(60, 24), image)
    counts = found.fired.sum(axis=0)
    most = int(np.percentile(counts[counts > 0], 95))
    units = units_of(counts, [0, max(most // 3, 1), most])
    lines = [
        (f"{counts[at]} spikes", found.voltage[:, *at], found.fired[:, *at], found.threshold[at])
        for at in units
    ]
    draw(options.out / "code-rate.png", "rate: the sum counts in spikes", lines, code.n_steps)

    _, code, found = run(
        levels, lambda network: ThermometerCode.of(network, input="held", one_scale=True), image
    )
    on = found.fired[-1].reshape(*found.fired.shape[1:3], -1, 2)
    row, column, channel = units_of(on.sum(axis=-1), [1])[0]
    lines = []
    for level in range(2):
        at = (row, column, 2 * channel + level)
        name = f"level {level + 1}"
        lines.append((name, found.voltage[:, *at], found.fired[:, *at], found.threshold[at]))
    title = "thermometer: a neuron for each level of one unit; nothing is kept from step to step"
    draw(options.out / "code-thermometer.png", title, lines, code.n_steps, kept=False)

    network, code, found = run(levels, RampCode.of, image)
    counts = found.fired.sum(axis=0)
    lines = [
        (f"{counts[at]} spikes", found.voltage[:, *at], found.fired[:, *at], found.threshold[at])
        for at in units_of(counts, [0, 1, 2])
    ]
    from loihiseg.codes.ramp.network import plan

    times = plan(network).times[LAYER]
    marked = [
        # What is sent is heard a step later.
        (times.hears + 1, times.released + 1, "tab:blue"),
        (*times.fires, "tab:red"),
    ]
    title = "ramp: set far below, wait for all input (blue), then a spike for each level (red)"
    draw(options.out / "code-ramp.png", title, lines, times.fires[1] + 3, marked, deep=True)


if __name__ == "__main__":
    main()
