"""Arrays that lie in a file in one piece behind a header: NumPy's and MRC.

They are read by place and not mapped: a mapped file that another program cuts short ends the
process that looks at it.
"""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loihiseg.data.readers.axes import AxisOrder, Nanometres, axis_order
from loihiseg.data.readers.base import DamagedFileError, Role, SectionReader, unreadable
from loihiseg.data.readers.channels import are_colours, grey_or_codes
from loihiseg.data.readers.limits import check_declared
from loihiseg.data.readers.regular import RegularFile


@dataclass(frozen=True)
class PlainArray:
    """Where an array lies and what it is.

    shape : in the order of the file, the slowest axis first.
    axes : their names, None where the file has none.
    last_first : whether unnamed axes are in the other order than they are meant: Fortran's.
    dtype : as stored.
    offset : bytes before it.
    sizes_nm : of a pixel along each axis.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int
    axes: tuple[str, ...] | None = None
    sizes_nm: tuple[float | None, ...] | None = None
    last_first: bool = False

    @property
    def n_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


class PlainReader(SectionReader):
    """A file with one plain array. Parts of it are read by place where rows lie in order."""

    KIND: str
    SUFFIXES: frozenset[str]

    @classmethod
    def opens(cls, path: Path) -> bool:
        return path.suffix.lower() in cls.SUFFIXES and not path.is_dir()

    def __init__(self, path: Path, role: Role) -> None:
        self.path = path
        self._file = RegularFile(path)
        try:
            self._array = array = self.find(self._file)
            if min(array.shape, default=0) < 1 or len(array.shape) > 8:
                raise DamagedFileError(f"an array of shape {str(array.shape)[:60]}")
            if array.offset + array.n_bytes > self._file.size:
                raise DamagedFileError(
                    f"an array up to byte {array.offset + array.n_bytes:,}, the file ends at "
                    f"{self._file.size:,}"
                )
            self._order = _order(array, path, role)
            check_declared(path, array.n_bytes, self._file.size)
        except DamagedFileError as error:
            self.close()
            raise unreadable(path, self.KIND, error) from None
        except BaseException:
            self.close()
            raise
        self.shape = self._order.of(array.shape)
        self.dtype = array.dtype.newbyteorder("=")
        self.pixel_nm: Nanometres | None = self._order.nanometres(array.sizes_nm)
        self.chunk = (1, 1, self.shape[2]) if self._in_order else self.shape
        self._whole: np.ndarray | None = None
        if role == "labels" and self._order.colours is not None and self.dtype == np.uint8:
            whole = slice(0, self.shape[1]), slice(0, self.shape[2])
            try:
                sections = (self._pixels(number, *whole) for number in range(self.shape[0]))
                self.coded = are_colours(sections, path)
            except BaseException:
                self.close()
                raise
            self.dtype = np.dtype(np.uint32) if self.coded else self.dtype

    @abc.abstractmethod
    def find(self, file: RegularFile) -> PlainArray:
        """The array of a file; raises DamagedFileError and InputError."""

    @property
    def _in_order(self) -> bool:
        order = self._order
        first = -1 if order.sections is None else order.sections
        long = [axis for axis, length in enumerate(self._array.shape) if length > 1]
        last = -1 if order.colours is None else order.colours
        wanted = [axis for axis in (first, order.rows, order.columns, last) if axis in long]
        return long == wanted

    def section(self, number: int) -> np.ndarray:
        return self.window(number, slice(0, self.shape[1]), slice(0, self.shape[2]))

    def window(self, number: int, rows: slice, columns: slice) -> np.ndarray:
        if not 0 <= number < self.shape[0]:
            raise IndexError(number)
        pixels = self._pixels(number, rows, columns)
        if self._order.colours is None:
            return pixels[..., 0]
        return grey_or_codes(pixels, self.path, self.coded)

    def _pixels(self, number: int, rows: slice, columns: slice) -> np.ndarray:
        """(rows, columns, colours)."""
        try:
            if self._in_order:
                top, bottom, _ = rows.indices(self.shape[1])
                return self._rows(number, top, max(top, bottom))[:, columns]
            return self._turned()[number, rows, columns]
        except DamagedFileError as error:
            raise unreadable(self.path, self.KIND, error) from None

    def _rows(self, number: int, top: int, bottom: int) -> np.ndarray:
        dtype, width = self._array.dtype, self.shape[2]
        n_colours = self._order.n_colours(self._array.shape)
        first = (number * self.shape[1] + top) * width * n_colours
        n_values = (bottom - top) * width * n_colours
        data = self._file.read(
            self._array.offset + first * dtype.itemsize, n_values * dtype.itemsize
        )
        return self._native(np.frombuffer(data, dtype).reshape(bottom - top, width, n_colours))

    def _turned(self) -> np.ndarray:
        """The array as (sections, rows, columns, colours), read once."""
        if self._whole is None:
            array = self._array
            data = self._file.read(array.offset, array.n_bytes)
            values = np.frombuffer(data, array.dtype).reshape(array.shape)
            self._whole = self._order.turned(values)
        return self._native(self._whole)

    def _native(self, values: np.ndarray) -> np.ndarray:
        if values.dtype.kind == "b" and values.view(np.uint8).max(initial=0) > 1:
            raise DamagedFileError("booleans with other values than 0 and 1")
        return values.astype(values.dtype.newbyteorder("="), copy=False)

    def close(self) -> None:
        self._file.close()


def _order(array: PlainArray, path: Path, role: Role) -> AxisOrder:
    may_be_colours = role == "labels"
    if not array.last_first:
        return axis_order(array.shape, array.axes, path, may_be_colours=may_be_colours)
    order = axis_order(array.shape[::-1], None, path, may_be_colours=may_be_colours)
    return order.reversed(len(array.shape))
