"""Stacks from N5 (https://github.com/saalfeldlab/n5), without leaving the folder.

N5 gives lengths with the fastest axis first; here, as everywhere, the slowest is first. Blocks are
big-endian and may be shorter at the end of the array. A block in gzip or bzip2 carries a check sum,
other blocks and the metadata do not.
"""

from __future__ import annotations

import math
import os
import re
import struct
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from loihiseg.data.readers.axes import axis_order, in_nanometres
from loihiseg.data.readers.base import DamagedFileError, Role, not_supported, unreadable
from loihiseg.data.readers.blocks import ChunkedReader, Index
from loihiseg.data.readers.decompress import (
    Decompress,
    gunzip,
    inflate,
    unblosc,
    unbzip2,
    unzstd,
)
from loihiseg.data.readers.limits import MOST_CHUNKS, MOST_FILES, check_declared, check_segment
from loihiseg.data.readers.regular import RegularFile
from loihiseg.data.readers.zarr.groups import refuse_links_out
from loihiseg.data.readers.zarr.metadata import read_json
from loihiseg.errors import InputError

_ATTRIBUTES = "attributes.json"
_NAMES: dict[Role, tuple[str, ...]] = {
    "images": (
        "volumes/raw", "raw", "images", "volume", "s0", "volumes/raw/s0", "raw/s0", "c0/s0",
        "setup0/timepoint0/s0",
    ),
    "labels": (
        "volumes/labels/neuron_ids", "volumes/labels", "labels", "labels/s0",
        "volumes/labels/neuron_ids/s0",
    ),
}  # fmt: skip
_DECOMPRESS: dict[str, Decompress] = {"bzip2": unbzip2, "zstd": unzstd, "blosc": unblosc}
_READ = "raw, gzip, bzip2, zstd or blosc"
_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}")

_DataType = Literal[
    "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float32", "float64"
]


class _Array(msgspec.Struct):
    dimensions: list[int]
    blockSize: list[int]
    dataType: _DataType
    compression: dict[str, Any] | None = None
    compressionType: str | None = None


class N5Reader(ChunkedReader):
    """An array of N5, or that of a usual name in a group.

    Axes are x, y, z from the fastest on, or named by ``axes``; sizes are those of ``resolution``
    or ``pixelResolution``.
    """

    @classmethod
    def opens(cls, path: Path) -> bool:
        if not path.is_dir() or any((path / name).is_file() for name in (".zarray", ".zgroup")):
            return False
        return path.suffix.lower() == ".n5" or (path / _ATTRIBUTES).is_file()

    def __init__(self, path: Path, role: Role) -> None:
        self.path = path
        try:
            self._folder = _array_folder(path, role)
            self._set_up(role)
            self.look_for_colours(role)
        except DamagedFileError as error:
            raise unreadable(path, "N5", error) from None

    def _set_up(self, role: Role) -> None:
        document = read_json(self._folder / _ATTRIBUTES) or {}
        try:
            array = msgspec.convert(document, _Array)
        except msgspec.ValidationError as error:
            raise DamagedFileError(f"its metadata: {error}") from None
        self.lengths = _lengths(array.dimensions, "dimensions")[::-1]
        self.chunk_lengths = _lengths(array.blockSize, "blockSize")[::-1]
        if len(self.lengths) != len(self.chunk_lengths):
            raise DamagedFileError("blocks have other axes than the array")
        self._stored_dtype = np.dtype(array.dataType).newbyteorder(">")
        self.dtype = np.dtype(array.dataType)
        self._decompress = self._decompressor(array)
        above = read_json(self._folder.parent / _ATTRIBUTES) if self._folder != self.path else None
        attributes = {**(above or {}), **document}
        n_axes = len(self.lengths)
        names = _axes(attributes, n_axes)
        self.order = axis_order(self.lengths, names, self.path, may_be_colours=role == "labels")
        self.pixel_nm = self.order.nanometres(_sizes(attributes, n_axes))
        check_segment(self.path, math.prod(self.chunk_lengths) * self.dtype.itemsize, "block")
        self.arrange()
        stored = self._find_blocks()
        self.check_stored(self._is_stored, self.dtype.type(0), "N5")
        check_declared(self.path, math.prod(self.lengths) * self.dtype.itemsize, stored)

    def _decompressor(self, array: _Array) -> Decompress | None:
        """What undoes the compression, None for none; old files name it alone."""
        options = array.compression or {"type": array.compressionType or "raw"}
        kind = str(options.get("type"))
        if kind == "raw":
            return None
        if kind == "gzip":
            return inflate if options.get("useZlib") is True else gunzip
        if kind not in _DECOMPRESS:
            raise not_supported(self.path, f"blocks in {kind[:40]!r}", _READ)
        return _DECOMPRESS[kind]

    def _find_blocks(self) -> int:
        """Look which blocks there are, and return their bytes."""
        grid = tuple(-(-n // c) for n, c in zip(self.lengths, self.chunk_lengths))
        if math.prod(grid) > min(MOST_CHUNKS, MOST_FILES):
            raise DamagedFileError(f"declares {math.prod(grid):,} blocks")
        self._is_stored = np.zeros(grid, bool)
        root = os.path.realpath(self._folder) + os.sep
        stored = 0
        folders: list[tuple[Path, tuple[int, ...]]] = [(self._folder, ())]
        while folders:
            folder, above = folders.pop()
            for name in os.listdir(folder):
                if not _NUMBER.fullmatch(name):
                    continue
                index, path = (*above, int(name)), folder / name
                if index[-1] >= grid[::-1][len(above)]:
                    raise DamagedFileError(f"block {str(index)[:60]} is outside of the array")
                if not os.path.realpath(path).startswith(root):
                    raise InputError(
                        f"{path}: is a link that leads out of the N5, expected a block; copy the "
                        "block there"
                    )
                if len(index) < len(grid):
                    folders.append((path, index))
                    continue
                if not path.is_file():
                    raise InputError(
                        f"{path}: is no regular file, expected a block; check how the N5 was copied"
                    )
                stored += path.stat().st_size
                self._is_stored[index[::-1]] = True
        return stored

    def read_chunk(self, index: Index) -> np.ndarray:
        if not self._is_stored[index]:
            return np.zeros(self.chunk_lengths, self._stored_dtype.newbyteorder("="))
        name = "/".join(map(str, index[::-1]))
        file = RegularFile(self._folder / name)
        try:
            return self._decode(file, index)
        except DamagedFileError as error:
            raise unreadable(self.path, "N5", f"block {name}: {error}") from None
        finally:
            file.close()

    def _decode(self, file: RegularFile, index: Index) -> np.ndarray:
        n_axes = len(self.lengths)
        mode, n_found = struct.unpack(">2H", file.read(0, 4))
        if mode not in (0, 1) or n_found != n_axes:
            raise DamagedFileError(f"of mode {mode} and {n_found} axes")
        header = 4 + 4 * n_axes
        shape = struct.unpack(f">{n_axes}I", file.read(4, 4 * n_axes))[::-1]
        inside = tuple(
            min(c, n - i * c) for i, n, c in zip(index, self.lengths, self.chunk_lengths)
        )
        if shape not in (inside, self.chunk_lengths):
            raise DamagedFileError(f"of shape {shape}, expected {inside}")
        n_values = math.prod(shape)
        if mode == 1:
            if struct.unpack(">I", file.read(header, 4))[0] != n_values:
                raise DamagedFileError("of another number of elements than its shape")
            header += 4
        n_bytes = n_values * self._stored_dtype.itemsize
        size = file.size - header
        if size > 1.25 * n_bytes + 2**16:
            raise DamagedFileError(f"{size:,} bytes for a block of {n_bytes:,}")
        data = file.read(header, size)
        if self._decompress is not None:
            data = self._decompress(data, n_bytes)
        if len(data) != n_bytes:
            raise DamagedFileError(f"{len(data):,} bytes, expected {n_bytes:,}")
        native = self._stored_dtype.newbyteorder("=")
        values = np.frombuffer(data, self._stored_dtype).reshape(shape)
        if shape == self.chunk_lengths:
            return values.astype(native)
        whole = np.zeros(self.chunk_lengths, native)
        whole[tuple(slice(n) for n in shape)] = values
        return whole


def n5_labels(path: Path) -> Path | None:
    """The array of labels in a group of N5, None where there is none. Raises InputError."""
    try:
        if _is_array(path):
            return None
        return next((path / name for name in _NAMES["labels"] if _is_array(path / name)), None)
    except DamagedFileError as error:
        raise unreadable(path, "N5", error) from None


def _is_array(path: Path) -> bool:
    return "dimensions" in (read_json(path / _ATTRIBUTES) or {})


def _array_folder(path: Path, role: Role) -> Path:
    if _is_array(path):
        return path
    # A pyramid, of images or of labels, has its full scale in s0.
    for name in (*_NAMES[role], "s0"):
        if _is_array(path / name):
            refuse_links_out(path, path / name)
            return path / name
    contents = ", ".join(sorted(entry.name for entry in path.iterdir() if entry.is_dir())[:8])
    raise InputError(
        f"{path}: the N5 group holds {contents or 'nothing'}, expected an array named "
        f"{', '.join(_NAMES[role])}; give the path of the array itself"
    )


def _lengths(values: list[int], what: str) -> tuple[int, ...]:
    if not 0 < len(values) <= 8 or not all(0 < value < 2**32 for value in values):
        raise DamagedFileError(f"{what} is {str(values)[:60]}")
    return tuple(values)


def _axes(attributes: dict[str, Any], n_axes: int) -> list[str] | None:
    """Names from the slowest axis on; the file gives them from the fastest on, or not at all."""
    axes = attributes.get("axes")
    if isinstance(axes, list) and len(axes) == n_axes:
        names = [str(name).lower() for name in axes]
        if set(names) <= {"t", "c", "z", "y", "x"}:
            # COSEM writes them in C's order beside pixelResolution, others as N5 orders lengths.
            x_first = {"x", "y"} <= set(names) and names.index("x") < names.index("y")
            return names[::-1] if x_first else names
    return None


def _sizes(attributes: dict[str, Any], n_axes: int) -> list[float | None] | None:
    resolution, units = attributes.get("resolution"), attributes.get("units")
    whole = attributes.get("pixelResolution")
    if isinstance(whole, dict):
        resolution, units = whole.get("dimensions"), whole.get("unit")
    elif isinstance(whole, list):
        resolution = whole
    if not isinstance(resolution, list) or len(resolution) != n_axes:
        return None
    named = units if isinstance(units, list) and len(units) == n_axes else [units or "nm"] * n_axes
    return [in_nanometres(size, unit) for size, unit in zip(resolution, named)][::-1]
