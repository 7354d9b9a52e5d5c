"""Arrange blocks on places so that messages have short ways: a quadratic assignment problem.

Messages times distance, summed over all pairs, is brought down by swaps of two blocks, always the
best one, from several first arrangements; the best few are shaken and brought down again. For two
blocks of one chip the change by a swap follows from one row each of a table that is kept up to
date, so that the best of all swaps costs the square of the number of blocks.

References
----------
Burkard, Dell'Amico and Martello 2012, Assignment Problems, SIAM, chapter 8 (heuristics).
"""

from collections.abc import Iterable, Iterator

import numpy as np

ROUNDS = ((4, 100), (2, 200), (1, 400))
"""How many of the best arrangements go on, and how often each is then shaken."""

MIN_GAIN = 1e-9
"""Share of the total cost below which a gain is taken for rounding."""


def arrange(
    mutual: np.ndarray,
    coordinates: np.ndarray,
    rng: np.random.Generator,
    more_starts: Iterable[np.ndarray] = (),
) -> np.ndarray:
    """Give every block a place of its own.

    Parameters
    ----------
    mutual : (n, n) float64 array
        Messages per step between two blocks, both ways; symmetric, zero diagonal.
    coordinates : (n, 2) int array
        Row and column of each place; several may be equal.
    rng : numpy.random.Generator
    more_starts : iterable of (n,) int array
        First arrangements beside the built-in ones (place of each block).

    Returns
    -------
    (n,) int64 array
        Place of each block. Never more messages times distance than with block i on place i.
    """
    n_blocks = len(mutual)
    if n_blocks < 2:
        return np.arange(n_blocks, dtype=np.int64)
    distances = manhattan(coordinates)
    found: dict[float, np.ndarray] = {}
    for start in [*starts(mutual, coordinates, rng), *more_starts]:
        places = descend(mutual, distances, start)
        found.setdefault(round(cost_of(mutual, distances, places), 9), places)
    best = [found[cost] for cost in sorted(found)]
    for n_kept, n_shakes in ROUNDS:
        best = [shake(mutual, distances, places, n_shakes, rng) for places in best[:n_kept]]
        best.sort(key=lambda places: cost_of(mutual, distances, places))
    return best[0]


def manhattan(coordinates: np.ndarray) -> np.ndarray:
    """(n, n) float64 distances along rows and columns."""
    coordinates = np.asarray(coordinates)
    return np.abs(coordinates[:, None] - coordinates).sum(axis=2).astype(np.float64)


def cost_of(mutual: np.ndarray, distances: np.ndarray, places: np.ndarray) -> float:
    """Messages per step times distance."""
    return float((mutual * distances[np.ix_(places, places)]).sum() / 2)


def starts(
    mutual: np.ndarray, coordinates: np.ndarray, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield first arrangements: block order, eight by eigenvectors, one by chance."""
    n_blocks = len(mutual)
    yield np.arange(n_blocks, dtype=np.int64)
    first, second = eigenvectors(mutual)
    for across, down in ((first, second), (second, first)):
        for sign in (1, -1):
            yield in_columns(across, sign * down, coordinates)
            yield in_columns(-across, sign * down, coordinates)
    yield rng.permutation(n_blocks)


def eigenvectors(mutual: np.ndarray) -> list[np.ndarray]:
    """The two smoothest vectors over the blocks, each (n,) float64.

    Eigenvectors of the normalised Laplacian after the constant one; those of blocks that exchange
    many messages are close. Signs are fixed, so that the same graph gives the same vectors.
    """
    degree = mutual.sum(axis=1)
    scale = 1 / np.sqrt(np.where(degree > 0, degree, 1))
    laplacian = np.eye(len(mutual)) - scale[:, None] * mutual * scale
    _, vectors = np.linalg.eigh(laplacian)
    found = []
    for index in (1, 2):
        vector = vectors[:, min(index, len(mutual) - 1)] * scale
        found.append(vector * np.sign(vector[np.argmax(np.abs(vector))]))
    return found


def in_columns(across: np.ndarray, down: np.ndarray, coordinates: np.ndarray) -> np.ndarray:
    """Fill columns from left to right in the order of one vector, each by the order of another."""
    rows, columns = np.asarray(coordinates).T
    order = np.argsort(across, kind="stable")
    places = np.empty(len(across), dtype=np.int64)
    begin = 0
    for column in np.unique(columns):
        free = np.flatnonzero(columns == column)
        free = free[np.argsort(rows[free], kind="stable")]
        blocks = order[begin : begin + len(free)]
        places[blocks[np.argsort(down[blocks], kind="stable")]] = free
        begin += len(free)
    return places


def descend(mutual: np.ndarray, distances: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Swap the two blocks that saves most, again and again; returns new places."""
    places = np.array(places, dtype=np.int64)
    n_blocks = len(places)
    least = MIN_GAIN * max(float(mutual.sum()), 1e-300)
    # to_place[i, p]: cost of block i if it were on place p and all others where they are.
    to_place = mutual @ distances[places]
    diagonal = np.arange(n_blocks)
    while True:
        there = to_place[:, places]
        change = there - there[diagonal, diagonal][:, None]
        # Two that are swapped stay as far apart as they were; both terms took that for zero.
        change = change + change.T + 2 * mutual * distances[np.ix_(places, places)]
        a, b = divmod(int(np.argmin(change)), n_blocks)
        if change[a, b] >= -least:
            return places
        old, new = distances[places[a]], distances[places[b]]
        to_place += np.outer(mutual[:, a] - mutual[:, b], new - old)
        places[a], places[b] = places[b], places[a]


def shake(
    mutual: np.ndarray,
    distances: np.ndarray,
    places: np.ndarray,
    rounds: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Disturb an arrangement, bring it down, keep it if it is no worse; again and again."""
    best, best_cost = places, cost_of(mutual, distances, places)
    # The strongest partners of each block, itself first.
    partners = np.argsort(-(mutual + np.diag(np.full(len(mutual), np.inf))), axis=1, kind="stable")
    for _ in range(rounds):
        trial = best.copy()
        if rng.random() < 0.5:
            _scatter(trial, partners, rng)
        else:
            _exchange(trial, distances, rng)
        trial = descend(mutual, distances, trial)
        cost = cost_of(mutual, distances, trial)
        if cost <= best_cost:
            best, best_cost = trial, cost
    return best


def _scatter(places: np.ndarray, partners: np.ndarray, rng: np.random.Generator) -> None:
    """Permute a random block and its strongest partners among their places."""
    n_blocks = len(places)
    block, size = rng.integers(n_blocks), rng.integers(3, 12)
    group = partners[block, :size]
    places[group] = places[rng.permutation(group)]


def _exchange(places: np.ndarray, distances: np.ndarray, rng: np.random.Generator) -> None:
    """Exchange all blocks of two tiles, or two blocks where each tile has one."""
    here, there = (np.flatnonzero(distances[places[b]][places] == 0) for b in
                   rng.choice(len(places), 2, replace=False))  # fmt: skip
    size = min(len(here), len(there))
    here, there = here[:size], there[:size]
    places[here], places[there] = places[there], places[here].copy()
