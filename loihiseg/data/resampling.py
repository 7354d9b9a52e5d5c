"""Images and labels brought to the size of pixel that a network was trained on, and maps back.

A pixel of the result is a weighted sum of the pixels around its place: a tent as wide as the larger
of the two pixels on each side, so that what is made smaller is smoothed before (antialiased), and
what is made larger is interpolated linearly. Each axis on its own, and each pixel in the same order
of additions wherever it is computed: a window of a section is equal to that part of the whole, bit
for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

import numpy as np

from loihiseg.data.warn import warn
from loihiseg.errors import Option, OptionError

Sizes = tuple[float | None, float | None, float | None]
"""Nanometres between sections, rows and columns; None where unknown."""

Plane = tuple[float, float]
"""Nanometres between rows and columns."""

CLOSE = 0.05
"""Sizes that differ by less than this share count as equal."""

_ROWS_AT_ONCE = 256

MOST_FACTOR = 16.0
"""Sizes that differ by more are taken for a mistake in the metadata."""


@dataclass(frozen=True)
class PixelSizes:
    """What is known of sizes beside what a file says.

    asked : of the data, in place of the file's own; None where nothing was asked for.
    network : that a network was trained on; None where that is not known.
    """

    asked: Sizes | None = None
    network: Plane | None = None


@dataclass(frozen=True)
class Axis:
    """One axis of ``n_from`` pixels seen as ``n_to`` pixels of the same length in all."""

    n_from: int
    n_to: int

    @property
    def _scale(self) -> float:
        return self.n_from / self.n_to

    def needed(self, start: int, stop: int) -> range:
        """Pixels that the results from start to before stop are made of."""
        first, last = self._first(start), self._first(stop - 1) + self._n_taps - 1
        return range(max(first, 0), min(last + 1, self.n_from))

    def taps(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Which pixels make up each result from start to before stop, and how much each counts.

        Returns two arrays (stop - start, n_taps): places, int64, the edge repeated beyond it, and
        weights, float64, that sum to one.
        """
        results = np.arange(start, stop)
        centres = (results + 0.5) * self._scale - 0.5
        first = np.array([self._first(result) for result in results.tolist()], np.int64)
        places = first[:, np.newaxis] + np.arange(self._n_taps)
        width = max(self._scale, 1.0)
        weights = np.clip(1 - abs(places - centres[:, np.newaxis]) / width, 0, None)
        weights /= weights.sum(axis=1, keepdims=True)
        return np.clip(places, 0, self.n_from - 1), weights

    def nearest(self, start: int, stop: int) -> np.ndarray:
        """The pixel, int64, that lies under the middle of each result from start to before stop."""
        middles = (np.arange(start, stop) + 0.5) * self._scale
        return np.clip(np.floor(middles).astype(np.int64), 0, self.n_from - 1)

    @property
    def _n_taps(self) -> int:
        return 2 * ceil(max(self._scale, 1.0)) + 1

    def _first(self, result: int) -> int:
        return floor((result + 0.5) * self._scale - 0.5) - ceil(max(self._scale, 1.0)) + 1


@dataclass(frozen=True)
class Resampling:
    """From sections of one size of pixel to those of another.

    data_nm, network_nm : of rows and columns.
    """

    data_nm: Plane
    network_nm: Plane

    def shape(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """(height, width) of the result for that of a section."""
        height, width = (
            max(1, round(n * ours / theirs))
            for n, ours, theirs in zip(shape[-2:], self.data_nm, self.network_nm)
        )
        return height, width

    def axes(self, shape: tuple[int, ...]) -> tuple[Axis, Axis]:
        """Rows and columns of a section (height, width), to the network's."""
        height, width = self.shape(shape)
        return Axis(shape[-2], height), Axis(shape[-1], width)

    def axes_back(self, shape: tuple[int, ...]) -> tuple[Axis, Axis]:
        """The network's rows and columns back to those of a section (height, width)."""
        rows, columns = self.axes(shape)
        return Axis(rows.n_to, rows.n_from), Axis(columns.n_to, columns.n_from)

    def images(self, sections: np.ndarray) -> np.ndarray:
        """Sections (n, height, width) uint8 as the network's."""
        down, right = self.axes(sections.shape)
        found = np.empty((len(sections), down.n_to, right.n_to), np.uint8)
        for section, ours in zip(sections, found):
            # A few rows at a time: sums are of 8 bytes a pixel.
            for start in range(0, down.n_to, _ROWS_AT_ONCE):
                rows = range(start, min(start + _ROWS_AT_ONCE, down.n_to))
                needed = down.needed(rows.start, rows.stop)
                part = section[needed.start : needed.stop]
                ours[rows.start : rows.stop] = grey(
                    weighted(part, (down, right), rows, origin=(needed.start, 0))
                )
        return found

    def marks(self, sections: np.ndarray) -> np.ndarray:
        """Ids, masks or soft masks (n, height, width) as the network's: the nearest of each."""
        rows, columns = self.axes(sections.shape)
        down, right = rows.nearest(0, rows.n_to), columns.nearest(0, columns.n_to)
        return np.stack([section[np.ix_(down, right)] for section in sections])

    def __str__(self) -> str:
        ours, theirs = (
            f"{rows:g}" if rows == columns else f"{rows:g} x {columns:g}"
            for rows, columns in (self.data_nm, self.network_nm)
        )
        return f"resampled from pixels of {ours} nm to the network's {theirs} nm"


def weighted(
    pixels: np.ndarray,
    axes: tuple[Axis, Axis],
    rows: range | None = None,
    columns: range | None = None,
    origin: tuple[int, int] = (0, 0),
) -> np.ndarray:
    """Pixels of another size, whole or a window.

    Parameters
    ----------
    pixels : numpy.ndarray
        (height, width) of any real type: the whole section, or a part that holds all that
        `Axis.needed` says.
    axes : tuple of Axis
        Of rows and of columns.
    rows, columns : range, optional
        Of the result; all by default.
    origin : tuple of int
        Row and column of the first of ``pixels`` in the whole section.

    Returns
    -------
    numpy.ndarray
        float32, (len(rows), len(columns)).
    """
    down, right = axes
    rows = range(down.n_to) if rows is None else rows
    columns = range(right.n_to) if columns is None else columns
    places, weights = right.taps(columns.start, columns.stop)
    across = _summed(np.asarray(pixels).T, places - origin[1], weights).T
    places, weights = down.taps(rows.start, rows.stop)
    return _summed(across, places - origin[0], weights).astype(np.float32)


def grey(section: np.ndarray) -> np.ndarray:
    """Weighted grey levels as uint8."""
    return np.clip(np.rint(section), 0, 255).astype(np.uint8)


def _summed(pixels: np.ndarray, places: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted sums along the first axis, float64, term by term: the same for any part of it."""
    total = np.zeros((len(places), pixels.shape[1]))
    for place, weight in zip(places.T, weights.T):
        # A term that counts for nothing may lie outside a window.
        inside = np.clip(place, 0, len(pixels) - 1)
        total += np.where(weight > 0, weight, 0.0)[:, np.newaxis] * pixels[inside]
    return total


def resampling_of(
    from_file: Sizes | None, sizes: PixelSizes, source: str
) -> tuple[Resampling | None, Sizes | None]:
    """How data are brought to the network's size, None for not at all, and the data's own size.

    Warns where the file says another size than was asked for, and of sizes that cannot be.
    Raises OptionError for a size that was asked for and is out of all proportion to the network's.
    """
    found = from_file
    if sizes.asked is not None:
        if from_file is not None and _differ(plane(from_file), plane(sizes.asked)):
            warn(
                f"{source}: says that its pixels are of {_words(from_file)} nm; "
                f"{_words(sizes.asked)} nm is taken, as asked for"
            )
        depth = None if from_file is None else from_file[0]
        found = (sizes.asked[0] or depth, *sizes.asked[1:])
    ours = plane(found)
    if ours is None or sizes.network is None or not _differ(ours, sizes.network):
        return None, found
    factors = [one / other for one, other in zip(ours, sizes.network)]
    if max(*factors, *(1 / factor for factor in factors)) > MOST_FACTOR:
        told = f"pixels of {_words(found)} nm, {max(factors):.3g} times the network's"
        if sizes.asked is not None:
            raise OptionError(
                Option("pixel_nm"), f": {told}, expected at most {MOST_FACTOR:g} times as much or "
                "as little; give nanometres",
            )  # fmt: skip
        warn(f"{source}: says that it has {told}, which cannot be: nothing is resampled")
        return None, None
    return Resampling(ours, sizes.network), found


def unknown(data: Sizes | None, network: Plane | None) -> str:
    """A sentence where a size is not known, so that nothing can be resampled; else nothing."""
    missing = [name for name, size in (("data", plane(data)), ("network", network)) if size is None]
    if not missing:
        return ""
    return f"The size of a pixel of the {' and the '.join(missing)} is not known: not resampled."


def plane(sizes: Sizes | None) -> Plane | None:
    """Sizes of rows and columns where both are known."""
    if sizes is None or sizes[1] is None or sizes[2] is None:
        return None
    return sizes[1], sizes[2]


def _differ(one: Plane | None, other: Plane | None) -> bool:
    if one is None or other is None:
        return False
    return any(abs(a / b - 1) > CLOSE for a, b in zip(one, other))


def _words(sizes: Sizes | None) -> str:
    return " x ".join("?" if size is None else f"{size:g}" for size in (sizes or ())[-2:])
