"""Where Fiji and napari look for the size of pixels."""

import numpy as np
import pytest
import tifffile

from loihiseg.data.writers import open_output
from loihiseg.data.writers.base import Layout
from loihiseg.data.writers.tiff import _form
from tests.data.writers.outputs import opened, pixels

SIZES = (50.0, 4.5, 4.123456)


def size(tag):
    return tag.value[1] / tag.value[0]


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_imagej_knows_axes_and_sizes(tmp_path, dtype):
    array = pixels((3, 20, 30), dtype)
    path = tmp_path / "map.tif"
    with opened(path, array, pixel_nm=SIZES):
        pass
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_imagej and not tiff.is_bigtiff and not tiff.is_ome
        assert tiff.series[0].axes == "ZYX"
        found = tiff.imagej_metadata
        assert (found["slices"], found["images"], found["unit"]) == (3, 3, "nm")
        assert found["spacing"] == 50.0
        tags = tiff.pages.first.tags
        assert size(tags["YResolution"]) == pytest.approx(4.5, rel=1e-6)
        assert size(tags["XResolution"]) == pytest.approx(4.123456, rel=1e-6)
        assert tags["ResolutionUnit"].value == 1


@pytest.mark.parametrize(("name", "dtype"), [("map.ome.tif", "u1"), ("map.tif", "u4")])
def test_ome_knows_axes_and_sizes(tmp_path, name, dtype):
    array = pixels((3, 20, 30), dtype)
    with opened(tmp_path / name, array, "labels", SIZES):
        pass
    with tifffile.TiffFile(tmp_path / name) as tiff:
        assert tiff.is_ome and not tiff.is_imagej and not tiff.is_bigtiff
        assert tiff.series[0].axes == "ZYX"
        found = tifffile.xml2dict(tiff.ome_metadata)["OME"]["Image"]["Pixels"]
        assert [found[f"PhysicalSize{axis}"] for axis in "ZYX"] == list(SIZES)
        assert {found[f"PhysicalSize{axis}Unit"] for axis in "ZYX"} == {"nm"}
        tags = tiff.pages.first.tags
        assert size(tags["XResolution"]) * 1e7 == pytest.approx(4.123456, rel=1e-6)
        assert tags["ResolutionUnit"].value == 3


@pytest.mark.parametrize("name", ["map.tif", "map.ome.tif"])
def test_no_size_is_written_where_none_is_known(tmp_path, name):
    array = pixels((3, 20, 30), "u1")
    with opened(tmp_path / name, array, pixel_nm=None):
        pass
    with tifffile.TiffFile(tmp_path / name) as tiff:
        described = tiff.pages.first.description
        assert "unit" not in described and "spacing" not in described
        assert "PhysicalSize" not in described
        assert tiff.pages.first.tags["ResolutionUnit"].value == 1


def test_past_4_gb_it_is_a_bigtiff(tmp_path):
    """Mostly a hole: the last pixel is where it is looked for."""
    path = tmp_path / "map.tif"
    shape = (5, 30_000, 30_000)
    try:
        output = open_output(path, shape=shape, dtype="u1", pixel_nm=SIZES)
    except Exception as error:
        if "GB of disk" in str(error):
            pytest.skip("the disk has no 4.5 GB")
        raise
    with output:
        output.write_window(4, 29_990, 29_980, np.full((10, 20), 7, np.uint8))
    assert path.stat().st_blocks * 512 < 1e8
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_bigtiff and tiff.is_ome and tiff.series[0].shape == shape
        found = tiff.series[0].pages[4].asarray(out="memmap")[29_989:, 29_979:]
    assert found[1:, 1:].min() == 7 and not found[0].any() and not found[:, 0].any()


@pytest.mark.parametrize(
    ("dtype", "n_sections", "imagej", "big"),
    [("u1", 4, True, False), ("u1", 5, False, True), ("f4", 1, True, False)]
    + [("f4", 2, False, True), ("u4", 1, False, False), ("u4", 2, False, True)],
)
def test_form_by_type_and_size(tmp_path, dtype, n_sections, imagej, big):
    layout = Layout((n_sections, 32_000, 32_000), np.dtype(dtype), None, "image")
    form = _form(layout, tmp_path / "map.tif")[0]
    assert form.get("imagej", False) == imagej and form["bigtiff"] == big
    assert form.get("ome", False) != imagej
