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
import os
import resource
import struct
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

import h5py
import mrcfile
import numcodecs
import numpy as np
import tifffile
import zarr
from PIL import Image
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, GzipCodec, ZstdCodec

from loihiseg.data import read_stack
from loihiseg.data.labels import LabelOptions
from loihiseg.data.maps import read_truth
from loihiseg.data.readers import hdf5
from loihiseg.data.readers.hdf5 import describe
from loihiseg.errors import InputError
from tests.data.readers.n5 import write_n5
from tests.mutants import mutants

HANG_SECONDS = 10
MOST_BYTES = 10**9  # beyond what the process has after its imports

# Lines on a little noise: compressors find something to do.
GREY = np.random.default_rng(0).integers(100, 103, (6, 64, 48)).astype(np.uint8)
GREY[:, ::8] = 60
DEEP = GREY.astype(np.uint16) * 257

# Labels: lines of one colour on another, transparent in a corner.
PAINTED = np.where((GREY < 80)[..., None], *np.array([(250, 30, 20, 255), (0, 0, 90, 255)], "u1"))
PAINTED[:, :20, :16] = 0
RGB = np.ascontiguousarray(PAINTED[..., :3])
RGB[:, :20, :16] = RGB[:, 40:60, 16:32]

Read = Callable[[Path], np.ndarray]
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


def _picture(image: Image.Image, name: str, **options: object) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        image.save(folder / name, **options)
        return folder / name

    return write


def _numpy(array: np.ndarray) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        np.save(folder / "em.npy", array)
        return folder / "em.npy"

    return write


def _mrc(array: np.ndarray, extended: int = 0) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        with mrcfile.new(folder / "em.mrc") as mrc:
            mrc.set_data(array)
            mrc.set_extended_header(np.zeros(extended, "V1"))
        return folder / "em.mrc"

    return write


def _n5(compression: str, **options: object) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        return write_n5(folder / "em.n5", GREY, (2, 32, 24), compression, **options)

    return write


def _hdf5(name: str = "raw", libver: str = "earliest", **options: object) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        with h5py.File(folder / "em.h5", "w", libver=libver) as file:
            file.create_dataset(name, data=GREY, **options)
            file[name].attrs["resolution"] = (40.0, 4.0, 4.0)
        return folder / "em.h5"

    return write


def _ome_zarr(folder: Path) -> Path:
    group = zarr.open_group(folder / "em.zarr", mode="w", zarr_format=2)
    group.create_array("s0", data=GREY, chunks=(2, 32, 24), compressors=numcodecs.GZip())
    step = {"type": "scale", "scale": [50.0, 4.0, 4.0]}
    group.attrs["multiscales"] = [{
        "axes": [{"name": name, "type": "space", "unit": "nanometer"} for name in "zyx"],
        "datasets": [{"path": "s0", "coordinateTransformations": [step]}],
    }]  # fmt: skip
    return folder / "em.zarr"


def _zarr_of(array: np.ndarray, names: tuple[str, ...]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / "em.zarr"
        chunks = (2, 32, 24, 2)
        zarr.create_array(path, data=array, chunks=chunks, zarr_format=3, dimension_names=names)
        return path

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
    "ome-zarr": {"ome": _ome_zarr},
    "npy": {"bytes": _numpy(GREY), "16": _numpy(DEEP), "fortran": _numpy(np.asfortranarray(DEEP))},
    "mrc": {
        "bytes": _mrc(GREY.view("i1")), "16": _mrc(DEEP), "floats": _mrc(DEEP.astype("f4"), 80),
    },
    "pictures": {
        "jpeg": _picture(Image.fromarray(GREY[0]), "em.jpg"),
        "jpeg-rgb": _picture(Image.fromarray(GREY[0]).convert("RGB"), "em.jpg"),
        "jpeg-progressive": _picture(Image.fromarray(GREY[0]), "em.jpg", progressive=True),
        "bmp": _picture(Image.fromarray(GREY[0]), "em.bmp"),
        "bmp-1": _picture(Image.fromarray(GREY[0] > 101), "em.bmp"),
        "bmp-24": _picture(Image.fromarray(GREY[0]).convert("RGB"), "em.bmp"),
    },
    "colours": {
        "tiff-rgb": _tiff(RGB, photometric="rgb", compression="lzw"),
        "tiff-planar": _tiff(
            np.ascontiguousarray(RGB.transpose(0, 3, 1, 2)), photometric="rgb",
            planarconfig="separate",
        ),
        "tiff-alpha": _tiff(PAINTED, photometric="rgb", extrasamples=["unassalpha"]),
        "png-rgb": _png(Image.fromarray(RGB[0])),
        "png-alpha": _png(Image.fromarray(PAINTED[0])),
        "png-palette": _png(Image.fromarray(RGB[0]).quantize(4)),
        "jpeg": _picture(Image.fromarray(RGB[0]), "em.jpg", quality=95),
        "jpeg-full": _picture(Image.fromarray(RGB[0]), "em.jpg", subsampling=0),
        "jpeg-progressive": _picture(Image.fromarray(RGB[0]), "em.jpg", progressive=True),
        "zarr": _zarr_of(PAINTED, ("z", "y", "x", "c")),
        "npy": _numpy(PAINTED),
    },
    "n5": {
        "raw": _n5("raw"), "gzip": _n5("gzip"), "bzip2": _n5("bzip2"), "blosc": _n5("blosc"),
        "varlength": _n5("zstd", varlength=True),
    },
    "hdf5": {
        "contiguous": _hdf5(), "latest": _hdf5("a/raw", "latest", chunks=(2, 32, 24)),
        "gzip": _hdf5("volumes/raw", chunks=(2, 32, 24), compression="gzip", shuffle=True),
        "lzf": _hdf5(chunks=(2, 32, 24), compression="lzf"),
        "fletcher32": _hdf5(chunks=(2, 32, 24), fletcher32=True),
    },
}  # fmt: skip

CHECKED = {
    "png": set(VARIANTS["png"]),
    "zarr2": {"gzip", "zlib"},
    "zarr3": {"gzip", "crc32c", "shards-crc32c"},
    "n5": {"gzip", "bzip2"},
    "colours": {"png-rgb", "png-alpha", "png-palette"},
    **{name: set() for name in ("tiff", "ome-zarr", "npy", "mrc", "pictures", "hdf5")},
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
    files = sorted(p for p in path.rglob("*") if p.is_file())
    if (path / ".zgroup").exists():  # what says which array is meant
        names, passed_over = {".zattrs"}, {".zgroup", ".zarray"}
        files = [p for p in files if p.name != ".zattrs" or p.parent == path]
    else:
        names, passed_over = {"zarr.json", ".zarray", "attributes.json"}, {".zattrs"}
    files = [p for p in files if p.name not in passed_over]
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
        if not places:  # the last value was taken away
            break
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


def images_of(path: Path) -> np.ndarray:
    """Images of a stack."""
    return read_stack(path).images


def labels_of(path: Path) -> np.ndarray:
    """Labels in colours, (n, height, width) bool; of a JPEG, whose colours are soft, as bright."""
    soft = path.suffix == ".jpg"
    return read_truth(path, options=LabelOptions(threshold=60 if soft else None)).membrane


def outcome(path: Path, whole: np.ndarray, read: Read) -> str:
    """What reading a damaged copy comes to; the reader may only refuse or give the same."""
    try:
        images = read(path)
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
    read = labels_of if format_name == "colours" else images_of
    for number, (name, write) in enumerate(variants.items()):
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = write(Path(folder))
            whole = read(path)
            count = n // len(variants) + (number < n % len(variants))
            for kind, damage in damaged_files(path, count, seed):
                damage()
                faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
                start = time.perf_counter()
                found = outcome(path, whole, read)
                slowest = max(slowest, time.perf_counter() - start)
                faulthandler.cancel_dump_traceback_later()
                counts.setdefault(f"{name} {kind}", collections.Counter())[found] += 1
    return {"counts": counts, "slowest_s": slowest}


def limit_memory() -> None:
    """From here on the process may take `MOST_BYTES` more than it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MOST_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def forked(stdin: BinaryIO, arguments: list[str]) -> tuple[int, bytes]:
    """As `hdf5.run_child`, in a fork of this process: a new one takes a hundred times longer."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(stdin.fileno(), 0)
        os.dup2(write, 1)
        os.close(read)
        sys.stdout = os.fdopen(1, "w")
        describe.main(int(arguments[0]), *arguments[1:])
        sys.stdout.flush()
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as output:
        text = output.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text


if __name__ == "__main__":
    hdf5.run_child = forked
    logging.disable()
    read_stack(VARIANTS["tiff"]["plain"](Path(tempfile.mkdtemp())))
    limit_memory()
    out = io.StringIO()
    json.dump(read_all(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])), out)
    print(out.getvalue())
