"""Images moved by parts of a pixel.

A network may be trained on images that were moved to where their labels lie, see
`loihiseg.data.registration`; they are moved the same way wherever it runs.
"""

from __future__ import annotations

from math import floor
from typing import Annotated

import numpy as np
from msgspec import Meta

MOST_OFFSET_PX = 4.0
"""That labels lie off on either axis. What lies further off was drawn on other images."""

_Off = Annotated[float, Meta(ge=-MOST_OFFSET_PX, le=MOST_OFFSET_PX)]
Offset = tuple[_Off, _Off]
"""Pixels down and right that labels lie from what they label; negative: up and left."""

REACH = 2
"""Pixels to either side that a moved one is made of."""


def moved(sections: np.ndarray, offset: Offset) -> np.ndarray:
    """Sections moved down and right, (n, rows, columns) uint8, the same shape.

    By cubic convolution [1]_, columns after rows, rounded; beyond an edge its pixels are repeated.

    References
    ----------
    .. [1] R. Keys (1981), "Cubic convolution interpolation for digital image processing", IEEE
           Trans. Acoust. 29:1153, a = -1/2.
    """
    _, rows, columns = sections.shape
    window = slice(0, rows), slice(0, columns)
    return np.stack([moved_part(one, offset, (0, 0), window, (rows, columns)) for one in sections])


def moved_part(
    part: np.ndarray,
    offset: Offset,
    origin: tuple[int, int],
    window: tuple[slice, slice],
    shape: tuple[int, int],
) -> np.ndarray:
    """A window of a moved section.

    Parameters
    ----------
    part : numpy.ndarray
        Of the section, (rows, columns) uint8: the window and `REACH` pixels to either side of where
        it comes from, as far as there are.
    offset : tuple of float
    origin : tuple of int
        Row and column of the section where the part begins.
    window : tuple of slice
        Rows and columns of the section.
    shape : tuple of int
        (height, width) of the section.

    Returns
    -------
    numpy.ndarray
        uint8; the same pixels as in the whole section moved.
    """
    found = np.asarray(part, np.float32)
    for axis, span in enumerate(window):
        whole, fraction = floor(-offset[axis]), -offset[axis] - floor(-offset[axis])
        places = np.arange(span.start, span.stop) + whole
        taps = []
        for tap, weight in enumerate(_weights(fraction)):
            near = np.clip(places + tap - 1, 0, shape[axis] - 1) - origin[axis]
            taps.append(weight * np.take(found, near, axis))
        found = taps[0] + taps[1] + taps[2] + taps[3]
    return np.clip(np.rint(found), 0, 255).astype(np.uint8)


def _weights(fraction: float) -> np.ndarray:
    """(4,) float32: of the pixels from one before to two behind, this far from the first."""
    near, far = np.array([fraction, 1 - fraction]), np.array([1 + fraction, 2 - fraction])
    inner = 1.5 * near**3 - 2.5 * near**2 + 1
    outer = -0.5 * far**3 + 2.5 * far**2 - 4 * far + 2
    return np.array([outer[0], inner[0], inner[1], outer[1]], np.float32)
