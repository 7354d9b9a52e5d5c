"""Improve an assignment of blocks to chips by moves and swaps under a hard capacity."""

import numpy as np

MAX_PASSES = 12
"""Passes of moves; each ends at the best assignment it saw."""

MIN_GAIN = 1e-9
"""Messages per step below which a gain is taken for rounding."""


def refine(mutual, chips, n_parts, capacity, swaps=True):
    """Passes of moves, then swaps, until neither helps.

    Parameters
    ----------
    mutual : (n, n) float64 array
        Messages per step between two blocks, both ways; zero diagonal.
    chips : (n,) int64 array
        Chip per block, within the capacity.
    n_parts, capacity : int
    swaps : bool
        Try all pairs too, in time and memory of the square of n per swap.

    Returns
    -------
    (n,) int64 array
        Never with more messages between chips than ``chips``.
    """
    chips = chips.copy()
    if n_parts < 2:
        return chips
    for _ in range(MAX_PASSES):
        gain = move_pass(mutual, chips, n_parts, capacity)
        if swaps:
            gain += swap_descent(mutual, chips, n_parts)
        if gain <= MIN_GAIN:
            break
    return chips


def crossing(mutual, chips) -> float:
    """Messages per step between chips."""
    return float(mutual[chips[:, None] != chips].sum() / 2)


def shaken(mutual, chips, n_parts, capacity, rounds, rng):
    """Move a random cluster to another chip, refine, keep what is no worse; again and again.

    A cluster leaves a local optimum that single moves and swaps cannot: a whole piece of a
    layer on the wrong side. Same arguments as `refine`.
    """
    best, best_cost = chips, crossing(mutual, chips)
    if n_parts < 2:
        return best
    for _ in range(rounds):
        trial = best.copy()
        move_cluster(mutual, trial, n_parts, capacity, rng)
        trial = refine(mutual, trial, n_parts, capacity, swaps=False)
        cost = crossing(mutual, trial)
        if cost <= best_cost + MIN_GAIN:
            best, best_cost = trial, cost
    return best


def move_cluster(mutual, chips, n_parts, capacity, rng):
    """Move a random connected cluster to a random chip, then empty that chip to its capacity."""
    n_blocks = len(chips)
    block = int(rng.integers(n_blocks))
    target = int((chips[block] + rng.integers(1, n_parts)) % n_parts)
    size = int(rng.integers(2, max(3, min(capacity, n_blocks // (2 * n_parts))) + 1))
    in_cluster = np.zeros(n_blocks, dtype=bool)
    pull = np.zeros(n_blocks)
    for _ in range(size):
        in_cluster[block] = True
        pull += mutual[block]
        allowed = ~in_cluster & (chips != target)
        if not allowed.any():
            break
        block = int(np.argmax(np.where(allowed, pull, -1)))
    chips[in_cluster] = target
    to_chip = mutual @ np.eye(n_parts)[chips]
    sizes = np.bincount(chips, minlength=n_parts)
    while sizes[target] > capacity:
        gains = to_chip - to_chip[:, [target]]
        gains[(chips != target) | in_cluster] = -np.inf
        gains[:, sizes >= capacity] = -np.inf
        if gains.max() == -np.inf:
            # Nothing but the cluster is left on the chip: let its own blocks go.
            in_cluster[:] = False
            continue
        block, other = divmod(int(np.argmax(gains)), n_parts)
        chips[block] = other
        sizes[target] -= 1
        sizes[other] += 1
        to_chip[:, target] -= mutual[block]
        to_chip[:, other] += mutual[block]


def move_pass(mutual, chips, n_parts, capacity):
    """One pass in the manner of Fiduccia and Mattheyses; changes ``chips``, returns the gain.

    Every block moves at most once, the best move first even when it costs. A chip may hold one
    block too many for the time of one move, so that a full chip can exchange blocks. The pass
    then goes back to the best assignment within capacity that it saw.
    """
    n_blocks = len(chips)
    blocks = np.arange(n_blocks)
    to_chip = mutual @ np.eye(n_parts)[chips]
    sizes = np.bincount(chips, minlength=n_parts)
    free = np.ones(n_blocks, dtype=bool)
    total = best = 0.0
    moves, n_best = [], 0
    # Once most blocks have moved, further moves almost never pay.
    patience = max(16, n_blocks // 3)
    while free.any() and len(moves) - n_best < patience:
        gains = to_chip - to_chip[blocks, chips][:, None]
        gains[~free] = -np.inf
        gains[blocks, chips] = -np.inf
        over = np.flatnonzero(sizes > capacity)
        if len(over):
            gains[chips != over[0]] = -np.inf
            gains[:, sizes >= capacity] = -np.inf
        choice = int(np.argmax(gains))
        block, target = divmod(choice, n_parts)
        gain = gains[block, target]
        if gain == -np.inf:
            break
        source = int(chips[block])
        moves.append((block, source))
        total += gain
        chips[block] = target
        free[block] = False
        sizes[source] -= 1
        sizes[target] += 1
        to_chip[:, source] -= mutual[block]
        to_chip[:, target] += mutual[block]
        if total > best + MIN_GAIN and sizes.max() <= capacity:
            best, n_best = total, len(moves)
    for block, source in reversed(moves[n_best:]):
        chips[block] = source
    return best


def swap_descent(mutual, chips, n_parts):
    """Swap the pair of blocks that saves most, again and again; changes ``chips``.

    Swaps keep the sizes, so they work on full chips.
    """
    n_blocks = len(chips)
    blocks = np.arange(n_blocks)
    to_chip = mutual @ np.eye(n_parts)[chips]
    total = 0.0
    for _ in range(n_blocks):
        gains = to_chip - to_chip[blocks, chips][:, None]
        one_way = gains[:, chips]
        pair = one_way + one_way.T - 2 * mutual
        pair[chips[:, None] == chips] = -np.inf
        a, b = divmod(int(np.argmax(pair)), n_blocks)
        if pair[a, b] <= MIN_GAIN:
            break
        total += pair[a, b]
        for block, source, target in ((a, chips[a], chips[b]), (b, chips[b], chips[a])):
            to_chip[:, source] -= mutual[block]
            to_chip[:, target] += mutual[block]
        chips[a], chips[b] = chips[b], chips[a]
    return total
