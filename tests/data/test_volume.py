"""A volume on disk is the stack in memory, section by section."""

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from loihiseg.data.contrast import contrast
from loihiseg.data.ranks import percentiles
from loihiseg.data.readers import read_stack
from loihiseg.data.stack import make_stack
from loihiseg.data.volume import open_volume
from loihiseg.data.warn import ReadingWarning
from loihiseg.data.windows import windows_of
from loihiseg.errors import InputError
from loihiseg.running.windows import halo

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


def padded(images, rng):
    """A border in some sections, another void in others."""
    images = images.copy()
    images[::2, :, : rng.integers(0, 9)] = 0
    images[1, 3:30, 5:31] = images[1, 3, 5]
    return images


WAYS = {
    "rows.tif": lambda path, images: tifffile.imwrite(path, images, photometric="minisblack"),
    "strips.tif": lambda path, images: tifffile.imwrite(
        path, images, photometric="minisblack", rowsperstrip=7, compression="zlib"
    ),
    "tiles.tif": lambda path, images: tifffile.imwrite(
        path, images, photometric="minisblack", tile=(16, 16)
    ),
    "a.npy": np.save,
    "flat.zarr": lambda path, images: zarr.create_array(
        path, data=images, chunks=(1, 8, 16), zarr_format=2
    ),
    "deep.zarr": lambda path, images: zarr.create_array(
        path, data=images, chunks=(3, 11, 5), zarr_format=3
    ),
    "whole.zarr": lambda path, images: zarr.create_array(
        path, data=images, chunks=(1, 40, 33), zarr_format=2
    ),
}


@pytest.mark.parametrize(
    "name, dtype",
    [(name, dtype) for name in WAYS for dtype in ("uint8", "uint16", "float32")]
    + [("deep.zarr", "int32"), ("deep.zarr", "float64")],
)
def test_windows_are_those_of_the_stack(tmp_path, monkeypatch, name, dtype):
    """Pixels, contrast and limits to the bit, whatever is read together."""
    rng = np.random.default_rng(len(name))
    images = padded(images_of(dtype, 5), rng)
    WAYS[name](tmp_path / name, images)
    wanted = make_stack(images, None, "x").images
    for n_bytes in (1, 2**9, 2**25):  # one row of chunks, some, all of them
        monkeypatch.setattr("loihiseg.data.volume._BAND_BYTES", n_bytes)
        monkeypatch.setattr("loihiseg.data.readers.blocks._MOST_KEPT_BYTES", n_bytes)
        with open_volume(tmp_path / name) as volume:
            assert volume.depth == (3 if name == "deep.zarr" else 1)
            found = volume.contrasts(range(4))
            assert found == {number: contrast(wanted[number]) for number in range(4)}
            for window in windows_of(volume.shape, int(rng.integers(5, 40))):
                taken = halo(volume.shape, window, 8)
                for number in rng.permutation(4):
                    pixels = volume.window(number, taken)
                    assert np.array_equal(pixels, wanted[number][taken.slices])


def with_voids(images, rng):
    """NaN at the border, in a corner and in a void of some sections, one all over."""
    images = padded(images, rng)
    rows, columns = np.indices(images.shape[1:])
    images[0, rows + columns < rng.integers(3, 20)] = np.nan
    images[0, -1, 20:23] = np.nan  # few, but at a side
    images[1, 30:37, 4:20] = np.nan
    images[2, rng.integers(10, 20) :, -5:] = np.nan
    images[3] = np.nan
    return images


@pytest.mark.parametrize("name", ["rows.tif", "tiles.tif", "a.npy", "flat.zarr", "deep.zarr"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_voids_of_nan_are_the_padding_of_the_stack(tmp_path, monkeypatch, name, dtype):
    rng = np.random.default_rng(len(name))
    images = with_voids(images_of("float32", 8).astype(dtype), rng)
    WAYS[name](tmp_path / name, images)
    with pytest.warns(ReadingWarning, match="NaN"):
        wanted = make_stack(images, None, "x")
    missing = np.isnan(images)
    assert not wanted.known[missing].any()
    for n_bytes in (1, 2**25):
        monkeypatch.setattr("loihiseg.data.volume._BAND_BYTES", n_bytes)
        with open_volume(tmp_path / name) as volume:
            with pytest.warns(ReadingWarning) as said:
                found = volume.contrasts(range(4))
            (text,) = [str(one.message) for one in said]
            assert f"{100 * missing.mean():.1f} % of the pixels are NaN" in text
            assert found == {number: contrast(wanted.images[number]) for number in range(4)}
            for window in windows_of(volume.shape, 15):
                pixels = volume.window(1, window)
                assert np.array_equal(pixels, wanted.images[1][window.slices])
            np.testing.assert_array_equal(volume.section(0), wanted.images[0])


def test_nan_elsewhere_are_counted(tmp_path):
    images = with_voids(images_of("float32", 9), np.random.default_rng(0))
    images[1, 12, 12:15] = np.nan  # in the void of one value, but too few
    images[2, 3, 3] = -np.inf
    WAYS["flat.zarr"](tmp_path / "a.zarr", images)
    with open_volume(tmp_path / "a.zarr") as volume, pytest.warns(ReadingWarning):
        found = volume.contrasts(range(4))
        assert "section 1: images have 3 NaN or infinite" in str(found[1])
        assert "section 2: images have 1 NaN or infinite" in str(found[2])
        with pytest.raises(InputError, match="section 1: images have 3 NaN"):
            volume.section(1)
        rest = make_stack(images[[0, 3]], None, "x")
        assert np.array_equal(volume.section(0), rest.images[0])


@pytest.mark.parametrize("kind", ["strips", "tiles", "folder"])
@pytest.mark.parametrize("n_channels", [2, 4])
def test_transparent_pixels_are_those_of_the_stack(tmp_path, kind, n_channels):
    grey, path = images_of("uint8", 3), tmp_path / "em.tif"
    hidden = np.indices(grey.shape[1:]).sum(0) < 30
    images = np.repeat(grey[..., None], n_channels, -1)
    images[..., -1] = np.where(hidden, 0, 255)
    images[:, hidden, 0] = 77  # a colour that is not to be seen, where there are three
    if kind == "folder":
        path.mkdir()
        for number, image in enumerate(images):
            Image.fromarray(image).save(path / f"{number}.png")
    else:
        layout = {"rowsperstrip": 5} if kind == "strips" else {"tile": (16, 16)}
        photometric = "rgb" if n_channels == 4 else "minisblack"
        tifffile.imwrite(
            path, images, photometric=photometric, planarconfig="contig",
            extrasamples=["unassalpha"], **layout,
        )  # fmt: skip
    with pytest.warns(ReadingWarning, match="transparent"):
        wanted = read_stack(path)
    assert not wanted.images[:, hidden].any()
    with open_volume(path) as volume:
        with pytest.warns(ReadingWarning) as said:
            volume.digest()
        (text,) = [str(one.message) for one in said]
        assert f"{100 * hidden.mean():.1f} % of the pixels are transparent" in text
        for window in windows_of(volume.shape, 8):
            pixels = volume.window(2, window)
            np.testing.assert_array_equal(pixels, wanted.images[2][window.slices])


@pytest.mark.parametrize("name", WAYS)
def test_digests_do_not_depend_on_the_format(tmp_path, name):
    images = images_of("uint16", 6)
    for way in ("rows.tif", name):
        WAYS[way](tmp_path / way, images)
    digests = []
    for way in ("rows.tif", name):
        with open_volume(tmp_path / way) as volume:
            digests.append(volume.digest())
    assert digests[0] == digests[1]


def test_sections_are_read_by_chunks(tmp_path):
    """No more than a few rows of chunks, or a window, at once."""
    WAYS["flat.zarr"](tmp_path / "a.zarr", images_of("float32"))
    with open_volume(tmp_path / "a.zarr") as volume:
        volume.reader.section = None
        volume.digest(), volume.contrasts([0, 2]), volume.window(1, next(windows_of((40, 33), 9)))
    WAYS["whole.zarr"](tmp_path / "b.zarr", images_of("uint8"))
    with open_volume(tmp_path / "b.zarr") as volume:
        read, section = [], volume.reader.section
        volume.reader.section = lambda number: read.append(number) or section(number)
        for number in (0, 1):
            volume.contrasts([number])
            for window in windows_of((40, 33), 9):
                volume.window(number, window)
    assert read == [0, 1]  # once each


def test_what_is_damaged_is_said_of_its_section_alone(tmp_path):
    images = padded(images_of("float32", 7), np.random.default_rng(0))
    images[3, 39, 0] = np.inf
    images[3, 20, 16] = np.nan
    path = tmp_path / "a.zarr"
    zarr.create_array(path, data=images, chunks=(1, 16, 16), zarr_format=2, compressors=None)
    (path / "1.2.1").write_bytes(b"cut off")
    with open_volume(path) as volume:
        found = volume.contrasts(range(4))
        rest = make_stack(images[[0, 2]], None, "x").images
        assert [found[0], found[2]] == [contrast(section) for section in rest]
        assert "chunk 1.2.1" in str(found[1])
        assert "section 3: images have 2 NaN or infinite" in str(found[3])
        assert np.array_equal(volume.section(2), rest[1])
        digest = volume.digest()
    (path / "1.2.1").write_bytes(b"cut off elsewhere")
    with open_volume(path) as volume:
        assert volume.digest() == digest


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["u1", "u2", "u4", "i1", "i4", "i8", "f2", "f4", "f8"]),
    st.integers(2, 300),
    st.integers(0, 2**32 - 1),
)
def test_percentiles_without_some(name, count, seed):
    dtype, rng = np.dtype(name), np.random.default_rng(seed)
    values = rng.integers(0, 40, count).astype(dtype) - dtype.type(0)
    if dtype.kind in "if":
        values -= dtype.type(20)
        values[rng.random(count) < 0.2] *= dtype.type(-1)
    left_out = rng.random(count) < 0.7
    left_out[int(rng.integers(count))] = False
    some, counts = np.unique(values[left_out], return_counts=True)
    without = {value.item(): int(n) for value, n in zip(some, counts)}
    kept, shares = values[~left_out], [0.5, 99.5, 37.1]
    found = percentiles(lambda: np.array_split(values, 3), dtype, len(kept), shares, without)
    assert found == list(np.percentile(kept, shares))


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
