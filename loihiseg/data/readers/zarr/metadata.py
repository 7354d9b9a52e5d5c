"""The metadata of a Zarr array, format 2 or 3, read strictly.

Only plain arrays of numbers with the usual codecs are taken; above all none whose decoding would
run or build objects (pickle, JSON, strings). Sizes are whole numbers of the range a stack can have.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from loihiseg.data.readers.base import DamagedFileError
from loihiseg.data.readers.limits import MOST_JSON_BYTES
from loihiseg.data.readers.regular import read_whole
from loihiseg.data.readers.zarr.codecs import Codec, UnknownCodecError, byte_codec, check_chain

_TYPES_2 = re.compile(r"\|b1|\|[iu]1|[<>][iu][1248]|[<>]f[248]")
_TYPES_3 = frozenset(
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64".split()
)
_LONGEST = 2**40  # of one axis
_MOST_AXES = 8


@dataclass(frozen=True)
class Shards:
    """How chunks are packed into files.

    grid : chunks of a shard along each axis.
    index_codecs : of the table of places and sizes.
    index_first : where the table is, at the beginning of the file or at its end.
    """

    grid: tuple[int, ...]
    index_codecs: tuple[Codec, ...]
    index_first: bool


@dataclass(frozen=True)
class ArrayMetadata:
    """What there is to know to read an array.

    chunk : shape of what is decoded at once, inside a shard where there are shards.
    dtype : as stored.
    axes : order in which the axes of a chunk are stored, the slowest first.
    codecs : of the bytes, in the order in which they were applied.
    fill_known : whether the metadata gives `fill`; format 2 may leave it undefined.
    name_prefix, separator : chunk (1, 2) is in the file prefix + "1" + separator + "2".
    """

    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    dtype: np.dtype
    fill: np.ndarray
    axes: tuple[int, ...]
    codecs: tuple[Codec, ...]
    name_prefix: str
    separator: str
    shards: Shards | None = None
    fill_known: bool = True


class _Array2(msgspec.Struct):
    zarr_format: Literal[2]
    shape: list[int]
    chunks: list[int]
    dtype: str
    fill_value: bool | int | float | str | None
    compressor: dict[str, Any] | None
    filters: list[Any] | None
    order: Literal["C", "F"]
    dimension_separator: Literal[".", "/"] = "."


class _Named(msgspec.Struct):
    name: str
    configuration: dict[str, Any] = {}


class _Array3(msgspec.Struct):
    zarr_format: Literal[3]
    node_type: Literal["array"]
    shape: list[int]
    data_type: str
    chunk_grid: _Named
    chunk_key_encoding: _Named
    fill_value: bool | int | float | str
    codecs: list[_Named]
    storage_transformers: list[Any] = []


class _ChunkGrid(msgspec.Struct, forbid_unknown_fields=True):
    chunk_shape: list[int]


class _Separator(msgspec.Struct, forbid_unknown_fields=True):
    separator: Literal[".", "/"] | None = None


class _Transpose(msgspec.Struct, forbid_unknown_fields=True):
    order: list[int]


class _Bytes(msgspec.Struct, forbid_unknown_fields=True):
    endian: Literal["little", "big"] | None = None


class _Sharding(msgspec.Struct, forbid_unknown_fields=True):
    chunk_shape: list[int]
    codecs: list[_Named]
    index_codecs: list[_Named]
    index_location: Literal["start", "end"] = "end"


def array_metadata(folder: Path) -> ArrayMetadata:
    """The metadata of the array in a folder.

    Raises DamagedFileError, UnknownCodecError, and InputError where a file cannot be read.
    """
    document = read_json(folder / "zarr.json") or read_json(folder / ".zarray")
    if document is None:
        raise DamagedFileError("holds no metadata of an array")
    try:
        if document.get("zarr_format") == 3:
            return _format_3(document)
        return _format_2(document)
    except msgspec.ValidationError as error:
        raise DamagedFileError(f"its metadata: {error}") from None


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON object from a file; None where there is none. Raises as `array_metadata`."""
    if not path.exists():
        return None
    data = read_whole(path, MOST_JSON_BYTES)
    try:
        document = json.loads(data, object_pairs_hook=_without_twins)
    except (ValueError, RecursionError) as error:
        raise DamagedFileError(f"{path.name} is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise DamagedFileError(f"{path.name} is no JSON object")
    return document


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object gives a name twice")
    return found


def _format_2(document: dict[str, Any]) -> ArrayMetadata:
    array = msgspec.convert(document, _Array2)
    if not _TYPES_2.fullmatch(array.dtype):
        raise UnknownCodecError(f"elements of type {array.dtype!r}", "plain numbers")
    if array.filters:
        raise UnknownCodecError("filters", "a compressor alone")
    dtype = np.dtype(array.dtype)
    shape = _lengths(array.shape, "shape")
    axes = range(len(shape))
    codecs: tuple[Codec, ...] = ()
    if array.compressor is not None:
        options = dict(array.compressor)
        codecs = (byte_codec(str(options.pop("id", None)), options, zarr_format=2),)
    return ArrayMetadata(
        shape,
        _lengths(array.chunks, "chunks", len(shape)),
        dtype,
        _fill(0 if array.fill_value is None else array.fill_value, dtype),
        tuple(axes if array.order == "C" else reversed(axes)),
        codecs,
        "",
        array.dimension_separator,
        fill_known=array.fill_value is not None,
    )


def _format_3(document: dict[str, Any]) -> ArrayMetadata:
    array = msgspec.convert(document, _Array3)
    _refuse_extensions(document)
    if array.data_type not in _TYPES_3:
        raise UnknownCodecError(f"elements of type {array.data_type!r}", "plain numbers")
    if array.chunk_grid.name != "regular" or array.storage_transformers:
        raise UnknownCodecError("an irregular grid of chunks", "a regular one")
    shape = _lengths(array.shape, "shape")
    grid = msgspec.convert(array.chunk_grid.configuration, _ChunkGrid)
    chunk = _lengths(grid.chunk_shape, "chunk_shape", len(shape))
    shards = None
    codecs = array.codecs
    if codecs and codecs[0].name == "sharding_indexed":
        if len(codecs) != 1:
            raise UnknownCodecError("codecs around shards", "shards as they are")
        sharding = msgspec.convert(codecs[0].configuration, _Sharding)
        inner = _lengths(sharding.chunk_shape, "chunk_shape", len(shape))
        if any(outer % length for outer, length in zip(chunk, inner)):
            raise DamagedFileError(f"shards of {chunk} do not hold whole chunks of {inner}")
        shards = _shards(sharding, tuple(o // i for o, i in zip(chunk, inner)))
        codecs, chunk = sharding.codecs, inner
    axes, order, byte_codecs = _codecs(codecs, len(shape))
    dtype = np.dtype(array.data_type).newbyteorder(order)
    prefix, separator = _chunk_names(array.chunk_key_encoding)
    fill = _fill(array.fill_value, dtype)
    return ArrayMetadata(shape, chunk, dtype, fill, axes, byte_codecs, prefix, separator, shards)


def _refuse_extensions(document: dict[str, Any]) -> None:
    """Fields beyond the format may be passed over only where they say so."""
    known = {*_Array3.__struct_fields__, "attributes", "dimension_names"}
    for name in document.keys() - known:
        extension = document[name]
        if not (isinstance(extension, dict) and extension.get("must_understand") is False):
            raise UnknownCodecError(f"an extension {name[:40]!r}", "none")


def _codecs(
    named: list[_Named], n_axes: int
) -> tuple[tuple[int, ...], Literal["<", ">"], tuple[Codec, ...]]:
    """Order of axes, byte order, and codecs of bytes from a chain of codecs."""
    rest = list(named)
    axes = tuple(range(n_axes))
    if rest and rest[0].name == "transpose":
        axes = tuple(msgspec.convert(rest.pop(0).configuration, _Transpose).order)
        if sorted(axes) != list(range(n_axes)):
            raise DamagedFileError(f"axes in the order {axes[:8]}")
    if not rest or rest[0].name != "bytes":
        found = rest[0].name if rest else "none"
        raise UnknownCodecError(f"codec {found[:40]!r}", "bytes, sharding_indexed or transpose")
    endian = msgspec.convert(rest.pop(0).configuration, _Bytes).endian
    codecs = tuple(byte_codec(one.name, one.configuration, zarr_format=3) for one in rest)
    check_chain(codecs)
    return axes, ">" if endian == "big" else "<", codecs


def _shards(sharding: _Sharding, grid: tuple[int, ...]) -> Shards:
    _, order, codecs = _codecs(sharding.index_codecs, 1)
    if order != "<" or any(codec.name != "crc32c" for codec in codecs):
        raise UnknownCodecError("a compressed table of a shard", "bytes and crc32c")
    return Shards(grid, codecs, sharding.index_location == "start")


def _chunk_names(encoding: _Named) -> tuple[str, str]:
    separator = msgspec.convert(encoding.configuration, _Separator).separator
    if encoding.name == "default":
        separator = separator or "/"
        return f"c{separator}", separator
    if encoding.name == "v2":
        return "", separator or "."
    raise UnknownCodecError(f"chunk names {encoding.name[:40]!r}", "default or v2")


def _lengths(values: list[int], what: str, n_axes: int | None = None) -> tuple[int, ...]:
    if not 0 < len(values) <= _MOST_AXES or n_axes not in (None, len(values)):
        raise DamagedFileError(f"{what} has {len(values)} axes")
    if not all(0 < value <= _LONGEST for value in values):
        raise DamagedFileError(f"{what} is {str(values)[:60]}, expected lengths of at least 1")
    return tuple(values)


def _fill(value: bool | int | float | str, dtype: np.dtype) -> np.ndarray:
    """The value of chunks that are not stored, as an array without axes."""
    if isinstance(value, str):
        if dtype.kind != "f" or value not in ("NaN", "Infinity", "-Infinity"):
            raise UnknownCodecError(f"fill value {value[:40]!r}", "a number")
        value = float(value)
    if isinstance(value, bool) and dtype.kind != "b":
        raise DamagedFileError(f"fill value {value} of type {dtype}")
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            fill = np.array(value).astype(dtype)
        exact = dtype.kind == "f" or int(fill) == value
    except (OverflowError, ValueError):  # infinity, or too many digits for any type
        exact = False
    if not exact:
        raise DamagedFileError(f"fill value {str(value)[:40]} of type {dtype}")
    return fill
