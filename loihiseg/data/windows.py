"""Windows of sections: parts that are segmented on their own, equal to the whole to the bit."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from loihiseg.data.tiles import TileGrid, tent


@dataclass(frozen=True)
class Window:
    """A rectangle of a section, in pixels.

    Attributes
    ----------
    top, left : int
        Of its first pixel.
    height, width : int
    """

    top: int
    left: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of it."""
        return (
            slice(self.top, self.top + self.height),
            slice(self.left, self.left + self.width),
        )


def whole_window(shape: tuple[int, ...]) -> Window:
    """The window that is all of a section of (height, width)."""
    height, width = shape
    return Window(0, 0, height, width)


def windows_of(shape: tuple[int, ...], side: int) -> Iterator[Window]:
    """Windows of at most ``side`` pixels each way that cover a section, row by row.

    Parameters
    ----------
    shape : tuple of int
        (height, width) of the section.
    side : int
    """
    height, width = shape
    for top in range(0, height, side):
        for left in range(0, width, side):
            yield Window(top, left, min(side, height - top), min(side, width - left))


def tiles_in(grid: TileGrid, window: Window) -> tuple[tuple[int, int], ...]:
    """Origins (y, x) of the tiles that cover any pixel of a window, in the grid's order."""
    bottom, right = window.top + window.height, window.left + window.width
    return tuple(
        (y, x)
        for y, x in grid.origins
        if y < bottom and y + grid.tile > window.top and x < right and x + grid.tile > window.left
    )


def stitch_window(tiles: np.ndarray, grid: TileGrid, window: Window) -> np.ndarray:
    """A window of a section from the tiles that cover it.

    Parameters
    ----------
    tiles : numpy.ndarray
        (n, tile, tile), of `tiles_in` in its order.
    grid : TileGrid
        Of the whole section.
    window : Window

    Returns
    -------
    numpy.ndarray
        (height, width) of the window, of the dtype that `loihiseg.data.tiles.stitch` gives: the
        same values, for each pixel is the sum of the same terms in the same order.

    Raises
    ------
    ValueError
        If there are not as many tiles as the window asks for.
    """
    origins = tiles_in(grid, window)
    expected = (len(origins), grid.tile, grid.tile)
    if tiles.shape != expected:
        raise ValueError(f"tiles have shape {tiles.shape}, the window needs {expected}")
    weight = tent(grid.tile)
    total = np.zeros((window.height, window.width))
    weights = np.zeros((window.height, window.width))
    for (y, x), values in zip(origins, tiles):
        rows, inner_rows = _overlap(y, grid.tile, window.top, window.height)
        columns, inner_columns = _overlap(x, grid.tile, window.left, window.width)
        part = weight[inner_rows, inner_columns]
        total[rows, columns] += part * values[inner_rows, inner_columns]
        weights[rows, columns] += part
    result = total / weights
    return result.astype(np.float32) if tiles.dtype == np.float32 else result


def _overlap(start: int, tile: int, first: int, length: int) -> tuple[slice, slice]:
    """Where a tile lies within a window along one axis, and which part of the tile that is."""
    begin, end = max(start, first), min(start + tile, first + length)
    return slice(begin - first, end - first), slice(begin - start, end - start)
