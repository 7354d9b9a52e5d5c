"""What a command says while it works, on standard error and in its log: parts, progress bars."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from partition.command_line.command import doing
from partition.command_line.streams import Courtesy
from partition.display.messages import printable
from partition.display.terminal import Console

_LOG = logging.getLogger(__name__)


class Reporter:
    """Says which part of a run is done and how long it took. Bars are shown on a terminal only.

    Where nobody can read standard error any more, the work goes on. The log hears of everything
    whatever is shown.

    Attributes
    ----------
    seconds : dict of str to float
        Wall time of every finished part, in the order they ran.
    """

    def __init__(self, quiet: bool = False):
        self.console = Console(file=Courtesy(sys.stderr), quiet=quiet, soft_wrap=True)
        self.seconds: dict[str, float] = {}

    @contextmanager
    def part(self, name: str) -> "Iterator[_Note]":
        """Time a part of a run; the caller may set ``.detail`` on what it gets, for its line."""
        note = _Note()
        start = time.perf_counter()
        _LOG.info("%s begins", name)
        with doing(f"in part {name}"):
            yield note
        self.seconds[name] = time.perf_counter() - start
        line = f"{name:<10} {self.seconds[name]:7.1f} s  {printable(note.detail)}"
        _LOG.info("%s", line)
        self.console.print(line)

    @contextmanager
    def bar(self, label: str, total: int) -> Iterator[Callable[..., None]]:
        """A progress bar; yields a function that advances it by one and may change its text."""
        progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[text]}", markup=False),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        with progress:
            task = progress.add_task(label, total=total, text="")

            def advance(text: str | None = None) -> None:
                fields: dict[str, Any] = {} if text is None else {"text": text}
                progress.update(task, advance=1, **fields)

            yield advance

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Shows that work of unknown length is under way, on a terminal only."""
        if self.console.quiet or not self.console.is_terminal:
            yield
            return
        with self.console.status(Text(printable(text))):
            yield

    def say(self, text: str, logged: bool = True) -> None:
        """Print one line."""
        if logged:
            _LOG.info("%s", text)
        self.console.print(printable(text))


class _Note:
    detail = ""
