"""Where things lie in an HDF5 file of a stranger's, found in a process of its own.

    python -P hdf5_map.py CPU_SECONDS < file.h5 > map.json

The HDF5 library is not made for hostile bytes: damaged texts alone let it loop for ever. So it runs
here, with little memory and time, and says where numbers lie; whoever started this process takes
them from its own copy of the bytes. This file stands alone and is run by its path: nothing but h5py
and what it needs is imported.

The library also follows what a file says: links into other files, data kept in other files, filters
that are loaded as plugins, arrays larger than memory. Keras writes none of that, but plain groups,
texts as attributes, and numbers in one piece. That is described, the rest refused by name.
"""

import io
import json
import math
import os
import sys
from typing import TypedDict

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

# One thread: each would ask for memory of its own, and there is little.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["HDF5_USE_FILE_LOCKING"] = "FALSE"
os.environ["HDF5_PLUGIN_PATH"] = "/dev/null"

import h5py
import numpy as np

MOST_MEMBERS = 20_000
"""Groups and arrays of one file."""

MOST_DEPTH = 32
"""Groups inside groups."""

MOST_TEXTS = 10_000
"""Texts of one attribute."""

MOST_TEXT_BYTES = 8 << 20
"""Length of one attribute."""

MEMORY_BYTES = 512 << 20
"""Address space beyond what the started interpreter has."""

ROOTS = ("model_weights", "layers", "vars")
"""Members of the root in which Keras keeps weights; an optimizer's state is not looked at."""

ATTRIBUTES = ("layer_names", "weight_names")
"""Attributes of groups that are read."""

_NUMBER_TYPES = {
    "<f2": h5py.h5t.IEEE_F16LE,
    "<f4": h5py.h5t.IEEE_F32LE,
    "<f8": h5py.h5t.IEEE_F64LE,
    "<i4": h5py.h5t.STD_I32LE,
    "<i8": h5py.h5t.STD_I64LE,
    "<u4": h5py.h5t.STD_U32LE,
    "<u8": h5py.h5t.STD_U64LE,
}


class GroupMap(TypedDict):
    """A group: texts by attribute, groups, and [dtype, shape, offset in bytes] of arrays."""

    texts: dict[str, list[str]]
    groups: dict[str, "GroupMap"]
    arrays: dict[str, list[str | list[int] | int | None]]


class Refused(Exception):
    """What is wrong with the file, in one line."""


def describe(file: io.RawIOBase) -> dict[str, object]:
    """The map of a file.

    Parameters
    ----------
    file : open binary file

    Returns
    -------
    dict
        ``config`` and ``keras_version``: texts, or None. ``root``: a group, which is a dict of
        ``texts`` (lists of str by attribute), ``groups`` and ``arrays`` (dtype, shape and offset
        in bytes by name).

    Raises
    ------
    Refused
    """
    with _LibraryFaults("/"):
        root = h5py.h5g.open(h5py.File(file, "r").id, b"/")
    walk = _Walk()
    said = {}
    for key, name in (("config", "model_config"), ("keras_version", "keras_version")):
        texts = _texts(root, name, "/")
        if texts is not None and len(texts) != 1:
            raise Refused(f"attribute {name!r} is not one text")
        said[key] = texts and texts[0]
    groups = {}
    for name in ROOTS:
        with _LibraryFaults("/"):
            is_there = root.links.exists(name.encode())
        if is_there:
            group = walk.member(root, name.encode(), f"/{name}")
            if not isinstance(group, h5py.h5g.GroupID):
                raise Refused(f"/{name} is no group")
            groups[name] = walk.group(group, f"/{name}", 1)
    return {**said, "root": {"texts": {}, "groups": groups, "arrays": {}}}


class _Walk:
    """Goes through the groups of a file, each object once."""

    def __init__(self) -> None:
        self.seen: set[int] = set()

    def group(self, group: h5py.h5g.GroupID, where: str, depth: int) -> GroupMap:
        if depth > MOST_DEPTH:
            raise Refused(f"groups are more than {MOST_DEPTH} deep at {where}")
        names = {name: _all_texts(group, name, where) for name in ATTRIBUTES}
        result: GroupMap = {
            "texts": {name: texts for name, texts in names.items() if texts is not None},
            "groups": {},
            "arrays": {},
        }
        with _LibraryFaults(where):
            if group.get_num_objs() > MOST_MEMBERS:
                raise Refused(f"{where} has more than {MOST_MEMBERS:,} members")
            members = list(group)
        for name in members:
            shown = f"{where}/{name.decode('ascii', 'backslashreplace')[:100]}"
            found = self.member(group, name, shown)
            key = name.decode("utf-8", "backslashreplace")
            if isinstance(found, h5py.h5g.GroupID):
                result["groups"][key] = self.group(found, shown, depth + 1)
            elif isinstance(found, h5py.h5d.DatasetID):
                result["arrays"][key] = _place(found, shown)
            else:
                raise Refused(f"{shown} is neither group nor array")
        return result

    def member(
        self, group: h5py.h5g.GroupID, name: bytes, shown: str
    ) -> h5py.h5g.GroupID | h5py.h5d.DatasetID:
        """What a hard link leads to."""
        with _LibraryFaults(shown):
            kind = group.links.get_info(name).type
            if kind == h5py.h5l.TYPE_SOFT:
                raise Refused(f"{shown} is a soft link, which is not followed")
            if kind != h5py.h5l.TYPE_HARD:
                raise Refused(f"{shown} is a link to another file, which is not read")
            found = h5py.h5o.open(group, name)
            address = h5py.h5o.get_info(found).addr
        if address in self.seen:
            raise Refused(f"{shown} is there under another name too")
        self.seen.add(address)
        if len(self.seen) > MOST_MEMBERS:
            raise Refused(f"more than {MOST_MEMBERS:,} groups and arrays")
        return found


def _place(found: h5py.h5d.DatasetID, shown: str) -> list[str | list[int] | int | None]:
    """Type, shape and offset of an array that lies in the file in one piece."""
    with _LibraryFaults(shown):
        properties = found.get_create_plist()
        layout = properties.get_layout()
        if layout == h5py.h5d.VIRTUAL or properties.get_external_count():
            raise Refused(f"{shown} lies in other files, which are not read")
        if layout != h5py.h5d.CONTIGUOUS or properties.get_nfilters():
            raise Refused(f"{shown} is compressed or in chunks")
        kind = found.get_type()
        dtype = next((d for d, t in _NUMBER_TYPES.items() if kind.equal(t)), None)
        if dtype is None or found.get_space().get_simple_extent_type() == h5py.h5s.NULL:
            raise Refused(f"{shown} holds no plain numbers")
        return [dtype, [int(n) for n in found.shape], found.get_offset()]


def _all_texts(group: h5py.h5g.GroupID, name: str, where: str) -> list[str] | None:
    """The texts of an attribute, which Keras cuts into ``name0``, ``name1``, ... where long."""
    whole = _texts(group, name, where)
    if whole is not None:
        return whole
    parts: list[str] = []
    for number in range(MOST_MEMBERS):
        part = _texts(group, f"{name}{number}", where)
        if part is None:
            return parts if number else None
        parts += part
        if len(parts) > MOST_TEXTS:
            break
    raise Refused(f"attribute {name!r} of {where} has too many parts")


def _texts(group: h5py.h5g.GroupID, name: str, where: str) -> list[str] | None:
    shown = f"attribute {name!r} of {where}"
    with _LibraryFaults(shown):
        if not h5py.h5a.exists(group, name.encode()):
            return None
        attribute = h5py.h5a.open(group, name.encode())
        shape = attribute.shape
        if shape is None or len(shape) > 1 or (shape and shape[0] > MOST_TEXTS):
            raise Refused(f"{shown} is no list of at most {MOST_TEXTS:,} texts")
        if shape == (0,):  # Keras writes an empty list as numbers
            return []
        kind = attribute.get_type()
        if not isinstance(kind, h5py.h5t.TypeStringID):
            raise Refused(f"{shown} is no text")
        # The library takes memory for what a text's length is said to be.
        size = 1 if kind.is_variable_str() else kind.get_size()
        if size * max(1, *shape, 1) > MOST_TEXT_BYTES:
            raise Refused(f"{shown} is longer than {MOST_TEXT_BYTES:,} bytes")
        values = np.empty(shape, attribute.dtype)
        attribute.read(values)
        return [_decoded(value, shown) for value in values.reshape(-1)]


def _decoded(value: object, shown: str) -> str:
    raw = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
    if len(raw) > MOST_TEXT_BYTES:
        raise Refused(f"{shown} is longer than {MOST_TEXT_BYTES:,} bytes")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(f"{shown} is no text in UTF-8") from None


class _LibraryFaults:
    """Turns whatever h5py raises into a fault of the file."""

    def __init__(self, where: str) -> None:
        self.where = where

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, Refused):
            lines = str(error).strip().splitlines()
            said = ascii(lines[0][:120])[1:-1] if lines else type(error).__name__
            raise Refused(f"damaged at {self.where} ({said})") from None


def limit_resources(cpu_seconds: int) -> None:
    """Leave this process little memory and so much time, and no files to write.

    Where the system has no such limits there are none.
    """
    if resource is None or not os.path.exists("/proc/self/statm"):
        return
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    spent = resource.getrusage(resource.RUSAGE_SELF)
    started_seconds = math.ceil(spent.ru_utime + spent.ru_stime)
    for what, most in (
        (resource.RLIMIT_AS, used + MEMORY_BYTES),
        (resource.RLIMIT_CPU, started_seconds + cpu_seconds),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        resource.setrlimit(what, (most, most))


def main(cpu_seconds: int) -> None:
    """Write the map of the file that is standard input."""
    limit_resources(cpu_seconds)
    try:
        with open(0, "rb", buffering=0) as file:
            result = describe(file)
    except Refused as refused:
        result = {"refused": str(refused)}
    except MemoryError:
        result = {"refused": "asks for more memory than its numbers take"}
    text = json.dumps(result)
    if len(text) > MOST_TEXT_BYTES * 4:
        text = json.dumps({"refused": "its names are longer than its numbers can need"})
    sys.stdout.write(text)


if __name__ == "__main__":
    main(int(sys.argv[1]))
