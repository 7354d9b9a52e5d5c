"""The codecs of Zarr that are read, by their names in formats 2 and 3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import google_crc32c

from loihiseg.data.readers.base import DamagedFileError
from loihiseg.data.readers.decompress import (
    Decompress,
    gunzip,
    inflate,
    unblosc,
    unlz4,
    unzstd,
)

_DECOMPRESS: dict[str, Decompress] = {
    "blosc": unblosc,
    "zstd": unzstd,
    "gzip": gunzip,
    "zlib": inflate,
    "lz4": unlz4,
}
_READ = "blosc, zstd, gzip, zlib, lz4 or crc32c"
_CHECKSUM_BYTES = 4


class UnknownCodecError(Exception):
    """What a whole array uses that is not read, and what is expected instead."""

    def __init__(self, found: str, expected: str) -> None:
        super().__init__(found)
        self.found, self.expected = found, expected


@dataclass(frozen=True)
class Codec:
    """A step from bytes to bytes; `decompress` is None for the check sum."""

    name: str
    decompress: Decompress | None = None


def byte_codec(name: str, options: dict[str, Any], zarr_format: int) -> Codec:
    """The codec of a name. Its options matter to writers alone. Raises UnknownCodecError."""
    # numcodecs' codecs under format 3 have its name in front.
    short = name.removeprefix("numcodecs.") if zarr_format == 3 else name
    if short == "crc32c" and zarr_format == 3:
        return Codec("crc32c")
    if short not in _DECOMPRESS:
        raise UnknownCodecError(f"codec {name[:40]!r}", _READ)
    return Codec(short, _DECOMPRESS[short])


def check_chain(codecs: tuple[Codec, ...]) -> None:
    """Refuse two compressors: the size between them would be known to nobody."""
    if sum(codec.decompress is not None for codec in codecs) > 1 or len(codecs) > 4:
        raise UnknownCodecError("several compressors one after the other", "one")


def decode(data: bytes, codecs: tuple[Codec, ...], n_bytes: int) -> bytes:
    """Undo a chain; exactly `n_bytes` come out. Raises DamagedFileError."""
    # What each codec was given, as far as it is known: up to the compressor.
    sizes: list[int | None] = [n_bytes]
    for codec in codecs:
        before = sizes[-1]
        known = codec.decompress is None and before is not None
        sizes.append(before + _CHECKSUM_BYTES if known and before is not None else None)
    for codec, size in zip(reversed(codecs), reversed(sizes[:-1])):
        if codec.decompress is None:
            data = _check_crc32c(data)
        elif size is not None:
            data = codec.decompress(data, size)
    if len(data) != n_bytes:
        raise DamagedFileError(f"a chunk of {len(data):,} bytes, expected {n_bytes:,}")
    return data


def _check_crc32c(data: bytes) -> bytes:
    body, stored = data[:-_CHECKSUM_BYTES], data[-_CHECKSUM_BYTES:]
    if len(stored) < _CHECKSUM_BYTES or google_crc32c.value(body) != int.from_bytes(
        stored, "little"
    ):
        raise DamagedFileError("its check sum is another one")
    return body
