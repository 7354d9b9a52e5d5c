"""One page that holds tables and pictures of a run."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from loihiseg.files import write_bytes
from loihiseg.report.tables import Table
from loihiseg.report.templating import template
from partition.display.messages import printable

PAGE_FILE = "index.html"
"""Written last: a folder that has one is complete."""

_TEMPLATE = "page.html"


@dataclass(frozen=True)
class Head:
    """What stands above all tables.

    Attributes
    ----------
    verdict : str
    warnings : tuple of str
    facts : tuple of (str, str)
        What, and in a few words.
    configuration : str
        To be copied; folded up.
    """

    verdict: str
    warnings: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    configuration: str = ""


def write_page(
    folder: Path,
    title: str,
    tables: Sequence[Table],
    pictures: dict[str, str],
    head: Head | None = None,
    viewer: str = "",
) -> Path:
    """Write `PAGE_FILE` with tables and pictures inside it.

    Parameters
    ----------
    folder : Path
        Holds the pictures.
    title : str
    tables : list of loihiseg.report.tables.Table
    pictures : dict of str to str
        Caption by file name.
    head : Head, optional
    viewer : str
        HTML of `loihiseg.report.viewer.viewer`.

    Returns
    -------
    Path
        Of the page.
    """
    above = {t.title: (folder / t.picture).read_bytes() for t in tables if t.picture}
    apart = {caption: (folder / name).read_bytes() for name, caption in pictures.items()}
    path = folder / PAGE_FILE
    write_bytes(path, page_html(title, tables, apart, above, head, viewer).encode())
    return path


def page_html(
    title: str,
    tables: Sequence[Table],
    pictures: Mapping[str, bytes],
    above: Mapping[str, bytes] | None = None,
    head: Head | None = None,
    viewer: str = "",
) -> str:
    """A page that needs no other file.

    Parameters
    ----------
    title : str
    tables : sequence of loihiseg.report.tables.Table
    pictures : mapping of str to bytes
        PNG by caption, shown behind the first table.
    above : mapping of str to bytes, optional
        PNG by the title of the table that it stands above.
    head : Head, optional
    viewer : str
        HTML, which is not escaped.

    Returns
    -------
    str
        HTML; whatever it was given is text in it.
    """
    sections = [
        {
            "title": printable(t.title),
            "note": printable(t.note),
            "warning": printable(t.warning),
            "header": [printable(cell.replace("\n", " ")) for cell in t.header],
            "rows": [[printable(cell) for cell in row] for row in t.rows],
            "image": _embedded((above or {}).get(t.title)),
        }
        for t in tables
    ]
    for caption, data in pictures.items():
        sections.insert(1, {"title": printable(caption), "image": _embedded(data)})
    page = template(_TEMPLATE)
    return page.render(
        title=printable(title),
        sections=sections,
        head=head and _printable(head),
        viewer=Markup(viewer),
    )


def _printable(head: Head) -> Head:
    """The same of what can be shown; the configuration keeps its lines."""
    lines = head.configuration.splitlines()
    return Head(
        printable(head.verdict),
        tuple(map(printable, head.warnings)),
        tuple((printable(name), printable(text)) for name, text in head.facts),
        "\n".join(map(printable, lines)),
    )


def _embedded(data: bytes | None) -> str:
    """A picture as an address that holds it."""
    return "" if data is None else "data:image/png;base64," + base64.b64encode(data).decode()
