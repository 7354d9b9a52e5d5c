"""The border thinning of the ISBI 2012 challenge: membranes flooded down to lines."""

import numpy as np

from loihiseg.errors import InputError
from loihiseg.metrics.regions import Regions, regions
from partition.core.compiled import compiled

# A label image holds basins (1, 2, ...) and lines (0). The negative marks live only while the
# membrane is being flooded.
LINE = 0
UNTOUCHED = -2
# A frame around the image that no rule matches, so that the inner loop needs no bounds check.
OUTSIDE = -3
# From here down, pixels that wait in the queue, which lies in the image itself: each mark says
# which pixel comes next, LAST that none does. No pixel has number 0: that is in the frame.
LAST = -10
QUEUED = -1

MOST_OF_FOUR_BYTES = 2**31 + LAST
"""Pixels whose numbers four bytes hold as marks."""


def thin(cell: np.ndarray) -> np.ndarray:
    """Thin the membranes between cells to watershed lines.

    Parameters
    ----------
    cell : (h, w) bool array
        True where the binarised proposal is cell. Rows are y, columns are x.

    Returns
    -------
    (h, w) int32 array
        Each basin has a label from 1 on, lines are 0. Cell pixels are always in a basin, and
        every basin holds exactly one 4-connected cell region. Basins are numbered by their
        first cell pixel, column by column. An image without any cell is one basin.

    Raises
    ------
    InputError
        If `cell` is not a non-empty two-dimensional bool array.

    Notes
    -----
    Flooding watershed [1]_ of the inverted binary image with 4-connectivity, in the variant
    of the challenge [2]_: the cell regions are the basins, and `_flood` says the rules. Where
    two fronts meet, lines may be wider than one pixel, and which side gets a pixel at
    equal distance depends on the order of the queue: both are as in the official code.

    References
    ----------
    .. [1] P. Soille, L. Vincent (1990), "Determining watersheds in digital pictures via
           flooding simulations", Proc. SPIE 1360.
    .. [2] I. Arganda-Carreras et al. (2015), "Crowdsourcing the creation of image
           segmentation algorithms for connectomics", Front. Neuroanat. 9:142.

    Examples
    --------
    >>> thin(np.array([[True, False, False, False, True]]))
    array([[1, 1, 0, 2, 2]], dtype=int32)
    """
    cell = np.asarray(cell)
    if cell.ndim != 2 or cell.dtype != np.bool_ or cell.size == 0:
        raise InputError(
            f"cell mask: shape {cell.shape}, dtype {cell.dtype}; "
            "thinning needs a non-empty (height, width) bool array"
        )
    height, width = cell.shape
    framed = thinned(regions(lambda columns: cell[:, columns], (height, width)))
    return np.ascontiguousarray(framed[1:-1, 1:-1].T, np.int32)


def thinned(cells: Regions) -> np.ndarray:
    """Thin the membranes around cell regions, in four bytes a pixel.

    Parameters
    ----------
    cells : loihiseg.metrics.regions.Regions
        The 4-connected cell regions of an image, numbered column by column.

    Returns
    -------
    (w + 2, h + 2) integer array
        The labels of `thin`, transposed, with a frame of one pixel around them.
    """
    # The official pixel order has x in the outer loop. Transposed, it is plain memory order.
    height, width = cells.shape
    n_framed = (width + 2) * (height + 2)
    kind = np.int32 if n_framed <= MOST_OF_FOUR_BYTES else np.int64
    framed = np.full((width + 2, height + 2), OUTSIDE, kind)
    framed[1:-1, 1:-1] = UNTOUCHED if cells.n_pixels else 1
    _painted(framed, cells.starts, cells.stops, cells.first_run, cells.labels)
    _flood(framed.reshape(-1), height + 2)
    return framed


@compiled
def _painted(
    framed: np.ndarray,
    starts: np.ndarray,
    stops: np.ndarray,
    first_run: np.ndarray,
    labels: np.ndarray,
) -> None:
    """Give the pixels of runs their labels."""
    for line in range(first_run.size - 1):
        for run in range(first_run[line], first_run[line + 1]):
            for pixel in range(starts[run], stops[run]):
                framed[line + 1, pixel + 1] = labels[run]


@compiled
def _flood(labels: np.ndarray, stride: int) -> None:
    """Flood the UNTOUCHED pixels of `labels` (flat, framed by OUTSIDE, x-major) in place.

    The membrane pixels that touch a basin enter a first-in-first-out queue, column by column;
    then, for each pixel p taken from the queue, its neighbours are inspected in the order left,
    above, right, below:

    - neighbour in a basin: if p is still queued, or is a line pixel and the flag is set, p
      joins the basin; otherwise, if p is in a *different* basin, p becomes line and the flag
      is cleared;
    - neighbour is line and p is still queued: p becomes line and the flag is set;
    - neighbour is untouched membrane: it enters the queue.
    """
    neighbours = (-stride, -1, stride, 1)  # left, above, right, below
    head = tail = 0
    for p in range(labels.size):
        if labels[p] == UNTOUCHED:
            for step in neighbours:
                if labels[p + step] >= LINE:
                    labels[p] = LAST
                    if tail:
                        labels[tail] = LAST - p
                    else:
                        head = p
                    tail = p
                    break

    flag = False
    while head:
        p = head
        head = LAST - labels[p]
        if not head:
            tail = 0
        label = QUEUED
        for step in neighbours:
            q = p + step
            if labels[q] > LINE:
                if label == QUEUED or (label == LINE and flag):
                    label = labels[q]
                elif label > LINE and label != labels[q]:
                    label = LINE
                    flag = False
            elif labels[q] == LINE:
                if label == QUEUED:
                    label = LINE
                    flag = True
            elif labels[q] == UNTOUCHED:
                labels[q] = LAST
                if tail:
                    labels[tail] = LAST - q
                else:
                    head = q
                tail = q
        labels[p] = label
