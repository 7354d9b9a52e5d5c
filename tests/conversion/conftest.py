"""What tests of conversion share."""

from pathlib import Path

import pytest

from loihiseg.conversion.keras_file import hdf5
from tests.conversion.warm_hdf5_map import WarmMap


@pytest.fixture(scope="module")
def started_map():
    warm = WarmMap(Path(hdf5.__file__).with_name("hdf5_map.py"), hdf5.CPU_SECONDS)
    yield warm
    warm.close()


@pytest.fixture
def warm_map(monkeypatch, started_map):
    """HDF5 files are described by the same code without starting Python for each of them."""
    monkeypatch.setattr(hdf5, "_run_map", started_map)
