"""Arrays and texts by name as one archive; free of pickle, the same bytes for the same arrays."""

import io
import re
import zipfile

import numpy as np

from partition.storage.archive import MOST_MEMBERS, read_members

_SUFFIX = ".npy"
_MAGIC = b"\x93NUMPY\x01\x00"
_MOST_AXES = 8

# numpy's own header is a Python literal; this is the only form of it that it writes for us.
_HEADER = re.compile(
    rb"\{'descr': '([<|][biuf][1248])', 'fortran_order': False, "
    rb"'shape': \(((?:[0-9]{1,12}, ?)*[0-9]{0,12})\), \} *\n"
)

DTYPES = frozenset(
    {"|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8"}
)
"""Kinds of numbers that are read."""


def pack_arrays(arrays: dict[str, np.ndarray], texts: dict[str, str] | None = None) -> bytes:
    """Arrays by name as the bytes of an .npz file, the same bytes for the same arrays.

    ``texts`` are put beside the arrays, under their names as they are; `unpack_arrays` leaves
    them out.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            part = io.BytesIO()
            np.lib.format.write_array(part, np.asarray(array, order="C"), allow_pickle=False)
            _add_member(archive, f"{name}{_SUFFIX}", part.getvalue())
        for name, text in (texts or {}).items():
            _add_member(archive, name, text.encode())
    return buffer.getvalue()


def _add_member(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    # numpy.savez would stamp the time of day into the file.
    archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)


def unpack_arrays(data: bytes) -> dict[str, np.ndarray]:
    """Arrays by name from the bytes that `pack_arrays` wrote; see `unpack`.

    Raises
    ------
    ValueError
        If the bytes are no such file, or damaged.
    """
    return unpack(data)[0]


def unpack(data: bytes) -> tuple[dict[str, np.ndarray], dict[str, bytes]]:
    """Arrays and texts by name from the bytes that `pack_arrays` wrote.

    Parameters
    ----------
    data : bytes
        Nothing is allocated beyond their number.

    Returns
    -------
    arrays : dict of str to numpy.ndarray
        Contiguous, writable, of one of `DTYPES`.
    texts : dict of str to bytes

    Raises
    ------
    ValueError
        In one line: what is wrong, and in which member.
    """
    try:
        members = read_members(data)
    except ValueError as error:
        raise ValueError(f"no archive of arrays: {error}") from None
    arrays, texts = {}, {}
    for name, content in members.items():
        if name.endswith(_SUFFIX):
            arrays[name.removesuffix(_SUFFIX)] = _array(name, content)
        else:
            texts[name] = bytes(content)
    return arrays, texts


def _array(name: str, content: memoryview) -> np.ndarray:
    if bytes(content[:8]) != _MAGIC:
        raise ValueError(f"member {name}: no array of numpy's format 1.0")
    body = 10 + int.from_bytes(content[8:10], "little")
    header = _HEADER.fullmatch(bytes(content[10:body]))
    kind = header and header[1].decode("ascii")
    if not header or kind not in DTYPES:
        raise ValueError(f"member {name}: its header describes no plain array of numbers")
    shape = tuple(int(n) for n in header[2].replace(b" ", b"").split(b",") if n)
    size = np.dtype(kind).itemsize
    for n in shape:
        size *= n
    if len(shape) > _MOST_AXES or size != len(content) - body:
        raise ValueError(
            f"member {name}: {size:,} bytes of shape {str(shape)[:60]} are declared, "
            f"{len(content) - body:,} are there"
        )
    # A copy: of its own alignment, and writable as kernels are compiled for.
    values = np.frombuffer(content[body:], kind).reshape(shape).copy()
    if kind == "|b1" and (values.view(np.uint8) > 1).any():
        raise ValueError(f"member {name}: truth values other than 0 and 1")
    return values


__all__ = ["DTYPES", "MOST_MEMBERS", "pack_arrays", "unpack", "unpack_arrays"]
