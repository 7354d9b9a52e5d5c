"""One section from a PNG file.

Every chunk of a PNG carries a CRC-32 and its pixels an Adler-32. Decoders pass over some of them to
be lenient or fast; here all are checked, so a damaged PNG is never read as other pixels.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import imagecodecs
import numpy as np

from loihiseg.data.readers.base import (
    DamagedFileError,
    Role,
    SectionReader,
    not_supported,
    unreadable,
)
from loihiseg.data.readers.channels import grey_or_codes, label_codes, transparent
from loihiseg.data.readers.exif import check_exif
from loihiseg.data.readers.limits import MOST_PNG_BYTES, check_declared
from loihiseg.data.readers.regular import RegularFile, read_file

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_BITS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
# First row and column, and steps, of the seven passes of an interlaced image (Adam7).
_PASSES = (
    (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)
)  # fmt: skip
_PIECE = 2**20  # bytes of pixels at once while they are only counted


class PngReader(SectionReader):
    """A PNG file as a stack of one section, uint8 or uint16.

    Grey of 1, 2 and 4 bits is spread over 0 to 255, palettes are looked up.
    """

    @classmethod
    def opens(cls, path: Path) -> bool:
        return path.suffix.lower() == ".png" and not path.is_dir()

    def __init__(self, path: Path, role: Role) -> None:
        self.path = path
        file = RegularFile(path)
        try:
            header = _header(file.read(0, min(file.size, 33)))
        except DamagedFileError as error:
            raise unreadable(path, "PNG image", error) from None
        finally:
            file.close()
        check_declared(path, header.n_bytes(), file.size)
        self.shape = (1, header.height, header.width)
        self.dtype = np.dtype(np.uint16 if header.bits == 16 else np.uint8)
        if role == "labels" and header.colour and header.bits <= 8:
            self.coded = label_codes(self._decoded(), path) is not None
            self.dtype = np.dtype(np.uint32) if self.coded else self.dtype

    def section(self, number: int) -> np.ndarray:
        decoded = self._decoded()
        if decoded.ndim == 2:
            return decoded
        hidden = None if self.coded else transparent(decoded)
        self.n_transparent += 0 if hidden is None else int(hidden.sum())
        return grey_or_codes(decoded, self.path, self.coded)

    def _decoded(self) -> np.ndarray:
        """(height, width), or with channels where the file has them."""
        data = read_file(self.path, MOST_PNG_BYTES)
        try:
            header, exif = _check_chunks(data)
            if (1, header.height, header.width) != self.shape:
                raise DamagedFileError("the file changed while it was read")
            decoded = imagecodecs.png_decode(data)
            check_exif(self.path, exif)
        except _AnimationError:
            raise not_supported(self.path, "an animation", "one image") from None
        except (DamagedFileError, RuntimeError, ValueError) as error:
            raise unreadable(self.path, "PNG image", error) from None
        return decoded


class _AnimationError(Exception):
    """An animated PNG, of which a decoder would give the first image."""


@dataclass(frozen=True)
class _Header:
    width: int
    height: int
    bits: int
    colour: int
    interlaced: bool

    def n_bytes(self) -> int:
        """Bytes of all rows before compression, each with the byte that names its filter."""
        if not self.interlaced:
            return self._rows(self.height, self.width)
        return sum(
            self._rows(-(-(self.height - row) // row_step), -(-(self.width - column) // step))
            for row, column, row_step, step in _PASSES
        )

    def _rows(self, height: int, width: int) -> int:
        if height <= 0 or width <= 0:
            return 0
        return height * (1 + -(-width * self.bits * _SAMPLES[self.colour] // 8))


def _header(data: bytes) -> _Header:
    """The header from the first 33 bytes of a file."""
    if data[:8] != _SIGNATURE or len(data) < 33:
        raise DamagedFileError("no PNG signature and header")
    if data[8:16] != b"\x00\x00\x00\rIHDR" or zlib.crc32(data[12:29]) != _number(data, 29):
        raise DamagedFileError("the header is damaged")
    width, height, bits, colour, method, filtering, interlace = struct.unpack(">2I5B", data[16:29])
    if not (0 < width < 2**31 and 0 < height < 2**31):
        raise DamagedFileError(f"declares {height} x {width} pixels")
    if bits not in _BITS.get(colour, ()) or method or filtering or interlace > 1:
        raise DamagedFileError(f"the header declares colour type {colour} of {bits} bits")
    return _Header(width, height, bits, colour, interlace == 1)


def _check_chunks(data: bytes) -> tuple[_Header, bytes]:
    """Check lengths, CRCs and order of all chunks, and that the pixels are whole.

    Returns the header and the Exif, if there is any.
    """
    header = _header(data)
    kinds: list[bytes] = []
    pixels: list[bytes] = []
    exif = b""
    place = 8
    while not kinds or kinds[-1] != b"IEND":
        if place + 12 > len(data):
            raise DamagedFileError("ends before its last chunk")
        kind, length = data[place + 4 : place + 8], _number(data, place)
        end = place + 8 + length
        if end + 4 > len(data) or zlib.crc32(data[place + 4 : end]) != _number(data, end):
            raise DamagedFileError(f"the chunk at byte {place:,} is damaged")
        if kind == b"acTL":
            raise _AnimationError
        if kind == b"eXIf":
            exif = data[place + 8 : end]
        if kind == b"IDAT":
            if pixels and kinds[-1] != b"IDAT":
                raise DamagedFileError("the pixels are not in one piece")
            pixels.append(data[place + 8 : end])
        kinds.append(kind)
        place = end + 4
    if place != len(data) or kinds.count(b"IHDR") != 1:
        raise DamagedFileError("bytes after its end, or two headers")
    _check_pixels(pixels, header.n_bytes())
    return header, exif


def _check_pixels(pixels: list[bytes], n_bytes: int) -> None:
    """Decompress the pixels piece by piece, keeping none: they must be as many as declared."""
    stream = zlib.decompressobj()
    found = 0
    try:
        for part in pixels:
            while part and not stream.eof and found <= n_bytes:
                found += len(stream.decompress(part, _PIECE))
                part = stream.unconsumed_tail
        # The last bytes of input can leave output behind that did not fit into a piece.
        while not stream.eof and found <= n_bytes and (more := len(stream.decompress(b"", _PIECE))):
            found += more
    except zlib.error as error:
        raise DamagedFileError(error) from None
    if found != n_bytes or not stream.eof:
        raise DamagedFileError(f"holds {found:,} bytes of pixels, declares {n_bytes:,}")


def _number(data: bytes, place: int) -> int:
    return int.from_bytes(data[place : place + 4], "big")
