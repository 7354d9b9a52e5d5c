"""One page that holds tables and pictures of a run."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup

from loihiseg.files import write_bytes
from loihiseg.report.tables import Table
from loihiseg.report.viewer import STYLE
from partition.display.messages import printable

PAGE_FILE = "index.html"
"""Written last: a folder that has one is complete."""

_TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
:root { color-scheme: light dark; --line: #ddd; --head: #f3f3f3; --note: #555; --bad: #fdecea;
  --good: #e8f3ea }
@media (prefers-color-scheme: dark) { :root { --line: #444; --head: #2a2a2a; --note: #aaa;
  --bad: #4a1f1c; --good: #1d3a22 } }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 72em; padding: 0 1em }
div.wide { overflow-x: auto; margin: 0.6em 0 1.6em } table { border-collapse: collapse }
th, td { padding: 0.2em 0.8em; text-align: right; border-bottom: 1px solid var(--line) }
th:first-child, td:first-child { text-align: left }
th { background: var(--head) } img { max-width: 100%; background: #fff }
p.note { color: var(--note) }
p.verdict { background: var(--good); border-left: 0.3em solid #2e7d32; padding: 0.4em 0.8em;
  font-size: 1.1em }
p.warning { background: var(--bad); border-left: 0.3em solid #c62828; padding: 0.4em 0.8em }
pre { overflow-x: auto; background: var(--head); padding: 0.6em } dt { font-weight: 600 }
dd { margin: 0 0 0.3em 0; overflow-wrap: anywhere }
{{ viewer_style }}@media print { details { display: none } div.wide { overflow: visible } }
</style></head><body><h1>{{ title }}</h1>
{% if head %}<p class="verdict">{{ head.verdict }}</p>
{% for text in head.warnings %}<p class="warning">{{ text }}</p>{% endfor %}
<dl>{% for name, text in head.facts %}<dt>{{ name }}</dt><dd>{{ text }}</dd>{% endfor %}</dl>
{% if head.configuration %}<details><summary>Configuration</summary>
<pre tabindex="0">{{ head.configuration }}</pre></details>{% endif %}
{% endif %}{{ viewer }}{% for section in sections %}<h2>{{ section.title }}</h2>
{% if section.warning %}<p class="warning">{{ section.warning }}</p>{% endif %}
{% if section.note %}<p class="note">{{ section.note }}</p>{% endif %}
{% if section.image %}<img alt="{{ section.title }}" src="{{ section.image }}">{% endif %}
{% if section.rows %}<div class="wide" tabindex="0" role="region" aria-label="{{ section.title }}">
<table><tr>{% for cell in section.header %}<th>{{ cell }}</th>{% endfor %}</tr>
{% for row in section.rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</table></div>{% endif %}{% endfor %}</body></html>
"""


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
    page = jinja2.Environment(autoescape=True).from_string(_TEMPLATE)
    return page.render(
        title=printable(title),
        sections=sections,
        head=head and _printable(head),
        viewer=Markup(viewer),
        viewer_style=Markup(STYLE if viewer else ""),
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
