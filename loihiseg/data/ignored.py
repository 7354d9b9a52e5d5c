"""Pixels that count for nothing: what their labels leave out, and padding of the images.

*Known* pixels, bool, True where a pixel counts, are None where all do.
"""

from __future__ import annotations

import numpy as np

from loihiseg.data.warn import warn


def ignored_labels(labels: np.ndarray, value: float | None, source: str) -> np.ndarray | None:
    """Where labels are of a value that is to be ignored, bool of their shape; None where nowhere.

    value : may be NaN. Warns where no label has it.
    """
    if value is None:
        return None
    found: np.ndarray = np.isnan(labels) if value != value else labels == value
    if found.any():
        return found
    warn(f"{source}: no label has the value {value}, which was to be ignored: all count")
    return None


def known_of(*left_out: np.ndarray | None) -> np.ndarray | None:
    """Known pixels where each array, bool or None, leaves some out."""
    known: np.ndarray | None = None
    for mask in left_out:
        if mask is not None and mask.any():
            known = ~mask if known is None else known & ~mask
    return known


def share_left_out(known: np.ndarray | None) -> str:
    """A few words on how much counts for nothing; nothing where all counts."""
    if known is None:
        return ""
    return f"{100 * (1 - known.mean()):.1f} % of all pixels count for nothing"
