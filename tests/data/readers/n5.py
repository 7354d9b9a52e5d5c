"""Writes N5, for which there is no library among ours."""

import bz2
import gzip
import json
import struct
import zlib

import numcodecs
import numpy as np

COMPRESS = {
    "raw": ({"type": "raw"}, bytes),
    "gzip": ({"type": "gzip", "level": -1}, gzip.compress),
    "zlib": ({"type": "gzip", "useZlib": True}, zlib.compress),
    "bzip2": ({"type": "bzip2", "blockSize": 9}, bz2.compress),
    "zstd": ({"type": "zstd", "level": 3}, numcodecs.Zstd().encode),
    "blosc": ({"type": "blosc", "cname": "lz4"}, numcodecs.Blosc("lz4").encode),
}  # fmt: skip


def write_n5(folder, array, blocks, compression="gzip", whole=False, varlength=False, **more):
    """An array as the specification of N5 says; there is no library for it among ours."""
    options, compress = COMPRESS[compression]
    folder.mkdir(parents=True)
    names = {np.dtype(name).str[1:]: name for name in (
        "uint8 uint16 uint32 uint64 int8 int16 int32 int64 float32 float64".split())}  # fmt: skip
    document = {
        "dimensions": array.shape[::-1], "blockSize": blocks[::-1],
        "dataType": names[array.dtype.str[1:]], "compression": options, **more,
    }  # fmt: skip
    (folder / "attributes.json").write_text(json.dumps(document))
    for index in np.ndindex(*(-(-n // b) for n, b in zip(array.shape, blocks))):
        part = array[tuple(slice(i * b, (i + 1) * b) for i, b in zip(index, blocks))]
        if whole:
            part = np.pad(part, [(0, b - n) for b, n in zip(blocks, part.shape)])
        path = folder.joinpath(*map(str, index[::-1]))
        path.parent.mkdir(parents=True, exist_ok=True)
        header = struct.pack(f">2H{part.ndim}I", int(varlength), part.ndim, *part.shape[::-1])
        if varlength:
            header += struct.pack(">I", part.size)
        big = np.ascontiguousarray(part, part.dtype.newbyteorder(">"))
        path.write_bytes(header + compress(big.tobytes()))
    return folder
