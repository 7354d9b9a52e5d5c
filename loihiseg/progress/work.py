"""What is under way: parts of a run, within each other."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


@dataclass
class Work:
    """One thing that is under way.

    Attributes
    ----------
    label : str
    total : int or None
        How many steps it has; None where nobody knows.
    done : int
    text : str
        What is said beside it.
    every : int or None
        Steps after which a line says so where no terminal is, see `loihiseg.progress.lines`.
    clock : callable
        Seconds.
    began : float
        Of the clock.
    """

    label: str
    total: int | None = None
    done: int = 0
    text: str = ""
    every: int | None = None
    clock: Callable[[], float] = time.monotonic
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.clock()

    @property
    def elapsed_s(self) -> float:
        """Time since it began, s."""
        return self.clock() - self.began

    @property
    def left_s(self) -> float | None:
        """Time that what is left will take, at the pace so far, s; None where nobody knows."""
        if not self.total or not self.done:
            return None
        return self.elapsed_s / self.done * max(self.total - self.done, 0)

    @property
    def words(self) -> str:
        """In a line."""
        if self.total is None:
            said = f"{self.label}: {duration(self.elapsed_s)} so far"
        else:
            said = f"{self.label}: {self.done} of {self.total}, {duration(self.elapsed_s)} so far"
        if (left := self.left_s) is not None:
            said += f", {duration(left)} left"
        return f"{said}; {self.text}" if self.text else said


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class Display(Protocol):
    """Shows what is under way, the innermost last."""

    def begin(self, work: Work) -> None:
        """Show something more."""

    def change(self, work: Work) -> None:
        """Show how far it is."""

    def end(self, work: Work) -> None:
        """Show it no more."""

    def spoken(self) -> None:
        """A line was printed beside it."""
