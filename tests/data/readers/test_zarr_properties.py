"""Zarr of any axes, type, chunks and codecs: what the library writes is read as it reads it."""

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from zarr.codecs import (
    BloscCodec,
    BytesCodec,
    Crc32cCodec,
    GzipCodec,
    TransposeCodec,
    ZstdCodec,
)

from loihiseg.data.readers import open_sections

TYPES = ["?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"]
COMPRESSORS = [
    None,
    BloscCodec(cname="zstd", typesize=1),
    ZstdCodec(level=1),
    ZstdCodec(checksum=True),
    GzipCodec(level=1),
    [ZstdCodec(level=1), Crc32cCodec()],
]


@st.composite
def volumes(draw):
    """An array (sections, rows, columns), and the order and names of the axes it is stored with."""
    shape = tuple(draw(st.integers(1, 9)) for _ in range(3))
    dtype = np.dtype(draw(st.sampled_from(TYPES)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    raw = rng.integers(0, 256, (*shape, dtype.itemsize), dtype=np.uint8)
    if dtype.kind == "b":
        raw &= 1
    volume = raw.view(dtype)[..., 0]
    if dtype.kind == "f":
        volume = np.where(np.isfinite(volume), volume, dtype.type(1))
    names = list(draw(st.permutations("zyx"))) if draw(st.booleans()) else list("zyx")
    for extra in draw(st.permutations("tc"))[: draw(st.integers(0, 2))]:
        names.insert(draw(st.integers(0, len(names))), extra)
    if shape[0] == 1 and draw(st.booleans()):
        names.remove("z")
    return volume, tuple(names)


def _stored(volume, names):
    """The array in the order of the names, with axes of length one for time and channels."""
    lengths = dict(zip("zyx", range(3)))
    kept = volume if "z" in names else volume[0]
    places = [lengths[name] - ("z" not in names) for name in names if name in lengths]
    moved = kept.transpose(places)
    for place, name in enumerate(names):
        if name not in lengths:
            moved = np.expand_dims(moved, place)
    return np.ascontiguousarray(moved)


@st.composite
def layouts(draw, shape, dtype):
    """Options of `zarr.create_array`."""
    zarr_format = draw(st.sampled_from([2, 3]))
    chunks = tuple(draw(st.integers(1, length + 3)) for length in shape)
    # A section without a single chunk would be refused.
    everything = {"write_empty_chunks": True}
    options = {"zarr_format": zarr_format, "chunks": chunks, "config": everything}
    if zarr_format == 2:
        options["order"] = draw(st.sampled_from("CF"))
        separator = draw(st.sampled_from("./"))
        options["chunk_key_encoding"] = {"name": "v2", "separator": separator}
        options["compressors"] = draw(st.sampled_from([None, "auto"]))
        return options
    options["compressors"] = draw(st.sampled_from(COMPRESSORS))
    options["chunk_key_encoding"] = {
        "name": draw(st.sampled_from(["default", "v2"])),
        "separator": draw(st.sampled_from("./")),
    }
    if dtype.itemsize > 1:
        options["serializer"] = BytesCodec(endian=draw(st.sampled_from(["little", "big"])))
    if draw(st.booleans()):
        options["filters"] = TransposeCodec(order=tuple(draw(st.permutations(range(len(shape))))))
    if draw(st.booleans()):
        options["shards"] = tuple(length * draw(st.integers(1, 3)) for length in chunks)
    return options


def _name_axes(path, names, options):
    """Name the axes as OME-Zarr does, in the group around the array."""
    axes = [{"name": name, "type": "space" if name in "zyx" else "other"} for name in names]
    for axis in axes:
        axis["type"] = {"t": "time", "c": "channel"}.get(axis["name"], "space")
    scale = [{"type": "scale", "scale": [1.0] * len(names)}]
    image = {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}
    if options["zarr_format"] == 2:
        (path / ".zgroup").write_text(json.dumps({"zarr_format": 2}))
        image["version"] = "0.4"
        (path / ".zattrs").write_text(json.dumps({"multiscales": [image]}))
    else:
        attributes = {"ome": {"version": "0.5", "multiscales": [image]}}
        group = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
        (path / "zarr.json").write_text(json.dumps(group))


@settings(max_examples=60, deadline=None)
@given(volumes(), st.data())
def test_whatever_the_library_writes(volume_and_names, data):
    volume, names = volume_and_names
    stored = _stored(volume, names)
    options = data.draw(layouts(stored.shape, stored.dtype))
    folder = Path(tempfile.mkdtemp())
    try:
        path = folder / "em.zarr"
        array = zarr.create_array(
            path / "0", shape=stored.shape, dtype=stored.dtype, fill_value=0, **options
        )
        array[...] = stored
        _name_axes(path, names, options)
        np.testing.assert_array_equal(zarr.open_array(path / "0", mode="r")[...], stored)
        with open_sections(path) as reader:
            assert reader.shape == volume.shape and reader.dtype == volume.dtype
            found = np.stack([reader.section(z) for z in range(len(volume))])
            z = data.draw(st.integers(0, volume.shape[0] - 1))
            top, left = (data.draw(st.integers(0, n - 1)) for n in volume.shape[1:])
            rows, columns = slice(top, top + 4), slice(left, left + 3)
            window = reader.window(z, rows, columns)
    finally:
        shutil.rmtree(folder)
    np.testing.assert_array_equal(found, volume)
    np.testing.assert_array_equal(window, volume[z, rows, columns])
