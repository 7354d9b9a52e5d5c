"""Several runs as tables, a column for each; as CSV, a line for each; as Markdown."""

import csv
import io
from collections.abc import Sequence
from pathlib import PurePath

from loihiseg.report.comparison.facts import FACTS, ComparedRun
from loihiseg.report.tables import Table

NOTE = (
    "Lost: from the network as it was trained to the one that is scored, on the same pixels; "
    "negative where it scored higher. Of a simulation the network with the best membrane IoU."
)


def options_table(runs: Sequence[ComparedRun]) -> Table | None:
    """Options in which runs differ, of those that at least two of them have; None if in none."""
    names = dict.fromkeys(name for run in runs for name in run.options)
    rows = []
    for name in names:
        values = [run.options.get(name) for run in runs]
        known = [value for value in values if value is not None]
        if len(set(known)) > 1:
            rows.append((name, *_without_places(["" if one is None else one for one in values])))
    if not rows:
        return None
    note = "Options in which they differ; empty where one was left out, or a run has none such."
    return Table("What was asked", ("option", *(run.name for run in runs)), tuple(rows), note)


def _without_places(values: Sequence[str]) -> list[str]:
    """Paths that begin at the root by their last names: as many as tell them apart."""
    n_parts, longest = 1, max(len(PurePath(value).parts) for value in values)
    while n_parts < longest and len({_tail(one, n_parts) for one in values}) < len(set(values)):
        n_parts += 1
    return [_tail(value, n_parts) for value in values]


def _tail(value: str, n_parts: int) -> str:
    path = PurePath(value)
    return str(PurePath(*path.parts[1:][-n_parts:])) if path.is_absolute() else value


def facts_table(runs: Sequence[ComparedRun]) -> Table:
    """What runs came to; rows that none of them has are left out."""
    rows = []
    for fact in FACTS:
        cells = [fact.text(run.facts.get(fact.key)) for run in runs]
        if any(cells):
            rows.append((fact.says, *cells))
    return Table("What came of it", ("", *(run.name for run in runs)), tuple(rows), NOTE)


def tables(runs: Sequence[ComparedRun]) -> list[Table]:
    """Both."""
    asked = options_table(runs)
    return [facts_table(runs), *([asked] if asked else [])]


def as_csv(runs: Sequence[ComparedRun]) -> str:
    """A line for each run: all facts in full, then the options in which they differ."""
    asked = options_table(runs)
    options = asked.rows if asked else ()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [f"option {row[0]}" for row in options]
    writer.writerow(["run", *(fact.key for fact in FACTS), *names])
    for column, run in enumerate(runs, start=1):
        found = [run.facts.get(fact.key) for fact in FACTS]
        given = [row[column] for row in options]
        writer.writerow(map(_no_formula, [run.name, *found, *given]))
    return text.getvalue()


def as_markdown(runs: Sequence[ComparedRun]) -> str:
    """The tables."""
    parts = []
    for table in tables(runs):
        lines = [f"## {table.title}", ""]
        lines += [_line(table.header), "|---" + "|---:" * (len(table.header) - 1) + "|"]
        lines += [*map(_line, table.rows), "", table.note, ""]
        parts.append("\n".join(lines))
    return "\n".join(parts)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _no_formula(value: float | str | None) -> float | str | None:
    """Text that a spreadsheet would compute is marked as text."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t"):
        return f"'{value}"
    return value
