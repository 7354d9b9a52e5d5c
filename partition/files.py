"""Reading one regular file whole, and writing one so that a kill leaves the old or the new."""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from partition.errors import PartitionError


def read_bytes(path: str | os.PathLike[str], most_bytes: int) -> bytes:
    """The bytes of a regular file, read once.

    Whoever checks a file and then uses it does both on these bytes: the file may have been changed
    in between.

    Parameters
    ----------
    path : path-like
    most_bytes : int
        Size from which the file is refused, before memory is taken for it.

    Raises
    ------
    OSError
        The file cannot be read, is a FIFO, a device or a folder, or is larger; ``strerror`` says
        which.
    """
    # Opening a FIFO would otherwise wait for somebody to write to it.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(handle, "rb") as file:
        status = os.fstat(handle)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "is a FIFO, socket or device, not a file", str(path))
        if status.st_size <= most_bytes:
            # Python takes memory for as much as is asked for, so that is what the file has.
            data = file.read(status.st_size + 1)
            # It may have grown, and those of /proc say that they are empty.
            while len(data) <= most_bytes and (more := file.read(2**16)):
                data += more
            if len(data) <= most_bytes:
                return data
        size = max(status.st_size, most_bytes + 1)
        raise OSError(
            errno.EFBIG, f"has {size:,} bytes, at most {most_bytes:,} are read", str(path)
        )


def replace_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file under a temporary name in its folder, then rename it; folders are made.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        # After the rename there is nothing left of it; after an interrupt there may be.
        with suppress(OSError):
            temporary.unlink()


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """`replace_bytes` whose error names the file.

    Raises
    ------
    PartitionError
        The file cannot be written.
    """
    try:
        replace_bytes(path, data)
    except OSError as error:
        raise PartitionError(f"{path}: cannot be written: {error.strerror}") from error


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """`write_bytes` of a text in UTF-8."""
    write_bytes(path, text.encode("utf-8"))
