"""Formats written by their own libraries: equal when read here, whole and by windows."""

import itertools
import json
import os
import struct

import h5py
import mrcfile
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from loihiseg.data import read_stack
from loihiseg.data.readers import open_sections
from loihiseg.data.warn import ReadingWarning
from loihiseg.errors import InputError
from tests.data.readers.n5 import COMPRESS, write_n5

GREY = np.random.default_rng(0).integers(1, 120, (5, 37, 50), dtype=np.uint8)
LABELS = np.where(np.random.default_rng(1).random(GREY.shape) < 0.2, 0, 255).astype(np.uint8)
DTYPES = ["u1", "i1", "<u2", ">i2", "<u4", "<i4", "<u8", "<f2", "<f4", ">f8"]


def _check(path, right, pixel_nm=None, role="images"):
    """Read whole and by windows, in any order."""
    with open_sections(path, role) as reader:
        assert reader.shape == right.shape and reader.dtype.isnative
        assert reader.dtype == right.dtype.newbyteorder("=")
        if pixel_nm is not None:
            np.testing.assert_allclose(reader.pixel_nm, pixel_nm, rtol=1e-6)
        _, height, width = right.shape
        for number in reversed(range(len(right))):
            np.testing.assert_array_equal(reader.section(number), right[number])
        for rows, columns in [
            (slice(0, height), slice(width // 2, width)), (slice(height // 3, height // 2 + 1),
             slice(0, 1)), (slice(height - 1, height), slice(width - 1, width)),
        ]:  # fmt: skip
            found = reader.window(0, rows, columns)
            np.testing.assert_array_equal(found, right[0, rows, columns])


def _refused(path, *words, **options):
    with pytest.raises(InputError) as error:
        read_stack(path, **options)
    message = str(error.value)
    assert "\n" not in message and len(message) < 600
    for word in words:
        assert word in message, message


# NumPy


@pytest.mark.parametrize("dtype", [*DTYPES, "?"])
@pytest.mark.parametrize("order", "CF")
def test_numpy(tmp_path, dtype, order):
    array = np.asarray(GREY > 60 if dtype == "?" else GREY.astype(dtype), order=order)
    np.save(tmp_path / "em.npy", array)
    _check(tmp_path / "em.npy", array)


def test_numpy_of_one_section_and_of_one_channel(tmp_path):
    np.save(tmp_path / "one.npy", GREY[0])
    _check(tmp_path / "one.npy", GREY[:1])
    np.save(tmp_path / "channel.npy", GREY[np.newaxis])
    _check(tmp_path / "channel.npy", GREY)
    np.save(tmp_path / "colour.npy", np.repeat(GREY[0][..., np.newaxis], 3, -1))
    _refused(tmp_path / "colour.npy", "looks like 3 channels")


def test_numpy_is_never_unpickled(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "was here"), "w"))

    np.save(tmp_path / "em.npy", np.array([[Evil()]], object), allow_pickle=True)
    _refused(tmp_path / "em.npy", "plain numbers")
    assert not (tmp_path / "was here").exists()


@pytest.mark.parametrize("header", [
    "__import__('os').system('true')", "{'descr': '<f4'}", "[" * 5000, "{'descr': ['<f4'], "
    "'fortran_order': False, 'shape': (1, 2)}", "{'descr': '|u1', 'fortran_order': 0, 'shape': ()}",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 10**99)}",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 4)}",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (900000, 900000)}",
])  # fmt: skip
def test_numpy_headers_of_strangers(tmp_path, header):
    text = header.encode("latin-1")
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(64)
    (tmp_path / "em.npy").write_bytes(data)
    _refused(tmp_path / "em.npy", "em.npy")


# MRC


@pytest.mark.parametrize("dtype", ["i1", "<i2", ">i2", "<u2", "<f4", ">f4", "<f2"])
def test_mrc(tmp_path, dtype):
    array = GREY.astype(dtype)
    with mrcfile.new(tmp_path / "em.mrc") as mrc:
        mrc.set_data(array)
        mrc.voxel_size = (40.0, 42.0, 500.0)
    _check(tmp_path / "em.mrc", array, (50, 4.2, 4))


def test_mrc_of_one_section_with_an_extended_header(tmp_path):
    with mrcfile.new(tmp_path / "em.rec") as mrc:
        mrc.set_data(GREY[0].astype("i2"))
        mrc.set_extended_header(np.zeros(100, "V1"))
    _check(tmp_path / "em.rec", GREY[:1].astype("i2"))
    (tmp_path / "em.mrc").write_bytes((tmp_path / "em.rec").read_bytes() + b"more")
    with pytest.warns(ReadingWarning, match="4 bytes follow"):
        read_stack(tmp_path / "em.mrc")


@pytest.mark.parametrize("how", ["IMOD's mark", "the maximum"])
def test_mrc_of_bytes_without_sign(tmp_path, how):
    bright = GREY + 100
    with mrcfile.new(tmp_path / "em.mrc") as mrc:
        mrc.set_data(bright.view(np.int8))
    data = bytearray((tmp_path / "em.mrc").read_bytes())
    if how == "the maximum":
        struct.pack_into("<3f", data, 76, 101, 219, 160)
    else:
        struct.pack_into("<2i", data, 152, 1146047817, 0)
    (tmp_path / "em.mrc").write_bytes(data)
    _check(tmp_path / "em.mrc", bright)


@pytest.mark.parametrize("axes", list(itertools.permutations((1, 2, 3))))
def test_mrc_axes(tmp_path, axes):
    with mrcfile.new(tmp_path / "em.mrc") as mrc:
        mrc.set_data(GREY.astype("i2"))
        mrc.header.mapc, mrc.header.mapr, mrc.header.maps = axes
    slowest_first = ["xyz"[number - 1] for number in reversed(axes)]
    right = GREY.transpose([slowest_first.index(axis) for axis in "zyx"]).astype("i2")
    _check(tmp_path / "em.mrc", right)


def test_mrc_that_is_no_stack_of_numbers(tmp_path):
    with mrcfile.new(tmp_path / "em.mrc") as mrc:
        mrc.set_data(GREY.astype("c8"))
    _refused(tmp_path / "em.mrc", "mode 4")
    with mrcfile.new(tmp_path / "two.mrc") as mrc:
        mrc.set_data(GREY[np.newaxis].repeat(2, 0).astype("f4"))
    _refused(tmp_path / "two.mrc", "stack of volumes")


# JPEG and BMP


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True}])
def test_jpeg(tmp_path, mode, options):
    smooth = Image.fromarray(GREY[0]).resize((90, 70)).convert(mode)
    smooth.save(tmp_path / "em.jpg", quality=95, **options)
    with Image.open(tmp_path / "em.jpg") as image:
        right = np.asarray(image.convert("L")).astype(int)
    with open_sections(tmp_path / "em.jpg") as reader:
        assert reader.shape == (1, 70, 90) and reader.dtype == np.uint8
        assert abs(reader.section(0) - right).max() <= 1


def test_jpeg_of_colours(tmp_path):
    colours = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(colours).save(tmp_path / "em.jpg")
    _refused(tmp_path / "em.jpg", "colour image")
    Image.fromarray(GREY[0]).convert("CMYK").save(tmp_path / "four.jpg")
    _refused(tmp_path / "four.jpg", "4 channels")


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "1", "RGBA"])
@pytest.mark.parametrize("width", [48, 49, 50, 51])
def test_bmp(tmp_path, mode, width):
    image = Image.fromarray(GREY[0, :, :width]).convert(mode)
    image.save(tmp_path / "em.bmp")
    with Image.open(tmp_path / "em.bmp") as stored:
        right = np.asarray(stored.convert("L"))
    _check(tmp_path / "em.bmp", right[np.newaxis])


def test_folders_of_pictures(tmp_path):
    for suffix in (".bmp", ".jpg"):
        folder = tmp_path / suffix[1:]
        folder.mkdir()
        for number, section in enumerate(GREY):
            Image.fromarray(section).save(folder / f"s{number}{suffix}")
    _check(tmp_path / "bmp", GREY)
    assert read_stack(tmp_path / "jpg").images.shape == GREY.shape


@pytest.mark.parametrize("suffix", [".bmp", ".jpg"])
def test_a_section_beyond_pillows_limit_is_believed(tmp_path, suffix):
    """Pillow refuses pictures of more than 179 megapixels; here size alone is no fault."""
    path = tmp_path / f"em{suffix}"
    Image.fromarray(GREY[0]).save(path)
    data = bytearray(path.read_bytes())
    if suffix == ".bmp":
        struct.pack_into("<2i", data, 18, 15_000, 15_000)
    else:
        struct.pack_into(">2H", data, data.index(b"\xff\xc0") + 5, 15_000, 15_000)
    path.write_bytes(data)
    if suffix == ".bmp":
        os.truncate(path, 15_000**2 + len(data))  # holes take no room
    with open_sections(path) as reader:
        assert reader.shape == (1, 15_000, 15_000)


# HDF5


FILTERS = [
    {}, {"chunks": (2, 16, 16)}, {"chunks": (2, 16, 16), "compression": "gzip"},
    {"chunks": (1, 37, 50), "compression": "gzip", "shuffle": True},
    {"chunks": (5, 8, 50), "compression": "lzf", "shuffle": True},
    {"chunks": (2, 16, 16), "compression": "lzf", "fletcher32": True},
    {"chunks": (3, 37, 7), "fletcher32": True, "shuffle": True},
    {"chunks": (2, 16, 16), "compression": "gzip", "shuffle": True, "fletcher32": True},
]  # fmt: skip


@pytest.mark.parametrize("options", FILTERS, ids=str)
def test_hdf5_filters(tmp_path, options):
    array = GREY.astype(["u1", ">u2", "<f4"][FILTERS.index(options) % 3])
    with h5py.File(tmp_path / "em.h5", "w") as file:
        file.create_dataset("some/where", data=array, **options)
    _check(tmp_path / "em.h5", array)


def test_hdf5_paths_inside(tmp_path):
    with h5py.File(tmp_path / "em.h5", "w") as file:
        file["some/where"], file["raw"] = GREY, GREY[:, ::2]
    _check(tmp_path / "em.h5", GREY[:, ::2])
    for inside in ("/some/where", "some/where"):
        _check(f"{tmp_path / 'em.h5'}:{inside}", GREY)


@pytest.mark.parametrize("dtype", ["i1", ">i2", "<u8", "<f2", ">f8", "?"])
def test_hdf5_types(tmp_path, dtype):
    array = GREY > 60 if dtype == "?" else GREY.astype(dtype)
    with h5py.File(tmp_path / "em.hdf5", "w", libver="latest") as file:
        file.create_dataset("raw", data=array, chunks=(2, 16, 16), compression="gzip")
    _check(tmp_path / "em.hdf5", array)


def test_cremi(tmp_path):
    ids = np.arange(5 * 37 * 50).reshape(5, 37, 50) // 100 + 1
    with h5py.File(tmp_path / "sample.hdf", "w") as file:
        for name, data in (("volumes/raw", GREY), ("volumes/labels/neuron_ids", ids.astype("u8"))):
            file[name] = data
            file[name].attrs["resolution"] = (40.0, 4.0, 4.0)
        file["volumes/labels/clefts"] = ids.astype("u8")
    stack = read_stack(tmp_path / "sample.hdf")
    np.testing.assert_array_equal(stack.images, GREY)
    assert "instances" in stack.polarity and "neuron_ids" not in stack.source
    _check(tmp_path / "sample.hdf", GREY, (40, 4, 4))
    labels = f"{tmp_path / 'sample.hdf'}:/volumes/labels/clefts"
    _check(labels, ids.astype("u8"), role="labels")
    given = read_stack(f"{tmp_path / 'sample.hdf'}:/volumes/raw", labels=labels)
    np.testing.assert_array_equal(given.membrane, stack.membrane)


def _tags(axes):
    return json.dumps({"axes": [{"key": key, "typeFlags": 2, "resolution": 0} for key in axes]})


@pytest.mark.parametrize("axes", ["xyz", "tzyxc", "yxz", "czyx"])
def test_ilastik(tmp_path, axes):
    options = {"chunks": True, "compression": "gzip"} if len(axes) == 3 else {}
    places = [axis for axis in axes if axis in "zyx"]
    turned = GREY.transpose(["zyx".index(axis) for axis in places])
    turned = turned[tuple(slice(None) if a in "zyx" else np.newaxis for a in axes)]
    with h5py.File(tmp_path / "em.h5", "w") as file:
        data = file.create_dataset("exported_data", data=turned, **options)
        data.attrs["axistags"] = _tags(axes)
        data.attrs["element_size_um"] = (0.05, 0.004, 0.005)
    _check(tmp_path / "em.h5", GREY, (50, 4, 5))


def test_channels_of_ilastik_are_refused(tmp_path):
    with h5py.File(tmp_path / "em.h5", "w") as file:
        file["exported_data"] = np.stack([GREY, GREY], -1)
        file["exported_data"].attrs["axistags"] = _tags("zyxc")
    _refused(tmp_path / "em.h5", "2 channels")


def test_hdf5_arrays_that_are_not_meant(tmp_path):
    with h5py.File(tmp_path / "em.h5", "w") as file:
        file["a/one"], file["two"], file["text"] = GREY, GREY, "words"
        file["away"] = h5py.ExternalLink("other.h5", "/raw")
        file["soft"] = h5py.SoftLink("/a/one")
        file["record"] = np.zeros((4, 4), [("a", "u1"), ("b", "u1")])
    path = tmp_path / "em.h5"
    _refused(path, "/a/one, /two", "FILE:/PATH")
    _refused(f"{path}:/three", "there is no three", "/a/one")
    _refused(f"{path}:/a", "is a group that holds one")
    _refused(f"{path}:/away", "another file")
    _refused(f"{path}:/record", "no plain numbers")
    _refused(tmp_path / "none.h5", "no such file")
    _refused(f"{tmp_path / 'none.h5'}:/raw", "no such file")
    _check(f"{path}:/soft", GREY)


def test_hdf5_in_other_files_is_refused(tmp_path):
    (tmp_path / "raw.bin").write_bytes(GREY.tobytes())
    layout = h5py.VirtualLayout(GREY.shape, "u1")
    layout[...] = h5py.VirtualSource(tmp_path / "other.h5", "raw", shape=GREY.shape)
    with h5py.File(tmp_path / "em.h5", "w") as file:
        file.create_dataset(
            "out", GREY.shape, "u1", external=[(str(tmp_path / "raw.bin"), 0, 9250)]
        )
        file.create_virtual_dataset("virtual", layout)
    for name in ("out", "virtual"):
        _refused(f"{tmp_path / 'em.h5'}:/{name}", "other files")


def test_hdf5_chunks_that_are_not_stored(tmp_path):
    with h5py.File(tmp_path / "em.h5", "w") as file:
        data = file.create_dataset("raw", GREY.shape, "u1", chunks=(1, 37, 25), fillvalue=7)
        data[:, :, :30] = GREY[:, :, :30]
        data[2:, :, 30:] = GREY[2:, :, 30:]
        file.create_dataset("empty", GREY.shape, "u1")
    _check(f"{tmp_path / 'em.h5'}:/raw", np.concatenate([
        np.concatenate([GREY[:2, :, :30], np.full((2, 37, 20), 7, np.uint8)], 2), GREY[2:]
    ]))  # fmt: skip
    _refused(f"{tmp_path / 'em.h5'}:/empty", "nothing is stored")
    with h5py.File(tmp_path / "gap.h5", "w") as file:
        data = file.create_dataset("raw", GREY.shape, "u1", chunks=(1, 16, 16))
        data[:2, :16, :16] = data[3:] = 9
    _refused(tmp_path / "gap.h5", "section 2 is stored")


# N5


@pytest.mark.parametrize("compression", COMPRESS)
@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "f4", "u8"])
def test_n5(tmp_path, compression, dtype):
    array = GREY.astype(dtype)
    _check(write_n5(tmp_path / "em.n5", array, (2, 16, 16), compression), array)


@pytest.mark.parametrize("options", [{"whole": True}, {"varlength": True}])
def test_n5_forms_of_blocks(tmp_path, options):
    _check(write_n5(tmp_path / "em.n5", GREY, (2, 16, 16), **options), GREY)


@pytest.mark.parametrize("sizes", [
    {"resolution": [4, 5, 50]},
    {"pixelResolution": {"unit": "um", "dimensions": [0.004, 0.005, 0.05]}},
    {"pixelResolution": [4, 5, 50]}, {"resolution": [40, 50, 500], "units": ["angstrom"] * 3},
])  # fmt: skip
def test_n5_sizes(tmp_path, sizes):
    _check(write_n5(tmp_path / "em.n5", GREY, (2, 16, 16), **sizes), GREY, (50, 5, 4))


@pytest.mark.parametrize("axes", [["x", "y", "z"], ["z", "y", "x"]])
def test_n5_axes_in_the_order_of_lengths_or_of_c(tmp_path, axes):
    _check(write_n5(tmp_path / "em.n5", GREY, (2, 16, 16), axes=axes), GREY)


@pytest.mark.parametrize("compression", [{"type": ["gzip"]}, {"type": "lz4"}, {}, {"type": None}])
def test_n5_compressions_that_are_not_read(tmp_path, compression):
    write_n5(tmp_path / "em.n5", GREY, (2, 16, 16))
    document = json.loads((tmp_path / "em.n5" / "attributes.json").read_text())
    document["compression"] = compression
    (tmp_path / "em.n5" / "attributes.json").write_text(json.dumps(document))
    _refused(tmp_path / "em.n5", "em.n5")


def test_n5_groups_and_missing_blocks(tmp_path):
    root = tmp_path / "em.n5"
    write_n5(root / "volumes" / "raw" / "s0", GREY, (2, 16, 16))
    write_n5(root / "volumes" / "raw" / "s1", GREY[:, ::2, ::2], (2, 16, 16))
    write_n5(root / "volumes" / "labels" / "neuron_ids", LABELS, (2, 16, 16))
    (root / "attributes.json").write_text('{"n5": "2.0.0"}')
    stack = read_stack(root)
    np.testing.assert_array_equal(stack.images, GREY)
    np.testing.assert_array_equal(stack.membrane, LABELS == 0)
    block = root / "volumes" / "raw" / "s0" / "3" / "2" / "0"
    block.unlink()
    with pytest.warns(ReadingWarning, match="1 of 36 chunks are not stored and read as 0"):
        assert (read_stack(root).images[:2, 32:, 48:] == 0).all()
    block.symlink_to(tmp_path / "nowhere")
    _refused(root, "leads out of the N5")


# All of them


@st.composite
def volumes(draw):
    shape = draw(st.tuples(st.integers(1, 5), st.integers(8, 21), st.integers(8, 21)))
    dtype = draw(st.sampled_from(["u1", "u2", "i2", "f4"]))
    chunks = tuple(draw(st.integers(1, length)) for length in shape)
    seed = draw(st.integers(0, 99))
    return np.random.default_rng(seed).integers(0, 99, shape).astype(dtype), chunks


@settings(max_examples=12, deadline=None, derandomize=True)
@given(volumes(), st.sampled_from(["n5", "hdf5", "npy", "mrc", "tiff"]))
def test_any_volume_in_any_format(tmp_path_factory, volume, name):
    array, chunks = volume
    folder = tmp_path_factory.mktemp("any")
    if name == "n5":
        path = write_n5(folder / "em.n5", array, chunks)
    elif name == "hdf5":
        path = folder / "em.h5"
        with h5py.File(path, "w") as file:
            file.create_dataset("raw", data=array, chunks=chunks, compression="gzip")
    elif name == "npy":
        path = folder / "em.npy"
        np.save(path, array)
    elif name == "mrc":
        path, array = folder / "em.mrc", array.astype("i2")
        mrcfile.write(path, array)
    else:
        path = folder / "em.tif"
        tifffile.imwrite(path, array, photometric="minisblack", metadata={"axes": "ZYX"})
    _check(path, array)
