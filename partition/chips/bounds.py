"""Lower bounds for more than two chips: every block has a worth, every chip costs what it cuts.

Each block is on one chip, and a message between two chips leaves one and enters the other. So for
any worth ``w`` of the blocks and any assignment to ``k`` chips

    2 * messages = sum over chips of cut(chip)
                 = sum(w) + sum over chips of (cut(chip) - w(chip))
                >= sum(w) + k * minimum over sets P of (cut(P) - w(P)),

where P has as many blocks as a chip can have: no more than its cores, no fewer than the other chips
leave over. `partition.chips.exact` finds the minimum, or bounds it from below, in whole numbers, so
that the bound holds without any tolerance. A good worth makes it close: the first ones come from
the assignment found, further ones from a linear program over the sets found so far.

References
----------
Johnson, Mehrotra and Nemhauser 1993, Min-cut clustering, Mathematical Programming 62, 133-151.
Marsten, Hogan and Blankenship 1975, The boxstep method for large-scale optimization, Operations
Research 23(3), 389-405.
"""

import time
from types import ModuleType

import numpy as np

from partition.chips.exact import best_sized_cut
from partition.chips.links import Links
from partition.system import without_output

MAX_BOUNDS = 6_000
"""Lower bounds computed at most for one worth."""

MAX_FAILURES = 8
"""Worths without progress after which the next ones stay closer to the best."""

METHOD = "worth of blocks"


def bound_by_worth(
    links: Links, chips: np.ndarray, n_parts: int, capacity: int, deadline: float
) -> int:
    """A lower bound of the weight between ``n_parts`` chips.

    Parameters
    ----------
    links : partition.chips.links.Links
    chips : (n,) int64 array
        A good assignment; the better it is, the closer the bound.
    n_parts, capacity : int
    deadline : float
        Of `time.monotonic`.

    Returns
    -------
    int
    """
    # Blocks without messages only fill cores.
    linked = np.flatnonzero(links.degree > 0)
    n_alone = links.n_blocks - len(linked)
    least = max(0, links.n_blocks - (n_parts - 1) * capacity - n_alone)
    search = _Ascent(links.among(linked), n_parts, least, capacity, deadline)
    search.run(chips[linked])
    return search.bound


class _Ascent:
    """The best worth so far and the sets that bound it."""

    def __init__(self, links: Links, n_parts: int, least: int, most: int, deadline: float):
        self.links = links
        self.n_parts = n_parts
        self.limits = (least, min(most, links.n_blocks))
        self.deadline = deadline
        self.ends = links.pairs()
        self.bound, self.best = 0, np.zeros(links.n_blocks, dtype=np.int64)
        # Rows of the linear program: members of a set, and its cut.
        self.sets: dict[bytes, tuple[np.ndarray, int]] = {}

    def run(self, chips: np.ndarray) -> None:
        cost = self.links.crossing(chips)
        by_chip = np.zeros(self.links.n_blocks)
        for chip in np.unique(chips):
            inside = chips == chip
            by_chip[inside] = self.add(inside) / inside.sum()
        degree = self.links.degree
        by_degree = degree * (2 * cost / max(degree.sum(), 1))
        for worth in (by_chip, by_degree, (by_chip + by_degree) / 2, by_chip / 2):
            if self.is_over(cost):
                return
            self.evaluate(worth)
        self.ascend(cost)

    def is_over(self, cost: int) -> bool:
        return self.bound >= cost or time.monotonic() >= self.deadline

    def add(self, inside: np.ndarray) -> int:
        """Remember a set, and return what it cuts."""
        low, high, weight = self.ends
        cut = int(weight[inside[low] != inside[high]].sum())
        self.sets[inside.tobytes()] = (inside, cut)
        return cut

    def evaluate(self, worth: np.ndarray) -> tuple[bool, bool]:
        """Bound by a worth; whether it is the best one, and whether it gave a new set."""
        worth = np.round(worth).astype(np.int64)
        result = best_sized_cut(
            self.links, *self.limits, cost=-worth, max_bounds=MAX_BOUNDS, deadline=self.deadline
        )
        n_sets = len(self.sets)
        if result.inside is not None:
            self.add(result.inside)
        # Half of a whole number of messages both ways is rounded up: messages are whole here.
        bound = -(-(int(worth.sum()) + self.n_parts * result.bound) // 2)
        is_better = bound > self.bound
        if is_better:
            self.bound, self.best = bound, worth
        return is_better, len(self.sets) > n_sets

    def ascend(self, cost: int) -> None:
        """The best worth for the sets so far, within a box around the best one; again and again."""
        try:
            import highspy
        except ImportError:
            return
        box, n_failures = cost / max(self.links.n_blocks, 1), 0
        while not self.is_over(cost):
            sets = list(self.sets.values())
            seconds = self.deadline - time.monotonic()
            worth = _best_worth(highspy, sets, self.best, box, self.n_parts, cost, seconds)
            if worth is None:
                return
            before = self.bound
            is_better, is_new = self.evaluate(worth)
            if is_better:
                n_failures = 0
                box *= 1.5 if self.bound - before > cost / 100 else 1
                continue
            n_failures += 1
            if n_failures >= MAX_FAILURES or not is_new:
                n_failures, box = 0, box / 2
                if box < cost * 1e-7:
                    return


def _best_worth(
    highspy: ModuleType,
    sets: list[tuple[np.ndarray, int]],
    center: np.ndarray,
    box: float,
    n_parts: int,
    cost: int,
    seconds: float,
) -> np.ndarray | None:
    """Maximize sum(w) + k * s with s <= cut(P) - w(P) for the sets known, near the center.

    Weights are counted in thousandths of the messages found, as suits the tolerances of HiGHS;
    whatever it answers is only tried.
    """
    n_blocks, scale = len(center), 1000 / cost
    with without_output():  # the first of a process says its version before it can be asked not to
        solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("time_limit", max(seconds, 0.0))
    infinite = highspy.kHighsInf
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = n_blocks + 1, len(sets)
    model.sense_ = highspy.ObjSense.kMaximize
    model.col_cost_ = np.append(np.ones(n_blocks), n_parts)
    model.col_lower_ = np.append((center - box) * scale, -infinite)
    model.col_upper_ = np.append((center + box) * scale, infinite)
    model.row_lower_ = np.full(len(sets), -infinite)
    model.row_upper_ = np.array([cut * scale for _, cut in sets])
    members = [np.append(np.flatnonzero(inside), n_blocks) for inside, _ in sets]
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = np.cumsum([0, *map(len, members)])
    model.a_matrix_.index_ = np.concatenate(members)
    model.a_matrix_.value_ = np.ones(sum(map(len, members)))
    solver.passModel(model)
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    return np.array(solver.getSolution().col_value[:n_blocks]) / scale
