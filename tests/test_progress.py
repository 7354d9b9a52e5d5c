"""Nobody waits before a silent terminal: what is under way is shown, or said in lines."""

import io
import sys
import threading
import time

import pytest

from loihiseg.progress import Reporter, lines
from loihiseg.progress import reporter as reporter_module
from loihiseg.progress.lines import InLines
from loihiseg.progress.terminal import SWITCH_S, OnTerminal
from loihiseg.progress.work import Work, duration
from partition.display.terminal import Console


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    "seconds, said",
    [
        (0.2, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (754, "12 min 34 s"),
        (7500, "2 h 05 min"),
    ],
)
def test_durations(seconds, said):
    assert duration(seconds) == said


def test_what_is_left_follows_from_the_pace():
    clock = Clock()
    work = Work("training", 40, clock=clock)
    assert work.left_s is None
    clock.now += 30
    work.done, work.text = 10, "epoch 1"
    assert (work.elapsed_s, work.left_s) == (30, 90)
    assert work.words == "training: 10 of 40, 30 s so far, 1 min 30 s left; epoch 1"
    assert Work("build", clock=clock).words == "build: 0 s so far"
    work.done = 41
    assert work.left_s == 0


def test_without_a_terminal_a_line_comes_when_none_was_printed():
    said = []
    display = InLines(lambda line: said.append((time.monotonic(), line)), 0.05)
    outer, inner = Work("build"), Work("emulate", 8)
    begun = time.monotonic()
    display.begin(outer)
    display.begin(inner)
    inner.done = 2
    time.sleep(0.4)
    display.end(inner)
    display.end(outer)
    ended = len(said)
    assert 2 <= ended <= 8 and all("emulate: 2 of 8" in line for _, line in said)
    assert said[0][0] - begun >= 0.05
    time.sleep(0.15)
    assert len(said) == ended and display._thread is None


def test_lines_of_others_put_it_off():
    said = []
    display = InLines(said.append, 0.3)
    display.begin(Work("build"))
    for _ in range(12):
        time.sleep(0.05)
        display.spoken()
    assert said == []
    display.end(display._works[0])


def test_threads_end_with_what_was_under_way():
    before = threading.active_count()
    display = InLines(lambda line: None, 60)
    for _ in range(3):
        work = Work("build")
        display.begin(work)
        display.end(work)
    assert threading.active_count() == before


def test_a_terminal_shows_the_innermost_of_one_name_once():
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80)
    display = OnTerminal(console)
    part, bar = Work("emulate"), Work("emulate", 4)
    display.begin(part)
    display.begin(bar)
    bar.done = 3
    display.change(bar)
    display._progress.refresh()
    shown = stream.getvalue()[-400:]
    assert "3/4" in shown
    display.end(bar)
    display.end(part)
    assert display._progress is None
    # Names come from files: they are text.
    other = Work("[red]\x1b[31m")
    display.begin(other)
    display._progress.refresh()
    display.end(other)
    assert "[red]\\x1b[31m" in stream.getvalue()


def test_a_terminal_is_drawn_while_the_interpreter_is_busy():
    """Threads ask for it sooner while something is shown, and as before when nothing is."""
    before = sys.getswitchinterval()
    display = OnTerminal(Console(file=io.StringIO(), force_terminal=True))
    outer, inner = Work("build"), Work("blocks")
    display.begin(outer)
    display.begin(inner)
    assert sys.getswitchinterval() == pytest.approx(SWITCH_S)
    display.end(inner)
    assert sys.getswitchinterval() == pytest.approx(SWITCH_S)
    display.end(outer)
    assert sys.getswitchinterval() == pytest.approx(before)


def test_an_error_leaves_nothing_under_way(capfd):
    reporter = Reporter()
    with pytest.raises(ValueError), reporter.part("build"), reporter.bar("build", 3) as advance:
        advance("one")
        raise ValueError
    assert reporter._display._works == [] and "build" not in reporter.seconds


def test_a_run_in_a_pipe_says_where_it_is(capfd, monkeypatch):
    monkeypatch.setattr(reporter_module, "InLines", lambda say: InLines(say, 0.05))
    reporter = Reporter()
    with reporter.part("build") as note, reporter.bar("blocks", 4) as advance:
        advance()
        time.sleep(0.2)
        note.detail = "4 blocks"
    lines = capfd.readouterr().err.splitlines()
    assert any(line.startswith("blocks: 1 of 4") for line in lines)
    assert lines[-1].startswith("build ") and lines[-1].endswith("4 blocks")


def test_quiet_is_quiet(capfd):
    reporter = Reporter(quiet=True)
    with reporter.part("build"), reporter.bar("blocks", 1) as advance, reporter.waiting("cut"):
        advance()
    assert capfd.readouterr() == ("", "") and "build" in reporter.seconds


def test_work_may_end_before_it_is_watched():
    """Else its end would wait for the next line."""
    display = InLines(print, 1e9)
    watch = threading.Thread(target=display._watch, daemon=True)
    watch.start()
    watch.join(20)
    assert not watch.is_alive()


def test_parts_of_work_are_told_of_in_a_pipe(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(lines.time, "monotonic", clock)
    said = []
    display = InLines(said.append, 1e9)
    work = Work("training", 40, every=4, clock=clock)
    display.begin(work)
    for done in range(1, 21):
        clock.now += 0.5
        work.done = done
        display.change(work)
    monkeypatch.undo()
    display.end(work)
    assert [line.split(",")[0] for line in said] == [
        f"training: {done} of 40" for done in (4, 8, 12, 16, 20)
    ]


def test_quick_parts_are_told_of_once_a_second(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(lines.time, "monotonic", clock)
    said = []
    display = InLines(said.append, 1e9)
    work = Work("training", 1000, every=1, clock=clock)
    display.begin(work)
    for done in range(1, 101):
        clock.now += 0.1
        work.done = done
        display.change(work)
    monkeypatch.undo()
    display.end(work)
    assert 9 <= len(said) <= 10
