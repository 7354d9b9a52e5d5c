"""One page that holds tables and pictures of a run."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

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


@dataclass(frozen=True)
class Parts:
    """What else stands on a page: HTML, which is not escaped, and words.

    Attributes
    ----------
    viewer : str
        Of `loihiseg.report.viewer.viewer`, before all tables.
    drawn : mapping of str to str
        Of `loihiseg.report.charts` and such, by the title of the table that it stands above.
    glossary : tuple of (str, str)
        Word, and what it means; at the end, folded up.
    """

    viewer: str = ""
    drawn: Mapping[str, str] = field(default_factory=dict)
    glossary: tuple[tuple[str, str], ...] = ()


def page_html(
    title: str,
    tables: Sequence[Table],
    pictures: Mapping[str, bytes],
    above: Mapping[str, bytes] | None = None,
    head: Head | None = None,
    parts: Parts | None = None,
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
    parts : Parts, optional

    Returns
    -------
    str
        HTML; whatever it was given is text in it.
    """
    parts = parts or Parts()
    sections = [
        {
            "title": printable(t.title),
            "note": printable(t.note),
            "warning": printable(t.warning),
            "header": [printable(cell.replace("\n", " ")) for cell in t.header],
            "rows": [[printable(cell) for cell in row] for row in t.rows],
            "image": _embedded((above or {}).get(t.title)),
            "drawn": Markup(parts.drawn.get(t.title, "")),
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
        viewer=Markup(parts.viewer),
        glossary=parts.glossary,
        has_script=bool(parts.drawn or (head and head.configuration)),
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
