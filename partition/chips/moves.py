"""Compiled moves of blocks between chips; everything in whole numbers.

``near`` are the neighbours of each block, see `partition.chips.links.Links`; ``chips`` is the (n,)
int64 chip per block, ``sizes`` the (k,) int64 blocks per chip, and ``towards`` an (n, k) int64
array of what each block exchanges with each chip.
"""

import numpy as np

from partition.chips.links import Neighbours
from partition.core.compiled import compiled

LEAST = -(2**62)
"""Below every gain."""

MAX_PASSES = 50
"""Passes of moves in `improve`; a handful is usual."""


@compiled
def table(near: Neighbours, chips: np.ndarray, n_chips: int) -> tuple[np.ndarray, np.ndarray]:
    """What each block exchanges with each chip, and the blocks on each chip."""
    first, other, _, weight = near
    n_blocks = len(chips)
    towards = np.zeros((n_blocks, n_chips), np.int64)
    sizes = np.zeros(n_chips, np.int64)
    for block in range(n_blocks):
        sizes[chips[block]] += 1
        for link in range(first[block], first[block + 1]):
            towards[block, chips[other[link]]] += weight[link]
    return towards, sizes


@compiled
def place(
    near: Neighbours,
    chips: np.ndarray,
    sizes: np.ndarray,
    towards: np.ndarray,
    block: int,
    target: int,
) -> None:
    """Put a block on a chip."""
    first, other, _, weight = near
    source = chips[block]
    chips[block] = target
    sizes[source] -= 1
    sizes[target] += 1
    for link in range(first[block], first[block + 1]):
        neighbour = other[link]
        towards[neighbour, source] -= weight[link]
        towards[neighbour, target] += weight[link]


@compiled
def best_target(towards: np.ndarray, own: int, block: int) -> tuple[int, int]:
    """The chip other than its own that a block gains most by moving to, and the gain."""
    target = -1
    gain = np.int64(LEAST)
    for chip in range(towards.shape[1]):
        if chip != own and towards[block, chip] > gain:
            gain = towards[block, chip]
            target = chip
    return target, gain - towards[block, own]


@compiled
def best_leaving(
    chips: np.ndarray,
    sizes: np.ndarray,
    towards: np.ndarray,
    held: np.ndarray,
    source: int,
    capacity: int,
) -> tuple[int, int, int]:
    """The best move from one chip to a chip with a core to spare: block, chip and gain.

    Blocks in ``held`` stay. Block -1 when there is no such move.
    """
    mover, target, best = -1, -1, LEAST
    for block in range(len(chips)):
        if chips[block] == source and not held[block]:
            for chip in range(len(sizes)):
                if sizes[chip] < capacity:
                    gain = towards[block, chip] - towards[block, source]
                    if gain > best:
                        mover, target, best = block, chip, gain
    return mover, target, best


@compiled
def move_pass(
    near: Neighbours, chips: np.ndarray, sizes: np.ndarray, towards: np.ndarray, capacity: int
) -> int:
    """One pass in the manner of Fiduccia and Mattheyses; returns the gain.

    Every block moves at most once, the best move first even when it costs. A chip may hold one
    block too many for the time of one move, so that a full chip can exchange blocks. The pass
    then goes back to the best assignment within capacity that it saw.
    """
    first, other, _, _ = near
    n_blocks = len(chips)
    gains = np.empty(n_blocks, np.int64)
    targets = np.empty(n_blocks, np.int64)
    for block in range(n_blocks):
        targets[block], gains[block] = best_target(towards, chips[block], block)
    held = np.zeros(n_blocks, np.bool_)
    movers = np.empty(n_blocks, np.int64)
    origins = np.empty(n_blocks, np.int64)
    # Once a third of the blocks moved without profit, further moves almost never pay.
    patience = 32
    total, best, n_moves, n_best, over = 0, 0, 0, 0, -1
    while n_moves < n_blocks and n_moves - n_best < patience:
        if over < 0:
            block = int(np.argmax(gains))
            target, gain = targets[block], gains[block]
            if gain == LEAST:
                break
        else:
            block, target, gain = best_leaving(chips, sizes, towards, held, over, capacity)
            if block < 0:
                break
        movers[n_moves] = block
        origins[n_moves] = chips[block]
        n_moves += 1
        total += gain
        held[block] = True
        gains[block] = LEAST
        place(near, chips, sizes, towards, block, target)
        for link in range(first[block], first[block + 1]):
            neighbour = other[link]
            if not held[neighbour]:
                targets[neighbour], gains[neighbour] = best_target(
                    towards, chips[neighbour], neighbour
                )
        over = target if sizes[target] > capacity else -1
        if over < 0 and total > best:
            best, n_best = total, n_moves
    for move in range(n_moves - 1, n_best - 1, -1):
        place(near, chips, sizes, towards, movers[move], origins[move])
    return best


@compiled
def swap_descent(
    near: Neighbours, chips: np.ndarray, sizes: np.ndarray, towards: np.ndarray
) -> int:
    """Swap the pair of blocks that saves most, again and again; returns the gain.

    Swaps keep the sizes, so they work on full chips.
    """
    first, other, _, weight = near
    n_blocks = len(chips)
    own = np.empty(n_blocks, np.int64)
    pair = np.empty(n_blocks, np.int64)
    total = 0
    for _ in range(n_blocks):
        for block in range(n_blocks):
            own[block] = towards[block, chips[block]]
        best, left, right = 0, -1, -1
        for block in range(n_blocks):
            chip = chips[block]
            # What both ends save; a link between the two is counted as saved twice but stays.
            pair[:] = towards[:, chip] - own - own[block]
            for partner in range(n_blocks):
                pair[partner] += towards[block, chips[partner]]
            for link in range(first[block], first[block + 1]):
                pair[other[link]] -= 2 * weight[link]
            pair[chips == chip] = LEAST
            partner = int(np.argmax(pair))
            if pair[partner] > best:
                best, left, right = pair[partner], block, partner
        if left < 0:
            break
        total += best
        chip = chips[left]
        place(near, chips, sizes, towards, left, chips[right])
        place(near, chips, sizes, towards, right, chip)
    return total


@compiled
def improve(near: Neighbours, chips: np.ndarray, n_chips: int, capacity: int) -> int:
    """Passes of moves until none gains; changes ``chips`` and returns the weight between chips."""
    first, other, _, weight = near
    towards, sizes = table(near, chips, n_chips)
    for _ in range(MAX_PASSES):
        if move_pass(near, chips, sizes, towards, capacity) <= 0:
            break
    twice = 0
    for block in range(len(chips)):
        for link in range(first[block], first[block + 1]):
            if chips[other[link]] != chips[block]:
                twice += weight[link]
    return twice // 2


@compiled
def move_cluster(
    near: Neighbours,
    chips: np.ndarray,
    n_chips: int,
    capacity: int,
    block: int,
    target: int,
    size: int,
) -> None:
    """Move a connected cluster to a chip, then empty that chip to its capacity.

    The cluster grows from ``block`` by the largest sum of messages to it, up to ``size`` blocks.
    """
    first, other, _, weight = near
    n_blocks = len(chips)
    towards, sizes = table(near, chips, n_chips)
    held = np.zeros(n_blocks, np.bool_)
    pull = np.zeros(n_blocks, np.int64)
    for _ in range(size):
        held[block] = True
        place(near, chips, sizes, towards, block, target)
        for link in range(first[block], first[block + 1]):
            pull[other[link]] += weight[link]
        strongest = 0
        for candidate in range(n_blocks):
            if pull[candidate] > strongest and not held[candidate] and chips[candidate] != target:
                strongest = pull[candidate]
                block = candidate
        if strongest == 0:
            break
    while sizes[target] > capacity:
        leaving, chip, _ = best_leaving(chips, sizes, towards, held, target, capacity)
        if leaving >= 0:
            place(near, chips, sizes, towards, leaving, chip)
        else:
            # Nothing but the cluster is left on the chip: let its own blocks go.
            held[:] = False
