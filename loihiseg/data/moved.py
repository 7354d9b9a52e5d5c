"""A volume whose images are moved by parts of a pixel, window by window."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

import numpy as np

from loihiseg.data.changed import ChangedVolume
from loihiseg.data.moving import REACH, Offset, moved_part
from loihiseg.data.windows import Window


@dataclass(frozen=True, eq=False)
class MovedVolume(ChangedVolume):
    """A volume whose sections are moved; windows equal that part of the whole, bit for bit.

    Attributes
    ----------
    volume : Sections
    offset : tuple of float
        Pixels down and right.
    """

    offset: Offset

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of a section."""
        return self.volume.shape

    def window(self, number: int, window: Window) -> np.ndarray:
        """See `ChangedVolume.window`."""
        reach = [REACH + 1 + abs(floor(part)) for part in self.offset]
        height, width = self.shape
        top, left = max(window.top - reach[0], 0), max(window.left - reach[1], 0)
        bottom = min(window.top + window.height + reach[0], height)
        right = min(window.left + window.width + reach[1], width)
        part = self.volume.window(number, Window(top, left, bottom - top, right - left))
        return moved_part(part, self.offset, (top, left), window.slices, self.shape)
