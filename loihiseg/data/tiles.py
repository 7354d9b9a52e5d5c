"""Tiles of sections: where they lie, their pixels and truth, and the section back from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from loihiseg.data.contrast import normalize
from loihiseg.data.neighbours import Surroundings, normalized, with_channels
from loihiseg.data.stack import Stack
from loihiseg.errors import InputError

GOLDEN_RATIO = (5**0.5 - 1) / 2

LEVEL_TILES = 128
"""Tiles that levels are found on for a network that was trained without, where that takes more
than a percentile: half to fit on, half to compare by."""


@dataclass(frozen=True)
class TileGrid:
    """Where the square tiles of a section lie, in pixels.

    shape : (height, width) of the section. tile : side length. overlap : pixels that
    neighbouring tiles share; the last tile of a row or column may share more.
    origins : (y, x) of the top left pixel of each tile, row by row.
    """

    shape: tuple[int, int]
    tile: int
    overlap: int
    origins: tuple[tuple[int, int], ...]


def tile_grid(shape: tuple[int, ...], tile: int, overlap: int) -> TileGrid:
    """Tiles of side `tile` that cover a section of `shape` and never leave it.

    Tiles advance by tile - overlap pixels; the last one of each row and column is shifted back
    so that it ends at the border. No padding: a network sees real pixels only.
    Raises InputError when the section is smaller than a tile and for an overlap outside
    0 .. tile - 1.
    """
    height, width = (int(n) for n in shape)
    if tile < 1 or not 0 <= overlap < tile:
        raise InputError(
            f"tile {tile} with overlap {overlap} is not possible, expected tile >= 1 and "
            "0 <= overlap < tile; lower the overlap"
        )
    if min(height, width) < tile:
        raise InputError(
            f"a section of {height} x {width} pixels is smaller than a tile of {tile} x {tile}; "
            f"use a tile of at most {min(height, width)}"
        )
    origins = tuple(
        (y, x) for y in _starts(height, tile, overlap) for x in _starts(width, tile, overlap)
    )
    return TileGrid((height, width), int(tile), int(overlap), origins)


def spread_places(
    n_sections: int, shape: tuple[int, ...], tile: int, count: int | None = None
) -> tuple[tuple[int, int, int], ...]:
    """Places of tiles that do not overlap, spread evenly over sections and within them.

    Parameters
    ----------
    n_sections : int
    shape : tuple of int
        (height, width) of each section, pixels.
    tile : int
        Side of a tile, pixels.
    count : int, optional
        So many; by default, and where there is no room for so many, as many as there is room for:
        ``height // tile * (width // tile)`` on each section.

    Returns
    -------
    tuple of tuple of int
        (section, y, x) of the top left pixel of each, in this order. A function of the arguments
        alone. The numbers of tiles of two sections differ by one at most.

    Raises
    ------
    InputError
        If a section is smaller than a tile, or ``count`` is negative.
    """
    # Of the sizes that it refuses only: the last tiles of its rows and columns may overlap.
    tile_grid(shape, tile, 0)
    if count is not None and count < 0:
        raise InputError(f"{count} tiles were asked for; expected 0 or more")
    cells = [(y, x) for y in _apart(shape[0], tile) for x in _apart(shape[1], tile)]
    room = n_sections * len(cells)
    count = room if count is None else min(count, room)
    per_section = [0] * n_sections
    for number in range(count):
        per_section[(2 * number + 1) * n_sections // (2 * count)] += 1
    found: list[tuple[int, int, int]] = []
    for section, n_tiles in enumerate(per_section):
        for number in range(n_tiles):
            # One from each of equal runs of cells, its place in the run moved on by the golden
            # ratio: not the same corner of each section.
            start, stop = (len(cells) * n // n_tiles for n in (number, number + 1))
            shift = (0.5 + len(found) * GOLDEN_RATIO) % 1
            found.append((section, *cells[start + int(shift * (stop - start))]))
    return tuple(found)


def cut(image: np.ndarray, grid: TileGrid) -> np.ndarray:
    """The tiles of an image: (height, width) in, (n_tiles, tile, tile) of the same dtype out.

    Channels behind, (height, width, channels), stay behind.
    Raises ValueError when the image does not have the shape the grid was made for.
    """
    if image.shape[:2] != grid.shape:
        raise ValueError(f"image has shape {image.shape}, the grid is for {grid.shape}")
    return np.stack([image[y : y + grid.tile, x : x + grid.tile] for y, x in grid.origins])


def stitch(tiles: np.ndarray, grid: TileGrid) -> np.ndarray:
    """The section from its tiles: (n_tiles, tile, tile) in, (height, width) out.

    float32 in gives float32 out, every other type float64. Each pixel is the weighted mean of
    the tiles that cover it,

        out(p) = sum_t w(p - o_t) tile_t(p - o_t) / sum_t w(p - o_t),

    with the tent w(y, x) = v(y) v(x), v(i) = min(i + 1/2, tile - i - 1/2): a prediction counts
    less the nearer it is to the border of its tile, where the network saw least context. Because
    the sum of the weights is divided out, equal tiles come back exactly for any grid.
    Raises ValueError when the tiles do not have the shape the grid asks for.
    """
    expected = (len(grid.origins), grid.tile, grid.tile)
    if tiles.shape != expected:
        raise ValueError(f"tiles have shape {tiles.shape}, the grid needs {expected}")
    weight = tent(grid.tile)
    total = np.zeros(grid.shape)
    weights = np.zeros(grid.shape)
    for (y, x), values in zip(grid.origins, tiles):
        window = (slice(y, y + grid.tile), slice(x, x + grid.tile))
        total[window] += weight * values
        weights[window] += weight
    result = total / weights
    return result.astype(np.float32) if tiles.dtype == np.float32 else result


def tent(tile: int) -> np.ndarray:
    """(tile, tile) float64: how much a pixel of a tile counts where tiles overlap; see `stitch`."""
    position = np.arange(tile) + 0.5
    ramp = np.minimum(position, tile - position)
    return np.outer(ramp, ramp)


def default_overlap(tile: int) -> int:
    """Pixels by which tiles overlap: a quarter of a tile, where its border has no context."""
    return tile // 4


@dataclass(frozen=True, eq=False)
class Tiles:
    """Tiles of sections, with their truth.

    Attributes
    ----------
    pixels : numpy.ndarray
        (n, tile, tile) float32, normalized by section; (n, tile, tile, channels) of a stack whose
        sections are seen with those around them, see `Stack.seeing`.
    membrane : numpy.ndarray or None
        (n, tile, tile) bool; None where there are no labels.
    raw : numpy.ndarray
        (n, tile, tile), as read, for pictures: of the sections themselves.
    places : tuple of tuple of int
        (section, row, column) of each tile, as numbered within the original stack.
    grid : TileGrid or None
        Where the tiles make up whole sections, how; None for tiles by themselves.
    known : numpy.ndarray or None
        (n, tile, tile) bool, False for pixels that count for nothing; None where all count.
    """

    pixels: np.ndarray
    membrane: np.ndarray | None
    raw: np.ndarray
    places: tuple[tuple[int, int, int], ...]
    grid: TileGrid | None = None
    known: np.ndarray | None = None

    def assemble(self, maps: np.ndarray) -> np.ndarray:
        """Maps of the tiles (n, tile, tile) as whole sections where they make them up."""
        if self.grid is None:
            return maps
        parts = np.split(maps, len(maps) // len(self.grid.origins))
        return np.stack([stitch(part, self.grid) for part in parts]).astype(np.float32)


def spread_tiles(stack: Stack, tile: int, count: int | None) -> Tiles:
    """Tiles of a stack that do not overlap, spread evenly over its sections and places.

    Tiles more than half of whose pixels count for nothing, see `Stack.known`, are left out.

    Parameters
    ----------
    stack : Stack
    tile : int
    count : int, optional
        So many at most; by default, and where there is no room for so many, all there is room for.

    Returns
    -------
    Tiles

    Raises
    ------
    InputError
        If a section is smaller than a tile.
    """
    shape = stack.images.shape[1:]
    known = stack.known
    if known is None:
        return _cut(stack, tile, spread_places(len(stack.images), shape, tile, count), None)
    every = spread_places(len(stack.images), shape, tile, None)
    places = [place for place in every if _is_tissue(known, place, tile)] or list(every)
    if count is not None and count < len(places):
        places = [places[(2 * i + 1) * len(places) // (2 * count)] for i in range(count)]
    return _cut(stack, tile, places, None)


def _is_tissue(known: np.ndarray, place: tuple[int, int, int], tile: int) -> bool:
    """Whether half of a tile counts, at least."""
    section, top, left = place
    return bool(known[section, top : top + tile, left : left + tile].mean() >= 0.5)


def whole_tiles(stack: Stack, tile: int, overlap: int | None = None) -> Tiles:
    """Overlapping tiles that make up the whole of every section.

    Parameters
    ----------
    stack : Stack
    tile : int
    overlap : int, optional
        Pixels; a quarter of a tile by default.

    Returns
    -------
    Tiles

    Raises
    ------
    InputError
        If a section is smaller than a tile.
    """
    overlap = default_overlap(tile) if overlap is None else overlap
    grid = tile_grid(stack.images.shape[1:], tile, overlap)
    places = [(s, y, x) for s in range(len(stack.images)) for y, x in grid.origins]
    return _cut(stack, tile, places, grid)


def _cut(
    stack: Stack, tile: int, every: Sequence[tuple[int, int, int]], grid: TileGrid | None
) -> Tiles:
    def cut(volume: np.ndarray) -> np.ndarray:
        return np.stack([volume[s, y : y + tile, x : x + tile] for s, y, x in every])

    places = tuple((stack.section_numbers[s], y + stack.first_row, x) for s, y, x in every)
    membrane = None if stack.membrane is None else cut(stack.membrane)
    known = None if stack.known is None else cut(stack.known)
    around = stack.surroundings
    pixels = cut(normalize(stack.images)) if around is None else _seen(around, tile, every)
    return Tiles(pixels, membrane, cut(stack.images), places, grid, known)


def _seen(around: Surroundings, tile: int, every: Sequence[tuple[int, int, int]]) -> np.ndarray:
    """Normalized tiles of sections and those around them, (n, tile, tile, channels) float32."""
    wanted = {place for section, _, _ in every for place in around.seen[section]}
    normal = {place: normalize(around.images[place]) for place in wanted}
    found = np.empty((len(every), tile, tile, 1 + 2 * around.reach), np.float32)
    for pixels, (section, y, x) in zip(found, every):
        for channel, place in enumerate(around.seen[section]):
            pixels[..., channel] = normal[place][y : y + tile, x : x + tile]
    return found


def predict_sections(
    predict: Callable[[np.ndarray], np.ndarray],
    images: Iterable[np.ndarray],
    tile: int,
    overlap: int | None = None,
    progress: Callable[[], None] | None = None,
) -> np.ndarray:
    """Logits of whole sections, stitched from overlapping tiles.

    Parameters
    ----------
    predict : callable
        Maps (n, tile, tile, channels) float32 normalized pixels to (n, tile, tile, 1) logits.
    images : iterable of numpy.ndarray
        Sections as read: (height, width), or (height, width, channels) with those around them that
        the network sees, as `Stack.seen` gives them; taken one by one.
    tile : int
        Rows and columns of a tile.
    overlap : int, optional
        Pixels; a quarter of a tile by default.
    progress : callable, optional
        Called after each section without arguments.

    Returns
    -------
    numpy.ndarray
        (n_sections, height, width) float32.

    Raises
    ------
    InputError
        If a section is smaller than a tile.
    """
    overlap = default_overlap(tile) if overlap is None else overlap
    sections = []
    for image in images:
        grid = tile_grid(image.shape[:2], tile, overlap)
        tiles = with_channels(cut(normalized(image), grid))
        logits = np.asarray(predict(tiles.astype(np.float32)))[..., 0]
        sections.append(stitch(logits, grid))
        if progress is not None:
            progress()
    return np.stack(sections).astype(np.float32)


def _starts(length: int, tile: int, overlap: int) -> list[int]:
    starts = list(range(0, length - tile + 1, tile - overlap))
    if starts[-1] != length - tile:
        starts.append(length - tile)
    return starts


def _apart(length: int, tile: int) -> list[int]:
    """Starts of as many tiles as fit side by side, from border to border; one is in the middle."""
    n_tiles, rest = length // tile, length % tile
    if n_tiles == 1:
        return [rest // 2]
    return [number * (length - tile) // (n_tiles - 1) for number in range(n_tiles)]
