"""The faults of a Keras file, gathered so that all are reported at once."""

from collections.abc import Iterable

MOST_SHOWN = 20
"""Faults that are spelled out; the rest is counted."""

_MOST_CHARACTERS = 300


class FaultyFileError(Exception):
    """A Keras file that is not read.

    Parameters
    ----------
    faults : iterable of str
        One line each, without the path of the file.
    """

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = list(faults)
        super().__init__("; ".join(self.faults))


def one_line(text: object, most: int = _MOST_CHARACTERS) -> str:
    """A text of a stranger's on one line: control characters escaped, cut off where too long."""
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))
    return line if len(line) <= most else line[: most - 3] + "..."


def message(path: object, faults: list[str]) -> str:
    """What is said of a file: its one fault, or how many there are and one line for each."""
    name = one_line(path, 1000)
    if len(faults) == 1:
        return f"{name}: {one_line(faults[0])}"
    lines = [f"{name}: not read, for {len(faults)} reasons:"]
    lines += [f"  {one_line(fault)}" for fault in faults[:MOST_SHOWN]]
    if len(faults) > MOST_SHOWN:
        lines.append(f"  and {len(faults) - MOST_SHOWN} more")
    return "\n".join(lines)
