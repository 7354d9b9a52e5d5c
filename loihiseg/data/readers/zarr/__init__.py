"""Stacks from Zarr, formats 2 and 3, without leaving the folder.

The files are read here and not through the `zarr` library, which decompresses whatever a chunk says
it holds and trusts the sizes in it; what is decoded is bounded by the shape of a chunk instead.
Writing is left to the library, and tests compare what both read.

A chunk with `crc32c`, `gzip` or `zlib` carries a check sum; damage to chunks without one (Blosc,
LZ4, and Zstandard unless its writer asked for one) can come out as other pixels, and so can damage
to the metadata, which has none in either format.
"""

from __future__ import annotations

import logging
import math
import os
from pathlib import Path

import numpy as np

from loihiseg.data.readers.base import (
    DamagedFileError,
    Role,
    SectionReader,
    not_supported,
    unreadable,
)
from loihiseg.data.readers.limits import check_declared, check_segment
from loihiseg.data.readers.zarr.chunks import ChunkFolder, indices
from loihiseg.data.readers.zarr.codecs import UnknownCodecError
from loihiseg.data.readers.zarr.metadata import array_metadata, read_json
from loihiseg.errors import InputError

# Array names looked up in a group, in this order; "0" is the full scale of OME-Zarr.
_NAMES: dict[Role, tuple[str, ...]] = {
    "images": ("raw", "images", "volume", "volumes/raw", "0"),
    "labels": ("labels", "volumes/labels"),
}
_MARKERS = (".zarray", ".zgroup", "zarr.json")
_LISTED = 8

logger = logging.getLogger(__name__)


class ZarrReader(SectionReader):
    """An array, or the array of a usual name in a group.

    Axes of length one in front, time and channel of OME-Zarr, are left out. Chunks that are not
    stored have the fill value, as the format says; their number is logged as a warning, and a
    section without a single chunk is refused.
    """

    @classmethod
    def opens(cls, path: Path) -> bool:
        return path.is_dir() and any((path / marker).is_file() for marker in _MARKERS)

    def __init__(self, path: Path, role: Role) -> None:
        self.path = path
        try:
            folder = _array_folder(path, _NAMES[role])
            metadata = array_metadata(folder)
            self._n_leading = _leading_axes(metadata.shape, path)
            check_segment(path, math.prod(metadata.chunk) * metadata.dtype.itemsize, "chunk")
            self._chunks = ChunkFolder(folder, metadata)
        except DamagedFileError as error:
            raise unreadable(path, "Zarr", error) from None
        except UnknownCodecError as error:
            raise not_supported(path, error.found, error.expected) from None
        self.shape = _last_three(metadata.shape)
        self.dtype = metadata.dtype.newbyteorder("=")
        self._check_stored()
        n_bytes = math.prod(metadata.shape) * metadata.dtype.itemsize
        check_declared(path, n_bytes, self._chunks.stored_bytes)
        self._layer_number = -1
        self._layer = np.empty((0, 0, 0), self.dtype)

    def section(self, number: int) -> np.ndarray:
        # Sections of one layer of chunks are decoded together, and mostly asked for in order.
        layer, inside = divmod(number, self._depth)
        if layer != self._layer_number:
            self._layer = self._read_layer(layer)
            self._layer_number = layer
        return self._layer[inside]

    @property
    def _depth(self) -> int:
        """Sections of a layer of chunks."""
        return (1, *self._chunks.metadata.chunk)[-3]

    def _grid(self) -> tuple[int, int, int]:
        return _last_three(self._chunks.grid)

    def _read_layer(self, layer: int) -> np.ndarray:
        """(sections, height, width) of one layer of chunks."""
        first = layer * self._depth
        n_sections = min(self._depth, self.shape[0] - first)
        pixels = np.empty((n_sections, *self.shape[1:]), self.dtype)
        _, n_down, n_across = self._grid()
        height, width = self._chunks.metadata.chunk[-2:]
        for _, row, column in indices([range(1), range(n_down), range(n_across)]):
            index = (*(0,) * self._n_leading, layer, row, column)[-len(self._chunks.grid) :]
            part = pixels[
                :, row * height : (row + 1) * height, column * width : (column + 1) * width
            ]
            try:
                chunk = self._chunks.read(index)
            except DamagedFileError as error:
                name = "chunk " + ".".join(map(str, index))
                raise unreadable(self.path, "Zarr", f"{name}: {error}") from None
            # Only the first of the axes in front exists; a chunk may be longer.
            chunk = chunk[(0,) * self._n_leading].reshape((-1, height, width))
            part[...] = chunk[: part.shape[0], : part.shape[1], : part.shape[2]]
        return pixels

    def _check_stored(self) -> None:
        stored = self._chunks.is_stored.reshape(self._grid())
        n_missing = int(stored.size - stored.sum())
        if not n_missing:
            return
        empty = np.flatnonzero(~stored.any(axis=(1, 2)))
        if empty.size:
            raise unreadable(
                self.path,
                "Zarr",
                f"not one chunk of section {empty[0] * self._depth} is stored, nor of "
                f"{len(empty) - 1} further layers",
            )
        logger.warning(
            "%s: %d of %d chunks are not stored and read as %s, the fill value; right for blank "
            "regions, else copy the Zarr again",
            self.path,
            n_missing,
            stored.size,
            self._chunks.metadata.fill,
        )


def zarr_labels(path: Path) -> Path | None:
    """The label array in a group of images, if it is one and has any."""
    if _node_type(path) == "array":
        return None
    for name in _NAMES["labels"]:
        if os.path.lexists(path / name) and _node_type(path / name) == "array":
            return path / name
    return None


def _array_folder(path: Path, names: tuple[str, ...]) -> Path:
    if _node_type(path) == "array":
        return path
    for name in names:
        if _node_type(path / name) == "array":
            _refuse_links_out(path, path / name)
            return path / name
    contents = [entry.name for entry in sorted(path.iterdir()) if _node_type(entry)]
    listed = ", ".join(contents[:_LISTED]) or "nothing"
    raise InputError(
        f"{path}: the Zarr group holds {listed}, expected an array named "
        f"{', '.join(names)}; give the path of the array itself"
    )


def _refuse_links_out(root: Path, folder: Path) -> None:
    if not os.path.realpath(folder).startswith(os.path.realpath(root) + os.sep):
        raise InputError(
            f"{folder}: is a link that leads out of the Zarr, expected an array; give the path of "
            "the array itself"
        )


def _node_type(path: Path) -> str:
    """What a folder holds: "array", "group" or, for no Zarr, nothing."""
    document = None
    try:
        document = read_json(path / "zarr.json")
    except DamagedFileError as error:
        raise unreadable(path, "Zarr", error) from None
    if document is not None:
        return str(document.get("node_type"))[:20]
    if (path / ".zarray").is_file():
        return "array"
    return "group" if (path / ".zgroup").is_file() else ""


def _last_three(lengths: tuple[int, ...]) -> tuple[int, int, int]:
    """Along sections, rows and columns; one section where there are two axes."""
    return (1, *lengths)[-3], lengths[-2], lengths[-1]


def _leading_axes(shape: tuple[int, ...], path: Path) -> int:
    """Number of axes in front of (sections, height, width); all must be of length one."""
    n_leading = max(len(shape) - 3, 0)
    if len(shape) < 2 or math.prod(shape[:n_leading]) != 1:
        raise InputError(
            f"{path}: an array of shape {shape}, expected (sections, height, width), with nothing "
            "but axes of length one in front; give one channel"
        )
    return n_leading
