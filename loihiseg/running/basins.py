"""Regions of a map of membrane by flooding it from its minima: a ridge closes what a gap opens.

A threshold joins two cells where one pixel of a membrane lies below it. Flooded from minima that
are deep enough they meet at the ridge between them, however low it is in places.
"""

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.measure import label
from skimage.morphology import h_minima
from skimage.segmentation import watershed

SMOOTHING_PX = 1.0
"""Deviation of the Gaussian that a map is smoothed with first: single pixels are no minima."""

_SIDES = 1
"""Regions touch by their sides, as in the scores."""


def basins(logits: np.ndarray, depth: float, smoothing_px: float = SMOOTHING_PX) -> np.ndarray:
    """Regions around the minima of a map, with lines of a pixel between them.

    Parameters
    ----------
    logits : numpy.ndarray
        Of membrane, finite float (rows, columns).
    depth : float
        In logits, above 0. Seeds are the h-minima of the smoothed map, h this: minima from which
        one has to climb so much at least to come to a lower one.
    smoothing_px : float
        Pixels; 0 for none.

    Returns
    -------
    numpy.ndarray
        int32 (rows, columns): 1, 2, ... the regions, 0 their lines.

    References
    ----------
    P. Soille (2003), "Morphological Image Analysis", sections 6.3.4 (extended minima) and 9.2
    (watershed by markers).
    """
    smooth = gaussian_filter(np.asarray(logits, np.float64), smoothing_px)
    if np.ptp(smooth) <= depth:
        # Nothing is so deep: all is one region.
        return np.ones(smooth.shape, np.int32)
    seeds = label(h_minima(smooth, depth), connectivity=_SIDES)
    found: np.ndarray = watershed(smooth, seeds, connectivity=_SIDES, watershed_line=True)
    return found.astype(np.int32)
