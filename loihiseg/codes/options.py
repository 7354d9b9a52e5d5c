"""Options of neural codes on a command line, and what is checked of their values.

Codes may share an option: it then has one name and one meaning, and each code says what is usual
with it.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loihiseg.errors import Option, OptionError

Values = Mapping[str, Any]
"""Values of options by name, None or missing where they are not given."""


@dataclass(frozen=True)
class CodeOption:
    """An option that a code has.

    Attributes
    ----------
    name : str
        As in Python, such as ``synapse_ms`` for ``--synapse-ms``.
    help : str
        What it is, without what is usual.
    usual : str
        In words, the value where it is not given.
    read : callable or None
        A type for argparse, such as `partition.command_line.options.whole` makes; None for texts.
    choices : tuple of str
        The values there are with this code; empty for those that ``read`` takes.
    """

    name: str
    help: str
    usual: str
    read: Callable[[str], Any] | None = None
    choices: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        """As it is typed."""
        return flag(self.name)

    def check(self, value: object) -> None:
        """That a number that did not come from a command line is in its range.

        Raises
        ------
        OptionError
            Names the option and what was expected.
        """
        if self.read is None:
            return
        try:
            self.read(str(value))
        except argparse.ArgumentTypeError as error:
            raise OptionError(Option(self.name), f": {error}") from None


def flag(name: str) -> str:
    """An option as it is typed."""
    return f"--{name.replace('_', '-')}"


def add_code_options(
    parser: argparse.ArgumentParser, by_code: Mapping[str, Sequence[CodeOption]]
) -> None:
    """Give a parser a group with the options of codes; those that codes share stand once.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    by_code : mapping of str to sequence of CodeOption
        Of each code by its name.
    """
    group = parser.add_argument_group("neural code")
    shared: dict[str, dict[str, CodeOption]] = {}
    for code, options in by_code.items():
        for option in options:
            shared.setdefault(option.name, {})[code] = option
    for owners in shared.values():
        first = next(iter(owners.values()))
        choices = {choice: None for option in owners.values() for choice in option.choices}
        kind = {"choices": tuple(choices)} if choices else {"type": first.read}
        longest = max((option.help for option in owners.values()), key=len)
        group.add_argument(first.flag, help=f"{longest} ({_usual(owners)})", **kind)


def _usual(owners: Mapping[str, CodeOption]) -> str:
    """What is usual with each code; codes of the same words together."""
    words: dict[str, list[str]] = {}
    for code, option in owners.items():
        words.setdefault(option.usual, []).append(code)
    return "default: " + "; ".join(f"{', '.join(codes)}: {usual}" for usual, codes in words.items())
