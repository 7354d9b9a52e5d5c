"""TIFF: what tifffile writes is read as it reads it; what lies about its size is refused."""

import struct

import numpy as np
import pytest
import tifffile

from loihiseg.data import read_stack
from loihiseg.data.readers import open_sections
from loihiseg.data.readers.tiff import directories
from loihiseg.errors import InputError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (5, 37, 50), dtype=np.uint8)


def _read(path):
    with open_sections(path) as reader:
        return np.stack([reader.section(number) for number in range(reader.shape[0])])


def _refused(path, *words):
    with pytest.raises(InputError) as error:
        read_stack(path)
    message = str(error.value)
    assert "\n" not in message and len(message) < 500 and str(path) in message
    for word in words:
        assert word in message, message


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i1", "i2", "i4", "f2", "f4", "f8"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bigtiff": True, "byteorder": ">"},
        {"tile": (16, 32)},
        {"rowsperstrip": 8, "byteorder": ">"},
        {"compression": "lzw", "predictor": True, "rowsperstrip": 8},
        {"compression": "deflate", "predictor": True, "tile": (16, 16), "byteorder": ">"},
        {"compression": "zstd", "rowsperstrip": 5},
        {"compression": "packbits", "tile": (32, 16)},
        {"truncate": True},
    ],
    ids=lambda options: " ".join(map(str, options.values())) or "plain",
)
def test_pixels_are_those_tifffile_reads(tmp_path, dtype, options):
    if dtype == "f2" and options.get("predictor"):
        pytest.skip("tifffile has no predictor for half precision")
    path = tmp_path / "em.tif"
    array = (GREY.astype(float) * 0.37 if dtype[0] == "f" else GREY // 2).astype(dtype)
    tifffile.imwrite(path, array, photometric="minisblack", **options)
    found = _read(path)
    np.testing.assert_array_equal(found, tifffile.imread(path))
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype


def test_missing_values_are_no_colours(tmp_path):
    array = GREY.astype(np.float32)
    array[1, 2, 3] = np.nan
    tifffile.imwrite(tmp_path / "em.tif", array, photometric="minisblack")
    np.testing.assert_array_equal(_read(tmp_path / "em.tif"), array)
    _refused(tmp_path / "em.tif", "1 NaN or infinite pixels")


def test_jpeg(tmp_path):
    smooth = np.add.outer(np.arange(37), np.arange(50)).astype(np.uint8)[np.newaxis]
    for options in ({}, {"rowsperstrip": 16}, {"tile": (16, 16)}):
        path = tmp_path / "em.tif"
        tifffile.imwrite(path, smooth, photometric="minisblack", compression="jpeg", **options)
        np.testing.assert_array_equal(_read(path), tifffile.imread(path).reshape(1, 37, 50))


def test_white_is_zero_is_turned_round(tmp_path):
    for array in (GREY, GREY.astype(np.uint16) * 200):
        stored = np.iinfo(array.dtype).max - array
        tifffile.imwrite(tmp_path / "em.tif", stored, photometric="miniswhite")
        np.testing.assert_array_equal(_read(tmp_path / "em.tif"), array)


def test_palette_is_looked_up(tmp_path):
    grey = np.arange(256)[::-1].astype(np.uint16) * 257
    path = tmp_path / "em.tif"
    tifffile.imwrite(path, 255 - GREY, photometric="palette", colormap=np.tile(grey, (3, 1)))
    np.testing.assert_array_equal(_read(path), GREY)
    colours = RNG.integers(0, 65536, (3, 256)).astype(np.uint16)
    tifffile.imwrite(path, GREY, photometric="palette", colormap=colours)
    _refused(path, "colour image with 3 channels")


def test_one_bit_and_planes(tmp_path):
    path = tmp_path / "em.tif"
    tifffile.imwrite(path, GREY > 99, photometric="minisblack")
    np.testing.assert_array_equal(_read(path), np.where(GREY > 99, 255, 0))
    tifffile.imwrite(path, GREY > 99, photometric="miniswhite")
    np.testing.assert_array_equal(_read(path), np.where(GREY > 99, 0, 255))
    planes = np.repeat(GREY[:, np.newaxis], 3, axis=1)
    tifffile.imwrite(path, planes, photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(_read(path), GREY)


def test_three_sections_written_as_colour(tmp_path):
    tifffile.imwrite(tmp_path / "em.tif", GREY[:3], photometric="rgb", planarconfig="separate")
    _refused(tmp_path / "em.tif", "3 channels", "sections: write them as pages")


@pytest.mark.parametrize("options", [{"imagej": True}, {"ome": True}])
def test_channels_are_no_sections(tmp_path, options):
    tifffile.imwrite(tmp_path / "em.tif", GREY[:3], metadata={"axes": "CYX"}, **options)
    _refused(tmp_path / "em.tif", "3 channels")
    tifffile.imwrite(tmp_path / "em.tif", GREY[:3], metadata={"axes": "ZYX"}, **options)
    np.testing.assert_array_equal(_read(tmp_path / "em.tif"), GREY[:3])


@pytest.mark.parametrize("compression", ["jpeg2000", "lerc", "lzma"])
def test_compressions_beyond_the_list(tmp_path, compression):
    tifffile.imwrite(tmp_path / "em.tif", GREY, compression=compression, photometric="minisblack")
    _refused(tmp_path / "em.tif", "compression number", "Deflate")


# Files that lie


def _tiff(*pages, links=None):
    """Classic little-endian TIFF; a page is {tag: (type, count, value)} or {tag: number}."""
    size = 8
    starts = []
    for page in pages:
        starts.append(size)
        size += 2 + 12 * len(page) + 4
    links = links or [*starts[1:], 0]
    data = bytearray(struct.pack("<2sHI", b"II", 42, starts[0]))
    for page, link in zip(pages, links):
        data += struct.pack("<H", len(page))
        for tag, value in sorted(page.items()):
            kind, count, value = value if isinstance(value, tuple) else (4, 1, value)
            data += struct.pack("<HHII", tag, kind, count, value)
        data += struct.pack("<I", link)
    return bytes(data)


def _page(width=4, height=4, offset=8, count=16, **others):
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: offset, 277: 1, 278: height}
    return {**tags, 279: count, **{int(k[1:]): v for k, v in others.items()}}


def _write(path, data, description=""):
    path.write_bytes(data + description.encode())
    return path


def test_a_page_by_hand_is_read(tmp_path):
    path = _write(tmp_path / "em.tif", _tiff(_page(offset=122)) + bytes(range(16)))
    np.testing.assert_array_equal(_read(path)[0], np.arange(16).reshape(4, 4))


@pytest.mark.parametrize("back", [0, 1])
def test_pages_in_a_circle(tmp_path, back):
    first = 8, 8 + 2 + 12 * 9 + 4
    data = _tiff(_page(2, 2, 8, 4), _page(2, 2, 8, 4), links=[first[1], first[back]])
    _refused(_write(tmp_path / "em.tif", data), "leads back")


def test_more_pages_than_a_stack_has(tmp_path, monkeypatch):
    monkeypatch.setattr(directories, "MOST_PAGES", 10)
    data = _tiff(*[_page(1, 1, 8, 1)] * 11)
    _refused(_write(tmp_path / "em.tif", data), "more than 10 pages")


@pytest.mark.parametrize(
    "page, words",
    [
        (_page(2**31 - 1, 2**31 - 1), "GB"),
        (_page(100_000, 100_000), ""),
        (_page(0, 4), "width 0"),
        (_page(count=0), "missing"),
        (_page(offset=10**6), "past"),
        (_page(_273=(4, 10**9, 8)), "declares 1,000,000,000 values"),
        (_page(_258=(3, 2**32 - 1, 8)), "values"),
        (_page(_278=1), "4 of them make the page"),
        (_page(_259=8, width=60_000, height=60_000), "3.6 GB"),
        (_page(_262=6), "colours of kind 6"),
        (_page(_266=2), "reversed"),
        (_page(_32997=9), "depth"),
        (_page(_33629=1), "MetaMorph"),
        (_page(_256=(2, 1, 4)), "no number"),
    ],
)
def test_tags_that_lie(tmp_path, page, words):
    data = _tiff(page)
    _refused(_write(tmp_path / "em.tif", data + bytes(range(16))), words)


def test_pages_that_share_their_pixels(tmp_path):
    data = _tiff(*[_page(16, 16, 8, 256)] * 50)
    _refused(_write(tmp_path / "em.tif", data), "share")


@pytest.mark.parametrize(
    "description, words",
    [
        ("ImageJ=1.53\nimages=1000000000\nslices=1000000000\n", "GB"),
        ("ImageJ=1.53\nimages=3\nslices=3\n", "declares 3 sections"),
        ('{"shape": [1000000, 4, 4]}', "declares 1000000 sections"),
        ('{"shape": [1e999, 4, 4]}', "no shape"),
        ('{"shape": ' + "[" * 1900, "no shape"),
        ('<OME><Pixels SizeZ="7" SizeC="1" SizeT="1"/></OME>', "declares 7 planes"),
    ],
)
def test_descriptions_that_lie(tmp_path, description, words):
    text = description.encode() + b"\0"
    data = _tiff(_page(offset=134, _270=(2, len(text), 150)))
    path = _write(tmp_path / "em.tif", data + bytes(range(16)) + text)
    assert path.read_bytes()[150 : 150 + len(text)] == text
    _refused(path, words)


def test_entities_in_ome_are_not_expanded(tmp_path):
    bomb = '<!DOCTYPE OME [<!ENTITY a "aaaaaaaaaa">'
    bomb += "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(12))
    bomb += ']><OME><Pixels SizeZ="1" SizeC="1" SizeT="1">&m;</Pixels></OME>'
    text = bomb.encode() + b"\0"
    data = _tiff(_page(offset=134, _270=(2, len(text), 150)))
    path = _write(tmp_path / "em.tif", data + bytes(range(16)) + text)
    np.testing.assert_array_equal(_read(path)[0], np.arange(16).reshape(4, 4))


def test_pages_in_other_files_are_not_followed(tmp_path):
    tifffile.imwrite(tmp_path / "other.tif", GREY[0])
    ome = (
        '<OME><Image><Pixels SizeX="4" SizeY="4" SizeZ="2" SizeC="1" SizeT="1"><TiffData '
        'FirstZ="1"><UUID FileName="other.tif">urn:uuid:1</UUID></TiffData></Pixels></Image></OME>'
    )
    data = _tiff(_page(offset=134, _270=(2, len(ome) + 1, 150)))
    path = _write(tmp_path / "em.ome.tif", data + bytes(range(16)) + ome.encode() + b"\0")
    _refused(path, "other files are not read")


def test_short_and_long_strips(tmp_path):
    path = tmp_path / "em.tif"
    for compression in ("deflate", "lzw", "packbits", "zstd"):
        tifffile.imwrite(
            path, GREY[:1], compression=compression, photometric="minisblack", metadata=None
        )
        with tifffile.TiffFile(path) as tiff:
            tags = tiff.pages[0].tags
            places = tags["ImageLength"].valueoffset, tags["RowsPerStrip"].valueoffset
        whole = path.read_bytes()
        for rows in (36, 38):
            data = bytearray(whole)
            for place in places:
                struct.pack_into("<H", data, place, rows)
            path.write_bytes(data)
            _refused(path, "cannot be read as a TIFF")
