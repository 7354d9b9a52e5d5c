"""Messages between the blocks of a program, as the graph that ``partition`` cuts."""

import networkx as nx
import numpy as np

from loihiseg.emulator.program import Program


def program_graph(program: Program, rates=None, labels=None) -> nx.DiGraph:
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
        As ``partition.graph.block_graph`` makes it of the model: nodes 0 to n - 1 with ``label``
        and ``n_compartments``, edges with ``weight`` in messages per step.

    Notes
    -----
    Synapse groups that learn are not part of a program, nor are the messages to them.
    """
    sizes = np.diff(program.block_start)
    rates = np.ones(program.n_compartments) if rates is None else np.asarray(rates, float)
    graph = nx.DiGraph(host_inputs=[])
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
