"""Arrays in chunks as sections: what Zarr and N5 have in common."""

from __future__ import annotations

import abc
import itertools

import numpy as np

from loihiseg.data.readers.axes import AxisOrder
from loihiseg.data.readers.base import Role, SectionReader, unreadable
from loihiseg.data.readers.channels import are_colours, grey_or_codes
from loihiseg.data.warn import warn

Index = tuple[int, ...]

_MOST_KEPT_BYTES = 2**28
"""Of a window and the same window of further sections."""


class ChunkedReader(SectionReader):
    """A reader of an array in chunks of one size, in any order of its axes.

    Subclasses set the attributes and read chunks. Only chunks that a window touches are read; the
    last window is kept with as many further sections of its chunks as take little memory, as
    sections are mostly asked for in order.

    Attributes
    ----------
    order : which axis is which.
    lengths, chunk_lengths : of the array and of a chunk, in the order of the file.
    """

    order: AxisOrder
    lengths: Index
    chunk_lengths: Index
    _kept: tuple[tuple[int, int, int, int], int, np.ndarray] | None = None

    @abc.abstractmethod
    def read_chunk(self, index: Index) -> np.ndarray:
        """A chunk, `chunk_lengths` of `dtype`, whole also at the end; raises InputError."""

    def arrange(self) -> None:
        """Set `shape` and `chunk` from the attributes."""
        self.shape = self.order.of(self.lengths)
        n_sections, height, width = self.order.of(self.chunk_lengths)
        self.chunk = n_sections, min(height, self.shape[1]), min(width, self.shape[2])

    def look_for_colours(self, role: Role) -> None:
        """Whether labels are colours, which only their pixels say; once chunks can be read."""
        if role != "labels" or self.order.colours is None or self.dtype != np.uint8:
            return
        whole = 0, self.shape[1], 0, self.shape[2]
        sections = (self._pixels(number, whole) for number in range(self.shape[0]))
        if are_colours(sections, self.path):
            self.coded, self.dtype = True, np.dtype(np.uint32)

    def check_stored(self, stored: np.ndarray, fill: object, kind: str) -> None:
        """Warn of chunks that are not stored, or refuse them.

        stored : bool, over the grid of chunks.
        fill : what they are read as; None where the file does not say.
        Raises InputError without a value, and where nothing of a section is stored.
        """
        n_missing = int(stored.size - stored.sum())
        if not n_missing:
            return
        along = self.order.sections
        if along is None:
            has_any = stored.any(keepdims=True).reshape(1)
        else:
            has_any = stored.any(axis=tuple(axis for axis in range(stored.ndim) if axis != along))
        empty = np.flatnonzero(~has_any)
        if empty.size:
            depth = 1 if along is None else self.chunk_lengths[along]
            raise unreadable(
                self.path,
                kind,
                f"not one chunk of section {empty[0] * depth} is stored, nor of "
                f"{len(empty) - 1} further layers",
            )
        if fill is None:
            raise unreadable(
                self.path,
                kind,
                f"{n_missing} of {stored.size} chunks are not stored, and its metadata gives no "
                "fill value for them",
            )
        warn(
            f"{self.path}: {n_missing} of {stored.size} chunks are not stored and read as "
            f"{fill}, the fill value; right for blank regions, else copy the "
            f"{kind} again"
        )

    def section(self, number: int) -> np.ndarray:
        return self.window(number, slice(0, self.shape[1]), slice(0, self.shape[2]))

    def window(self, number: int, rows: slice, columns: slice) -> np.ndarray:
        top, bottom, _ = rows.indices(self.shape[1])
        left, right, _ = columns.indices(self.shape[2])
        pixels = self._pixels(number, (top, bottom, left, right))
        if self.order.colours is None:
            return pixels[..., 0]
        return grey_or_codes(pixels, self.path, self.coded)

    def _pixels(self, number: int, place: tuple[int, int, int, int]) -> np.ndarray:
        """(rows, columns, colours) of a section between top, bottom, left and right."""
        top, bottom, left, right = place
        if self._kept is not None and self._kept[0] == place:
            _, first, pixels = self._kept
            if first <= number < first + len(pixels):
                return pixels[number - first]
        self._kept = None  # before the memory for the next is taken
        first, n_sections = self._read_together(number, (bottom - top) * (right - left))
        found = self._read_window(first, n_sections, place)
        self._kept = place, first, found
        return found[number - first]

    def _read_together(self, number: int, n_pixels: int) -> tuple[int, int]:
        """The sections to read with one, a window of each: the first, and how many."""
        depth = self.order.of(self.chunk_lengths)[0]
        first = number // depth * depth
        n_sections = min(depth, self.shape[0] - first)
        n_bytes = n_pixels * self.order.n_colours(self.lengths) * self.dtype.itemsize
        most = max(_MOST_KEPT_BYTES // max(n_bytes, 1), 1)
        if n_sections <= most:
            return first, n_sections
        return number, min(first + n_sections - number, most)

    def _read_window(
        self, first: int, n_sections: int, place: tuple[int, int, int, int]
    ) -> np.ndarray:
        """(n_sections, rows, columns, colours) of one layer of chunks."""
        top, bottom, left, right = place
        depth, height, width = self.order.of(self.chunk_lengths)
        n_colours = self.order.n_colours(self.lengths)
        together = self.order.n_colours(self.chunk_lengths)
        layer, inside = divmod(first, depth)
        shape = n_sections, max(bottom - top, 0), max(right - left, 0), n_colours
        pixels = np.empty(shape, np.uint8 if self.coded else self.dtype)
        if not pixels.size:
            return pixels
        places = itertools.product(
            range(top // height, -(-bottom // height)),
            range(left // width, -(-right // width)),
            range(-(-n_colours // together)),
        )
        for row, column, part in places:
            chunk = self.order.turned(self.read_chunk(self._index(layer, row, column, part)))
            first_row, first_column, first_colour = row * height, column * width, part * together
            y0, y1 = max(top, first_row), min(bottom, first_row + height)
            x0, x1 = max(left, first_column), min(right, first_column + width)
            last_colour = min(first_colour + together, n_colours)
            pixels[:, y0 - top : y1 - top, x0 - left : x1 - left, first_colour:last_colour] = chunk[
                inside : inside + n_sections,
                y0 - first_row : y1 - first_row,
                x0 - first_column : x1 - first_column,
                : last_colour - first_colour,
            ]
        return pixels

    def _index(self, layer: int, row: int, column: int, part: int) -> Index:
        index = [0] * len(self.lengths)
        if self.order.sections is not None:
            index[self.order.sections] = layer
        if self.order.colours is not None:
            index[self.order.colours] = part
        index[self.order.rows], index[self.order.columns] = row, column
        return tuple(index)
