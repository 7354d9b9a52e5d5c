"""A journal that survives kills, and believes nothing that is about something else."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from loihiseg.errors import InputError
from loihiseg.running.journal import journal_path, open_journal
from tests.deaths import Death, Died, FullDisk, changes_of, struck

OF = {"input": "a" * 64, "network": "b" * 64, "tile": "256"}


@pytest.fixture
def path(tmp_path):
    return journal_path(tmp_path / "map.tif")


def write(path, units, of=OF, is_begun=True, stop=True):
    """Finish some units, then stop, or end; returns those that were there."""
    try:
        with open_journal(path, of, is_begun=is_begun) as journal:
            before = dict(journal.done)
            for unit in units:
                journal.append(unit, cells=10 * unit[0], of="x")
            if stop:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    return before


def refused(call, *words):
    with pytest.raises(InputError) as error:
        call()
    message = str(error.value)
    assert "\n" not in message and len(message) < 1200
    for word in words:
        assert str(word) in message, message


def test_what_is_finished_is_known_the_next_time(path):
    assert path.name == "map.tif.journal"
    assert write(path, [(3,), (1, 0, 256)]) == {}
    expected = {(3,): {"cells": 30, "of": "x"}, (1, 0, 256): {"cells": 10, "of": "x"}}
    assert write(path, [(2,)]) == expected
    assert list(write(path, [])) == [(3,), (1, 0, 256), (2,)]


def test_it_goes_when_all_is_done_or_nothing_was(path):
    write(path, [(0,)], stop=False)
    assert not list(path.parent.iterdir())
    write(path, [])
    assert not list(path.parent.iterdir())


def test_it_is_not_believed_without_the_output_it_is_about(path):
    write(path, [(0,), (1,)])
    assert write(path, [(5,)], is_begun=False) == {}
    assert list(write(path, [])) == [(5,)]


def test_another_run_is_refused_by_what_differs(path):
    write(path, [(0,)])
    before = path.read_bytes()
    other = {"input": "c" * 64, "tile": "256", "orientations": "8"}
    refused(
        lambda: write(path, [], other),
        path,
        f"input was {'a' * 64} and is {'c' * 64}",
        f"network was {'b' * 64} and is not given",
        "orientations was not given and is 8",
    )
    assert path.read_bytes() == before
    with pytest.raises(InputError) as error:
        write(path, [], other)
    assert "tile" not in str(error.value)


def test_it_is_open_once(path):
    with open_journal(path, OF, is_begun=False) as journal:
        journal.append((0,))
        refused(lambda: write(path, []), path, "is at work on this output")
        journal.append((1,))
    assert not path.exists()


def test_a_torn_last_line_is_left_out_wherever_it_is_torn(path):
    write(path, [(0,), (1,)])
    whole = path.read_bytes()
    start = whole[:-1].rindex(b"\n") + 1
    for end in range(start, len(whole)):
        path.write_bytes(whole[:end])
        assert list(write(path, [(7,)])) == [(0,)]
        assert list(write(path, [])) == [(0,), (7,)]
    # As a power cut may leave it: the length is there, the bytes are not.
    path.write_bytes(whole[:start] + bytes(len(whole) - start))
    assert list(write(path, [])) == [(0,)]


def test_any_other_damage_is_refused_and_named(path):
    write(path, [(0,), (12,), (2,)])
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    last = whole[:-1].rindex(b"\n") + 1
    for at in range(first, last - 1):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        refused(lambda: write(path, []), path, "is damaged")
    for bad in (b"", b"[]\n", b"{}\n", b"\xff\n", whole[: first - 1], b'{"journal": 1}\n'):
        path.write_bytes(bad)
        refused(lambda: write(path, []), path, "line 1 is damaged")
    path.write_bytes(whole.replace(b'"journal": 1', b'"journal": 2'))
    refused(lambda: write(path, []), path, "format 2")


def test_what_is_no_file_is_refused(path):
    os.mkfifo(path)
    refused(lambda: write(path, []), path, "cannot be read")


def test_death_at_each_change_on_disk_loses_at_most_the_last_unit(path, monkeypatch):
    units = [(n,) for n in range(4)]
    done = changes_of(monkeypatch, lambda: write(path, units))
    path.unlink()
    assert len(done) > 10
    for at in range(1, len(done) + 1):
        struck(monkeypatch, Death(at), partial(write, path, units), Died)
        found = list(write(path, []))
        assert found == units[: len(found)]
        # A write that begins after n units leaves n.
        assert len(found) >= done[:at].count("fsync") - 3
        write(path, [unit for unit in units if unit not in found])
        assert list(write(path, [])) == units
        path.unlink()


def told(work, errors):
    """Do some work, and keep what it is refused with."""
    try:
        work()
    except InputError as error:
        errors.append(str(error))


def test_a_full_disk_is_one_line_and_can_be_gone_on_with(path, monkeypatch):
    def fill():
        write(path, [(n,) for n in range(4)])

    done = changes_of(monkeypatch, fill)
    path.unlink()
    for at in range(1, len(done) + 1):
        fate = FullDisk(at)
        errors = []

        struck(monkeypatch, fate, partial(told, fill, errors))
        assert all(str(path) in error and "\n" not in error for error in errors)
        found = list(write(path, [])) if path.exists() else []
        write(path, [(n,) for n in range(len(found), 4)])
        assert list(write(path, [])) == [(n,) for n in range(4)]
        path.unlink()


def test_a_killed_process_leaves_what_it_finished(path):
    script = (
        "import os, sys\nfrom pathlib import Path\n"
        "from loihiseg.running.journal import open_journal\n"
        f"with open_journal(Path(sys.argv[1]), {OF!r}, is_begun=False) as journal:\n"
        "    journal.append((4,), cells=3)\n    os.kill(os.getpid(), 9)\n"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", script, str(path)], cwd=root, check=False)
    assert write(path, []) == {(4,): {"cells": 3}}
