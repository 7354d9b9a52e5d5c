"""Every page in a real browser: loads alone, the console is silent, it fits, all can use it."""

import os
from pathlib import Path

import pytest

from tests.browser.chromium import NARROW, WIDE

PAGES = ("deploy-1/index.html", "compare.html", "index.html")

PICTURES = os.environ.get("LOIHISEG_PICTURES")
"""A folder to leave pictures of all pages in, to be looked at."""


@pytest.fixture(params=PAGES)
def path(request, runs):
    return runs / request.param


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_nobody_is_kept_out(browser, path, width, dark):
    browser.said(), browser.asked_for()
    browser.open(path, width, dark)
    assert browser.said() == []
    assert browser.asked_for() == [path.as_uri()]
    assert not browser.scrolls_sideways()
    if PICTURES:
        name = f"{path.parent.name}-{path.stem}-{width}-{'dark' if dark else 'light'}.png"
        browser.picture(Path(PICTURES) / name)
    assert browser.faults() == []


def test_pages_are_small(path):
    assert path.stat().st_size < 8e6


def test_runs_are_linked(browser, runs):
    browser.open(runs / "index.html")
    browser.find("a[href='deploy-2/index.html']").click()
    assert "Deployment" in browser.text("h1")
