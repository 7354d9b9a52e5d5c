"""Improve an assignment of blocks to chips by moves and swaps under a hard capacity."""

from partition.chips import moves


def moved(links, chips, n_parts, capacity):
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
    cost = moves.improve(links.first, links.other, links.weight, chips, n_parts, capacity)
    return int(cost), chips


def swapped(links, chips, n_parts, capacity):
    """Swaps of two blocks and passes of moves in turn until neither gains; as `moved`."""
    cost, chips = moved(links, chips, n_parts, capacity)
    if n_parts < 2:
        return cost, chips
    arrays = (links.first, links.other, links.weight)
    while True:
        towards, sizes = moves.table(*arrays, chips, n_parts)
        if moves.swap_descent(*arrays, chips, sizes, towards) <= 0:
            return cost, chips
        cost, chips = moved(links, chips, n_parts, capacity)


def crossing(mutual, chips) -> float:
    """Messages per step between chips, of an (n, n) array of what blocks exchange both ways."""
    return float(mutual[chips[:, None] != chips].sum() / 2)


def shaken(links, chips, n_parts, capacity, rounds, rng):
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
        moves.move_cluster(
            links.first, links.other, links.weight, trial, n_parts, capacity, block, target, size
        )
        trial_cost, trial = moved(links, trial, n_parts, capacity)
        if trial_cost <= cost:
            cost, best = trial_cost, trial
    return cost, best
