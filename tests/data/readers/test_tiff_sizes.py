"""Pixel sizes of TIFFs as their writers note them, and windows of their strips and tiles."""

import numpy as np
import pytest
import tifffile

from loihiseg.data.readers import open_sections
from loihiseg.data.readers.tiff.sizes import pixel_sizes
from loihiseg.errors import InputError

GREY = np.random.default_rng(0).integers(1, 120, (4, 70, 90), dtype=np.uint8)


def _write(path, **options):
    metadata = {"axes": "ZYX", **options.pop("metadata", {})}
    tifffile.imwrite(path, GREY, metadata=metadata, photometric="minisblack", **options)
    return path


@pytest.mark.parametrize("unit", ["nm", "um", "micron", "\\u00B5m", "Angstrom"])
def test_imagej(tmp_path, unit):
    nm = {"nm": 1, "Angstrom": 0.1}.get(unit, 1000)
    options = {"resolution": (nm / 5, nm / 4), "metadata": {"spacing": 50 / nm, "unit": unit}}
    with open_sections(_write(tmp_path / "em.tif", imagej=True, **options)) as reader:
        np.testing.assert_allclose(reader.pixel_nm, (50, 4, 5), rtol=1e-4)


@pytest.mark.parametrize("unit", ["nm", "\u00b5m", None, "\u212b"])
def test_ome(tmp_path, unit):
    nm = {"nm": 1, "\u212b": 0.1}.get(unit, 1000)
    metadata = {}
    for axis, size in zip("ZYX", (50, 4, 5)):
        metadata[f"PhysicalSize{axis}"] = size / nm
        if unit:
            metadata[f"PhysicalSize{axis}Unit"] = unit
    with open_sections(_write(tmp_path / "em.ome.tif", ome=True, metadata=metadata)) as reader:
        np.testing.assert_allclose(reader.pixel_nm, (50, 4, 5), rtol=1e-4)


@pytest.mark.parametrize(
    "per_unit, unit, right",
    [
        ((2.5e6, 2e6), "CENTIMETER", (None, 5, 4)),
        ((5.08e6, 6.35e6), "INCH", (None, 4, 5)),
        ((72, 72), "INCH", None),
        ((600, 600), "INCH", None),
        ((1e6, 1e6), "NONE", None),
        (None, None, None),
    ],
)
def test_baseline(tmp_path, per_unit, unit, right):
    options = {"resolution": per_unit, "resolutionunit": unit} if per_unit else {}
    with open_sections(_write(tmp_path / "em.tif", **options)) as reader:
        if right is None:
            assert reader.pixel_nm is None
        else:
            assert reader.pixel_nm[0] is None
            np.testing.assert_allclose(reader.pixel_nm[1:], right[1:], rtol=1e-3)


@pytest.mark.parametrize("description", [
    "ImageJ=1\nunit=nm\nspacing=0", "ImageJ=1\nspacing=4", '{"shape": [1], "spacing": "x"}',
    '{"shape":[1', '<OME><Pixels PhysicalSizeX="0"', '<OME><Pixels PhysicalSizeX="nan">', "",
    '<OME><Pixels PhysicalSizeX="4" PhysicalSizeXUnit="pixel">',
])  # fmt: skip
def test_descriptions_without_sizes(description):
    assert pixel_sizes(description, (None, None), 2) is None


WAYS = [
    {"tile": (16, 32)}, {"tile": (16, 32), "compression": "deflate"}, {"rowsperstrip": 7},
    {"rowsperstrip": 16, "compression": "lzw", "predictor": True}, {},
]  # fmt: skip


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_windows(tmp_path, options):
    with open_sections(_write(tmp_path / "em.tif", **options)) as reader:
        for rows, columns in [
            (slice(0, 70), slice(0, 90)), (slice(15, 17), slice(31, 33)), (slice(69, 70),
             slice(0, 1)), (slice(20, 60), slice(40, 90)), (slice(5, 5), slice(0, 9)),
        ]:  # fmt: skip
            found = reader.window(2, rows, columns)
            np.testing.assert_array_equal(found, GREY[2, rows, columns])


def test_windows_read_only_what_they_touch(tmp_path):
    path = _write(tmp_path / "em.tif", tile=(16, 32), compression="deflate")
    with tifffile.TiffFile(path) as tiff:
        place = tiff.pages[0].dataoffsets[-1]
    data = bytearray(path.read_bytes())
    data[place : place + 8] = b"damaged!"
    path.write_bytes(data)
    with open_sections(path) as reader:
        assert reader.chunk == (1, 16, 32)
        np.testing.assert_array_equal(reader.window(0, slice(0, 64), slice(0, 90)), GREY[0, :64])
        with pytest.raises(InputError, match="page 0"):
            reader.window(0, slice(64, 70), slice(64, 90))
