"""Standard input, output and error as a command may find them: closed, full, without a reader."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from partition.core.errors import PartitionError

NO_READER = 141
"""Exit code when nobody reads standard output any more: 128 + SIGPIPE, as a shell shows it."""


class OutputError(PartitionError):
    """Standard output cannot be written."""

    exit_code = 1


class NoReaderError(OutputError):
    """Whoever read standard output has left: no fault, and nothing more to say."""

    exit_code = NO_READER


def open_all() -> None:
    """Open what of the three standard streams was closed.

    Otherwise the next file that is opened gets the number 1 or 2, and what a library prints goes
    into it. Writing to an output that was closed fails all the same.
    """
    for number, flags in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_RDWR)):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is taken, and those below are open by now.
            os.open(os.devnull, flags)
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False, errors="backslashreplace")
    if getattr(sys.stdout, "errors", None) == "strict" and hasattr(sys.stdout, "reconfigure"):
        # A name that the terminal's encoding does not have is no reason to fail.
        sys.stdout.reconfigure(errors="backslashreplace")


@contextmanager
def standard_output() -> Iterator[None]:
    """What is printed inside has arrived when this ends.

    Raises
    ------
    OutputError
        It cannot be written; `NoReaderError` if it is a pipe that nobody reads.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _lose(sys.stdout)
        raise NoReaderError("standard output: nobody reads it") from None
    except OSError as error:
        if error.filename is not None:
            raise
        _lose(sys.stdout)
        reason = "is closed" if error.errno == errno.EBADF else error.strerror
        raise OutputError(f"standard output: cannot be written: {reason}") from None


def say(line: str) -> None:
    """Print a line on standard error; where nobody can read it, go on without."""
    try:
        print(line, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        _lose(sys.stderr)


def flush_errors() -> None:
    """Write what is left for standard error, so that Python does not fail to when it ends."""
    try:
        sys.stderr.flush()
    except (OSError, ValueError):
        _lose(sys.stderr)


def _lose(stream: object) -> None:
    """Send what a stream still holds nowhere: Python would complain of it when it ends."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())  # type: ignore[attr-defined]
        os.close(nowhere)


class Courtesy:
    """A stream for progress: when it cannot be written any more, nothing is said, and no one fails.

    Everything but writing is that of the stream it stands for.
    """

    def __init__(self, stream: object):
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, or lose the text."""
        with suppress(OSError, ValueError):
            self._stream.write(text)  # type: ignore[attr-defined]
        return len(text)

    def flush(self) -> None:
        """Flush, or lose what is left."""
        try:
            self._stream.flush()  # type: ignore[attr-defined]
        except (OSError, ValueError):
            _lose(self._stream)
