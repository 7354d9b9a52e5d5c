"""Labels of whatever kind as one: membrane or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from skimage.segmentation import find_boundaries

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

    Raises InputError.
    """

    threshold: float | None = None
    boundary_width: int = 2

    def __post_init__(self) -> None:
        if self.threshold is not None and not np.isfinite(self.threshold):
            raise InputError(f"label threshold {self.threshold}, expected a finite number")
        if not 2 <= self.boundary_width <= 64 or self.boundary_width % 2:
            raise InputError(
                f"boundaries of {self.boundary_width} pixels, expected an even number from 2 to 64"
            )


def read_membrane(
    labels: np.ndarray,
    source: str,
    label_polarity: LabelPolarity = "auto",
    options: LabelOptions = LabelOptions(),
) -> tuple[np.ndarray, str, tuple[bool, ...] | None]:
    """Membrane, a sentence on how the labels were read, and which sections are labelled.

    labels : (n_sections, height, width) numbers. Two values are membrane and cell. With "auto"
        the lower is membrane, as in the ISBI 2012 challenge (0 = membrane, 255 = cell), unless it
        covers more than 60 % of the pixels: membrane is the minority class, so the labels are
        then taken to be inverted. Near one half the rule says little, and a warning says so.
        Two integers of 16 bits or more that are no usual marks (0, 1, 2, 255 ...) are instances.
        "cell-bright" and "membrane-bright" fix the reading. More than two integers of 16 bits or
        more, or signed, are instances (CREMI, SNEMI3D): their boundaries are membrane, see
        `boundaries`, and so is 0.
    source : named in errors and warnings.

    A section whose labels have a single value is not labelled: it counts for nothing, its
    membrane is False, and a warning names it. Returns None instead where all sections are.
    Raises InputError for other numbers of values.
    """
    if label_polarity not in ("auto", "cell-bright", "membrane-bright"):
        raise InputError(
            f"label polarity {label_polarity!r} is unknown, expected 'auto', 'cell-bright' or "
            "'membrane-bright'"
        )
    whose = ""
    if options.threshold is not None:
        labels = labels > options.threshold
        whose = f"labels above {options.threshold:g} are True; "
    labelled = np.array([section.min() != section.max() for section in labels])
    if not labelled.any():
        _refuse_values(np.unique(labels), source)
    if not labelled.all():
        _warn_unlabelled(labelled, source)
    values = np.unique(labels[labelled])
    if len(values) == 2 and not (label_polarity == "auto" and _are_two_ids(values)):
        read, sentence = _two_values(labels, labelled, source, label_polarity)
    elif len(values) == 2 or _are_instances(values, labels[labelled]):
        read, sentence = _instances(labels, labelled, values, options.boundary_width)
    else:
        _refuse_values(values, source)
    read[~labelled] = False
    every = bool(labelled.all())
    share = read.mean() if every else read[labelled].mean()
    whole = "pixels" if every else f"pixels of the {labelled.sum()} labelled sections"
    sentence = f"{whose}{sentence} (membrane {100 * share:.1f} % of {whole})"
    return read, sentence, None if every else tuple(labelled.tolist())


def boundaries(instances: np.ndarray, width: int = 2) -> np.ndarray:
    """Membrane between the instances of one section, bool.

    instances : (height, width) integers; 0 is no instance and membrane itself.
    width : pixels across a boundary, even: 2 is the pixels on both sides.
    """
    edge = find_boundaries(instances, connectivity=2, mode="thick")
    if width > 2:
        from scipy.ndimage import binary_dilation

        edge = binary_dilation(edge, iterations=width // 2 - 1)
    return edge | (instances == 0)


def _two_values(
    labels: np.ndarray, labelled: np.ndarray, source: str, label_polarity: LabelPolarity
) -> tuple[np.ndarray, str]:
    known = labels if labelled.all() else labels[labelled]
    dark, bright = known.min(), known.max()
    is_dark = np.asarray(labels == dark)
    share = float(is_dark.mean() if labelled.all() else is_dark[labelled].mean())
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


def _are_two_ids(values: np.ndarray) -> bool:
    """Whether two values are ids of cells, as in a small part of a volume, and no marks."""
    if values.dtype.kind not in "iu" or values.dtype.itemsize == 1:
        return False
    marks = {1, 2, 127, 128, 254, 255, 256, 32767, 32768, 65535, 2**31 - 1, 2**32 - 1}
    low, high = (int(value) for value in values)
    return low > 0 and not {low, high} <= marks


def _are_instances(values: np.ndarray, labels: np.ndarray) -> bool:
    """Whether so many values are ids: integers, not in bytes, and no soft edge between two."""
    if values.dtype.kind not in "iu" or values.dtype.itemsize == 1:
        return False
    n_extreme = np.count_nonzero(labels == values[0]) + np.count_nonzero(labels == values[-1])
    return bool(n_extreme <= labels.size / 2)


def _instances(
    labels: np.ndarray, labelled: np.ndarray, values: np.ndarray, width: int
) -> tuple[np.ndarray, str]:
    membrane = np.zeros(labels.shape, bool)
    for position in np.flatnonzero(labelled):
        membrane[position] = boundaries(labels[position], width)
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
