"""One writer at a time: locks of run folders and of kept programs.

The operating system holds a lock for as long as its process lives, so that a kill lets go of it.
The file it is held on is hidden, says who holds it, and goes when the lock is let go; one that a
killed process left holds nothing.
"""

import errno
import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from loihiseg.errors import OUT, OptionError
from loihiseg.files import new_folder, writable_folder
from partition.storage.files import read_bytes, remove_file, sweep
from partition.system import node_name, write_at

LOCK_NAME = ".lock"

RUN_FOLDER_WAIT_S = 0.5
"""Long enough for one who is just leaving, short enough for a user to see at once what is wrong."""

_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EINVAL}
"""What file systems without locks say."""


class LockHeldError(Exception):
    """Somebody else holds a lock; the message says who."""


@contextmanager
def run_folder(
    out: str | os.PathLike[str] | None, stem: str, say: Callable[[str], None] = warnings.warn
) -> Iterator[Callable[[], Path]]:
    """See that a run can be kept, and hold the folder it is kept in.

    Parameters
    ----------
    out : path-like or None
        Held from now on. None for the next free ``runs/STEM-N``.
    stem : str
    say : callable
        As for `locked_folder`.

    Yields
    ------
    callable
        Returns the folder. Where none was given it makes one, so that a run that fails before
        leaves none; to be called once then.

    Raises
    ------
    InputError
        If another process holds it, or it cannot be written.
    """
    with ExitStack() as held:
        if out:
            folder = held.enter_context(locked_folder(out, say))
            yield lambda: folder
        else:
            parent = writable_folder(Path("runs"))
            yield lambda: held.enter_context(locked_folder(new_folder(parent, stem), say))


@contextmanager
def locked_folder(
    folder: str | os.PathLike[str], say: Callable[[str], None] = warnings.warn
) -> Iterator[Path]:
    """Make a run folder, hold it for this process alone, and sweep what a killed one left in it.

    Parameters
    ----------
    folder : path-like
    say : callable
        Told in one line where the file system has no locks; the run then goes on without.

    Raises
    ------
    InputError
        If another process holds it, or it cannot be written.
    """
    folder = writable_folder(Path(folder))
    try:
        lock = acquire(folder / LOCK_NAME, RUN_FOLDER_WAIT_S, say)
    except LockHeldError as error:
        raise OptionError(
            f"{folder}: {error} is at work in this folder; wait for it, end it, or choose another ",
            OUT,
        ) from None
    except OSError as error:
        raise OptionError(
            f"{folder}: cannot be locked ({error.strerror}); choose another ", OUT
        ) from None
    try:
        sweep(folder)
        yield folder
    finally:
        release(lock)


def acquire(path: Path, wait_s: float, say: Callable[[str], None]) -> FileLock | None:
    """Take a lock, to be given to `release`; None where the file system has none.

    Parameters
    ----------
    path : Path
        Of the file it is held on.
    wait_s : float
        Time to wait for another holder, s.
    say : callable
        Told in one line where the file system has no locks.

    Raises
    ------
    LockHeldError
        If another process, or another part of this one, still holds it.
    OSError
        If the file cannot be made.
    """
    lock = FileLock(path, timeout=wait_s, on_acquired=_sign)
    try:
        lock.acquire()
        return lock
    except Timeout:
        raise LockHeldError(holder(path)) from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        with suppress(OSError):
            os.unlink(path)
        say(
            f"{path.parent}: this file system has no locks ({error.strerror}); see to it that no "
            "second run writes there"
        )
        return None


def release(lock: FileLock | None) -> None:
    """Let a lock go and remove its file."""
    if lock is None:
        return
    try:
        # While it is held: whoever opened the file before finds it gone and makes another.
        with suppress(OSError):
            remove_file(lock.lock_file)
    finally:
        lock.release()


def holder(path: Path) -> str:
    """Who holds a lock, as far as its file says."""
    with suppress(OSError):
        text = read_bytes(path, 1000).decode("ascii", "replace")
        if re.fullmatch(r"process \d{1,10} on [\w.-]{1,64}\n", text, re.ASCII):
            return text.strip()
    return "another process"


def _sign(handle: int) -> None:
    os.ftruncate(handle, 0)
    host = re.sub(r"[^\w.-]", "-", node_name(), flags=re.ASCII)[:64] or "-"
    write_at(handle, f"process {os.getpid()} on {host}\n".encode(), 0)
