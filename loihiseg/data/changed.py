"""A volume whose sections are made of another's, window by window."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from loihiseg.data.contrast import Contrast, contrast
from loihiseg.data.windows import Window, windows_of
from loihiseg.errors import InputError

_SIDE = 1024
"""Rows and columns that are made at once, where a whole section is looked at."""


class Sections(Protocol):
    """What it is made of; `loihiseg.data.volume.Volume` is one."""

    @property
    def n_sections(self) -> int: ...

    @property
    def shape(self) -> tuple[int, int]: ...

    @property
    def depth(self) -> int: ...

    def window(self, number: int, window: Window) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class ChangedVolume(ABC):
    """A volume whose sections are made of another's.

    Attributes
    ----------
    volume : Sections
    """

    volume: Sections
    _contrasts: dict[int, Contrast | InputError] = field(
        default_factory=dict, init=False, kw_only=True
    )

    @property
    def n_sections(self) -> int:
        """How many there are."""
        return self.volume.n_sections

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """(height, width) of a section."""

    @property
    def depth(self) -> int:
        """Sections that are stored together."""
        return self.volume.depth

    @abstractmethod
    def window(self, number: int, window: Window) -> np.ndarray:
        """A part of a section, (height, width) of the window, uint8.

        Raises
        ------
        InputError
            If its pixels cannot be read.
        """

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
