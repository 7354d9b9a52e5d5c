"""What one operating system has and another lacks, in one place.

Linux is what is tested. On macOS and Windows the parts below stand in for what is missing; nobody
has run them there, and what they leave out is said with each. Everything else of both packages asks
here, but for two files that are run by their path and import nothing of ours
(``loihiseg/conversion/keras_file/hdf5_map.py``, ``loihiseg/data/readers/hdf5/describe.py``): where
there is no module ``resource`` they set no limits, so that only the time by the clock is limited.
"""

import os
import platform
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

NO_WAIT = getattr(os, "O_NONBLOCK", 0)
"""Opens a FIFO without waiting for its other end; Windows has none in its folders."""

CLOSED_IN_CHILDREN = getattr(os, "O_CLOEXEC", getattr(os, "O_NOINHERIT", 0))
"""Windows' own name for it is the second."""

AS_BYTES = getattr(os, "O_BINARY", 0)
"""Without it Windows changes the ends of lines."""

OF_FILES = CLOSED_IN_CHILDREN | AS_BYTES
"""Flags of every file that is opened by `os.open`."""

OF_FOLDERS = CLOSED_IN_CHILDREN | os.O_DIRECTORY if hasattr(os, "O_DIRECTORY") else None
"""Flags of a folder that is opened to be brought to the disk; None where none can be."""

ENDS_SLOWLY = tuple(
    -getattr(signal, name) for name in ("SIGXCPU", "SIGKILL") if hasattr(signal, name)
)
"""Exit statuses of a process that has used up its time."""


def node_name() -> str:
    """This machine's name on its network; may be empty."""
    return platform.node()


def is_own(status: os.stat_result) -> bool:
    """Whether a file belongs to the user of this process; Windows does not say, so it does."""
    return not hasattr(os, "geteuid") or status.st_uid == os.geteuid()


def is_running(process: int) -> bool:
    """Whether there is a process of this number; where it cannot be asked without harm, yes.

    On Windows `os.kill` would end it.
    """
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def read_at(handle: int, count: int, offset: int) -> bytes:
    """At most so many bytes from a place in a file; moves the place of reading where it must."""
    if hasattr(os, "pread"):
        return os.pread(handle, count, offset)
    os.lseek(handle, offset, os.SEEK_SET)
    return os.read(handle, count)


def read_into(handle: int, buffer: memoryview, offset: int) -> int:
    """Bytes read from a place in a file into a buffer, which may be fewer than it has room for."""
    if hasattr(os, "preadv"):
        return os.preadv(handle, [buffer], offset)
    found = read_at(handle, len(buffer), offset)
    buffer[: len(found)] = found
    return len(found)


def write_at(handle: int, data: "bytes | memoryview", offset: int) -> int:
    """Bytes that were written to a place in a file, which may be fewer than all."""
    if hasattr(os, "pwrite"):
        return os.pwrite(handle, data, offset)
    os.lseek(handle, offset, os.SEEK_SET)
    return os.write(handle, data)


def bytes_on_disk(status: os.stat_result) -> int:
    """Space that a file takes; its length where that is not said."""
    blocks: int | None = getattr(status, "st_blocks", None)
    return status.st_size if blocks is None else 512 * blocks


def file_of_no_name(name: str) -> BinaryIO:
    """A file for a child to read, in memory where there are such, else a temporary one."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create(name), "w+b")
    return tempfile.TemporaryFile()  # type: ignore[return-value]  # it gives a wrapper of one


def n_cores() -> int:
    """Cores that this process may use, as far as the system says."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_bytes() -> int | None:
    """Memory of this machine; None where it is not said."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def peak_memory_bytes() -> int:
    """Most memory that this process has had; 0 on Windows."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts KiB, macOS bytes.
    return peak if sys.platform == "darwin" else 1024 * peak


def stop_signals() -> dict[int, str]:
    """Signals that end a run in order, each with what it does; Windows has no SIGHUP."""
    words = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "hung up"}
    return {getattr(signal, name): word for name, word in words.items() if hasattr(signal, name)}


def has_alarm() -> bool:
    """Whether a signal comes after a time; without it an exception that was lost stays so."""
    return hasattr(signal, "SIGALRM") and hasattr(signal, "setitimer")


@contextmanager
def stops_held_back() -> Iterator[None]:
    """Ctrl-C and SIGHUP wait, for this process and those that it starts; nothing on Windows."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def without_output() -> Iterator[None]:
    """Nothing arrives at standard output meanwhile, not even of libraries that are not Python.

    That is so for all threads of the process: for what takes no time alone.
    """
    sys.stdout.flush()
    try:
        kept = os.dup(1)
    except OSError:  # it is closed, so nothing arrives
        yield
        return
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY | OF_FILES)
        os.dup2(nowhere, 1)
        os.close(nowhere)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
