"""Zarr: what the library writes is read as it reads it, and nothing leads out or runs."""

import base64
import gzip
import json
import struct

import numcodecs
import numpy as np
import pytest
import zarr
from zarr.codecs import (
    BloscCodec,
    BytesCodec,
    Crc32cCodec,
    GzipCodec,
    ShardingCodec,
    TransposeCodec,
    ZstdCodec,
)

from loihiseg.data import read_stack
from loihiseg.data.readers import open_sections
from loihiseg.data.warn import ReadingWarning
from loihiseg.errors import InputError

GREY = np.random.default_rng(0).integers(1, 120, (5, 37, 50), dtype=np.uint8)


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


def _write(path, array=GREY, chunks=(2, 16, 24), zarr_format=2, **options):
    stored = zarr.create_array(
        path, shape=array.shape, dtype=array.dtype, chunks=chunks, zarr_format=zarr_format,
        overwrite=True, **options,
    )  # fmt: skip
    stored[...] = array
    return path


def _edit(path, **changes):
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, **changes}))


CODECS_2 = [
    None,
    *(numcodecs.Blosc(name, shuffle=shuffle) for name in ("lz4", "zstd", "blosclz", "zlib", "lz4hc")
      for shuffle in (0, 1, 2)),
    numcodecs.Zstd(), numcodecs.LZ4(), numcodecs.GZip(), numcodecs.Zlib(),
]  # fmt: skip
CODECS_3 = [
    {"compressors": None},
    {"compressors": BloscCodec(cname="lz4", typesize=2)},
    {"compressors": ZstdCodec(checksum=True)},
    {"compressors": [GzipCodec(), Crc32cCodec()]},
    {"compressors": [Crc32cCodec(), ZstdCodec()]},
    {"serializer": BytesCodec(endian="big"), "compressors": None},
    {"filters": TransposeCodec(order=(2, 0, 1))},
    {"shards": (4, 32, 48), "compressors": ZstdCodec()},
    {"shards": (6, 48, 72), "filters": TransposeCodec(order=(1, 0, 2))},
    {
        "chunks": (4, 32, 48),
        "serializer": ShardingCodec(chunk_shape=(2, 16, 24), index_location="start"),
        "compressors": None,
    },
    {"chunk_key_encoding": {"name": "default", "separator": "."}},
    {"chunk_key_encoding": {"name": "v2", "separator": "/"}},
]


@pytest.mark.parametrize("codec", CODECS_2, ids=str)
@pytest.mark.parametrize("dtype", ["u1", ">u2", "<f4"])
def test_format_2_as_the_library_reads_it(tmp_path, codec, dtype):
    array = GREY.astype(dtype)
    path = _write(tmp_path / "em.zarr", array, compressors=codec)
    found = _read(path)
    np.testing.assert_array_equal(found, zarr.open_array(path, mode="r")[...])
    np.testing.assert_array_equal(found, array)
    assert found.dtype.isnative


@pytest.mark.parametrize("options", CODECS_3, ids=str)
@pytest.mark.parametrize("dtype", ["u1", "u2", "f8", "b1"])
def test_format_3_as_the_library_reads_it(tmp_path, options, dtype):
    array = (GREY > 60) if dtype == "b1" else GREY.astype(dtype)
    if dtype == "b1":
        array[:, 0] = True
    path = _write(tmp_path / "em.zarr", array, zarr_format=3, **options)
    found = _read(path)
    np.testing.assert_array_equal(found, zarr.open_array(path, mode="r")[...])
    np.testing.assert_array_equal(found, array)


def test_orders_axes_and_chunks_beyond_the_end(tmp_path):
    path = tmp_path / "em.zarr"
    np.testing.assert_array_equal(_read(_write(path, order="F")), GREY)
    keys = {"name": "v2", "separator": "/"}
    np.testing.assert_array_equal(_read(_write(path, chunk_key_encoding=keys)), GREY)
    np.testing.assert_array_equal(_read(_write(path, GREY[0], chunks=(20, 30))), GREY[:1])
    long = _write(path, GREY[np.newaxis, np.newaxis], chunks=(3, 1, 9, 64, 64))
    np.testing.assert_array_equal(_read(long), GREY)
    _refused(_write(path, GREY[:, np.newaxis], chunks=(1, 1, 37, 50)), "(5, 1, 37, 50)")


def test_missing_chunks_are_counted(tmp_path):
    path = _write(tmp_path / "em.zarr", fill_value=7)
    (path / "1.0.1").unlink()
    with pytest.warns(ReadingWarning, match="1 of 27 chunks are not stored and read as 7"):
        found = _read(path)
    np.testing.assert_array_equal(found, zarr.open_array(path, mode="r")[...])
    assert (found[2:4, :16, 24:48] == 7).all()


def test_a_section_without_chunks(tmp_path):
    path = _write(tmp_path / "em.zarr", chunks=(1, 40, 50))
    (path / "3.0.0").unlink()
    _refused(path, "not one chunk of section 3")
    path = _write(tmp_path / "3.zarr", zarr_format=3, chunks=(1, 20, 50), shards=(2, 40, 50))
    zarr.open_array(path, mode="r+")[3] = 0
    _refused(path, "not one chunk of section 3")


def test_blosc_cut_off_or_of_another_size(tmp_path):
    path = _write(tmp_path / "em.zarr", compressors=numcodecs.Blosc("lz4"))
    chunk = path / "1.0.1"
    whole = chunk.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:10], b"", whole + b"x"):
        chunk.write_bytes(damaged)
        _refused(path, "chunk 1.0.1")
    other = numcodecs.Blosc("lz4").encode(bytes(2 * 16 * 24 + 1))
    chunk.write_bytes(other)
    _refused(path, "hold 769", "expected 768")
    table = bytearray(numcodecs.Blosc("zstd", blocksize=128).encode(bytes(768)))
    struct.pack_into("<I", table, 16, 2**31)
    chunk.write_bytes(table)
    _refused(path, "starts outside")


@pytest.mark.parametrize(
    "codec, encode",
    [(numcodecs.GZip(), gzip.compress), (numcodecs.Zstd(), numcodecs.Zstd().encode),
     (numcodecs.Zlib(), numcodecs.Zlib().encode), (numcodecs.LZ4(), numcodecs.LZ4().encode)],
    ids=["gzip", "zstd", "zlib", "lz4"],
)  # fmt: skip
def test_chunks_that_expand(tmp_path, codec, encode):
    path = _write(tmp_path / "em.zarr", compressors=codec)
    for size in (767, 769, 2**26):
        (path / "1.0.1").write_bytes(encode(bytes(size)))
        _refused(path, "chunk 1.0.1")


def test_a_chunk_with_another_check_sum(tmp_path):
    path = _write(tmp_path / "em.zarr", zarr_format=3, compressors=[Crc32cCodec()])
    chunk = path / "c" / "1" / "0" / "1"
    data = bytearray(chunk.read_bytes())
    data[5] ^= 1
    chunk.write_bytes(data)
    _refused(path, "chunk 1.0.1: its check sum")


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"shape": [10**12, 37, 50]}, "declares"),
        ({"shape": [10**400, 37, 50]}, "shape"),
        ({"shape": [-5, 37, 50]}, "shape"),
        ({"shape": [5.0, 37.5, 50]}, "shape"),
        ({"shape": [2, 37, 50]}, "outside of an array"),
        ({"chunks": [10**6, 10**6, 10**6]}, "GB"),
        ({"chunks": [0, 16, 24]}, "chunks"),
        ({"chunks": [2, 16]}, "chunks"),
        ({"chunks": [1] * 10**5}, "axes"),
        ({"dtype": "|O"}, "plain numbers"),
        ({"dtype": "<U9"}, "plain numbers"),
        ({"dtype": "<M8[s]"}, "plain numbers"),
        ({"dtype": "<c16"}, "plain numbers"),
        ({"dtype": [["a", "<u1"]]}, "dtype"),
        ({"compressor": {"id": "pickle"}}, "codec 'pickle'"),
        ({"compressor": {"id": "json2"}}, "codec 'json2'"),
        ({"compressor": {"id": ["zstd"]}}, "codec"),
        ({"compressor": {}}, "codec"),
        ({"filters": [{"id": "vlen-utf8"}]}, "filters"),
        ({"filters": [{"id": "pickle"}]}, "filters"),
        ({"fill_value": 1e400}, "fill value"),
        ({"fill_value": "NaN"}, "fill value"),
        ({"fill_value": 300}, "fill value"),
        ({"fill_value": base64.b64encode(b"x").decode()}, "fill value"),
        ({"order": "X"}, "order"),
        ({"zarr_format": 4}, "zarr_format"),
        ({"dimension_separator": "../"}, "dimension_separator"),
    ],
)
def test_metadata_of_format_2(tmp_path, changes, words):
    path = _write(tmp_path / "em.zarr")
    _edit(path / ".zarray", **changes)
    _refused(path, words)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"shape": [2**40] * 3}, "declares"),
        ({"data_type": "string"}, "plain numbers"),
        ({"data_type": {"name": "struct"}}, "data_type"),
        ({"codecs": []}, "codec 'none'"),
        ({"codecs": [{"name": "vlen-utf8"}]}, "codec 'vlen-utf8'"),
        ({"codecs": [{"name": "bytes"}, {"name": "numcodecs.pickle"}]}, "codec 'numcodecs.pickle'"),
        (
            {"codecs": [{"name": "bytes"}, {"name": "gzip"}, {"name": "zstd"}]},
            "several compressors",
        ),
        ({"codecs": [{"name": "transpose", "configuration": {"order": [0, 0, 1]}}]}, "axes"),
        ({"storage_transformers": [{"name": "x"}]}, "irregular"),
        ({"chunk_grid": {"name": "rectilinear"}}, "irregular"),
        ({"chunk_key_encoding": {"name": "x"}}, "chunk names"),
        ({"extension": {"name": "x"}}, "an extension 'extension'"),
        ({"node_type": "x"}, "holds nothing"),
    ],
)
def test_metadata_of_format_3(tmp_path, changes, words):
    path = _write(tmp_path / "em.zarr", zarr_format=3)
    _edit(path / "zarr.json", **changes)
    _refused(path, words)


def test_extensions_that_may_be_passed_over(tmp_path):
    path = _write(tmp_path / "em.zarr", zarr_format=3)
    _edit(path / "zarr.json", extension={"name": "x", "must_understand": False})
    np.testing.assert_array_equal(_read(path), GREY)


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "", "[]", "1", '{"a": ' * 50_000, '{"shape": [1], "shape": [2]}', "\0", "NaN"],
)
def test_json_that_is_none(tmp_path, text):
    for zarr_format, name in ((2, ".zarray"), (3, "zarr.json")):
        path = _write(tmp_path / "em.zarr", zarr_format=zarr_format)
        (path / name).write_text(text)
        _refused(path)


def test_metadata_larger_than_any(tmp_path):
    path = _write(tmp_path / "em.zarr")
    with open(path / ".zarray", "ab") as file:
        file.truncate(10**10)
    _refused(path, "bytes")


def test_links_out_of_the_store(tmp_path):
    outside = _write(tmp_path / "outside.zarr")
    path = _write(tmp_path / "em.zarr")
    chunk = path / "1.0.1"
    for target in (outside / "1.0.1", tmp_path / "nowhere", "/dev/zero"):
        chunk.unlink()
        chunk.symlink_to(target)
        _refused(path, "1.0.1")
    group = tmp_path / "group.zarr"
    zarr.open_group(group, mode="w", zarr_format=2)
    (group / "raw").symlink_to(outside)
    _refused(group, "leads out of the Zarr")


def test_tables_of_shards(tmp_path):
    path = _write(
        tmp_path / "em.zarr", zarr_format=3, chunks=(1, 37, 50), shards=(5, 37, 50),
        compressors=None,
    )  # fmt: skip
    _edit(
        path / "zarr.json",
        codecs=[
            {
                "name": "sharding_indexed",
                "configuration": {
                    "chunk_shape": [1, 37, 50],
                    "codecs": [{"name": "bytes"}],
                    "index_codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
                },
            }
        ],
    )
    shard = path / "c" / "0" / "0" / "0"
    pixels = GREY.tobytes()
    right = [(number * 1850, 1850) for number in range(5)]
    for table, words in (
        (right, None),
        ([*right[:4], (2**63, 1850)], "past its end"),
        ([*right[:4], (0, 2**62)], "past its end"),
        ([*right[:4], (7400, 1849)], "chunk 4.0.0"),
        ([(0, 1850 * 5)] * 5, "past its end or overlap"),
        ([*right[:4], (2**64 - 1, 2**64 - 1)], "not one chunk of section 4"),
    ):
        shard.write_bytes(pixels + struct.pack("<10Q", *sum(table, ())))
        if words is None:
            np.testing.assert_array_equal(_read(path), GREY)
        else:
            _refused(path, words)
