"""Stacks and sections from TIFF files.

TIFF has no check sum. Damage to its structure is refused, damage to pixels that are stored as they
are, or with LZW, PackBits, JPEG or Zstandard, can come out as other pixels; Deflate carries a check
sum of each strip. The description and the tags are protected by nothing.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from loihiseg.data.readers.base import (
    DamagedFileError,
    Role,
    SectionReader,
    not_supported,
    unreadable,
)
from loihiseg.data.readers.channels import are_colours, grey_or_codes, transparent
from loihiseg.data.readers.limits import MOST_PAGES, check_declared, check_segment
from loihiseg.data.readers.regular import RegularFile
from loihiseg.data.readers.tiff.declared import declared_sections
from loihiseg.data.readers.tiff.directories import (
    Format,
    Page,
    UnsupportedError,
    read_directories,
    read_resolution,
)
from loihiseg.data.readers.tiff.segments import (
    check_supported,
    read_page,
    reads_rows,
    segment_bytes,
)
from loihiseg.data.readers.tiff.sizes import pixel_sizes
from loihiseg.errors import InputError

TIFF_SUFFIXES = frozenset({".tif", ".tiff"})


class TiffReader(SectionReader):
    """A TIFF or BigTIFF file, a section per page.

    Grey of 1 bit becomes 0 and 255; where white is zero, values are turned round; palettes are
    looked up. Pages without compression that follow the first in one piece, as ImageJ and tifffile
    write them, are read too. Sub-directories and pages in other files are not followed.
    """

    @classmethod
    def opens(cls, path: Path) -> bool:
        return path.suffix.lower() in TIFF_SUFFIXES and not path.is_dir()

    def __init__(self, path: Path, role: Role) -> None:
        self.path = path
        self._opaque: dict[int, bool] = {}  # of pages, whether any pixel is
        self._file = RegularFile(path)
        try:
            self._pages, description = read_directories(self._file)
            page = self._pages[0]
            _check_alike(path, self._pages)
            n_values = page.format.height * page.format.width * page.format.n_samples
            n_sections = declared_sections(path, description, len(self._pages), n_values)
            for one in self._pages:
                check_supported(one)
                check_segment(path, segment_bytes(one, one.segments.shape[0]), "strip or tile")
            check_declared(path, n_sections * page.format.n_bytes, self._stored_bytes())
            if n_sections > len(self._pages):
                self._pages = _follow(page, n_sections, self._file.size)
            self._colours = _colours(page)
        except BaseException as error:
            self.close()
            raise _named(error, path) from None
        self.shape = (n_sections, page.format.height, page.format.width)
        self.dtype = _decoded_dtype(page, self._colours)
        self.pixel_nm = pixel_sizes(description, *read_resolution(self._file))
        deep, wide = 1 if reads_rows(page) else page.segments.shape[0], page.segments.shape[1]
        self.chunk = (1, min(deep, self.shape[1]), min(wide, self.shape[2]))
        if role == "labels" and self.dtype == np.uint8:
            self._look_for_colours()

    def section(self, number: int) -> np.ndarray:
        return self.window(number, slice(0, self.shape[1]), slice(0, self.shape[2]))

    def window(self, number: int, rows: slice, columns: slice) -> np.ndarray:
        pixels = self._pixels(number, rows, columns)
        says = self._alpha_says(number, pixels)
        hidden = None if self.coded else transparent(pixels, alpha_says=says)
        self.n_transparent += 0 if hidden is None else int(hidden.sum())
        # tifffile writes three sections as the planes of one colour page unless told otherwise.
        planar = self._pages[number].format.planar
        hint = " (sections: write them as pages of black-is-zero)" if planar else ""
        return grey_or_codes(pixels, self.path, self.coded, hint, alpha_says=says)

    def _alpha_says(self, number: int, pixels: np.ndarray) -> bool:
        """Whether pixels of a page that are all transparent are so because others are not."""
        if pixels.shape[-1] not in (2, 4) or pixels[..., -1].any():
            return False
        if number not in self._opaque:
            whole = self._pixels(number, slice(0, self.shape[1]), slice(0, self.shape[2]))
            self._opaque[number] = bool(whole[..., -1].any())
        return self._opaque[number]

    def _look_for_colours(self) -> None:
        """Whether labels are colours, which only their pixels say."""
        if self._pages[0].format.n_samples == 1 and not len(self._colours):
            return
        whole = slice(0, self.shape[1]), slice(0, self.shape[2])
        sections = (self._pixels(number, *whole) for number in range(self.shape[0]))
        if are_colours(sections, self.path):
            self.coded, self.dtype = True, np.dtype(np.uint32)

    def _pixels(self, number: int, rows: slice, columns: slice) -> np.ndarray:
        """(rows, columns, channels), alpha among them only if the file says that it is there."""
        page = self._pages[number]
        try:
            pixels = read_page(self._file, page, rows, columns)
        except DamagedFileError as error:
            raise unreadable(self.path, "TIFF", f"page {number}: {error}") from None
        if page.format.photometric == 3:
            pixels = self._colours[pixels[..., 0]]
        elif pixels.dtype == bool:
            pixels = pixels * np.uint8(255)
        if page.format.photometric == 0:
            pixels = np.iinfo(pixels.dtype).max - pixels
        if page.format.n_samples in (2, 4) and not page.format.alpha:
            pixels = pixels[..., :-1]
        return pixels

    def close(self) -> None:
        self._file.close()

    def _stored_bytes(self) -> int:
        if self._pages[0].compression == 1:
            return self._file.size
        return sum(int(page.segments.counts.sum()) for page in self._pages)


def _named(error: BaseException, path: Path) -> BaseException:
    if isinstance(error, DamagedFileError):
        return unreadable(path, "TIFF", error)
    if isinstance(error, UnsupportedError):
        return not_supported(path, error.found, error.expected)
    return error


def _check_alike(path: Path, pages: list[Page]) -> None:
    kinds: set[Format] = {page.format for page in pages}
    if len(kinds) > 1:
        raise InputError(
            f"{path}: pages of {len(kinds)} different sizes or types, expected one; crop or split "
            "the sections"
        )


def _follow(page: Page, n_sections: int, size: int) -> list[Page]:
    """Pages of a stack of which only the first has a directory."""
    segments = page.segments
    n_bytes = page.format.n_bytes
    ends = segments.offsets + segments.counts
    in_one_piece = (ends[:-1] == segments.offsets[1:]).all() and page.format.dtype != bool
    if page.compression != 1 or segments.tiled or not in_one_piece:
        raise DamagedFileError(f"declares {n_sections} sections, has one page")
    end = int(segments.offsets[0]) + n_sections * n_bytes
    if end > size or n_sections > MOST_PAGES:
        raise DamagedFileError(
            f"declares {n_sections} sections up to byte {end:,}, the file ends at {size:,}"
        )
    return [_shifted(page, number * n_bytes) for number in range(n_sections)]


def _shifted(page: Page, n_bytes: int) -> Page:
    segments = replace(page.segments, offsets=page.segments.offsets + n_bytes)
    return replace(page, segments=segments)


def _colours(page: Page) -> np.ndarray:
    """The colours of a palette, (n_colours, 3), uint8 where that is exact; empty without one."""
    if page.format.photometric != 3:
        if page.format.photometric == 0 and page.format.dtype.kind not in "bu":
            raise UnsupportedError("negative or fractional grey where white is zero", "black zero")
        return np.empty((0, 3), np.uint8)
    n_colours = {1: 256, 2: 65536}.get(page.format.dtype.itemsize, 0)
    if page.format.dtype.kind != "u" or page.format.n_samples != 1:
        raise UnsupportedError("a palette of several channels", "palettes of 8 or 16 bits")
    if not n_colours or len(page.colour_map) != 3 * n_colours:
        raise DamagedFileError(f"a palette of {len(page.colour_map)} values")
    colours = np.array(page.colour_map, np.uint16).reshape(3, n_colours).T
    # Writers of 8-bit colours multiply them by 257, so that white is 65535, or by 256.
    if (colours % 257 == 0).all() or (colours % 256 == 0).all():
        return (colours >> 8).astype(np.uint8)
    return colours


def _decoded_dtype(page: Page, colours: np.ndarray) -> np.dtype:
    if page.format.photometric == 3:
        return colours.dtype
    if page.format.dtype == bool:
        return np.dtype(np.uint8)
    return page.format.dtype.newbyteorder("=")
