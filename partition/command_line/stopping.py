"""Ctrl-C, SIGTERM and SIGHUP: each raises an exception, so that what is open is put in order."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from partition.system import has_alarm, stop_signals

AGAIN_S = 0.5
"""Seconds after which a lost exception is raised again."""

_WORDS = stop_signals()


class Stopped(KeyboardInterrupt):
    """The process was told to stop; the message says how.

    Attributes
    ----------
    exit_code : int
        128 and the number of the signal, as a shell shows it.
    """

    def __init__(self, number: int):
        super().__init__(_WORDS[signal.Signals(number)])
        self.exit_code = 128 + number

    def add(self, words: str) -> None:
        """Have the message end with more words."""
        self.args = (f"{self}{words}",)


class Stops:
    """Which signal has come.

    Attributes
    ----------
    stopped : Stopped or None
        What was raised for it.
    """

    stopped: Stopped | None = None


@contextmanager
def stops_arrive() -> Iterator[Stops]:
    """Raise `Stopped` for each signal, and once more if it is lost.

    Python drops an exception that is raised while it clears away objects, as TensorFlow makes it do
    all the time. A signal that is ignored, as SIGHUP under nohup, stays so. Does nothing outside
    the main thread, where no signal arrives.
    """
    stops = Stops()
    if threading.current_thread() is not threading.main_thread():
        yield stops
        return

    def first(number: int, _: FrameType | None) -> None:
        stops.stopped = Stopped(number)
        _once_more()
        raise stops.stopped

    def again(*_: object) -> None:
        _once_more()
        if stops.stopped is not None and not _handled(stops.stopped):
            raise stops.stopped

    heard = [n for n in _WORDS if signal.getsignal(n) is not signal.SIG_IGN]
    before = {n: signal.signal(n, first) for n in heard}
    if has_alarm():
        before[signal.SIGALRM] = signal.signal(signal.SIGALRM, again)
    try:
        yield stops
    finally:
        _once_more(0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _once_more(after_s: float = AGAIN_S) -> None:
    """Have the alarm come after a time, or with 0 not at all."""
    if has_alarm():
        signal.setitimer(signal.ITIMER_REAL, after_s)


def _handled(stopped: Stopped) -> bool:
    """Whether files and folders are being put in order for it right now."""
    return stop_behind(sys.exception()) is stopped


def stop_behind(error: BaseException | None) -> Stopped | None:
    """The stop that an error is, or came of: a library may make another error of one."""
    seen = 0
    while error is not None and not isinstance(error, Stopped) and seen < 100:
        error, seen = error.__context__, seen + 1
    return error if isinstance(error, Stopped) else None
