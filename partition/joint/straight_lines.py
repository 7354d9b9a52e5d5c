"""Straight lines through the image, on which chips meet."""

from dataclasses import dataclass

import numpy as np

from partition.core.layers import Shape


@dataclass(frozen=True)
class Lines:
    """A chip for every field between lines, fields numbered row by row.

    Attributes
    ----------
    rows, columns : tuple of float
        Where lines lie, as shares of the image's height and width, ascending.
    """

    rows: tuple[float, ...] = ()
    columns: tuple[float, ...] = ()

    def chips(self, layer_shape: Shape) -> np.ndarray:
        """Chip of every neuron of a layer: (rows, columns, channels) int array."""
        row, column = (
            np.searchsorted(lines, (np.arange(n) + 0.5) / n)
            for lines, n in zip((self.rows, self.columns), layer_shape)
        )
        field = row[:, None] * (len(self.columns) + 1) + column
        return np.broadcast_to(field[..., None], layer_shape)


def straight_lines(n_chips: int, full: float) -> list[Lines]:
    """Lines to start from: grids of equal fields, and stripes that fill the first or last chips.

    Parameters
    ----------
    n_chips : int
    full : float
        The share of the network that fills a chip.
    """
    found = []
    for n_rows in range(1, n_chips + 1):
        if n_chips % n_rows == 0:
            n_columns = n_chips // n_rows
            found.append(Lines(*(tuple(np.arange(1, n) / n) for n in (n_rows, n_columns))))
    # Full chips, and halfway from equal stripes to those.
    for share in (full, (full + 1 / n_chips) / 2):
        first = tuple(share * n for n in range(1, n_chips))
        for stripes in (first, tuple(1 - end for end in reversed(first))):
            found += [Lines(rows=stripes), Lines(columns=stripes)]
    return found
