"""Labels whose colours are an axis of an array: the same as those of pictures."""

import h5py
import numpy as np
import pytest
import tifffile
import zarr

from loihiseg.data import read_stack
from loihiseg.data.labels import LabelOptions
from loihiseg.data.maps import read_truth
from loihiseg.data.readers import open_sections
from loihiseg.errors import InputError
from tests.data.readers.n5 import write_n5
from tests.tissue import tissue

N, HEIGHT, WIDTH = 3, 40, 36
RNG = np.random.default_rng(0)
TISSUE = tissue(N, HEIGHT, WIDTH, 12)
MEMBRANE, GREY = TISSUE.membrane, TISSUE.grey


def _painted(membrane, cell):
    """(sections, rows, columns, colours) uint8."""
    return np.where(MEMBRANE[..., None], *(np.array(c, np.uint8) for c in (membrane, cell)))


RED = _painted((255, 0, 0), (0, 0, 0))
CLEAR = _painted((255, 0, 0, 255), (0, 90, 0, 255))
CLEAR[:, 10:20, 5:30] = 0


def _zarr(path, labels, names, chunks, version):
    last = labels.transpose(["zyxc".index(name) for name in names])
    how = {"dimension_names": list(names)} if version == 3 else {}
    how["config"] = {"write_empty_chunks": True}
    array = zarr.create_array(path, data=last, chunks=chunks, zarr_format=version, **how)
    if version == 2:
        array.attrs["_ARRAY_DIMENSIONS"] = list(names)
    return path


def _hdf5(path, labels, named):
    with h5py.File(path, "w") as file:
        array = file.create_dataset("labels", data=labels, chunks=(1, 16, 20, 2), compression=1)
        if named:
            for dimension, name in zip(array.dims, "zyxc"):
                dimension.label = name
    return path


def _npy(path, labels, order):
    np.save(path, np.asarray(labels, order=order))
    return path


FORMS = {
    "zarr2": lambda at, labels: _zarr(at / "l.zarr", labels, "zyxc", (2, 16, 20, 4), 2),
    "zarr3": lambda at, labels: _zarr(at / "l.zarr", labels, "czyx", (1, 1, 16, 20), 3),
    "zarr3 inside": lambda at, labels: _zarr(at / "l.zarr", labels, "zcyx", (3, 2, 40, 7), 3),
    "hdf5": lambda at, labels: _hdf5(at / "l.h5", labels, True),
    "hdf5 without names": lambda at, labels: _hdf5(at / "l.h5", labels, False),
    "n5": lambda at, labels: write_n5(
        at / "l.n5", labels, (2, 16, 20, 3), axes=["c", "x", "y", "z"]
    ),
    "npy": lambda at, labels: _npy(at / "l.npy", labels, "C"),
    "npy in Fortran's order": lambda at, labels: _npy(at / "l.npy", labels, "F"),
}


@pytest.fixture(params=["zarr3", "npy"])
def saved(request, tmp_path):
    tifffile.imwrite(tmp_path / "em.tif", GREY, photometric="minisblack")
    return lambda labels: (tmp_path / "em.tif", FORMS[request.param](tmp_path, labels))


def _as_tiff(path, labels):
    extra = {} if labels.shape[-1] == 3 else {"extrasamples": ["unassalpha"]}
    tifffile.imwrite(path, labels, photometric="rgb", **extra)
    return path


@pytest.mark.parametrize("saved", FORMS, indirect=True)
@pytest.mark.parametrize("labels", [RED, CLEAR], ids=["two colours", "and transparent"])
def test_they_are_what_a_tiff_of_them_is(saved, tmp_path, labels):
    stack = read_stack(*saved(labels))
    expected = read_stack(tmp_path / "em.tif", _as_tiff(tmp_path / "labels.tif", labels))
    assert stack.digest == expected.digest and stack.polarity == expected.polarity
    hidden = labels[..., -1] == 0 if labels.shape[-1] == 4 else np.zeros_like(MEMBRANE)
    np.testing.assert_array_equal(stack.membrane, MEMBRANE & ~hidden)


def test_cells_and_brightness(saved, tmp_path):
    ids = np.arange(16).reshape(4, 4).repeat(10, 0).repeat(9, 1)
    palette = RNG.integers(1, 255, (16, 3)).astype(np.uint8)
    at = saved(np.stack([palette[ids]] * N))
    assert "16 colours are ids of cells" in read_stack(*at).polarity
    truth = read_truth(at[1], "membrane-bright", LabelOptions(threshold=100))
    bright = palette @ (77, 150, 29) >> 8 > 100
    np.testing.assert_array_equal(truth.membrane, np.stack([bright[ids]] * N))


def test_grey_in_three_channels_is_grey(saved):
    grey = _painted((0, 0, 0), (255, 255, 255))
    stack = read_stack(*saved(grey))
    np.testing.assert_array_equal(stack.membrane, MEMBRANE)
    assert stack.polarity.startswith("labels: 255 = cell")


def test_windows_are_parts_of_sections(saved):
    with open_sections(saved(RED)[1], "labels") as reader:
        assert reader.coded and reader.dtype == np.uint32
        section = reader.section(1)
        rows, columns = slice(7, 31), slice(3, 29)
        np.testing.assert_array_equal(reader.window(1, rows, columns), section[rows, columns])
        assert section.dtype == reader.dtype and len(np.unique(section)) == 2


@pytest.mark.parametrize("wrong, says", [
    (RED[..., :2], "2 channels|array of shape"),
    (np.concatenate([RED, RED], -1)[..., :5], "5 channels|array of shape"),
    (RED.astype(np.uint16), "a colour image with 3 channels"),
    (np.where(RNG.random((*CLEAR.shape[:3], 1)) < 0.1, CLEAR // 2, CLEAR), "partly transparent"),
], ids=["two", "five", "deep", "soft"])  # fmt: skip
def test_other_channels_are_refused(saved, wrong, says):
    with pytest.raises(InputError, match=says) as error:
        read_stack(*saved(wrong))
    assert "\n" not in str(error.value)


def test_colours_of_images_are_not_taken_for_labels(saved):
    with pytest.raises(InputError, match=r"3 channels|array of shape"):
        read_stack(saved(RED)[1])
