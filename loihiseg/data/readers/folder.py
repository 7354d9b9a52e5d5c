"""Folders of sections: one file per section, in natural order."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from loihiseg.data.colours import grey_codes
from loihiseg.data.readers.base import FORMS, Role, SectionReader
from loihiseg.data.readers.limits import MOST_FILES, check_declared
from loihiseg.data.readers.mrc import MrcReader
from loihiseg.data.readers.names import check_names, in_order, pair_name, split_roles
from loihiseg.data.readers.numpy_file import NumpyReader
from loihiseg.data.readers.pictures import BmpReader, JpegReader
from loihiseg.data.readers.png import PngReader
from loihiseg.data.readers.regular import cannot_read, is_folder
from loihiseg.data.readers.tiff import TiffReader
from loihiseg.data.warn import warn
from loihiseg.errors import InputError

FILE_READERS: tuple[type[SectionReader], ...] = (
    TiffReader, PngReader, JpegReader, BmpReader, MrcReader, NumpyReader
)  # fmt: skip
"""Readers of single files, asked in this order."""

SECTION_SUFFIXES = frozenset(".tif .tiff .png .jpg .jpeg .bmp".split())
# Other images: one of them among the sections is a section that would be left out.
_OTHER_IMAGES = frozenset(
    ".jp2 .j2k .jxl .gif .webp .pgm .mrc .dm3 .dm4 .ser .emi .czi .lsm .nd2".split()
)


_GREY, _CODES = np.dtype(np.uint8), np.dtype(np.uint32)


class SectionFolder(SectionReader):
    """A folder of single-section .png, .tif, .jpg or .bmp files of one size and type."""

    @classmethod
    def opens(cls, path: Path) -> bool:
        return path.is_dir()

    def __init__(self, path: Path, role: Role) -> None:
        self.path = path
        self._role: Role = role
        images, labels = split_roles(section_files(path))
        self._coded: set[bool] = set()
        self.files = labels if labels and role == "labels" else images
        if not self.files:
            raise InputError(
                f"{path}: no .png, .tif, .tiff, .jpg or .bmp files, expected {FORMS}; check the "
                "folder"
            )
        _refuse_other_images(path)
        check_names(path, self.files)
        stored = 0
        other: SectionReader | None = None
        for file in self.files:
            with open_file(file, role) as reader:
                self._check(reader)
                if file == self.files[0]:
                    self.pixel_nm, self.chunk = reader.pixel_nm, reader.chunk
                if other is None and reader.pixel_nm != self.pixel_nm:
                    other = reader
            stored += file.stat().st_size
        if other is not None:
            warn(
                f"{other.path}: pixels of another size ({other.pixel_nm} nm) than in "
                f"{self.files[0].name} ({self.pixel_nm} nm); the size counts as not known"
            )
            self.pixel_nm = None
        self.coded = True in self._coded
        if self.coded:
            self.dtype = np.dtype(np.uint32)
        n_bytes = int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize
        check_declared(path, n_bytes, stored)

    def _check(self, reader: SectionReader) -> None:
        """Compare a section with the first one."""
        first, n_files = self.files[0], len(self.files)
        if reader.shape[0] != 1:
            raise InputError(
                f"{reader.path}: has shape {reader.shape}, expected one section (height, width) in "
                f"a folder of {n_files} files; give the path of a multi-page file itself"
            )
        if reader.path == first:
            self.shape, self.dtype = (n_files, *reader.shape[1:]), reader.dtype
        if reader.shape[1:] != self.shape[1:]:
            raise InputError(
                f"{reader.path}: section of {_size(reader.shape)} pixels, expected "
                f"{_size(self.shape)} as in {first.name}; crop or pad the sections to one size"
            )
        self._coded.add(reader.coded)
        # Among sections of labels in colours some may be blank, and so grey.
        kinds = {reader.dtype, self.dtype}
        if len(kinds) > 1 and not (True in self._coded and kinds <= {_GREY, _CODES}):
            raise InputError(
                f"{reader.path}: pixels of type {reader.dtype}, expected {self.dtype} as in "
                f"{first.name}; convert the sections to one type"
            )

    def section(self, number: int) -> np.ndarray:
        return self.window(number, slice(0, self.shape[1]), slice(0, self.shape[2]))

    def window(self, number: int, rows: slice, columns: slice) -> np.ndarray:
        with open_file(self.files[number], self._role) as reader:
            self._check(reader)
            found = reader.window(0, rows, columns)
            self.n_transparent += reader.n_transparent
            return grey_codes(found) if self.coded and not reader.coded else found


def open_file(path: Path, role: Role) -> SectionReader:
    """The reader of a single file. Raises InputError."""
    for reader in FILE_READERS:
        if reader.opens(path):
            return reader(path, role)
    raise InputError(
        f"{path}: files of type {path.suffix or 'no suffix'} are not read, expected {FORMS}; "
        "convert it"
    )


def section_files(folder: Path) -> list[Path]:
    """The section files of a folder in natural order; all other files are passed over.

    Raises InputError, naming it, for what is named like a section but is no file: it would be a
    section less.
    """
    paths = []
    for path in visible(folder):
        suffix = path.suffix.lower()
        if suffix in SECTION_SUFFIXES:
            if is_folder(path):
                raise InputError(
                    f"{path}: is a folder named like a section, expected a file; rename it or "
                    "move it away"
                )
            paths.append(path)
    return in_order(paths)


def _refuse_other_images(folder: Path) -> None:
    for path in visible(folder):
        if path.suffix.lower() in _OTHER_IMAGES:
            raise InputError(
                f"{path}: images of type {path.suffix} are not read, expected .png, "
                ".tif, .jpg or .bmp sections alone; convert it or move it away"
            )


def visible(folder: Path) -> list[Path]:
    """What is in a folder, hidden names left out. Raises InputError."""
    try:
        names = [name for name in os.listdir(folder) if not name.startswith(".")]
    except OSError as error:
        raise cannot_read(folder, error) from None
    if len(names) > MOST_FILES:
        raise InputError(
            f"{folder}: has {len(names):,} files, expected at most {MOST_FILES:,}; give a part"
        )
    return [folder / name for name in sorted(names)]


def check_pairs(images: Sequence[Path], labels: Sequence[Path]) -> None:
    """Check that the files of two folders belong together, section by section.

    They pair by their names, without suffix and words such as raw and label or, where those
    differ, by the last number in them.
    Raises InputError that names files without a partner.
    """
    for key in (_stem, pair_name, _last_number):
        one, other = [key(path) for path in images], [key(path) for path in labels]
        if one == other and len(set(one)) == len(one):
            return
    lonely = [_without(images, labels), _without(labels, images)]
    if not any(lonely):
        lonely = [[path.name for path in images], [path.name for path in labels]]
    raise InputError(
        f"{labels[0].parent}: labels do not pair with the images in {images[0].parent} (no "
        f"partner: {_listed(lonely[0])} of the images, {_listed(lonely[1])} of the labels), "
        "expected the same names or numbers; rename or remove them"
    )


def _stem(path: Path) -> str:
    return path.stem


def _last_number(path: Path) -> str:
    numbers = re.findall(r"[0-9]+", path.stem)
    return numbers[-1].lstrip("0") if numbers else ""


def _without(ones: Sequence[Path], others: Sequence[Path]) -> list[str]:
    """Names whose stem and number the others lack."""
    by_stem = {_stem(path) for path in others}
    missing = [path.name for path in ones if _stem(path) not in by_stem]
    if len(missing) == len(ones):
        by_number = {_last_number(path) for path in others}
        missing = [path.name for path in ones if _last_number(path) not in by_number]
    return missing


def _listed(names: list[str]) -> str:
    return (
        ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "") or "none"
    )


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[-2]} x {shape[-1]}"
