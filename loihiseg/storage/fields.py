"""Fields of a JSON text that the value decoded from it does not have.

A misspelt field would be left out, and its default stand for it without a word.
"""

from collections.abc import Collection
from typing import Any

import msgspec


def check_known(text: bytes, decoded: object, unless: Collection[str] = ()) -> None:
    """That every field of a text is one of the value decoded from it, at any depth.

    Parameters
    ----------
    text : bytes
        JSON, decoded once already.
    decoded : object
        The dataclass or list of dataclasses that msgspec made of it.
    unless : collection of str
        Fields at the top that count as unknown all the same.

    Raises
    ------
    ValueError
        Names the first field that is unknown.
    """
    plain = msgspec.json.decode(text)
    for name in unless:
        if name in plain:
            raise ValueError(f"field {name} is none of this format")
    _compare(plain, msgspec.to_builtins(decoded), "$")


def _compare(told: Any, kept: Any, place: str) -> None:
    if isinstance(told, dict):
        for name, value in told.items():
            if name not in kept:
                raise ValueError(f"field {place}.{name[:60]!a} is none of this format")
            _compare(value, kept[name], f"{place}.{name}"[:200])
    elif isinstance(told, list):
        for index, (one, other) in enumerate(zip(told, kept, strict=True)):
            _compare(one, other, f"{place}[{index}]")
