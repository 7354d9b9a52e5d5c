"""Stacks from HDF5, as ``FILE`` or ``FILE:/PATH/INSIDE``.

The HDF5 library never runs in this process: `describe` runs it in a child with limits of time and
memory, which says where chunks lie. They are read and decoded here, each to exactly its size.

HDF5 has no check sum but where a writer asked for Fletcher-32, or compressed with gzip: damage to
other pixels, and to what describes them, can go unnoticed.
"""

from __future__ import annotations

import base64
import json
import math
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import imagecodecs
import msgspec
import numpy as np

from loihiseg.data.readers.axes import axis_order, in_nanometres, length_in_nanometres, short_names
from loihiseg.data.readers.base import DamagedFileError, Role, not_supported, unreadable
from loihiseg.data.readers.blocks import ChunkedReader, Index
from loihiseg.data.readers.decompress import Decompress, inflate, unblosc, unlzf, unzstd
from loihiseg.data.readers.limits import check_declared, check_segment
from loihiseg.data.readers.regular import RegularFile
from partition.system import ENDS_SLOWLY

CPU_SECONDS = 4
"""Time after which the HDF5 library is taken to loop, and a second more for each 32 MiB of file."""

_WALL_SECONDS = 300
_SUFFIXES = r"\.(?:h5|hdf5|hdf|hd5|ilp)"
_NAME = re.compile(rf"(?s)(.*{_SUFFIXES})(?::/?(.*))?", re.IGNORECASE)
_SHUFFLE, _FLETCHER32 = 2, 3
_DECOMPRESS: dict[int, Decompress] = {
    1: inflate,
    32000: unlzf,
    32001: unblosc,
    32015: unzstd,
}
_READ = "gzip, lzf, Blosc or Zstandard, with or without shuffle and Fletcher-32"


class _Description(msgspec.Struct):
    name: str
    dtype: str
    shape: list[int]
    attributes: dict[str, Any]
    chunks: list[int] | None
    filters: list[tuple[int, list[int], str]]
    table: str
    fill: str | None
    offset: int = 0


@dataclass(frozen=True)
class _Place:
    """Where a chunk is, and a bit for each filter that was left out."""

    mask: int
    offset: int
    size: int


def split_path(path: Path) -> tuple[Path, str]:
    """The file of a path and the path inside it, empty where none is given."""
    match = _NAME.fullmatch(str(path))
    return (path, "") if match is None else (Path(match[1]), match[2] or "")


class Hdf5Reader(ChunkedReader):
    """An array of an HDF5 file: the one that the path names, or that has a usual name.

    Axes are those of ilastik's ``axistags`` or of dimension labels, sizes those of ``resolution``
    (CREMI, nanometres) and ``element_size_um`` (ilastik).
    """

    @classmethod
    def opens(cls, path: Path) -> bool:
        file, _ = split_path(path)
        return _NAME.fullmatch(str(path)) is not None and not file.is_dir() and not path.is_dir()

    def __init__(self, path: Path, role: Role) -> None:
        self.path = path
        file, inside = split_path(path)
        self._file = RegularFile(file)
        try:
            found = _describe(self._file, role, inside)
            if found is None:
                raise DamagedFileError("it holds no array")
            self._set_up(found, role)
            self.look_for_colours(role)
        except DamagedFileError as error:
            self.close()
            raise unreadable(path, "HDF5 file", error) from None
        except BaseException:
            self.close()
            raise

    def _set_up(self, found: _Description, role: Role) -> None:
        if not re.fullmatch(r"\|b1|\|[iu]1|[<>][iu][248]|[<>]f[248]", found.dtype):
            raise DamagedFileError(f"elements of type {found.dtype[:20]}")
        if not 0 < len(found.shape) <= 8 or not all(0 < n < 2**40 for n in found.shape):
            raise DamagedFileError(f"an array of shape {str(found.shape)[:60]}")
        self._stored_dtype = np.dtype(found.dtype)
        self.dtype = self._stored_dtype.newbyteorder("=")
        self.lengths = tuple(found.shape)
        names = _axis_names(found)
        self.order = axis_order(self.lengths, names, self.path, may_be_colours=role == "labels")
        self.pixel_nm = self.order.nanometres(_sizes(found, names))
        self.origin_nm = self.order.nanometres(_offsets(found, names))
        self._chain = self._filters(found)
        self._fill = _fill(found, self._stored_dtype)
        n_bytes = math.prod(self.lengths) * self.dtype.itemsize
        if found.chunks is None:
            stored = self._place_whole(found, n_bytes)
        else:
            stored = self._place_chunks(found, found.chunks)
        self.arrange()
        check_declared(self.path, n_bytes, stored)

    def _place_whole(self, found: _Description, n_bytes: int) -> int:
        """An array in one piece, as chunks of one place along its slowest axis (longer than 1)."""
        if not 0 < found.offset <= self._file.size - n_bytes:
            raise DamagedFileError(f"{found.name[:60]} is not in the file")
        slowest = next((axis for axis, n in enumerate(self.lengths) if n > 1), 0)
        n_places, faster = self.lengths[slowest], self.lengths[slowest + 1 :]
        self.chunk_lengths = (*(1,) * (slowest + 1), *faster)
        size = n_bytes // n_places
        check_segment(self.path, size, "section")
        before, behind = (0,) * slowest, (0,) * len(faster)
        self._places = {
            (*before, number, *behind): _Place(0, found.offset + number * size, size)
            for number in range(n_places)
        }
        return n_bytes

    def _place_chunks(self, found: _Description, chunks: list[int]) -> int:
        if len(chunks) != len(self.lengths) or not all(0 < n < 2**32 for n in chunks):
            raise DamagedFileError(f"chunks of {str(chunks)[:60]}")
        self.chunk_lengths = tuple(chunks)
        check_segment(self.path, math.prod(chunks) * self.dtype.itemsize, "chunk")
        grid = tuple(-(-n // c) for n, c in zip(self.lengths, chunks))
        table = np.frombuffer(base64.b64decode(found.table), "<i8")
        table = table.reshape(-1, len(chunks) + 3)
        is_stored = np.zeros(grid, bool)
        self._places = {}
        for row in table.tolist():
            first, (mask, offset, size) = row[:-3], row[-3:]
            index = tuple(start // chunk for start, chunk in zip(first, chunks))
            aligned = all(i * c == start for i, c, start in zip(index, chunks, first))
            if not aligned or not all(0 <= i < n for i, n in zip(index, grid)):
                raise DamagedFileError(f"a chunk at {str(first)[:60]} is outside of the array")
            if not (0 < offset <= self._file.size and 0 < size <= self._file.size - offset):
                raise DamagedFileError(f"the chunk at {str(first)[:60]} is not in the file")
            if index in self._places:
                raise DamagedFileError(f"the chunk at {str(first)[:60]} is there twice")
            self._places[index] = _Place(mask, offset, size)
            is_stored[index] = True
        stored = sum(place.size for place in self._places.values())
        if stored > self._file.size:
            raise DamagedFileError("chunks overlap")
        fill = None if self._fill is None else self._fill[()]
        self.check_stored(is_stored, fill, "HDF5 file")
        return stored

    def _filters(self, found: _Description) -> tuple[int, ...]:
        codes = tuple(code for code, _, _ in found.filters)
        for code, values, name in found.filters:
            if code not in (_SHUFFLE, _FLETCHER32, *_DECOMPRESS):
                raise not_supported(
                    self.path, f"chunks with the filter {name[:30]} ({code})", _READ
                )
            if code == _SHUFFLE and values[:1] not in ([], [self._stored_dtype.itemsize]):
                raise not_supported(self.path, "shuffled elements of another size", _READ)
        steps = [0 if c == _SHUFFLE else 2 if c == _FLETCHER32 else 1 for c in codes]
        if steps != sorted(set(steps)):
            raise not_supported(self.path, f"filters in the order {codes[:8]}", _READ)
        return codes

    def read_chunk(self, index: Index) -> np.ndarray:
        place = self._places.get(index)
        if place is None:
            assert self._fill is not None
            return np.broadcast_to(
                self._fill.astype(self._stored_dtype.newbyteorder("=")), self.chunk_lengths
            )
        n_bytes = math.prod(self.chunk_lengths) * self._stored_dtype.itemsize
        try:
            if place.size > 1.25 * n_bytes + 2**16:
                raise DamagedFileError(f"{place.size:,} bytes for a chunk of {n_bytes:,}")
            data = self._undo(self._file.read(place.offset, place.size), place.mask, n_bytes)
        except DamagedFileError as error:
            name = "chunk " + ".".join(map(str, index))
            raise unreadable(self.path, "HDF5 file", f"{name}: {error}") from None
        values = np.frombuffer(data, self._stored_dtype).reshape(self.chunk_lengths)
        return values.astype(self._stored_dtype.newbyteorder("="), copy=False)

    def _undo(self, data: bytes, mask: int, n_bytes: int) -> bytes:
        for number, code in reversed(list(enumerate(self._chain))):
            if mask >> number & 1:
                continue
            if code == _FLETCHER32:
                data = _check_fletcher32(data)
            elif code == _SHUFFLE:
                if len(data) != n_bytes:
                    break
                planes = np.frombuffer(data, np.uint8).reshape(self._stored_dtype.itemsize, -1)
                data = planes.T.tobytes()
            else:
                data = _DECOMPRESS[code](data, n_bytes)
        if len(data) != n_bytes:
            raise DamagedFileError(f"a chunk of {len(data):,} bytes, expected {n_bytes:,}")
        if self._stored_dtype.kind == "b" and data.strip(b"\x00\x01"):
            raise DamagedFileError("a chunk of booleans with other values than 0 and 1")
        return data

    def close(self) -> None:
        self._file.close()


def hdf5_labels(path: Path) -> Path | None:
    """The array of labels that lies beside the images of an HDF5 file, by its name.

    Raises InputError.
    """
    name, inside = split_path(path)
    if inside:
        return None
    file = RegularFile(name)
    try:
        found = _describe(file, "beside", "")
    except DamagedFileError as error:
        raise unreadable(path, "HDF5 file", error) from None
    finally:
        file.close()
    return None if found is None else Path(f"{name}:{found.name}")


def _describe(file: RegularFile, role: str, inside: str) -> _Description | None:
    """What the child says of a file; None where it found nothing. Raises DamagedFileError."""
    if len(inside) > 4_000 or "\0" in inside:
        raise DamagedFileError("no path inside of a file")
    cpu_seconds = CPU_SECONDS + min(file.size // 2**25, 60)
    try:
        with file.duplicate() as stdin:
            status, text = run_child(stdin, [str(cpu_seconds), role, inside])
    except subprocess.TimeoutExpired:
        raise DamagedFileError("reading it does not end") from None
    if status in ENDS_SLOWLY:
        raise DamagedFileError(f"reading it does not end in {cpu_seconds} s")
    if status:
        raise DamagedFileError("the HDF5 library fails on it")
    try:
        said = json.loads(text)
        if said == {}:
            return None
        if "refused" in said:
            raise DamagedFileError(said["refused"])
        return msgspec.convert(said, _Description)
    except (json.JSONDecodeError, msgspec.ValidationError):
        raise DamagedFileError("its arrays cannot be listed") from None


def run_child(stdin: BinaryIO, arguments: list[str]) -> tuple[int, bytes]:
    """Exit status and output of `describe`. Raises subprocess.TimeoutExpired."""
    script = Path(__file__).with_name("describe.py")
    done = subprocess.run(
        # -P: no module of the folder it is in, or is started in, stands for another.
        [sys.executable, "-P", str(script), *arguments],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=_WALL_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout


def _axis_names(found: _Description) -> list[str] | None:
    """Names of axes: ilastik's axistags, a text of letters, or labels of dimensions."""
    tags = found.attributes.get("axistags")
    if isinstance(tags, str):
        try:
            return [str(axis["key"]) for axis in json.loads(tags)["axes"]]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise DamagedFileError("its axistags cannot be read") from None
    for name in ("axes", "DIMENSION_LABELS"):
        value = found.attributes.get(name)
        names = list(value) if isinstance(value, str | list) else []
        if names and (found_names := short_names(names)) is not None:
            return list(found_names)
    return None


def _sizes(found: _Description, names: list[str] | None) -> list[float | None] | None:
    """Sizes in nanometres along the axes of the array."""
    for name, unit in (("resolution", "nm"), ("element_size_um", "um")):
        values = found.attributes.get(name)
        if not isinstance(values, list):
            continue
        sizes = _along_axes(found, names, [in_nanometres(value, unit) for value in values])
        if sizes is not None:
            return sizes
    return None


def _offsets(found: _Description, names: list[str] | None) -> list[float | None] | None:
    """Nanometres before the first pixel along the axes of the array, as CREMI gives them."""
    values = found.attributes.get("offset")
    if not isinstance(values, list):
        return None
    return _along_axes(found, names, [length_in_nanometres(value, "nm") for value in values])


def _along_axes(
    found: _Description, names: list[str] | None, values: list[float | None]
) -> list[float | None] | None:
    if len(values) == 3 and len(found.shape) >= 3:  # z, y, x whatever the order of the axes
        axes = names or [*[""] * (len(found.shape) - 3), "z", "y", "x"]
        by_name = dict(zip("zyx", values))
        return [by_name.get(axis) for axis in axes]
    return values if len(values) == len(found.shape) else None


def _fill(found: _Description, dtype: np.dtype) -> np.ndarray | None:
    if found.fill is None:
        return None
    data = base64.b64decode(found.fill)
    if len(data) != dtype.itemsize:
        raise DamagedFileError("a fill value of another type")
    return np.frombuffer(data, dtype).reshape(())


def _check_fletcher32(data: bytes) -> bytes:
    body, stored = data[:-4], int.from_bytes(data[-4:], "little")
    if len(data) < 4:
        raise DamagedFileError("its check sum is missing")
    found = int(imagecodecs.h5checksum_fletcher32(body))
    # Before HDF5 1.6.3 machines of the other byte order swapped the bytes of each half.
    swapped = (found & 0xFF00FF00) >> 8 | (found & 0x00FF00FF) << 8
    if stored not in (found, swapped):
        raise DamagedFileError("its check sum is another one")
    return body
