"""A volume whose images are moved by parts of a pixel, window by window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import floor

import numpy as np

from loihiseg.data.contrast import Contrast, contrast
from loihiseg.data.moving import REACH, Offset, moved_part
from loihiseg.data.resampled import Sections
from loihiseg.data.windows import Window, windows_of
from loihiseg.errors import InputError

_SIDE = 1024
"""Rows and columns that are moved at once, where a whole section is looked at."""


@dataclass(frozen=True, eq=False)
class MovedVolume:
    """A volume whose sections are moved; windows equal that part of the whole, bit for bit.

    Attributes
    ----------
    volume : Sections
    offset : tuple of float
        Pixels down and right.
    """

    volume: Sections
    offset: Offset
    _contrasts: dict[int, Contrast | InputError] = field(default_factory=dict)

    @property
    def n_sections(self) -> int:
        """How many there are."""
        return self.volume.n_sections

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of a section."""
        return self.volume.shape

    @property
    def depth(self) -> int:
        """Sections that are stored together."""
        return self.volume.depth

    def window(self, number: int, window: Window) -> np.ndarray:
        """A part of a section, (height, width) of the window, uint8; raises InputError."""
        reach = [REACH + 1 + abs(floor(part)) for part in self.offset]
        height, width = self.shape
        top, left = max(window.top - reach[0], 0), max(window.left - reach[1], 0)
        bottom = min(window.top + window.height + reach[0], height)
        right = min(window.left + window.width + reach[1], width)
        part = self.volume.window(number, Window(top, left, bottom - top, right - left))
        return moved_part(part, self.offset, (top, left), window.slices, self.shape)

    def contrasts(self, numbers: Sequence[int]) -> dict[int, Contrast | InputError]:
        """Mean and deviation of whole sections, one of which is in memory at a time; kept."""
        for number in numbers:
            if number in self._contrasts:
                continue
            try:
                section = np.empty(self.shape, np.uint8)
                for window in windows_of(self.shape, _SIDE):
                    section[window.slices] = self.window(number, window)
                self._contrasts[number] = contrast(section)
            except InputError as error:
                self._contrasts[number] = error
        return {number: self._contrasts[number] for number in numbers}
