"""Where an array lies in an HDF5 file of a stranger's, found in a process of its own.

    python -P describe.py CPU_SECONDS ROLE [PATH INSIDE] < file.h5 > description.json

The HDF5 library is not made for hostile bytes: some let it loop or crash. So it runs here, with
little memory and time, and only says what the array is and where its chunks lie; whoever started
this process reads and decodes them. This file stands alone and is run by its path.

Links to other files, arrays that lie in other files and filters that would be loaded as plugins are
never followed.
"""

import base64
import json
import math
import os
import sys

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

MEMORY_BYTES = 1 << 30
"""Address space beyond what the started interpreter has."""

MOST_CHUNKS = 1 << 22
MOST_MEMBERS = 20_000
MOST_DEPTH = 32

NAMES = {
    "images": ("volumes/raw", "raw", "images", "volume", "em", "exported_data", "data", "main"),
    "labels": ("volumes/labels/neuron_ids", "volumes/labels", "labels", "label", "neuron_ids",
               "membrane", "exported_data", "data", "main"),
}  # fmt: skip
"""Names looked up, in this order: those of CREMI, ilastik and SNEMI3D's copies among them."""

ONLY_LABELS = NAMES["labels"][:6]
"""Names of labels in a file that holds images too."""

ATTRIBUTES = (
    "axistags",
    "resolution",
    "element_size_um",
    "offset",
    "DIMENSION_LABELS",
    "axes",
    "units",
)
_MOST_TEXT = 1 << 16


class Refused(Exception):
    """What is wrong with the file, in one line."""


def describe(file: h5py.File, role: str, inside: str) -> dict:
    """The description of the array that is meant; empty where there are no labels beside images.

    Raises Refused.
    """
    if inside:
        found = member(file, inside)
        if isinstance(found, h5py.Group):
            raise Refused(f"{inside} is a group that holds {listed(sorted(found))}")
        if found is None:
            raise Refused(f"there is no {inside}; it holds {listed(arrays(file))}")
        return described(found)
    names = ONLY_LABELS if role == "beside" else NAMES[role]
    for name in names:
        found = member(file, name)
        if isinstance(found, h5py.Dataset):
            return described(found)
    if role == "beside":
        return {}
    every = arrays(file)
    if len(every) == 1:
        return described(file[every[0]])
    raise Refused(f"holds {listed(every)}; say which, as FILE:/PATH")


def member(file: h5py.File, path: str) -> "h5py.Dataset | h5py.Group | None":
    """What hard and soft links lead to inside the file, None where there is nothing."""
    place = file
    for part in [part for part in path.split("/") if part]:
        if not isinstance(place, h5py.Group):
            return None
        link = place.get(part, getlink=True) if part in list(place)[:MOST_MEMBERS] else None
        if link is None:
            return None
        if isinstance(link, h5py.ExternalLink):
            raise Refused(f"{path} is a link to another file, which is not read")
        place = place.get(part)
    return place


def arrays(file: h5py.File) -> list[str]:
    """Paths of all arrays of numbers with two axes or more, over hard links alone."""
    found: list[str] = []
    seen = 0

    def walk(group: h5py.Group, depth: int) -> None:
        nonlocal seen
        for name in group:
            seen += 1
            if seen > MOST_MEMBERS or depth > MOST_DEPTH:
                raise Refused("more groups and arrays than are looked through; say which to read")
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                continue
            one = group[name]
            if isinstance(one, h5py.Group):
                walk(one, depth + 1)
            elif isinstance(one, h5py.Dataset) and one.dtype.kind in "biuf" and one.ndim >= 2:
                found.append(one.name)

    walk(file, 0)
    return found


def described(array: h5py.Dataset) -> dict:
    """Type, shape, filters, places and metadata of an array."""
    properties = array.id.get_create_plist()
    layout = properties.get_layout()
    if layout == h5py.h5d.VIRTUAL or properties.get_external_count():
        raise Refused(f"{array.name} lies in other files, which are not read")
    dtype = array.dtype
    if dtype.kind not in "biuf" or dtype.itemsize > 8 or not array.id.get_type().equal(
        h5py.h5t.py_create(dtype, logical=True)
    ):  # fmt: skip
        raise Refused(f"{array.name} holds no plain numbers but {str(dtype)[:40]}")
    if not 0 < array.ndim <= 8 or not all(array.shape):
        raise Refused(f"{array.name} has the shape {array.shape}")
    said = {
        "name": array.name,
        "dtype": dtype.str,
        "shape": [int(n) for n in array.shape],
        "attributes": attributes(array),
        "chunks": None,
        "filters": [],
        "table": "",
        "fill": None,
    }
    defined = properties.fill_value_defined() if hasattr(properties, "fill_value_defined") else 1
    if defined:
        said["fill"] = base64.b64encode(np.asarray(array.fillvalue, dtype).tobytes()).decode()
    if layout == h5py.h5d.CONTIGUOUS:
        said["offset"] = array.id.get_offset()
        if said["offset"] is None:
            raise Refused(f"nothing is stored of {array.name}")
    elif layout == h5py.h5d.CHUNKED:
        chunked(array, properties, said)
    else:
        raise Refused(f"{array.name} is stored in its header; too small for a stack")
    return said


def chunked(array: h5py.Dataset, properties: "h5py.h5p.PropDCID", said: dict) -> None:
    """Add chunks, their filters and their places."""
    said["chunks"] = [int(n) for n in array.chunks]
    for number in range(properties.get_nfilters()):
        code, _, values, name = properties.get_filter(number)
        said["filters"].append([int(code), [int(v) for v in values][:8], ascii(name)[:40]])
    n_chunks = math.prod(-(-n // c) for n, c in zip(array.shape, array.chunks))
    if n_chunks > MOST_CHUNKS:
        raise Refused(f"{array.name} has {n_chunks:,} chunks, at most {MOST_CHUNKS:,} are read")
    rows: list[tuple[int, ...]] = []

    def add(info: "h5py.h5d.StoreInfo") -> None:
        if len(rows) > n_chunks:
            raise Refused(f"{array.name} has more chunks than fit into it")
        rows.append((*info.chunk_offset, info.filter_mask, info.byte_offset, info.size))

    array.id.chunk_iter(add)
    table = np.array(rows, "<i8").reshape(len(rows), array.ndim + 3)
    said["table"] = base64.b64encode(table.tobytes()).decode()


def attributes(array: h5py.Dataset) -> dict:
    """Short texts and lists of numbers or texts, of the array or of the group it is in."""
    found: dict = {}
    for place in (array.parent, array):
        for name in ATTRIBUTES:
            if name not in place.attrs:
                continue
            info = place.attrs.get_id(name)
            if info.get_storage_size() > _MOST_TEXT or len(info.shape or ()) > 1:
                continue
            value = place.attrs[name]
            value = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
            values = value if isinstance(value, list) else [value]
            values = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in values]
            if all(isinstance(v, str | int | float) for v in values):
                found[name] = values if isinstance(value, list) else values[0]
    return found


def listed(names: list[str]) -> str:
    """The first of some names."""
    shown = ", ".join(ascii(name)[1:-1][:60] for name in names[:8])
    return (shown or "nothing") + (", ..." if len(names) > 8 else "")


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
        (resource.RLIMIT_FSIZE, 1 << 30),
    ):
        _, hard = resource.getrlimit(what)
        resource.setrlimit(what, (most if hard < 0 else min(most, hard), hard))


def main(cpu_seconds: int, role: str, inside: str) -> None:
    """Write the description of the file that is standard input."""
    limit_resources(cpu_seconds)
    try:
        with open(0, "rb", buffering=0) as file, h5py.File(file, "r") as opened:
            result = describe(opened, role, inside)
    except Refused as refused:
        result = {"refused": str(refused)}
    except MemoryError:
        result = {"refused": "asks for more memory than its chunks take"}
    except Exception as error:
        lines = str(error).strip().splitlines()
        result = {"refused": ascii(lines[0][:120])[1:-1] if lines else type(error).__name__}
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "")
