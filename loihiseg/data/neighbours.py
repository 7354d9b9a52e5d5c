"""Sections before and behind a section, which a network may see beside it, in order of z.

A network that sees ``reach`` sections on either side takes images of 1 + 2 reach channels: those
before, the section itself in the middle, those behind. Where a stack ends, its last section stands
for those beyond.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import TypeVar

import numpy as np

from loihiseg.data.contrast import contrast, together
from loihiseg.data.warn import warn

_Section = TypeVar("_Section")


def seen_from(number: int, n_sections: int, reach: int) -> tuple[int, ...]:
    """Sections that a network sees of a stack, (1 + 2 reach) in order of z; `number` is the middle.

    Beyond the ends of the stack its last section stands: with a reach of 1, the first of several is
    seen as (0, 0, 1).
    """
    return tuple(
        min(max(number + offset, 0), n_sections - 1) for offset in range(-reach, reach + 1)
    )


def seen_in_runs(numbers: Sequence[int], reach: int) -> tuple[tuple[int, ...], ...]:
    """Positions that each of some sections sees, some of which may be missing between others.

    Parameters
    ----------
    numbers : sequence of int
        Of the sections, ascending: where one does not follow the one before, a stack ends and
        another begins.
    reach : int

    Returns
    -------
    tuple of tuple of int
        Of each section, positions among ``numbers``, as of `seen_from` within its own run.
    """
    starts = [0, *(i for i in range(1, len(numbers)) if numbers[i] != numbers[i - 1] + 1)]
    found: list[tuple[int, ...]] = []
    for start, stop in zip(starts, [*starts[1:], len(numbers)]):
        for position in range(stop - start):
            seen = seen_from(position, stop - start, reach)
            found.append(tuple(start + one for one in seen))
    return tuple(found)


def readable(seen: Sequence[int], damaged: Collection[int]) -> tuple[int, ...]:
    """What is seen where some sections cannot be read: the next towards the middle stands there.

    seen : as of `seen_from`; the middle itself can be read.
    """
    reach = len(seen) // 2
    found = list(seen)
    for distance in range(1, reach + 1):
        for side in (-1, 1):
            place = reach + side * distance
            if found[place] in damaged:
                found[place] = found[place - side]
    return tuple(found)


def in_sight(sections: Iterable[_Section], reach: int) -> Iterator[tuple[_Section, ...]]:
    """Each of some sections with those before and behind it, (1 + 2 reach) of them in order of z.

    Parameters
    ----------
    sections : iterable
        In order of z, of whatever stands for a section; taken one by one, ``reach`` ahead. Of them
        1 + 2 reach are held at a time.
    reach : int
    """
    coming = iter(sections)
    ahead = list(islice(coming, 1 + reach))
    if not ahead:
        return
    n_left = len(ahead)
    missing = [ahead[-1]] * (1 + reach - len(ahead))
    held = deque([ahead[0]] * reach + ahead + missing, maxlen=1 + 2 * reach)
    while True:
        yield tuple(held)
        following = list(islice(coming, 1))
        n_left += len(following) - 1
        if not n_left:
            return
        held.append(following[0] if following else held[-1])


def warn_of_one(source: str, reach: int) -> None:
    """Warn of a stack that is one section alone, for a network that sees others around it."""
    warn(
        f"{source}: one section, of which the network sees {reach} on either side: it stands for "
        "those too, which the network was not trained for"
    )


def with_neighbours(images: np.ndarray, reach: int) -> np.ndarray:
    """A stack as a network sees it: (n, height, width) in, (n, height, width, 1 + 2 reach) out."""
    return np.stack([np.stack(seen, -1) for seen in in_sight(images, reach)])


def with_channels(pixels: np.ndarray) -> np.ndarray:
    """Tiles (n, tile, tile) as images of one channel; those that have channels as they are."""
    return pixels[..., np.newaxis] if pixels.ndim == 3 else pixels


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What some sections of a stack see of all of it, without a copy of either.

    Attributes
    ----------
    images : numpy.ndarray
        (n, height, width) uint8: all sections there are.
    numbers : tuple of int
        Of all of them within the original stack; where some are missing, see `seen_in_runs`.
    places : tuple of int
        Of the sections that are looked at, among the images.
    reach : int
        Sections that are seen on either side, 1 or more.
    """

    images: np.ndarray
    numbers: tuple[int, ...]
    places: tuple[int, ...]
    reach: int

    @cached_property
    def seen(self) -> tuple[tuple[int, ...], ...]:
        """Of each section that is looked at, what it sees: places among the images."""
        every = seen_in_runs(self.numbers, self.reach)
        return tuple(every[place] for place in self.places)

    def select(self, positions: Sequence[int]) -> Surroundings:
        """Those of the sections that are looked at which have some positions among them."""
        return replace(self, places=tuple(self.places[position] for position in positions))

    def cut_rows(self, band: slice) -> Surroundings:
        """A band of rows of all sections."""
        return replace(self, images=self.images[:, band])

    def section(self, position: int) -> np.ndarray:
        """A section and what it sees, (height, width, 1 + 2 reach) uint8."""
        return np.stack([self.images[place] for place in self.seen[position]], -1)


def normalized(section: np.ndarray) -> np.ndarray:
    """A section as a network's input: every one that it sees is normalized by itself.

    Parameters
    ----------
    section : numpy.ndarray
        (height, width), or with the sections that it sees behind, (height, width, channels).

    Returns
    -------
    numpy.ndarray
        float32, the same shape. A whole section: crop and tile afterwards.
    """
    if section.ndim == 2:
        return contrast(section).applied(section)
    channels = np.moveaxis(section, -1, 0)
    return together([contrast(one) for one in channels]).applied(section)
