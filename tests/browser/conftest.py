"""A run of several sections, and a browser to look at its page in."""

import os
import subprocess
import sys

import pytest

from tests.browser import chromium
from tests.commands import ROOT

SECTIONS = ("--sections", "20:24")
OPTIONS = ("--checkpoint", "tiny-synthetic", "--chips", "2", "--proof-seconds", "1", "--quiet")


def pytest_collection_modifyitems(items):
    """All of these need a browser."""
    reason = chromium.missing()
    for item in items:
        if "tests/browser/" in str(item.path.as_posix()):
            item.add_marker(pytest.mark.browser)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


def loihiseg(*arguments):
    """Run a command in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run(
        [sys.executable, "-m", "loihiseg", *map(str, arguments)],
        cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """A folder of two deployments and their list; the first watches its maps for early exit."""
    from loihiseg.report.comparison.index import write_index

    folder = tmp_path_factory.mktemp("runs")
    more = ("--save", folder / "kept", "--early-exit", "0.01", "--steps", "60")
    loihiseg("deploy", *OPTIONS, *SECTIONS, *more, "--out", folder / "deploy-1")
    again = ("--deployed", folder / "kept", "--sections", "20:22", "--quiet")
    loihiseg("deploy", *again, "--out", folder / "deploy-2")
    loihiseg("compare", folder / "deploy-1", folder / "deploy-2", "--out", folder / "compare.html")
    write_index(folder)
    return folder


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """One for all tests."""
    with chromium.browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture
def page(runs, browser):
    """The page of the first run, opened."""
    browser.said(), browser.asked_for()
    return browser.open(runs / "deploy-1" / "index.html")
