"""Rows of text in columns, as wide as they have to be: for short lists that may be piped on."""

from collections.abc import Sequence

from partition.command_line.streams import standard_output
from partition.display.messages import printable


def print_columns(rows: Sequence[Sequence[str]]) -> None:
    """Print rows of one length, their columns two spaces apart."""
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    with standard_output():
        for row in cells:
            print("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths)).rstrip())
