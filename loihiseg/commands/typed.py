"""Which options were typed, and how a value is typed."""

import argparse
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

_NOT_TYPED = object()


def typed_options(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> dict[str, Any]:
    """Values of the options that stand in a command line, by name; those left out are not in it."""
    names = vars(parser.parse_args(arguments))
    # A parser leaves alone what a namespace has already.
    marked = Namespace(**dict.fromkeys(names, _NOT_TYPED))
    found = vars(parser.parse_args(arguments, marked))
    return {name: value for name, value in found.items() if value is not _NOT_TYPED}


def as_typed(name: str) -> str:
    """An option as it is typed on a command line."""
    return f"--{name.replace('_', '-')}"


def value_as_typed(value: object) -> str:
    """A value of an option as it is typed; numbers of a stage are joined by a colon."""
    if isinstance(value, list | tuple):
        return " ".join(
            ":".join(map(value_as_typed, part))
            if isinstance(part, list | tuple)
            else value_as_typed(part)
            for part in value
        )
    return f"{value:g}" if isinstance(value, float) else str(value)
