"""The scores once more, as whole arrays: labels, a queue and a table of everything at once.

What `loihiseg.metrics` counts in bands must equal these to the last digit.
"""

from types import SimpleNamespace

import numpy as np
from skimage.measure import label
from skimage.metrics import contingency_table

from loihiseg.metrics.isbi import challenge_thresholds

LINE, QUEUED, UNTOUCHED, OUTSIDE = 0, -1, -2, -3


def thin(cell):
    """As `loihiseg.metrics.thinning.thin`."""
    cell_xy = np.ascontiguousarray(cell.T)
    if not cell_xy.any():
        return np.ones(cell.shape, np.int32)
    found = label(cell_xy, connectivity=1)
    width, height = cell_xy.shape
    framed = np.full((width + 2, height + 2), OUTSIDE, np.int32)
    framed[1:-1, 1:-1] = np.where(cell_xy, found, UNTOUCHED)
    flood(framed.ravel(), height + 2)
    return np.ascontiguousarray(framed[1:-1, 1:-1].T)


def flood(labels, stride):
    """Floods `labels` in place, with a queue that is an array."""
    neighbours = (-stride, -1, stride, 1)
    queue = []
    for p in range(labels.size):
        if labels[p] == UNTOUCHED and any(labels[p + step] >= LINE for step in neighbours):
            labels[p] = QUEUED
            queue.append(p)
    flag = False
    for p in queue:  # which grows
        for step in neighbours:
            q = p + step
            if labels[q] > LINE:
                if labels[p] == QUEUED or (labels[p] == LINE and flag):
                    labels[p] = labels[q]
                elif labels[p] > LINE and labels[p] != labels[q]:
                    labels[p] = LINE
                    flag = False
            elif labels[q] == LINE:
                if labels[p] == QUEUED:
                    labels[p] = LINE
                    flag = True
            elif labels[q] == UNTOUCHED:
                labels[q] = QUEUED
                queue.append(q)


def overlap(ground_truth, proposal):
    """As `loihiseg.metrics.overlap.overlap_of`, of two arrays of labels."""
    foreground = ground_truth > 0
    table = contingency_table(ground_truth[foreground], proposal[foreground]).tocoo()
    counts = table.data.astype(np.int64)
    n_proposal = np.asarray(table.sum(axis=0)).ravel().astype(np.int64)
    n_true = np.asarray(table.sum(axis=1)).ravel().astype(np.int64)
    return SimpleNamespace(
        n=int(counts.sum()),
        n_line=int(n_proposal[0]),
        true=n_true[n_true > 0],
        proposal=n_proposal[1:][n_proposal[1:] > 0],
        both=counts[table.col > 0],
    )


def curves(cell_true, cell_probability):
    """(2, n_thresholds): V_Rand and V_Info of a stack at each threshold of the challenge."""
    rows = []
    for true, probability in zip(cell_true, cell_probability):
        truth = label(true, connectivity=1)
        found = [overlap(truth, thin(probability.astype(np.float64) > t))
                 for t in challenge_thresholds()]  # fmt: skip
        rows.append([(v_rand(one), v_info(one)) for one in found])
    return np.array(rows).mean(axis=0).T


def v_rand(overlap):
    sum_true = int(overlap.true @ overlap.true)
    sum_proposal = int(overlap.proposal @ overlap.proposal) + overlap.n_line
    sum_both = int(overlap.both @ overlap.both) + overlap.n_line
    precision, recall = sum_both / sum_proposal, sum_both / sum_true
    return 2 * precision * recall / (precision + recall)


def v_info(overlap):
    n = overlap.n
    lines = overlap.n_line / n * np.log(n)
    sum_true = _sum_p_log_p(overlap.true / n)
    sum_proposal = _sum_p_log_p(overlap.proposal / n) - lines
    sum_both = _sum_p_log_p(overlap.both / n) - lines
    if sum_proposal == 0 or sum_true == 0:
        return 0.0
    information = sum_both - sum_true - sum_proposal
    precision = min(max(float(information / -sum_true), 0.0), 1.0)
    recall = min(max(float(information / -sum_proposal), 0.0), 1.0)
    if precision + recall == 0:
        return 0.0
    return 2 * precision * recall / (precision + recall)


def _sum_p_log_p(p):
    return float(np.sum(p * np.log(p)))


def called_membrane(true, probability, thresholds):
    """Pixels of cell and of membrane above each threshold."""
    above = probability.astype(np.float64)[..., None] > thresholds
    return above[~true].sum(axis=0), above[true].sum(axis=0)
