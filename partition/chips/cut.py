"""Blocks to chips: few messages between chips, never more blocks than a chip has cores.

Blocks are never merged and a message to each of two cores on one remote chip crosses twice
(spikes are unicast), so the cost of an assignment is exactly a weighted cut of the block graph.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from partition.core.checks import check_assignment, message_count
from partition.core.errors import DoesNotFitError, PartitionError
from partition.core.limits import CORES_PER_CHIP
from partition.display.messages import how_many

if TYPE_CHECKING:
    # These and the compiled loops of what follows take a moment to load.
    import networkx as nx

    from partition.chips.links import Links, Traffic
    from partition.chips.search import Found

PROOF_TOLERANCE = 1e-9
"""Share of the messages: what sums of floating-point weights leave uncertain."""

__all__ = ["Assignment", "assign_chips", "check_assignment", "message_count", "prove"]


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
    lower_bound : float
        Messages per step that every assignment to so many chips has at least; 0 when nothing is
        known, as above two chips without a proof.
    method : str
        How the bound was found; empty when there is none.
    """

    chip_of_block: tuple[int, ...]
    messages: float
    link_loads: Mapping[tuple[int, int], float] = field(default_factory=dict)
    n_chips_used: int = 0
    lower_bound: float = 0.0
    method: str = ""

    @property
    def max_link_load(self) -> float:
        """Messages per step on the busiest link, which a synchronised step waits for."""
        return max(self.link_loads.values(), default=0.0)

    @property
    def gap(self) -> float:
        """Share of the messages that could at most be saved."""
        return (self.messages - self.lower_bound) / self.messages if self.messages > 0 else 0.0

    @property
    def proved(self) -> bool:
        """No assignment to so many chips has fewer messages."""
        return self.gap <= PROOF_TOLERANCE


def assign_chips(
    graph: "nx.DiGraph",
    n_chips: int,
    *,
    cores_per_chip: int = CORES_PER_CHIP,
    seed: int = 0,
    proof_seconds: float = 0.0,
    start: ArrayLike | None = None,
) -> Assignment:
    """Put blocks on as few chips as hold them, with few messages between chips.

    Several constructions (model order, growing by the sum of edges, breadth first, spectral,
    random, and multilevel ones where Mt-KaHyPar is installed) are improved by moves; the best
    ones then by moved clusters, by exact cuts of every pair of chips and by swaps. Filling chips
    in model order, as nengo-loihi's ``Greedy`` does, is among them, so the result is never worse
    than that. Two chips, and small graphs, are mostly solved to the proven optimum on the way;
    for more chips ``lower_bound`` is 0, unless nothing crosses or ``proof_seconds`` is given.

    The same graph and seed give the same assignment, however busy the machine is, unless a proof
    finds a better one in the seconds it is given.

    Parameters
    ----------
    graph : networkx.DiGraph
        Nodes 0 to n - 1; edge attribute ``weight`` in messages per step.
    n_chips : int
        Most chips to use.
    cores_per_chip, seed : int
    proof_seconds : float
        For `prove`, where the search itself proves nothing.
    start : (n_blocks,) array_like of int, optional
        Chip per block, on as few chips as hold the blocks; improved like any construction, so the
        result is never worse than it.

    Raises
    ------
    PartitionError
        ``n_chips`` or ``cores_per_chip`` below one, nodes not numbered from 0, a weight that is
        negative or not finite, weights that add up to no finite number, or a ``start`` that is not
        a chip per block within the capacity.
    DoesNotFitError
        More blocks than cores.

    References
    ----------
    Fiduccia and Mattheyses 1982, 19th Design Automation Conference, 175-181.
    """
    # Their compiled loops take a moment to load.
    from partition.chips.links import Traffic, links_of
    from partition.chips.search import search

    traffic = Traffic.of_graph(graph)
    n_parts = chips_needed(traffic.n_blocks, n_chips, cores_per_chip)
    links = links_of(traffic)
    if start is not None:
        start = _checked_start(start, traffic.n_blocks, n_parts, cores_per_chip)
    found = _assignment(traffic, links, search(links, n_parts, cores_per_chip, seed, start))
    if proof_seconds > 0 and not found.proved:
        found = prove(graph, found, cores_per_chip=cores_per_chip, seconds=proof_seconds)
    return found


def _checked_start(
    start: ArrayLike, n_blocks: int, n_parts: int, cores_per_chip: int
) -> np.ndarray:
    chips = np.asarray(start)
    if chips.ndim != 1 or not (chips.dtype.kind in "iu" or chips.size == 0):
        raise PartitionError("start must be whole numbers, one for each block")
    if len(chips) != n_blocks:
        raise PartitionError(f"start has a chip for {len(chips)} blocks, the graph has {n_blocks}")
    used, chips, held = np.unique(chips, return_inverse=True, return_counts=True)
    if len(used) > n_parts:
        raise PartitionError(f"start uses {len(used)} chips, the blocks need {n_parts}")
    if held.max(initial=0) > cores_per_chip:
        raise PartitionError(
            f"start has {held.max()} blocks on chip {used[held.argmax()]}, "
            f"a chip has {cores_per_chip} cores"
        )
    return chips.astype(np.int64)


def prove(
    graph: "nx.DiGraph",
    assignment: Assignment,
    *,
    cores_per_chip: int = CORES_PER_CHIP,
    seconds: float = 60.0,
) -> Assignment:
    """Bound the messages of an assignment from below, for as long as it takes or is given.

    Parameters
    ----------
    graph : networkx.DiGraph
    assignment : Assignment
        Of that graph, within the capacity.
    cores_per_chip : int
    seconds : float
        Wall clock.

    Returns
    -------
    Assignment
        With the better of the bound it had and the one found; with another, better assignment
        where the proof came upon one.

    Raises
    ------
    PartitionError
        The assignment is not one of the graph within the capacity, see `check_assignment`.
    """
    from partition.chips.bounds import METHOD, bound_by_worth
    from partition.chips.links import Traffic, links_of
    from partition.chips.search import Found, cut_in_two, known

    n_parts = assignment.n_chips_used
    check_assignment(graph, assignment, n_parts, cores_per_chip=cores_per_chip)
    deadline = time.monotonic() + seconds
    traffic = Traffic.of_graph(graph)
    links = links_of(traffic)
    chips = np.array(assignment.chip_of_block, dtype=np.int64)
    start = Found(chips, links.crossing(chips))
    found = known(links, start, n_parts, cores_per_chip)
    if not found.is_proved and n_parts == 2:
        found = cut_in_two(links, found, cores_per_chip, deadline=deadline)
    if not found.is_proved and n_parts > 1:
        bound = bound_by_worth(links, found.chips, n_parts, cores_per_chip, deadline)
        if bound > found.bound:
            found = replace(found, bound=bound, method=METHOD)
    better = _assignment(traffic, links, found)
    if better.messages > assignment.messages:
        better = replace(
            assignment,
            lower_bound=min(better.lower_bound, assignment.messages),
            method=better.method,
        )
    if better.lower_bound < assignment.lower_bound <= better.messages:
        return replace(better, lower_bound=assignment.lower_bound, method=assignment.method)
    return better


def assignment_of(
    graph: "nx.DiGraph", chip_of_block: ArrayLike, lower_bound: float = 0.0, method: str = ""
) -> Assignment:
    """What a given assignment comes to; chips keep their numbers.

    Parameters
    ----------
    graph : networkx.DiGraph
    chip_of_block : sequence of int
        Numbered from 0, each chip holding a block.
    lower_bound : float
        Known of it, messages per step; and by which ``method``.
    """
    from partition.chips.links import Traffic

    chips = np.array(chip_of_block, dtype=np.int64)
    loads = Traffic.of_graph(graph).loads(chips)
    messages = float(sum(loads.values()))
    return Assignment(
        chip_of_block=tuple(int(chip) for chip in chips),
        messages=messages,
        link_loads=loads,
        n_chips_used=int(chips.max(initial=-1)) + 1,
        lower_bound=min(lower_bound, messages),
        method=method,
    )


def _assignment(traffic: "Traffic", links: "Links", found: "Found") -> Assignment:
    order: dict[int, int] = {}
    chips = [order.setdefault(int(chip), len(order)) for chip in found.chips]
    loads = traffic.loads(np.array(chips, dtype=np.int64))
    messages = float(sum(loads.values()))
    # Weights were rounded down, so a bound in whole numbers is one in messages.
    return Assignment(
        chip_of_block=tuple(chips),
        messages=messages,
        link_loads=loads,
        n_chips_used=len(order),
        lower_bound=min(found.bound * links.unit, messages),
        method=found.method,
    )


def chips_needed(n_blocks: int, n_chips: int, cores_per_chip: int = CORES_PER_CHIP) -> int:
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
        cores, each = how_many(n_blocks, "core"), how_many(cores_per_chip, "core")
        text = (
            f"needs {cores} = {how_many(needed, 'chip')} of {each}, "
            f"{how_many(n_chips, 'chip')} would give {n_chips * cores_per_chip}; "
            f"use {how_many(needed, 'chip')}, or a smaller network"
        )
        raise DoesNotFitError(text, [text])
    return needed
