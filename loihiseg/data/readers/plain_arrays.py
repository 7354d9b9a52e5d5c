"""Arrays of numbers from .npy and .npz files; sizes are checked, nothing is ever unpickled."""

import io
import math
import zipfile
from collections.abc import Collection
from os import PathLike
from pathlib import Path

import numpy as np

from loihiseg.data.readers.limits import check_declared
from loihiseg.errors import InputError
from partition.storage.files import read_bytes

MOST_FILE_BYTES = 2**32
"""Of one file, 4 GiB: it is held in memory."""

_SUFFIX = ".npy"
_MOST_AXES = 8


def read_arrays(
    path: str | PathLike[str], names: Collection[str], alone: str
) -> dict[str, np.ndarray]:
    """Arrays by name.

    Parameters
    ----------
    path : path-like
        An .npz file, of which only some members are looked at, or an .npy file.
    names : collection of str
        Of these members.
    alone : str
        What the array of an .npy file is called.

    Raises
    ------
    InputError
        If the file is none of both or damaged, or an array is not of plain numbers.
    """
    path = Path(path)
    try:
        data = read_bytes(path, MOST_FILE_BYTES)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        if path.suffix == _SUFFIX:
            return {alone: _array(data)}
        if path.suffix == ".npz":
            return _members(path, data, names)
    except (ValueError, zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(
            f"{path}: is damaged, or holds more than plain numbers ({str(error)[:200]}); write it "
            "with numpy.savez or numpy.save"
        ) from None
    raise InputError(f"{path}: expected an .npz or .npy file, as numpy.savez and numpy.save write")


def _members(path: Path, data: bytes, names: Collection[str]) -> dict[str, np.ndarray]:
    found = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in names:
            entries = [one for one in archive.infolist() if one.filename == name + _SUFFIX]
            if len(entries) > 1:
                raise ValueError(f"array '{name}' is there twice")
            for entry in entries:
                check_declared(path, entry.file_size, entry.compress_size)
                with archive.open(entry) as stream:
                    content = stream.read(entry.file_size + 1)
                found[name] = _array(content)
    return found


def _array(data: bytes) -> np.ndarray:
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version} of numpy's format")
    # Headers are Python literals of at most 10,000 bytes; nothing in them is run.
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    else:
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
    if dtype.kind not in "biuf" or len(shape) > _MOST_AXES or min(shape, default=0) < 0:
        raise ValueError(f"an array of {str(dtype)[:40]} of shape {str(shape)[:60]}")
    start, declared = stream.tell(), math.prod(shape) * dtype.itemsize
    if declared != len(data) - start:
        raise ValueError(f"{len(data) - start:,} bytes for an array of {declared:,}")
    values = np.frombuffer(data, dtype, offset=start)
    return values.reshape(shape, order="F" if fortran else "C")
