"""A volume at a network's size of pixel, window by window, and windows of its maps brought back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loihiseg.data.changed import ChangedVolume
from loihiseg.data.resampling import Resampling, grey, weighted
from loihiseg.data.windows import Window


@dataclass(frozen=True, eq=False)
class ResampledVolume(ChangedVolume):
    """A volume whose sections and windows are at the network's size of pixel.

    Windows are equal to that part of the whole section, `Resampling.images` of it, bit for bit.

    Attributes
    ----------
    volume : Sections
    resampling : Resampling
    """

    resampling: Resampling

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of a section, pixels of the network's size."""
        return self.resampling.shape(self.volume.shape)

    def window(self, number: int, window: Window) -> np.ndarray:
        """See `ChangedVolume.window`."""
        axes = self.resampling.axes(self.volume.shape)
        rows, columns = _ranges(window)
        down, right = (
            axis.needed(part.start, part.stop) for axis, part in zip(axes, (rows, columns))
        )
        part = self.volume.window(number, Window(down.start, right.start, len(down), len(right)))
        return grey(weighted(part, axes, rows, columns, (down.start, right.start)))


@dataclass(frozen=True)
class MapGrid:
    """Where the pixels of a map lie in the pixels that a network sees.

    Attributes
    ----------
    shape : tuple of int
        (height, width) of a section of the map.
    resampling : Resampling or None
        From these pixels to the network's; None where they are the same.
    """

    shape: tuple[int, int]
    resampling: Resampling | None = None

    def seen(self, window: Window) -> Window:
        """The network's pixels that a window of the map is made of; see `network_window`."""
        if self.resampling is None:
            return window
        return network_window(self.resampling, self.shape, window)

    def brought_back(self, probability: np.ndarray, window: Window) -> np.ndarray:
        """A window of the map, of the network's probability there; see `brought_back`."""
        if self.resampling is None:
            return probability
        return brought_back(probability, self.resampling, self.shape, window)


def network_window(resampling: Resampling, shape: tuple[int, int], window: Window) -> Window:
    """Pixels of the network's maps that a window of the input's own pixels is made of.

    Parameters
    ----------
    resampling : Resampling
    shape : tuple of int
        (height, width) of a section of the input.
    window : Window
        Of the input.
    """
    axes = resampling.axes_back(shape)
    down, right = (axis.needed(part.start, part.stop) for axis, part in zip(axes, _ranges(window)))
    return Window(down.start, right.start, len(down), len(right))


def brought_back(
    probability: np.ndarray,
    resampling: Resampling,
    shape: tuple[int, int],
    window: Window,
) -> np.ndarray:
    """A window of a map at the input's own pixels.

    Parameters
    ----------
    probability : numpy.ndarray
        Of membrane, float32, of the window of the network's map that `network_window` says.
    resampling, shape, window
        As there.

    Returns
    -------
    numpy.ndarray
        (height, width) of the window, float32, from 0 to 1: the same as that part of the whole
        map brought back. The mask is where it is above the threshold.
    """
    rows, columns = _ranges(window)
    seen = network_window(resampling, shape, window)
    axes = resampling.axes_back(shape)
    found = weighted(probability, axes, rows, columns, (seen.top, seen.left))
    return np.clip(found, 0, 1)


def _ranges(window: Window) -> tuple[range, range]:
    rows = range(window.top, window.top + window.height)
    return rows, range(window.left, window.left + window.width)
