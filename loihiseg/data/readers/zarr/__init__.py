"""Stacks from Zarr, formats 2 and 3, without leaving the folder.

The files are read here and not through the `zarr` library, which decompresses whatever a chunk says
it holds and trusts the sizes in it; what is decoded is bounded by the shape of a chunk instead.
Writing is left to the library, and tests compare what both read.

A chunk with `crc32c`, `gzip` or `zlib` carries a check sum; damage to chunks without one (Blosc,
LZ4, and Zstandard unless its writer asked for one) can come out as other pixels, and so can damage
to the metadata, which has none in either format.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from loihiseg.data.readers.axes import axis_order
from loihiseg.data.readers.base import DamagedFileError, Role, not_supported, unreadable
from loihiseg.data.readers.blocks import ChunkedReader
from loihiseg.data.readers.limits import check_declared, check_segment
from loihiseg.data.readers.zarr.chunks import ChunkFolder
from loihiseg.data.readers.zarr.codecs import UnknownCodecError
from loihiseg.data.readers.zarr.groups import DATASOURCE, find_array, find_labels
from loihiseg.data.readers.zarr.metadata import array_metadata

_MARKERS = (".zarray", ".zgroup", "zarr.json")


class ZarrReader(ChunkedReader):
    """An array, or the array of a group that its metadata or a usual name says, see `groups`.

    Axes are those that the metadata names, in any order; time and channels of length one are left
    out. Chunks that are not stored have the fill value, as the format says; a warning says how
    many, and a section without a single chunk is refused, as are missing chunks without a value.
    """

    @classmethod
    def opens(cls, path: Path) -> bool:
        return path.is_dir() and any(
            (path / marker).is_file() for marker in (*_MARKERS, DATASOURCE)
        )

    def __init__(self, path: Path, role: Role) -> None:
        self.path = path
        try:
            found = find_array(path, role)
            metadata = array_metadata(found.folder)
            self.order = axis_order(
                metadata.shape, found.axes, path, may_be_colours=role == "labels"
            )
            check_segment(path, math.prod(metadata.chunk) * metadata.dtype.itemsize, "chunk")
            self._chunks = ChunkFolder(found.folder, metadata)
        except DamagedFileError as error:
            raise unreadable(path, "Zarr", error) from None
        except UnknownCodecError as error:
            raise not_supported(path, error.found, error.expected) from None
        self.lengths, self.chunk_lengths = metadata.shape, metadata.chunk
        self.dtype = metadata.dtype.newbyteorder("=")
        self.pixel_nm = self.order.nanometres(found.sizes_nm)
        self.origin_nm = self.order.nanometres(found.origin_nm)
        self.arrange()
        fill = metadata.fill if metadata.fill_known else None
        self.check_stored(self._chunks.is_stored, fill, "Zarr")
        n_bytes = math.prod(metadata.shape) * metadata.dtype.itemsize
        check_declared(path, n_bytes, self._chunks.stored_bytes)
        self.look_for_colours(role)

    def read_chunk(self, index: tuple[int, ...]) -> np.ndarray:
        try:
            return self._chunks.read(index)
        except DamagedFileError as error:
            name = "chunk " + ".".join(map(str, index))
            raise unreadable(self.path, "Zarr", f"{name}: {error}") from None


def zarr_labels(path: Path) -> Path | None:
    """The label array or image in a group of images, if it is one and has any.

    Raises InputError.
    """
    try:
        return find_labels(path)
    except DamagedFileError as error:
        raise unreadable(path, "Zarr", error) from None
