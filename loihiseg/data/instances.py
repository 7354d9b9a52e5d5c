"""Labels that are ids of cells: their boundaries are membrane."""

from __future__ import annotations

import numpy as np
import scipy

_RESERVED = 2**64 - 3
"""From here on 64-bit ids are no cells: outside, invalid and transparent of imglib2's `Label`, as
Paintera, BigCat and the CREMI volumes write them."""


def boundaries(
    instances: np.ndarray, width: int = 2, ignored: np.ndarray | None = None
) -> np.ndarray:
    """Membrane between the instances of one section, bool.

    instances : (height, width) integers; 0 is no instance and membrane itself.
    width : pixels across a boundary, even: 2 is the pixels on both sides.
    ignored : bool of the same shape, pixels without an id; None where all have one. Where a cell
        meets them is no boundary.
    """
    # Takes a moment to load, and what reads no ids does without.
    from skimage.segmentation import find_boundaries

    if ignored is not None and ignored.any():
        # With the id of the next pixel that has one, an edge of what is known is none of a cell.
        rows, columns = scipy.ndimage.distance_transform_edt(
            ignored, return_distances=False, return_indices=True
        )
        instances = instances[rows, columns]
    edge = find_boundaries(instances, connectivity=2, mode="thick")
    if width > 2:
        edge = scipy.ndimage.binary_dilation(edge, iterations=width // 2 - 1)
    return edge | (instances == 0)


def are_two_ids(values: np.ndarray) -> bool:
    """Whether two values are ids of cells, as in a small part of a volume, and no marks."""
    if values.dtype.kind not in "iu" or values.dtype.itemsize == 1:
        return False
    marks = {1, 2, 127, 128, 254, 255, 256, 32767, 32768, 65535, 2**31 - 1, 2**32 - 1}
    low, high = (int(value) for value in values)
    return low > 0 and not {low, high} <= marks


def are_instances(values: np.ndarray, labels: np.ndarray) -> bool:
    """Whether so many values are ids: integers, not in bytes, and no soft edge between two."""
    if values.dtype.kind not in "iu" or values.dtype.itemsize == 1:
        return False
    n_extreme = np.count_nonzero(labels == values[0]) + np.count_nonzero(labels == values[-1])
    return bool(n_extreme <= labels.size / 2)


def without_cell(labels: np.ndarray) -> np.ndarray | None:
    """Where ids say themselves that they are no cell, bool; None where all are cells or 0.

    These are the reserved ids of 64 bits, and negative ones beside at least three others.
    """
    if labels.dtype == np.uint64:
        reserved = labels >= np.uint64(_RESERVED)
        return reserved if reserved.any() else None
    if labels.dtype.kind != "i" or labels.dtype.itemsize == 1:
        return None
    negative = labels < 0
    if not negative.any() or len(np.unique(labels[~negative])) < 3:
        return None
    return negative
