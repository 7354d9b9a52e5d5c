"""Chips to places on a board: a light busiest link first, then short ways for the messages."""

from itertools import permutations

import numpy as np

from partition.places.mesh import Grid

EXACT_CHIPS = 8
"""Most chips of which every order is tried."""

N_STARTS = 32
"""First orders that are improved by swaps where there are more."""


def order_chips(traffic: np.ndarray, grid: Grid, rng: np.random.Generator) -> tuple[int, ...]:
    """Place of every chip; the chips fill the first places of the board, without gaps.

    What is least is the load of the busiest directed link between neighbouring chips, which a
    synchronised step waits for; among equals, messages times links on their way. Up to
    ``EXACT_CHIPS`` chips every order is tried. With more, swaps improve several first orders.

    Parameters
    ----------
    traffic : (n_chips, n_chips) float64 array
        Messages per step from chip to chip; zero diagonal.
    grid : Grid
        With at least ``n_chips`` places.
    rng : numpy.random.Generator

    Returns
    -------
    tuple of int
        Of the best orders one; every chip on the place of its number if that is among them.
    """
    n_chips = len(traffic)
    if n_chips < 2:
        return tuple(range(n_chips))
    if n_chips <= EXACT_CHIPS:
        orders = np.array(list(permutations(range(n_chips))))
        order = orders[_first_best(traffic, grid, orders)]
    else:
        order = _by_swaps(traffic, grid, rng)
    return tuple(int(place) for place in np.argsort(order))


def _by_swaps(traffic: np.ndarray, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    """Chip of each place, the best of several descents."""
    first = np.arange(len(traffic))
    found = [_descend(traffic, grid, first)]
    for _ in range(N_STARTS - 1):
        found.append(_descend(traffic, grid, rng.permutation(first)))
    orders = np.array([first, *found])
    return orders[_first_best(traffic, grid, orders)]


def _descend(traffic: np.ndarray, grid: Grid, order: np.ndarray) -> np.ndarray:
    """Swap the two places whose swap is best until none is better."""
    a, b = np.triu_indices(len(order), 1)
    swaps = np.arange(len(a))
    while True:
        orders = np.tile(order, (len(a) + 1, 1))
        orders[swaps + 1, a], orders[swaps + 1, b] = order[b], order[a]
        best = _first_best(traffic, grid, orders)
        if best == 0:
            return order
        order = orders[best]


def _first_best(traffic: np.ndarray, grid: Grid, orders: np.ndarray) -> int:
    """Index of the first of the best orders (chip of each place, one order per row)."""
    n = len(traffic)
    pairs = np.ix_(np.arange(n), np.arange(n))
    routes = grid.routes.reshape(grid.n_places, grid.n_places, -1)[pairs].reshape(n * n, -1)
    # What goes from place to place under each order.
    between = traffic[orders[:, :, None], orders[:, None, :]].reshape(len(orders), n * n)
    busiest = (between @ routes).max(axis=1)
    hops = between @ grid.distances[pairs].reshape(-1)
    # Sums of the same numbers in another order differ in their last digits.
    scale = max(float(traffic.sum()), 1e-300)
    keys = np.round(np.stack([hops, busiest]) / scale, 9)
    return int(np.lexsort((np.arange(len(orders)), *keys))[0])
