"""Checks of single settings of a configuration; each gives what a constructor takes."""

from collections.abc import Callable
from typing import Any

from loihiseg.conversion.keras_file.errors import one_line

Check = Callable[[object], Any]
"""Takes a JSON value, gives the argument of a constructor; ValueError says what was expected."""


def _wrong(value: object, expected: str) -> ValueError:
    return ValueError(f"is {one_line(repr(value), 60)}; expected {expected}")


def whole(low: int, high: int) -> Check:
    """A whole number within bounds; neither a bool nor a float."""

    def check(value: object) -> int:
        if type(value) is not int or not low <= value <= high:
            raise _wrong(value, f"a whole number in {low}..{high}")
        return value

    return check


def number(low: float, high: float) -> Check:
    """A number within bounds."""

    def check(value: object) -> float:
        if type(value) not in (int, float) or not low <= value <= high:  # type: ignore[operator]
            raise _wrong(value, f"a number in {low:g}..{high:g}")
        return float(value)  # type: ignore[arg-type]

    return check


def flag(value: object) -> bool:
    """True or false."""
    if type(value) is not bool:
        raise _wrong(value, "true or false")
    return value


def name(value: object) -> str:
    """The name of a layer."""
    if type(value) is not str or not value or len(value) > 200 or not value.isprintable():
        raise _wrong(value, "a name of 1 to 200 characters")
    if "/" in value:
        raise _wrong(value, "a name without '/'")
    return value


def text_of(*allowed: str) -> Check:
    """One of a few texts."""

    def check(value: object) -> str:
        if type(value) is not str or value not in allowed:
            raise _wrong(value, " or ".join(repr(each) for each in allowed))
        return value

    return check


def only(*allowed: object) -> Check:
    """A setting of which one meaning is read."""

    def check(value: object) -> object:
        if not any(value == each and type(value) is type(each) for each in allowed):
            raise _wrong(value, " or ".join("null" if a is None else str(a) for a in allowed))
        return value

    return check


def maybe(check: Check) -> Check:
    """The same, or null."""
    return lambda value: None if value is None else check(value)


def some(check: Check, low: int, high: int) -> Check:
    """A list of so many values."""

    def checked(value: object) -> tuple[object, ...]:
        if type(value) is not list or not low <= len(value) <= high:
            raise _wrong(value, f"a list of {low} to {high} values")
        return tuple(check(each) for each in value)

    return checked


def either(first: Check, second: Check) -> Check:
    """What one check takes, or else the other."""

    def check(value: object) -> object:
        try:
            return first(value)
        except ValueError:
            return second(value)

    return check


def pair(low: int, high: int) -> Check:
    """Rows and columns: one whole number for both, or a list of two."""
    return either(some(whole(low, high), 2, 2), whole(low, high))
