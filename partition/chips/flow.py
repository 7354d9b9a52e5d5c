"""Compiled lower bounds for cuts with a limit on the size of one side, by maximum flow.

The problem: of all sets of blocks with ``least`` to ``most`` members that contain the blocks
marked IN and not those marked OUT, find the one with the smallest sum of the links that leave it
and of a cost for each member. The limits on the size make it hard. Moved into the objective, as
a price ``p`` on each member above ``most``, they leave a minimum cut, and

    minimum over x of  cut(x) + sum(cost * x) + p * (sum(x) - most)   for any p >= 0

is a lower bound. It is concave in ``p`` and piecewise linear; a few maximum flows find its
largest value. All numbers are whole, so the bound holds without any tolerance.

``first``, ``other``, ``back`` and ``weight`` are those of `partition.chips.links.Links`, ``room``,
``supply`` and ``demand`` those of `Residual`; ``side`` is the (n,) int64 mark of each block.
Tuples of arrays are plain ones: those with names take longer to hand to a compiled function.
`smallest_inside` and `largest_inside` search in two directions and `best_price` is long because
one search for both, and the sets of a price in a function of their own, were some 10 % slower.

References
----------
Dinic 1970, Soviet Mathematics Doklady 11, 1277-1280 (the maximum flow).
Fisher 1981, Management Science 27(1), 1-18 (Lagrangian relaxation).
"""

import numpy as np

from partition.chips.links import Neighbours
from partition.core.compiled import compiled

FREE, IN, OUT = 0, 1, 2
"""Marks of a block."""

NEVER = 2**62
"""Bound of a problem without a solution."""


Residual = tuple[np.ndarray, np.ndarray, np.ndarray]
"""What a flow leaves: room of every link, supply and demand at every block; int64 arrays."""

PriceState = tuple[int, int, Residual, tuple[np.ndarray, np.ndarray]]
"""Where the search for a price stands, to go on from when more blocks are marked: price, flow, what
that flow leaves at that price, and the sets whose lines crossed last, one larger than allowed and
one not, as (n,) bool arrays."""


@compiled
def add_flow(
    first: np.ndarray,
    other: np.ndarray,
    back: np.ndarray,
    side: np.ndarray,
    room: np.ndarray,
    supply: np.ndarray,
    demand: np.ndarray,
) -> int:
    """Push as much more flow as there is room for, and return how much that was.

    It starts at blocks marked IN, without limit, and at blocks with ``supply``; it ends at blocks
    marked OUT, without limit, and at blocks with ``demand``. The room of the links, supplies and
    demands are reduced by what is used.
    """
    n_blocks = len(side)
    distance = np.empty(n_blocks, np.int64)
    tried = np.empty(n_blocks, np.int64)
    path = np.empty(n_blocks + 1, np.int64)
    via = np.empty(n_blocks + 1, np.int64)
    total = 0
    while True:
        shortest = _measure(first, other, side, room, supply, demand, distance)
        if shortest > n_blocks:
            return total
        tried[:] = first[:-1]
        for start in range(n_blocks):
            # Along the shortest paths from each start, until all are full.
            depth = 0 if distance[start] == 0 else -1
            path[0] = start
            while depth >= 0:
                block = path[depth]
                if side[block] == OUT or demand[block] > 0:
                    amount, depth = _push(back, side, room, supply, demand, path, via, depth)
                    total += amount
                    if side[start] != IN and supply[start] == 0:
                        break
                    continue
                advanced = False
                while tried[block] < first[block + 1] and distance[block] < shortest:
                    link = tried[block]
                    if room[link] > 0 and distance[other[link]] == distance[block] + 1:
                        via[depth] = link
                        depth += 1
                        path[depth] = other[link]
                        advanced = True
                        break
                    tried[block] += 1
                if not advanced:
                    depth -= 1
                    if depth >= 0:
                        tried[path[depth]] += 1


@compiled
def _measure(
    first: np.ndarray,
    other: np.ndarray,
    side: np.ndarray,
    room: np.ndarray,
    supply: np.ndarray,
    demand: np.ndarray,
    distance: np.ndarray,
) -> int:
    """Set the distances from where flow starts; returns the shortest one to an end.

    No path of the next flow is longer. More than there are blocks where no end can be reached.
    """
    n_blocks = len(side)
    queue = np.empty(n_blocks, np.int64)
    distance[:] = -1
    n_queued = 0
    for block in range(n_blocks):
        if side[block] == IN or supply[block] > 0:
            distance[block] = 0
            queue[n_queued] = block
            n_queued += 1
    shortest = n_blocks + 1
    head = 0
    while head < n_queued and distance[queue[head]] < shortest:
        block = queue[head]
        head += 1
        if side[block] == OUT or demand[block] > 0:
            shortest = distance[block]
        for link in range(first[block], first[block + 1]):
            neighbour = other[link]
            if distance[neighbour] < 0 and room[link] > 0:
                distance[neighbour] = distance[block] + 1
                queue[n_queued] = neighbour
                n_queued += 1
    return shortest


@compiled
def _push(
    back: np.ndarray,
    side: np.ndarray,
    room: np.ndarray,
    supply: np.ndarray,
    demand: np.ndarray,
    path: np.ndarray,
    via: np.ndarray,
    depth: int,
) -> tuple[int, int]:
    """Push flow along a path of so many links; returns how much, and how far there is room left."""
    start, end = path[0], path[depth]
    amount: int = NEVER
    if side[end] != OUT:
        amount = demand[end]
    if side[start] != IN:
        amount = min(amount, supply[start])
    for step in range(depth):
        amount = min(amount, room[via[step]])
    if side[end] != OUT:
        demand[end] -= amount
    if side[start] != IN:
        supply[start] -= amount
    retreat = depth
    for step in range(depth - 1, -1, -1):
        link = via[step]
        room[link] -= amount
        room[back[link]] += amount
        if room[link] == 0:
            retreat = step
    return amount, retreat


@compiled
def smallest_inside(
    first: np.ndarray,
    other: np.ndarray,
    side: np.ndarray,
    room: np.ndarray,
    supply: np.ndarray,
    inside: np.ndarray,
) -> int:
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
def largest_inside(
    first: np.ndarray,
    other: np.ndarray,
    back: np.ndarray,
    side: np.ndarray,
    room: np.ndarray,
    demand: np.ndarray,
    inside: np.ndarray,
) -> int:
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
def value_of(
    first: np.ndarray,
    other: np.ndarray,
    weight: np.ndarray,
    cost: np.ndarray,
    inside: np.ndarray,
) -> int:
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
def move_price(demand: np.ndarray, supply: np.ndarray, change: int) -> int:
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
def _fit_to_marks(
    side: np.ndarray, most: int, large: np.ndarray, small: np.ndarray
) -> tuple[int, int]:
    """Bring the sets that crossed last in line with the marks; returns their sizes.

    Where the marks move a set beyond the limit it becomes the extreme set that they allow.
    """
    n_large, n_small = 0, 0
    for block in range(len(side)):
        large[block] = (large[block] or side[block] == IN) and side[block] != OUT
        small[block] = (small[block] or side[block] == IN) and side[block] != OUT
        n_large += large[block]
        n_small += small[block]
    if n_large <= most:
        large[:] = side != OUT
        n_large = large.sum()
    if n_small > most:
        small[:] = side == IN
        n_small = small.sum()
    return n_large, n_small


@compiled
def best_price(
    near: Neighbours,
    cost: np.ndarray,
    side: np.ndarray,
    sizes: tuple[int, int],
    value: int,
    state: PriceState,
    best: np.ndarray,
) -> tuple[int, int, int, int, bool]:
    """The price whose lower bound is largest, by intersecting lines.

    Each set is a line over the price: its value plus the price times its size. The bound is the
    lowest of them, and at the best price one that is too large crosses one that is not.

    Parameters
    ----------
    near : Neighbours
    cost : (n,) int64 array
        Of each member; may be negative.
    side : (n,) int64 array
        FREE, IN or OUT.
    sizes : (int, int)
        The least and the most members.
    value : int
        Of the best set known; a bound that reaches it is returned at once.
    state : PriceState
        Its price is tried first; its flow was found for fewer marks. Its arrays are changed.
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
    first, other, back, weight = near
    least, most = sizes
    price, flow, (room, supply, demand), (large, small) = state
    constant = np.minimum(cost, 0).sum()
    n_large, n_small = _fit_to_marks(side, most, large, small)
    left, right = (
        value_of(first, other, weight, cost, large),
        value_of(first, other, weight, cost, small),
    )
    inside = np.empty(len(side), np.bool_)
    bound: int = -NEVER
    trial = price if n_large > most else 0
    is_crossing = False
    while True:
        flow -= move_price(demand, supply, trial - price)
        price = trial
        flow += add_flow(first, other, back, side, room, supply, demand)
        bound = max(bound, constant + flow - price * most)
        if bound >= value:
            return bound, value, price, flow, False
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
        if low <= most <= size or (price == 0 and size < most):
            return bound, value, price, flow, size < least
        lowest = min(left + price * n_large, right + price * n_small)
        if is_crossing and found + price * size >= lowest:
            # No line lies below the crossing of the two known ones.
            return bound, value, price, flow, False
        if size > most:
            left, n_large = found, size
            large[:] = inside
        else:
            right, n_small = found, size
            small[:] = inside
        trial, is_crossing = max((right - left) // (n_large - n_small), 0), True
