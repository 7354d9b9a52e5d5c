"""Stacks from MRC files (MRC2014, and IMOD's marks in it).

No check sum: damage to pixels, and to numbers in the header that stay possible, goes unnoticed.
"""

from __future__ import annotations

import struct

import numpy as np

from loihiseg.data.readers.axes import in_nanometres
from loihiseg.data.readers.base import DamagedFileError, not_supported
from loihiseg.data.readers.plain import PlainArray, PlainReader
from loihiseg.data.readers.regular import RegularFile
from loihiseg.data.warn import warn

_HEADER_BYTES = 1024
_TYPES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
_NAMES = {1: "x", 2: "y", 3: "z"}
_IMOD_STAMP = 1146047817
_MOST_LENGTH = 2**31


class MrcReader(PlainReader):
    """An MRC file, a section per layer; the first row of a section is the first in the file.

    Bytes are signed, as the format says, unless IMOD's mark or the maximum in the header says that
    they are not. Sizes in Angstrom become `pixel_nm`.
    """

    KIND = "MRC"
    SUFFIXES = frozenset({".mrc", ".mrcs", ".rec", ".st", ".map"})

    def find(self, file: RegularFile) -> PlainArray:
        header = file.read(0, _HEADER_BYTES)
        order = _byte_order(header)
        words = struct.unpack(f"{order}256i", header)
        reals = struct.unpack(f"{order}256f", header)
        lengths, mode = words[2::-1], words[3]  # nz, ny, nx
        if not all(0 < length < _MOST_LENGTH for length in lengths):
            raise DamagedFileError(f"declares {lengths} sections, rows and columns")
        if mode not in _TYPES:
            raise not_supported(
                self.path, f"MRC pixels of mode {mode}", "modes 0, 1, 2, 6 or 12 (real numbers)"
            )
        if words[22] >= 401 and words[9] not in (0, words[2]):
            raise not_supported(self.path, "a stack of volumes", "one volume")
        n_extra = words[23]
        if not 0 <= n_extra <= file.size - _HEADER_BYTES:
            raise DamagedFileError(f"declares an extended header of {n_extra:,} bytes")
        dtype = np.dtype(order + ("u1" if mode == 0 and _unsigned(words, reals) else _TYPES[mode]))
        axes = tuple(_NAMES.get(number, "") for number in words[18:15:-1])
        if axes == ("", "", ""):
            axes = ("z", "y", "x")  # old files leave it out
        if set(axes) != {"x", "y", "z"}:
            raise DamagedFileError(f"declares the axes {words[16:19]}")
        array = PlainArray(
            lengths, dtype, _HEADER_BYTES + n_extra, axes, _sizes(words, reals, axes)
        )
        beyond = file.size - array.offset - array.n_bytes
        if beyond > 0:
            warn(f"{self.path}: {beyond:,} bytes follow the sections that it declares; not read")
        return array


def _byte_order(header: bytes) -> str:
    if header[208:211] == b"MAP" and header[212] in (0x44, 0x11):
        return "<" if header[212] == 0x44 else ">"
    # Files before MRC2014 have no such stamp: only one order makes a small mode of the bytes.
    for order in "<>":
        nx, ny, nz, mode = struct.unpack_from(f"{order}4i", header)
        if 0 <= mode < 128 and all(0 < length < 2**24 for length in (nx, ny, nz)):
            return order
    raise DamagedFileError("no MRC header")


def _unsigned(words: tuple[int, ...], reals: tuple[float, ...]) -> bool:
    """Whether bytes go from 0 to 255."""
    if words[38] == _IMOD_STAMP:
        return not words[39] & 1
    lowest, highest = reals[19], reals[20]
    return 0 <= lowest < highest <= 255 and highest > 127


def _sizes(
    words: tuple[int, ...], reals: tuple[float, ...], axes: tuple[str, ...]
) -> tuple[float | None, ...]:
    """Cell size by sampling along x, y and z, in the order of the file's axes."""
    by_name = {}
    for place, name in enumerate("xyz"):
        samples, cell = words[7 + place], reals[10 + place]
        # One Angstrom is what writers put down that were not told.
        size = cell / samples if samples > 0 else 0.0
        by_name[name] = None if size == 1.0 else in_nanometres(size, "angstrom")
    return tuple(by_name[name] for name in axes)
