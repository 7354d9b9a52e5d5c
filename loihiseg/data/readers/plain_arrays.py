"""Arrays of numbers from .npy and .npz files; sizes are checked, nothing is ever unpickled."""

import io
import struct
import zipfile
import zlib
from collections.abc import Collection
from os import PathLike
from pathlib import Path

import numpy as np

from loihiseg.data.readers.base import DamagedFileError
from loihiseg.data.readers.limits import check_declared
from loihiseg.data.readers.numpy_file import find_array
from loihiseg.errors import InputError
from partition.storage.files import read_bytes

MOST_FILE_BYTES = 2**32
"""Of one file, 4 GiB: it is held in memory."""

_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)
"""What Python's reader of archives raises of damaged ones."""

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
    except (DamagedFileError, *_ZIP_ERRORS) as error:
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
                if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise ValueError(f"array '{name}' is compressed in an odd way")
                check_declared(path, entry.file_size, entry.compress_size)
                with archive.open(entry) as stream:
                    content = stream.read(entry.file_size + 1)
                found[name] = _array(content)
    return found


def _array(data: bytes) -> np.ndarray:
    def read(offset: int, n_bytes: int) -> bytes:
        if offset + n_bytes > len(data):
            raise DamagedFileError("it is cut off")
        return data[offset : offset + n_bytes]

    found = find_array(read, len(data))
    if len(found.shape) > _MOST_AXES:
        raise DamagedFileError(f"an array of {len(found.shape)} axes")
    values = np.frombuffer(data, found.dtype, offset=found.offset).reshape(found.shape)
    return values.T if found.last_first else values
