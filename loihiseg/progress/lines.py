"""What is under way, where no terminal is: a line when none has been printed for a while.

Work that has parts, as a training has epochs, also says so at every tenth of one.
"""

import threading
import time
from collections.abc import Callable

from loihiseg.progress.work import Work

SILENT_S = 30.0
"""Longest time without a line."""

APART_S = 1.0
"""Least time between lines that a number of steps asks for: quick work is not told of so often."""


class InLines:
    """A display that prints.

    Parameters
    ----------
    say : callable
        Prints a line.
    silent_s : float
        Longest time without one, s.
    """

    def __init__(self, say: Callable[[str], None], silent_s: float = SILENT_S):
        self._say, self._silent_s = say, silent_s
        self._works: list[Work] = []
        self._changed = threading.Condition()
        self._spoken_at = time.monotonic()
        self._thread: threading.Thread | None = None

    def begin(self, work: Work) -> None:
        """See `Display`."""
        with self._changed:
            if not self._works:
                self._spoken_at = time.monotonic()
            self._works.append(work)
            if self._thread is None:
                # It ends by itself when nothing is under way, and with the process.
                self._thread = threading.Thread(target=self._watch, daemon=True)
                self._thread.start()

    def change(self, work: Work) -> None:
        """The next line says so, which comes now where enough steps are done."""
        if not work.every or work.done % work.every:
            return
        with self._changed:
            if time.monotonic() < self._spoken_at + APART_S:
                return
            self._spoken_at = time.monotonic()
        self._say(work.words)

    def end(self, work: Work) -> None:
        """See `Display`."""
        with self._changed:
            self._works = [one for one in self._works if one is not work]
            if self._works:
                return
            thread, self._thread = self._thread, None
            self._changed.notify_all()
        if thread is not None:
            thread.join()

    def spoken(self) -> None:
        """See `Display`."""
        self._spoken_at = time.monotonic()

    def _watch(self) -> None:
        while True:
            with self._changed:
                # What ended before this thread was here told it so in vain.
                if not self._works:
                    return
                left = self._spoken_at + self._silent_s - time.monotonic()
                if left > 0:
                    self._changed.wait(left)
                if not self._works:
                    return
                if time.monotonic() < self._spoken_at + self._silent_s:
                    continue
                words = self._works[-1].words
                self._spoken_at = time.monotonic()
            self._say(words)
