"""The run folder: what was asked and what came out, written and read."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from loihiseg.errors import InputError
from loihiseg.files import write_json
from loihiseg.results import (
    Results,
    SimulationResults,
    decode_results,
    decode_simulation,
    plain,
)
from loihiseg.results.reading import MOST_BYTES
from partition.storage.files import read_bytes

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")

CONFIG_FILE = "config.json"
RESULTS_FILE = "metrics.json"

CHIP_MAP, FLOAT_MAP = "map-chip.tif", "map-float.tif"
"""Probabilities of membrane of the sections that were run, one page each."""


def write_run(
    folder: Path, config: "DataclassInstance", results: Results | SimulationResults
) -> None:
    """Write ``config.json`` and ``metrics.json``.

    Parameters
    ----------
    folder : Path
    config : dataclass
        What the run can be repeated from.
    results : Results or SimulationResults
    """
    write_json(folder / CONFIG_FILE, asdict(config))
    write_results(folder, results)


def write_results(folder: Path, results: Results | SimulationResults) -> None:
    """Write ``metrics.json``."""
    write_json(folder / RESULTS_FILE, plain(results))


def load_results(path: Path) -> Results:
    """Results of a deployment.

    Parameters
    ----------
    path : Path
        Run folder, or its ``metrics.json``; those of earlier versions too.

    Returns
    -------
    Results

    Raises
    ------
    InputError
        If there are none, or they are damaged.
    """
    path = _file(path)
    return decode_results(_bytes(path), str(path))


def load_simulation(path: Path) -> SimulationResults:
    """The same of a simulation."""
    path = _file(path)
    return decode_simulation(_bytes(path), str(path))


def _file(path: Path) -> Path:
    path = Path(path)
    return path / RESULTS_FILE if path.is_dir() else path


def _bytes(path: Path) -> bytes:
    try:
        return read_bytes(path, MOST_BYTES)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); expected a folder that a deployment wrote"
        ) from None
