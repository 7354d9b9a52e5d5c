"""Padding of a section: a border, a corner or a void of one value, where there is no tissue.

Aligned sections are turned and moved, and what they do not cover is filled with a single value.
Percentiles, means and deviations over it say how much was filled, not how grey the tissue is.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import scipy  # scipy.ndimage loads when it is first used

_LEAST_PIXELS = 32
_LEAST_SHARE = 1 / 512  # of a section
_LEAST_TISSUE = 1 / 50  # of a section or stack
GRID = 4  # pixels between the places at which voids are looked for
CORNER = 6  # pixels along each side of one
_MOST_VALUES = 4


def padding_of(section: np.ndarray) -> np.ndarray | None:
    """Where a section (height, width) is padding, bool of its shape; None where there is none.

    Padding is a connected region of exactly one value that has at least 32 pixels and 1/512 of the
    section, and fills half of a side or the neighbourhood of a point inside. Tissue that is
    saturated here and there is none. A section that would be nearly all padding has none: it is
    blank, or drawn.
    """
    if not may_be_padded(section.size, section.dtype):
        return None
    found = np.zeros(section.shape, bool)
    for value in _candidates(section):
        found |= _large_regions(section == value)
    if not is_padding(int(found.sum()), section.size):
        return None
    tissue = section[~found]
    return None if tissue.min() == tissue.max() else found


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
    regions, _ = scipy.ndimage.label(missing)
    sides = (regions[0], regions[-1], regions[:, 0], regions[:, -1])
    large = _large_regions(missing)
    found = large | (np.isin(regions, np.unique(np.concatenate(sides))) & missing)
    if not found.any():
        return section, None
    return np.where(found, section[~missing].min(), section), found


def stack_padding(images: np.ndarray) -> list[np.ndarray | None]:
    """`padding_of` each section of (n_sections, height, width)."""
    return [padding_of(section) for section in images]


def may_be_padded(n_pixels: int, dtype: np.dtype) -> bool:
    """Whether a section of so many pixels can have padding at all."""
    return dtype.kind != "b" and n_pixels >= 2 * _LEAST_PIXELS


def is_padding(n_padded: int, n_pixels: int) -> bool:
    """Whether so many pixels of a section may be padding: some, and not nearly all."""
    return 0 < n_padded < n_pixels and n_pixels - n_padded >= _LEAST_TISSUE * n_pixels


def least_region(n_pixels: int) -> float:
    """Pixels that a region of padding has at least, in a section of so many."""
    return max(_LEAST_PIXELS, _LEAST_SHARE * n_pixels)


def _candidates(section: np.ndarray) -> list[float]:
    """Values that fill half of a side or of a corner, or are found flat inside."""
    wide = min(CORNER, section.shape[1])
    sides = section[:, :wide], section[:, -wide:]
    points = section[::GRID, ::GRID]
    between = section[GRID // 2 :: GRID, GRID // 2 :: GRID]
    flat = np.unique(flat_values(points, between), return_counts=True)
    counted = {value.item(): int(count) for value, count in zip(*flat)}
    return candidates(section[0], section[-1], sides, counted, section.size)


def candidates(
    first: np.ndarray,
    last: np.ndarray,
    sides: tuple[np.ndarray, np.ndarray],
    flat: Mapping[float, int],
    n_pixels: int,
) -> list[float]:
    """Values that may be padding, at most four, those with most to be said for first.

    first, last : rows of a section.
    sides : its first and last columns, (height, `CORNER` or the width).
    flat : how often each value was found by `flat_values`.
    n_pixels : of the section.
    """
    counted: dict[float, int] = {}
    deep = min(CORNER, len(sides[0]))
    lines = [first, last, sides[0][:, 0], sides[1][:, -1]]
    corners = [side[rows].ravel()
               for rows in (slice(deep), slice(-deep, None)) for side in sides]  # fmt: skip
    for line in [*lines, *corners]:
        values, counts = np.unique(line, return_counts=True)
        most = int(counts.argmax())
        if 2 * counts[most] > line.size:
            counted[values[most].item()] = n_pixels  # before those from inside
    for value in sorted(flat):
        if flat[value] * GRID * GRID >= least_region(n_pixels):
            counted.setdefault(value, flat[value])
    return sorted(counted, key=counted.__getitem__, reverse=True)[:_MOST_VALUES]


def flat_values(points: np.ndarray, between: np.ndarray) -> np.ndarray:
    """Values at points of a grid that equal their neighbours on it and the points between.

    points, between : every fourth pixel each way from the first on, and from the third on.
    """
    height, width = (min(n - 1, m) for n, m in zip(points.shape, between.shape))
    if height < 1 or width < 1:
        return points[:0, 0]
    middle = between[:height, :width]
    flat = np.ones(middle.shape, bool)
    for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
        flat &= points[down : down + height, right : right + width] == middle
    return middle[flat]


def _large_regions(equal: np.ndarray) -> np.ndarray:
    labels, n_regions = scipy.ndimage.label(equal)
    if not n_regions:
        return equal
    areas = np.bincount(labels.ravel())
    large = areas >= least_region(equal.size)
    large[0] = False
    return large[labels]
