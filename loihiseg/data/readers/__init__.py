"""EM stacks from disk, one module per format behind `SectionReader`.

What is read may come from strangers. Nothing in a file runs code, leads out of it or is believed
about sizes beyond what the file can hold (`limits`); damage is refused in one line. It goes
unnoticed only where the format has no check sum: in tags and pixels of TIFF (but those in Deflate),
and in metadata of Zarr and its chunks without crc32c, gzip or zlib. PNG has one for every byte.

A further format: a class derived from `SectionReader` and a line in `READERS`, or in
`folder.FILE_READERS` where a single file holds it, and it may be a section of a folder.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from loihiseg.data.colours import colour_labels
from loihiseg.data.readers.base import Role, SectionReader
from loihiseg.data.readers.folder import FILE_READERS, SectionFolder, check_pairs, open_file
from loihiseg.data.readers.hdf5 import Hdf5Reader, split_path
from loihiseg.data.readers.locate import locate
from loihiseg.data.readers.n5 import N5Reader
from loihiseg.data.readers.regular import cannot_read, is_folder
from loihiseg.data.readers.same_place import check_same_place
from loihiseg.data.readers.zarr import ZarrReader
from loihiseg.data.resampling import PixelSizes, resampling_of
from loihiseg.data.stack import LabelOptions, LabelPolarity, Stack, make_stack
from loihiseg.data.warn import warn
from loihiseg.errors import InputError

__all__ = ["READERS", "SectionReader", "open_sections", "read_stack", "warn_of_transparent"]

READERS: tuple[type[SectionReader], ...] = (
    ZarrReader, N5Reader, Hdf5Reader, SectionFolder, *FILE_READERS
)  # fmt: skip
"""Readers of paths, asked in this order."""


def read_stack(
    path: str | Path,
    labels: str | Path | None = None,
    label_polarity: LabelPolarity = "auto",
    label_options: LabelOptions = LabelOptions(),  # noqa: B008 (frozen)
    sizes: PixelSizes = PixelSizes(),  # noqa: B008 (frozen)
) -> Stack:
    """Read an EM stack, axes "zyx", with its membrane labels if there are any.

    path : one of
        a folder with `train-volume.tif` and `train-labels.tif` (the ISBI 2012 challenge), or one
        `*volume*.tif` and at most one `*labels*.tif`;
        a TIFF, MRC or .npy file, single or multi-page; a PNG, JPEG or BMP of one section;
        a folder of single-section .png, .tif, .jpg or .bmp files in the order of the numbers in
        their names (2 before 10), images and labels told apart by words such as raw and label; or
        with such files in the subfolders `images/` and, optionally, `labels/` or `masks/`;
        a Zarr (format 2 or 3): OME-Zarr, a WEBKNOSSOS dataset, an array, or a group with an array
        `raw`, `images`, `volume`, `volumes/raw` or `0` and optionally `labels`;
        an N5 array or group;
        an HDF5 file, alone or as FILE:/PATH/INSIDE; CREMI's and ilastik's names are known.
    labels : where the labels are when not beside the images, in any of the single-array forms;
        overrides labels found at `path`.
    label_polarity, label_options : see `make_stack`, which also describes the pixel types.
    sizes : of pixels, where the file's are to be replaced or the stack is for a network that knows
        its own; it is then resampled, see `loihiseg.data.resampling`.

    Raises InputError, one line naming the file, for everything that cannot be read as a stack.
    """
    path = Path(path)
    with _system_errors(path):
        images_at, labels_at = locate(path)
        if labels is not None:
            labels_at = Path(labels)
        with open_sections(images_at, "images") as reader:
            if labels_at is None:
                images, drawn = _read_all(reader), _Drawn(None, label_options)
            else:
                images, drawn = _read_both(reader, labels_at, label_options)
            warn_of_transparent(reader, reader.n_transparent)
        resampling, pixel_nm = resampling_of(reader.pixel_nm, sizes, str(path))
        stack = make_stack(
            images,
            drawn.labels,
            str(path),
            label_polarity,
            str(labels_at),
            drawn.options,
            resampling,
        )
    told = drawn.colours + stack.polarity
    if resampling is None:
        return replace(stack, pixel_nm=pixel_nm, polarity=told)
    depth = None if pixel_nm is None else pixel_nm[0]
    now_nm = (depth, *resampling.network_nm)
    return replace(stack, pixel_nm=now_nm, polarity=f"{told}; {resampling}")


@dataclass(frozen=True, eq=False)
class _Drawn:
    """Labels (n_sections, height, width) or None, how to read them, what their colours were."""

    labels: np.ndarray | None
    options: LabelOptions
    colours: str = ""


def _read_both(
    reader: SectionReader, labels_at: Path, options: LabelOptions
) -> tuple[np.ndarray, _Drawn]:
    """Images, and the labels that belong to them."""
    with open_sections(labels_at, "labels") as label_reader:
        if isinstance(reader, SectionFolder) and isinstance(label_reader, SectionFolder):
            check_pairs(reader.files, label_reader.files)
        check_same_place(reader, label_reader)
        images, labels = _read_all(reader), _read_all(label_reader)
        if not label_reader.coded:
            return images, _Drawn(labels, options)
    return images, _Drawn(*colour_labels(labels, str(labels_at), options))


def open_sections(path: str | Path, role: Role = "images") -> SectionReader:
    """A reader of one array, section by section, for `with`.

    path : in any of the single-array forms of `read_stack`.
    role : which array of a Zarr group is meant.
    Raises InputError.
    """
    path = Path(path)
    is_folder(split_path(path)[0])  # names what is missing
    for reader in READERS:
        if reader.opens(path):
            return reader(path, role)
    return open_file(path, role)


def warn_of_transparent(reader: SectionReader, n_transparent: int) -> None:
    """Warn of pixels of a stack that are wholly transparent, if there are any."""
    if n_transparent:
        share = n_transparent / math.prod(reader.shape)
        warn(
            f"{reader.path}: {100 * share:.1f} % of the pixels are transparent: they are taken as "
            "black, and as padding where they are a border or a void"
        )


def _read_all(reader: SectionReader) -> np.ndarray:
    """(n_sections, height, width)."""
    array = np.empty(reader.shape, reader.dtype)
    for number in range(len(array)):
        array[number] = reader.section(number)
    return array


@contextlib.contextmanager
def _system_errors(path: Path) -> Iterator[None]:
    """What the system refuses anywhere in between, in one line."""
    try:
        yield
    except OSError as error:
        raise cannot_read(error.filename or path, error) from None
    except MemoryError:
        raise InputError(
            f"{path}: needs more memory than there is, expected a stack that fits; give a part of "
            "it"
        ) from None
