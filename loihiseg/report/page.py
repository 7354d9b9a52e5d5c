"""One page that holds tables and pictures of a run."""

import base64
from collections.abc import Sequence
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
    sections = [
        {
            "title": printable(t.title),
            "note": printable(t.note),
            "warning": printable(t.warning),
            "header": t.header,
            "rows": [[printable(cell) for cell in row] for row in t.rows],
            "image": _embedded(folder / t.picture) if t.picture else "",
        }
        for t in tables
    ]
    for name, caption in pictures.items():
        sections.insert(1, {"title": caption, "image": _embedded(folder / name)})
    page = jinja2.Environment(autoescape=True).from_string(_TEMPLATE)
    path = folder / PAGE_FILE
    write_bytes(path, page.render(title=printable(title), sections=sections).encode())
    return path


def _embedded(path: Path) -> str:
    """A picture as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
