"""Errors that a user can act on, each with the exit code a command ends with."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass


class LoihisegError(Exception):
    """Base class. The message is one line: the object, the value, the limit, the remedy.

    Attributes
    ----------
    exit_code : int
        That a command ends with.
    violations : tuple of str
        Where there are several problems, each of them, by layer or file.
    """

    exit_code = 1

    def __init__(self, message: str, violations: Iterable[str] = ()):
        super().__init__(message)
        self.violations = tuple(violations)


class InputError(LoihisegError):
    """A file, option or configuration that cannot be used as it is."""

    exit_code = 2


@dataclass(frozen=True)
class Option:
    """An argument in what an error says; a command calls it as it is typed there.

    Attributes
    ----------
    name : str
        Of the argument.
    words : str
        What it is called where nothing is typed, if not by its name.
    """

    name: str
    words: str = ""

    def __str__(self) -> str:
        return self.words or self.name


OUT = Option("out", "output folder")
RESUME = Option("resume", "resuming")
"""Arguments that remedies speak of."""


class OptionError(InputError):
    """An argument of a function that cannot be used as it is.

    Parameters
    ----------
    parts : str or Option
        Make up the message; every argument that it names is an `Option`.
    violations : iterable of str
    """

    def __init__(self, *parts: str | Option, violations: Iterable[str] = ()):
        super().__init__("".join(map(str, parts)), violations)
        self.parts = parts

    def worded(self, call: Callable[[str], str]) -> InputError:
        """The same with arguments called otherwise."""
        said = (call(part.name) if isinstance(part, Option) else part for part in self.parts)
        return InputError("".join(said), self.violations)

    def replaced(self, text: str, other: str) -> "OptionError":
        """The same with a text in place of another, such as the name of a file."""
        parts = (one.replace(text, other) if isinstance(one, str) else one for one in self.parts)
        return OptionError(*parts, violations=self.violations)


class DamagedSectionsError(LoihisegError):
    """Sections that could not be read, while all others were segmented.

    Parameters
    ----------
    damaged : mapping of int to str
        Why, by section.
    output : str
        Where they are left 0.
    """

    exit_code = 1

    def __init__(self, damaged: Mapping[int, str], output: str):
        numbers = ", ".join(map(str, damaged))
        super().__init__(
            f"{output}: section{'s' * (len(damaged) != 1)} {numbers} could not be read and "
            f"{'are' if len(damaged) != 1 else 'is'} 0 in the output; all others are done",
            [f"section {number}: {why}" for number, why in damaged.items()],
        )
