"""Improve an assignment of blocks to chips by moves and swaps under a hard capacity."""

import numpy as np

from partition.chips import moves
from partition.chips.links import Links


def moved(links: Links, chips: np.ndarray, n_parts: int, capacity: int) -> tuple[int, np.ndarray]:
    """Passes of moves until none gains.

    Parameters
    ----------
    links : partition.chips.links.Links
    chips : (n,) int64 array
        Chip per block, within the capacity.
    n_parts, capacity : int

    Returns
    -------
    int
        Weight between chips; never more than that of ``chips``.
    (n,) int64 array
    """
    chips = chips.copy()
    if n_parts < 2:
        return 0, chips
    cost = moves.improve(links.neighbours, chips, n_parts, capacity)
    return int(cost), chips


def swapped(links: Links, chips: np.ndarray, n_parts: int, capacity: int) -> tuple[int, np.ndarray]:
    """Swaps of two blocks and passes of moves in turn until neither gains; as `moved`."""
    cost, chips = moved(links, chips, n_parts, capacity)
    if n_parts < 2:
        return cost, chips
    near = links.neighbours
    while True:
        towards, sizes = moves.table(near, chips, n_parts)
        if moves.swap_descent(near, chips, sizes, towards) <= 0:
            return cost, chips
        cost, chips = moved(links, chips, n_parts, capacity)


def crossing(mutual: np.ndarray, chips: np.ndarray) -> float:
    """Messages per step between chips, of an (n, n) array of what blocks exchange both ways."""
    return float(mutual[chips[:, None] != chips].sum() / 2)


def shaken(
    links: Links,
    chips: np.ndarray,
    n_parts: int,
    capacity: int,
    rounds: int,
    rng: np.random.Generator,
) -> tuple[int, np.ndarray]:
    """Move a random cluster to another chip, refine, keep what is no worse; again and again.

    A cluster leaves a local optimum that single moves and swaps cannot: a whole piece of a
    layer on the wrong side. Same arguments and results as `moved`.
    """
    cost, best = moved(links, chips, n_parts, capacity)
    n_blocks = len(best)
    if n_parts < 2 or n_blocks < 2:
        return cost, best
    largest = max(2, min(capacity, n_blocks // (2 * n_parts)))
    for _ in range(rounds):
        trial = best.copy()
        block = int(rng.integers(n_blocks))
        target = int((trial[block] + rng.integers(1, n_parts)) % n_parts)
        size = int(rng.integers(2, largest + 1))
        moves.move_cluster(links.neighbours, trial, n_parts, capacity, block, target, size)
        trial_cost, trial = moved(links, trial, n_parts, capacity)
        if trial_cost <= cost:
            cost, best = trial_cost, trial
    return cost, best
