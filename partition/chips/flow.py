"""Compiled lower bounds for cuts with a limit on the size of one side, by maximum flow.

The problem: of all sets of blocks with ``least`` to ``most`` members that contain the blocks
marked IN and not those marked OUT, find the one with the smallest sum of the links that leave it
and of a cost for each member. The limits on the size make it hard. Moved into the objective, as
a price ``p`` on each member above ``most``, they leave a minimum cut, and

    minimum over x of  cut(x) + sum(cost * x) + p * (sum(x) - most)   for any p >= 0

is a lower bound. It is concave in ``p`` and piecewise linear; a few maximum flows find its
largest value. All numbers are whole, so the bound holds without any tolerance.

``first``, ``other``, ``back`` and ``weight`` are those of `partition.chips.links.Links`.

References
----------
Dinic 1970, Soviet Mathematics Doklady 11, 1277-1280 (the maximum flow).
Fisher 1981, Management Science 27(1), 1-18 (Lagrangian relaxation).
"""

import numpy as np

from partition.core.compiled import compiled

FREE, IN, OUT = 0, 1, 2
"""Marks of a block."""

NEVER = 2**62
"""Bound of a problem without a solution."""


@compiled
def add_flow(first, other, back, side, room, supply, demand):
    """Push as much more flow as there is room for, and return how much that was.

    It starts at blocks marked IN, without limit, and at blocks with ``supply``; it ends at blocks
    marked OUT, without limit, and at blocks with ``demand``. The room of the links, supplies and
    demands are reduced by what is used.
    """
    n_blocks = len(side)
    level = np.empty(n_blocks, np.int64)
    at = np.empty(n_blocks, np.int64)
    queue = np.empty(n_blocks, np.int64)
    path = np.empty(n_blocks + 1, np.int64)
    via = np.empty(n_blocks + 1, np.int64)
    total = 0
    while True:
        # Distance from the sources; no path is longer than the shortest one to an end.
        level[:] = -1
        n_queued = 0
        for block in range(n_blocks):
            if side[block] == IN or supply[block] > 0:
                level[block] = 0
                queue[n_queued] = block
                n_queued += 1
        shortest = n_blocks + 1
        head = 0
        while head < n_queued and level[queue[head]] < shortest:
            block = queue[head]
            head += 1
            if side[block] == OUT or demand[block] > 0:
                shortest = level[block]
            for link in range(first[block], first[block + 1]):
                neighbour = other[link]
                if level[neighbour] < 0 and room[link] > 0:
                    level[neighbour] = level[block] + 1
                    queue[n_queued] = neighbour
                    n_queued += 1
        if shortest > n_blocks:
            return total
        at[:] = first[:-1]
        for start in range(n_blocks):
            if level[start] != 0:
                continue
            depth = 0
            path[0] = start
            while depth >= 0:
                block = path[depth]
                if side[block] == OUT or demand[block] > 0:
                    amount = np.int64(NEVER)
                    if side[block] != OUT:
                        amount = demand[block]
                    if side[start] != IN:
                        amount = min(amount, supply[start])
                    for step in range(depth):
                        amount = min(amount, room[via[step]])
                    if side[block] != OUT:
                        demand[block] -= amount
                    if side[start] != IN:
                        supply[start] -= amount
                    total += amount
                    retreat = depth
                    for step in range(depth - 1, -1, -1):
                        link = via[step]
                        room[link] -= amount
                        room[back[link]] += amount
                        if room[link] == 0:
                            retreat = step
                    if side[start] != IN and supply[start] == 0:
                        break
                    depth = retreat
                    continue
                advanced = False
                while at[block] < first[block + 1] and level[block] < shortest:
                    link = at[block]
                    if room[link] > 0 and level[other[link]] == level[block] + 1:
                        via[depth] = link
                        depth += 1
                        path[depth] = other[link]
                        advanced = True
                        break
                    at[block] += 1
                if not advanced:
                    depth -= 1
                    if depth >= 0:
                        at[path[depth]] += 1


@compiled
def smallest_inside(first, other, side, room, supply, inside):
    """Mark the smallest minimum cut: what flow can still reach; returns its size."""
    n_blocks = len(side)
    queue = np.empty(n_blocks, np.int64)
    inside[:] = False
    n_queued = 0
    for block in range(n_blocks):
        if side[block] == IN or supply[block] > 0:
            inside[block] = True
            queue[n_queued] = block
            n_queued += 1
    head = 0
    while head < n_queued:
        block = queue[head]
        head += 1
        for link in range(first[block], first[block + 1]):
            if room[link] > 0 and not inside[other[link]]:
                inside[other[link]] = True
                queue[n_queued] = other[link]
                n_queued += 1
    return n_queued


@compiled
def largest_inside(first, other, back, side, room, demand, inside):
    """Mark the largest minimum cut: what flow cannot leave any more; returns its size."""
    n_blocks = len(side)
    queue = np.empty(n_blocks, np.int64)
    inside[:] = True
    n_queued = 0
    for block in range(n_blocks):
        if side[block] == OUT or demand[block] > 0:
            inside[block] = False
            queue[n_queued] = block
            n_queued += 1
    head = 0
    while head < n_queued:
        block = queue[head]
        head += 1
        for link in range(first[block], first[block + 1]):
            if room[back[link]] > 0 and inside[other[link]]:
                inside[other[link]] = False
                queue[n_queued] = other[link]
                n_queued += 1
    return n_blocks - n_queued


@compiled
def value_of(first, other, weight, cost, inside):
    """Links that leave a set and costs of its members."""
    total = 0
    for block in range(len(inside)):
        if inside[block]:
            total += cost[block]
            for link in range(first[block], first[block + 1]):
                if not inside[other[link]]:
                    total += weight[link]
    return total


@compiled
def move_price(demand, supply, change):
    """Raise or lower all demands; returns the flow that loses its end.

    Flow above a lowered demand becomes a supply, which looks for another end.
    """
    lost = 0
    for block in range(len(demand)):
        demand[block] += change
        if demand[block] < 0:
            lost -= demand[block]
            supply[block] -= demand[block]
            demand[block] = 0
    return lost


@compiled
def best_price(
    first, other, back, weight, cost, side, least, most, value, price, flow,
    room, supply, demand, large, small, best,
):  # fmt: skip
    """The price whose lower bound is largest, by intersecting lines.

    Each set is a line over the price: its value plus the price times its size. The bound is the
    lowest of them, and at the best price one that is too large crosses one that is not.

    Parameters
    ----------
    first, other, back, weight : int64 arrays
    cost : (n,) int64 array
        Of each member; may be negative.
    side : (n,) int64 array
        FREE, IN or OUT.
    least, most : int
        Sizes allowed.
    value : int
        Of the best set known; a bound that reaches it is returned at once.
    price : int
        Of the state; tried first.
    flow : int
        Of the state.
    room, supply, demand : int64 arrays
        The state: what a flow, found for fewer marks, leaves of links, supplies and demands.
        Changed.
    large, small : (n,) bool arrays
        The sets whose lines crossed last, one larger than ``most`` and one not. Changed.
    best : (n,) bool array
        Changed when a set of a size allowed is found that is better than ``value``.

    Returns
    -------
    bound, value : int
    price, flow : int
        Of the state.
    bool
        All best sets are smaller than ``least`` even without a price.
    """
    n_blocks = len(side)
    constant = 0
    for block in range(n_blocks):
        constant += min(cost[block], 0)
    n_large, n_small = 0, 0
    for block in range(n_blocks):
        large[block] = (large[block] or side[block] == IN) and side[block] != OUT
        small[block] = (small[block] or side[block] == IN) and side[block] != OUT
        n_large += large[block]
        n_small += small[block]
    # Where the marks moved a set beyond the limit, the extreme set that they allow.
    if n_large <= most:
        large[:] = side != OUT
        n_large = large.sum()
    if n_small > most:
        small[:] = side == IN
        n_small = small.sum()
    left = value_of(first, other, weight, cost, large)
    right = value_of(first, other, weight, cost, small)
    inside = np.empty(n_blocks, np.bool_)
    bound = np.int64(-NEVER)
    at_price = price
    trial = price if n_large > most else np.int64(0)
    is_crossing = False
    while True:
        flow -= move_price(demand, supply, trial - at_price)
        at_price = trial
        flow += add_flow(first, other, back, side, room, supply, demand)
        bound = max(bound, constant + flow - trial * most)
        if bound >= value:
            return bound, value, at_price, flow, False
        low = smallest_inside(first, other, side, room, supply, inside)
        found = value_of(first, other, weight, cost, inside)
        if least <= low <= most and found < value:
            value = found
            best[:] = inside
        size = low
        if low < most:
            size = largest_inside(first, other, back, side, room, demand, inside)
            found = value_of(first, other, weight, cost, inside)
            if least <= size <= most and found < value:
                value = found
                best[:] = inside
        if low <= most <= size or (trial == 0 and size < most):
            return bound, value, at_price, flow, size < least
        lowest = min(left + trial * n_large, right + trial * n_small)
        if is_crossing and found + trial * size >= lowest:
            # No line lies below the crossing of the two known ones.
            return bound, value, at_price, flow, False
        if size > most:
            left, n_large = found, size
            large[:] = inside
        else:
            right, n_small = found, size
            small[:] = inside
        trial, is_crossing = max((right - left) // (n_large - n_small), 0), True
