"""Damaged image files, read one after the other in a process of their own.

python -m tests.data.readers.damage FORMAT N SEED reads N damaged copies, spread over the variants
of a format, and prints what came of them as JSON: variant -> outcome -> number, and the seconds of
the slowest. A copy that hangs, or makes the process end, ends it with another exit code than 0.
"""

from __future__ import annotations

import collections
import copy
import faulthandler
import io
import json
import logging
import resource
import struct
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numcodecs
import numpy as np
import tifffile
import zarr
from PIL import Image
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, GzipCodec, ZstdCodec

from loihiseg.data import read_stack
from loihiseg.errors import InputError
from tests.mutants import mutants

HANG_SECONDS = 10
MOST_BYTES = 10**9  # beyond what the process has after its imports

# Lines on a little noise: compressors find something to do.
GREY = np.random.default_rng(0).integers(100, 103, (6, 64, 48)).astype(np.uint8)
GREY[:, ::8] = 60
DEEP = GREY.astype(np.uint16) * 257

Damaged = Iterator[tuple[str, Callable[[], None]]]
"""Which kind of file is damaged, and what writes it."""


def _tiff(array: np.ndarray, **options: object) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        tifffile.imwrite(folder / "em.tif", array, **options)
        return folder / "em.tif"

    return write


def _png(image: Image.Image) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        image.save(folder / "em.png")
        return folder / "em.png"

    return write


def _zarr(zarr_format: int, chunks: tuple[int, ...] = (2, 32, 24), **options: object):
    def write(folder: Path) -> Path:
        array = zarr.create_array(
            folder / "em.zarr", shape=GREY.shape, dtype="u1", chunks=chunks,
            zarr_format=zarr_format, **options,
        )  # fmt: skip
        array[...] = GREY
        return folder / "em.zarr"

    return write


def _blosc(name: str, block_bytes: int = 0) -> numcodecs.Blosc:
    return numcodecs.Blosc(name, shuffle=numcodecs.Blosc.SHUFFLE, blocksize=block_bytes)


_GREY = {"photometric": "minisblack"}
VARIANTS: dict[str, dict[str, Callable[[Path], Path]]] = {
    "tiff": {
        "plain": _tiff(GREY, **_GREY),
        "plain-16": _tiff(DEEP, **_GREY, bigtiff=True, byteorder=">"),
        "imagej": _tiff(GREY, imagej=True, metadata={"axes": "ZYX"}),
        "ome": _tiff(GREY, ome=True, metadata={"axes": "ZYX"}, **_GREY),
        "one-directory": _tiff(GREY, truncate=True, **_GREY),
        "deflate": _tiff(GREY, compression="deflate", predictor=True, **_GREY),
        "lzw": _tiff(DEEP, compression="lzw", predictor=True, **_GREY),
        "packbits": _tiff(GREY // 8 * 8, compression="packbits", **_GREY),
        "zstd": _tiff(DEEP, compression="zstd", tile=(16, 32), **_GREY),
        "jpeg": _tiff(GREY, compression="jpeg", **_GREY),
    },
    "png": {
        "grey": _png(Image.fromarray(GREY[0])),
        "grey-16": _png(Image.fromarray(DEEP[0])),
        "one-bit": _png(Image.fromarray(GREY[0] > 101)),
        "palette": _png(Image.fromarray(GREY[0]).convert("P")),
        "rgba": _png(Image.fromarray(GREY[0]).convert("RGBA")),
    },
    "zarr2": {
        "plain": _zarr(2, compressors=None),
        "blosc-lz4": _zarr(2, compressors=_blosc("lz4")),
        "blosc-zstd": _zarr(2, compressors=_blosc("zstd")),
        "blosclz": _zarr(2, chunks=(6, 64, 48), compressors=_blosc("blosclz", 4096)),
        "zstd": _zarr(2, compressors=numcodecs.Zstd()),
        "lz4": _zarr(2, compressors=numcodecs.LZ4()),
        "gzip": _zarr(2, compressors=numcodecs.GZip()),
        "zlib": _zarr(2, compressors=numcodecs.Zlib()),
    },
    "zarr3": {
        "plain": _zarr(3, compressors=None),
        "blosc": _zarr(3, compressors=BloscCodec(cname="zstd")),
        "zstd": _zarr(3, compressors=ZstdCodec(checksum=False)),
        "gzip": _zarr(3, compressors=GzipCodec()),
        "crc32c": _zarr(3, compressors=[BloscCodec(cname="lz4"), Crc32cCodec()]),
        "shards": _zarr(3, shards=(6, 64, 48), compressors=ZstdCodec(checksum=False)),
        "shards-crc32c": _zarr(
            3, shards=(6, 64, 48), serializer=BytesCodec(), compressors=[Crc32cCodec()]
        ),
    },
}  # fmt: skip

CHECKED = {
    "png": set(VARIANTS["png"]),
    "zarr2": {"gzip", "zlib"},
    "zarr3": {"gzip", "crc32c", "shards-crc32c"},
    "tiff": set(),
}
"""Variants whose pixels carry check sums: damage to them, or to a chunk, is always found."""


def damaged_files(path: Path, n: int, seed: int) -> Damaged:
    """Copies of a file, or of a folder with one damaged file: metadata in every other copy.

    Every other copy of a TIFF or of metadata is damaged by field, not by byte.
    """
    if path.is_file():
        whole, by_field = path.read_bytes(), n // 2 if path.suffix == ".tif" else 0
        for data in mutants(whole, n - by_field, seed):
            yield "bytes", partial(path.write_bytes, data)
        for number in range(by_field):
            data = changed_tags(whole, np.random.default_rng([seed, number]))
            yield "tags", partial(path.write_bytes, data)
        return
    names = {"zarr.json", ".zarray"}
    files = sorted(p for p in path.rglob("*") if p.is_file() and p.name != ".zattrs")
    (metadata,) = (p for p in files if p.name in names)
    whole = metadata.read_bytes()
    for data in mutants(whole, n // 4, seed):
        yield "metadata", partial(metadata.write_bytes, data)
    for number in range(n // 4):
        data = changed_fields(whole, np.random.default_rng([seed, number]))
        yield "metadata fields", partial(metadata.write_bytes, data)
    metadata.write_bytes(whole)
    chunks = [p for p in files if p.name not in names]
    for number, part in enumerate(np.array_split(np.arange(n - n // 4 * 2), len(chunks))):
        whole = chunks[number].read_bytes()
        for data in mutants(whole, len(part), seed + number):
            yield "chunk", partial(chunks[number].write_bytes, data)
        chunks[number].write_bytes(whole)


TELLING: list[object] = [
    0, 1, -1, 2, 3, 7, 8, 64, 96, 255, 2**16, 10**9, 2**31, 2**32 - 1, 2**40, 2**63, 2**64, 10**400,
    1.5, float("nan"), float("inf"), "", "NaN", "|O", "<U9", "<f8", "F", "C", "/",
    "json2", "pickle", "vlen-utf8", "../../x", None, True, False, [], {}, [0], [[[]]], [10**6] * 3,
    [1] * 3, [1] * 40,
]  # fmt: skip


def changed_fields(text: bytes, rng: np.random.Generator) -> bytes:
    """A JSON document with one to three of its values swapped, changed or taken away."""
    document = json.loads(text)
    for _ in range(int(rng.integers(1, 4))):
        places = list(_places(document))
        (one, key), (other, other_key) = (places[i] for i in rng.integers(len(places), size=2))
        match int(rng.integers(4)):
            case 0 if one is not other:
                one[key], other[other_key] = other[other_key], one[key]
            case 1 if isinstance(one, dict):
                del one[key]
            case _:
                one[key] = copy.deepcopy(TELLING[int(rng.integers(len(TELLING)))])
    try:
        return json.dumps(document).encode()
    except ValueError:  # a value was put into itself
        return b"{}"


def _places(value: object) -> Iterator[tuple[object, object]]:
    """Every (container, key) of a document."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(pairs):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def changed_tags(data: bytes, rng: np.random.Generator) -> bytes:
    """A TIFF with one to three tags of its directories changed: code, type, count or value."""
    found = bytearray(data)
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        big, order = tiff.is_bigtiff, tiff.byteorder
        starts = [(tag.offset, tag.code) for page in tiff.pages for tag in page.aspage().tags]
        links = [page.offset for page in tiff.pages] + [0, 4, 8, len(data) - 4]
    width = 8 if big else 4
    for _ in range(int(rng.integers(1, 4))):
        start, _ = starts[int(rng.integers(len(starts)))]
        other, _ = starts[int(rng.integers(len(starts)))]
        numbers = [n for n in TELLING if type(n) is int and 0 <= n < 256**width] + links
        number = numbers[int(rng.integers(len(numbers)))]
        entry = 4 + 2 * width
        match int(rng.integers(6)):
            case 0:
                struct.pack_into(order + "H", found, start + 2, int(rng.integers(19)))
            case 1:
                struct.pack_into(order + "QI"[not big], found, start + 4, number)
            case 2:
                one, two = found[start : start + entry], found[other : other + entry]
                found[start : start + entry], found[other : other + entry] = two, one
            case 3:
                found[start + 2 : start + entry] = found[other + 2 : other + entry]
            case _:
                struct.pack_into(order + "QI"[not big], found, start + 4 + width, number)
    return bytes(found)


def outcome(path: Path, whole: np.ndarray) -> str:
    """What reading a damaged copy comes to; the reader may only refuse or give the same."""
    try:
        images = read_stack(path).images
    except InputError as error:
        if "memory" in str(error):
            return "memory"
        return "refused" if "\n" not in str(error) and len(str(error)) < 1_000 else "long message"
    except Exception as error:
        return f"traceback {type(error).__name__}: {error}"[:200]
    same = images.shape == whole.shape and np.array_equal(images, whole)
    return "same" if same else "other pixels"


def read_all(format_name: str, n: int, seed: int) -> dict[str, object]:
    """Outcomes of `n` copies, by variant and kind of file."""
    counts: dict[str, collections.Counter[str]] = {}
    slowest = 0.0
    variants = VARIANTS[format_name]
    for number, (name, write) in enumerate(variants.items()):
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = write(Path(folder))
            whole = read_stack(path).images
            count = n // len(variants) + (number < n % len(variants))
            for kind, damage in damaged_files(path, count, seed):
                damage()
                faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
                start = time.perf_counter()
                found = outcome(path, whole)
                slowest = max(slowest, time.perf_counter() - start)
                faulthandler.cancel_dump_traceback_later()
                counts.setdefault(f"{name} {kind}", collections.Counter())[found] += 1
    return {"counts": counts, "slowest_s": slowest}


def limit_memory() -> None:
    """From here on the process may take `MOST_BYTES` more than it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MOST_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    logging.disable()
    read_stack(VARIANTS["tiff"]["plain"](Path(tempfile.mkdtemp())))
    limit_memory()
    out = io.StringIO()
    json.dump(read_all(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])), out)
    print(out.getvalue())
