"""Bytes and JSON as files; written so that a kill leaves the old one or the new one."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from loihiseg.errors import OUT, InputError, OptionError
from partition.storage.files import (
    make_folder,
    make_new_folder,
    move_files,
    remove_file,
    remove_temporary,
    replace_bytes,
    temporary_path,
)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file, replacing the one that is there at once, as `partition.storage.files`.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    with _refused_as(path):
        replace_bytes(path, data)


def write_json(path: Path, value: object) -> None:
    """Write a JSON file, indented, with a newline at its end."""
    write_bytes(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def remove(path: Path) -> None:
    """Remove a file, if it is there.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    with _refused_as(path):
        remove_file(path)


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
        make_folder(path)
        probe = temporary_path(path / "probe")
        replace_bytes(probe, b"")
        remove_temporary(probe)
    except OSError as error:
        raise OptionError(
            f"{path}: output folder cannot be written ({error.strerror}); choose another ", OUT
        ) from None
    return path


@contextmanager
def all_or_none(folder: Path, last: str) -> Iterator[Path]:
    """A hidden folder whose files are moved into ``folder`` together when the block ends.

    After an error in the block ``folder`` is as it was before. A kill while they are moved leaves
    it without the file named ``last``, which is moved when the others are there.

    Parameters
    ----------
    folder : Path
    last : str
        Name of the file by which one sees that the others are complete.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    folder = writable_folder(folder)
    staging = temporary_path(folder / "all")
    try:
        with _refused_as(folder):
            make_folder(staging)
        yield staging
        with _refused_as(folder):
            move_files(staging, folder, last)
    except OptionError as error:
        # The user knows the folder, not where its files are prepared.
        raise error.replaced(str(staging), str(folder)) from None
    except InputError as error:
        raise InputError(str(error).replace(str(staging), str(folder))) from None
    finally:
        with suppress(OSError):
            remove_temporary(staging)


@contextmanager
def _refused_as(path: Path) -> Iterator[None]:
    """Errors of the disk as those of a file or folder."""
    try:
        yield
    except OSError as error:
        raise OptionError(
            f"{path}: cannot be written ({error.strerror}); choose another ", OUT
        ) from None


def new_folder(parent: Path, stem: str) -> Path:
    """The first of ``stem-1``, ``stem-2``, ... in a folder that does not exist; made now."""
    parent = writable_folder(parent)
    number = 1
    while True:
        path = parent / f"{stem}-{number}"
        with _refused_as(path):
            if make_new_folder(path):
                return path
        number += 1
