"""Sections of another range of grey levels than the rest, as after an export in two parts.

All sections share one scale: among sections of 16 bits, one that was saved from 8 bits becomes
black, and one of a larger range crushes the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loihiseg.data.padding import padding_of
from loihiseg.data.warn import warn

_FACTOR = 8
_LEAST_SECTIONS = 3
_SIDE = 256  # rows and columns that are looked at
_MOST_LISTED = 6


def spread_of(section: np.ndarray, without_padding: bool = False) -> float:
    """Distance of the first and the last percentile of some pixels of a section."""
    rows, columns = (slice(None, None, max(1, n // _SIDE)) for n in section.shape)
    pixels = section[rows, columns]
    if without_padding and (mask := padding_of(section)) is not None:
        kept = pixels[~mask[rows, columns]]
        pixels = kept if kept.size else pixels
    low, high = np.percentile(pixels.astype(np.float64), [1, 99])
    return float(high - low)


def odd_spreads(spreads: Sequence[float]) -> list[int]:
    """Positions whose spread is less than an eighth, or more than eight times, the median.

    Sections without any spread are blank, and not meant.
    """
    known = [spread for spread in spreads if spread > 0]
    if len(known) < _LEAST_SECTIONS:
        return []
    median = float(np.median(known))
    return [
        position
        for position, spread in enumerate(spreads)
        if 0 < spread < median / _FACTOR or spread > median * _FACTOR
    ]


def warn_of_ranges(images: np.ndarray, source: str) -> None:
    """Warn of sections of (n_sections, height, width) whose range is another than the rest's."""
    odd = odd_spreads([spread_of(section) for section in images])
    if odd:  # some may be padded, others not
        odd = odd_spreads([spread_of(section, without_padding=True) for section in images])
    if odd:
        listed = ", ".join(map(str, odd[:_MOST_LISTED])) + (", ..." if odd[_MOST_LISTED:] else "")
        warn(
            f"{source}: the grey levels of section{'s' * (len(odd) > 1)} {listed} span less than "
            f"1/{_FACTOR} of, or more than {_FACTOR} times, what those of the others do, and all "
            "share one scale; export them alike"
        )
