"""What is looked for in a section that comes in bands of rows."""

from __future__ import annotations

import hashlib
from typing import Protocol

import numpy as np

from loihiseg.data.contrast import grey_counts
from loihiseg.data.padding_in_bands import CandidateScan


class Scan(Protocol):
    """One look at a section, from the first row to the last."""

    def add(self, band: np.ndarray) -> None:
        """Take the next rows, (n, width)."""


class ExtremesScan:
    """Smallest and largest value of a section, and values that may be padding."""

    def __init__(self, shape: tuple[int, int]) -> None:
        """shape : (height, width) of the section."""
        self._candidates = CandidateScan(shape)
        self._extremes: list[float] = []

    def add(self, band: np.ndarray) -> None:
        self._candidates.add(band)
        self._extremes += [band.min().item(), band.max().item()]

    @property
    def low(self) -> float:
        return min(self._extremes)

    @property
    def high(self) -> float:
        return max(self._extremes)

    def candidates(self) -> list[float]:
        """See `loihiseg.data.padding_in_bands.CandidateScan`."""
        return self._candidates.candidates()


class GreyScan:
    """Grey levels of a section in uint8, and those that may be padding.

    counts : (256,) int64, see `loihiseg.data.contrast.grey_counts`.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        """shape : (height, width) of the section."""
        self._candidates = CandidateScan(shape)
        self.counts = np.zeros(256, np.int64)

    def add(self, band: np.ndarray) -> None:
        self._candidates.add(band)
        self.counts += grey_counts(band)

    def candidates(self) -> list[float]:
        """See `loihiseg.data.padding_in_bands.CandidateScan`."""
        return self._candidates.candidates()


class DigestScan:
    """SHA-256 of a section."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()

    def add(self, band: np.ndarray) -> None:
        self._sha.update(np.ascontiguousarray(band).data)

    def digest(self) -> bytes:
        """Of the rows so far."""
        return self._sha.digest()
