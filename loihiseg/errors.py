"""Errors that a user can act on, each with the exit code a command ends with."""


class LoihisegError(Exception):
    """Base class. The message is one line: the object, the value, the limit, the remedy."""

    exit_code = 1


class InputError(LoihisegError):
    """A file, option or configuration that cannot be used as it is."""

    exit_code = 2
