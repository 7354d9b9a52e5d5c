"""Whether a picture is stored turned or mirrored, as cameras and some microscopes say in Exif.

Most programs that people draw labels in do not look at it: turned by the tag, images would lie
otherwise than labels. So what is stored turned is refused, never turned.
"""

from __future__ import annotations

import struct
from pathlib import Path

from loihiseg.data.readers.base import not_supported
from loihiseg.errors import InputError

_ORIENTATION = 274
_WAYS = {
    2: "mirrored",
    3: "turned by 180 degrees",
    4: "upside down",
    5: "mirrored and turned",
    6: "turned by 90 degrees",
    7: "mirrored and turned",
    8: "turned by 270 degrees",
}


def turned(orientation: int) -> str | None:
    """How pixels of an orientation (TIFF 6.0, tag 274) are stored; None where as they are shown."""
    way = _WAYS.get(orientation)
    return None if way is None else f"pixels stored {way} (Orientation {orientation})"


def check_exif(path: Path, exif: bytes) -> None:
    """Refuse a picture whose Exif, a small TIFF, says that it is stored turned.

    Raises InputError. Damaged Exif says nothing.
    """
    found = turned(_orientation(exif))
    if found is not None:
        raise refused(path, found)


def refused(path: Path, found: str) -> InputError:
    """The error for a picture that is stored turned."""
    return not_supported(path, found, "Orientation 1 (top left); save it upright, as labels lie")


def jpeg_exif(data: bytes) -> bytes:
    """The Exif of a JPEG; nothing where it has none."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] != 0xDA:
        size = int.from_bytes(data[place + 2 : place + 4], "big")
        part = data[place + 4 : place + 2 + size]
        if data[place + 1] == 0xE1 and part.startswith(b"Exif\0\0"):
            return part[6:]
        place += 2 + size
    return b""


def _orientation(exif: bytes) -> int:
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None or len(exif) < 10:
        return 1
    try:
        (start,) = struct.unpack_from(order + "I", exif, 4)
        (n_tags,) = struct.unpack_from(order + "H", exif, start)
        for place in range(start + 2, start + 2 + 12 * n_tags, 12):
            tag, kind, count, value = struct.unpack_from(order + "2HIH", exif, place)
            if (tag, kind, count) == (_ORIENTATION, 3, 1):
                return int(value)
    except struct.error:
        pass
    return 1
