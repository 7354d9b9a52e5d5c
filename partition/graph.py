"""Spike traffic between the blocks of a nengo-loihi model, as a directed graph.

The weight of an edge is in messages per step: one message per spike of a compartment and axon
set, which is what ``hardware/builder.py`` (``build_axon``) of nengo-loihi creates. This is not
``Axon.n_axons``, the number of target pixels that nengo-loihi's own allocators count: all
channels of a pixel share that axon, but each of their spikes is a message.

Nothing here imports nengo-loihi; a model is read by its attributes.
"""

import io
import json
import math
import zipfile
import zlib
from pathlib import Path

import networkx as nx
import numpy as np

from partition.errors import PartitionError
from partition.files import write_text

GRAPH_FORMAT = "partition-block-graph"
GRAPH_VERSION = 1

GRAPH_MEMBER = "block_graph.json"
"""Name of the graph in an archive that holds other things too, such as a compiled program."""


def block_graph(model, rates=None) -> nx.DiGraph:
    """Blocks and the messages between them.

    Parameters
    ----------
    model : nengo_loihi.builder.Model
        A built model, such as ``nengo_loihi.Simulator(net, target="sim").model``.
    rates : (n_compartments,) array_like of float, optional
        Spikes per step of every compartment, blocks concatenated in model order. Without it
        every compartment spikes once per step.

    Returns
    -------
    networkx.DiGraph
        Nodes 0 to n - 1 with ``label`` and ``n_compartments``; edges with ``weight`` in messages
        per step, self loops included. An edge that exists but is silent has weight 0. The graph
        attribute ``host_inputs`` lists inputs from the host: ``label``, ``n_neurons`` and
        ``messages``, a dict of block to messages per step when every input neuron spikes.

    Raises
    ------
    PartitionError
        ``rates`` has the wrong length, or a value that is negative or not finite.
    """
    blocks = list(model.blocks)
    sizes = [block.compartment.n_compartments for block in blocks]
    rates = _check_rates(rates, sum(sizes))
    block_of_synapse = {
        id(synapse): index for index, block in enumerate(blocks) for synapse in block.synapses
    }
    graph = nx.DiGraph()
    start = 0
    for index, (block, size) in enumerate(zip(blocks, sizes)):
        graph.add_node(index, label=str(block.label), n_compartments=int(size))
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


def _check_rates(rates, n_compartments):
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


def sending(axon, n_senders) -> np.ndarray:
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


def _host_input(host, block_of_synapse):
    # A bare LoihiInput does not say how many neurons it has; it has one per axon then.
    n_neurons = getattr(host, "n_neurons", max((a.n_axons for a in host.axons), default=0))
    messages = {}
    for axon in host.axons:
        target = block_of_synapse[id(axon.target)]
        count = int(sending(axon, n_neurons).sum())
        messages[target] = messages.get(target, 0) + count
    return {"label": str(host.label), "n_neurons": int(n_neurons), "messages": messages}


def graph_text(graph) -> str:
    """A block graph as JSON text, the same text for the same graph."""
    document = {
        "format": GRAPH_FORMAT,
        "version": GRAPH_VERSION,
        "nodes": [
            [graph.nodes[node].get("label", ""), int(graph.nodes[node].get("n_compartments", 0))]
            for node in range(graph.number_of_nodes())
        ],
        "edges": sorted([int(a), int(b), float(w)] for a, b, w in graph.edges(data="weight")),
        "host_inputs": [
            {**host, "messages": sorted([int(b), n] for b, n in host["messages"].items())}
            for host in graph.graph.get("host_inputs", [])
        ],
    }
    return json.dumps(document)


def save_graph(graph, path) -> None:
    """Write a block graph as JSON; see `load_graph`.

    Raises
    ------
    PartitionError
        The file cannot be written.
    """
    write_text(path, graph_text(graph))


def load_graph(path) -> nx.DiGraph:
    """Read a block graph that `save_graph` wrote, or the one inside a zip archive.

    An archive is read when it has a member ``block_graph.json``: loihiseg's compiled programs are
    such archives.

    Raises
    ------
    PartitionError
        The file cannot be read, is no block graph, is of another version, or is damaged.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise PartitionError(f"{path}: cannot be read: {error.strerror}") from error
    if zipfile.is_zipfile(io.BytesIO(data)):
        data = _member(data, path)
    try:
        document = json.loads(data.decode("utf-8"))
    except ValueError as error:
        raise PartitionError(
            f"{path}: is damaged, not JSON text: {error}; expected a block graph or an archive "
            "that holds one"
        ) from error
    if not isinstance(document, dict) or document.get("format") != GRAPH_FORMAT:
        raise PartitionError(f"{path}: is not a block graph")
    if document.get("version") != GRAPH_VERSION:
        raise PartitionError(
            f"{path}: is a block graph of version {document.get('version')}, "
            f"this program reads version {GRAPH_VERSION}"
        )
    try:
        return _graph_of(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PartitionError(f"{path}: block graph is damaged: {error}") from error


def _member(data, path):
    """The graph's text in an archive; checked by the archive's own CRC."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if GRAPH_MEMBER not in archive.namelist():
                raise PartitionError(
                    f"{path}: is an archive without {GRAPH_MEMBER}; compile the program again, or "
                    "give a graph written by partition.graph.save_graph"
                )
            return archive.read(GRAPH_MEMBER)
    # Each of these is what zipfile raises for some kind of damage.
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise PartitionError(f"{path}: archive is damaged: {error}") from error


def _graph_of(document):
    graph = nx.DiGraph()
    for index, (label, size) in enumerate(document["nodes"]):
        graph.add_node(index, label=str(label), n_compartments=int(size))
    for source, target, weight in document["edges"]:
        if source not in graph or target not in graph:
            raise ValueError(f"edge {source} to {target} has an end that is no block")
        if not math.isfinite(weight) or weight < 0:
            raise ValueError(f"edge {source} to {target} has weight {weight}")
        graph.add_edge(source, target, weight=float(weight))
    graph.graph["host_inputs"] = []
    for host in document["host_inputs"]:
        messages = {block: count for block, count in host["messages"]}
        if not set(messages) <= set(graph):
            raise ValueError("an input from the host reaches a block that is not there")
        graph.graph["host_inputs"].append(
            {"label": host["label"], "n_neurons": host["n_neurons"], "messages": messages}
        )
    return graph
