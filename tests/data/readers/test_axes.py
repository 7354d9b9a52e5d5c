"""Axes by the words that files use for them, and by their lengths where they use none."""

import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
import zarr

from loihiseg.data import make_stack, read_stack
from loihiseg.data.readers.axes import AxisOrder, axis_order, short_names
from loihiseg.data.warn import ReadingWarning
from loihiseg.errors import InputError

GREY = np.random.default_rng(0).integers(1, 255, (3, 20, 24), dtype=np.uint8)


@pytest.mark.parametrize("names, order", [
    (["depth", "height", "width"], "zyx"), (["section", "row", "col"], "zyx"),
    (["Channel", "Y", "X"], "cyx"), (["band", "y", "x"], "cyx"),
    (["time", "rows", "columns"], "tyx"),
    (["x", "y", "z"], "xyz"), (["dim_0", "y", "x"], "zyx"), (["dim_0", "dim_1", "dim_2"], None),
    (["c", "foo", "y", "x"], None), ([None, None, None], None), (["y", "x"], "yx"),
])  # fmt: skip
def test_words_for_axes(names, order):
    assert short_names(names) == (None if order is None else tuple(order))


@pytest.mark.parametrize("first", ["channel", "band", "c", "rgb"])
@pytest.mark.parametrize("form", ["zarr2", "zarr3", "hdf5"])
def test_channels_by_any_word(tmp_path, form, first):
    names, path = [first, "row", "col"], tmp_path / ("em.h5" if form == "hdf5" else "em.zarr")
    if form == "hdf5":
        with h5py.File(path, "w") as file:
            array = file.create_dataset("raw", data=GREY)
            for dimension, name in zip(array.dims, names):
                dimension.label = name
    elif form == "zarr3":
        zarr.create_array(path, data=GREY, zarr_format=3, dimension_names=names)
    else:
        array = zarr.create_array(path, data=GREY, zarr_format=2)
        array.attrs["_ARRAY_DIMENSIONS"] = names
    with pytest.raises(InputError, match="3 channels"):
        read_stack(path)


@pytest.mark.parametrize("shape, warns", [
    ((100, 120, 12), True), ((1, 100, 120, 12), True), ((100, 120, 12, 1), True),
    ((12, 100, 120), False), ((100, 120, 30), False), ((100, 120), False), ((5, 120, 12), False),
    ((1, 1, 12, 100, 120), False),
])  # fmt: skip
def test_sections_that_may_be_last(shape, warns):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        order = axis_order(shape, None, Path("em.npy"))
    said = [str(one.message) for one in caught if one.category is ReadingWarning]
    assert isinstance(order, AxisOrder) and bool(said) == warns
    assert not said or "100 sections of 120 x 12 pixels" in said[0]


@pytest.mark.parametrize("dtype", ["u2", "i4", "u8"])
@pytest.mark.parametrize("ids, instances", [
    ((17, 42), True), ((1, 900), True), ((3, 4), True), ((0, 7), False), ((1, 2), False),
    ((0, 255), False), ((1, 255), False),
])  # fmt: skip
def test_two_ids_are_cells(dtype, ids, instances):
    labels = np.where(np.arange(24) < 8, *ids)[None, None].repeat(3, 0).repeat(20, 1).astype(dtype)
    stack = make_stack(GREY, labels, "here")
    edge = np.zeros(24, bool)
    edge[slice(7, 9) if instances else slice(8)] = True
    np.testing.assert_array_equal(stack.membrane, edge[None, None].repeat(3, 0).repeat(20, 1))
    asked = make_stack(GREY, labels, "here", "cell-bright")
    assert asked.membrane.mean() == 8 / 24
