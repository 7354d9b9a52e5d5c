"""Axes that the writer of a TIFF noted: planes that are no sections are not read as sections."""

import warnings

import numpy as np
import pytest
import tifffile

from loihiseg.data import read_stack
from loihiseg.data.warn import ReadingWarning
from loihiseg.errors import InputError

GREY = np.random.default_rng(0).integers(1, 255, (12, 20, 24), dtype=np.uint8)

REFUSED = [
    ("channels", (2, 6), "CZ", "2 channels"),
    ("channels behind sections", (6, 2), "ZC", "2 channels"),
    ("channels alone", (3,), "C", "3 channels"),
    ("time", (2, 6), "TZ", "2 points of time of 6 sections"),
    ("time behind sections", (6, 2), "ZT", "2 points of time of 6 sections"),
    ("time and channels", (3, 4), "TC", "4 channels"),
    ("many channels of sections", (4, 3), "CZ", "4 channels"),
]


def _write(path, form, lengths, axes):
    array = GREY[: int(np.prod(lengths))].reshape(*lengths, 20, 24)
    if form == "imagej":  # always TZCYX
        places = ["TZC".index(axis) for axis in axes]
        wanted = [1, 1, 1]
        for place, length in zip(places, lengths):
            wanted[place] = length
        array = array.transpose([*np.argsort(places), array.ndim - 2, array.ndim - 1])
        array, axes = array.reshape(*wanted, 20, 24), "TZC"
    options = {"imagej": {"imagej": True}, "ome": {"ome": True}, "tifffile": {}}[form]
    if form != "imagej":
        options["photometric"] = "minisblack"
    tifffile.imwrite(path, array, metadata={"axes": axes + "YX"}, **options)
    return path


@pytest.mark.parametrize("form", ["imagej", "ome", "tifffile"])
@pytest.mark.parametrize("lengths, axes, words", [case[1:] for case in REFUSED],
                         ids=[case[0] for case in REFUSED])  # fmt: skip
def test_planes_that_are_no_sections(tmp_path, form, lengths, axes, words):
    with pytest.raises(InputError) as error:
        read_stack(_write(tmp_path / "em.tif", form, lengths, axes))
    assert words in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("form", ["imagej", "ome", "tifffile"])
@pytest.mark.parametrize("axis, words", [("T", "12 points of time"), ("C", "12 channels"),
                                         ("Z", None)])  # fmt: skip
def test_planes_of_one_kind_are_sections(tmp_path, form, axis, words):
    path = _write(tmp_path / "em.tif", form, (12,), axis)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        np.testing.assert_array_equal(read_stack(path).images, GREY)
    said = [str(one.message) for one in caught if one.category is ReadingWarning]
    assert said == ([f"{path}: its {words} are taken as sections"] if words else [])


@pytest.mark.parametrize("axes", ["YXZ", "ZXY", "XYZ", "XZY", "YZX", "XY"])
def test_rows_and_columns_in_another_order(tmp_path, axes):
    array = GREY if len(axes) == 3 else GREY[0]
    tifffile.imwrite(tmp_path / "em.tif", array, photometric="minisblack",
                     metadata={"axes": axes})  # fmt: skip
    with pytest.raises(InputError, match=f"axes {axes}"):
        read_stack(tmp_path / "em.tif")


@pytest.mark.parametrize("shape, axes", [
    ((12, 20, 24), "QYX"), ((12, 20, 24), "IYX"), ((1, 12, 20, 24), "CZYX"),
    ((1, 12, 1, 20, 24), "TZCYX"), ((12, 20, 24, 1), "ZYXS"),
])  # fmt: skip
def test_axes_that_say_sections(tmp_path, shape, axes):
    tifffile.imwrite(tmp_path / "em.tif", GREY.reshape(shape), photometric="minisblack",
                     metadata={"axes": axes})  # fmt: skip
    np.testing.assert_array_equal(read_stack(tmp_path / "em.tif").images, GREY)
