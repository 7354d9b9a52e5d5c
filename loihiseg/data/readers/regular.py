"""What stands at a path, and regular files open for reading here and there."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from loihiseg.data.readers.base import FORMS, DamagedFileError
from loihiseg.errors import InputError
from partition.storage.files import read_bytes
from partition.system import NO_WAIT, OF_FILES, read_at


def is_folder(path: Path) -> bool:
    """Whether a path that must exist is a folder or else a regular file.

    Raises InputError, naming the path, when nothing is there, for a link that leads nowhere, a
    FIFO, a socket, a device, and what may not be looked at.
    """
    try:
        mode = os.stat(path).st_mode
    except ValueError:  # a NUL in the name
        raise InputError(f"{path}: no name of a file, expected {FORMS}; check the path") from None
    except OSError as error:
        raise _missing(path, error) from None
    if stat.S_ISDIR(mode):
        return True
    if stat.S_ISREG(mode):
        return False
    raise InputError(
        f"{path}: is a FIFO, socket or device, not a file, expected {FORMS}; check the path"
    )


def _missing(path: Path, error: OSError) -> InputError:
    if error.errno in (errno.ENOENT, errno.ELOOP) and path.is_symlink():
        target = str(os.readlink(path))[:160]
        return InputError(
            f"{path}: is a link to {target}, where there is nothing, expected {FORMS}; "
            "mend or remove the link"
        )
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return InputError(f"{path}: no such file or folder, expected {FORMS}; check the path")
    return cannot_read(path, error)


def cannot_read(path: Path | str, error: OSError) -> InputError:
    """The error for what the system does not let us read."""
    return InputError(
        f"{path}: cannot be read ({error.strerror or error}), expected a file that may be read; "
        "check it and its permissions"
    )


def read_whole(path: Path, most_bytes: int) -> bytes:
    """The bytes of a regular file, as `partition.storage.files.read_bytes`. Raises InputError."""
    try:
        return read_bytes(path, most_bytes)
    except OSError as error:
        raise cannot_read(path, error) from None


def read_file(path: Path, most_bytes: int) -> bytes:
    """The bytes of a regular file that may be large; takes memory for its size alone.

    Raises InputError.
    """
    file = RegularFile(path)
    try:
        if file.size > most_bytes:
            raise cannot_read(
                path, OSError(f"{file.size:,} bytes, at most {most_bytes:,} are read")
            )
        return file.read(0, file.size)
    except DamagedFileError as error:
        raise cannot_read(path, OSError(str(error))) from None
    finally:
        file.close()


class RegularFile:
    """A regular file, opened once; what is checked and what is then used is the same file.

    size : bytes, when it was opened.
    """

    def __init__(self, path: Path) -> None:
        """Raises InputError for what cannot be opened and for FIFOs, devices and folders."""
        try:
            # Opening a FIFO would otherwise wait for somebody to write to it.
            self._handle = os.open(path, os.O_RDONLY | NO_WAIT | OF_FILES)
        except OSError as error:
            raise cannot_read(path, error) from None
        status = os.fstat(self._handle)
        if not stat.S_ISREG(status.st_mode):
            self.close()
            raise cannot_read(path, OSError("is no regular file"))
        self.size = status.st_size

    def read(self, offset: int, n_bytes: int) -> bytes:
        """Exactly `n_bytes` from `offset`. Raises DamagedFileError where the file has fewer."""
        if not 0 <= offset <= self.size - n_bytes:
            raise DamagedFileError(
                f"{n_bytes:,} bytes at {offset:,} are past the end, the file has {self.size:,}"
            )
        pieces = []
        missing = n_bytes
        while missing:  # one call gives at most 2 GiB
            piece = read_at(self._handle, missing, offset)
            if not piece:
                raise DamagedFileError("the file became shorter while it was read")
            pieces.append(piece)
            offset += len(piece)
            missing -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def duplicate(self) -> BinaryIO:
        """The same file at its beginning, for a process that is started; closed by the caller."""
        handle = os.dup(self._handle)
        os.lseek(handle, 0, os.SEEK_SET)
        return os.fdopen(handle, "rb")

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def __del__(self) -> None:
        if getattr(self, "_handle", -1) >= 0:
            self.close()
