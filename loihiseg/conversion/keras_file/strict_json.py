"""JSON of a stranger's: only what JSON allows, only as much as a model needs."""

import json
import math

from loihiseg.conversion.keras_file.errors import FaultyFileError, one_line
from partition.storage.strict_json import names_once

MOST_CHARACTERS = 8 << 20
"""Length of a configuration; one layer takes some 2,000 characters."""

MOST_DEPTH = 200
"""Lists and objects inside each other; a model inside a model adds four."""

_MOST_DIGITS = 40


def parse(text: str, what: str, most_characters: int = MOST_CHARACTERS) -> object:
    """The value of a JSON text.

    Parameters
    ----------
    text : str
    what : str
        Said in errors: whose text it is.
    most_characters : int

    Raises
    ------
    FaultyFileError
        If it is no JSON; has NaN, Infinity, a number of too many digits or beyond a float, one key
        twice; or is too long or too deep.
    """
    if len(text) > most_characters:
        raise FaultyFileError([f"{what} is longer than {most_characters:,} characters"])
    try:
        value = json.loads(
            text,
            parse_int=_whole,
            parse_float=_finite,
            parse_constant=_no_constant,
            object_pairs_hook=names_once,
        )
    except RecursionError:
        raise FaultyFileError([f"{what} is nested more than {MOST_DEPTH} deep"]) from None
    except ValueError as error:
        raise FaultyFileError([f"{what} is no JSON ({one_line(error, 120)})"]) from None
    if _depth_exceeds(value, MOST_DEPTH):
        raise FaultyFileError([f"{what} is nested more than {MOST_DEPTH} deep"])
    return value


def _whole(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if len(digits) > _MOST_DIGITS or not math.isfinite(value):
        raise ValueError(f"the number {digits[:20]}")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _depth_exceeds(value: object, most: int) -> bool:
    level = [value]
    for _ in range(most):
        inner: list[object] = []
        for item in level:
            if isinstance(item, dict):
                inner += item.values()
            elif isinstance(item, list):
                inner += item
        level = inner
        if not level:
            return False
    return True
