"""The course of a training as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from loihiseg.report.figures import figure
from partition.display.drawing import label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from loihiseg.training.state import Epoch

PICTURE_FILE = "training.png"


class _Line(TypedDict):
    """How a layer's line looks."""

    label: str
    color: str
    marker: str
    linestyle: str


def draw_history(history: "Sequence[Epoch]", path: Path) -> None:
    """Draw losses, scores and firing rates, or scales of levels, over epochs into a PNG file.

    Parameters
    ----------
    history : list of loihiseg.training.state.Epoch
    path : Path
    """
    epochs = [e.epoch for e in history]
    last = [e for e in history if e.phase == history[-1].phase]
    best = min(last, key=lambda e: e.validation_loss).epoch
    with figure(path, (13, 3.8), ncols=3) as (losses, scores, rates):
        losses.plot(epochs, [e.loss for e in history], ".-", label="training crops")
        losses.plot(epochs, [e.validation_loss for e in history], ".-", label="validation sections")
        losses.set(ylabel="cross-entropy", title="loss")
        scores.plot(epochs, [e.accuracy for e in history], ".-", label="pixel accuracy")
        scores.plot(epochs, [e.membrane_iou for e in history], ".-", label="membrane IoU")
        scores.set(ylabel="score", title="validation sections", ylim=(None, 1))
        if history[-1].levels:
            _draw_levels(rates, history)
        elif history[-1].rates:
            _draw_rates(rates, history)
        for axes in (losses, scores, rates):
            axes.axvline(best, color="0.6", linestyle=":", zorder=0)
            axes.set_xlabel("epoch")
            axes.xaxis.get_major_locator().set_params(integer=True)
        losses.legend()
        scores.legend()
        if rates.lines[1:]:
            rates.legend(fontsize=6, ncols=2)


def _draw_rates(axes: "Axes", history: "Sequence[Epoch]") -> None:
    for index, layer in enumerate(history[-1].rates):
        values = [(e.epoch, e.rates[index].percentile_hz) for e in history if e.rates]
        axes.plot(*zip(*values), **_line(index, layer.layer))
    last = history[-1].rates[0]
    axes.axhspan(last.low_hz, last.high_hz, color="0.9", zorder=0)
    axes.set(ylabel="Hz", title=f"firing rate, {last.percentile:g}th percentile", ylim=(0, None))


def _draw_levels(axes: "Axes", history: "Sequence[Epoch]") -> None:
    for index, layer in enumerate(history[-1].levels):
        values = [(e.epoch, e.levels[index].scale) for e in history if e.levels]
        axes.plot(*zip(*values), **_line(index, layer.layer))
    axes.set(ylabel="value of the highest level", title="scale", ylim=(0, None))


def _line(index: int, name: str) -> _Line:
    return {
        "label": label(name.removesuffix("_spikes")),
        "color": f"C{index % 10}",
        "marker": ".",
        "linestyle": ("-", "--")[index // 10 % 2],
    }
