"""The search for the assignment with fewest messages: candidates, moves, exact cuts of pairs.

The same input and seed give the same assignment, however busy the machine is: what ends a part
of the search is a count of rounds or of bounds, never a clock.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from partition.chips.enumerate import SMALL, best_split
from partition.chips.exact import best_sized_cut
from partition.chips.links import Links
from partition.chips.multilevel import multilevel
from partition.chips.refine import moved, shaken, swapped
from partition.chips.starts import in_order, starts
from partition.core.compiled import IS_COMPILED

ROUNDS = ((30, 150), (12, 500), (6, 1500), (2, 5000))
"""How many of the best candidates are shaken, and how often each; then of the best again."""

ROUNDS_FULL = 300
"""Blocks at which all these rounds are made."""

N_OPTIMIZED = 6
"""Candidates left when pairs of chips are cut exactly."""

PAIR_BOUNDS = 2_000
"""Lower bounds computed at most for a pair of chips."""

PAIRS_BOUNDS = 30_000
"""The same for all pairs of a search; those of the best candidates come first."""

TWO_CHIP_BOUNDS = 40_000
"""The same where two chips are all there is."""

UNCOMPILED_SHARE = 0.02
"""Of all these counts, where loops run in plain Python."""


@dataclass(frozen=True, eq=False)
class Found:
    """An assignment and what is known of it.

    Attributes
    ----------
    chips : (n,) int64 array
    cost : int
        Weight between chips.
    bound : int
        No assignment has less; 0 when nothing is known.
    method : str
        How the bound was found.
    """

    chips: np.ndarray
    cost: int
    bound: int = 0
    method: str = ""

    @property
    def is_proved(self) -> bool:
        return self.bound >= self.cost


def search(
    links: Links, n_parts: int, capacity: int, seed: int, start: np.ndarray | None = None
) -> Found:
    """Few messages between ``n_parts`` chips.

    Parameters
    ----------
    links : partition.chips.links.Links
    n_parts : int
        Fewest chips that hold the blocks.
    capacity : int
    seed : int
    start : (n,) int64 array, optional
        One more first assignment, within the capacity.

    Returns
    -------
    Found
        With a bound where one comes with the search: one chip, nothing crosses, a small graph,
        two chips.
    """
    chips = in_order(np.arange(links.n_blocks), capacity)
    found = known(links, Found(chips, links.crossing(chips)), n_parts, capacity)
    if found.is_proved:
        return found
    rng = np.random.default_rng(seed)
    first = itertools.chain(
        starts(links, n_parts, capacity, rng),
        multilevel(links, n_parts, capacity, rng),
        [] if start is None else [start],
    )
    pool = _ranked(moved(links, chips, n_parts, capacity) for chips in first)
    if pool[0].cost > 0 and n_parts == 2:
        # Two chips are mostly solved exactly, for which the candidates are start enough.
        effort = min(1, ROUNDS_FULL / links.n_blocks)
        found = cut_in_two(links, pool[0], capacity, _share(round(effort * TWO_CHIP_BOUNDS)))
        if found.is_proved:
            return found
        pool.insert(0, found)
    if pool[0].cost > 0:
        best = _tournament(links, pool, n_parts, capacity, rng)[0]
        pool = [replace(best, bound=found.bound, method=found.method)]
    return known(links, pool[0], n_parts, capacity)


def known(links: Links, found: Found, n_parts: int, capacity: int) -> Found:
    """What needs no search: one chip, nothing that crosses, or the optimum of a small graph."""
    if n_parts < 2:
        return replace(found, method="all on one chip")
    if found.cost == 0:
        return replace(found, method="nothing crosses")
    if links.n_blocks <= SMALL:
        cost, chips = best_split(links, n_parts, capacity)
        if cost < found.cost:
            found = Found(chips, cost)
        return replace(found, bound=cost, method="all assignments compared")
    return found


def _share(count: int) -> int:
    return count if IS_COMPILED else max(1, round(count * UNCOMPILED_SHARE))


def _ranked(found: Iterable[tuple[int, np.ndarray]]) -> list[Found]:
    """Best first, different costs only: equal ones are nearly always the same, renumbered."""
    by_cost: dict[int, Found] = {}
    for cost, chips in found:
        by_cost.setdefault(cost, Found(chips, cost))
    return [by_cost[cost] for cost in sorted(by_cost)]


def _tournament(
    links: Links, pool: list[Found], n_parts: int, capacity: int, rng: np.random.Generator
) -> list[Found]:
    """Candidates shaken in heats of which each keeps fewer; in the last ones, pairs cut anew."""
    size = links.n_blocks / ROUNDS_FULL
    effort = min(size, 1 / size)
    n_bounds = _share(PAIRS_BOUNDS)
    for n_kept, rounds in ROUNDS:
        rounds = _share(max(1, round(effort * rounds)))
        pool = _ranked(
            shaken(links, found.chips, n_parts, capacity, rounds, rng) for found in pool[:n_kept]
        )
        if n_kept > N_OPTIMIZED:
            continue
        optimized = []
        for found in pool:
            found, used = optimize_pairs(links, found, n_parts, capacity, n_bounds)
            n_bounds -= used
            optimized.append((found.cost, found.chips))
        pool = _ranked(optimized)
    return _ranked(swapped(links, found.chips, n_parts, capacity) for found in pool)


def cut_in_two(
    links: Links,
    found: Found,
    capacity: int,
    max_bounds: int | None = None,
    deadline: float | None = None,
) -> Found:
    """The optimum for two chips, or the better of what was known and found within the limits."""
    return _cut_in_two(links, found, capacity, max_bounds, deadline)[0]


def _cut_in_two(
    links: Links, found: Found, capacity: int, max_bounds: int | None, deadline: float | None = None
) -> tuple[Found, int]:
    # Blocks without messages go wherever there is a core to spare, so they need no decision.
    linked = np.flatnonzero(links.degree > 0)
    inner = links.among(linked)
    n_linked = len(linked)
    result = best_sized_cut(
        inner,
        max(n_linked - capacity, 0),
        min(capacity, n_linked),
        found.cost,
        inside=int(np.argmax(inner.degree)) if n_linked else None,
        max_bounds=max_bounds,
        deadline=deadline,
    )
    chips = found.chips
    if result.inside is not None:
        chips = np.ones(links.n_blocks, dtype=np.int64)
        chips[linked[result.inside]] = 0
        alone = np.flatnonzero(links.degree == 0)
        chips[alone[: capacity - int(result.inside.sum())]] = 0
    if result.bound <= found.bound:
        return replace(found, chips=chips, cost=result.value), result.n_bounds
    return Found(chips, result.value, result.bound, "branch and bound"), result.n_bounds


def optimize_pairs(
    links: Links, found: Found, n_parts: int, capacity: int, max_bounds: int
) -> tuple[Found, int]:
    """Cut every pair of chips anew and exactly, until no pair improves.

    A pair that takes more than `PAIR_BOUNDS` keeps the best cut seen.

    Returns
    -------
    Found
    int
        Bounds computed.
    """
    chips, cost, left = found.chips.copy(), found.cost, max_bounds
    waiting = list(itertools.combinations(range(n_parts), 2))
    while waiting and left > 0:
        pair = waiting.pop(0)
        blocks = np.flatnonzero(np.isin(chips, pair))
        inner = links.among(blocks)
        sides = (chips[blocks] == pair[1]).astype(np.int64)
        before = Found(sides, inner.crossing(sides))
        if before.cost == 0:
            continue
        after, used = _cut_in_two(inner, before, capacity, min(left, _share(PAIR_BOUNDS)))
        left -= used
        if after.cost < before.cost:
            chips[blocks] = np.where(after.chips == 0, *pair)
            cost -= before.cost - after.cost
            # Only pairs with one of the two chips can have become better.
            waiting += [
                other
                for other in itertools.combinations(range(n_parts), 2)
                if set(other) & set(pair) and other != pair and other not in waiting
            ]
    return replace(found, chips=chips, cost=cost), max_bounds - left
