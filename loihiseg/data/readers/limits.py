"""How much a stack may declare: checked before memory is taken or pixels are decoded.

What a file declares costs nothing to write: a TIFF of 300 bytes can announce 10^9 pages. So a
declared size is believed up to `BELIEVED_BYTES`, and beyond it only as far as the bytes that are
stored can hold it.
"""

from __future__ import annotations

from pathlib import Path

from loihiseg.errors import InputError

BELIEVED_BYTES = 2**28
"""Decoded size that any file may declare: 256 MiB, far less than any machine has."""

MOST_EXPANSION = 1_400
"""Decoded bytes per stored byte beyond that. Deflate reaches 1,032 on a blank image and LZW, whose
strings grow by a pixel with each code, about 1,350. Zstandard and Blosc go beyond it, but only on
images without tissue."""

MOST_BYTES = 2**38
"""Decoded size of a stack, 256 GiB: it is held in memory."""

MOST_CHUNK_BYTES = 2**29
"""Decoded size of one chunk, strip or tile, 512 MiB: it is held beside the stack."""

MOST_PAGES = 2**15
"""Pages of one TIFF file, 32,768: 1.6 mm of sections of 50 nm. A chain of that many empty pages
takes some 4 s to walk."""

MOST_FILES = 2**20
"""Files of one Zarr array, and files of a folder."""

MOST_CHUNKS = 2**22
"""Chunks of one Zarr array, those inside shards counted."""

MOST_JSON_BYTES = 2**22
"""One metadata file of a Zarr."""

MOST_PNG_BYTES = 2**31
"""One PNG file; the format itself allows chunks of that size."""


def check_declared(path: Path, n_bytes: int, stored_bytes: int) -> None:
    """Refuse a stack that its file cannot hold.

    n_bytes : decoded size that the file declares.
    stored_bytes : bytes of the file that hold pixels.
    Raises InputError.
    """
    if n_bytes > MOST_BYTES:
        raise InputError(
            f"{path}: declares {_gigabytes(n_bytes)} of pixels, expected at most "
            f"{_gigabytes(MOST_BYTES)}, as they are held in memory; give a part of the stack"
        )
    if n_bytes > max(BELIEVED_BYTES, MOST_EXPANSION * stored_bytes):
        raise InputError(
            f"{path}: declares {_gigabytes(n_bytes)} of pixels in {stored_bytes:,} stored bytes, "
            f"expected at most {MOST_EXPANSION:,} to one; the file is damaged: copy or export it "
            "again"
        )


def check_segment(path: Path, n_bytes: int, what: str) -> None:
    """Refuse a chunk, strip or tile too large to be decoded at once. Raises InputError."""
    if n_bytes > MOST_CHUNK_BYTES:
        raise InputError(
            f"{path}: each {what} has {_gigabytes(n_bytes)} of pixels, expected at most "
            f"{_gigabytes(MOST_CHUNK_BYTES)}; write the stack in smaller ones"
        )


def _gigabytes(n_bytes: int) -> str:
    # A damaged size can have thousands of digits.
    return f"{n_bytes / 1e9:,.1f} GB" if n_bytes < 10**18 else "more than 10^9 GB"
