"""Arrays and JSON as files; written so that a kill leaves the old one or the new one."""

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np

from loihiseg.errors import InputError
from partition.files import replace_bytes


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file, replacing the one that is there at once; see `partition.files.replace_bytes`.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    try:
        replace_bytes(path, data)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror}); choose another --out"
        ) from None


def write_json(path: Path, value) -> None:
    """Write a JSON file, indented, with a newline at its end."""
    write_bytes(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


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
            _add_member(archive, f"{name}.npy", part.getvalue())
        for name, text in (texts or {}).items():
            _add_member(archive, name, text.encode())
    return buffer.getvalue()


def _add_member(archive, name, data):
    # numpy.savez would stamp the time of day into the file.
    archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)


def unpack_arrays(data: bytes) -> dict[str, np.ndarray]:
    """Arrays by name from the bytes of an .npz file; pickled content is refused.

    Raises
    ------
    ValueError
        If the bytes are no such file, or damaged.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            loaded = {name: archive[name] for name in archive.files}
            # numpy gives out what is no array as bytes.
            return {name: value for name, value in loaded.items() if not isinstance(value, bytes)}
    except Exception as error:  # numpy, zipfile and zlib each have their own for damaged files
        raise ValueError(f"no archive of arrays: {error}") from None


def sha256(data: bytes) -> str:
    """Hexadecimal SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def writable_folder(path: Path) -> Path:
    """Make a folder, parents included, and check that files can be made in it.

    Raises
    ------
    InputError
        If it cannot be made or written.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".{os.getpid()}.part"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(
            f"{path}: output folder cannot be written ({error.strerror}); choose another --out"
        ) from None
    return path


def new_folder(parent: Path, stem: str) -> Path:
    """The first of ``stem-1``, ``stem-2``, ... in a folder that does not exist; made now."""
    parent = writable_folder(parent)
    number = 1
    while True:
        path = parent / f"{stem}-{number}"
        try:
            path.mkdir()
            return path
        except FileExistsError:
            number += 1
