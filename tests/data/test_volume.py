"""A volume on disk is the stack in memory, section by section."""

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from loihiseg.data.ranks import percentiles
from loihiseg.data.readers import read_stack
from loihiseg.data.stack import make_stack
from loihiseg.data.volume import open_volume
from loihiseg.errors import InputError

DTYPES = ["uint8", "uint16", "uint32", "int16", "int32", "float32"]


def images_of(dtype, seed=0, shape=(4, 40, 33)):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.normal(0, 100, shape).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)


def sections_of(path):
    with open_volume(path) as volume:
        return np.stack([volume.section(number) for number in range(volume.n_sections)])


@pytest.mark.parametrize("dtype", DTYPES)
def test_sections_are_those_of_the_stack(tmp_path, dtype):
    images = images_of(dtype)
    tifffile.imwrite(tmp_path / "a.tif", images, photometric="minisblack")
    array = zarr.create_array(
        tmp_path / "a.zarr", shape=images.shape, dtype=dtype, chunks=(1, 16, 16), zarr_format=2
    )
    array[:] = images
    wanted = make_stack(images, None, "x").images
    for name in ("a.tif", "a.zarr"):
        assert np.array_equal(sections_of(tmp_path / name), wanted)
        assert np.array_equal(read_stack(tmp_path / name).images, wanted)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_padding_counts_for_neither(tmp_path, dtype):
    images = images_of(dtype, 1)
    images[:, :, :6] = 0
    images[2] = 0
    tifffile.imwrite(tmp_path / "a.tif", images, photometric="minisblack")
    assert np.array_equal(sections_of(tmp_path / "a.tif"), make_stack(images, None, "x").images)


def test_nearly_blank_and_blank(tmp_path):
    images = np.full((3, 20, 20), 7, np.uint16)
    tifffile.imwrite(tmp_path / "blank.tif", images, photometric="minisblack")
    with open_volume(tmp_path / "blank.tif") as volume:
        with pytest.raises(InputError, match="no section has contrast"):
            volume.section(0)
    images[1, 3, 3] = 9
    tifffile.imwrite(tmp_path / "nearly.tif", images, photometric="minisblack")
    assert np.array_equal(sections_of(tmp_path / "nearly.tif"), make_stack(images, None, "").images)


def test_no_finite_numbers_are_named(tmp_path):
    images = images_of("float32")
    images[2, 5, 5] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", images, photometric="minisblack")
    with open_volume(tmp_path / "a.tif") as volume:
        volume.section(0)
        with pytest.raises(InputError, match=r"section 2.*1 NaN or infinite"):
            volume.section(2)


def test_digests_are_of_pixels_shape_and_type(tmp_path):
    images = images_of("uint8")
    changed = images.copy()
    changed[3, 39, 32] ^= 1
    found = []
    for number, array in enumerate(
        [images, images, changed, images.reshape(8, 20, 33), images.astype(np.uint16)]
    ):
        path = tmp_path / f"{number}.tif"
        tifffile.imwrite(path, array, photometric="minisblack")
        with open_volume(path) as volume:
            found.append(volume.digest())
    assert found[0] == found[1] and len(set(found)) == 4


def test_size_of_a_pixel(tmp_path):
    images = images_of("uint8")
    tifffile.imwrite(
        tmp_path / "a.tif",
        images,
        imagej=True,
        resolution=(250, 200),
        metadata={"axes": "ZYX", "spacing": 0.05, "unit": "um"},
    )
    with open_volume(tmp_path / "a.tif") as volume:
        assert volume.pixel_nm == pytest.approx((50, 5, 4))
    tifffile.imwrite(tmp_path / "b.tif", images, photometric="minisblack")
    with open_volume(tmp_path / "b.tif") as volume:
        assert volume.pixel_nm is None


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"]),
    st.integers(1, 300),
    st.integers(1, 5),
    st.floats(0, 100),
    st.integers(0, 2**32 - 1),
    st.booleans(),
)
def test_percentiles_are_those_of_numpy(name, count, n_parts, share, seed, is_narrow):
    dtype, rng = np.dtype(name), np.random.default_rng(seed)
    if dtype.kind == "f":
        values = rng.normal(0, 1 if is_narrow else 1e4, count).astype(dtype)
    elif is_narrow:
        values = rng.integers(0, 5, count).astype(dtype)
    else:
        info = np.iinfo(dtype)
        values = rng.integers(info.min, info.max, count, dtype=dtype, endpoint=True)
    parts = np.array_split(values, n_parts)
    shares = [0.5, 99.5, share]
    with np.errstate(over="ignore"):
        wanted = np.percentile(values, shares)
        assert percentiles(lambda: parts, dtype, count, shares) == list(wanted)
