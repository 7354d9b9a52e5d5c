"""Groups, texts and numbers of an HDF5 file of a stranger's; `hdf5_map` finds them."""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from loihiseg.conversion.keras_file import strict_json
from loihiseg.conversion.keras_file.errors import FaultyFileError, one_line
from partition.system import ENDS_SLOWLY, file_of_no_name

SIGNATURE = b"\x89HDF\r\n\x1a\n"

CPU_SECONDS = 4
"""Time after which the HDF5 library is taken to loop; 2,000 layers take half of it."""

_WALL_SECONDS = 120

_MOST_MAP_CHARACTERS = 32 << 20

_DTYPES = ("<f2", "<f4", "<f8", "<i4", "<i8", "<u4", "<u8")

_END_OF_FILE = {0: 40, 1: 44, 2: 28, 3: 28}
"""Where the superblock of each version has the length of the file, with addresses of 8 bytes."""


@dataclass
class Group:
    """A group of an HDF5 file.

    Attributes
    ----------
    texts : dict of str to list of str
        Attributes that Keras reads, ``layer_names`` and ``weight_names``.
    groups : dict of str to Group
    arrays : dict of str to numpy.ndarray
        Read-only views of the file's bytes.
    """

    texts: dict[str, list[str]] = field(default_factory=dict)
    groups: dict[str, "Group"] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass
class File:
    """What Keras wrote into an HDF5 file.

    Attributes
    ----------
    config : str or None
        The model's configuration, None where there is none.
    keras_version : str or None
    root : Group
    """

    config: str | None
    keras_version: str | None
    root: Group


def read_hdf5(data: bytes) -> File:
    """Configuration and weights of an HDF5 file.

    HDF5 as Keras writes it has no checksum: a number that was damaged on the way is read as it is.

    Parameters
    ----------
    data : bytes
        Of the whole file.

    Returns
    -------
    File

    Raises
    ------
    FaultyFileError
        If it is no whole HDF5 file and nothing else, or anything in it is not as Keras writes it.
    """
    _check_length(data)
    described = strict_json.parse(_map_of(data), "HDF5: the list of members", _MOST_MAP_CHARACTERS)
    match described:
        case {"refused": str(fault)}:
            raise FaultyFileError([f"HDF5: {one_line(fault)}"])
        case {
            "config": None | str() as config,
            "keras_version": None | str() as version,
            "root": dict(root),
        }:
            return File(config, version, _Views(data).group(root, ""))
    raise FaultyFileError(["HDF5: damaged (its members cannot be listed)"])


def _check_length(data: bytes) -> None:
    """The file ends where it says: nothing is cut off, and nothing hung behind it."""
    if not data.startswith(SIGNATURE):
        raise FaultyFileError(["no HDF5 file (it does not begin as one)"])
    version = data[8] if len(data) > 64 else None
    place = _END_OF_FILE.get(version) if version is not None else None
    size_of_addresses = data[13 if version in (0, 1) else 9] if place else 0
    if place is None or size_of_addresses != 8:
        raise FaultyFileError(["HDF5: damaged (its first bytes say nothing of its length)"])
    said = int.from_bytes(data[place : place + 8], "little")
    if said > len(data):
        raise FaultyFileError([f"HDF5: cut off: {len(data):,} bytes of {said:,} are there"])
    if said < len(data):
        raise FaultyFileError(
            [
                f"HDF5: {len(data) - said:,} bytes follow the end of the file; another file may be "
                "hung behind it"
            ]
        )


def _map_of(data: bytes) -> str:
    """What `hdf5_map` says of the bytes."""
    try:
        status, text = _run_map(data)
    except subprocess.TimeoutExpired:
        raise FaultyFileError(["HDF5: damaged (reading it does not end)"]) from None
    if status in ENDS_SLOWLY:
        raise FaultyFileError([f"HDF5: damaged (reading it does not end in {CPU_SECONDS} s)"])
    if status < 0:
        raise FaultyFileError(["HDF5: damaged (the HDF5 library crashes on it)"])
    if status:
        raise FaultyFileError(["HDF5: cannot be read: h5py fails; try python -c 'import h5py'"])
    return text.decode("utf-8", "replace")


def _run_map(data: bytes) -> tuple[int, bytes]:
    """Exit status and output of `hdf5_map`."""
    script = Path(__file__).with_name("hdf5_map.py")
    with file_of_no_name("keras") as file:
        file.write(data)
        file.seek(0)
        done = subprocess.run(
            # -P: no module of the folder it is in, or is started in, stands for another.
            [sys.executable, "-P", str(script), str(CPU_SECONDS)],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_WALL_SECONDS,
            check=False,
        )
    return done.returncode, done.stdout


class _Views:
    """Numbers of a file where the map says they are, once that was checked."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.numbers_bytes = 0

    def group(self, described: object, where: str) -> Group:
        match described:
            case {"texts": dict(texts), "groups": dict(groups), "arrays": dict(arrays)}:
                return Group(
                    {name: [str(text) for text in each] for name, each in texts.items()},
                    {name: self.group(each, f"{where}/{name}") for name, each in groups.items()},
                    {name: self.array(each, f"{where}/{name}") for name, each in arrays.items()},
                )
        raise FaultyFileError([f"HDF5: damaged at {where}"])

    def array(self, described: object, where: str) -> np.ndarray:
        match described:
            case [str(dtype), list(shape), None | int() as offset] if dtype in _DTYPES:
                return self._view(np.dtype(dtype), [int(n) for n in shape], offset, where)
        raise FaultyFileError([f"HDF5: damaged at {where}"])

    def _view(
        self, dtype: np.dtype, shape: list[int], offset: int | None, where: str
    ) -> np.ndarray:
        count = 1
        for length in shape:
            count *= length
        size = count * dtype.itemsize
        self.numbers_bytes += size
        end = len(self.data)
        if min(shape, default=0) < 0 or len(shape) > 8 or self.numbers_bytes > end:
            raise FaultyFileError([f"HDF5: {where} of shape {shape} is larger than the file"])
        if not count:
            return np.zeros(shape, dtype)
        if offset is None or not 0 < offset <= end - size:
            raise FaultyFileError([f"HDF5: {where} of shape {shape} is not in the file"])
        return np.frombuffer(self.data, dtype, count, offset).reshape(shape)
