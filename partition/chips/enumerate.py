"""The optimum for small graphs, by comparing all assignments.

Assignments that differ in the order of chips, or in what is on the chips that are settled first,
are not told apart: the best way to put a set of blocks on so many chips is found once, from the
best ways for its subsets. That takes 3 to the power of n steps instead of k to the power of n.
"""

import numpy as np

from partition.chips.links import Links
from partition.core.compiled import IS_COMPILED, compiled

SMALL = 14 if IS_COMPILED else 9
"""Most blocks of a small graph."""


def best_split(links: Links, n_parts: int, capacity: int) -> tuple[int, np.ndarray]:
    """Fewest messages between ``n_parts`` chips.

    Parameters
    ----------
    links : partition.chips.links.Links
        Of at most `SMALL` blocks.
    n_parts, capacity : int

    Returns
    -------
    int
        Weight between chips.
    (n,) int64 array
        Chip per block.
    """
    n_blocks = links.n_blocks
    mutual = np.zeros((n_blocks, n_blocks), dtype=np.int64)
    mutual[links.owner, links.other] = links.weight
    within, sizes = _subsets(mutual)
    choice = _best_first_chips(within, sizes, n_blocks, n_parts, capacity)
    chips = np.zeros(n_blocks, dtype=np.int64)
    left = (1 << n_blocks) - 1
    for part in range(n_parts - 1):
        chip = choice[n_parts - part, left]
        chips[[block for block in range(n_blocks) if chip >> block & 1]] = part
        left &= ~chip
    chips[[block for block in range(n_blocks) if left >> block & 1]] = n_parts - 1
    return links.crossing(chips), chips


def _subsets(mutual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weight inside every subset of the blocks and its size; bit i of an index is block i."""
    within = np.zeros(1, dtype=np.int64)
    sizes = np.zeros(1, dtype=np.int64)
    for block in range(len(mutual)):
        joined = np.zeros(1, dtype=np.int64)
        for lower in range(block):
            joined = np.concatenate([joined, joined + mutual[block, lower]])
        within = np.concatenate([within, within + joined])
        sizes = np.concatenate([sizes, sizes + 1])
    return within, sizes


@compiled
def _best_first_chips(
    within: np.ndarray, sizes: np.ndarray, n_blocks: int, n_parts: int, capacity: int
) -> np.ndarray:
    """For so many chips and every subset: what goes with its lowest block, as a subset."""
    n_subsets = len(within)
    choice = np.zeros((n_parts + 1, n_subsets), np.int64)
    best = np.where(sizes <= capacity, within, -1)
    for n_chips in range(2, n_parts + 1):
        previous = best
        best = np.full(n_subsets, -1, np.int64)
        least = n_blocks - (n_parts - n_chips) * capacity
        for subset in range(1, n_subsets):
            if sizes[subset] < least or sizes[subset] > n_chips * capacity:
                continue
            lowest = subset & -subset
            rest = subset ^ lowest
            others = rest
            while True:
                chip = others | lowest
                if sizes[chip] <= capacity and previous[subset ^ chip] >= 0:
                    inside = within[chip] + previous[subset ^ chip]
                    if inside > best[subset]:
                        best[subset] = inside
                        choice[n_chips, subset] = chip
                if others == 0:
                    break
                others = (others - 1) & rest
    return choice
