"""From tissue to pixels: stain, focus, grain, illumination and contrast of one section."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from loihiseg.data.fields import smooth_field

# Mean and standard deviation of a section, and how much they differ between sections
# (ISBI 2012 sections 0-23: 125 +- 10 and 43 +- 3.5).
_MEAN, _MEAN_SPREAD = 125.0, 9.0
_DEVIATION, _DEVIATION_SPREAD = 42.5, 3.0
# Grain: (scale in pixels, standard deviation in grey levels), tuned by hand to the
# power spectrum of ISBI 2012.
_GRAIN = ((0.7, 12.5), (1.6, 5.0), (3.5, 4.0))


def record(grey: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The image of a section: (height, width) float32 grey levels in, uint8 out."""
    focus = rng.uniform(0.5, 1.2)
    image = ndimage.gaussian_filter(grey, focus)
    for scale, deviation in _GRAIN:
        image += deviation * _unit_grain(grey.shape, scale * np.sqrt(focus / 0.75), rng)
    stain = smooth_field(grey.shape, 90, rng)[0]
    tilt = rng.normal(0, 5, 2)
    image += 5 * stain
    image += (tilt[0] * np.linspace(-1, 1, grey.shape[0]))[:, np.newaxis].astype(np.float32)
    image += (tilt[1] * np.linspace(-1, 1, grey.shape[1])).astype(np.float32)
    mean = rng.normal(_MEAN, _MEAN_SPREAD)
    deviation = rng.normal(_DEVIATION, _DEVIATION_SPREAD)
    image = (image - image.mean()) * (deviation / image.std()) + mean
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _unit_grain(shape: tuple[int, int], scale: float, rng: np.random.Generator) -> np.ndarray:
    """Noise of unit variance, correlated over `scale` pixels, float32."""
    white = rng.standard_normal(shape, dtype=np.float32)
    # A Gaussian of width s leaves 1 / (4 pi s^2) of the variance of white noise; for narrow
    # ones sampled on pixels that is a few percent off, hence measured.
    blurred = ndimage.gaussian_filter(white, scale, mode="wrap")
    return blurred / blurred.std()
