"""Spike traffic between the blocks of a nengo-loihi model, as a directed graph.

The weight of an edge is in messages per step: one message per spike of a compartment and axon
set, which is what ``hardware/builder.py`` (``build_axon``) of nengo-loihi creates. This is not
``Axon.n_axons``, the number of target pixels that nengo-loihi's own allocators count: all
channels of a pixel share that axon, but each of their spikes is a message.

Nothing here imports nengo-loihi; a model is read by its attributes.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
from numpy.typing import ArrayLike

from partition.built.blocks import core_use
from partition.built.rates import rates_per_step
from partition.core.block_limits import USE
from partition.core.errors import PartitionError
from partition.core.traffic import HostInput

if TYPE_CHECKING:
    from nengo import Ensemble
    from nengo_loihi.block import Axon
    from nengo_loihi.builder import Model
    from nengo_loihi.inputs import LoihiInput


def block_graph(
    model: "Model", rates: "ArrayLike | Mapping[Ensemble | str, ArrayLike] | None" = None
) -> nx.DiGraph:
    """Blocks and the messages between them.

    Parameters
    ----------
    model : nengo_loihi.builder.Model
        A built model, such as ``nengo_loihi.Simulator(net, target="sim").model``.
    rates : mapping or (n_compartments,) array_like of float, optional
        Spikes per second by ensemble, such as ``activity.rates`` of a simulator, whatever build
        they are of: see `partition.built.rates.rates_per_step`. Or spikes per step of every
        compartment, blocks concatenated in the order of this very model. Without them every
        compartment spikes once per step.

    Returns
    -------
    networkx.DiGraph
        Nodes 0 to n - 1 with ``label``, ``n_compartments`` and ``use``, what the block takes of its
        core (`partition.core.block_limits.CoreUse`); edges with ``weight`` in messages per step,
        self loops included. An edge that exists but is silent has weight 0. The graph
        attribute ``host_inputs`` lists inputs from the host: ``label``, ``n_neurons`` and
        ``messages``, a dict of block to messages per step when every input neuron spikes.

    Raises
    ------
    PartitionError
        ``rates`` has the wrong length, or a value that is negative or not finite.
    """
    blocks = list(model.blocks)
    sizes = [block.compartment.n_compartments for block in blocks]
    if isinstance(rates, Mapping):
        rates = rates_per_step(model, rates)
    rates = _check_rates(rates, sum(sizes))
    block_of_synapse = {
        id(synapse): index for index, block in enumerate(blocks) for synapse in block.synapses
    }
    graph = nx.DiGraph()
    start = 0
    for index, (block, size) in enumerate(zip(blocks, sizes)):
        more = {USE: core_use(block)}
        graph.add_node(index, label=str(block.label or ""), n_compartments=int(size), **more)
        block_rates = rates[start : start + size]
        start += size
        for axon in block.axons:
            sends = sending(axon, size)
            if not sends.any():
                continue
            target = block_of_synapse[id(axon.target)]
            weight = float(block_rates[sends].sum())
            if graph.has_edge(index, target):
                weight += graph.edges[index, target]["weight"]
            graph.add_edge(index, target, weight=weight)
    graph.graph["host_inputs"] = [_host_input(host, block_of_synapse) for host in model.inputs]
    return graph


def _check_rates(rates: ArrayLike | None, n_compartments: int) -> np.ndarray:
    if rates is None:
        return np.ones(n_compartments)
    rates = np.asarray(rates, dtype=np.float64)
    if rates.shape != (n_compartments,):
        raise PartitionError(
            f"rates have shape {rates.shape}, the model has {n_compartments} compartments"
        )
    if not np.all(np.isfinite(rates)) or np.any(rates < 0):
        raise PartitionError("rates must be finite and not negative (spikes per step)")
    return rates


def sending(axon: "Axon", n_senders: int) -> np.ndarray:
    """Which senders have an entry in an axon set.

    Entries to axons that the hardware builder leaves out (no compartment base, or no weights)
    do not count.

    Parameters
    ----------
    axon : nengo_loihi.block.Axon
    n_senders : int
        Compartments of the block, or neurons of the host input.

    Returns
    -------
    (n_senders,) bool array
    """
    target = np.asarray(axon.map_axon(np.arange(n_senders)))
    synapse = axon.target
    built = np.array(
        [
            synapse.axon_compartment_base(i) is not None
            and synapse.weights[synapse.axon_weight_idx(i)].size > 0
            for i in range(synapse.n_axons)
        ],
        dtype=bool,
    )
    sends = target >= 0
    sends[sends] = built[target[sends]]
    return sends


def _host_input(host: "LoihiInput", block_of_synapse: Mapping[int, int]) -> HostInput:
    # A bare LoihiInput does not say how many neurons it has; it has one per axon then.
    n_neurons = getattr(host, "n_neurons", max((a.n_axons for a in host.axons), default=0))
    messages: dict[int, int] = {}
    for axon in host.axons:
        target = block_of_synapse[id(axon.target)]
        count = int(sending(axon, n_neurons).sum())
        messages[target] = messages.get(target, 0) + count
    return {"label": str(host.label or ""), "n_neurons": int(n_neurons), "messages": messages}
