"""Decompression into exactly as many bytes as are expected, whatever the data says.

Each function takes the compressed bytes and the number of bytes wanted, and raises DamagedFileError
for more, for fewer and for anything its library refuses. Sizes written in the data are compared
with the wanted one before memory is taken. None of them uses threads or state of the process.
"""

from __future__ import annotations

import bz2
import struct
import zlib
from collections.abc import Callable

import imagecodecs
import numpy as np

from loihiseg.data.readers.base import DamagedFileError

Decompress = Callable[[bytes, int], bytes]

_BLOSC_HEADER = struct.Struct("<4B3I")
_BLOSC_COMPRESSORS = {0: "blosclz", 1: "lz4", 3: "zlib", 4: "zstd"}


def inflate(data: bytes, n_bytes: int) -> bytes:
    """A zlib stream (RFC 1950); its Adler-32 is checked."""
    return _inflate(data, n_bytes, zlib.MAX_WBITS)


def gunzip(data: bytes, n_bytes: int) -> bytes:
    """A gzip file of one member (RFC 1952); its CRC-32 is checked."""
    return _inflate(data, n_bytes, 16 + zlib.MAX_WBITS)


def _inflate(data: bytes, n_bytes: int, window_bits: int) -> bytes:
    stream = zlib.decompressobj(window_bits)
    try:
        decoded = stream.decompress(data, n_bytes + 1)
        # The check sum stands behind the last byte.
        more = b"" if stream.eof else stream.decompress(stream.unconsumed_tail, 1)
    except zlib.error as error:
        raise DamagedFileError(error) from None
    if not more and not stream.eof and len(decoded) <= n_bytes:
        raise DamagedFileError(f"ends early, after {len(decoded):,} of {n_bytes:,} bytes")
    return _exactly(decoded + more, n_bytes)


def unpack_bits(data: bytes, n_bytes: int) -> bytes:
    """PackBits, the run-length code of TIFF; no check sum."""
    return _by_library(imagecodecs.packbits_decode, data, n_bytes)


def unlzw(data: bytes, n_bytes: int) -> bytes:
    """LZW as in TIFF; no check sum."""
    # One byte of room shows a stream that holds more.
    return _by_library(imagecodecs.lzw_decode, data, n_bytes, room=1)


def unzstd(data: bytes, n_bytes: int) -> bytes:
    """Zstandard frames (RFC 8878); a check sum only where the writer put one."""
    return _by_library(imagecodecs.zstd_decode, data, n_bytes)


def unlz4(data: bytes, n_bytes: int) -> bytes:
    """An LZ4 block behind its decoded size in 4 bytes, as numcodecs writes it; no check sum."""
    declared = int.from_bytes(data[:4], "little")
    if len(data) < 4 or declared != n_bytes:
        raise DamagedFileError(f"declares {declared:,} bytes, expected {n_bytes:,}")
    return _by_library(imagecodecs.lz4_decode, data[4:], n_bytes)


def unlzf(data: bytes, n_bytes: int) -> bytes:
    """LZF as h5py writes it; no check sum."""
    return _by_library(imagecodecs.lzf_decode, data, n_bytes)


def unbzip2(data: bytes, n_bytes: int) -> bytes:
    """A bzip2 stream; its CRC-32 is checked."""
    stream = bz2.BZ2Decompressor()
    try:
        decoded = stream.decompress(data, n_bytes + 1)
        if not stream.eof and len(decoded) <= n_bytes and not stream.needs_input:
            decoded += stream.decompress(b"", 1)
    except (OSError, ValueError, EOFError) as error:
        raise DamagedFileError(error) from None
    if not stream.eof:
        raise DamagedFileError(f"ends early or is more than {n_bytes:,} bytes")
    return _exactly(decoded, n_bytes)


def unblosc(data: bytes, n_bytes: int) -> bytes:
    """A Blosc 1 buffer with blosclz, lz4, zlib or zstd inside; no check sum.

    The library takes sizes and places from the data and reads beyond the end of what is cut off:
    all of them are checked here first.
    """
    _check_blosc(data, n_bytes)
    return _by_library(imagecodecs.blosc_decode, data, n_bytes, numthreads=1)


def _check_blosc(data: bytes, n_bytes: int) -> None:
    if len(data) < _BLOSC_HEADER.size:
        raise DamagedFileError(f"a Blosc buffer of {len(data)} bytes is no whole header")
    version, _, flags, type_size, decoded, block, stored = _BLOSC_HEADER.unpack_from(data)
    if stored != len(data) or decoded != n_bytes:
        raise DamagedFileError(
            f"the Blosc header says {stored:,} bytes that hold {decoded:,}, found {len(data):,} "
            f"and expected {n_bytes:,}"
        )
    if version != 2 or flags >> 5 not in _BLOSC_COMPRESSORS or not type_size or flags & 8:
        raise DamagedFileError("the Blosc header is of no known version or compressor")
    if flags & 2:  # stored as it is
        if stored != decoded + _BLOSC_HEADER.size:
            raise DamagedFileError("the Blosc buffer is not as long as what it stores")
        return
    if not 0 < block <= max(decoded, 1):
        raise DamagedFileError(f"the Blosc header says blocks of {block:,} bytes of {decoded:,}")
    tables_end = _BLOSC_HEADER.size + 4 * -(-decoded // block)
    if tables_end > stored:
        raise DamagedFileError("the Blosc buffer has no room for its blocks")
    starts = np.frombuffer(data[_BLOSC_HEADER.size : tables_end], "<u4")
    if starts.size and not (tables_end <= starts.min() and starts.max() <= stored - 4):
        raise DamagedFileError("a Blosc block starts outside its buffer")


def _by_library(
    decode: Callable[..., bytes | bytearray],
    data: bytes,
    n_bytes: int,
    room: int = 0,
    **options: int,
) -> bytes:
    try:
        decoded = decode(data, out=n_bytes + room, **options)
    except (RuntimeError, ValueError) as error:  # the errors of imagecodecs are RuntimeErrors
        raise DamagedFileError(error) from None
    return _exactly(decoded, n_bytes)


def _exactly(decoded: bytes | bytearray, n_bytes: int) -> bytes:
    if len(decoded) != n_bytes:
        more = "more" if len(decoded) > n_bytes else f"{len(decoded):,} bytes"
        raise DamagedFileError(f"decoded to {more}, expected {n_bytes:,}")
    return bytes(decoded)
