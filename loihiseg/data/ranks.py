"""Percentiles of more pixels than memory holds, equal to those of numpy to the bit."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

_HALF = 16
"""Bits of a key that one pass counts."""
_PIXELS_AT_ONCE = 2**20
"""A count takes some 40 bytes a pixel."""

Passes = Callable[[], Iterable[np.ndarray]]
"""Gives the same pixels each time that it is called, in parts of any shape."""


def percentiles(
    parts: Passes,
    dtype: np.dtype,
    count: int,
    shares: Sequence[float],
    without: Mapping[float, int] | None = None,
) -> list[float]:
    """Percentiles of pixels that come in parts.

    Values are brought into whole numbers of the same order and counted by their bits, 16 at a time
    from the highest: one pass for types of 16 bits or less, two for 32, four for 64.

    Parameters
    ----------
    parts : callable
        See `Passes`; no NaN.
    dtype : numpy.dtype
        Of the pixels: bool, integer or float of up to 64 bits.
    count : int
        Pixels in all but those of `without`, at least 1.
    shares : sequence of float
        0 to 100.
    without : mapping of float to int, optional
        Pixels that are left out: how many of which value, of those that the parts have.

    Returns
    -------
    list of float
        As ``numpy.percentile`` gives them, between two values of neighbouring rank in proportion.
    """
    places = [share / 100 * (count - 1) for share in shares]
    ranks = sorted({rank for place in places for rank in (math.floor(place), math.ceil(place))})
    values = dict(zip(ranks, _of_ranks(parts, dtype, ranks, without or {})))
    found = []
    for share in shares:
        # numpy's own interpolation, on the two values that it would find.
        place = share / 100 * (count - 1)
        low = math.floor(place)
        pair = np.array([values[low], values[math.ceil(place)]], dtype)
        found.append(float(_between(pair, place - low)))
    return found


def _between(pair: np.ndarray, share: float) -> np.floating:
    """Between two values as numpy's percentile interpolates."""
    low, high = pair[0], pair[1]
    difference = np.subtract(high, low)
    if share >= 0.5:
        return np.subtract(high, difference * (1 - share))
    return np.add(low, difference * share)


def _of_ranks(
    parts: Passes, dtype: np.dtype, ranks: list[int], without: Mapping[float, int]
) -> list[object]:
    """The values that are so many places from the smallest, of all but those left out."""
    left_out = [(int(_keys(np.array([value], dtype), dtype)[0]), n) for value, n in without.items()]
    bits = 8 * max(dtype.itemsize, 2)
    # What is known of the key of each rank, from the highest bits on, and its rank among those.
    known = [(0, rank) for rank in ranks]
    for shift in range(bits - _HALF, -1, -_HALF):
        prefixes = sorted({prefix for prefix, _ in known})
        counts = {prefix: np.zeros(2**_HALF, np.int64) for prefix in prefixes}
        for part in parts():
            for keys in _in_pieces(part, dtype):
                above = keys >> np.uint64(shift + _HALF) if shift + _HALF < 64 else None
                digits = ((keys >> np.uint64(shift)) & np.uint64(2**_HALF - 1)).astype(np.int64)
                for prefix in prefixes:
                    chosen = digits if above is None else digits[above == np.uint64(prefix)]
                    counts[prefix] += np.bincount(chosen, minlength=2**_HALF)
        for key, n in left_out:
            if key >> (shift + _HALF) in counts:
                counts[key >> (shift + _HALF)][(key >> shift) & (2**_HALF - 1)] -= n
        narrowed = []
        for prefix, rank in known:
            before = np.cumsum(counts[prefix])
            digit = int(np.searchsorted(before, rank, side="right"))
            below = int(before[digit - 1]) if digit else 0
            narrowed.append(((prefix << _HALF) | digit, rank - below))
        known = narrowed
    return [_value(key, dtype) for key, _ in known]


def _in_pieces(part: np.ndarray, dtype: np.dtype) -> Iterator[np.ndarray]:
    """Keys of some pixels at a time."""
    values = part.ravel()
    for start in range(0, values.size, _PIXELS_AT_ONCE):
        yield _keys(values[start : start + _PIXELS_AT_ONCE], dtype)


def _keys(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """uint64 in the order of the values; the highest bits are 0 for small types."""
    size = max(dtype.itemsize, 2)
    if dtype.kind in "bu":
        return values.astype(np.uint64)
    if dtype.kind == "i":
        return (values.astype(np.int64) + np.int64(2 ** (8 * size - 1) if size < 8 else 0)).view(
            np.uint64
        ) ^ np.uint64(0 if size < 8 else 2**63)
    # There are two zeros, which are equal.
    raw = (values + dtype.type(0)).view(f"u{dtype.itemsize}").astype(np.uint64)
    sign = np.uint64(2 ** (8 * dtype.itemsize - 1))
    every = np.uint64(2 ** (8 * dtype.itemsize) - 1)
    # Negative floats: the larger their bits, the smaller they are.
    return np.where(raw & sign, ~raw & every, raw | sign)


def _value(key: int, dtype: np.dtype) -> object:
    """The value of a key."""
    size = max(dtype.itemsize, 2)
    if dtype.kind in "bu":
        return np.array(key).astype(dtype)[()]
    if dtype.kind == "i":
        return np.array(key - 2 ** (8 * size - 1)).astype(dtype)[()]
    bits = 8 * dtype.itemsize
    raw = key & (2 ** (bits - 1) - 1) if key >> (bits - 1) else ~key & (2**bits - 1)
    return np.array(raw, f"u{dtype.itemsize}").view(dtype)[()]
