"""What all tests share."""

import os

import loihiseg.frameworks  # noqa: F401 (before a test imports TensorFlow or nengo-loihi)

import pytest

LONGEST = (
    "test_notebooks.py::test_runs_from_top_to_bottom[07",
    "test_notebooks.py::test_runs_from_top_to_bottom[03",
    "test_notebooks.py::test_runs_from_top_to_bottom",
)
"""Begin of the names of tests that take a minute or more, the longest first."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """The longest first: started last, one of them would keep a worker busy while others wait."""
    items.sort(key=_rank)


def _rank(item):
    name = f"{item.path.name}::{item.name}"
    return next((n for n, begin in enumerate(LONGEST) if name.startswith(begin)), len(LONGEST))


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Deployments keep their programs where the tests end, not in the user's folder."""
    before = os.environ.get("LOIHISEG_CACHE")
    os.environ["LOIHISEG_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["LOIHISEG_CACHE"]
    else:
        os.environ["LOIHISEG_CACHE"] = before


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """Folder of a small network of rates, trained for one epoch."""
    from tests import training_runs

    folder = tmp_path_factory.mktemp("checkpoint") / "trained"
    training_runs.run(folder, epochs=1)
    return folder
