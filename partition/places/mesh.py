"""Grids of tiles or chips: distances, ways and what each link carries.

**Assumed, not published.** A Loihi 1 chip is taken as 4 rows of 8 tiles with 4 cores each, which is
inferred from public talks and simulators; that core ``c`` of a chip is on tile ``c // 4``, and that
tiles are numbered row by row, are assumptions: the numbering is inside NxSDK, which is not public.
So is that a board's chips are numbered row by row. Messages are assumed to go along the row first
and along the column then, as on most meshes of this kind; distances do not depend on that, the
loads of links do.
"""

from dataclasses import dataclass
from functools import cached_property
from math import isqrt

import numpy as np
from numpy.typing import ArrayLike

from partition.core.errors import PartitionError
from partition.core.limits import CORES_PER_CHIP

CORES_PER_TILE = 4
"""Cores that share a router, inferred like the number of tiles."""


@dataclass(frozen=True)
class Grid:
    """Places in rows and columns, numbered row by row; neighbours are linked both ways.

    Attributes
    ----------
    rows, columns : int
    """

    rows: int
    columns: int

    @property
    def n_places(self) -> int:
        """Places there are."""
        return self.rows * self.columns

    def place(self, index: int) -> tuple[int, int]:
        """Row and column of a place."""
        return divmod(index, self.columns)

    @cached_property
    def distances(self) -> np.ndarray:
        """(n_places, n_places) float64: links on the way from one place to another."""
        rows, columns = np.divmod(np.arange(self.n_places), self.columns)
        steps = np.abs(rows[:, None] - rows) + np.abs(columns[:, None] - columns)
        return steps.astype(np.float64)

    def way(self, source: int, target: int) -> list[tuple[int, int]]:
        """Links from one place to another, each as (from, to): along the row, then the column."""
        links, here = [], source
        row, column = self.place(target)
        while here != target:
            at_row, at_column = self.place(here)
            if at_column != column:
                step = 1 if column > at_column else -1
            else:
                step = self.columns if row > at_row else -self.columns
            links.append((here, here + step))
            here += step
        return links

    @cached_property
    def links(self) -> list[tuple[int, int]]:
        """Every directed link between neighbours, sorted."""
        near = self.distances == 1
        return [(int(a), int(b)) for a, b in zip(*np.nonzero(near))]

    @cached_property
    def routes(self) -> np.ndarray:
        """(n_places ** 2, n_links) float64: 1 where the way from a to b, row ``a * n_places + b``,
        uses a link."""
        index = {link: i for i, link in enumerate(self.links)}
        n = self.n_places
        table = np.zeros((n * n, len(self.links)))
        for pair in range(n * n):
            for link in self.way(*divmod(pair, n)):
                table[pair, index[link]] = 1
        return table

    def link_loads(self, traffic: ArrayLike) -> dict[tuple[int, int], float]:
        """What each link carries.

        Parameters
        ----------
        traffic : (n_places, n_places) array_like
            Messages per step from place to place.

        Returns
        -------
        dict of (int, int) to float
            Messages per step by link, where there are any.
        """
        loads = np.asarray(traffic, dtype=np.float64).reshape(-1) @ self.routes
        return {link: float(load) for link, load in zip(self.links, loads) if load}


TILES = Grid(4, CORES_PER_CHIP // CORES_PER_TILE // 4)
"""Tiles of a chip: 4 rows of 8, assumed."""


def core_coordinates(n_cores: int) -> np.ndarray:
    """(n_cores, 2) int64: row and column of the tile of each of the first cores of a chip."""
    tile = np.arange(n_cores) // CORES_PER_TILE
    return np.stack(np.divmod(tile, TILES.columns), axis=1)


def board_grid(board: str, n_chips: int) -> Grid:
    """Places of the chips on a board.

    Parameters
    ----------
    board : {"line", "grid"}
        One row, or the rows and columns that are nearest to a square with no more than one row
        unfilled.
    n_chips : int

    Raises
    ------
    PartitionError
        ``board`` is neither.
    """
    if board not in ("line", "grid"):
        raise PartitionError(f"board {board!r}: expected 'line' or 'grid'")
    n_chips = max(n_chips, 1)
    rows = 1 if board == "line" else isqrt(n_chips)
    return Grid(rows, -(-n_chips // rows))
