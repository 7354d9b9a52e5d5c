"""A lowered network in the terms of ``partition``, and what comes back: settings and places."""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from loihiseg.conversion.linear import AnyTerm, SparseTerm
from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.conversion.term_channels import is_plain
from loihiseg.results.mapping import AllocatorRow, MappingResults

if TYPE_CHECKING:
    import networkx as nx

    from loihiseg.compilation.deployed import DeployedNetwork
    from loihiseg.conversion.converter import ConvertedNetwork
    from loihiseg.emulator.presenter import Deployable
    from partition.core import layers
    from partition.core.layers import Layer
    from partition.joint.choose import Joint
    from partition.places.floorplan import Plan
    from partition.solution import Solution

BASELINE = "GreedyInterchip"
"""nengo-loihi's default allocator, which ours is compared with."""

OURS = "partition"
"""Name of our own result among those of the allocators."""


def partition_layers(network: LoweredNetwork) -> "list[Layer]":
    """On-chip layers as ``partition.core.layers.Layer``, in the order of the network."""
    from partition.core.layers import Layer

    shapes = dict(network.inputs) | {layer.name: layer.shape for layer in network.layers}
    on_host = {layer.name for layer in network.layers if layer.on_host}
    return [
        Layer(
            layer.name,
            layer.shape,
            tuple(
                _projection(term, shapes[term.source], term.source in on_host)
                for term in layer.terms
            ),
            levels=layer.neuron.per_channel,
            # Blocks that we build have one scale whatever they hear.
            whole_kernels=layer.neuron.whole_kernels and is_plain(layer),
            used_axons=not is_plain(layer),
        )
        for layer in network.chip_layers
    ]


def _projection(
    term: AnyTerm, source_shape: tuple[int, int, int], on_host: bool
) -> "layers.Projection":
    from partition.core.layers import Projection, dense_projection
    from partition.core.links import Links

    if isinstance(term, SparseTerm):
        matrix = term.weights.tocoo()
        targets, sources = (np.asarray(one, np.int64) for one in matrix.coords)
        return replace(
            dense_projection(term.source, source_shape, on_host),
            dense=False,
            levels=term.levels,
            links=Links(sources, targets, matrix.shape[1], matrix.shape[0]),
        )
    return Projection(
        term.source,
        (term.kernel.shape[0], term.kernel.shape[1]),
        (*term.strides,),
        "same" if term.padding == "same" else "valid",
        term.transposed,
        (*source_shape,),
        on_host,
        levels=term.levels,
        uniform=term.uniform,
        pads=term.pads,
        depthwise=term.depthwise,
    )


def apply_block_shapes(
    converted: "ConvertedNetwork",
    network: LoweredNetwork,
    block_shapes: dict[str, tuple[int, int, int]],
) -> None:
    """Tell nengo-loihi which ensembles are on the chip and how each is cut into blocks.

    Parameters
    ----------
    converted : loihiseg.conversion.converter.ConvertedNetwork
        Its network's configuration is changed.
    network : LoweredNetwork
    block_shapes : dict of str to tuple of int
        (rows, columns, channels) of the blocks of each on-chip layer.
    """
    import loihiseg.frameworks  # noqa: F401 (before nengo-loihi)

    import nengo_loihi

    nengo_loihi.add_params(converted.net)
    for layer in network.layers:
        settings = converted.net.config[converted.ensembles[layer.name]]
        settings.on_chip = not layer.on_host
        if not layer.on_host:
            settings.block_shape = nengo_loihi.BlockShape(block_shapes[layer.name], layer.shape)


@dataclass(frozen=True, eq=False)
class Mapping:
    """Where the blocks of a network lie, and where they would otherwise.

    Attributes
    ----------
    graph : networkx.DiGraph
        Blocks, with the messages per step that are expected between them.
    solution : partition.solution.Solution
    plans : dict of str to partition.places.floorplan.Plan
        By name what nengo-loihi's own allocators do, ours last.
    """

    graph: "nx.DiGraph"
    solution: "Solution"
    plans: "dict[str, Plan]"

    @property
    def before_and_after(self) -> "tuple[Plan, Plan]":
        """Two plans: of nengo-loihi's default allocator, or blocks in order where that failed."""
        from partition.places.floorplan import Plan

        solution = self.solution
        in_order = Plan(
            "Before: blocks in order", solution.plain_chip_of_block, solution.plain_placement
        )
        return self.plans.get(BASELINE, in_order), self.plans[OURS]

    def results(self, n_neurons: int, n_chips: int, measured_messages: float) -> MappingResults:
        """Plain values, as in ``metrics.json``.

        Parameters
        ----------
        n_neurons, n_chips : int
            On the chip, and asked for.
        measured_messages : float
            Messages per step between chips, counted from spikes.
        """
        found = self.solution.assignment
        before, after = (plan.placement for plan in self.before_and_after)
        return MappingResults(
            n_neurons=n_neurons,
            n_cores=self.graph.number_of_nodes(),
            n_chips=n_chips,
            n_chips_used=found.n_chips_used,
            measured_messages=measured_messages,
            messages=found.messages,
            lower_bound=found.lower_bound,
            gap=found.gap,
            proved=found.proved,
            chip_of_block=tuple(found.chip_of_block),
            core_of_block=tuple(after.core_of_block),
            link_loads=tuple((a, b, load) for (a, b), load in sorted(found.link_loads.items())),
            mean_hops_before=before.mean_hops,
            mean_hops=after.mean_hops,
            allocators=tuple(
                AllocatorRow(
                    name,
                    plan.placement.messages,
                    plan.placement.max_link_load,
                    plan.placement.mean_hops,
                    ours=name == OURS,
                )
                for name, plan in self.plans.items()
            ),
        )


def solve_places(
    deployable: "Deployable",
    rates: np.ndarray,
    n_chips: int,
    seed: int,
    proof_s: float,
    planned: "Joint | None" = None,
) -> "Solution":
    """Find chips and cores for the blocks of a program.

    Parameters
    ----------
    deployable : loihiseg.emulator.presenter.Deployable
    rates : numpy.ndarray
        (n_compartments,): expected spikes per step.
    n_chips, seed : int
    proof_s : float
        Seconds to prove that fewer messages are impossible.
    planned : partition.joint.choose.Joint, optional
        What the block shapes were chosen with: the search starts from its chips too.

    Returns
    -------
    partition.solution.Solution

    Raises
    ------
    partition.core.errors.DoesNotFitError
        If there are too few chips.
    """
    from loihiseg.emulator.traffic import deployable_graph
    from partition.solution import solve

    graph = deployable_graph(deployable, rates)
    start = planned_chips(graph, planned) if planned else None
    return solve(graph, n_chips, seed=seed, proof_seconds=proof_s, start=start)


def mapping_of(deployed: "DeployedNetwork") -> Mapping:
    """Where the blocks of a deployed network lie, and where nengo-loihi would put them.

    Parameters
    ----------
    deployed : loihiseg.compilation.deployed.DeployedNetwork
        Of its peers, one that overfills a chip is left out.

    Returns
    -------
    Mapping
    """
    from loihiseg.emulator.traffic import deployable_graph
    from partition.core.limits import CORES_PER_CHIP
    from partition.places.floorplan import Plan
    from partition.places.placement import place_in_order
    from partition.solution import restored

    places = deployed.places
    graph = deployable_graph(deployed.deployable, deployed.expected)
    solution = restored(
        graph, places.chip_of_block, places.core_of_block,
        lower_bound=places.lower_bound, method=places.method,
    )  # fmt: skip
    plans = {
        name: Plan(
            f"Before: nengo-loihi's {name}",
            tuple(peer["chips"]),
            place_in_order(graph, peer["chips"], peer["cores"]),
        )
        for name, peer in places.peers.items()
        if max(peer["cores"], default=0) < CORES_PER_CHIP
    }
    chips = solution.assignment.chip_of_block
    plans[OURS] = Plan("After: partition", chips, solution.placement)
    return Mapping(graph, solution, plans)


def planned_chips(graph: "nx.DiGraph", planned: "Joint") -> tuple[int, ...] | None:
    """Chips that were planned before the build; None where what was built is not as planned.

    Parameters
    ----------
    graph : networkx.DiGraph
        Of the built blocks.
    planned : partition.joint.choose.Joint
    """
    if _sizes(graph) != _sizes(planned.graph):
        return None
    built, expected = _messages(graph), _messages(planned.graph)
    if built.keys() != expected.keys():
        return None
    close = all(math.isclose(built[edge], expected[edge], rel_tol=1e-6) for edge in built)
    return planned.assignment.chip_of_block if close else None


def _sizes(graph: "nx.DiGraph") -> list[int]:
    return [graph.nodes[block]["n_compartments"] for block in range(graph.number_of_nodes())]


def _messages(graph: "nx.DiGraph") -> dict[tuple[int, int], float]:
    """Messages per step by edge, where there are any."""
    return {(a, b): weight for a, b, weight in graph.edges(data="weight") if weight and a != b}
