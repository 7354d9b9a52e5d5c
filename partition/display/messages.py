"""Text for people: what cannot be printed is escaped, what is too long is cut, paths are names."""

import os
from collections.abc import Sequence
from pathlib import Path

MAX_LINE = 300
"""Characters of a line of an error."""

MAX_LINES = 200
"""Lines of an error that are printed."""


def printable(text: object) -> str:
    """Text in which every character that does not print is written as its escape.

    These are control characters (line ends and the ESC of a terminal's commands among them), the
    marks that turn the direction of reading, surrogates (bytes of a file name that are no text) and
    spaces other than the plain one.
    """
    text = str(text)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def one_line(text: object, most: int = MAX_LINE) -> str:
    """`printable` text of at most so many characters; of more, the middle is left out.

    An error begins with the name of a file or layer and ends with what to do.
    """
    text = printable(text)
    if len(text) <= most:
        return text
    gap = " ... "
    kept = max(most - len(gap), 0)
    front = (2 * kept + 2) // 3
    return (text[:front] + gap + text[len(text) - (kept - front) :])[:most]


def how_many(number: int, thing: str) -> str:
    """A number of things, such as "1 core" and "2 cores"."""
    return f"{number} {thing}{'s' * (number != 1)}"


def error_lines(error: Exception, start: str = "error: ") -> list[str]:
    """What is printed of an error that was foreseen.

    Parameters
    ----------
    error : Exception
        May have ``violations``, a sequence of texts. Where its message is made up of several of
        them, the first line has their number in their stead.
    start : str
        Of the first line.

    Returns
    -------
    list of str
        The first line, and one for each violation; none is longer than `MAX_LINE`.
    """
    message = str(error)
    violations = [str(v) for v in getattr(error, "violations", ()) if str(v) != message]
    if len(violations) > 1 and all(v in message for v in violations):
        message, violations = _counted(message, violations)
    lines = [one_line(start + message), *(f"  {one_line(v, MAX_LINE - 2)}" for v in violations)]
    if len(lines) > MAX_LINES:
        lines[MAX_LINES - 1 :] = [f"  and {len(lines) - MAX_LINES + 1} more"]
    return lines


def _counted(message: str, violations: Sequence[str]) -> tuple[str, list[str]]:
    """A message with the number of the violations in it; they, and what is behind the last."""
    first = min(message.index(v) for v in violations)
    last = max(message.rindex(v) + len(v) for v in violations)
    before, behind = message[:first].rstrip(" :;"), message[last:].lstrip(" :;")
    counted = f"{before}: {len(violations)} problems" if before else f"{len(violations)} problems"
    return counted, [*violations, *([behind] if behind else [])]


def handed_on(path: str | os.PathLike[str]) -> str:
    """A path as it stands in what may be handed on: without the folders of this machine.

    Of an absolute path, and of one that climbs out of the folder it is relative to, the last name
    is left; any other relative one stays as it was given, and so does what is no path.
    """
    path = os.fspath(path)
    leads_elsewhere = os.path.isabs(path) or os.pardir in Path(path).parts
    return (Path(path).name or path) if leads_elsewhere else path
