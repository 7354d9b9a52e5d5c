"""Optimal cuts in two, by branch and bound, and what is built of them.

A block is put on one side and on the other in turn; `partition.chips.flow` bounds from below what
is left to gain. It closes graphs of some hundred blocks within seconds, because the price on the
size makes one minimum cut after the other almost the optimum.
"""

import time
from dataclasses import dataclass, replace

import numpy as np

from partition.chips.flow import (
    FREE,
    IN,
    NEVER,
    OUT,
    PriceState,
    best_price,
)
from partition.chips.links import Links

SWAPPED = np.array([FREE, OUT, IN])
"""Marks of the same problem for the blocks outside."""


@dataclass(frozen=True, eq=False)
class SizedCut:
    """A set of blocks and a lower bound for all others.

    Attributes
    ----------
    inside : (n,) bool array or None
        The best set found; None when none was better than what was known before.
    value : int
        Of that set, or what was known before.
    bound : int
        No set has a smaller value.
    n_bounds : int
        Lower bounds computed.
    """

    inside: np.ndarray | None
    value: int
    bound: int
    n_bounds: int

    @property
    def is_optimal(self) -> bool:
        return self.bound >= self.value


def best_sized_cut(
    links: Links,
    least: int,
    most: int,
    value: int = NEVER,
    *,
    cost: np.ndarray | None = None,
    inside: int | None = None,
    max_bounds: int | None = None,
    deadline: float | None = None,
) -> SizedCut:
    """The set of ``least`` to ``most`` blocks with fewest messages to the others.

    Parameters
    ----------
    links : partition.chips.links.Links
    least, most : int
    value : int
        Of a set known before: only better ones are searched.
    cost : (n,) int64 array, optional
        Added for every member; may be negative.
    inside : int, optional
        A block that is a member, where sides can be swapped or it is known to be.
    max_bounds : int, optional
        Lower bounds to compute at most.
    deadline : float, optional
        Of `time.monotonic`.

    Returns
    -------
    SizedCut
    """
    search = _Search(links, least, most, value, cost, max_bounds, deadline)
    return search.run(inside)


@dataclass(frozen=True, eq=False)
class _Problem:
    """What is left to decide, with a bound and the flow behind it.

    Attributes
    ----------
    side : (n,) int64 array
        Marks of the blocks.
    bound : int
    is_swapped : bool
        The price is on the blocks outside, and the arrays are those of the problem seen so.
    state : PriceState
        At the best price.
    """

    side: np.ndarray
    bound: int
    is_swapped: bool
    state: PriceState


class _Search:
    """The open problems and the best set of one branch and bound."""

    def __init__(
        self,
        links: Links,
        least: int,
        most: int,
        value: int,
        cost: np.ndarray | None,
        max_bounds: int | None,
        deadline: float | None,
    ):
        n_blocks = links.n_blocks
        self.links = links
        self.near = links.neighbours
        self.cost = np.zeros(n_blocks, dtype=np.int64) if cost is None else cost
        self.total = int(self.cost.sum())
        self.limits = (least, most)
        self.value = value
        self.best: np.ndarray | None = None
        self.n_bounds = 0
        self.max_bounds = max_bounds
        self.deadline = deadline
        self.owner, self.degree = links.owner, links.degree + np.abs(self.cost)

    def run(self, inside: int | None) -> SizedCut:
        side = np.full(self.links.n_blocks, FREE, dtype=np.int64)
        if inside is not None:
            side[inside] = IN
        open_problems = [self.bounded(self.unsolved(side, False))]
        while open_problems and not self.is_over():
            problem = open_problems.pop()
            if problem.bound < self.value:
                open_problems += self.branches(problem)
        lowest = min([self.value, *(problem.bound for problem in open_problems)])
        return SizedCut(self.best, int(self.value), int(lowest), self.n_bounds)

    def is_over(self) -> bool:
        if self.max_bounds is not None and self.n_bounds >= self.max_bounds:
            return True
        return self.deadline is not None and time.monotonic() >= self.deadline

    def unsolved(self, side: np.ndarray, is_swapped: bool) -> _Problem:
        cost = -self.cost if is_swapped else self.cost
        residual = self.links.weight.copy(), np.maximum(-cost, 0), np.maximum(cost, 0)
        crossed = np.ones(len(cost), dtype=bool), np.zeros(len(cost), dtype=bool)
        return _Problem(side, -NEVER, is_swapped, (0, 0, residual, crossed))

    def bounded(self, problem: _Problem) -> _Problem:
        """The problem with the best bound that a price gives, from the flow of a wider one."""
        self.n_bounds += 1
        side, n_blocks = problem.side, len(problem.side)
        least, most = self.limits
        n_in, n_out = np.count_nonzero(side == IN), np.count_nonzero(side == OUT)
        if n_in > most or n_blocks - n_out < least:
            return replace(problem, bound=NEVER)
        for _ in range(3):
            cost, shift = self.cost, 0
            if problem.is_swapped:
                cost, shift = -self.cost, self.total
                side = SWAPPED[problem.side]
                least, most = n_blocks - self.limits[1], n_blocks - self.limits[0]
            else:
                side = problem.side
                least, most = self.limits
            state = _copied(problem.state)
            best = np.zeros(n_blocks, dtype=bool)
            bound, value, price, flow, is_too_small = best_price(
                self.near, cost, side, (least, most), self.value - shift, state, best
            )
            if value + shift < self.value:
                self.value = value + shift
                self.best = ~best if problem.is_swapped else best
            if not is_too_small:
                break
            problem = self.unsolved(problem.side, not problem.is_swapped)
        bound = max(problem.bound, bound + shift)
        return _Problem(problem.side, bound, problem.is_swapped, (price, flow, *state[2:]))

    def branches(self, problem: _Problem) -> list[_Problem]:
        """The problems with one more block decided that can be better, most promising last."""
        block = self.undecided(problem)
        if block is None:
            return []
        trials = [self.bounded(_marked(problem, block, mark)) for mark in (IN, OUT)]
        alive = [trial for trial in trials if trial.bound < self.value]
        return sorted(alive, key=lambda trial: -trial.bound)

    def undecided(self, problem: _Problem) -> int | None:
        """The free block that decides most: heavy links to others that are free.

        Twice as much where the sets at the best price do not agree on it.
        """
        free = problem.side == FREE
        if not free.any():
            return None
        marked = ~free[self.links.other]
        weight = self.links.weight[marked]
        near = np.bincount(self.owner[marked], weight, len(free)).astype(np.int64)
        large, small = problem.state[3]
        score = (self.degree - near) * (1 + (large != small))
        return int(np.argmax(np.where(free, score, -1)))


def _marked(problem: _Problem, block: int, mark: int) -> _Problem:
    side = problem.side.copy()
    side[block] = mark
    return replace(problem, side=side)


def _copied(state: PriceState) -> PriceState:
    price, flow, (room, supply, demand), (large, small) = state
    residual = room.copy(), supply.copy(), demand.copy()
    return price, flow, residual, (large.copy(), small.copy())
