"""The chunks of one Zarr array on disk: which there are, and their values."""

from __future__ import annotations

import math
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from loihiseg.data.readers.base import DamagedFileError
from loihiseg.data.readers.limits import MOST_CHUNKS, MOST_FILES
from loihiseg.data.readers.regular import RegularFile, cannot_read
from loihiseg.data.readers.zarr.codecs import decode
from loihiseg.data.readers.zarr.metadata import ArrayMetadata, Shards
from loihiseg.errors import InputError

Index = tuple[int, ...]

_NOT_STORED = 2**64 - 1  # place and size of a chunk that a shard lacks
_NUMBER = r"(?:0|[1-9][0-9]{0,8})"
# A compressor that gains nothing adds less than this.
_MOST_OVERHEAD, _MOST_GROWTH = 2**16, 1.25


class ChunkFolder:
    """The chunks of an array.

    grid : number of chunks along each axis; those of shards beyond the end are not counted.
    is_stored : bool of that shape.
    stored_bytes : of all chunks together.
    """

    def __init__(self, folder: Path, metadata: ArrayMetadata) -> None:
        """Look at all files, decoding none.

        Raises InputError for links that lead out of the folder and for what cannot be read, and
        DamagedFileError.
        """
        self.metadata = metadata
        self._folder = folder
        self._root = os.path.realpath(folder)
        self.grid = _ceil_divide(metadata.shape, metadata.chunk)
        self.stored_bytes = 0
        per_file = metadata.shards.grid if metadata.shards else (1,) * len(self.grid)
        files = _ceil_divide(self.grid, per_file)
        n_chunks = math.prod(files) * math.prod(per_file)
        if math.prod(files) > MOST_FILES or n_chunks > MOST_CHUNKS:
            raise DamagedFileError(
                f"declares {n_chunks:,} chunks in {math.prod(files):,} files, expected at most "
                f"{MOST_CHUNKS:,} in {MOST_FILES:,}"
            )
        self.is_stored = np.zeros(self.grid, bool)
        # Places and sizes of the chunks in each shard, (*shards.grid, 2) uint64.
        self._tables: dict[Index, np.ndarray] = {}
        for index in self._listed():
            if any(i >= n for i, n in zip(index, files)):
                raise DamagedFileError(
                    f"chunk {self.name(index)[:60]} is outside of an array of shape "
                    f"{metadata.shape}"
                )
            self.stored_bytes += self._size(self._folder / self.name(index))
            if metadata.shards is None:
                self.is_stored[index] = True
            else:
                self._add_shard(index, metadata.shards)

    def read(self, index: Index) -> np.ndarray:
        """A chunk, `metadata.chunk` in native byte order, whole also at the end of the array.

        Raises DamagedFileError.
        """
        metadata = self.metadata
        if not self.is_stored[index]:
            return np.broadcast_to(
                metadata.fill.astype(metadata.fill.dtype.newbyteorder("=")), metadata.chunk
            )
        n_bytes = math.prod(metadata.chunk) * metadata.dtype.itemsize
        data = decode(self._stored(index, n_bytes), metadata.codecs, n_bytes)
        if metadata.dtype.kind == "b" and data.strip(b"\x00\x01"):
            raise DamagedFileError("a chunk of booleans with other values than 0 and 1")
        stored_shape = tuple(metadata.chunk[axis] for axis in metadata.axes)
        values = np.frombuffer(data, metadata.dtype).reshape(stored_shape)
        return values.transpose(np.argsort(metadata.axes)).astype(
            metadata.dtype.newbyteorder("="), copy=False
        )

    def name(self, index: Index) -> str:
        """The file of a chunk or shard, relative to the folder of the array."""
        return self.metadata.name_prefix + self.metadata.separator.join(map(str, index))

    def _listed(self) -> Iterator[Index]:
        """The chunks or shards for which there is a file, or what looks like one."""
        prefix, separator = self.metadata.name_prefix, self.metadata.separator
        if separator == "/":
            folder = self._folder / prefix
            return self._nested(folder) if os.path.lexists(folder) else iter(())
        names = (name for name in os.listdir(self._folder) if name.startswith(prefix))
        pattern = re.compile(r"\.".join([_NUMBER] * len(self.grid)))
        return (
            tuple(map(int, name.removeprefix(prefix).split(".")))
            for name in names
            if pattern.fullmatch(name.removeprefix(prefix))
        )

    def _nested(self, folder: Path, above: Index = ()) -> Iterator[Index]:
        for name in os.listdir(folder):
            if re.fullmatch(_NUMBER, name):
                index = (*above, int(name))
                if len(index) == len(self.grid):
                    yield index
                else:
                    yield from self._nested(folder / name, index)

    def _size(self, path: Path) -> int:
        """Bytes of the file of a chunk or shard."""
        try:
            status = os.stat(path)
        except FileNotFoundError:
            raise self._astray(path) from None
        except OSError as error:
            raise cannot_read(path, error) from None
        if not stat.S_ISREG(status.st_mode):
            raise InputError(
                f"{path}: is no regular file, expected a chunk; check how the Zarr was copied"
            )
        if not os.path.realpath(path).startswith(self._root + os.sep):
            raise self._astray(path)
        return status.st_size

    def _astray(self, path: Path) -> InputError:
        return InputError(
            f"{path}: is a link that leads out of the Zarr or nowhere, expected a chunk; copy the "
            "chunk there"
        )

    def _add_shard(self, index: Index, shards: Shards) -> None:
        table = self._read_table(index, shards)
        self._tables[index] = table
        first = [i * n for i, n in zip(index, shards.grid)]
        inside = tuple(
            slice(0, min(n, total - start))
            for n, total, start in zip(shards.grid, self.grid, first)
        )
        here = tuple(slice(start, start + n) for start, n in zip(first, shards.grid))
        self.is_stored[here] = (table[..., 1] != _NOT_STORED)[inside]

    def _read_table(self, index: Index, shards: Shards) -> np.ndarray:
        n_bytes = 16 * math.prod(shards.grid)
        stored = n_bytes + 4 * len(shards.index_codecs)
        file = RegularFile(self._folder / self.name(index))
        try:
            data = file.read(0 if shards.index_first else file.size - stored, stored)
            table = np.frombuffer(decode(data, shards.index_codecs, n_bytes), "<u8")
            size = file.size
        except DamagedFileError as error:
            raise DamagedFileError(f"shard {self.name(index)}: {error}") from None
        finally:
            file.close()
        table = table.reshape(*shards.grid, 2)
        absent = (table == _NOT_STORED).all(-1)
        places = table[~absent]
        ends_inside = (places <= size).all() and (places.sum(1) <= size).all()
        if not ends_inside or int(places[:, 1].sum()) > size:
            raise DamagedFileError(f"shard {self.name(index)}: chunks are past its end or overlap")
        return table

    def _stored(self, index: Index, n_bytes: int) -> bytes:
        """The bytes of a chunk as they are stored."""
        shards = self.metadata.shards
        per_file = shards.grid if shards else (1,) * len(index)
        path = self._folder / self.name(tuple(i // n for i, n in zip(index, per_file)))
        file = RegularFile(path)
        try:
            place, size = 0, file.size
            if shards:
                table = self._tables[tuple(i // n for i, n in zip(index, per_file))]
                place, size = map(int, table[tuple(i % n for i, n in zip(index, per_file))])
            if size > _MOST_GROWTH * n_bytes + _MOST_OVERHEAD:
                raise DamagedFileError(f"{size:,} bytes for a chunk of {n_bytes:,}")
            return file.read(place, size)
        finally:
            file.close()


def _ceil_divide(lengths: Index, parts: Index) -> Index:
    return tuple(-(-length // part) for length, part in zip(lengths, parts))
