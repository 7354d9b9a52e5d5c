"""One page that holds tables and pictures of a run."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

import jinja2

from loihiseg.files import write_bytes
from loihiseg.report.tables import Table
from partition.display.messages import printable

PAGE_FILE = "index.html"
"""Written last: a folder that has one is complete."""

_TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title><style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 72em; padding: 0 1em }
table { border-collapse: collapse; margin: 0.6em 0 1.6em }
th, td { padding: 0.2em 0.8em; text-align: right; border-bottom: 1px solid #ddd }
th:first-child, td:first-child { text-align: left }
th { background: #f3f3f3 } img { max-width: 100% } p.note { color: #555 }
p.warning { background: #fdecea; border-left: 0.3em solid #c62828; padding: 0.4em 0.8em }
</style></head><body><h1>{{ title }}</h1>
{% for section in sections %}<h2>{{ section.title }}</h2>
{% if section.warning %}<p class="warning">{{ section.warning }}</p>{% endif %}
{% if section.note %}<p class="note">{{ section.note }}</p>{% endif %}
{% if section.image %}<img alt="{{ section.title }}" src="{{ section.image }}">{% endif %}
{% if section.rows %}<table><tr>{% for cell in section.header %}<th>{{ cell }}</th>{% endfor %}</tr>
{% for row in section.rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</table>{% endif %}{% endfor %}</body></html>
"""


def write_page(folder: Path, title: str, tables: Sequence[Table], pictures: dict[str, str]) -> Path:
    """Write `PAGE_FILE` with tables and pictures inside it.

    Parameters
    ----------
    folder : Path
        Holds the pictures.
    title : str
    tables : list of loihiseg.report.tables.Table
    pictures : dict of str to str
        Caption by file name.

    Returns
    -------
    Path
        Of the page.
    """
    above = {t.title: (folder / t.picture).read_bytes() for t in tables if t.picture}
    apart = {caption: (folder / name).read_bytes() for name, caption in pictures.items()}
    path = folder / PAGE_FILE
    write_bytes(path, page_html(title, tables, apart, above).encode())
    return path


def page_html(
    title: str,
    tables: Sequence[Table],
    pictures: Mapping[str, bytes],
    above: Mapping[str, bytes] | None = None,
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
            "header": [printable(cell) for cell in t.header],
            "rows": [[printable(cell) for cell in row] for row in t.rows],
            "image": _embedded((above or {}).get(t.title)),
        }
        for t in tables
    ]
    for caption, data in pictures.items():
        sections.insert(1, {"title": printable(caption), "image": _embedded(data)})
    page = jinja2.Environment(autoescape=True).from_string(_TEMPLATE)
    return page.render(title=printable(title), sections=sections)


def _embedded(data: bytes | None) -> str:
    """A picture as an address that holds it."""
    return "" if data is None else "data:image/png;base64," + base64.b64encode(data).decode()
