"""Grey levels of a section brought to zero mean and unit variance, whole or part by part."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loihiseg.data.padding import padding_of


@dataclass(frozen=True)
class Contrast:
    """How grey levels become the network's input.

    Attributes
    ----------
    mean : numpy.float32 or numpy.ndarray
        Of the whole section; float32, (channels,), of several sections as channels.
    scale : numpy.float32 or numpy.ndarray
        One over the standard deviation, likewise; 0 of a section without contrast.
    """

    mean: np.float32 | np.ndarray
    scale: np.float32 | np.ndarray

    def applied(self, pixels: np.ndarray) -> np.ndarray:
        """Any part of the section, any shape in, the same shape in float32 out.

        Of several sections their channels are the last axis.
        """
        return (np.asarray(pixels, np.float32) - self.mean) * self.scale


def together(contrasts: Sequence[Contrast]) -> Contrast:
    """That of some sections as channels, each by itself; of one section it is its own."""
    if len(contrasts) == 1:
        return contrasts[0]
    means, scales = ([getattr(one, name) for one in contrasts] for name in ("mean", "scale"))
    return Contrast(np.array(means, np.float32), np.array(scales, np.float32))


_PIXELS_AT_ONCE = 2**22

_LEAST_DEVIATION = 1e-6
"""Grey levels; a section of less has no contrast."""


def grey_counts(section: np.ndarray) -> np.ndarray:
    """(256,) int64: how many pixels of a section, uint8 of any shape, have each grey level."""
    counts = np.zeros(256, np.int64)
    for rows in np.array_split(section, max(section.size // _PIXELS_AT_ONCE, 1)):
        # It takes 8 bytes a pixel.
        counts += np.bincount(rows.ravel(), minlength=256)
    return counts


def contrast(section: np.ndarray) -> Contrast:
    """Mean and deviation of a whole section.

    Parameters
    ----------
    section : numpy.ndarray
        (height, width). Padding, see `loihiseg.data.padding`, counts for neither. Of uint8 they are
        computed from counts of the grey levels, in integers, so that they do not depend on an order
        of additions and take no memory.
    """
    padding = padding_of(section)
    tissue = section if padding is None else section[~padding]
    if section.dtype == np.uint8:
        return contrast_of(grey_counts(tissue))
    pixels = np.asarray(tissue, np.float32)
    return _contrast(float(pixels.mean(dtype=np.float64)), float(pixels.std(dtype=np.float64)))


def contrast_of(counts: np.ndarray) -> Contrast:
    """Mean and deviation of pixels of which it is known how many have each grey level.

    counts : (256,) int64, see `grey_counts`; of tissue alone.
    """
    n_pixels = int(counts.sum())
    total = int(counts @ np.arange(256))
    squares = int(counts @ np.arange(256) ** 2)
    deviation = ((n_pixels * squares - total**2) ** 0.5) / n_pixels
    return _contrast(total / n_pixels, deviation)


def _contrast(mean: float, deviation: float) -> Contrast:
    scale = 1.0 / deviation if deviation > _LEAST_DEVIATION else 0.0
    return Contrast(np.float32(mean), np.float32(scale))


def normalize(image: np.ndarray) -> np.ndarray:
    """Zero mean and unit variance per section: (..., height, width) in, float32 out.

        out = (image - mean) / std, mean and std over height and width of the whole section

    Normalise the whole section and crop or tile afterwards, so that training and deployment see
    the same numbers whatever the crop. A section without contrast becomes all zeros. Padding counts
    for neither mean nor deviation.
    """
    image = np.asarray(image)
    sections = image.reshape(-1, *image.shape[-2:])
    return np.stack([contrast(one).applied(one) for one in sections]).reshape(image.shape)
