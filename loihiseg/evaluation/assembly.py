"""Logits of tiles, put together section by section while tiles are still being shown."""

import numpy as np

from loihiseg.data.orientations import Orientation
from loihiseg.data.tiles import TileGrid, stitch
from loihiseg.network.logits import mean_logits


class TileMaps:
    """Logits of tiles that come one after the other, each in all of its orientations.

    Of tiles that make up sections only those of one section are kept: with eight orientations they
    are some fifteen times as large as the map that is made of them.

    Parameters
    ----------
    orientations : tuple of Orientation
        That each tile is shown in. A single one is as the tile is.
    grid : TileGrid, optional
        How the tiles make up whole sections; by default they are by themselves.
    """

    def __init__(self, orientations: tuple[Orientation, ...], grid: TileGrid | None = None) -> None:
        self._orientations, self._grid = orientations, grid
        self._waiting: list[np.ndarray] = []
        self._done: list[np.ndarray] = []

    def add(self, logits: np.ndarray) -> None:
        """Take in the next one: (tile, tile) float32; (tile, tile, classes) or (classes,) too."""
        self._waiting.append(logits)
        n_tiles = 1 if self._grid is None else len(self._grid.origins)
        if len(self._waiting) == n_tiles * len(self._orientations):
            self._done.append(self._together())
            self._waiting = []

    def _together(self) -> np.ndarray:
        """The map of a section, or of a tile by itself."""
        n_shown, found = len(self._orientations), []
        for number, orientation in enumerate(self._orientations):
            tiles = self._waiting[number::n_shown]
            if n_shown > 1:
                tiles = [orientation.brought_back(one) for one in tiles]
            found.append(
                tiles[0]
                if self._grid is None
                else stitch(np.stack(tiles), self._grid).astype(np.float32)
            )
        return mean_logits(found)

    def maps(self) -> np.ndarray:
        """Of all sections, (n, rows, columns) float32, or of all tiles by themselves.

        Raises
        ------
        ValueError
            If a section is not whole.
        """
        if self._waiting or not self._done:
            raise ValueError(f"{len(self._waiting)} tiles make up no section")
        return np.stack(self._done)
