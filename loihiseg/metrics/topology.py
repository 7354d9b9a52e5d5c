"""Which cells a map has joined and which it has cut, of one section at one threshold.

Pixels say nothing of it: a gap of two pixels in a membrane makes one cell of two. *Membrane* and
*cell* are meant as in the challenge (`loihiseg.metrics.isbi`): cells touch by their sides, and the
map is thinned to lines, the truth not. Where scores of others know no lines, a pixel of a line goes
to the next cell.
"""

from collections.abc import Sequence

import numpy as np
from skimage.metrics import adapted_rand_error, contingency_table, variation_of_information
from skimage.segmentation import expand_labels

from loihiseg.errors import InputError
from loihiseg.metrics.isbi import rand_of, v_info, v_rand
from loihiseg.metrics.pixels import pixel_scores
from loihiseg.metrics.regions import Regions, regions
from loihiseg.metrics.thinning import thin
from loihiseg.results.topology import SectionTopology

SMALLEST_PX = 50
"""Pixels that two cells share at least to have to do with each other; and those of a cell that is
looked for. At 4 nm a pixel 800 square nanometres, what `loihiseg.running.cells` takes for one."""


def section_topology(membrane: np.ndarray, logits: np.ndarray, threshold: float) -> SectionTopology:
    """Scores of the regions of a section.

    Parameters
    ----------
    membrane : numpy.ndarray
        Truth, bool (rows, columns).
    logits : numpy.ndarray
        Of membrane, the same shape, or what rises with them.
    threshold : float
        Below it a pixel is cell.

    Returns
    -------
    loihiseg.results.topology.SectionTopology

    Raises
    ------
    InputError
        If shapes differ, the truth is no mask, or it has no cell.

    Notes
    -----
    With n_ij the pixels of true cell i and of proposed cell j, the split part of the variation of
    information is the entropy H(j | i), the merge part H(i | j), in bits; the adapted Rand error
    is 1 less the F-score of precision and recall of pairs of pixels. Both count pixels of true
    cells alone, as CREMI does [1]_.

    Cells i and j *meet* where n_ij is at least `SMALLEST_PX`. A proposed cell that meets m of the
    true ones is m - 1 merges, a true cell that meets m of the proposed ones m - 1 splits. The
    length of a merge is that of the membrane between two true cells that one proposed cell meets,
    in sides of pixels; of a split, that of the line between two that meet in one true cell.

    References
    ----------
    .. [1] CREMI challenge, https://cremi.org/metrics; M. Meila (2007), "Comparing clusterings - an
           information based distance", J. Multivariate Anal. 98:873.
    """
    _check(membrane, logits)
    cell = logits < threshold
    truth, lines = _cells(~membrane), thin(cell)
    # Without lines: each of their pixels is of the cell next to it.
    whole, proposal = _grown(truth), _grown(lines)
    split, merge = variation_of_information(truth, proposal, ignore_labels=(0,))
    merges, merged_px, splits, split_px = _meetings(truth, whole, proposal)
    return SectionTopology(
        v_rand=v_rand(truth, lines).value,
        v_info=v_info(truth, lines).value,
        voi_split=float(split),
        voi_merge=float(merge),
        adapted_rand_error=_rand_error(truth, proposal),
        merges=merges,
        splits=splits,
        merged_length_px=merged_px,
        split_length_px=split_px,
        membrane_length_px=_length_between(whole, None),
        n_cells=int((np.bincount(truth.ravel())[1:] >= SMALLEST_PX).sum()),
        membrane_iou=pixel_scores(membrane, ~cell).membrane_iou,
        cell_iou=_cell_iou(truth, _cells(cell)),
    )


def rand_curve(membrane: np.ndarray, logits: np.ndarray, limits: Sequence[float]) -> np.ndarray:
    """V_Rand of a section by threshold.

    Parameters
    ----------
    membrane, logits
        As of `section_topology`.
    limits : sequence of float
        Below each in turn a pixel is cell.

    Returns
    -------
    numpy.ndarray
        float64, (thresholds,); 0 where nothing is cell.
    """
    _check(membrane, logits)
    truth = _regions(~membrane).by_rows()
    every = (_regions(logits < limit) for limit in limits)
    return np.array([rand_of(truth, cells) if cells.n_pixels else 0.0 for cells in every])


def _meetings(
    truth: np.ndarray, whole: np.ndarray, proposal: np.ndarray
) -> tuple[int, int, int, int]:
    """Merges and their length, splits and theirs; ``whole`` is the truth without membranes."""
    inside = truth > 0
    counts = contingency_table(truth[inside], proposal[inside], sparse_type="array").tocoo()
    meets = counts.data >= SMALLEST_PX
    true, proposed = counts.row[meets], counts.col[meets]
    return (
        _more_than_one(proposed),
        _length_between(whole, _pairs(proposed, true)),
        _more_than_one(true),
        _length_between(np.where(inside, proposal, 0), _pairs(true, proposed)),
    )


def _rand_error(truth: np.ndarray, proposal: np.ndarray) -> float:
    # Precision and recall that come with it are each other's by its documentation: not taken.
    with np.errstate(invalid="ignore"):
        error = float(adapted_rand_error(truth, proposal, ignore_labels=(0,))[0])
    # Without a pair of pixels in either there is nothing to get wrong.
    return 0.0 if np.isnan(error) else error


def _check(membrane: np.ndarray, logits: np.ndarray) -> None:
    if membrane.ndim != 2 or membrane.shape != logits.shape or membrane.dtype != np.bool_:
        raise InputError(
            f"truth is {membrane.dtype} of shape {membrane.shape}, the map of shape "
            f"{logits.shape}; expected bool (rows, columns), and a map of the same shape"
        )
    if membrane.all():
        raise InputError("truth: all is membrane, expected a cell; leave the section out")


def _regions(mask: np.ndarray) -> Regions:
    rows, columns = mask.shape
    return regions(lambda band: mask[:, band], (rows, columns))


def _cells(mask: np.ndarray) -> np.ndarray:
    """4-connected regions of a mask, int32 (rows, columns), 0 outside."""
    found = _regions(mask)
    labels = np.zeros(mask.shape[::-1], np.int32)
    inside = np.ascontiguousarray(mask.T)
    labels[inside] = np.repeat(found.labels, found.stops - found.starts)
    return np.ascontiguousarray(labels.T)


def _grown(labels: np.ndarray) -> np.ndarray:
    """Every pixel that has no label gets that of the nearest one that has."""
    found: np.ndarray = expand_labels(labels, distance=sum(labels.shape))
    return found


def _more_than_one(labels: np.ndarray) -> int:
    """How often labels occur beyond once."""
    return int(len(labels) - len(np.unique(labels)))


def _pairs(common: np.ndarray, labels: np.ndarray) -> set[tuple[int, int]]:
    """Pairs of labels, the smaller first, that have something in common."""
    found: set[tuple[int, int]] = set()
    for one in np.unique(common):
        own = np.sort(labels[common == one]).tolist()
        found |= {(a, b) for n, a in enumerate(own) for b in own[n + 1 :]}
    return found


def _length_between(labels: np.ndarray, pairs: set[tuple[int, int]] | None) -> int:
    """Sides of pixels between regions: of these pairs, or all; 0 is no region."""
    total = 0
    for one, other in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
        apart = (one != other) & (one > 0) & (other > 0)
        a, b = one[apart].astype(np.int64), other[apart].astype(np.int64)
        if pairs is None:
            total += len(a)
        elif pairs:
            low, high = np.minimum(a, b), np.maximum(a, b)
            keys = np.array([(x << 32) | y for x, y in pairs], np.int64)
            total += int(np.isin((low << 32) | high, keys).sum())
    return total


def _cell_iou(truth: np.ndarray, cells: np.ndarray) -> float:
    """Mean over true cells of their largest intersection over union with a cell of the map."""
    table = contingency_table(truth, cells, sparse_type="array").tocoo()
    n_true, n_cells = np.bincount(truth.ravel()), np.bincount(cells.ravel())
    both = (table.row > 0) & (table.col > 0)
    row, col, shared = table.row[both], table.col[both], table.data[both]
    best = np.zeros(len(n_true))
    np.maximum.at(best, row, shared / (n_true[row] + n_cells[col] - shared))
    looked_for = n_true >= SMALLEST_PX
    looked_for[0] = False
    return float(best[looked_for].mean()) if looked_for.any() else 0.0
