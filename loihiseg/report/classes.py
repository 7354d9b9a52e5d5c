"""Tables and pictures of networks that tell classes apart."""

from pathlib import Path

import numpy as np

from loihiseg.codes.shown import share
from loihiseg.report.figures import figure
from loihiseg.report.tables import Table
from loihiseg.results import ClassRow, Network, Results

MOST_ROWS = 30
"""Classes that are listed one by one."""


def classes_table(results: Results) -> Table | None:
    """Scores of every network, so that the one that loses accuracy is seen; None without classes.

    Without labels, how far the spikes agree with the network that they stand for.
    """
    found = results.classes
    if found is None:
        return None
    each = "image" if found.task.per_image else "pixel"
    note = f"{results.scored_note} An image is one tile; {share(results.agreement, 3)} of all "
    note += f"{each}s are called by the spikes as by the network with 8-bit weights."
    if all(row.scores is None for row in found.rows):
        rows = tuple((row.name, f"{sum(row.counts):,}") for row in found.rows)
        return Table("Classes", ("network", f"{each}s"), rows, note)
    header = ("network", "scored on", "accuracy", "most frequent", "mean IoU")
    return Table("Classes", header, tuple(_cells(row, each) for row in found.rows), note)


def _cells(row: ClassRow, each: str) -> tuple[str, ...]:
    one = row.scores
    if one is None:
        return row.name, "-", "-", "-", "-"
    scored = f"{one.n_labels:,} {each}s"
    return (
        row.name, scored, f"{one.accuracy:.2%}", f"{one.most_frequent:.2%}", f"{one.mean_iou:.3f}",
    )  # fmt: skip


def by_class_table(results: Results) -> Table | None:
    """How often each class was called, and its IoU; None without classes."""
    found = results.classes
    if found is None:
        return None
    shown = [row for row in found.rows if row.network is not Network.TRAINED]
    trained = found.row(Network.TRAINED)
    shown = ([trained] if trained else []) + shown
    header = ["class"]
    for row in shown:
        header.append(f"{row.name},\ncalled")
        header += [f"{row.name},\nIoU"] * (row.scores is not None)
    rows = []
    for number in range(min(found.task.n_classes, MOST_ROWS)):
        cells = [str(number)]
        for row in shown:
            cells.append(f"{row.counts[number]:,}")
            if row.scores is not None:
                iou = row.scores.iou[number]
                cells.append("-" if iou is None else f"{iou:.3f}")
        rows.append(tuple(cells))
    more = found.task.n_classes - len(rows)
    note = f"{more} more are in metrics.json." if more else ""
    return Table("By class", tuple(header), tuple(rows), note)


def draw_confusion(results: Results, path: Path) -> bool:
    """Draw which classes the spikes called, by label; False, and nothing, where none is known."""
    row = None if results.classes is None else results.classes.row(Network.EMULATED)
    if row is None or row.scores is None or not row.scores.confusion:
        return False
    counts = np.array(row.scores.confusion, float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    with figure(path, (5.0, 4.6), nrows=1, ncols=1, squeeze=False) as axes:
        axis = axes[0, 0]
        drawn = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
        axis.figure.colorbar(drawn, ax=axis, label="share of the label")
        axis.set(xlabel="called on chip", ylabel="label")
        if len(counts) <= MOST_ROWS:
            axis.set(xticks=range(len(counts)), yticks=range(len(counts)))
        axis.tick_params(labelsize=8)
    return True
