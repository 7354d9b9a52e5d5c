"""What a network sees of a volume: a window of a section, and the same of those around it."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from loihiseg.data.contrast import Contrast, together
from loihiseg.data.neighbours import readable, seen_from
from loihiseg.data.warn import warn
from loihiseg.data.windows import Window
from loihiseg.errors import InputError


class Sections(Protocol):
    """A volume to be segmented, window by window; `loihiseg.data.volume.Volume` is one."""

    @property
    def n_sections(self) -> int: ...

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of a section."""

    @property
    def depth(self) -> int:
        """Sections that are stored together: the same window of each is best asked for in turn."""

    def window(self, number: int, window: Window) -> np.ndarray:
        """(height, width) of the window, uint8; raises InputError."""

    def contrasts(self, numbers: Sequence[int]) -> dict[int, Contrast | InputError]:
        """Of whole sections, by number; the error where one cannot be read."""


class Sight:
    """A volume as a network sees it, which sees some sections on either side of each.

    All sections of the volume are seen, whichever are segmented. One that cannot be read is
    replaced by the next one towards the middle, with a warning. Of a window those sections are
    kept that the next section may see too.

    Parameters
    ----------
    volume : Sections
    reach : int
        Sections that are seen on either side; 0 for none.
    """

    def __init__(self, volume: Sections, reach: int) -> None:
        self._volume, self._reach = volume, reach
        self._places: dict[int, tuple[int, ...]] = {}
        self._kept: dict[int, np.ndarray] = {}
        self._window: Window | None = None
        self._warned: set[int] = set()

    def contrasts(self, numbers: Sequence[int]) -> dict[int, Contrast | InputError]:
        """Of whole sections and those seen around them, by number.

        Returns
        -------
        dict of int to Contrast or InputError
            The error of a section that cannot be read itself.
        """
        seen = {n: seen_from(n, self._volume.n_sections, self._reach) for n in numbers}
        every = self._volume.contrasts(sorted({place for some in seen.values() for place in some}))
        damaged = {place for place, one in every.items() if isinstance(one, InputError)}
        found: dict[int, Contrast | InputError] = {}
        for number, places in seen.items():
            own = every[number]
            if isinstance(own, Contrast):
                self._places[number] = readable(places, damaged)
                levels = [every[place] for place in self._places[number]]
                own = together([one for one in levels if isinstance(one, Contrast)])
            found[number] = own
        if self._reach:
            self._warn_of({place: every[place] for place in damaged})
        return found

    def window(self, number: int, window: Window) -> np.ndarray:
        """What is seen of a window, uint8: (height, width), or (height, width, 1 + 2 reach).

        Of a section whose contrast was asked for before; raises InputError.
        """
        if not self._reach:
            return self._volume.window(number, window)
        if window != self._window:
            self._kept, self._window = {}, window
        places = self._places[number]
        self._kept = {place: one for place, one in self._kept.items() if place in places}
        for place in places:
            if place not in self._kept:
                self._kept[place] = self._volume.window(place, window)
        return np.stack([self._kept[place] for place in places], -1)

    def _warn_of(self, damaged: dict[int, Contrast | InputError]) -> None:
        for place, error in damaged.items():
            if place not in self._warned:
                self._warned.add(place)
                warn(
                    f"{error}; where the network sees it beside another, the next one stands there"
                )
