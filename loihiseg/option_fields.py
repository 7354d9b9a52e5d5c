"""Options as fields of frozen dataclasses: their usual values, and the ranges they may have.

The dataclass checks itself with `check_options`; a command line takes default and range of each
option from it, with `default_of` and `argument_type`.
"""

import argparse
from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Protocol

from loihiseg.errors import Option, OptionError
from partition.command_line.options import either, real, whole
from partition.display.messages import one_line

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class Range(Protocol):
    """The values that an option may have."""

    @property
    def expected(self) -> str:
        """In words."""

    def taken(self, value: object) -> object:
        """The value as a plain one of Python's types; ValueError if it may not be had."""

    def from_text(self) -> Callable[[str], object]:
        """A type for argparse."""


@dataclass(frozen=True)
class Whole:
    """Whole numbers, both ends included."""

    low: int
    high: int

    @property
    def expected(self) -> str:
        """In words."""
        return f"a whole number, {self.low} to {self.high}"

    def taken(self, value: object) -> int:
        """As an int."""
        if not isinstance(value, Integral) or isinstance(value, bool):
            raise ValueError
        if not self.low <= int(value) <= self.high:
            raise ValueError
        return int(value)

    def from_text(self) -> Callable[[str], int]:
        """A type for argparse."""
        return whole(self.low, self.high)


@dataclass(frozen=True)
class Number:
    """Finite numbers up to ``high``, from ``low`` on or above it."""

    low: float
    high: float
    above: bool = False

    @property
    def expected(self) -> str:
        """In words."""
        return f"a number, {'above ' * self.above}{self.low:g}{',' * self.above} to {self.high:g}"

    def taken(self, value: object) -> float:
        """As a float."""
        if not isinstance(value, Real) or isinstance(value, bool):
            raise ValueError
        number = float(value)
        if not self.low <= number <= self.high or (self.above and number == self.low):
            raise ValueError
        return number

    def from_text(self) -> Callable[[str], float]:
        """A type for argparse."""
        return real(self.low, self.high, above=self.above)


@dataclass(frozen=True)
class OneOf:
    """One of some whole numbers."""

    numbers: tuple[int, ...]

    @property
    def expected(self) -> str:
        """In words."""
        return f"one of {', '.join(map(str, self.numbers))}"

    def taken(self, value: object) -> int:
        """As an int."""
        if not isinstance(value, Integral) or isinstance(value, bool):
            raise ValueError
        if value not in self.numbers:
            raise ValueError
        return int(value)

    def from_text(self) -> Callable[[str], int]:
        """A type for argparse."""

        def number(text: str) -> int:
            if text.strip() not in map(str, self.numbers):
                raise argparse.ArgumentTypeError(f"{one_line(text, 40)}: expected {self.expected}")
            return int(text)

        return number


@dataclass(frozen=True)
class Either:
    """A word, or a number."""

    word: str
    number: Whole

    @property
    def expected(self) -> str:
        """In words."""
        return f"{self.word!r} or {self.number.expected}"

    def taken(self, value: object) -> int | str:
        """As a str or an int."""
        return self.word if value == self.word else self.number.taken(value)

    def from_text(self) -> Callable[[str], int | str]:
        """A type for argparse."""
        return either(self.word, self.number.from_text())


@dataclass(frozen=True)
class OneOrEach:
    """A whole number for all of some things, or one for each; or a word, if there is one."""

    number: Whole
    most: int
    word: str | None = None

    @property
    def expected(self) -> str:
        """In words."""
        word = "" if self.word is None else f"{self.word!r}, "
        return f"{word}{self.number.expected}, or several with commas between"

    def taken(self, value: object) -> int | str | tuple[int, ...]:
        """As an int, as a tuple of them, or as the word."""
        if self.word is not None and isinstance(value, str) and value == self.word:
            return self.word
        if not isinstance(value, tuple | list):
            return self.number.taken(value)
        if not 1 <= len(value) <= self.most:
            raise ValueError
        return tuple(self.number.taken(one) for one in value)

    def from_text(self) -> Callable[[str], int | str | tuple[int, ...]]:
        """A type for argparse."""
        one = self.number.from_text()

        def numbers(text: str) -> int | str | tuple[int, ...]:
            if self.word is not None and text.strip() == self.word:
                return self.word
            parts = text.split(",", self.most)
            if len(parts) > self.most:
                raise argparse.ArgumentTypeError(f"{one_line(text, 40)}: expected {self.expected}")
            return one(text) if len(parts) == 1 else tuple(map(one, parts))

        numbers.limits = f"{self.number.low} to {self.number.high}"  # type: ignore[attr-defined]
        return numbers


@dataclass(frozen=True)
class Words:
    """One of some words."""

    words: tuple[str, ...]

    @property
    def expected(self) -> str:
        """In words."""
        return f"one of {', '.join(self.words)}"

    def taken(self, value: object) -> str:
        """As a str."""
        if not isinstance(value, str) or value not in self.words:
            raise ValueError
        return value

    def from_text(self) -> Callable[[str], str]:
        """A type for argparse, which names the words as choices."""
        return str


@dataclass(frozen=True)
class YesOrNo:
    """True or False; on a command line the option is given or not."""

    expected: str = "True or False"

    def taken(self, value: object) -> bool:
        """As a bool."""
        if not isinstance(value, bool):
            raise ValueError
        return value

    def from_text(self) -> Callable[[str], bool]:
        """A type for argparse."""
        raise TypeError("an option that is given or not takes no text")


@dataclass(frozen=True)
class Text:
    """Any text, which is understood later."""

    expected: str

    def taken(self, value: object) -> str:
        """As a str."""
        if not isinstance(value, str):
            raise ValueError
        return value

    def from_text(self) -> Callable[[str], str]:
        """A type for argparse."""
        return str


def option(default: object, within: Range) -> Any:
    """A field for an option; None may be had where it is the default."""
    return field(default=default, metadata={"range": within})


def check_options(options: "DataclassInstance") -> None:
    """Check every option of a frozen dataclass, and make it a plain value.

    Raises
    ------
    OptionError
        Names the first that is out of its range.
    """
    for one in fields(options):
        value = getattr(options, one.name)
        if "range" not in one.metadata or (value is None and one.default is None):
            continue
        within: Range = one.metadata["range"]
        try:
            plain = within.taken(value)
        except (ValueError, OverflowError):
            shown = one_line(value if isinstance(value, str) else repr(value), 40)
            raise OptionError(Option(one.name), f": {shown}: expected {within.expected}") from None
        object.__setattr__(options, one.name, plain)


def default_of(kind: type, name: str) -> Any:
    """The usual value of an option."""
    return _field(kind, name).default


def argument_type(kind: type, name: str) -> Callable[[str], Any]:
    """A type for argparse that takes what an option takes."""
    within: Range = _field(kind, name).metadata["range"]
    return within.from_text()


def _field(kind: type, name: str) -> Field[Any]:
    found: Field[Any] = kind.__dataclass_fields__[name]  # type: ignore[attr-defined]
    return found
