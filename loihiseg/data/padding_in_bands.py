"""Padding of a section that comes in bands of rows: how many pixels of which value.

What `loihiseg.data.padding.padding_of` finds, in the memory of a band: first values that may be
padding, then their regions, which may go on from band to band.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage, sparse

from loihiseg.data.padding import (
    CORNER,
    GRID,
    candidates,
    flat_values,
    is_padding,
    least_region,
    may_be_padded,
)

_PIXELS_AT_ONCE = 2**21
"""A labelling takes some 10 bytes a pixel."""


class CandidateScan:
    """Looks for values that may be padding.

    shape : (height, width) of the section.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        self._n_rows = 0
        self._first: np.ndarray | None = None
        self._last: np.ndarray | None = None
        self._sides: list[tuple[np.ndarray, np.ndarray]] = []
        self._flat: dict[float, int] = {}
        # Rows of the grid that wait for the next one.
        self._points: np.ndarray | None = None
        self._between: np.ndarray | None = None

    def add(self, band: np.ndarray) -> None:
        """Take the next rows, (n, width)."""
        wide = min(CORNER, band.shape[1])
        if self._first is None:
            self._first = band[0].copy()
        self._last = band[-1].copy()
        self._sides.append((band[:, :wide].copy(), band[:, -wide:].copy()))
        start = self._n_rows
        points = _joined(self._points, band[-start % GRID :: GRID, ::GRID])
        between = _joined(
            self._between, band[(GRID // 2 - start) % GRID :: GRID, GRID // 2 :: GRID]
        )
        values, counts = np.unique(flat_values(points, between), return_counts=True)
        for value, count in zip(values, counts):
            self._flat[value.item()] = self._flat.get(value.item(), 0) + int(count)
        n_done = max(min(len(points) - 1, len(between)), 0)
        self._points, self._between = points[n_done:].copy(), between[n_done:].copy()
        self._n_rows += len(band)

    def candidates(self) -> list[float]:
        """Of all rows, see `loihiseg.data.padding.candidates`."""
        if self._first is None or self._last is None:
            return []
        n_pixels = self._shape[0] * self._shape[1]
        if not may_be_padded(n_pixels, self._first.dtype):
            return []
        left, right = (np.concatenate(side) for side in zip(*self._sides))
        return candidates(self._first, self._last, (left, right), self._flat, n_pixels)


class RegionScan:
    """Counts the pixels of padding.

    shape : (height, width) of the section.
    values : that may be padding, see `CandidateScan`.
    """

    def __init__(self, shape: tuple[int, int], values: Sequence[float]) -> None:
        self._n_pixels = shape[0] * shape[1]
        self._regions = {value: _Regions(least_region(self._n_pixels)) for value in values}
        # Pixels of none of the values.
        self._extremes: set[float] = set()

    def add(self, band: np.ndarray) -> None:
        """Take the next rows, (n, width)."""
        n_rows = max(_PIXELS_AT_ONCE // band.shape[1], 1)
        for top in range(0, len(band), n_rows):
            self._add(band[top : top + n_rows])

    def _add(self, band: np.ndarray) -> None:
        is_other = np.ones(band.shape, bool)
        for value, regions in self._regions.items():
            equal = band == value
            regions.add(equal)
            is_other &= ~equal
        others = band[is_other]
        if others.size:
            self._extremes |= {others.min().item(), others.max().item()}
            self._extremes = {min(self._extremes), max(self._extremes)}

    def padding(self) -> dict[float, int]:
        """Pixels of padding by their value; none where the section has no padding."""
        found = {value: regions.in_large() for value, regions in self._regions.items()}
        if not is_padding(sum(found.values()), self._n_pixels):
            return {}
        left = {value for value, n in found.items() if self._regions[value].n_pixels > n}
        if len(left | self._extremes) < 2:  # tissue without contrast
            return {}
        return {value: n for value, n in found.items() if n}


class VoidScan:
    """Looks at a section of floats for NaN, as `loihiseg.data.padding.without_nan` does.

    shape : (height, width) of the section.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._n_pixels = shape[0] * shape[1]
        self._regions = _Regions(least_region(self._n_pixels), counts_sides=True)
        self._n_infinite = 0
        self._low: float | None = None

    def add(self, band: np.ndarray) -> None:
        """Take the next rows, (n, width) of floats."""
        n_rows = max(_PIXELS_AT_ONCE // band.shape[1], 1)
        for top in range(0, len(band), n_rows):
            rows = band[top : top + n_rows]
            missing = np.isnan(rows)
            self._regions.add(missing)
            self._n_infinite += int(np.isinf(rows).sum())
            numbers = rows[~missing]
            if numbers.size:
                low = numbers.min().item()
                self._low = low if self._low is None else min(low, self._low)

    def void(self) -> Void:
        """When all rows were there."""
        n_missing = self._regions.n_pixels
        n_astray = 0 if n_missing == self._n_pixels else n_missing - self._regions.in_large()
        return Void(self._low or 0.0, n_missing, n_astray + self._n_infinite)


@dataclass(frozen=True)
class Void:
    """NaN of a section.

    fill : what stands for them: the smallest value of the section, 0 of one that has none.
    n_missing : how many there are.
    n_bad : how many of them are no padding, and pixels that are infinite.
    """

    fill: float
    n_missing: int
    n_bad: int


class _Regions:
    """Connected regions of one value, those that may go on apart."""

    def __init__(self, least: float, counts_sides: bool = False) -> None:
        """least : pixels of a large region. counts_sides : whether one at a side is large too."""
        self._least, self._counts_sides = least, counts_sides
        self._in_large = self.n_pixels = 0
        # Of each pixel of the last row its region, 0 for none; of each region its pixels so far,
        # and whether it is at a side.
        self._row: np.ndarray | None = None
        self._areas = np.zeros(1, np.int64)
        self._at_side = np.zeros(1, bool)

    def add(self, equal: np.ndarray) -> None:
        """Take the next rows, (n, width) bool."""
        if not equal.any():  # mostly
            self._close(self._areas[1:], self._at_side[1:])
            self._row = np.zeros(equal.shape[1], np.int64)
            self._areas, self._at_side = np.zeros(1, np.int64), np.zeros(1, bool)
            return
        self.n_pixels += int(equal.sum())
        labels, n_new = ndimage.label(equal)
        new_at_side = np.zeros(n_new + 1, bool)
        if self._counts_sides:
            new_at_side[labels[:, 0]] = new_at_side[labels[:, -1]] = True
            if self._row is None:
                new_at_side[labels[0]] = True
        n_old = len(self._areas) - 1
        row = np.zeros(equal.shape[1], np.int64) if self._row is None else self._row
        meet = (row > 0) & (labels[0] > 0)
        ends = row[meet], n_old + labels[0][meet].astype(np.int64)
        n = n_old + n_new + 1
        graph = sparse.coo_array((np.ones(len(ends[0]), bool), ends), shape=(n, n))
        n_regions, region = sparse.csgraph.connected_components(graph, directed=False)
        new_areas = np.bincount(labels.ravel(), minlength=n_new + 1)[1:]
        areas = np.zeros(n_regions, np.int64)
        np.add.at(areas, region[1:], np.concatenate([self._areas[1:], new_areas]))
        at_side = np.zeros(n_regions, bool)
        np.logical_or.at(at_side, region[1:], np.concatenate([self._at_side[1:], new_at_side[1:]]))
        goes_on = np.where(labels[-1] > 0, region[n_old + labels[-1]], -1)
        open_regions = np.unique(goes_on[goes_on >= 0])
        self._close(np.delete(areas, open_regions), np.delete(at_side, open_regions))
        self._row = np.where(goes_on >= 0, np.searchsorted(open_regions, goes_on) + 1, 0)
        self._areas = np.concatenate([[0], areas[open_regions]])
        self._at_side = np.concatenate([[False], at_side[open_regions]])

    def _close(self, areas: np.ndarray, at_side: np.ndarray) -> None:
        self._in_large += int(areas[at_side | (areas >= self._least)].sum())

    def in_large(self) -> int:
        """Pixels in large regions, when all rows were there."""
        at_end = np.full(len(self._areas) - 1, self._counts_sides)
        self._close(self._areas[1:], self._at_side[1:] | at_end)
        self._areas, self._at_side = np.zeros(1, np.int64), np.zeros(1, bool)
        return self._in_large


def _joined(before: np.ndarray | None, rows: np.ndarray) -> np.ndarray:
    return rows if before is None else np.concatenate([before, rows])
