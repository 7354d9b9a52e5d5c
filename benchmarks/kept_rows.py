"""Rows of a benchmark that are kept: each a JSON file, made once, and a table of all there are."""

import sys
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from loihiseg.files import write_json

_Row = TypeVar("_Row")
_Key = TypeVar("_Key", bound=Hashable)


def read_rows(folder: Path, kind: type[_Row]) -> list[_Row]:
    """All rows of a folder, in the order of their files' names."""
    return [
        msgspec.json.decode(path.read_bytes(), type=kind) for path in sorted(folder.glob("*.json"))
    ]


def keep(path: Path, make: Callable[[], Any]) -> None:
    """Make a row, a dataclass, and write it, where it is not there yet; its name is said then."""
    if not path.exists():
        write_json(path, asdict(make()))
        print(path.name, file=sys.stderr, flush=True)


def grouped(rows: Iterable[_Row], key: Callable[[_Row], _Key]) -> list[tuple[_Key, list[_Row]]]:
    """Rows that are alike, such as those of all seeds, sorted by what they are alike in."""
    found: dict[_Key, list[_Row]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return sorted(found.items(), key=lambda item: item[0])  # type: ignore[arg-type,return-value]


def mean(values: Iterable[float]) -> float:
    """Of at least one."""
    found = list(values)
    return sum(found) / len(found)


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table: the line of titles, that below it, and the cells of each row."""
    return "\n".join([*head, *(f"| {' | '.join(cells)} |" for cells in rows)])
