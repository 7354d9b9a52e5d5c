"""Sections at half, a quarter, ... of their resolution, for viewers that zoom."""

from __future__ import annotations

import numpy as np

from loihiseg.data.writers.base import Kind

SMALLEST = 512
"""Length of the longer side up to which a section is not halved again."""


def level_shapes(height: int, width: int) -> list[tuple[int, int]]:
    """(height, width) of each level, the full one first; odd lengths are rounded up."""
    shapes = [(height, width)]
    while max(shapes[-1]) > SMALLEST:
        height, width = shapes[-1]
        shapes.append(((height + 1) // 2, (width + 1) // 2))
    return shapes


def halve(block: np.ndarray, kind: Kind) -> np.ndarray:
    """Each pixel from two by two of a block, by `kind`; at odd ends from one or two.

    block : (height, width); its first row and column are even ones of the section.
    Returns an array of the same dtype: of an image the mean, integers rounded half up; of labels
    the most frequent, among equals the first in reading order, so that ids stay ids.
    """
    height, width = block.shape
    # A pixel twice changes neither the mean of what is there nor what is most frequent.
    even = np.pad(block, ((0, height % 2), (0, width % 2)), mode="edge")
    first, right, below, last = (even[row::2, column::2] for row in (0, 1) for column in (0, 1))
    if kind == "labels":
        return _most_frequent(first, right, below, last)
    if block.dtype.kind == "f":
        return (first + right + below + last) * block.dtype.type(0.25)
    # The sum of four in 32 bits: an image has at most 16.
    total = first.astype(np.uint32) + right + below + last
    return ((total + 2) // 4).astype(block.dtype)


def _most_frequent(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Of four arrays, pixel by pixel."""
    # Whatever comes twice is not outnumbered: three of another would leave room for one.
    a_twice = (a == b) | (a == c) | (a == d)
    b_twice = (b == c) | (b == d)
    rest = np.where(c == d, c, a)
    found: np.ndarray = np.where(a_twice, a, np.where(b_twice, b, rest))
    return found
