"""Padding of a section: a border, a corner or a void of one value, where there is no tissue.

Aligned sections are turned and moved, and what they do not cover is filled with a single value.
Percentiles, means and deviations over it say how much was filled, not how grey the tissue is.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

_LEAST_PIXELS = 32
_LEAST_SHARE = 1 / 512  # of a section
_LEAST_TISSUE = 1 / 50  # of a section or stack
_GRID = 4  # pixels between the places at which voids are looked for
_MOST_VALUES = 4


def padding_of(section: np.ndarray) -> np.ndarray | None:
    """Where a section (height, width) is padding, bool of its shape; None where there is none.

    Padding is a connected region of exactly one value that has at least 32 pixels and 1/512 of the
    section, and fills half of a side or the neighbourhood of a point inside. Tissue that is
    saturated here and there is none. A section that would be nearly all padding has none: it is
    blank, or drawn.
    """
    if section.dtype == bool or section.size < 2 * _LEAST_PIXELS:
        return None
    found = np.zeros(section.shape, bool)
    for value in _candidates(section):
        found |= _large_regions(section == value)
    n_padded = int(found.sum())
    if not n_padded or n_padded == section.size:
        return None
    tissue = section[~found]
    if tissue.size < _LEAST_TISSUE * section.size or tissue.min() == tissue.max():
        return None
    return found


def without_nan(section: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """A section whose padding is NaN with its smallest value there, and where that is.

    section : (height, width) of any type; left as it is where nothing is NaN.

    Padding is a connected region of NaN that touches a side, or has at least 32 pixels and 1/512 of
    the section; other NaN are kept. A section that is NaN all over is padding all over, and 0.
    """
    if section.dtype.kind != "f":
        return section, None
    missing = np.isnan(section)
    if not missing.any():
        return section, None
    if missing.all():
        return np.zeros_like(section), missing
    regions, _ = ndimage.label(missing)
    sides = (regions[0], regions[-1], regions[:, 0], regions[:, -1])
    large = _large_regions(missing)
    found = large | (np.isin(regions, np.unique(np.concatenate(sides))) & missing)
    if not found.any():
        return section, None
    return np.where(found, section[~missing].min(), section), found


def stack_padding(images: np.ndarray) -> list[np.ndarray | None]:
    """`padding_of` each section of (n_sections, height, width)."""
    return [padding_of(section) for section in images]


def _candidates(section: np.ndarray) -> list[float]:
    """Values that fill half of a side or of a corner, or are found flat inside."""
    counted: dict[float, int] = {}
    height, width = section.shape
    deep, wide = min(6, height), min(6, width)
    lines = [section[0], section[-1], section[:, 0], section[:, -1]]
    corners = [section[rows, columns].ravel()
               for rows in (slice(deep), slice(-deep, None))
               for columns in (slice(wide), slice(-wide, None))]  # fmt: skip
    for line in [*lines, *corners]:
        values, counts = np.unique(line, return_counts=True)
        most = int(counts.argmax())
        if 2 * counts[most] > line.size:
            counted[values[most].item()] = section.size  # before those from inside
    for value, count in _flat_values(section):
        counted.setdefault(value, count)
    ordered = sorted(counted, key=counted.__getitem__, reverse=True)
    return ordered[:_MOST_VALUES]


def _flat_values(section: np.ndarray) -> list[tuple[float, int]]:
    """Values at points of a grid that equal their neighbours on it and the points between."""
    points = section[::_GRID, ::_GRID]
    between = section[_GRID // 2 :: _GRID, _GRID // 2 :: _GRID]
    height, width = (
        min(points.shape[0] - 1, between.shape[0]),
        min(points.shape[1] - 1, between.shape[1]),
    )
    if height < 1 or width < 1:
        return []
    middle = between[:height, :width]
    flat = np.ones(middle.shape, bool)
    for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
        flat &= points[down : down + height, right : right + width] == middle
    values, counts = np.unique(middle[flat], return_counts=True)
    enough = counts * _GRID * _GRID >= max(_LEAST_PIXELS, _LEAST_SHARE * section.size)
    return [(value.item(), int(count)) for value, count in zip(values[enough], counts[enough])]


def _large_regions(equal: np.ndarray) -> np.ndarray:
    labels, n_regions = ndimage.label(equal)
    if not n_regions:
        return equal
    areas = np.bincount(labels.ravel())
    large = areas >= max(_LEAST_PIXELS, _LEAST_SHARE * equal.size)
    large[0] = False
    return large[labels]
