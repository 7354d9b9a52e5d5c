"""One section from a JPEG or BMP file.

Neither has a check sum: damage can come out as other pixels. Sizes in the header are checked before
anything is decoded; no limit on the pixels of a picture holds besides those of all stacks.
"""

from __future__ import annotations

import struct
from pathlib import Path

import imagecodecs
import numpy as np

from loihiseg.data.colours import codes_of, is_coloured
from loihiseg.data.readers.base import (
    DamagedFileError,
    Role,
    SectionReader,
    not_supported,
    unreadable,
)
from loihiseg.data.readers.channels import one_channel
from loihiseg.data.readers.exif import check_exif, jpeg_exif
from loihiseg.data.readers.limits import check_declared
from loihiseg.data.readers.regular import RegularFile, read_file
from loihiseg.data.readers.tiff.jpeg import check_scans, jpeg_frame

_MOST_BYTES = 2**31


class JpegReader(SectionReader):
    """A grey JPEG, or one whose colours are all grey, as a stack of one section, uint8."""

    @classmethod
    def opens(cls, path: Path) -> bool:
        return path.suffix.lower() in (".jpg", ".jpeg") and not path.is_dir()

    def __init__(self, path: Path, role: Role) -> None:
        self.path = path
        data = read_file(path, _MOST_BYTES)
        _, height, width, n_channels = self._frame(data)
        check_declared(path, height * width * n_channels, len(data))
        self.shape, self.dtype = (1, height, width), np.dtype(np.uint8)
        check_exif(path, jpeg_exif(data))
        if role == "labels" and n_channels == 3:
            self.coded = not _is_grey(self._decoded())
            self.dtype = np.dtype(np.uint32) if self.coded else self.dtype

    def _frame(self, data: bytes) -> tuple[int, int, int, int]:
        try:
            check_scans(data)
            frame = jpeg_frame(data)
            if min(frame[1:]) < 1:
                raise DamagedFileError(f"declares {frame[1]} x {frame[2]} pixels")
        except DamagedFileError as error:
            raise unreadable(self.path, "JPEG image", error) from None
        if frame[0] != 8 or frame[3] not in (1, 3):
            raise not_supported(
                self.path, f"a JPEG of {frame[0]} bits in {frame[3]} channels", "grey of 8 bits"
            )
        return frame

    def section(self, number: int) -> np.ndarray:
        decoded = self._decoded()
        if decoded.ndim == 2:
            return decoded
        if self.coded:
            return codes_of(decoded)
        return decoded[..., 1].copy() if _is_grey(decoded) else one_channel(decoded, self.path)

    def _decoded(self) -> np.ndarray:
        """(height, width), or with three channels where the file has them."""
        data = read_file(self.path, _MOST_BYTES)
        _, height, width, n_channels = self._frame(data)
        try:
            decoded = np.asarray(imagecodecs.jpeg8_decode(data))
            if (height, width) != self.shape[1:] or decoded.shape[:2] != self.shape[1:]:
                raise DamagedFileError("the file changed while it was read")
        except (DamagedFileError, RuntimeError, ValueError) as error:
            raise unreadable(self.path, "JPEG image", error) from None
        return decoded.reshape(height, width) if n_channels == 1 else decoded


def _is_grey(colours: np.ndarray) -> bool:
    """Whether colours were all the same: they differ by rounding."""
    return int((colours.max(-1) - colours.min(-1)).max()) <= 2


class BmpReader(SectionReader):
    """A BMP without compression: 1, 4 or 8 bits with a palette, 24 or 32 bits; uint8."""

    @classmethod
    def opens(cls, path: Path) -> bool:
        return path.suffix.lower() == ".bmp" and not path.is_dir()

    def __init__(self, path: Path, role: Role) -> None:
        self.path = path
        self._file = RegularFile(path)
        try:
            self._read_header(self._file)
        except DamagedFileError as error:
            self.close()
            raise unreadable(path, "BMP image", error) from None
        except BaseException:
            self.close()
            raise
        self.dtype = np.dtype(np.uint8)
        if role == "labels":
            # Codes tell themselves whether they are grey.
            self.coded = True
            self.coded = is_coloured(self.section(0))
            self.dtype = np.dtype(np.uint32) if self.coded else self.dtype

    def _read_header(self, file: RegularFile) -> None:
        start = file.read(0, 54)
        if start[:2] != b"BM":
            raise DamagedFileError("no BMP header")
        self._pixels_at, header = struct.unpack("<2I", start[10:18])
        width, height, planes, bits, compression = struct.unpack("<2i2HI", start[18:34])
        if header not in (40, 52, 56, 108, 124) or planes != 1:
            raise DamagedFileError(f"a header of {header:,} bytes")
        masks_grey = compression == 3 and bits == 32
        if (compression and not masks_grey) or bits not in (1, 4, 8, 24, 32):
            raise not_supported(
                self.path, f"a BMP of {bits} bits and compression {compression}", "none"
            )
        self._bottom_up = height > 0
        if not (0 < width < 2**31 and 0 < abs(height) < 2**31):
            raise DamagedFileError(f"declares {abs(height)} x {width} pixels")
        self._bits, self.shape = bits, (1, abs(height), width)
        self._stride = (width * bits + 31) // 32 * 4
        if self._pixels_at + self._stride * abs(height) > file.size or self._pixels_at < 54:
            raise DamagedFileError("its pixels are past the end of the file")
        (n_colours,) = struct.unpack("<I", start[46:50])
        self._palette = np.empty((0, 3), np.uint8)
        if bits <= 8:
            n_colours = n_colours or 2**bits
            if n_colours > 2**bits or 14 + header + 4 * n_colours > self._pixels_at:
                raise DamagedFileError(f"declares {n_colours:,} colours")
            stored = np.frombuffer(file.read(14 + header, 4 * n_colours), np.uint8)
            self._palette = stored.reshape(-1, 4)[:, :3]

    def section(self, number: int) -> np.ndarray:
        _, height, width = self.shape
        try:
            data = self._file.read(self._pixels_at, self._stride * height)
            rows = np.frombuffer(data, np.uint8).reshape(height, self._stride)
            if self._bits <= 8:
                pixels = self._look_up(rows, width)
            else:
                n_bytes = self._bits // 8
                pixels = rows[:, : width * n_bytes].reshape(height, width, n_bytes)[..., :3]
        except DamagedFileError as error:
            raise unreadable(self.path, "BMP image", error) from None
        pixels = pixels[::-1] if self._bottom_up else pixels
        if self.coded:
            return codes_of(pixels[..., ::-1])  # stored as blue, green, red
        return np.ascontiguousarray(one_channel(pixels, self.path))

    def _look_up(self, rows: np.ndarray, width: int) -> np.ndarray:
        if self._bits == 8:
            indices = rows[:, :width]
        elif self._bits == 4:
            indices = np.stack([rows >> 4, rows & 15], -1).reshape(len(rows), -1)[:, :width]
        else:
            indices = np.unpackbits(rows, axis=1)[:, :width]
        if int(indices.max()) >= len(self._palette):
            raise DamagedFileError("a pixel of a colour that its palette lacks")
        return self._palette[indices]

    def close(self) -> None:
        self._file.close()
