"""What is under way, on a terminal: a line each with its time, redrawn in place."""

import sys

from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.text import Text

from loihiseg.progress.work import Work, duration
from partition.display.messages import printable
from partition.display.terminal import Console

REDRAWN_HZ = 4.0

SWITCH_S = 2e-4
"""Time after which a thread asks for the interpreter while a display is drawn.

Many small operations of numpy let go of it and take it back so soon that a thread that waits is
woken for nothing, and does not come to ask: with Python's own 5 ms it waited for 4 s at a stretch.
"""


class OnTerminal:
    """A display of rich's."""

    def __init__(self, console: Console):
        self._console = console
        self._progress: Progress | None = None
        self._tasks: list[tuple[Work, TaskID]] = []
        self._switch_s = SWITCH_S

    def begin(self, work: Work) -> None:
        """See `Display`."""
        if self._progress is None:
            self._progress = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                _Times(),
                console=self._console,
                transient=True,
                refresh_per_second=REDRAWN_HZ,
            )
            self._progress.start()
            self._switch_s = sys.getswitchinterval()
            sys.setswitchinterval(SWITCH_S)
        # A part and the bar in it are often of one name: the bar says more.
        self._show_outer(work.label, False)
        task = self._progress.add_task(printable(work.label), total=work.total, work=work)
        self._tasks.append((work, task))

    def change(self, work: Work) -> None:
        """See `Display`."""
        assert self._progress is not None
        self._progress.update(self._task(work), completed=work.done)

    def end(self, work: Work) -> None:
        """See `Display`."""
        assert self._progress is not None
        self._progress.remove_task(self._task(work))
        self._tasks = [pair for pair in self._tasks if pair[0] is not work]
        self._show_outer(work.label, True)
        if not self._tasks:
            sys.setswitchinterval(self._switch_s)
            self._progress.stop()
            self._progress = None

    def spoken(self) -> None:
        """Lines are printed above it."""

    def _show_outer(self, label: str, shown: bool) -> None:
        assert self._progress is not None
        if self._tasks and self._tasks[-1][0].label == label:
            self._progress.update(self._tasks[-1][1], visible=shown)

    def _task(self, work: Work) -> TaskID:
        return next(task for own, task in self._tasks if own is work)


class _Times(ProgressColumn):
    """How far, how long so far, how long yet."""

    max_refresh = None

    def render(self, task: Task) -> Text:
        work: Work = task.fields["work"]
        parts = [] if work.total is None else [f"{work.done}/{work.total}"]
        parts.append(duration(work.elapsed_s))
        if (left := work.left_s) is not None:
            parts.append(f"{duration(left)} left")
        return Text("  ".join([*parts, *([printable(work.text)] if work.text else [])]))
