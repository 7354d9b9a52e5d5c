"""Command lines: one parser, and numbers that have limits."""

import argparse
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Never

from partition.command_line.streams import standard_output
from partition.display.messages import one_line

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

SEEDS = 2**31 - 1
"""The largest seed that every random generator in use takes."""

MAX_CHIPS = 768
"""Chips of Pohoiki Springs, the largest system of Loihi 1 (Frady et al. 2020, arXiv:2004.12691)."""

DAY_S = 86400

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_REAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Says a default where there is one to say, and the limits of a number."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text = action.help
        if (
            action.default is not None
            and action.default is not False
            and "default" not in str(text)
        ):
            text = super()._get_help_string(action)
        limits = getattr(action.type, "limits", "")
        return f"{text} [{limits}]" if text and limits else text

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """What has lines of its own keeps them."""
        if "\n" in text:
            return "\n".join(f"{indent}{line}".rstrip() for line in text.splitlines())
        return super()._fill_text(text, width, indent)


class Parser(argparse.ArgumentParser):
    """Shows defaults and limits in the help; a wrong option is one line and exit code 2."""

    def __init__(self, **kwargs: Any):
        super().__init__(formatter_class=_Help, **kwargs)

    def error(self, message: str) -> Never:
        """Print one line and leave with 2."""
        self.exit(2, one_line(f"{self.prog}: error: {message}") + "\n")

    def print_help(self, file: "SupportsWrite[str] | None" = None) -> None:
        """Print the help; on standard output that nobody reads it ends like any other output."""
        if file is not None:
            super().print_help(file)
            return
        with standard_output():
            sys.stdout.write(self.format_help())


def whole(low: int, high: int) -> Callable[[str], int]:
    """A type for argparse: whole numbers from ``low`` to ``high``, both included."""
    limits = f"{low} to {high}"

    def number(text: str) -> int:
        # Not everything that int() takes: no digits of other scripts, and none without end.
        value = int(text) if _WHOLE.fullmatch(text.strip()) else None
        if value is None or not low <= value <= high:
            raise argparse.ArgumentTypeError(
                f"{one_line(text, 40)}: expected a whole number, {limits}"
            )
        return value

    number.limits = limits  # type: ignore[attr-defined]
    return number


def real(low: float, high: float, *, above: bool = False) -> Callable[[str], float]:
    """A type for argparse: finite numbers from ``low`` to ``high``.

    ``high`` is included, and so is ``low`` unless they must be ``above`` it.
    """
    limits = f"above {low:g}, to {high:g}" if above else f"{low:g} to {high:g}"

    def number(text: str) -> float:
        value = float(text) if _REAL.fullmatch(text.strip()) else None
        if value is None or not low <= value <= high or (above and value == low):
            raise argparse.ArgumentTypeError(f"{one_line(text, 40)}: expected a number, {limits}")
        return value

    number.limits = limits  # type: ignore[attr-defined]
    return number


def either(word: str, number: Callable[[str], int]) -> Callable[[str], int | str]:
    """A type for argparse: a word, or a number as `whole` makes it."""
    limits = f"{word}, or {number.limits}"  # type: ignore[attr-defined]

    def value(text: str) -> int | str:
        if text == word:
            return text
        try:
            return number(text)
        except argparse.ArgumentTypeError:
            raise argparse.ArgumentTypeError(f"{one_line(text, 40)}: expected {limits}") from None

    value.limits = limits  # type: ignore[attr-defined]
    return value


seed = whole(0, SEEDS)
"""Seeds, for argparse."""
