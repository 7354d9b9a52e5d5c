"""Blocks to chips: few messages between chips, never more blocks than a chip has cores.

Blocks are never merged and a message to each of two cores on one remote chip crosses twice
(spikes are unicast), so the cost of an assignment is exactly a weighted cut of the block graph.
"""

from dataclasses import dataclass, field

import numpy as np

from partition.checks import check_assignment, message_count
from partition.errors import DoesNotFitError, PartitionError
from partition.limits import CORES_PER_CHIP
from partition.refine import refine, shaken
from partition.starts import starts

N_FINALISTS = 3
"""Refined assignments that are shaken and refined further."""

MAX_ROUNDS = 100
"""Most clusters moved per finalist."""

SHAKING = 20_000
"""Clusters moved per finalist, times blocks: keeps large graphs within seconds."""

__all__ = ["Assignment", "assign_chips", "check_assignment", "message_count"]


@dataclass(frozen=True)
class Assignment:
    """A chip for every block.

    Attributes
    ----------
    chip_of_block : tuple of int
        Chip per block, in block order; chips are numbered in order of their first block.
    messages : float
        Messages per step between chips.
    link_loads : dict of (int, int) to float
        Messages per step from the first chip to the second, where there are any.
    n_chips_used : int
    """

    chip_of_block: tuple[int, ...]
    messages: float
    link_loads: dict = field(default_factory=dict)
    n_chips_used: int = 0

    @property
    def max_link_load(self) -> float:
        """Messages per step on the busiest link, which a synchronised step waits for."""
        return max(self.link_loads.values(), default=0.0)


def assign_chips(graph, n_chips, *, cores_per_chip=CORES_PER_CHIP, seed=0) -> Assignment:
    """Put blocks on as few chips as hold them, with few messages between chips.

    Several constructions (model order, growing by the sum of edges, breadth first, spectral,
    random) are each improved by moves; the best ones then by moved clusters and by swaps.
    Filling chips in model order, as nengo-loihi's ``Greedy`` does, is among them, so the result
    is never worse than that.

    Parameters
    ----------
    graph : networkx.DiGraph
        Nodes 0 to n - 1; edge attribute ``weight`` in messages per step.
    n_chips : int
        Most chips to use.
    cores_per_chip : int
    seed : int

    Returns
    -------
    Assignment

    Raises
    ------
    PartitionError
        ``n_chips`` or ``cores_per_chip`` below one, nodes not numbered from 0, or a weight
        that is negative or not finite.
    DoesNotFitError
        More blocks than cores.

    References
    ----------
    Fiduccia and Mattheyses 1982, 19th Design Automation Conference, 175-181.
    """
    weights = _weights(graph)
    n_blocks = len(weights)
    n_parts = chips_needed(n_blocks, n_chips, cores_per_chip)
    mutual = weights + weights.T
    np.fill_diagonal(mutual, 0)
    rng = np.random.default_rng(seed)
    best = _best_of(
        weights,
        [
            refine(mutual, start, n_parts, cores_per_chip, swaps=False)
            for start in starts(mutual, n_parts, cores_per_chip, rng)
        ],
        N_FINALISTS,
    )
    rounds = min(MAX_ROUNDS, 2 * n_blocks, SHAKING // max(n_blocks, 1))
    best = [shaken(mutual, chips, n_parts, cores_per_chip, rounds, rng) for chips in best]
    best = [refine(mutual, chips, n_parts, cores_per_chip) for chips in best]
    best = _first_seen_order(_best_of(weights, best, 1)[0])
    loads = _loads(weights, best)
    return Assignment(
        chip_of_block=tuple(int(chip) for chip in best),
        messages=float(sum(loads.values())),
        link_loads=loads,
        n_chips_used=n_parts,
    )


def _best_of(weights, assignments, n_best):
    """The different assignments with fewest messages, then the least busy busiest link."""
    by_cost = {}
    for chips in map(_first_seen_order, assignments):
        loads = _loads(weights, chips)
        cost = (round(sum(loads.values()), 9), max(loads.values(), default=0.0))
        by_cost.setdefault(cost, chips)
    return [by_cost[cost] for cost in sorted(by_cost)[:n_best]]


def chips_needed(n_blocks, n_chips, cores_per_chip=CORES_PER_CHIP) -> int:
    """Fewest chips that hold the blocks.

    Raises
    ------
    PartitionError
        ``n_chips`` or ``cores_per_chip`` below one.
    DoesNotFitError
        More than ``n_chips``.
    """
    if n_chips < 1:
        raise PartitionError(f"{n_chips} chips: at least one is needed")
    if cores_per_chip < 1:
        raise PartitionError(f"{cores_per_chip} cores per chip: at least one is needed")
    needed = -(-n_blocks // cores_per_chip)
    if needed > n_chips:
        text = (
            f"needs {n_blocks} cores = {needed} chips of {cores_per_chip} cores, "
            f"--chips {n_chips} gives {n_chips * cores_per_chip}; "
            f"use --chips {needed}, a smaller tile, or fewer channels"
        )
        raise DoesNotFitError(text, [text])
    return needed


def _weights(graph):
    """Directed weights as a dense (n, n) float64 array, self messages left out."""
    n = graph.number_of_nodes()
    if set(graph.nodes) != set(range(n)):
        raise PartitionError("the nodes of a block graph must be numbered 0 to n - 1")
    weights = np.zeros((n, n))
    for source, target, weight in graph.edges(data="weight"):
        if weight is None or not np.isfinite(weight) or weight < 0:
            raise PartitionError(
                f"edge {source} to {target}: weight {weight} is not a number of messages"
            )
        if source != target:
            weights[source, target] = weight
    return weights


def _first_seen_order(chips):
    order = {}
    return np.array([order.setdefault(int(chip), len(order)) for chip in chips], dtype=np.int64)


def _loads(weights, chips):
    n_chips = int(chips.max(initial=-1)) + 1
    table = np.zeros((n_chips, n_chips))
    sources, targets = np.nonzero(weights)
    np.add.at(table, (chips[sources], chips[targets]), weights[sources, targets])
    return {(int(a), int(b)): float(table[a, b]) for a, b in zip(*np.nonzero(table)) if a != b}
