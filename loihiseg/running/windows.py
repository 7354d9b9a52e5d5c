"""Windows of sections through a deployed network, each by the tiles that cover it.

A tile's map depends on its own pixels alone, and a pixel of a section on the tiles that cover it:
windows come out as the whole section does, to the bit, whatever their size and order.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal

import numpy as np

from loihiseg.compilation.calibration import Presenter
from loihiseg.compilation.deployed import DeployedNetwork, FloatNetwork
from loihiseg.conversion.task import membrane_only
from loihiseg.data.contrast import Contrast
from loihiseg.data.orientations import NumberOfOrientations, Orientation
from loihiseg.data.orientations import orientations as orientations_of
from loihiseg.data.tiles import TileGrid, default_overlap, tile_grid
from loihiseg.data.windows import Window, stitch_window, tiles_in
from loihiseg.network.logits import mean_logits
from loihiseg.running.counts import Tally
from loihiseg.running.runners import TileRun, chip_tiles, compiled_presenter, float_tiles


@dataclass(frozen=True, eq=False)
class Piece:
    """A window to be segmented, with the pixels that it takes.

    Attributes
    ----------
    number : int
        Of the section.
    shape : tuple of int
        (height, width) of the section.
    window : Window
    pixels : numpy.ndarray
        (rows, columns) uint8, at least what the tiles of the window cover; see `halo`. For a
        network that sees the sections around one (rows, columns, channels), in order of z.
    origin : tuple of int
        (row, column) in the section of the first of them.
    contrast : Contrast
        Of the whole section; of all that are seen, see `loihiseg.data.contrast.together`.
    written : Window, optional
        What becomes of it in a map of other pixels; without, the window itself.
    """

    number: int
    shape: tuple[int, int]
    window: Window
    pixels: np.ndarray
    origin: tuple[int, int]
    contrast: Contrast
    written: Window | None = None

    @property
    def target(self) -> Window:
        """The window of the map that it is for."""
        return self.window if self.written is None else self.written

    def tile(self, place: tuple[int, int], side: int) -> np.ndarray:
        """Normalized pixels of a tile at a (row, column) of the section.

        (side, side) float32, or (side, side, channels).
        """
        top, left = place[0] - self.origin[0], place[1] - self.origin[1]
        return self.contrast.applied(self.pixels[top : top + side, left : left + side])


@dataclass(frozen=True, eq=False)
class WindowRun:
    """What a network made of one window.

    Attributes
    ----------
    piece : Piece
    logits : numpy.ndarray
        (height, width) of the window, float32, of membrane.
    n_tiles : int
        That were shown, in all orientations.
    tally : Tally or None
        What was counted on the chip; None of the float network.
    """

    piece: Piece
    logits: np.ndarray
    n_tiles: int
    tally: Tally | None


@dataclass(frozen=True, eq=False)
class _Work:
    """A piece, the tiles that cover it, and how each is shown."""

    piece: Piece
    grid: TileGrid
    origins: tuple[tuple[int, int], ...]
    shown: tuple[Orientation, ...]

    @property
    def n_tiles(self) -> int:
        return len(self.origins) * len(self.shown)

    def tiles(self) -> Iterator[np.ndarray]:
        """(tile, tile) float32, or with channels; all in one orientation after the other."""
        for orientation in self.shown:
            for place in self.origins:
                tile = orientation.shown(self.piece.tile(place, self.grid.tile))
                yield np.ascontiguousarray(tile, np.float32)

    def stitched(self, logits: list[np.ndarray]) -> np.ndarray:
        """(height, width) float32 logits of the window; of the mean probability of several."""
        maps = []
        for number, orientation in enumerate(self.shown):
            first = number * len(self.origins)
            tiles = [orientation.brought_back(t) for t in logits[first : first + len(self.origins)]]
            found = stitch_window(np.stack(tiles), self.grid, self.piece.window)
            maps.append(found.astype(np.float32))
        return mean_logits(maps)


def halo(shape: tuple[int, int], window: Window, tile: int, overlap: int | None = None) -> Window:
    """The pixels that a window takes: all that the tiles cover which cover any of its own.

    Parameters
    ----------
    shape : tuple of int
        (height, width) of the section.
    window : Window
    tile : int
    overlap : int, optional
        As of `run_windows`.
    """
    grid = tile_grid(shape, tile, default_overlap(tile) if overlap is None else overlap)
    rows, columns = zip(*tiles_in(grid, window))
    top, left = min(rows), min(columns)
    return Window(top, left, max(rows) + tile - top, max(columns) + tile - left)


def run_windows(
    deployed: DeployedNetwork | FloatNetwork,
    pieces: Iterable[Piece],
    on: Literal["chip", "float"] = "chip",
    *,
    overlap: int | None = None,
    orientations: NumberOfOrientations = 1,
    presenter: Presenter | None = None,
) -> Iterator[WindowRun]:
    """Segment windows; each comes back as soon as it is done.

    Parameters
    ----------
    deployed : DeployedNetwork or FloatNetwork
        The latter in floats only.
    pieces : iterable of Piece
        Taken one by one, a few tiles ahead.
    on : str
        "chip" for the emulated chip, "float" for the float network.
    overlap : int, optional
        Pixels that neighbouring tiles share; a quarter of a tile by default.
    orientations : int
        1, or 4 or 8 to show each tile turned, and mirrored too, and take the mean probability.
    presenter : Presenter, optional
        Another emulator, or a board; the compiled emulator by default.

    Yields
    ------
    WindowRun
        In the order of the pieces.

    Raises
    ------
    InputError
        If a section is smaller than a tile, or the network gives no membrane.
    """
    membrane_only(deployed.task)
    shared = default_overlap(deployed.tile) if overlap is None else overlap
    shown = orientations_of(orientations)
    begun: deque[_Work] = deque()

    def tiles() -> Iterator[np.ndarray]:
        for piece in pieces:
            grid = tile_grid(piece.shape, deployed.tile, shared)
            work = _Work(piece, grid, tiles_in(grid, piece.window), shown)
            begun.append(work)
            yield from work.tiles()

    with ExitStack() as stack:
        if on == "float":
            yield from _in_order(float_tiles(deployed, tiles()), begun, lambda: None)
            return
        if not isinstance(deployed, DeployedNetwork):
            raise ValueError("a network in floats does not run on a chip")
        if presenter is None:
            presenter = stack.enter_context(compiled_presenter(deployed))
        runs = chip_tiles(deployed, presenter, tiles())
        yield from _in_order(runs, begun, lambda: Tally(deployed))


def _in_order(
    runs: Iterable[TileRun], begun: deque[_Work], new_tally: Callable[[], Tally | None]
) -> Iterator[WindowRun]:
    """Windows from their tiles, each as soon as its last tile is there."""
    logits: list[np.ndarray] = []
    tally = new_tally()
    for one in runs:
        logits.append(one.logits)
        if tally is not None and one.presentation is not None:
            tally.add(one.presentation)
        if len(logits) == begun[0].n_tiles:
            work = begun.popleft()
            yield WindowRun(work.piece, work.stitched(logits), work.n_tiles, tally)
            logits, tally = [], new_tally()
