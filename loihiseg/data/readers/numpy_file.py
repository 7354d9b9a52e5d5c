"""Stacks from .npy files: plain numbers alone, nothing is ever unpickled."""

from __future__ import annotations

import ast
import re
import struct
from collections.abc import Callable

import numpy as np

from loihiseg.data.readers.base import DamagedFileError
from loihiseg.data.readers.plain import PlainArray, PlainReader
from loihiseg.data.readers.regular import RegularFile

_MAGIC = b"\x93NUMPY"
_MOST_HEADER_BYTES = 10_000
_TYPES = re.compile(r"[|<>=]?(b1|[iu][1248]|f[248])")


class NumpyReader(PlainReader):
    """An .npy file of (sections, rows, columns) or one section, in either order of memory.

    No check sum: damage to pixels goes unnoticed.
    """

    KIND = "NumPy array"
    SUFFIXES = frozenset({".npy"})

    def find(self, file: RegularFile) -> PlainArray:
        return find_array(file.read, file.size)


def find_array(read: Callable[[int, int], bytes], size: int) -> PlainArray:
    """Where the values of an .npy file lie.

    Parameters
    ----------
    read : callable
        Takes an offset and a number of bytes, gives these.
    size : int
        Of the file.

    Raises
    ------
    DamagedFileError
        If it is none of plain numbers, or has not as many bytes as it says.
    """
    start = read(0, 8)
    if start[:6] != _MAGIC or start[6] not in (1, 2, 3):
        raise DamagedFileError("no NumPy header")
    width = 2 if start[6] == 1 else 4
    (length,) = struct.unpack("<H" if width == 2 else "<I", read(8, width))
    if length > _MOST_HEADER_BYTES:
        raise DamagedFileError(f"a header of {length:,} bytes")
    offset = 8 + width + length
    header = _header(read(8 + width, length))
    match header:
        case {
            "descr": str(descr),
            "fortran_order": bool(fortran),
            "shape": tuple(shape),
            **others,
        } if not others:
            pass
        case _:
            raise DamagedFileError("its header is not one of plain numbers")
    if not _TYPES.fullmatch(descr):
        raise DamagedFileError(f"elements of type {descr[:40]!r}, plain numbers are read")
    if not all(type(n) is int and 0 < n < 2**40 for n in shape):
        raise DamagedFileError(f"an array of shape {str(shape)[:60]}")
    array = PlainArray(shape, np.dtype(descr), offset)
    if offset + array.n_bytes != size:
        raise DamagedFileError(
            f"{size - offset:,} bytes of pixels for an array of {array.n_bytes:,}"
        )
    if not fortran or len(shape) < 2:
        return array
    # The last axis is the slowest in the file.
    return PlainArray(shape[::-1], array.dtype, offset, last_first=True)


def _header(data: bytes) -> object:
    try:
        # Literals alone, and few of them: nothing in it is run.
        return ast.literal_eval(data.decode("latin-1").strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        raise DamagedFileError("its header cannot be read") from None
