"""First assignments of blocks to chips, for a refinement to improve.

All take `partition.chips.links.Links` or an order of the blocks and return an (n,) int64 array of
chips that keeps the capacity.
"""

from collections.abc import Iterator

import numpy as np

from partition.chips.links import Links

SPECTRAL_LIMIT = 1200
"""Largest number of blocks for which eigenvectors are computed (cubic time)."""

N_GROWN = 8
"""Assignments grown from different first blocks; more for small graphs, see `starts`."""

N_RANDOM = 40
"""Random assignments, half of them in equal parts, half with all chips but one full."""


def starts(
    links: Links, n_parts: int, capacity: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield first assignments, the plain model order first.

    Parameters
    ----------
    links : partition.chips.links.Links
    n_parts, capacity : int
    rng : numpy.random.Generator
    """
    n_blocks = links.n_blocks
    yield in_order(np.arange(n_blocks), capacity)
    if n_parts < 2:
        return
    orders = [np.arange(n_blocks), breadth_first(links)]
    if n_blocks <= SPECTRAL_LIMIT:
        orders += spectral(links)
    for order in orders:
        yield in_equal_parts(order, n_parts)
        yield in_order(order, capacity)
        yield in_order(order[::-1], capacity)
    # Small graphs are cheap, and there chance finds what a rule misses.
    n_grown = N_GROWN * (6 if n_blocks <= 32 else 1)
    for first in rng.permutation(n_blocks)[:n_grown]:
        yield grown(links, n_parts, capacity, int(first))
    for _ in range(N_RANDOM // 2):
        yield in_equal_parts(rng.permutation(n_blocks), n_parts)
        yield in_order(rng.permutation(n_blocks), capacity)


def in_order(order: np.ndarray, capacity: int) -> np.ndarray:
    """Fill one chip after the other."""
    chips = np.empty(len(order), dtype=np.int64)
    chips[order] = np.arange(len(order)) // capacity
    return chips


def in_equal_parts(order: np.ndarray, n_parts: int) -> np.ndarray:
    """Cut an order into runs of almost equal length."""
    chips = np.empty(len(order), dtype=np.int64)
    chips[order] = np.arange(len(order)) * n_parts // max(len(order), 1)
    return chips


def grown(links: Links, n_parts: int, capacity: int, first: int) -> np.ndarray:
    """Grow chips block by block, always the block with most messages to the chip so far.

    The sum of messages counts, less what the block exchanges with blocks still to be placed.
    """
    n_blocks = links.n_blocks
    chips = np.full(n_blocks, -1, dtype=np.int64)
    to_free = links.degree
    least = np.iinfo(np.int64).min
    for part in range(n_parts):
        to_chip = np.zeros(n_blocks, dtype=np.int64)
        n_free = int((chips < 0).sum())
        # The last chips must be able to hold the rest, and none may stay empty.
        size = min(capacity, n_free - (n_parts - part - 1))
        block = first
        for _ in range(size):
            free = chips < 0
            if not free[block]:
                block = int(np.argmin(np.where(free, to_free, -least - 1)))
            chips[block] = part
            around = slice(links.first[block], links.first[block + 1])
            to_chip[links.other[around]] += links.weight[around]
            to_free[links.other[around]] -= links.weight[around]
            free[block] = False
            if not free.any():
                break
            block = int(np.argmax(np.where(free, 2 * to_chip - to_free, least)))
    return chips


def breadth_first(links: Links) -> np.ndarray:
    """Order blocks by distance from the first block of each connected piece."""
    order, seen = [], np.zeros(links.n_blocks, dtype=bool)
    for root in range(links.n_blocks):
        if seen[root]:
            continue
        seen[root] = True
        queue = [root]
        for block in queue:
            around = links.other[links.first[block] : links.first[block + 1]]
            neighbours = around[~seen[around]]
            seen[neighbours] = True
            queue.extend(neighbours.tolist())
        order += queue
    return np.array(order, dtype=np.int64)


def spectral(links: Links, n_orders: int = 2) -> list[np.ndarray]:
    """Orders by the first eigenvectors of the normalised Laplacian after the constant one."""
    degree = np.maximum(links.degree, 1)
    scale = 1 / np.sqrt(degree)
    laplacian = np.eye(links.n_blocks)
    owner = links.owner
    laplacian[owner, links.other] = -scale[owner] * links.weight * scale[links.other]
    _, vectors = np.linalg.eigh(laplacian)
    return [
        np.argsort(vectors[:, i] * scale, kind="stable")
        for i in range(1, min(n_orders + 1, links.n_blocks))
    ]
