"""Labels of whatever kind as one: membrane or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import Literal

import numpy as np

from loihiseg.data.ignored import ignored_labels, known_of
from loihiseg.data.instances import are_instances, are_two_ids, boundaries, without_cell
from loihiseg.data.warn import warn
from loihiseg.errors import InputError

LabelPolarity = Literal["auto", "cell-bright", "membrane-bright"]

# Between these shares of the lower value, which of two values is rarer says little.
_NEAR_HALF = (0.4, 0.6)


@dataclass(frozen=True)
class LabelOptions:
    """How labels are read that are neither two values nor plain instances.

    threshold : labels above it are the higher of two values, others the lower: for masks with soft
        edges, or saved as JPEG. None for labels as they are.
    boundary_width : pixels across the membrane between two instances, even.
    ignore : labels of this value say nothing: their pixels count for nothing. May be NaN.

    Raises InputError.
    """

    threshold: float | None = None
    boundary_width: int = 2
    ignore: float | None = None

    def __post_init__(self) -> None:
        if self.threshold is not None and not np.isfinite(self.threshold):
            raise InputError(f"label threshold {self.threshold}, expected a finite number")
        if not 2 <= self.boundary_width <= 64 or self.boundary_width % 2:
            raise InputError(
                f"boundaries of {self.boundary_width} pixels, expected an even number from 2 to 64"
            )


@dataclass(frozen=True, eq=False)
class Reading:
    """What labels came to.

    membrane : (n_sections, height, width) bool; False where labels are ignored or missing.
    sentence : how they were read.
    labelled : of each section whether its labels say anything; None where all do.
    known : bool, the same shape, False for pixels that count for nothing; None where all count.
    """

    membrane: np.ndarray
    sentence: str
    labelled: tuple[bool, ...] | None
    known: np.ndarray | None


def read_membrane(
    labels: np.ndarray,
    source: str,
    label_polarity: LabelPolarity = "auto",
    options: LabelOptions = LabelOptions(),
    padding: np.ndarray | None = None,
) -> Reading:
    """Labels as membrane.

    labels : (n_sections, height, width) numbers. Two values are membrane and cell. With "auto"
        the lower is membrane, as in the ISBI 2012 challenge (0 = membrane, 255 = cell), unless it
        covers more than 60 % of the pixels: membrane is the minority class, so the labels are
        then taken to be inverted. Near one half the rule says little, and a warning says so.
        Two integers of 16 bits or more that are no usual marks (0, 1, 2, 255 ...) are instances.
        "cell-bright" and "membrane-bright" fix the reading. More than two integers of 16 bits or
        more, or signed, are instances (CREMI, SNEMI3D): their boundaries are membrane, see
        `boundaries`, and so is 0; ids that say that they are no cell are ignored.
    source : named in errors and warnings.
    padding : bool, the same shape, where the images show no tissue and labels count for nothing.

    A section whose labels have a single value where they count is not labelled: it counts for
    nothing, its membrane is False, and a warning names it.
    Raises InputError for other numbers of values.
    """
    if label_polarity not in ("auto", "cell-bright", "membrane-bright"):
        raise InputError(
            f"label polarity {label_polarity!r} is unknown, expected 'auto', 'cell-bright' or "
            "'membrane-bright'"
        )
    whose = ""
    ignored = _ignored(labels, source, options)
    known = known_of(ignored, padding)
    if options.threshold is not None:
        labels = labels > options.threshold
        whose = f"labels above {options.threshold:g} are True; "
    labelled = np.array([_says_anything(*one) for one in _sections(labels, known)])
    if not labelled.any():
        _refuse_values(np.unique(_counted(labels, known)), source)
    if not labelled.all():
        _warn_unlabelled(labelled, source)
    counted = _counted(labels, known, labelled)
    values = np.unique(counted)
    if len(values) == 2 and not (label_polarity == "auto" and are_two_ids(values)):
        read, sentence = _two_values(labels, counted, values, source, label_polarity)
    elif len(values) == 2 or are_instances(values, counted):
        read, sentence = _instances(labels, labelled, values, options.boundary_width, ignored)
    else:
        _refuse_values(values, source)
    read[~labelled] = False
    if ignored is not None:
        read[ignored] = False
    every = bool(labelled.all())
    share = _counted(read, known, labelled).mean()
    whole = "pixels" if every else f"pixels of the {labelled.sum()} labelled sections"
    sentence = f"{whose}{sentence} (membrane {100 * share:.1f} % of {whole})"
    return Reading(read, sentence, None if every else tuple(labelled.tolist()), known)


def _ignored(labels: np.ndarray, source: str, options: LabelOptions) -> np.ndarray | None:
    """Labels that say nothing, by what was asked for or by what they are."""
    asked = ignored_labels(labels, options.ignore, source)
    own = None if options.threshold is not None else without_cell(labels)
    if own is None:
        return asked
    listed = ", ".join(str(value) for value in np.unique(labels[own])[:4])
    warn(f"{source}: ids {listed} are no cells: {100 * own.mean():.1f} % of the labels are ignored")
    return own if asked is None else own | asked


def _sections(
    labels: np.ndarray, known: np.ndarray | None
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    return zip(labels, repeat(None) if known is None else known)


def _says_anything(section: np.ndarray, known: np.ndarray | None) -> bool:
    counted = section if known is None else section[known]
    return bool(counted.size and counted.min() != counted.max())


def _counted(
    labels: np.ndarray, known: np.ndarray | None, labelled: np.ndarray | None = None
) -> np.ndarray:
    """Labels that count, of the sections that are labelled; any shape."""
    if labelled is not None and not labelled.all():
        labels, known = labels[labelled], None if known is None else known[labelled]
    return labels if known is None else labels[known]


def _two_values(
    labels: np.ndarray,
    counted: np.ndarray,
    values: np.ndarray,
    source: str,
    label_polarity: LabelPolarity,
) -> tuple[np.ndarray, str]:
    dark, bright = values
    is_dark = np.asarray(labels == dark)
    share = float((counted == dark).mean())
    if label_polarity == "auto":
        inverted = share > _NEAR_HALF[1]
        why = " (taken as inverted: membrane is the minority)" if inverted else ""
        if _NEAR_HALF[0] < share <= _NEAR_HALF[1]:
            warn(
                f"{source}: {dark} covers {100 * share:.1f} % of the labels, too near one half to "
                f"tell membrane from cell; {dark} is taken as membrane: say which is, by the "
                "polarity of the labels"
            )
    else:
        inverted, why = label_polarity == "membrane-bright", " (as requested)"
    membrane = np.ascontiguousarray(~is_dark if inverted else is_dark)
    cell_value, membrane_value = (dark, bright) if inverted else (bright, dark)
    return membrane, f"labels: {cell_value} = cell, {membrane_value} = membrane{why}"


def _instances(
    labels: np.ndarray,
    labelled: np.ndarray,
    values: np.ndarray,
    width: int,
    ignored: np.ndarray | None,
) -> tuple[np.ndarray, str]:
    membrane = np.zeros(labels.shape, bool)
    for position in np.flatnonzero(labelled):
        missing = None if ignored is None else ignored[position]
        membrane[position] = boundaries(labels[position], width, missing)
    n_instances = np.count_nonzero(values)
    zero = " and 0" if n_instances < len(values) else ""
    return membrane, (
        f"labels: {n_instances:,} instances, their boundaries of {width} pixels{zero} = membrane"
    )


def _warn_unlabelled(labelled: np.ndarray, source: str) -> None:
    without = [int(position) for position in np.flatnonzero(~labelled)]
    listed = ", ".join(map(str, without[:12])) + (", ..." if len(without) > 12 else "")
    warn(
        f"{source}: the labels of section{'s' * (len(without) > 1)} {listed} have one value: "
        f"{len(without)} of {len(labelled)} sections count as not labelled"
    )


def _refuse_values(values: np.ndarray, source: str) -> None:
    listed = ", ".join(str(value) for value in values[:8])
    listed += ", ..." if len(values) > 8 else ""
    raise InputError(
        f"{source}: labels have {len(values)} value{'s' * (len(values) != 1)} ({listed}), "
        "expected exactly two, membrane and cell, or ids of cells as integers of 16 bits or more; "
        "reduce them to two values, or give a label threshold for a mask with soft edges"
    )
