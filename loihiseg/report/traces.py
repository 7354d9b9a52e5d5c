"""Voltages of a few neurons while an image is shown, as a picture."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from loihiseg.report.figures import figure_into
from partition.display.drawing import label
from partition.display.messages import how_many

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from loihiseg.emulator.traces import Trace

MOST_LINEAR = 50.0
"""Thresholds between the lowest voltage and 0: of more the axis is logarithmic far from 0."""

VOLTAGE, SPIKE, THRESHOLD = "tab:blue", "tab:red", "0.5"
"""Colours."""


def draw_trace(found: "Trace", units: Sequence[tuple[int, int, int]], title: str = "") -> bytes:
    """The PNG of a panel for each neuron: voltage, dashed the threshold, red every spike.

    Parameters
    ----------
    found : Trace
        Of one layer.
    units : sequence of (int, int, int)
        Row, column and neuron of each.
    title : str
    """
    buffer, size = io.BytesIO(), (7.5, 1.3 * len(units) + 0.9)
    with figure_into(buffer, size, nrows=len(units), squeeze=False) as axes:
        for axis, unit in zip(axes[:, 0], units, strict=True):
            _draw(axis, found, unit)
        axes[0, 0].set_title(label(title), fontsize=10)
        axes[-1, 0].set_xlabel("step", fontsize=8)
        axes[0, 0].figure.supylabel("voltage, thresholds", fontsize=8)
    return buffer.getvalue()


def _draw(axis: "Axes", found: "Trace", unit: tuple[int, int, int]) -> None:
    row, column, neuron = unit
    threshold = float(found.threshold[row, column, neuron])
    voltage = found.voltage[:, row, column, neuron] / threshold
    fired = found.fired[:, row, column, neuron]
    steps = np.arange(1, len(voltage) + 1)
    if found.forgets:
        axis.vlines(steps, 0, voltage, color=VOLTAGE, lw=1)
    else:
        # A spike takes the voltage back to 0 in the same step.
        at = np.repeat(steps, 1 + fired)
        through = np.concatenate([[v, 0.0][: 1 + int(f)] for v, f in zip(voltage, fired)])
        axis.plot(at, through, color=VOLTAGE, lw=1)
    axis.plot(steps, voltage, color=VOLTAGE, marker=".", ms=4, lw=0)
    axis.axhline(1.0, color=THRESHOLD, lw=0.8, ls="--")
    for step in steps[fired]:
        axis.axvline(step, ymin=0.82, color=SPIKE, lw=1.8)
    if voltage.min() < -MOST_LINEAR:
        axis.set_yscale("symlog", linthresh=2)
        axis.set_ylim(3 * voltage.min(), 100 * max(voltage.max(), 1.0))
        far = 10.0 ** np.floor(np.log10(-voltage.min()))
        axis.set_yticks([-far, -np.sqrt(far), 1], minor=False)
        axis.set_yticks([], minor=True)
        axis.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    else:
        low, high = min(voltage.min(), 0.0), max(voltage.max(), 1.0)
        axis.set_ylim(low - 0.1 * (high - low), high + 0.35 * (high - low))
    axis.set_xlim(0.5, len(voltage) + 0.5)
    axis.set_ylabel(how_many(int(fired.sum()), "spike"), fontsize=8)
    axis.tick_params(labelsize=7)
