"""Connected regions of large masks as runs of pixels, in little memory.

A mask is read in bands of columns. Each column is cut into runs of True pixels, which are joined
with those of the column before: a few bytes for each run, where an image of labels has four for
each pixel.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from partition.core.compiled import compiled

BAND = 256
"""Columns that are looked at together."""

Mask = Callable[[slice], np.ndarray]
"""Columns to bool (rows, columns) of them: a mask that need not lie in memory."""


@dataclass(frozen=True, eq=False)
class Regions:
    """The 4-connected regions of a mask.

    Attributes
    ----------
    shape : tuple of int
        (rows, columns) of the mask.
    starts, stops : numpy.ndarray
        int32, (n_runs,): first row of each run and one past its last, column by column.
    first_run : numpy.ndarray
        int64, (columns + 1,): the first run of each column.
    labels : numpy.ndarray
        int32, (n_runs,): region of each run, from 1 on, numbered by their first pixel, column by
        column.
    n_regions, n_pixels : int
    """

    shape: tuple[int, int]
    starts: np.ndarray
    stops: np.ndarray
    first_run: np.ndarray
    labels: np.ndarray
    n_regions: int
    n_pixels: int

    def by_rows(self) -> "Regions":
        """The same, regions numbered by their first pixel row by row."""
        columns = np.repeat(np.arange(self.shape[1]), np.diff(self.first_run))
        pixel = self.starts.astype(np.int64) * self.shape[1] + columns
        first = np.full(self.n_regions + 1, -1, np.int64)
        first[1:] = np.iinfo(np.int64).max
        np.minimum.at(first, self.labels, pixel)
        number = np.empty(self.n_regions + 1, np.int32)
        number[np.argsort(first)] = np.arange(self.n_regions + 1, dtype=np.int32)
        return Regions(
            self.shape, self.starts, self.stops, self.first_run, number[self.labels],
            self.n_regions, self.n_pixels,
        )  # fmt: skip

    def sizes(self) -> np.ndarray:
        """int64, (n_regions,): pixels of each region."""
        lengths = (self.stops - self.starts).astype(np.float64)
        # Whole numbers below 2^53 are added exactly.
        return np.bincount(self.labels, lengths, self.n_regions + 1)[1:].astype(np.int64)


def bands(columns: int) -> list[slice]:
    """The columns of an image in bands."""
    return [slice(left, min(left + BAND, columns)) for left in range(0, columns, BAND)]


def regions(mask: Mask, shape: tuple[int, int]) -> Regions:
    """Find the 4-connected regions of a mask.

    Parameters
    ----------
    mask : callable
        Takes a slice of columns, and returns them as bool (rows, columns).
    shape : tuple of int
        (rows, columns) of the whole.
    """
    rows, columns = shape
    starts, stops = [], []
    counts = np.zeros(columns + 1, np.int64)
    for band in bands(columns):
        lines = np.ascontiguousarray(mask(band).T)
        limit = len(lines) * ((rows + 1) // 2)
        found = np.empty((2, limit), np.int32)
        n_runs = _runs(lines, found[0], found[1], counts[1:][band])
        starts.append(found[0, :n_runs].copy())
        stops.append(found[1, :n_runs].copy())
    first_run = counts.cumsum()
    start, stop = np.concatenate(starts), np.concatenate(stops)
    labels = np.empty(len(start), np.int32)
    n_regions = int(_joined(start, stop, first_run, labels))
    n_pixels = int((stop - start).sum(dtype=np.int64))
    return Regions(shape, start, stop, first_run, labels, n_regions, n_pixels)


@compiled
def _runs(lines: np.ndarray, starts: np.ndarray, stops: np.ndarray, counts: np.ndarray) -> int:
    """Runs of True in each line, and how many there are in each; returns how many in all."""
    n = 0
    for line in range(lines.shape[0]):
        before = n
        inside = False
        for pixel in range(lines.shape[1]):
            if lines[line, pixel] != inside:
                if inside:
                    stops[n] = pixel
                    n += 1
                else:
                    starts[n] = pixel
                inside = not inside
        if inside:
            stops[n] = lines.shape[1]
            n += 1
        counts[line] = n - before
    return n


@compiled
def _joined(
    starts: np.ndarray, stops: np.ndarray, first_run: np.ndarray, labels: np.ndarray
) -> int:
    """Number the regions of runs by their first run, into ``labels``; returns how many there are.

    Each run points at an earlier one of its region, or at itself. Runs of neighbouring lines that
    share a pixel are of one region.
    """
    for run in range(labels.size):
        labels[run] = run
    for line in range(1, first_run.size - 1):
        one, one_end = first_run[line - 1], first_run[line]
        other, other_end = first_run[line], first_run[line + 1]
        while one < one_end and other < other_end:
            if starts[one] < stops[other] and starts[other] < stops[one]:
                first = one
                while labels[first] != first:
                    labels[first] = labels[labels[first]]
                    first = labels[first]
                second = other
                while labels[second] != second:
                    labels[second] = labels[labels[second]]
                    second = labels[second]
                if first < second:
                    labels[second] = first
                else:
                    labels[first] = second
            if stops[one] < stops[other]:
                one += 1
            else:
                other += 1
    n = 0
    for run in range(labels.size):
        if labels[run] == run:
            n += 1
            labels[run] = -n
        else:
            # The run it points at comes earlier, and has its number already.
            labels[run] = labels[labels[run]]
    for run in range(labels.size):
        labels[run] = -labels[run]
    return n
