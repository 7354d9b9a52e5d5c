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

from loihiseg.data.readers.axes import Nanometres, axis_order
from loihiseg.data.readers.base import DamagedFileError, Role, SectionReader, unreadable
from loihiseg.data.readers.limits import check_declared
from loihiseg.data.readers.regular import RegularFile


@dataclass(frozen=True)
class PlainArray:
    """Where an array lies and what it is.

    shape : in the order of the file, the slowest axis first.
    axes : their names, None where the file has none.
    dtype : as stored.
    offset : bytes before it.
    sizes_nm : of a pixel along each axis.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int
    axes: tuple[str, ...] | None = None
    sizes_nm: tuple[float | None, ...] | None = None

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
            self._order = axis_order(array.shape, array.axes, path)
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

    @abc.abstractmethod
    def find(self, file: RegularFile) -> PlainArray:
        """The array of a file; raises DamagedFileError and InputError."""

    @property
    def _in_order(self) -> bool:
        order = self._order
        first = -1 if order.sections is None else order.sections
        long = [axis for axis, length in enumerate(self._array.shape) if length > 1]
        wanted = [axis for axis in (first, order.rows, order.columns) if axis in long]
        return long == wanted

    def section(self, number: int) -> np.ndarray:
        return self.window(number, slice(0, self.shape[1]), slice(0, self.shape[2]))

    def window(self, number: int, rows: slice, columns: slice) -> np.ndarray:
        if not 0 <= number < self.shape[0]:
            raise IndexError(number)
        try:
            if self._in_order:
                top, bottom, _ = rows.indices(self.shape[1])
                return self._rows(number, top, max(top, bottom))[:, columns]
            return self._turned()[number, rows, columns]
        except DamagedFileError as error:
            raise unreadable(self.path, self.KIND, error) from None

    def _rows(self, number: int, top: int, bottom: int) -> np.ndarray:
        dtype, width = self._array.dtype, self.shape[2]
        first = (number * self.shape[1] + top) * width
        n_values = (bottom - top) * width
        data = self._file.read(
            self._array.offset + first * dtype.itemsize, n_values * dtype.itemsize
        )
        return self._native(np.frombuffer(data, dtype).reshape(bottom - top, width))

    def _turned(self) -> np.ndarray:
        """The array as (sections, rows, columns), read once."""
        if self._whole is None:
            array, order = self._array, self._order
            data = self._file.read(array.offset, array.n_bytes)
            values = np.frombuffer(data, array.dtype).reshape(array.shape)
            front = [order.rows, order.columns]
            if order.sections is not None:
                front.insert(0, order.sections)
            rest = [axis for axis in range(values.ndim) if axis not in front]
            self._whole = values.transpose(rest + front).reshape(self.shape)
        return self._native(self._whole)

    def _native(self, values: np.ndarray) -> np.ndarray:
        if values.dtype.kind == "b" and values.view(np.uint8).max(initial=0) > 1:
            raise DamagedFileError("booleans with other values than 0 and 1")
        return values.astype(self.dtype, copy=False)

    def close(self) -> None:
        self._file.close()
