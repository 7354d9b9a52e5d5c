"""Parts of a run, timed and told."""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from loihiseg.progress.lines import InLines
from loihiseg.progress.terminal import OnTerminal
from loihiseg.progress.work import Display, Work
from partition.command_line.command import doing
from partition.command_line.streams import Courtesy
from partition.display.messages import printable
from partition.display.terminal import Console

# As the log has it: the room says what it hears.
_LOG = logging.getLogger("loihiseg.progress")


class Reporter:
    """Says which part of a run is under way, and how long it took.

    Where nobody can read standard error any more, the work goes on. The log hears of everything
    whatever is shown.

    Attributes
    ----------
    seconds : dict of str to float
        Wall time of every finished part, in the order they ran.
    """

    def __init__(self, quiet: bool = False):
        self.console = Console(file=Courtesy(_stream()), quiet=quiet, soft_wrap=True)
        self.seconds: dict[str, float] = {}
        self._display: Display | None = None
        if not quiet:
            on_terminal = self.console.is_terminal
            self._display = OnTerminal(self.console) if on_terminal else InLines(self._print)

    @contextmanager
    def part(self, name: str) -> "Iterator[_Note]":
        """Time a part of a run; the caller may set ``.detail`` on what it gets, for its line."""
        note = _Note()
        start = time.perf_counter()
        _LOG.info("%s begins", name)
        with doing(f"in part {name}"), self._under_way(Work(name)):
            yield note
        self.seconds[name] = time.perf_counter() - start
        line = f"{name:<10} {self.seconds[name]:7.1f} s  {printable(note.detail)}"
        _LOG.info("%s", line)
        self._print(line)

    @contextmanager
    def bar(
        self, label: str, total: int, every: int | None = None
    ) -> Iterator[Callable[..., None]]:
        """Show how far work is; yields a function that advances it by one and may say more.

        Where no terminal is, a line comes after ``every`` steps too.
        """
        work = Work(label, total, every=every)

        def advance(text: str | None = None) -> None:
            work.done += 1
            if text is not None:
                work.text = text
            if self._display is not None:
                self._display.change(work)

        with self._under_way(work):
            yield advance

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Show that work of unknown length is under way."""
        with self._under_way(Work(text)):
            yield

    def say(self, text: str, logged: bool = True) -> None:
        """Print one line."""
        if logged:
            _LOG.info("%s", text)
        self._print(text)

    def _print(self, text: str) -> None:
        self.console.print(printable(text))
        if self._display is not None:
            self._display.spoken()

    @contextmanager
    def _under_way(self, work: Work) -> Iterator[None]:
        if self._display is None:
            yield
            return
        self._display.begin(work)
        try:
            yield
        finally:
            self._display.end(work)


class _Note:
    detail = ""


def _stream() -> TextIO:
    """Standard error; of a terminal another way to it, which stays when native code is kept quiet.

    See `loihiseg.frameworks.native_stderr_off`.
    """
    try:
        if sys.stderr.isatty():
            return os.fdopen(os.dup(sys.stderr.fileno()), "w", errors="backslashreplace")
    except (OSError, ValueError, AttributeError):
        pass
    return sys.stderr
