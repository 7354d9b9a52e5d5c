"""Which pixels a linear operation hears along one axis.

A tap is one pixel that is heard by every pixel of the result, in its place: ``places[a, i]`` is the
pixel that pixel i of the result hears through tap a, -1 where that is none, and ``weights[a, i]``
what it is multiplied by. A convolution has a tap for each row of its kernel, enlarging by
repetition has one. Taps of taps are taps again, borders included; that is why any two operations
on images compose.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import scipy

TOLERANCE = 1e-9
"""Weights of one tap that differ by less, times the largest, are one."""


@dataclass(frozen=True, eq=False)
class Taps:
    """Taps along one axis.

    Attributes
    ----------
    places : numpy.ndarray
        int64, (taps, length of the result); -1 for none.
    weights : numpy.ndarray
        float64, the same shape; 0 where there is no pixel.
    length : int
        Of the axis that is heard.
    step : Fraction
        Pixels that are heard for one of the result: the stride, or one by it where it enlarges.
    """

    places: np.ndarray
    weights: np.ndarray
    length: int
    step: Fraction = Fraction(1)

    @property
    def n_taps(self) -> int:
        """Taps."""
        return len(self.places)

    @property
    def result(self) -> int:
        """Length of the result."""
        return int(self.places.shape[1])

    @property
    def is_identity(self) -> bool:
        """Whether every pixel hears itself, as it is."""
        return (
            self.n_taps == 1
            and self.result == self.length
            and bool((self.places[0] == np.arange(self.length)).all())
            and bool((self.weights == 1).all())
        )


def _taps(places: np.ndarray, length: int, step: Fraction | int = 1, weights: float = 1.0) -> Taps:
    places = np.where((places >= 0) & (places < length), places, -1).astype(np.int64)
    return Taps(places, np.where(places >= 0, weights, 0.0), length, Fraction(step))


def identity(length: int) -> Taps:
    """Every pixel hears itself."""
    return _taps(np.arange(length)[None], length)


def sliding(
    length: int, result: int, size: int, stride: int = 1, before: int = 0, dilation: int = 1
) -> Taps:
    """Windows of so many taps, with so many zeros in front of the first pixel."""
    taps = np.arange(size)[:, None] * dilation
    return _taps(np.arange(result)[None] * stride + taps - before, length, stride)


def transposed(
    length: int, result: int, size: int, stride: int = 1, before: int = 0, dilation: int = 1
) -> Taps:
    """Windows that every pixel writes to, with so many rows cropped off the front."""
    shifted = np.arange(result)[None] + before - np.arange(size)[:, None] * dilation
    places = np.where(shifted % stride == 0, shifted // stride, -1)
    return _taps(places, length, Fraction(1, stride))


def means(length: int, result: int, size: int, stride: int, before: int) -> Taps:
    """Windows whose weights are one by the number of pixels that lie in the image."""
    taps = sliding(length, result, size, stride, before)
    inside = taps.places >= 0
    weights = np.where(inside, 1.0 / np.maximum(inside.sum(0), 1), 0.0)
    return Taps(taps.places, weights, length, taps.step)


def moved(length: int, before: int, result: int) -> Taps:
    """So many zeros in front (below 0: pixels left out), and what follows up to a length."""
    return _taps(np.arange(result)[None] - before, length)


def repeated(length: int, factor: int) -> Taps:
    """Every pixel so many times."""
    return _taps(np.arange(length * factor)[None] // factor, length, Fraction(1, factor))


def bilinear(length: int, factor: int) -> Taps:
    """So many times as many pixels, each between its two nearest; pixels are areas."""
    positions = np.arange(length * factor)
    # Twice the factor times the place, so that all is whole.
    scaled = 2 * positions + 1 - factor
    low = scaled // (2 * factor)
    share = (scaled % (2 * factor)) / (2 * factor)
    places = np.clip(np.stack([low, low + 1]), 0, length - 1)
    weights = np.stack([1 - share, share])
    places = np.where(weights > 0, places, -1)
    return Taps(places, weights, length, Fraction(1, factor))


def flipped(length: int) -> Taps:
    """The last pixel first."""
    return _taps(np.arange(length)[None, ::-1], length)


def compose(outer: Taps, inner: Taps) -> tuple[Taps, list[tuple[int, int, int, float]]]:
    """Taps of taps.

    Parameters
    ----------
    outer : Taps
        What is done last.
    inner : Taps
        Its result is what ``outer`` hears.

    Returns
    -------
    taps : Taps
        No two of them hear the same in the same proportions.
    parts : list of (int, int, int, float)
        Tap of ``outer``, tap of ``inner``, the tap of the result that both make, and its factor.
    """
    found: dict[tuple[bytes, bytes], int] = {}
    places: list[np.ndarray] = []
    weights: list[np.ndarray] = []
    parts: list[tuple[int, int, int, float]] = []
    for number, heard in enumerate(outer.places):
        there = heard >= 0
        for other in range(inner.n_taps):
            place = np.where(there, inner.places[other, heard], -1)
            weight = np.where(place >= 0, outer.weights[number] * inner.weights[other, heard], 0.0)
            place = np.where(weight != 0, place, -1)
            largest = float(weight[np.abs(weight).argmax()]) if len(weight) else 0.0
            if largest == 0.0:
                continue
            shape = np.round(weight / largest / TOLERANCE) * TOLERANCE
            key = place.tobytes(), shape.tobytes()
            if key not in found:
                found[key] = len(places)
                places.append(place)
                weights.append(weight / largest)
            parts.append((number, other, found[key], largest))
    empty = np.zeros((0, outer.result))
    taps = Taps(
        np.array(places, np.int64) if places else empty.astype(np.int64),
        np.array(weights) if weights else empty,
        inner.length,
        outer.step * inner.step,
    )
    return taps, parts


@dataclass(frozen=True, eq=False)
class Fit:
    """Taps as rows of one kernel, and what is left at the borders.

    Attributes
    ----------
    shares : numpy.ndarray
        float64, (taps, kernel rows): each tap as a sum of rows of the kernel.
    stride : int
    transposed : bool
    before, after : int
        Zeros around, or rows cropped; as of `loihiseg.conversion.linear.Term.pads`.
    rest : tuple of scipy.sparse.csr_array
        float64, (length of the result, length that is heard), of each tap: what it does besides.
    """

    shares: np.ndarray
    stride: int
    transposed: bool
    before: int
    after: int
    rest: "tuple[scipy.sparse.csr_array, ...]"

    @property
    def exact(self) -> bool:
        """Whether nothing is left."""
        return not any(rest.nnz for rest in self.rest)


def matrix(taps: Taps, number: int) -> "scipy.sparse.csr_array":
    """One tap as a matrix, float64, (length of the result, length that is heard)."""
    there = np.flatnonzero(taps.places[number] >= 0)
    return scipy.sparse.csr_array(
        (taps.weights[number, there], (there, taps.places[number, there])),
        shape=(taps.result, taps.length),
    )


def fit(every: Sequence[Taps], turned: bool) -> list[Fit] | None:
    """Several taps, all of one step, as rows of kernels of one size.

    Parameters
    ----------
    every : sequence of Taps
    turned : bool
        As a transposed convolution.

    Returns
    -------
    list of Fit or None
        None if neither a stride nor its inverse is their step.
    """
    first = every[0]
    if any((t.step, t.length, t.result) != (first.step, first.length, first.result) for t in every):
        return None
    step = 1 / first.step if turned else first.step
    if step.denominator != 1:
        return None
    stride = int(step)
    of_each = [[_diagonals(t, n, stride, turned) for n in range(t.n_taps)] for t in every]
    offsets = sorted({offset for each in of_each for shares, _ in each for offset in shares})
    low, high = (offsets[0], offsets[-1]) if offsets else (0, 0)
    size = high - low + 1
    if turned:
        before = -low
        after = (first.length - 1) * stride + size - before - first.result
    else:
        before = -low
        after = stride * (first.result - 1) + high - (first.length - 1)
    fits = []
    for each in of_each:
        shares = np.zeros((len(each), size))
        for row, (found, _) in zip(shares, each, strict=True):
            for offset, value in found.items():
                row[offset - low] = value
        rest = tuple(left for _, left in each)
        fits.append(Fit(shares, stride, turned, before, after, rest))
    return fits


def _diagonals(
    taps: Taps, number: int, stride: int, turned: bool
) -> "tuple[dict[int, float], scipy.sparse.csr_array]":
    """What a tap hears at every distance almost everywhere, and the rest of it."""
    own, heard = np.arange(taps.result), taps.places[number]
    there = heard >= 0
    distance = own - stride * heard if turned else heard - stride * own
    shares: dict[int, float] = {}
    left: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for offset in np.unique(distance[there]):
        if turned:
            place, remainder = np.divmod(own - offset, stride)
            inside = (remainder == 0) & (place >= 0) & (place < taps.length)
        else:
            place = stride * own + offset
            inside = (place >= 0) & (place < taps.length)
        values = np.where(there & (distance == offset), taps.weights[number], 0.0)[inside]
        rounded, counts = np.unique(np.round(values / TOLERANCE), return_counts=True)
        usual = rounded[counts.argmax()]
        value = float(values[np.round(values / TOLERANCE) == usual][0])
        if value != 0:
            shares[int(offset)] = value
        other = np.abs(values - value) >= TOLERANCE
        left.append((own[inside][other], place[inside][other], (values - value)[other]))
    rows, columns, rest = (np.concatenate(part) for part in zip(*left)) if left else ([], [], [])
    return shares, scipy.sparse.csr_array((rest, (rows, columns)), shape=(taps.result, taps.length))
