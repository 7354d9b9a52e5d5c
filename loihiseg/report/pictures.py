"""What a deployment saw and said, as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from loihiseg.report.figures import figure
from loihiseg.results import LayerRates
from partition.display.drawing import label

MAX_ROWS = 4
"""Rows of the picture; more would make them too small to look at."""

# Missed membrane, false membrane: told apart by people who do not see red and green apart.
_MISSED, _FALSE = (0.84, 0.37, 0.0), (0.0, 0.45, 0.70)
_IGNORED = (0.94, 0.89, 0.26)
_FOUND = 0.35
"""Grey of membrane that was found."""


class Answers(Protocol):
    """What a network and the chip said of sections, or of tiles; a deployment has it.

    Attributes
    ----------
    raw : numpy.ndarray
        (n, rows, columns) images.
    trained, spiking : numpy.ndarray
        (n, rows, columns) probability of membrane.
    membrane : numpy.ndarray or None
        (n, rows, columns) bool, the truth where there is one.
    known : numpy.ndarray or None
        (n, rows, columns) bool, which pixels count; None where all do.
    titles : tuple of str
        What each of them is.
    threshold : float
        Probability above which a pixel is called membrane.
    """

    @property
    def raw(self) -> np.ndarray: ...
    @property
    def trained(self) -> np.ndarray: ...
    @property
    def spiking(self) -> np.ndarray: ...
    @property
    def membrane(self) -> np.ndarray | None: ...
    @property
    def known(self) -> np.ndarray | None: ...
    @property
    def titles(self) -> tuple[str, ...]: ...
    @property
    def threshold(self) -> float: ...


def draw_answers(answers: Answers, path: Path) -> None:
    """Draw section, truth, both answers and where they are wrong or disagree.

    Parameters
    ----------
    answers : Answers
        Without truth, there is none in the picture.
    path : Path
    """
    count = min(len(answers.raw), MAX_ROWS)
    truth = answers.membrane
    titles = ["section", "trained network", "on chip", "disagreement"]
    if truth is not None:
        titles = [titles[0], "truth", *titles[1:3], "on chip: errors", titles[3]]
    size = (2.3 * len(titles), 2.4 * count)
    with figure(path, size, nrows=count, ncols=len(titles), squeeze=False) as axes:
        for row in range(count):
            panels = panels_of(answers, row)
            for column, title in enumerate(titles):
                axis, panel = axes[row, column], panels[title]
                # Sections have values of their own, errors are colours.
                own = title == "section" or panel.ndim == 3
                limits = {} if own else {"vmin": 0, "vmax": 1}
                axis.imshow(panel, cmap="gray", interpolation="nearest", **limits)
                axis.set(xticks=[], yticks=[])
                if row == 0:
                    axis.set_title(title, fontsize=10)
            axes[row, 0].set_ylabel(label(answers.titles[row]), fontsize=8)
        note = "dark is membrane; disagreement: black"
        if truth is not None:
            note = "dark is membrane; errors: orange missed, blue invented; disagreement: black"
        if answers.known is not None:
            note += "; yellow counts for nothing"
        axes[0, 0].figure.supxlabel(note, fontsize=9)


def panels_of(answers: Answers, row: int) -> dict[str, np.ndarray]:
    """Images of a section or tile by what they are.

    Parameters
    ----------
    answers : Answers
    row : int
        Which of them.

    Returns
    -------
    dict of str to numpy.ndarray
        (rows, columns) in values of their own or from 0 (dark, membrane) to 1; (rows, columns, 3)
        from 0 to 1 in colours.
    """
    threshold = answers.threshold
    trained, spiking = answers.trained[row], answers.spiking[row]
    ours, theirs = spiking > threshold, trained > threshold
    panels = {
        "section": answers.raw[row],
        "trained network": 1 - trained,
        "on chip": 1 - spiking,
        "disagreement": ours == theirs,
    }
    if answers.membrane is not None:
        truth = answers.membrane[row]
        panels |= {"truth": ~truth, "on chip: errors": _errors(truth, ours)}
    if answers.known is not None:
        for name in panels.keys() & {"truth", "on chip: errors", "disagreement"}:
            panels[name] = _hidden(panels[name], answers.known[row])
    return panels


def meanings(name: str) -> tuple[tuple[tuple[float, float, float], str], ...]:
    """What the colours of a panel mean.

    Parameters
    ----------
    name : str
        Of a panel of `panels_of`.

    Returns
    -------
    tuple of ((red, green, blue), str)
        From 0 to 1; empty of what is grey, where a value means itself.
    """
    black, white = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    ignored = (_IGNORED, "counts for nothing")
    if name == "truth":
        return (black, "membrane"), (white, "cell"), ignored
    if name == "disagreement":
        return (black, "called differently"), (white, "called alike"), ignored
    if name == "on chip: errors":
        right = ((_FOUND,) * 3, "membrane, found"), (white, "cell, right")
        return (_MISSED, "membrane, missed"), (_FALSE, "membrane, invented"), *right, ignored
    return ()


def _hidden(panel: np.ndarray, known: np.ndarray) -> np.ndarray:
    """A panel, grey or in colours, as one in colours; pixels that do not count are yellow."""
    picture = panel * 1.0 if panel.ndim == 3 else np.repeat(panel[..., None] * 1.0, 3, axis=2)
    picture[~known] = _IGNORED
    return picture


def _errors(truth: np.ndarray, answer: np.ndarray) -> np.ndarray:
    picture = np.where(truth[..., None], _FOUND, 1.0) * np.ones(3)
    picture[truth & ~answer] = _MISSED
    picture[~truth & answer] = _FALSE
    return picture


def draw_rates(rates: Sequence[LayerRates], path: Path, binary: bool = False) -> None:
    """Draw a histogram of firing rates for each layer.

    Parameters
    ----------
    rates : sequence of LayerRates
    path : Path
    binary : bool
        The rates are those of neurons that are on or off, which should lie in no range.
    """
    columns = min(len(rates), 4)
    rows = -(-len(rates) // columns)
    with figure(
        path, (3.2 * columns, 2.2 * rows), nrows=rows, ncols=columns, squeeze=False
    ) as axes:
        for axis, layer in zip(axes.flat, rates):
            edges = np.array(layer.histogram_edges_hz)
            counts = np.array(layer.histogram_counts, float)
            width = np.diff(edges)[0]
            name = label(layer.layer.removesuffix("_spikes"))
            in_range, silent = layer.share_in_range_of_active, layer.silent_share
            axis.bar(edges[:-1][: len(counts)] + width / 2, counts / counts.sum(), width)
            if binary:
                axis.set_xlim(0, 1000)
                axis.set_title(f"{name}: {silent:.0%} never on", fontsize=8)
            else:
                axis.axvspan(layer.low_hz, layer.high_hz, color="0.9", zorder=0)
                axis.set_xlim(0, max(300.0, layer.percentile_hz * 1.1))
                axis.set_title(f"{name}: {in_range:.0%} in range, {silent:.0%} silent", fontsize=8)
            axis.tick_params(labelsize=7)
        for axis in list(axes.flat)[len(rates) :]:
            axis.set_visible(False)
        figure_of = axes[0, 0].figure
        meaning = (
            f"{rates[0].percentile:g}th percentile of each neuron's firing rate over the tiles, Hz"
        )
        if binary:
            meaning = "mean of each neuron over the tiles, Hz; 1000 is on in all"
        figure_of.supxlabel(meaning, fontsize=9)
        figure_of.supylabel("share of neurons", fontsize=9)
