"""TIFF: one uncompressed stack that Fiji and napari open with its pixel size.

uint8, uint16 and float32 up to 4 GB are ImageJ hyperstacks: resolution, unit and spacing in the
tags where Fiji looks for them. What ImageJ has no form for is OME-TIFF: uint32 labels (Fiji opens
them through Bio-Formats; its own reader turns them into float32, exact up to 16,777,216), whatever
is larger than 4 GB (as BigTIFF), and on request all that is named ``.ome.tif``.

The pixels of all sections lie behind each other, so that each has its place from the start. The
file is made at its full size, as a hole where the file system has holes; sections are written into
it, not mapped, so that a full disk is an error and not the end of the process.
"""

from __future__ import annotations

import math
import os
import shutil
import uuid
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tifffile

from loihiseg.data.writers.base import (
    Layout,
    Output,
    SectionWriter,
    other_layout,
    partial_path,
    refuse_existing,
    system_errors,
)
from loihiseg.errors import InputError
from partition.storage.files import rename, sync_file, temporary_path
from partition.system import OF_FILES, bytes_on_disk, read_into, write_at

_IMAGEJ_DTYPES = ("uint8", "uint16", "float32")
_MOST_CLASSIC_BYTES = 2**32 - 2**25
"""Of pixels, in a TIFF with offsets of 32 bits; the rest is for tags."""
_NM_PER_CM = 1e7
_OME = ".ome"


class TiffOutput(Output):
    """One TIFF file, and one for each kind of labels: ``map.tif``, ``map-cells.tif``."""

    suffixes: ClassVar[tuple[str, ...]] = (".tif", ".tiff")

    def __init__(self, path: Path, layout: Layout, resume: bool) -> None:
        self._handle = -1
        self._labels: dict[str, TiffOutput] = {}
        if layout.shape[2] == 1:
            # tifffile takes the column for a channel, and writes pages of another shape.
            raise InputError(
                f"{path}: sections of one column are not written as TIFF; choose a name in .zarr"
            )
        try:
            super().__init__(path, layout, resume)
        except BaseException:
            self._close()
            raise

    @classmethod
    def labels_path(cls, path: Path, name: str) -> Path:
        stem, suffix = path.stem, path.suffix
        if stem.lower().endswith(_OME):
            stem, suffix = stem[: -len(_OME)], stem[-len(_OME) :] + suffix
        return path.with_name(f"{stem}-{name}{suffix}")

    def add_labels(self, name: str, dtype: np.dtype) -> SectionWriter:
        path = self.labels_path(self.path, name)
        layout = Layout(self.layout.shape, np.dtype(dtype), self.layout.pixel_nm, "labels")
        layout.check(path)
        part = partial_path(path)
        # The run was killed between its last steps: labels have their name, the image has not.
        if self.resumed and path.exists() and not os.path.lexists(part):
            with system_errors(path):
                rename(path, part)
        self._labels[name] = TiffOutput(path, layout, self.resumed)
        return self._labels[name]

    def finish(self) -> None:
        # The image last: where it has its name, all is there.
        refuse_existing(self.path)
        for labels in self._labels.values():
            labels.finish()
        super().finish()

    def _create(self) -> None:
        self._check_space(0)
        temporary = temporary_path(self.part)
        try:
            make_empty(temporary, self.layout, self.path)
            sync_file(temporary)
            rename(temporary, self.part)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        self._open()

    def _open(self) -> None:
        self._offset, self._stored_dtype = check_begun(self.part, self.layout, self.path)
        self._handle = os.open(self.part, os.O_RDWR | OF_FILES)
        self._check_space(bytes_on_disk(os.fstat(self._handle)))

    def _check_space(self, taken: int) -> None:
        needed = self.layout.n_bytes - taken
        free = shutil.disk_usage(self.path.parent).free
        if needed > free:
            raise InputError(
                f"{self.path}: needs {needed / 1e9:,.3f} GB of disk, {free / 1e9:,.3f} GB are "
                "free there; make space, or choose another place for the output"
            )

    def _write(self, number: int, top: int, left: int, block: np.ndarray) -> None:
        stored = np.ascontiguousarray(block, self._stored_dtype)
        if stored.shape[1] == self.layout.shape[2]:
            stored = stored.reshape(1, -1)
        for row, pixels in enumerate(stored):
            at, rest = self._place(number, top + row, left), pixels.data.cast("B")
            while rest:
                n_written = write_at(self._handle, rest, at)
                at, rest = at + n_written, rest[n_written:]

    def _read(self, number: int) -> np.ndarray:
        _, height, width = self.layout.shape
        section = np.empty((height, width), self._stored_dtype)
        at, rest = self._place(number, 0, 0), section.data.cast("B")
        while rest:
            n_read = read_into(self._handle, rest, at)
            if not n_read:
                raise OSError(f"ends in section {number}; was it cut by another program?")
            at, rest = at + n_read, rest[n_read:]
        return section.astype(self.layout.dtype, copy=False)

    def _place(self, number: int, row: int, column: int) -> int:
        """Offset of a pixel in the file."""
        _, height, width = self.layout.shape
        pixel = (number * height + row) * width + column
        return self._offset + pixel * self.layout.dtype.itemsize

    def _sync(self) -> None:
        for labels in self._labels.values():
            labels.sync()
        if self._handle >= 0:
            os.fsync(self._handle)

    def _close(self) -> None:
        with ExitStack() as stack:
            for labels in self._labels.values():
                stack.callback(labels.close)
            if self._handle >= 0:
                handle, self._handle = self._handle, -1
                os.close(handle)


def make_empty(at: Path, layout: Layout, path: Path) -> None:
    """Write a TIFF whose pixels are all 0.

    at : where it is written.
    layout : of the stack.
    path : that it will have, which decides about its form too.
    Raises OSError.
    """
    form, tags = _form(layout, path)
    with tifffile.TiffWriter(at, **form) as writer:
        writer.write(None, shape=layout.shape, dtype=layout.dtype, photometric="minisblack", **tags)


def check_begun(part: Path, layout: Layout, path: Path) -> tuple[int, np.dtype]:
    """Where the pixels of a partial TIFF begin, and their type with the byte order in the file.

    Raises InputError if it is not what `make_empty` makes, or OSError.
    """
    try:
        with tifffile.TiffFile(part) as tiff:
            series, page, software = tiff.series[0], tiff.pages.first, tiff.pages.first.software
            offset, order = series.dataoffset, tiff.byteorder
            # tifffile leaves out axes of length one, so the series' own shape is not asked for.
            size = page.imagelength, page.imagewidth
            shape = (series.size // math.prod(size), *size)
            same = shape == layout.shape and series.dtype == layout.dtype
    except (
        tifffile.TiffFileError,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        ZeroDivisionError,
    ) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(
            f"{part}: cannot be gone on with ({reason}), expected a TIFF that an earlier run "
            "began; remove it"
        ) from None
    if not same:
        found = f"{series.dtype} of shape {shape}"
        raise other_layout(part, "pixels", found, f"{layout.dtype} of shape {layout.shape}")
    if software != _software(layout, path) or offset is None:
        raise other_layout(part, "another pixel size, name or program", software, "the same")
    return offset, layout.dtype.newbyteorder(order)


def _form(layout: Layout, path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options of the file and of the stack in it, as tifffile wants them."""
    is_big = layout.n_bytes + 512 * layout.shape[0] > _MOST_CLASSIC_BYTES
    is_imagej = (
        layout.dtype.name in _IMAGEJ_DTYPES and not is_big and not path.stem.lower().endswith(_OME)
    )
    sizes = layout.pixel_nm
    metadata: dict[str, Any] = {"axes": "ZYX"}
    tags: dict[str, Any] = {"metadata": metadata, "software": _software(layout, path)}
    if is_imagej:
        if sizes is not None:
            metadata.update(unit="nm", spacing=sizes[0])
            tags.update(resolution=(1 / sizes[2], 1 / sizes[1]), resolutionunit="NONE")
        return {"imagej": True, "bigtiff": False}, tags
    # Not by chance, as tifffile would have it: the same layout is the same bytes.
    metadata["UUID"] = f"urn:uuid:{_identity(layout, path)}"
    if sizes is not None:
        for axis, size in zip("ZYX", sizes, strict=True):
            metadata |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": "nm"}
        per_cm = (_NM_PER_CM / sizes[2], _NM_PER_CM / sizes[1])
        tags.update(resolution=per_cm, resolutionunit="CENTIMETER")
    return {"ome": True, "bigtiff": is_big}, tags


def _software(layout: Layout, path: Path) -> str:
    """What stands in a file as its maker, with all that a partial one must agree in."""
    return f"loihiseg {_identity(layout, path)}"


def _identity(layout: Layout, path: Path) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{layout} {path.name}")
