"""The pages of a TIFF file, read strictly.

TIFF (revision 6.0) and BigTIFF: a chain of directories, one per page, each a list of tags. The
offsets of a damaged file lead anywhere, also back to where one came from. Here every offset, count
and size is checked against the file, and the work is bounded by its size: no pixel of it belongs to
two pages.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from loihiseg.data.readers.base import DamagedFileError
from loihiseg.data.readers.exif import turned
from loihiseg.data.readers.limits import MOST_CHUNKS, MOST_PAGES
from loihiseg.data.readers.regular import RegularFile

# Type number -> its letter in `struct`; others (text, fractions, floats) are in no tag that is read
# as numbers.
_TYPES = {1: "B", 3: "H", 4: "I", 7: "B", 13: "I", 16: "Q", 18: "Q"}
_TEXT = 2
_MOST_TAGS = 4_096  # in one directory
_MOST_DESCRIPTION_BYTES = 2**20
# Writers may keep one copy of what all pages say, a palette above all.
_SHARED_TAG_BYTES = 2**26

_DESCRIPTION = 270
_COLUMNS, _ROWS, _UNIT = 282, 283, 296  # XResolution, YResolution, ResolutionUnit
# Tags that say what the pixels are; all others are for people and other programs.
_NUMBERS = {
    254: "new_subfile_type",
    256: "width",
    257: "height",
    258: "bits",
    259: "compression",
    262: "photometric",
    266: "fill_order",
    273: "strip_offsets",
    274: "orientation",
    277: "n_samples",
    278: "rows_per_strip",
    279: "strip_counts",
    284: "planar",
    317: "predictor",
    320: "colour_map",
    322: "tile_width",
    323: "tile_height",
    324: "tile_offsets",
    325: "tile_counts",
    338: "extra_samples",
    339: "sample_format",
    347: "jpeg_tables",
    32997: "depth",
    33629: "metamorph",
}

Tags = dict[str, tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class Segments:
    """Where the strips or tiles of one page are.

    shape : (rows, columns) of a segment; strips span the page and the last may be shorter.
    offsets, counts : int64, in the order of the file, planes after each other.
    """

    tiled: bool
    shape: tuple[int, int]
    offsets: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True)
class Format:
    """What all pages of a stack must have in common.

    photometric : 0 white is zero, 1 black is zero, 2 RGB, 3 palette.
    dtype : of a sample, in the byte order of the file; bool for one bit.
    planar : samples in planes of their own, not beside each other.
    alpha : the last sample says how opaque a pixel is.
    """

    height: int
    width: int
    n_samples: int
    dtype: np.dtype
    photometric: int
    planar: bool
    alpha: bool = False

    @property
    def n_bytes(self) -> int:
        """Decoded size of a page; a bit takes a byte."""
        return self.height * self.width * self.n_samples * self.dtype.itemsize

    def row_bytes(self, n_values: int) -> int:
        """Bytes of a row of values as they are packed in a strip or tile."""
        return -(-n_values // 8) if self.dtype.kind == "b" else n_values * self.dtype.itemsize


@dataclass(frozen=True, eq=False)
class Page:
    """One page: its format, how its pixels are packed and where they are."""

    format: Format
    compression: int
    predictor: int
    segments: Segments
    colour_map: tuple[int, ...]
    jpeg_tables: bytes


@dataclass(frozen=True)
class _Layout:
    """Byte order and widths: classic TIFF or BigTIFF."""

    order: str
    head: int  # offset of the offset of the first directory
    n_tags: str
    offset: str
    entry: int  # bytes of a tag


def read_directories(file: RegularFile) -> tuple[list[Page], str]:
    """All pages of a file in their order, and the description of the first.

    Raises DamagedFileError for a damaged file and UnsupportedError for a whole one of a kind that
    is not read.
    """
    layout = _layout(file)
    pages: list[Page] = []
    description = ""
    n_pixel_bytes = n_tag_bytes = n_segments = 0
    for entries in _chain(file, layout):
        tags, text, size = _read_tags(file, layout, entries, with_description=not pages)
        page = _page(tags, layout.order)
        n_tag_bytes += size
        n_pixel_bytes += int(page.segments.counts.sum())
        n_segments += len(page.segments.offsets)
        if n_tag_bytes > file.size + _SHARED_TAG_BYTES or n_segments > MOST_CHUNKS:
            raise DamagedFileError("its tags are longer than the file")
        if n_pixel_bytes > file.size:
            raise DamagedFileError("pages share the same pixels, or are longer than the file")
        _check_inside(page.segments, file.size)
        description = description or text
        pages.append(page)
    if not pages:
        raise DamagedFileError("has no page")
    return pages, description


def read_resolution(file: RegularFile) -> tuple[tuple[float | None, float | None], int]:
    """Pixels per unit along rows and columns, and the unit's number, of the first page.

    None where a tag is not there or damaged: no pixel depends on it.
    """
    found: dict[int, float] = {}
    unit = 2
    try:
        layout = _layout(file)
        entries = next(_chain(file, layout))
        for start in range(0, len(entries), layout.entry):
            head = struct.unpack_from(f"{layout.order}2H{layout.offset}", entries, start)
            if head == (_UNIT, 3, 1):
                raw = _value(file, layout, entries, start, 2)
                unit = struct.unpack(layout.order + "H", raw)[0]
            elif head in ((_ROWS, 5, 1), (_COLUMNS, 5, 1)):
                raw = _value(file, layout, entries, start, 8)
                above, below = struct.unpack(layout.order + "2I", raw)
                if above and below:
                    found[head[0]] = above / below
    except (DamagedFileError, StopIteration):
        pass
    return (found.get(_ROWS), found.get(_COLUMNS)), unit


class UnsupportedError(Exception):
    """What a whole file is that is not read, and what is expected instead."""

    def __init__(self, found: str, expected: str) -> None:
        super().__init__(found)
        self.found, self.expected = found, expected


def _layout(file: RegularFile) -> _Layout:
    magic = file.read(0, 4)
    order = {b"II": "<", b"MM": ">"}.get(magic[:2], "")
    version = struct.unpack((order or "<") + "H", magic[2:])[0]
    if order and version == 42:
        return _Layout(order, 4, "H", "I", 12)
    if order and version == 43 and file.read(4, 4) == struct.pack(order + "2H", 8, 0):
        return _Layout(order, 8, "Q", "Q", 20)
    raise DamagedFileError("no TIFF header")


def _chain(file: RegularFile, layout: _Layout) -> Iterator[bytes]:
    """The tags of each directory, as they are in the file."""
    seen: set[int] = set()
    size, count_size = struct.calcsize(layout.offset), struct.calcsize(layout.n_tags)
    (place,) = struct.unpack(layout.order + layout.offset, file.read(layout.head, size))
    while place:
        if place in seen:
            raise DamagedFileError(f"page {len(seen)} leads back to an earlier one")
        if len(seen) == MOST_PAGES:
            raise DamagedFileError(f"more than {MOST_PAGES:,} pages")
        seen.add(place)
        (n_tags,) = struct.unpack(layout.order + layout.n_tags, file.read(place, count_size))
        if not 0 < n_tags <= _MOST_TAGS:
            raise DamagedFileError(f"page {len(seen) - 1} declares {n_tags:,} tags")
        n_bytes = n_tags * layout.entry
        directory = file.read(place + count_size, n_bytes + size)
        yield directory[:n_bytes]
        (place,) = struct.unpack_from(layout.order + layout.offset, directory, n_bytes)


def _read_tags(
    file: RegularFile, layout: _Layout, entries: bytes, with_description: bool
) -> tuple[Tags, str, int]:
    """The numbers of the tags that matter, the description, and the bytes they take."""
    tags: Tags = {}
    description = ""
    taken = len(entries)
    for start in range(0, len(entries), layout.entry):
        code, kind, count = struct.unpack_from(f"{layout.order}2H{layout.offset}", entries, start)
        if code == _DESCRIPTION and with_description and kind == _TEXT:
            count = min(count, _MOST_DESCRIPTION_BYTES)
            raw = _value(file, layout, entries, start, count)
            description = raw.split(b"\0")[0].decode("utf-8", "replace")
        if code not in _NUMBERS:
            continue
        name = _NUMBERS[code]
        letter = _TYPES.get(kind)
        if name in tags or letter is None:
            raise DamagedFileError(f"tag {code} is given twice or is no number")
        n_bytes = count * struct.calcsize("=" + letter)
        taken += n_bytes
        # As many values as there may be strips, of which a page has one or more.
        if not 0 < count <= MOST_CHUNKS or n_bytes > file.size:
            raise DamagedFileError(f"tag {code} declares {count:,} values")
        raw = _value(file, layout, entries, start, n_bytes)
        tags[name] = struct.unpack(f"{layout.order}{count}{letter}", raw)
    return tags, description, taken


def _value(file: RegularFile, layout: _Layout, entries: bytes, start: int, n_bytes: int) -> bytes:
    """The bytes of a tag's value: in its entry where they fit, else where the entry points."""
    inline = struct.calcsize(layout.offset)
    place = start + layout.entry - inline
    if n_bytes <= inline:
        return entries[place : place + n_bytes]
    return file.read(struct.unpack_from(layout.order + layout.offset, entries, place)[0], n_bytes)


def _page(tags: Tags, order: str) -> Page:
    one = {name: values[0] for name, values in tags.items()}
    for name in ("width", "height"):
        if not 0 < one.get(name, 0) < 2**31:
            raise DamagedFileError(f"a page has {name} {one.get(name, 'not given')}")
    if "metamorph" in one:
        raise UnsupportedError("MetaMorph's form of TIFF, many sections in one page", "pages")
    if one.get("depth", 1) != 1:
        raise UnsupportedError(f"pages of depth {one['depth']}", "one section per page")
    if one.get("fill_order", 1) != 1:
        raise UnsupportedError("bits in reversed order", "FillOrder 1")
    if (way := turned(one.get("orientation", 1))) is not None:
        raise UnsupportedError(way, "Orientation 1 (top left); save it upright, as labels lie")
    n_samples = one.get("n_samples", 1)
    photometric = one.get("photometric", 1)
    if photometric not in (0, 1, 2, 3):
        raise UnsupportedError(
            f"colours of kind {photometric} (photometric interpretation)",
            "grey, RGB or a palette (0 to 3)",
        )
    if not 0 < n_samples <= 2**16:
        raise DamagedFileError(f"a page has {n_samples} samples per pixel")
    planar = one.get("planar", 1) == 2 and n_samples > 1
    alpha = n_samples in (2, 4) and tags.get("extra_samples", ())[-1:] in ((1,), (2,))
    dtype = _dtype(tags, n_samples, order)
    page_format = Format(one["height"], one["width"], n_samples, dtype, photometric, planar, alpha)
    return Page(
        page_format,
        one.get("compression", 1),
        one.get("predictor", 1),
        _segments(tags, page_format),
        tags.get("colour_map", ()),
        bytes(tags.get("jpeg_tables", ())),
    )


def _dtype(tags: Tags, n_samples: int, order: str) -> np.dtype:
    bits = set(tags.get("bits", (1,)))
    kinds = set(tags.get("sample_format", (1,)))
    if len(bits) > 1 or len(kinds) > 1:
        raise UnsupportedError("samples of different types", "one type")
    (n_bits,), (kind,) = bits, kinds
    letter = {1: "u", 2: "i", 3: "f", 4: "u"}.get(kind, "")
    if n_bits == 1 and letter == "u":
        return np.dtype(bool)
    if n_bits not in {"u": (8, 16, 32, 64), "i": (8, 16, 32, 64), "f": (16, 32, 64)}.get(
        letter, ()
    ):
        raise UnsupportedError(
            f"samples of {n_bits} bits and format {kind}", "1, 8, 16, 32 or 64 bits"
        )
    return np.dtype(f"{order}{letter}{n_bits // 8}")


def _segments(tags: Tags, page: Format) -> Segments:
    tiled = "tile_offsets" in tags
    if tiled:
        shape = tags.get("tile_height", (0,))[0], tags.get("tile_width", (0,))[0]
    else:
        # 2^32 - 1 rows per strip stand for a page in one strip.
        shape = min(tags.get("rows_per_strip", (page.height,))[0], page.height), page.width
    if min(shape) < 1 or max(shape) >= 2**31:
        raise DamagedFileError(f"a page has strips or tiles of {shape[0]} x {shape[1]} pixels")
    n_planes = page.n_samples if page.planar else 1
    n_segments = n_planes * -(-page.height // shape[0]) * -(-page.width // shape[1])
    offsets = tags.get("tile_offsets" if tiled else "strip_offsets", ())
    counts = tags.get("tile_counts" if tiled else "strip_counts", ())
    if not counts and n_segments == 1 and tags.get("compression", (1,))[0] == 1:
        # Old writers leave it out for a page in one piece.
        counts = (page.height * page.row_bytes(page.width * page.n_samples),)
    if len(offsets) != n_segments or len(counts) != n_segments:
        raise DamagedFileError(
            f"a page has {len(offsets):,} places and {len(counts):,} sizes of strips or tiles, "
            f"{n_segments:,} of them make the page"
        )
    if max(max(offsets), max(counts)) >= 2**62:
        raise DamagedFileError("a strip or tile is past the end of the file")
    sizes = np.array(counts, np.int64)
    if tags.get("compression", (1,))[0] == 1:
        # ImageJ gives the first page the size of the stack. Whatever is beyond a strip is not its.
        samples = 1 if page.planar else page.n_samples
        sizes = np.minimum(sizes, shape[0] * page.row_bytes(shape[1] * samples))
    return Segments(tiled, shape, np.array(offsets, np.int64), sizes)


def _check_inside(segments: Segments, size: int) -> None:
    ends = segments.offsets + segments.counts
    if (segments.counts == 0).any():
        raise DamagedFileError("a strip or tile of a page is missing")
    if ends.max() > size:
        raise DamagedFileError(f"pixels up to byte {int(ends.max()):,}, the file ends at {size:,}")
