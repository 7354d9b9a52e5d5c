"""Bytes and JSON as files; written so that a kill leaves the old one or the new one."""

import hashlib
import json
import os
from pathlib import Path

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
