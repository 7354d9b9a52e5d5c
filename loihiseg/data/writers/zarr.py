"""OME-Zarr 0.4 (Zarr format 2): an image with its levels, and labels in the same group.

::

    map.zarr/.zattrs           multiscales: axes z, y, x in nm, scale and place of each level
             0/ 1/ ...         levels, each half the resolution of the one before in y and x
             labels/.zattrs    names of the labels
             labels/cells/     .zattrs (multiscales and image-label), 0/ 1/ ...

A chunk is one section deep. Chunks are compressed by zlib, which every reader has and which carries
a check sum: damage is seen. Chunks of nothing but 0 are stored too: one that is missing is lost.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Literal

import numcodecs
import numpy as np
import zarr

from loihiseg.data.writers.base import (
    Kind,
    Layout,
    Output,
    SectionWriter,
    other_layout,
    system_errors,
)
from loihiseg.data.writers.pyramid import halve, level_shapes
from loihiseg.errors import InputError
from partition.storage.files import read_bytes, rename, sync_file, sync_folder, temporary_path

_MOST_CHUNK = 1024
"""Rows and columns of a chunk."""
_COMPRESSOR_LEVEL = 1
_FORMAT: Literal[2] = 2
_VERSION = "0.4"
_ATTRIBUTES = ".zattrs"
_LEFT_OVER = "*.partial"
"""What the zarr library has not renamed yet."""
_MOST_ATTRIBUTE_BYTES = 2**22


class Levels(SectionWriter):
    """One array with its levels, in a group of its own."""

    def __init__(self, path: Path, folder: Path, layout: Layout) -> None:
        """Open what `make_levels` made. Raises InputError if it has another layout, or OSError.

        path : of the output, or of labels in it, as the user knows it.
        folder : where it is now.
        """
        self.path, self.layout, self._folder = path, layout, folder
        expected = _attributes(layout, path.stem)["multiscales"]
        found = read_attributes(folder).get("multiscales")
        if found != expected:
            raise other_layout(folder, "levels, axes or scale", found, expected)
        _, height, width = layout.shape
        self._shapes = level_shapes(height, width)
        self._arrays = [self._open_level(number) for number in range(len(self._shapes))]
        self._touched: set[Path] = set()

    def _open_level(self, number: int) -> zarr.Array[Any]:
        at = self._folder / str(number)
        try:
            array = zarr.open_array(
                str(at), mode="r+", zarr_format=_FORMAT, config={"write_empty_chunks": True}
            )
        except (ValueError, KeyError, TypeError) as error:
            reason = " ".join(str(error).split())[:160]
            raise InputError(
                f"{at}: cannot be gone on with ({reason}), expected a Zarr that an earlier run "
                "began; remove the output"
            ) from None
        expected = (self.layout.shape[0], *self._shapes[number])
        if array.shape != expected or array.dtype != self.layout.dtype:
            found = f"{array.dtype} of shape {array.shape}"
            raise other_layout(at, "pixels", found, f"{self.layout.dtype} of shape {expected}")
        return array

    def _write(self, number: int, top: int, left: int, block: np.ndarray) -> None:
        for level, array in enumerate(self._arrays):
            bottom, right = top + block.shape[0], left + block.shape[1]
            array[number, top:bottom, left:right] = block
            self._touch(level, number, top, left, block.shape)
            if level + 1 == len(self._arrays):
                return
            # The next level's pixels at the rim have a part in pixels beside the block.
            height, width = self._shapes[level]
            outer = (top - top % 2, min(bottom + bottom % 2, height))
            across = (left - left % 2, min(right + right % 2, width))
            if (*outer, *across) != (top, bottom, left, right):
                block = np.asarray(array[number, slice(*outer), slice(*across)])
            block = halve(block, self.layout.kind)
            top, left = outer[0] // 2, across[0] // 2

    def _touch(self, level: int, number: int, top: int, left: int, size: tuple[int, ...]) -> None:
        """Remember which files are written."""
        rows, columns = self._arrays[level].chunks[1:]
        section = self._folder / str(level) / str(number)
        for row in range(top // rows, (top + size[0] - 1) // rows + 1):
            for column in range(left // columns, (left + size[1] - 1) // columns + 1):
                self._touched.add(section / str(row) / str(column))

    def _read(self, number: int) -> np.ndarray:
        return np.asarray(self._arrays[0][number])

    def _sync(self) -> None:
        folders: set[Path] = set()
        for file in self._touched:
            # A chunk of nothing but 0 has no file: that is what is read where there is none.
            with suppress(FileNotFoundError):
                sync_file(file)
            # Of row, section and level: each may be new.
            folders.update(file.parents[:3])
        for folder in sorted(folders, reverse=True):
            with suppress(FileNotFoundError):
                sync_folder(folder)
        self._touched.clear()


class ZarrOutput(Output):
    """One Zarr group."""

    suffixes: ClassVar[tuple[str, ...]] = (".zarr",)

    @classmethod
    def labels_path(cls, path: Path, name: str) -> Path:
        return path / "labels" / name

    def add_labels(self, name: str, dtype: np.dtype) -> SectionWriter:
        path = self.labels_path(self.path, name)
        layout = Layout(self.layout.shape, np.dtype(dtype), self.layout.pixel_nm, "labels")
        layout.check(path)
        with system_errors(path):
            return self._add(name, path, layout)

    def _add(self, name: str, path: Path, layout: Layout) -> SectionWriter:
        folder = self.labels_path(self.part, name)
        # Attributes are written last: without them a kill came between.
        if not (folder / _ATTRIBUTES).is_file():
            make_levels(folder, layout, name, {"image-label": _image_label()})
        self._labels[name] = Levels(path, folder, layout)
        group = zarr.open_group(str(folder.parent), mode="a", zarr_format=_FORMAT)
        group.attrs.update({"labels": list(self._labels)})
        sync_file(folder.parent / _ATTRIBUTES)
        sync_folder(folder.parent)
        return self._labels[name]

    def _create(self) -> None:
        temporary = temporary_path(self.part)
        try:
            make_levels(temporary, self.layout, self.path.stem)
            rename(temporary, self.part)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        self._open()

    def _open(self) -> None:
        self._labels: dict[str, Levels] = {}
        self._image = Levels(self.path, self.part, self.layout)

    def _write(self, number: int, top: int, left: int, block: np.ndarray) -> None:
        self._image._write(number, top, left, block)

    def _read(self, number: int) -> np.ndarray:
        return self._image._read(number)

    def _sync(self) -> None:
        for levels in (self._image, *self._labels.values()):
            levels._sync()

    def finish(self) -> None:
        for file in self.part.rglob(_LEFT_OVER):
            with suppress(OSError):
                os.unlink(file)
        super().finish()

    def _close(self) -> None:
        """Nothing is held open."""


def make_levels(
    folder: Path, layout: Layout, name: str, more: dict[str, Any] | None = None
) -> None:
    """Make a group with the arrays of all levels, its attributes last.

    name : that viewers show.
    more : further attributes.
    Raises OSError.
    """
    group = zarr.open_group(str(folder), mode="w", zarr_format=_FORMAT)
    n_sections, height, width = layout.shape
    for number, shape in enumerate(level_shapes(height, width)):
        group.create_array(
            str(number),
            shape=(n_sections, *shape),
            chunks=(1, *(min(length, _MOST_CHUNK) for length in shape)),
            dtype=layout.dtype.newbyteorder("<"),
            compressors=numcodecs.Zlib(_COMPRESSOR_LEVEL),
            chunk_key_encoding={"name": "v2", "separator": "/"},
            fill_value=0,
        )
        sync_file(folder / str(number) / ".zarray")
        sync_folder(folder / str(number))
    group.attrs.update({**_attributes(layout, name), **(more or {})})
    sync_file(folder / _ATTRIBUTES)
    sync_folder(folder)


def read_attributes(folder: Path) -> dict[str, Any]:
    """Attributes of a group; none if they are no JSON. Raises OSError."""
    with suppress(ValueError, RecursionError):
        found = json.loads(read_bytes(folder / _ATTRIBUTES, _MOST_ATTRIBUTE_BYTES))
        if isinstance(found, dict):
            return found
    return {}


def _attributes(layout: Layout, name: str) -> dict[str, Any]:
    """``multiscales`` of OME-Zarr."""
    sizes = layout.pixel_nm
    unit = {} if sizes is None else {"unit": "nanometer"}
    z, y, x = sizes or (1.0, 1.0, 1.0)
    levels = []
    _, height, width = layout.shape
    for number in range(len(level_shapes(height, width))):
        step = 2**number
        transforms: list[dict[str, Any]] = [
            {"type": "scale", "scale": [float(z), float(y * step), float(x * step)]}
        ]
        if number:
            # The middle of a pixel is the middle of those it is made of.
            shift = (step - 1) / 2
            transforms.append(
                {"type": "translation", "translation": [0.0, float(y * shift), float(x * shift)]}
            )
        levels.append({"path": str(number), "coordinateTransformations": transforms})
    multiscale = {
        "version": _VERSION,
        "name": name,
        "axes": [{"name": name, "type": "space", **unit} for name in "zyx"],
        "datasets": levels,
        "type": _method(layout.kind),
    }
    return {"multiscales": [multiscale]}


def _method(kind: Kind) -> str:
    """How levels are made."""
    return "mean of 2x2" if kind == "image" else "most frequent of 2x2"


def _image_label() -> dict[str, Any]:
    return {"version": _VERSION, "source": {"image": "../../"}}
