"""A block graph solved: whether it fits, on which chips and cores, and what crosses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx
from numpy.typing import ArrayLike

from partition.chips.cut import Assignment, assign_chips, assignment_of, chips_needed
from partition.core.block_limits import exceeded, graph_violations, unchecked
from partition.core.checks import check_assignment, check_placement
from partition.core.limits import CORES_PER_CHIP
from partition.places.placement import Placement, numbered_by_place, place_blocks, place_in_order

MESH = "assumed: 4 rows of 8 tiles with 4 cores, numbered row by row"
"""What hops are counted on; see ``partition.places.mesh``."""


@dataclass(frozen=True)
class Solution:
    """What was found for a block graph, and what it is compared with.

    Attributes
    ----------
    assignment : Assignment
        Chips are numbered by their places on the board.
    placement : Placement
    plain_chip_of_block : tuple of int
        Chips filled one after the other in block order, as nengo-loihi's ``Greedy`` does.
    plain_placement : Placement
        Of those, cores in block order too.
    """

    assignment: Assignment
    placement: Placement
    plain_chip_of_block: tuple[int, ...]
    plain_placement: Placement


def solve(
    graph: nx.DiGraph,
    n_chips: int | None = None,
    *,
    cores_per_chip: int = CORES_PER_CHIP,
    board: str = "line",
    seed: int = 0,
    proof_seconds: float = 0.0,
    start: ArrayLike | None = None,
) -> Solution:
    """Put blocks on chips and cores; every number is counted again by other means.

    Parameters
    ----------
    graph : networkx.DiGraph
        As `partition.built.graph.block_graph` makes it.
    n_chips : int, optional
        Most chips to use; as many as it takes without.
    cores_per_chip, seed : int
    board : {"line", "grid"}
    proof_seconds : float
        See `partition.chips.cut.assign_chips`; without it, the bound for more than two chips is 0.
    start : (n_blocks,) array_like of int, optional
        Chips that are known to be good; see `partition.chips.cut.assign_chips`.

    Raises
    ------
    PartitionError
        See `assign_chips` and `place_blocks`.
    DoesNotFitError
        A block exceeds a core, or there are too few chips.
    """
    _check_blocks(graph)
    n_blocks = graph.number_of_nodes()
    if n_chips is None:
        n_chips = max(1, -(-n_blocks // cores_per_chip))
    chips_needed(n_blocks, n_chips, cores_per_chip)
    found = assign_chips(
        graph,
        n_chips,
        cores_per_chip=cores_per_chip,
        seed=seed,
        proof_seconds=proof_seconds,
        start=start,
    )
    placed = place_blocks(graph, found.chip_of_block, board=board, seed=seed)
    assignment, placement = numbered_by_place(found, placed)
    check_assignment(graph, assignment, n_chips, cores_per_chip=cores_per_chip)
    check_placement(graph, assignment.chip_of_block, placement)
    plain = tuple(block // cores_per_chip for block in range(n_blocks))
    return Solution(assignment, placement, plain, place_in_order(graph, plain, board=board))


def restored(
    graph: nx.DiGraph,
    chip_of_block: Sequence[int],
    core_of_block: Sequence[int],
    *,
    lower_bound: float = 0.0,
    method: str = "",
) -> Solution:
    """A solution that was found before, from the chips and cores that were kept of it.

    Parameters
    ----------
    graph : networkx.DiGraph
    chip_of_block, core_of_block : sequence of int
        Chips numbered by their places on a line of chips.
    lower_bound : float
        Messages per step, as it was proved by ``method``.

    Raises
    ------
    PartitionError
        If they are none of this graph: two blocks on one core, a chip or core that there is not.
    """
    chips = tuple(int(chip) for chip in chip_of_block)
    placement = place_in_order(graph, chips, core_of_block)
    check_placement(graph, chips, placement)
    plain = tuple(block // CORES_PER_CHIP for block in range(graph.number_of_nodes()))
    return Solution(
        assignment_of(graph, chips, lower_bound, method),
        placement,
        plain,
        place_in_order(graph, plain),
    )


def _check_blocks(graph: nx.DiGraph) -> None:
    found = graph_violations(graph)
    if found:
        raise exceeded(found, graph.number_of_nodes())


def describe(graph: nx.DiGraph, solution: Solution) -> dict[str, Any]:
    """What was found, as it is written to JSON.

    ``links`` are messages per step from chip to chip, the heaviest first; ``board_links`` what
    crosses each link between neighbouring chips on the way; ``not_checked`` the limits of a core
    that the graph says nothing of.
    """
    assignment, placement = solution.assignment, solution.placement
    chips, plain = assignment.chip_of_block, solution.plain_placement
    by_load = sorted(assignment.link_loads.items(), key=lambda item: (-item[1], item[0]))
    return {
        "n_blocks": graph.number_of_nodes(),
        "not_checked": list(unchecked(graph)),
        "n_chips_used": assignment.n_chips_used,
        "cores_used": [chips.count(chip) for chip in range(assignment.n_chips_used)],
        "messages": assignment.messages,
        "lower_bound": assignment.lower_bound,
        "gap": assignment.gap,
        "proved": assignment.proved,
        "method": assignment.method,
        "messages_within_chips": placement.local_messages,
        "links": [[*link, load] for link, load in by_load],
        "board": [placement.board.rows, placement.board.columns],
        "board_links": [[*link, load] for link, load in sorted(placement.link_loads.items())],
        "max_link_load": placement.max_link_load,
        "mesh": MESH,
        "mean_hops": placement.mean_hops,
        "max_tile_link_load": placement.max_tile_link_load,
        "in_block_order": {
            "messages": plain.messages,
            "max_link_load": plain.max_link_load,
            "mean_hops": plain.mean_hops,
            "max_tile_link_load": plain.max_tile_link_load,
        },
        "host_inputs": [
            {
                "label": host["label"],
                "n_neurons": host["n_neurons"],
                "messages_if_all_spike": sum(host["messages"].values()),
            }
            for host in graph.graph.get("host_inputs", [])
        ],
        "chip_of_block": list(chips),
        "core_of_block": list(placement.core_of_block),
    }
