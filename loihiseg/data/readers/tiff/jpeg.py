"""Grey JPEG strips and tiles.

A JPEG has no check sum, and decoders fill what is damaged with grey, so other pixels may come out
of a damaged one. Its own size is compared with that of the strip before it is decoded.
"""

from __future__ import annotations

import imagecodecs
import numpy as np

from loihiseg.data.readers.base import DamagedFileError

_START_OF_FRAME = (0xC0, 0xC1, 0xC2)  # baseline, extended and progressive
_END = b"\xff\xd9"
_START_OF_SCAN = b"\xff\xda"
_MOST_SCANS = 64  # progressive files have about ten; each passes over the whole image


def decode_jpeg(data: bytes, tables: bytes, shape: tuple[int, int]) -> np.ndarray:
    """`shape` (rows, columns) uint8. Raises DamagedFileError."""
    check_scans(data)
    found = jpeg_frame(data)
    if found != (8, *shape, 1):
        raise DamagedFileError(
            f"a JPEG strip of {found[1]} x {found[2]} pixels in {found[3]} channels, expected "
            f"{shape[0]} x {shape[1]} in one"
        )
    try:
        decoded = imagecodecs.jpeg8_decode(data, tables=tables or None)
    except (RuntimeError, ValueError) as error:
        raise DamagedFileError(error) from None
    if decoded.shape != shape or decoded.dtype != np.uint8:
        raise DamagedFileError(f"a JPEG strip decoded to {decoded.shape}")
    return decoded


def check_scans(data: bytes) -> None:
    """Raises DamagedFileError for a JPEG that is cut off or would be passed over many times."""
    if data.count(_START_OF_SCAN) > _MOST_SCANS or _END not in data[-16:]:
        raise DamagedFileError("a JPEG that ends early or has too many scans")


def jpeg_frame(data: bytes) -> tuple[int, int, int, int]:
    """Bits, rows, columns and channels from the only frame header of a JPEG.

    Raises DamagedFileError.
    """
    place = 2
    found = None
    while data[:2] == b"\xff\xd8" and place + 10 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker in _START_OF_FRAME:
            if found is not None:
                break
            header = data[place + 4 : place + 10]
            found = (
                header[0],
                int.from_bytes(header[1:3], "big"),
                int.from_bytes(header[3:5], "big"),
                header[5],
            )
        if marker == _START_OF_SCAN[1]:
            if found is None:
                break
            return found
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    raise DamagedFileError("a JPEG without one frame header")
