"""Messages between the blocks of a program, as the graph that ``partition`` cuts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np

from loihiseg.emulator.program import Program
from partition.core.block_limits import USE
from partition.core.traffic import HostInput

if TYPE_CHECKING:
    from loihiseg.emulator.presenter import Deployable


def program_graph(
    program: Program, rates: np.ndarray | None = None, labels: Sequence[str] | None = None
) -> nx.DiGraph:
    """Blocks and the messages between them.

    Parameters
    ----------
    program : Program
    rates : (n_compartments,) array_like of float, optional
        Spikes per step of each compartment; 1 by default.
    labels : sequence of str, optional
        Of the blocks.

    Returns
    -------
    networkx.DiGraph
        As ``partition.built.graph.block_graph`` makes it of the model: nodes 0 to n - 1 with
        ``label`` and ``n_compartments``, edges with ``weight`` in messages per step.

    Notes
    -----
    Synapse groups that learn are not part of a program, nor are the messages to them.
    """
    sizes = np.diff(program.block_start)
    rates = np.ones(program.n_compartments) if rates is None else np.asarray(rates, float)
    graph = nx.DiGraph(host_inputs=_host_inputs(program))
    for index, size in enumerate(sizes):
        label = labels[index] if labels is not None else f"block {index}"
        graph.add_node(index, label=label, n_compartments=int(size))
    counts = np.diff(program.entry_start)
    source = np.repeat(np.arange(program.n_compartments), counts)
    pre = np.searchsorted(program.block_start, source, side="right") - 1
    post = np.searchsorted(program.block_start, program.entries[:, 0], side="right") - 1
    pair, inverse = np.unique(pre * len(sizes) + post, return_inverse=True)
    weights = np.bincount(inverse, weights=rates[source], minlength=len(pair))
    for key, weight in zip(pair, weights):
        graph.add_edge(int(key) // len(sizes), int(key) % len(sizes), weight=float(weight))
    return graph


def deployable_graph(deployable: "Deployable", rates: np.ndarray | None = None) -> nx.DiGraph:
    """`program_graph` with each block named after its layer, as ``layer[3]``, and inputs likewise.

    Blocks have what they take of their cores, where that is known.

    Parameters
    ----------
    deployable : loihiseg.emulator.presenter.Deployable
    rates : (n_compartments,) array_like of float, optional
        As in `program_graph`.
    """
    program = deployable.program
    labels = [f"block {index}" for index in range(program.n_blocks)]
    for name, places in deployable.places.items():
        blocks = np.unique(np.searchsorted(program.block_start, places, side="right") - 1)
        for number, block in enumerate(blocks):
            labels[block] = f"{name.removesuffix('_spikes')}[{number}]"
    graph = program_graph(program, rates, labels)
    for block, use in enumerate(deployable.uses or ()):
        graph.nodes[block][USE] = use
    for host, source in zip(graph.graph["host_inputs"], deployable.input_sources):
        host["label"] = source.removesuffix("_spikes")
    return graph


def _host_inputs(program: Program) -> list[HostInput]:
    """Label, neurons and messages to each block of every input from the host."""
    found: list[HostInput] = []
    bounds = zip(program.input_start, program.input_start[1:])
    for index, (first, last) in enumerate(bounds):
        begin, end = program.input_entry_start[[first, last]]
        target = program.input_entries[begin:end, 0]
        blocks = np.searchsorted(program.block_start, target, side="right") - 1
        counts = zip(*np.unique(blocks, return_counts=True))
        found.append(
            {
                "label": f"input {index}",
                "n_neurons": int(last - first),
                "messages": {int(block): int(count) for block, count in counts},
            }
        )
    return found
