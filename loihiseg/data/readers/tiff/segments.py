"""Pixels of one TIFF page from its strips or tiles.

Every strip and tile must decode to exactly its size. General readers fill what is missing or short
with zeros; here it is an error, as zeros would be read as tissue.
"""

from __future__ import annotations

import numpy as np

from loihiseg.data.readers.base import DamagedFileError
from loihiseg.data.readers.decompress import Decompress, inflate, unlzw, unpack_bits, unzstd
from loihiseg.data.readers.regular import RegularFile
from loihiseg.data.readers.tiff.directories import Page, UnsupportedError
from loihiseg.data.readers.tiff.jpeg import decode_jpeg

JPEG = 7
_DECOMPRESS: dict[int, Decompress] = {
    5: unlzw,
    8: inflate,
    32946: inflate,
    32773: unpack_bits,
    50000: unzstd,
    34926: unzstd,
}
_COMPRESSIONS = "none, LZW, Deflate, PackBits, Zstandard or grey JPEG"


def check_supported(page: Page) -> None:
    """Raises UnsupportedError for compressions and predictors that are not read."""
    if page.compression not in (1, JPEG, *_DECOMPRESS):
        raise UnsupportedError(f"compression number {page.compression}", _COMPRESSIONS)
    if page.compression == JPEG and (page.format.n_samples, page.format.dtype.str) != (1, "|u1"):
        raise UnsupportedError("JPEG of several channels or 12 bits", _COMPRESSIONS)
    floats = page.format.dtype.kind == "f"
    allowed = {1} if page.compression in (1, JPEG) or page.format.dtype == bool else {1, 2}
    if floats and page.compression != 1:
        allowed.add(3)
    if page.predictor not in allowed:
        raise UnsupportedError(
            f"predictor {page.predictor} of {page.format.dtype.name}", "a predictor of its type"
        )


def segment_bytes(page: Page, n_rows: int) -> int:
    """Bytes that a segment of `n_rows` rows decodes to."""
    n_samples = 1 if page.format.planar else page.format.n_samples
    return n_rows * page.format.row_bytes(page.segments.shape[1] * n_samples)


def reads_rows(page: Page) -> bool:
    """Whether rows are found in a strip or tile by their place, so that no others are read."""
    return page.compression == 1


def read_page(
    file: RegularFile, page: Page, rows: slice = slice(None), columns: slice = slice(None)
) -> np.ndarray:
    """(height, width, n_samples) in the byte order of the machine, or a window of it.

    Only the strips or tiles that a window touches are read, without compression only rows of them.
    Raises DamagedFileError.
    """
    height, width, n_samples = page.format.height, page.format.width, page.format.n_samples
    top, bottom, _ = rows.indices(height)
    left, right, _ = columns.indices(width)
    deep, wide = page.segments.shape
    pixels = np.empty(
        (max(bottom - top, 0), max(right - left, 0), n_samples),
        page.format.dtype.newbyteorder("="),
    )
    n_down, n_across = -(-height // deep), -(-width // wide)
    touched = [
        (row, column)
        for row in range(top // deep, -(-bottom // deep))
        for column in range(left // wide, -(-right // wide))
    ]
    for plane in range(n_samples if page.format.planar else 1):
        samples = slice(plane, plane + 1) if page.format.planar else slice(None)
        for row, column in touched if pixels.size else ():
            y, x = row * deep, column * wide
            n_rows = deep if page.segments.tiled else min(deep, height - y)
            number = (plane * n_down + row) * n_across + column
            y0, y1 = max(top, y), min(bottom, y + n_rows)
            x0, x1 = max(left, x), min(right, x + wide)
            segment = _read_segment(file, page, number, n_rows, slice(y0 - y, y1 - y))
            part = segment[:, x0 - x : x1 - x]
            pixels[y0 - top : y1 - top, x0 - left : x1 - left, samples] = part
    return pixels


def _read_segment(
    file: RegularFile, page: Page, number: int, n_rows: int, rows: slice
) -> np.ndarray:
    """(len(rows), columns, samples) of one strip or tile, of its n_rows."""
    n_bytes = segment_bytes(page, n_rows)
    columns = page.segments.shape[1]
    offset, count = int(page.segments.offsets[number]), int(page.segments.counts[number])
    if reads_rows(page):
        if count < n_bytes:
            raise DamagedFileError(f"a strip or tile of {count:,} bytes, expected {n_bytes:,}")
        before, wanted = (
            segment_bytes(page, rows.start),
            segment_bytes(page, rows.stop - rows.start),
        )
        return _unpack(file.read(offset + before, wanted), page, rows.stop - rows.start)
    data = file.read(offset, count)
    if page.compression == JPEG:
        whole = decode_jpeg(data, page.jpeg_tables, (n_rows, columns))[..., np.newaxis]
    else:
        whole = _unpack(_DECOMPRESS[page.compression](data, n_bytes), page, n_rows)
    return whole[rows]


def _unpack(data: bytes, page: Page, n_rows: int) -> np.ndarray:
    columns = page.segments.shape[1]
    n_samples = 1 if page.format.planar else page.format.n_samples
    shape = (n_rows, columns, n_samples)
    dtype = page.format.dtype
    if dtype.kind == "b":
        bits = np.unpackbits(np.frombuffer(data, np.uint8).reshape(n_rows, -1), axis=1)
        return bits[:, : columns * n_samples].reshape(shape).astype(bool)
    if page.predictor == 3:
        return _undo_float_predictor(data, shape, dtype.itemsize)
    values = np.frombuffer(data, dtype).reshape(shape)
    if page.predictor == 2:
        # Differences wrap around within the type, also those between the bits of floats.
        whole = values.view(f"{dtype.byteorder}u{dtype.itemsize}")
        native = whole.astype(f"=u{dtype.itemsize}")
        summed = np.cumsum(native, axis=1, dtype=native.dtype)
        return summed.view(dtype.newbyteorder("="))
    return values


def _undo_float_predictor(data: bytes, shape: tuple[int, int, int], itemsize: int) -> np.ndarray:
    """Predictor 3 (Adobe Photoshop TIFF Technical Note 3): a row as planes of bytes, differenced.

    The planes begin with the highest byte; differences are between neighbouring pixels.
    """
    n_rows, columns, n_samples = shape
    differences = np.frombuffer(data, np.uint8).reshape(n_rows, itemsize * columns, n_samples)
    planes = np.cumsum(differences, axis=1, dtype=np.uint8)
    planes = planes.reshape(n_rows, itemsize, columns * n_samples)
    values = np.ascontiguousarray(planes.transpose(0, 2, 1)).view(f">f{itemsize}")
    return values.reshape(shape)
