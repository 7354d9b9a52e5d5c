"""A volume at a network's size of pixel, window by window, and windows of its maps brought back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from loihiseg.data.contrast import Contrast, contrast
from loihiseg.data.resampling import Resampling, grey, weighted
from loihiseg.data.windows import Window, windows_of
from loihiseg.errors import InputError

_SIDE = 1024
"""Rows and columns that are resampled at once, where a whole section is looked at."""


class Sections(Protocol):
    """What is resampled; `loihiseg.data.volume.Volume` is one."""

    @property
    def n_sections(self) -> int: ...

    @property
    def shape(self) -> tuple[int, int]: ...

    @property
    def depth(self) -> int: ...

    def window(self, number: int, window: Window) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class ResampledVolume:
    """A volume whose sections and windows are at the network's size of pixel.

    Windows are equal to that part of the whole section, `Resampling.images` of it, bit for bit.

    Attributes
    ----------
    volume : Sections
    resampling : Resampling
    """

    volume: Sections
    resampling: Resampling
    _contrasts: dict[int, Contrast | InputError] = field(default_factory=dict)

    @property
    def n_sections(self) -> int:
        """How many there are."""
        return self.volume.n_sections

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of a section, pixels of the network's size."""
        return self.resampling.shape(self.volume.shape)

    @property
    def depth(self) -> int:
        """Sections that are stored together."""
        return self.volume.depth

    def window(self, number: int, window: Window) -> np.ndarray:
        """A part of a section, (height, width) of the window, uint8.

        Raises
        ------
        InputError
            If its pixels cannot be read.
        """
        axes = self.resampling.axes(self.volume.shape)
        rows, columns = _ranges(window)
        down, right = (
            axis.needed(part.start, part.stop) for axis, part in zip(axes, (rows, columns))
        )
        part = self.volume.window(number, Window(down.start, right.start, len(down), len(right)))
        return grey(weighted(part, axes, rows, columns, (down.start, right.start)))

    def section(self, number: int) -> np.ndarray:
        """A section, (height, width) uint8; see `window`."""
        found = np.empty(self.shape, np.uint8)
        for window in windows_of(self.shape, _SIDE):
            found[window.slices] = self.window(number, window)
        return found

    def contrasts(self, numbers: Sequence[int]) -> dict[int, Contrast | InputError]:
        """Mean and deviation of whole sections, one of which is in memory at a time; kept.

        Returns
        -------
        dict of int to Contrast or InputError
            By section; the error where one cannot be read.
        """
        for number in numbers:
            if number in self._contrasts:
                continue
            try:
                self._contrasts[number] = contrast(self.section(number))
            except InputError as error:
                self._contrasts[number] = error
        return {number: self._contrasts[number] for number in numbers}


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
