"""What a command says while it works: stages and progress bars, on standard error."""

import sys
import time
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Reporter:
    """Says which stage runs and how long it took. Bars are shown on a terminal only.

    Attributes
    ----------
    seconds : dict of str to float
        Wall time of every finished stage, in the order they ran.
    """

    def __init__(self, quiet: bool = False):
        self.console = Console(file=sys.stderr, quiet=quiet, highlight=False, soft_wrap=True)
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str):
        """Time a stage; the caller may set ``.detail`` on what it gets, for the closing line."""
        note = _Note()
        start = time.perf_counter()
        yield note
        self.seconds[name] = time.perf_counter() - start
        self.console.print(f"{name:<10} {self.seconds[name]:7.1f} s  {note.detail}", markup=False)

    @contextmanager
    def bar(self, label: str, total: int):
        """A progress bar; yields a function that advances it by one and may change its text."""
        progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[text]}"),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        with progress:
            task = progress.add_task(label, total=total, text="")

            def advance(text: str | None = None):
                fields = {} if text is None else {"text": text}
                progress.update(task, advance=1, **fields)

            yield advance

    @contextmanager
    def waiting(self, text: str):
        """Shows that work of unknown length is under way, on a terminal only."""
        if self.console.quiet or not self.console.is_terminal:
            yield
            return
        with self.console.status(text):
            yield

    def say(self, text: str) -> None:
        """Print one line."""
        self.console.print(text, markup=False)


class _Note:
    detail = ""
