"""How the regions of the ground truth and the basins of a proposal overlap, counted in bands."""

from dataclasses import dataclass

import numpy as np

from loihiseg.metrics.regions import Regions
from partition.core.compiled import compiled

CAPACITY = 2**21
"""Overlaps that are kept before equal ones are added up."""

_LABEL_BITS = 32


@dataclass(frozen=True)
class Overlap:
    """Pixel counts of two partitions of the foreground, which has `n` pixels.

    A foreground pixel with proposal label 0 lies on a line and counts as a region of its own:
    there are `n_line` of them, in none of `both` and `proposal`. Counts are int64, in the order of
    the labels; `both` by those of the ground truth first.
    """

    n: int
    n_line: int
    true: np.ndarray
    proposal: np.ndarray
    both: np.ndarray


def overlap_of(truth: Regions, framed: np.ndarray) -> Overlap:
    """The overlap of ground-truth regions, of which there must be one, with thinned cells.

    Parameters
    ----------
    truth : Regions
    framed : numpy.ndarray
        As of `loihiseg.metrics.thinning.thinned`.
    """
    keys, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
    found = np.empty((2, max(CAPACITY, truth.shape[0])), np.int64)
    at = np.zeros(2, np.int64)
    while at[1] < len(truth.labels):
        n_found = _pairs(
            framed, truth.starts, truth.stops, truth.first_run, truth.labels, at, found
        )
        keys, counts = _summed(
            np.concatenate([keys, found[0, :n_found]]), np.concatenate([counts, found[1, :n_found]])
        )
    proposed = keys & (2**_LABEL_BITS - 1)
    in_basin = proposed > 0
    _, proposal = _summed(proposed[in_basin], counts[in_basin])
    return Overlap(
        n=truth.n_pixels,
        n_line=int(counts[~in_basin].sum()),
        true=truth.sizes(),
        proposal=proposal,
        both=counts[in_basin],
    )


def _summed(keys: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each key once, ascending, with the sum of its counts."""
    if not len(keys):
        return keys, counts
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    return keys[first], np.add.reduceat(counts[order], first)


@compiled
def _pairs(
    framed: np.ndarray,
    starts: np.ndarray,
    stops: np.ndarray,
    first_run: np.ndarray,
    labels: np.ndarray,
    at: np.ndarray,
    found: np.ndarray,
) -> int:
    """Pairs of labels along runs, and how many pixels in a row have each; returns how many pairs.

    ``at`` has the line and the run to begin with, and then those to go on with, where there is no
    room for another in ``found``, (2, most).
    """
    line, run = at[0], at[1]
    keys, counts = found[0], found[1]
    n = 0
    while run < labels.size:
        while first_run[line + 1] <= run:
            line += 1
        start, stop = starts[run], stops[run]
        if n + stop - start > keys.size:
            break
        before = -1
        for pixel in range(start, stop):
            proposed = framed[line + 1, pixel + 1]
            if proposed == before:
                counts[n - 1] += 1
            else:
                keys[n] = (np.int64(labels[run]) << 32) | np.int64(proposed)
                counts[n] = 1
                n += 1
                before = proposed
        run += 1
    at[0], at[1] = line, run
    return n
