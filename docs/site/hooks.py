"""Pages link files beside docs/ as the repository has them; the site takes these files along.

A link such as ``](../benchmarks/networks/README.md)`` works where the repository is browsed. Here
each file that is linked so comes along below ``repository/``, Markdown as a page, and links are led
there. What is linked and is not there stays as it is, so that the build ends with a warning of it.
A page that would load anything from elsewhere is warned of too.
"""

import logging
import os
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

FOLDER = "repository"
"""Of the site, for files that lie beside docs/."""

LINK = re.compile(r"(?<=\]\()(?!\w+:|#|/)(?P<path>[^)\s#]+)(?P<anchor>#[^)\s]*)?(?=\))")
"""Targets of inline links that are no addresses; none of ours has a blank in it."""

LOADED = re.compile(r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=\"?https?://[^\s\">]+")
"""What a page loads from elsewhere, as soon as it is opened."""

LOG = logging.getLogger("mkdocs.hooks")


def _root(config: MkDocsConfig) -> Path:
    return Path(config.docs_dir).resolve().parent


def _place(source: str) -> str:
    """Where a page lies in the repository, by its path in the site."""
    moved = source.removeprefix(f"{FOLDER}/")
    return moved if moved != source else f"docs/{source}"


def _target(root: Path, source: str, link: str) -> str | None:
    """Path in the repository that a page's link names, if that is a file there."""
    path = os.path.normpath(os.path.join(os.path.dirname(_place(source)), link))
    return path if not path.startswith("..") and (root / path).is_file() else None


def _in_site(path: str) -> str:
    """Where a file of the repository lies in the site."""
    return path.removeprefix("docs/") if path.startswith("docs/") else f"{FOLDER}/{path}"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Take along whatever pages link, and what those link in turn."""
    root = _root(config)
    left = [file for file in files if file.is_documentation_page()]
    while left:
        page = left.pop()
        for found in LINK.finditer(page.content_string):
            path = _target(root, page.src_uri, found["path"])
            if path is None or files.get_file_from_path(_in_site(path)) is not None:
                continue
            new = File.generated(config, _in_site(path), content=(root / path).read_bytes())
            new.inclusion = InclusionLevel.NOT_IN_NAV  # or in it, where it is named there
            files.append(new)
            if new.is_documentation_page():
                left.append(new)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """Lead links to where the files lie in the site."""
    source = page.file.src_uri

    def led(found: re.Match[str]) -> str:
        path = _target(_root(config), source, found["path"])
        if path is None:
            return found[0]
        there = os.path.relpath(_in_site(path), os.path.dirname(source) or ".")
        return there + (found["anchor"] or "")

    return LINK.sub(led, markdown)


def on_post_page(output: str, page: Page, **_: Any) -> str:
    """Warn of what a page loads from elsewhere, so that the build ends with it."""
    for found in LOADED.finditer(output):
        if 'rel="canonical"' not in found[0]:
            LOG.warning("%s loads from elsewhere: %s", page.file.src_uri, found[0][:120])
    return output
