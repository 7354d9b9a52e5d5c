"""Labels that lie beside the images they were drawn on: by how much.

Labels may have been drawn, or brought to the images' pixels, a fraction of a pixel off. Training on
crops that are turned and mirrored cannot learn that: it makes of it an uncertainty to all sides. So
the images are moved to the labels before anything else sees them (`loihiseg.data.moving`), in
training and afterwards, and maps lie where labels do.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.registration import phase_cross_correlation

from loihiseg.data.moving import MOST_OFFSET_PX, Offset
from loihiseg.data.stack import Stack
from loihiseg.errors import Option, OptionError

MOST_SPREAD_PX = 1.0
"""Of the offsets of half of the sections from the median, on either axis: else they say nothing."""

_SMOOTHING_PX = 1.0
_PARTS = 100
"""Of a pixel: offsets are kept to a hundredth."""

_MOST_SIDE = 2048
"""Pixels of the middle of a section that are looked at."""


def registered(stack: Stack, sections: Stack) -> Stack:
    """A stack whose images are moved to where the labels of some of its sections lie.

    Parameters
    ----------
    stack : Stack
    sections : Stack
        Part of it, with labels: those that are trained on.

    Raises
    ------
    OptionError
        See `label_offset`.
    """
    assert sections.membrane is not None
    chosen = list(sections.labelled_sections)
    return stack.moved(label_offset(sections.images[chosen], sections.membrane[chosen]))


def label_offset(images: np.ndarray, membrane: np.ndarray) -> Offset:
    """How far labels lie from the membranes of the images.

    Parameters
    ----------
    images : numpy.ndarray
        (n, rows, columns) of grey levels.
    membrane : numpy.ndarray
        Labels, bool, the same shape.

    Returns
    -------
    tuple of float
        Median over sections, to a hundredth of a pixel. Sections of one label or one grey are left
        out.

    Raises
    ------
    OptionError
        If sections do not agree, or labels lie further off than 4 pixels.

    Notes
    -----
    Of each section the shift with the largest cross-correlation of the labels and the image, which
    is negated where membranes are dark, by an upsampled Fourier transform [1]_: both smoothed by a
    Gaussian of one pixel, and tapered by a Hann window, since what does not meet at the edges is
    alike without a shift. No network has a part in it.

    References
    ----------
    .. [1] M. Guizar-Sicairos, S. T. Thurman, J. R. Fienup (2008), "Efficient subpixel image
           registration algorithms", Opt. Lett. 33:156.
    """
    found = []
    for image, labels in zip(images, membrane, strict=True):
        ours, theirs = _centred(labels), _centred(image)
        if not ours.any() or not theirs.any():
            continue
        sign = -1.0 if (ours * theirs).sum() < 0 else 1.0
        shift, _, _ = phase_cross_correlation(
            ours, sign * theirs, upsample_factor=_PARTS, normalization=None
        )
        found.append(shift)
    if not found:
        raise OptionError(Option("register"), ": no section has both labels; leave it out")
    middle = np.median(found, axis=0)
    spread = np.median(abs(np.array(found) - middle), axis=0).max()
    if spread > MOST_SPREAD_PX or abs(middle).max() > MOST_OFFSET_PX:
        raise OptionError(
            Option("register"),
            f": labels lie {middle[0]:+.1f} rows and {middle[1]:+.1f} columns from the membranes, "
            f"half of the sections more than {spread:.1f} pixels from that; expected at most "
            f"{MOST_OFFSET_PX:g} and {MOST_SPREAD_PX:g}: look at the labels, or leave it out",
        )  # fmt: skip
    down, right = (float(one) + 0.0 for one in np.round(middle, 2))
    return down, right


def _centred(section: np.ndarray) -> np.ndarray:
    """The middle of a section, smoothed, its mean taken off, down to 0 at the edges; float64."""
    rows, columns = (
        slice(max(n - _MOST_SIDE, 0) // 2, max(n - _MOST_SIDE, 0) // 2 + min(n, _MOST_SIDE))
        for n in section.shape
    )
    smooth = gaussian_filter(np.asarray(section[rows, columns], np.float64), _SMOOTHING_PX)
    if np.ptp(smooth) == 0:
        return np.zeros_like(smooth)
    down, right = (np.hanning(n + 2)[1:-1] for n in smooth.shape)
    return (smooth - smooth.mean()) * np.outer(down, right)
