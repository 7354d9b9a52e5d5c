"""Reading one regular file whole, and writing one so that a kill leaves the old or the new.

Every change on disk goes through this module, in the order that also outlives a power cut: a file's
bytes reach the disk before its name does, and the name before the function returns. What a killed
process leaves are files under temporary names, which `sweep` knows and removes.
"""

import errno
import os
import re
import secrets
import stat
import time
from contextlib import suppress
from pathlib import Path

from partition.core.errors import PartitionError
from partition.system import NO_WAIT, OF_FILES, OF_FOLDERS, is_own, is_running, node_name

TEMPORARY = re.compile(
    r"\..*\.(?P<host>[\w-]+)\.(?P<process>\d{1,10})\.[0-9a-f]{8}\.part", re.ASCII
)
"""Names of what is being written: whose, on which machine, by which process."""

OLDEST_S = 24 * 3600.0
"""Age from which a temporary file is left over, whoever made it: writing one takes seconds."""

_CANNOT_SYNC = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EBADF}
"""What file systems say that write at once, or have no such thing for folders."""


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
    handle = os.open(path, os.O_RDONLY | NO_WAIT | OF_FILES)
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

    When it returns, file and name are on the disk. After an error or a kill the old file, or none,
    is there whole.

    Parameters
    ----------
    path : path-like
        A link of this name is replaced, not followed.
    data : bytes

    Raises
    ------
    OSError
        The file cannot be written, or is a FIFO, a device or a folder.
    """
    path = Path(path)
    _check_replaceable(path)
    make_folder(path.parent)
    temporary = temporary_path(path)
    try:
        _write_new(temporary, data)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    sync_folder(path.parent)


def _check_replaceable(path: Path) -> None:
    """Refuse what a rename would take away from others, such as /dev/null."""
    with suppress(FileNotFoundError):
        kind = os.stat(path).st_mode
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(kind):
            raise OSError(errno.EINVAL, "is a FIFO, socket or device, not a file", str(path))


def _write_new(path: Path, data: bytes) -> None:
    """Write a file that must not be there yet, down to the disk."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | OF_FILES, 0o666)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(handle, rest) :]
        _sync(handle)
    finally:
        os.close(handle)


def temporary_path(path: Path) -> Path:
    """A name that nobody else takes, in the folder of a path, for what is to become it."""
    # A name has at most 255 bytes; what the temporary one keeps of it is for people.
    kept = path.name[:30]
    return path.with_name(f".{kept}.{_host()}.{os.getpid()}.{secrets.token_hex(4)}.part")


def _host() -> str:
    """This machine, as temporary names have it."""
    return re.sub(r"[^A-Za-z0-9-]", "-", node_name())[:40] or "-"


def make_folder(path: str | os.PathLike[str], mode: int = 0o777) -> None:
    """Make a folder and the parents it lacks, down to the disk.

    Parameters
    ----------
    path : path-like
    mode : int
        Permissions of what is made, before the user's mask is taken off.

    Raises
    ------
    OSError
        It cannot be made.
    """
    path = Path(path)
    if path.is_dir():
        return
    if path.parent != path:
        make_folder(path.parent, mode)
    if not make_new_folder(path, mode) and not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))


def make_new_folder(path: Path, mode: int = 0o777) -> bool:
    """Make a folder, down to the disk; False if something of its name is there.

    Raises
    ------
    OSError
        It cannot be made.
    """
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        return False
    sync_folder(path.parent)
    return True


def remove_file(path: str | os.PathLike[str]) -> None:
    """Remove a file, if it is there, down to the disk.

    Raises
    ------
    OSError
        It cannot be removed.
    """
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    sync_folder(Path(path).parent)


def move_files(source: Path, target: Path, last: str) -> None:
    """Move all files of a folder into another on the same file system; it is removed then.

    The file named ``last`` is removed from the target before any other is replaced, and moved
    when all others are there: where it is, they are those that belong to it.

    Raises
    ------
    OSError
        A file cannot be moved.
    """
    names = sorted(os.listdir(source), key=lambda name: (name == last, name))
    remove_file(target / last)
    for name in names:
        if name == last:
            sync_folder(target)
        os.replace(source / name, target / name)
    sync_folder(target)
    os.rmdir(source)


def rename(source: Path, target: Path) -> None:
    """Rename a file or folder, down to the disk; a file of the new name is replaced.

    Raises
    ------
    OSError
        It cannot be renamed.
    """
    os.replace(source, target)
    sync_folder(target.parent)


def sync_file(path: Path) -> None:
    """Bring the bytes of a file to the disk, whoever wrote them.

    Raises
    ------
    OSError
        The disk failed.
    """
    handle = os.open(path, os.O_RDONLY | OF_FILES)
    try:
        _sync(handle)
    finally:
        os.close(handle)


def append_line(path: Path, line: bytes, size: int) -> None:
    """Cut a file to a size and write a line behind it, down to the disk.

    Parameters
    ----------
    path : Path
        Of a file that is there.
    line : bytes
        With its newline.
    size : int
        Bytes that are kept of what is there: without what a full disk or a kill left of a line.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    handle = os.open(path, os.O_WRONLY | OF_FILES)
    try:
        os.ftruncate(handle, size)
        os.lseek(handle, size, os.SEEK_SET)
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(handle, rest) :]
        _sync(handle)
    finally:
        os.close(handle)


def sync_folder(path: Path) -> None:
    """Bring the names in a folder to the disk, where that can be asked for.

    Raises
    ------
    OSError
        The disk failed.
    """
    if OF_FOLDERS is None:
        return
    try:
        handle = os.open(path, os.O_RDONLY | OF_FOLDERS)
    except PermissionError:
        return  # It may be written but not listed.
    try:
        _sync(handle)
    finally:
        os.close(handle)


def _sync(handle: int) -> None:
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise


def sweep(folder: str | os.PathLike[str]) -> None:
    """Remove what killed processes left under temporary names in a folder.

    Only what is the user's own, under a name of `TEMPORARY`, and made on this machine by a process
    that is no more, or long ago. What cannot be removed stays.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in list(entries):
            with suppress(OSError):
                if _is_left_over(entry):
                    remove_temporary(entry.path)


def remove_temporary(path: str | os.PathLike[str]) -> None:
    """Remove a file, or a folder of files, that was written for the while.

    Raises
    ------
    OSError
        It cannot be removed.
    """
    if stat.S_ISDIR(os.lstat(path).st_mode):
        for name in os.listdir(path):
            os.unlink(Path(path) / name)
        os.rmdir(path)
    else:
        os.unlink(path)


def _is_left_over(entry: os.DirEntry[str]) -> bool:
    name = TEMPORARY.fullmatch(entry.name)
    if name is None:
        return False
    status = entry.stat(follow_symlinks=False)
    if not is_own(status):
        return False
    if time.time() - status.st_mtime > OLDEST_S:
        return True
    return name["host"] == _host() and not is_running(int(name["process"]))


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
