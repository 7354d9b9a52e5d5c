"""Pooling right behind what enlarges: windows that look at unlike numbers of pixels.

Where every pixel of a source stands for several of the image that is pooled, a window of it looks
at a range of the source's pixels, one more here, one less there, and no kernel with a stride is all
of them. So for each size that occurs the source is pooled by windows of it at all places, with
stride 1; every pixel of the result is then one pixel of one of these, or of the source itself where
a window looks at one alone. Which it is, the next weights are composed with.
"""

from collections.abc import Iterator

import numpy as np

from loihiseg.conversion.lowering.taps import Taps
from loihiseg.conversion.lowering.windows import NotPlacedError, Windows

Size = tuple[int, int]


def ranges(taps: Taps) -> tuple[np.ndarray, np.ndarray]:
    """The first pixel that each pixel of the result looks at, and how many: 0 of padding alone.

    Raises
    ------
    NotPlacedError
        If it leaves out some between.
    """
    first = np.zeros(taps.result, int)
    count = np.zeros(taps.result, int)
    for pixel in range(taps.result):
        own = np.unique(taps.places[:, pixel])
        own = own[own >= 0]
        if not len(own):
            continue
        first[pixel], count[pixel] = own[0], len(own)
        if own[-1] - own[0] + 1 != len(own):
            raise NotPlacedError("pools pixels that were enlarged and spread; pool before")
    return first, count


def sizes(window: Windows) -> Iterator[tuple[Size, Taps, Taps]]:
    """Sizes of windows that occur, and which pixels of the source so pooled the result is.

    Parameters
    ----------
    window : Windows
        Of which the taps alone count.

    Yields
    ------
    size : tuple of int
    rows, columns : Taps
        Of the source pooled by windows of the size with stride 1.
    """
    found = []
    for taps in (window.rows, window.columns):
        first, count = ranges(taps)
        found.append(
            {
                size: _picked(np.where(count == size, first, -1), taps, size)
                for size in sorted({*count.tolist()} - {0})
            }
        )
    for high, rows in found[0].items():
        for wide, columns in found[1].items():
            yield (high, wide), rows, columns


def _picked(places: np.ndarray, taps: Taps, size: int) -> Taps:
    weights = (places >= 0).astype(np.float64)
    return Taps(places[None], weights[None], taps.length - size + 1, taps.step)
