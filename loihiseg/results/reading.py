"""Bytes of ``metrics.json`` to typed values, and back to plain ones."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from loihiseg.errors import InputError
from loihiseg.results.run import FORMAT, Results
from loihiseg.results.segmentation import SegmentationResults
from loihiseg.results.simulation import SimulationResults
from loihiseg.results.upgrade import upgraded, upgraded_simulation

T = TypeVar("T")

MOST_BYTES = 256 * 2**20
"""No file of results is larger; one of 24 whole sections has about 0.1 MB."""

_MOST_TEXT = 200


def decode_results(data: bytes, where: str) -> Results:
    """Results of a deployment from the bytes of its ``metrics.json``.

    Parameters
    ----------
    data : bytes
        Of this format or of those before.
    where : str
        What errors call it.

    Returns
    -------
    Results

    Raises
    ------
    InputError
        If they are damaged, of a later format, or no results of a deployment: one line that names
        the first value that cannot be.
    """
    values = _object(data, where)
    given = values.get("format", 1)
    if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= FORMAT:
        shown = str(given)[:_MOST_TEXT]
        raise InputError(
            f"{where}: format {shown}; this version reads formats 1 to {FORMAT}: install the "
            "version that wrote it, or deploy again"
        )
    return _typed(values, Results, upgraded if given < FORMAT else None, where)


def decode_simulation(data: bytes, where: str) -> SimulationResults:
    """The same of a simulation, which has no format number."""
    values = _object(data, where)
    old = "stages" in values
    return _typed(values, SimulationResults, upgraded_simulation if old else None, where)


def plain(results: Results | SimulationResults | SegmentationResults) -> dict[str, Any]:
    """Results as what JSON can hold: objects, lists, texts and finite numbers.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    return json.loads(json.dumps(msgspec.to_builtins(results, str_keys=True), allow_nan=False))


def _object(data: bytes, where: str) -> dict[str, Any]:
    try:
        values = msgspec.json.decode(data)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise InputError(f"{where}: damaged, no JSON ({error}); deploy again") from None
    if not isinstance(values, dict):
        raise InputError(f"{where}: expected one JSON object, as a deployment writes it")
    return values


def _typed(
    values: dict[str, Any],
    kind: type[T],
    upgrade: Callable[[dict[str, Any]], dict[str, Any]] | None,
    where: str,
) -> T:
    try:
        # JSON has no tuples, and its keys are texts.
        return msgspec.convert(upgrade(values) if upgrade else values, kind, str_keys=True)
    except KeyError as error:
        text = f"{error} is missing"
    except (AttributeError, TypeError, IndexError):
        text = "a part is not of its kind"
    except (msgspec.MsgspecError, InputError, ValueError, OverflowError, RecursionError) as error:
        text = str(error)
    raise InputError(
        f"{where}: no results of a run ({text[:_MOST_TEXT]}); deploy again, or restore the file"
    )
