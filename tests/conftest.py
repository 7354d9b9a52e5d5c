"""What all tests share."""

import os

import loihiseg.frameworks  # noqa: F401 (before a test imports TensorFlow or nengo-loihi)

import pytest


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
