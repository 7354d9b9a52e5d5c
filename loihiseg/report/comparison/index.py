"""All runs of a folder as a list, newest first, each linked to its own page."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from loihiseg.errors import InputError
from loihiseg.files import write_bytes
from loihiseg.report.comparison.facts import FACTS, ComparedRun
from loihiseg.report.comparison.runs import read_run
from loihiseg.report.page import PAGE_FILE
from loihiseg.report.run_folder import RESULTS_FILE
from loihiseg.report.templating import template
from loihiseg.training.checkpoint import FILE_NAME
from partition.display.messages import printable

MOST_RUNS = 200
"""The newest are listed."""

SHOWN = (
    "kind", "network", "data", "code", "accuracy", "iou", "v_rand", "section_mj", "n_cores",
    "n_chips", "seconds",
)  # fmt: skip

_TEMPLATE = "runs.html"


@dataclass(frozen=True)
class _Listed:
    name: str
    link: str
    ended: str
    cells: tuple[str, ...]


def write_index(folder: Path) -> Path:
    """Write ``index.html`` into a folder of runs.

    Parameters
    ----------
    folder : Path
        Holds folders of runs; what else it holds is left out.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    newest = sorted(_ended(folder), reverse=True)
    runs = [one for ended, path in newest[:MOST_RUNS] if (one := _listed(ended, path)) is not None]
    header = [fact.says for fact in FACTS if fact.key in SHOWN]
    page = template(_TEMPLATE)
    text = page.render(header=header, runs=runs, left_out=max(len(newest) - MOST_RUNS, 0))
    write_bytes(folder / PAGE_FILE, text.encode())
    return folder / PAGE_FILE


def _ended(folder: Path) -> Iterable[tuple[float, Path]]:
    """When each run wrote what it came to, and its folder."""
    for path in folder.iterdir():
        for name in (RESULTS_FILE, FILE_NAME):
            try:
                yield (path / name).stat().st_mtime, path
            except OSError:
                continue
            break


def _listed(ended: float, path: Path) -> _Listed | None:
    """A run as it is listed; None of one that cannot be read."""
    try:
        run: ComparedRun = read_run(path)
    except InputError:
        return None
    cells = tuple(
        printable(fact.text(run.facts.get(fact.key))) for fact in FACTS if fact.key in SHOWN
    )
    link = f"{quote(path.name)}/{PAGE_FILE}" if (path / PAGE_FILE).is_file() else ""
    stamp = datetime.fromtimestamp(ended, UTC).strftime("%Y-%m-%d %H:%M")
    return _Listed(run.name, link, stamp, cells)
