"""What a long run has finished, beside its output: after a kill, nothing finished is done again.

::

    line 1         {"journal": 1, "of": {"input": "...", "network": "...", "tile": "256"}}
    each further   [unit, facts] and the CRC-32 of it, for one finished unit: [[3], {"cells": 120}]

A unit is finished when its output is on the disk; its line is written after that, and is on the
disk when `Journal.append` returns. So the last line alone can be torn by a kill, and is left out
then.
"""

from __future__ import annotations

import json
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from loihiseg import locks
from loihiseg.errors import InputError
from loihiseg.files import remove, write_bytes
from partition.storage.files import append_line, make_folder, read_bytes

Unit = tuple[int, ...]
"""A section, or a section and the first row and column of a window in it."""

Fact = int | float | str
"""What a run has to know of a unit that it does not do again."""

_FORMAT = 1
_MOST_BYTES = 2**28
"""Some two million units."""
_LOCK_WAIT_S = 0.5
_SHOWN = 100
"""Characters of a value; a digest has 64."""


class Journal:
    """A journal that is open, see `open_journal`.

    path : of its file.
    done : finished units in the order they were finished, each with what was said of it.
    """

    def __init__(self, path: Path, done: dict[Unit, Mapping[str, Fact]], n_bytes: int) -> None:
        """n_bytes : of the file, without a line that is torn."""
        self.path, self.done, self._n_bytes = path, done, n_bytes

    def append(self, unit: Unit, **facts: Fact) -> None:
        """Say that a unit is finished: its output is on the disk.

        facts : numbers and texts that are given back with `done`.
        Raises InputError where the journal cannot be written; it can be gone on with.
        """
        line = _line(json.dumps([list(unit), facts], allow_nan=False))
        try:
            append_line(self.path, line, self._n_bytes)
        except OSError as error:
            raise InputError(
                f"{self.path}: cannot be written ({error.strerror}); see to space and permissions "
                "there and go on"
            ) from None
        self._n_bytes += len(line)
        self.done[tuple(unit)] = dict(facts)


def journal_path(output: Path) -> Path:
    """Where the journal of an output lies."""
    return output.with_name(f"{output.name}.journal")


@contextmanager
def open_journal(
    path: Path,
    fingerprint: Mapping[str, str],
    *,
    is_begun: bool,
    say: Callable[[str], None] = warnings.warn,
) -> Iterator[Journal]:
    """Open the journal of a run, or begin it, for this process alone.

    After an error in the block it stays, if anything is finished; without, it is removed: the
    output is whole then, or nothing of it is there.

    path : of the journal, see `journal_path`.
    fingerprint : what the output depends on, by name: digests of input and network, options.
    is_begun : whether the output an earlier run wrote into is there. Without it no unit is
        finished, whatever a journal says that lies about. To be asked, and the journal opened,
        before the output is.
    say : told in one line where the file system has no locks; the run then goes on without.

    Raises InputError, also where another process has it open, where the fingerprint is another (it
    says what differs), and where a line but the last is damaged.
    """
    path = Path(path)
    try:
        make_folder(path.parent)
        lock = locks.acquire(path.with_name(f".{path.name}.lock"), _LOCK_WAIT_S, say)
    except locks.LockHeldError as error:
        raise InputError(
            f"{path}: {error} is at work on this output; wait for it, end it, or choose another "
            "name for the output"
        ) from None
    except OSError as error:
        raise InputError(
            f"{path}: cannot be locked ({error.strerror}); choose another place for the output"
        ) from None
    try:
        journal = _opened(path, dict(fingerprint), is_begun)
        finished = False
        try:
            yield journal
            finished = True
        finally:
            if finished or not journal.done:
                remove(path)
    finally:
        locks.release(lock)


def _opened(path: Path, fingerprint: dict[str, str], is_begun: bool) -> Journal:
    data = _read(path) if is_begun else None
    if data is None:
        header = json.dumps({"journal": _FORMAT, "of": fingerprint}).encode("ascii") + b"\n"
        write_bytes(path, header)
        return Journal(path, {}, len(header))
    header, newline, lines = data.partition(b"\n")
    if not newline:
        raise _damaged(path, 1)
    _check_same(path, _fingerprint_of(path, header), fingerprint)
    done, n_bytes = _units(path, lines)
    return Journal(path, done, len(header) + 1 + n_bytes)


def _read(path: Path) -> bytes | None:
    """Its bytes; None if there is none."""
    try:
        return read_bytes(path, _MOST_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); remove it") from None


def _fingerprint_of(path: Path, header: bytes) -> dict[str, str]:
    found = _json(header)
    if not isinstance(found, dict) or not isinstance(found.get("of"), dict):
        raise _damaged(path, 1)
    if found.get("journal") != _FORMAT:
        raise InputError(
            f"{path}: a journal of format {str(found.get('journal'))[:20]}, expected {_FORMAT}; "
            "finish the run with the program that began it, or remove the partial output and this"
        )
    return {str(name): str(value) for name, value in found["of"].items()}


def _check_same(path: Path, before: dict[str, str], now: dict[str, str]) -> None:
    differing = [
        f"{name} was {_shown(before, name)} and is {_shown(now, name)}"
        for name in {**before, **now}
        if before.get(name) != now.get(name)
    ]
    if differing:
        raise InputError(
            f"{path}: the run was begun otherwise: {'; '.join(differing)}; go on with what it was "
            "begun with, or remove the partial output and this file"
        )


def _shown(values: dict[str, str], name: str) -> str:
    if name not in values:
        return "not given"
    text = values[name].encode("ascii", "backslashreplace").decode("ascii").replace("\n", "\\n")
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _units(path: Path, lines: bytes) -> tuple[dict[Unit, Mapping[str, Fact]], int]:
    """Finished units, and bytes of their lines without one that is torn."""
    done: dict[Unit, Mapping[str, Fact]] = {}
    n_bytes = 0
    parts = lines.split(b"\n")
    for number, line in enumerate(parts[:-1], start=2):
        body, _, _ = line.rpartition(b" ")
        found = _json(body)
        if line + b"\n" != _line(body.decode("ascii", "replace")) or not isinstance(found, list):
            if number == len(parts) and not parts[-1]:
                break
            raise _damaged(path, number)
        unit, facts = found
        done[tuple(unit)] = facts
        n_bytes += len(line) + 1
    return done, n_bytes


def _line(body: str) -> bytes:
    data = body.encode("ascii", "replace")
    return data + f" {zlib.crc32(data):08x}\n".encode("ascii")


def _json(data: bytes) -> Any:
    """What JSON says; None if it is none."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _damaged(path: Path, line: int) -> InputError:
    return InputError(
        f"{path}: line {line} is damaged, expected a journal of this program; remove the partial "
        "output and this file"
    )
