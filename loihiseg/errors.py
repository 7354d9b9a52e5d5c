"""Errors that a user can act on, each with the exit code a command ends with."""

from collections.abc import Iterable


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
