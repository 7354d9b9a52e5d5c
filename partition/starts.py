"""First assignments of blocks to chips, for a refinement to improve.

All take a symmetric (n, n) array of messages per step between blocks and return an (n,) int64
array of chips that keeps the capacity.
"""

import numpy as np

SPECTRAL_LIMIT = 1200
"""Largest number of blocks for which eigenvectors are computed (cubic time)."""

N_GROWN = 6
"""Assignments grown from different first blocks."""

N_RANDOM = 4
"""Random assignments; small graphs get more, see `starts`."""


def starts(mutual, n_parts, capacity, rng):
    """Yield first assignments, the plain model order first.

    Parameters
    ----------
    mutual : (n, n) float64 array
    n_parts, capacity : int
    rng : numpy.random.Generator
    """
    n_blocks = len(mutual)
    yield in_order(np.arange(n_blocks), capacity)
    if n_parts < 2:
        return
    orders = [np.arange(n_blocks), breadth_first(mutual)]
    if n_blocks <= SPECTRAL_LIMIT:
        orders += spectral(mutual)
    for order in orders:
        yield in_equal_parts(order, n_parts)
        yield in_order(order, capacity)
        yield in_order(order[::-1], capacity)
    # Small graphs are cheap, and there chance finds what a rule misses.
    factor = 8 if n_blocks <= 32 else 1
    for first in rng.permutation(n_blocks)[: N_GROWN * factor]:
        yield grown(mutual, n_parts, capacity, int(first))
    for _ in range(N_RANDOM * factor):
        yield in_equal_parts(rng.permutation(n_blocks), n_parts)


def in_order(order, capacity):
    """Fill one chip after the other."""
    chips = np.empty(len(order), dtype=np.int64)
    chips[order] = np.arange(len(order)) // capacity
    return chips


def in_equal_parts(order, n_parts):
    """Cut an order into runs of almost equal length."""
    chips = np.empty(len(order), dtype=np.int64)
    chips[order] = np.arange(len(order)) * n_parts // max(len(order), 1)
    return chips


def grown(mutual, n_parts, capacity, first):
    """Grow chips block by block, always the block with most messages to the chip so far.

    The sum of messages counts, less what the block exchanges with blocks still to be placed.
    """
    n_blocks = len(mutual)
    chips = np.full(n_blocks, -1, dtype=np.int64)
    to_free = mutual.sum(axis=1)
    for part in range(n_parts):
        to_chip = np.zeros(n_blocks)
        n_free = int((chips < 0).sum())
        # The last chips must be able to hold the rest, and none may stay empty.
        size = min(capacity, n_free - (n_parts - part - 1))
        block = first
        for _ in range(size):
            free = chips < 0
            if not free[block]:
                block = int(np.argmin(np.where(free, to_free, np.inf)))
            chips[block] = part
            to_chip += mutual[block]
            to_free -= mutual[block]
            free[block] = False
            if not free.any():
                break
            block = int(np.argmax(np.where(free, 2 * to_chip - to_free, -np.inf)))
    return chips


def breadth_first(mutual):
    """Order blocks by distance from the first block of each connected piece."""
    order, seen = [], np.zeros(len(mutual), dtype=bool)
    for root in range(len(mutual)):
        if seen[root]:
            continue
        seen[root] = True
        queue = [root]
        for block in queue:
            neighbours = np.flatnonzero((mutual[block] > 0) & ~seen)
            seen[neighbours] = True
            queue.extend(neighbours.tolist())
        order += queue
    return np.array(order, dtype=np.int64)


def spectral(mutual, n_orders=2):
    """Orders by the first eigenvectors of the normalised Laplacian after the constant one."""
    degree = mutual.sum(axis=1)
    scale = 1 / np.sqrt(np.where(degree > 0, degree, 1))
    laplacian = np.eye(len(mutual)) - scale[:, None] * mutual * scale
    _, vectors = np.linalg.eigh(laplacian)
    return [
        np.argsort(vectors[:, i] * scale, kind="stable")
        for i in range(1, min(n_orders + 1, len(mutual)))
    ]
