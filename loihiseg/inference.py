"""Whole sections through a network that sees one tile at a time, as it will on the chip."""

import numpy as np

from loihiseg.data.augmentation import normalize
from loihiseg.data.tiles import cut, stitch, tile_grid


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Probability of membrane from its logit, float32, any shape."""
    return (0.5 * (1.0 + np.tanh(0.5 * np.asarray(logits, np.float32)))).astype(np.float32)


def default_overlap(tile: int) -> int:
    """Pixels by which tiles overlap: a quarter of a tile, where its border has no context."""
    return tile // 4


def predict_sections(
    predict, images: np.ndarray, tile: int, overlap: int | None = None, progress=None
) -> np.ndarray:
    """Logits of whole sections, stitched from overlapping tiles.

    Parameters
    ----------
    predict : callable
        Maps (n, tile, tile, 1) float32 normalized pixels to (n, tile, tile, 1) logits.
    images : numpy.ndarray
        (n_sections, height, width), as read.
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
    grid = tile_grid(images.shape[1:], tile, default_overlap(tile) if overlap is None else overlap)
    sections = []
    for image in images:
        tiles = cut(normalize(image), grid)
        logits = np.asarray(predict(tiles[..., None].astype(np.float32)))[..., 0]
        sections.append(stitch(logits, grid))
        if progress is not None:
            progress()
    return np.stack(sections).astype(np.float32)
