"""Block shapes and chips chosen together, for few messages between chips.

What crosses between chips depends on where blocks end: a layer cut along the line on which chips
meet sends each spike across once, one cut askew sends what whole blocks send. So shapes are chosen
with the chips in sight.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np

from partition.chips.cut import Assignment, assign_chips, chips_needed
from partition.core.errors import PartitionError
from partition.core.layers import Layer, check_layers
from partition.core.limits import CORES_PER_CHIP, LOIHI1, CoreLimits
from partition.core.rates import Rates, pixel_rates
from partition.core.traffic import tiling_graph
from partition.joint.plans import CostedPlan, PlanSearch
from partition.joint.recut import Network, Plan
from partition.shapes.candidates import Candidates
from partition.shapes.tiling import Tiling, best_tiling, make_tiling

N_FINALISTS = 2
"""Plans that get the full search for chips."""

CLOSE = 1.05
"""Plans with more messages than so many times the best one's are no finalists."""


@dataclass(frozen=True, eq=False)
class Joint:
    """A tiling and the chips of its blocks.

    Attributes
    ----------
    tiling : Tiling
    graph : networkx.DiGraph
        The tiling's block graph, as from `traffic.tiling_graph`.
    assignment : Assignment
        As from `cut.assign_chips` without a proof: above two chips ``lower_bound`` is mostly 0.
    """

    tiling: Tiling
    graph: nx.DiGraph
    assignment: Assignment


def choose_tiling_and_chips(
    layers: Sequence[Layer],
    n_chips: int,
    *,
    rates: Rates | None = None,
    cores_per_chip: int = CORES_PER_CHIP,
    max_cores: int | None = None,
    limits: CoreLimits = LOIHI1,
    pop_type: int = 32,
    seed: int = 0,
) -> Joint:
    """Cut layers into blocks and put blocks on chips so that few messages cross between chips.

    As few chips as can hold the network; on these, fewest messages between chips; among equals
    fewest cores, then fewest messages in all. Cores that these chips have to spare are used. The
    search is a heuristic, and deterministic; it never ends with more messages between chips than
    `tiling.choose_block_shapes` followed by `cut.assign_chips` with the same seed.

    Parameters
    ----------
    layers : sequence of Layer
    n_chips : int
        Most chips to use.
    rates : dict of str to array_like, optional
        Spikes per step, as `rates.neuron_rates` takes them; one per neuron without.
    cores_per_chip : int
    max_cores : int, optional
        Most cores to use; without it all of the chips in use. No fewer than
        `tiling.choose_block_shapes` needs.
    limits : CoreLimits
    pop_type : {32, 16}
    seed : int

    Raises
    ------
    PartitionError, DoesNotFitError
        See `tiling.choose_block_shapes` and `cut.assign_chips`.
    """
    layers = tuple(layers)
    check_layers(layers)
    if pop_type not in (16, 32):
        raise PartitionError(f"pop_type {pop_type} is neither 16 nor 32")
    candidates = Candidates(layers, limits, pop_type, pixel_rates(layers, rates))
    plain = best_tiling(candidates, rates)
    n_parts = chips_needed(plain.n_cores, n_chips, cores_per_chip)
    # The plain tiling is a plan too, but not every plan gets the full search.
    found = [_placed(plain, None, layers, rates, n_parts, cores_per_chip, seed)]
    if n_parts > 1:
        room = n_parts * cores_per_chip
        if max_cores is not None:
            room = max(min(room, max_cores), plain.n_cores)
        search = PlanSearch(Network(layers, rates), candidates, n_parts, cores_per_chip, room)
        for plan in _finalists(search.run(plain, seed)):
            tiling = make_tiling(layers, plan.shapes, rates=rates, pop_type=pop_type)
            found.append(_placed(tiling, plan.flat(), layers, rates, n_parts, cores_per_chip, seed))
    return min(
        found,
        key=lambda j: (round(j.assignment.messages, 9), j.tiling.n_cores, j.tiling.messages),
    )


def _finalists(plans: Sequence[CostedPlan]) -> list[Plan]:
    """The best plans, the best first, as far as they are close to it in messages."""
    fewest = plans[0][0][0]
    return [plan for (messages, _), plan in plans[:N_FINALISTS] if messages <= CLOSE * fewest]


def _placed(
    tiling: Tiling,
    chips: np.ndarray | None,
    layers: Sequence[Layer],
    rates: Rates | None,
    n_chips: int,
    cores_per_chip: int,
    seed: int,
) -> Joint:
    """A tiling with the chips of `cut.assign_chips`, which starts from given ones too."""
    graph = tiling_graph(layers, tiling.shapes, rates)
    if chips is not None and chips.max() >= chips_needed(len(chips), n_chips, cores_per_chip):
        chips = None  # fewer cores than the plain tiling, and fewer chips, than were planned for
    assignment = assign_chips(graph, n_chips, cores_per_chip=cores_per_chip, seed=seed, start=chips)
    return Joint(tiling, graph, assignment)
