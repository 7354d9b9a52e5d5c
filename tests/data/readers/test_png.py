"""PNG: every kind of grey, and no damage unnoticed."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from loihiseg.data import read_stack
from loihiseg.data.readers import open_sections
from loihiseg.errors import InputError

GREY = np.random.default_rng(0).integers(0, 256, (37, 50), dtype=np.uint8)


def _read(path):
    with open_sections(path) as reader:
        found = reader.section(0)
        assert found.shape == reader.shape[1:] and found.dtype == reader.dtype
        return found


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width, height, bits, colour, pixels, *more, interlace=0):
    header = struct.pack(">2I5B", width, height, bits, colour, 0, 0, interlace)
    parts = [_chunk(b"IHDR", header), *more, _chunk(b"IDAT", pixels), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _refused(path, data, words):
    path.write_bytes(data)
    with pytest.raises(InputError) as error:
        read_stack(path)
    assert words in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "image, expected",
    [
        (Image.fromarray(GREY), GREY),
        (Image.fromarray(GREY.astype(np.uint16) * 250), GREY.astype(np.uint16) * 250),
        (Image.fromarray(GREY > 99), np.where(GREY > 99, 255, 0)),
        (Image.fromarray(GREY).convert("P"), GREY),
        (Image.fromarray(GREY).convert("LA"), GREY),
        (Image.fromarray(GREY).convert("RGB"), GREY),
        (Image.fromarray(GREY).convert("RGBA"), GREY),
    ],
    ids=lambda value: getattr(value, "mode", ""),
)
def test_kinds_of_grey(tmp_path, image, expected):
    image.save(tmp_path / "em.png")
    np.testing.assert_array_equal(_read(tmp_path / "em.png"), expected)


def test_interlaced(tmp_path):
    # Adam7 of 2 x 2: passes with one pixel, one pixel, and the second row.
    rows = b"\0\x01" + b"\0\x02" + b"\0\x03\x04"
    (tmp_path / "em.png").write_bytes(_png(2, 2, 8, 0, zlib.compress(rows), interlace=1))
    np.testing.assert_array_equal(_read(tmp_path / "em.png"), [[1, 2], [3, 4]])


def test_more_than_pillow_reads(tmp_path):
    side = 14_000
    rows = zlib.compress((b"\0" + bytes(side - 1) + b"\x09") * side, 1)
    (tmp_path / "em.png").write_bytes(_png(side, side, 8, 0, rows))
    assert _read(tmp_path / "em.png").sum(dtype=np.int64) == 9 * side


def test_what_lies_about_its_size(tmp_path):
    rows = zlib.compress(bytes(12 * 12))
    for width, height, words in (
        (11, 11, "declares 132"), (11, 13, "holds 144"), (2**31 - 1, 2**31 - 1, "declares"),
        (10**5, 10**5, "declares"), (0, 4, "declares 4 x 0"),
    ):  # fmt: skip
        _refused(tmp_path / "em.png", _png(width, height, 8, 0, rows), words)
    (tmp_path / "em.png").write_bytes(_png(11, 12, 8, 0, rows))
    assert _read(tmp_path / "em.png").shape == (12, 11)


def test_bomb(tmp_path):
    rows = zlib.compress(bytes(2**27))
    _refused(tmp_path / "em.png", _png(11, 12, 8, 0, rows), "pixels, declares 144")


def test_damage_under_right_check_sums(tmp_path):
    rows = zlib.compress(bytes(12 * 12))
    path = tmp_path / "em.png"
    _refused(path, _png(11, 12, 8, 0, rows[:-1]), "cannot be read as a PNG")
    _refused(path, _png(11, 12, 8, 0, rows[:-4] + b"abcd"), "incorrect data check")
    _refused(path, _png(11, 12, 8, 3, rows), "cannot be read as a PNG")
    _refused(path, _png(11, 12, 3, 0, rows), "colour type 0 of 3 bits")
    _refused(path, _png(11, 12, 8, 0, rows) + b"more", "after its end")
    _refused(path, _png(11, 12, 8, 0, rows, _chunk(b"acTL", bytes(8))), "an animation")
    _refused(path, _png(11, 12, 8, 0, b"", _chunk(b"IDAT", rows), _chunk(b"tIME", bytes(7))), "one")
