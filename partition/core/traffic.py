"""Spike traffic between the blocks of a tiling, worked out before anything is built.

The graph is the one that `graph.block_graph` reads from the model which nengo-loihi builds of the
same layers and block shapes. A projection is a product of a row part and a column part, and all
channels of a source pixel reach the same blocks, so each axis is taken on its own.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TypedDict

import networkx as nx
import numpy as np

from partition.core.axes import Axis, axes_of
from partition.core.layers import Layer, Projection, Shape
from partition.core.links import atoms_reaching, block_of
from partition.core.rates import Rates, neuron_rates


class HostInput(TypedDict):
    """Spikes from the host, as a block graph lists them.

    Attributes
    ----------
    label : str
    n_neurons : int
    messages : dict of int to int
        By block, messages per step when every neuron spikes once.
    """

    label: str
    n_neurons: int
    messages: dict[int, int]


def tiling_graph(
    layers: Sequence[Layer], shapes: Mapping[str, Shape], rates: Rates | None = None
) -> nx.DiGraph:
    """Blocks of a tiling and the messages between them.

    Parameters
    ----------
    layers : sequence of Layer
    shapes : dict of str to (int, int, int)
        Block shape per layer.
    rates : dict of str to array_like, optional
        Spikes per step, as `rates.neuron_rates` takes them; one per neuron without.

    Returns
    -------
    networkx.DiGraph
        As from `graph.block_graph`: nodes in the order of ``model.blocks`` (layers as given; within
        a layer rows, columns, channels, the last fastest), edges with ``weight`` in messages per
        step, ``host_inputs`` in the order of the layers and their inputs.

    Raises
    ------
    PartitionError
        See `rates.neuron_rates`.
    """
    rates = neuron_rates(layers, rates)
    graph = nx.DiGraph(host_inputs=[])
    first, n_blocks = {}, 0
    for layer in layers:
        first[layer.name] = n_blocks
        sizes = block_sizes(layer.shape, shapes[layer.name])
        for number, size in enumerate(sizes.ravel().tolist()):
            graph.add_node(n_blocks + number, label=layer.name, n_compartments=size)
        n_blocks += sizes.size
    for layer in layers:
        for projection in layer.inputs:
            if projection.on_host:
                host = _host_input(layer, projection, shapes[layer.name], first[layer.name])
                graph.graph["host_inputs"].append(host)
                continue
            sources, targets, weights = edges(
                layer,
                projection,
                shapes[projection.source],
                shapes[layer.name],
                rates[projection.source],
            )
            start = first[projection.source]
            for a, b, w in zip(sources.tolist(), targets.tolist(), weights.tolist()):
                edge = start + a, first[layer.name] + b
                known = graph.edges[edge]["weight"] if graph.has_edge(*edge) else 0.0
                graph.add_edge(*edge, weight=known + w)
    return graph


def _host_input(
    layer: Layer, projection: Projection, block_shape: Shape, first_block: int
) -> HostInput:
    """One input from the host, of whose neurons each spikes once."""
    whole = projection.source_shape
    _, targets, counts = edges(layer, projection, whole, block_shape, np.ones(whole))
    messages = zip((first_block + targets).tolist(), counts.astype(int).tolist())
    return {
        "label": projection.source,
        "n_neurons": int(np.prod(whole)),
        "messages": dict(messages),
    }


def block_sizes(layer_shape: Shape, block_shape: Shape) -> np.ndarray:
    """Compartments of each block of a layer: (row runs, column runs, channel runs) int64."""
    lengths = [
        np.minimum(block, total - np.arange(0, total, block))
        for total, block in zip(layer_shape, block_shape)
    ]
    return lengths[0][:, None, None] * lengths[1][:, None] * lengths[2]


def edges(
    layer: Layer,
    projection: Projection,
    source_block: Shape,
    target_block: Shape,
    rates: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Messages of one projection, from block to block.

    Parameters
    ----------
    layer : Layer
    projection : Projection
        One of the layer's inputs.
    source_block, target_block : (int, int, int)
        Block shapes of the source and of the layer.
    rates : (rows, columns, channels) array
        Spikes per step of the source's neurons.

    Returns
    -------
    (sources, targets, weights) : three (n_edges,) arrays
        Blocks numbered within their layer; messages per step. Silent edges are listed.
    """
    if projection.links is not None:
        return _link_edges(layer, projection, source_block, target_block, rates)
    by_run = np.add.reduceat(rates, np.arange(0, rates.shape[2], source_block[2]), axis=2)
    pairs, parts = [], []
    for axis, part in enumerate(axes_of(layer, projection)):
        between = _runs_between(part, source_block[axis], target_block[axis])
        pairs.append(between[:2])
        parts.append(between[2])
    weights = np.einsum("ar,rck,bc->abk", parts[0], by_run, parts[1], optimize=True)
    n_columns = -(-projection.source_shape[1] // source_block[1])
    n_target_columns, n_target_runs = (
        -(-total // block) for total, block in zip(layer.shape[1:], target_block[1:])
    )
    n_runs = by_run.shape[2]
    (row_sources, row_targets), (column_sources, column_targets) = pairs
    sources = (row_sources[:, None] * n_columns + column_sources) * n_runs
    targets = (row_targets[:, None] * n_target_columns + column_targets) * n_target_runs
    if projection.depthwise:
        return _depthwise_edges(
            layer, projection, (sources, targets), parts, source_block[2], target_block[2], rates
        )
    # Every channel run of a source block sends to every channel run of a target block.
    sources = sources[..., None, None] + np.arange(n_runs)[:, None]
    targets = targets[..., None, None] + np.arange(n_target_runs)
    sources, targets, weights = np.broadcast_arrays(sources, targets, weights[..., None])
    return sources.ravel(), targets.ravel(), weights.ravel()


def _depthwise_edges(
    layer: Layer,
    projection: Projection,
    pairs: tuple[np.ndarray, np.ndarray],
    parts: Sequence[np.ndarray],
    source_size: int,
    target_size: int,
    rates: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges where a channel is heard by its own channels alone.

    Parameters
    ----------
    layer, projection, rates
        As of `edges`.
    pairs : two (row pairs, column pairs) arrays
        First channel run of the source block and of the target block.
    parts : two (n_pairs, n_sources) arrays
        As from `_runs_between`, of rows and of columns.
    source_size, target_size : int
        Channels of a block.
    """
    each = layer.shape[2] // projection.n_atoms
    channel = np.arange(projection.source_shape[2])
    first = channel // projection.levels * each
    run, begin, end = (
        channel // source_size,
        first // target_size,
        (first + each - 1) // target_size,
    )
    n_runs, n_target_runs = int(run[-1]) + 1, -(-layer.shape[2] // target_size)
    found = []
    for source_run in range(n_runs):
        for target_run in range(n_target_runs):
            sends = (run == source_run) & (begin <= target_run) & (target_run <= end)
            if not sends.any():
                continue
            weights = parts[0] @ rates[..., sends].sum(axis=2) @ parts[1].T
            found.append((pairs[0] + source_run, pairs[1] + target_run, weights))
    sources, targets, weights = (np.concatenate([x.ravel() for x in part]) for part in zip(*found))
    return sources, targets, weights


def _link_edges(
    layer: Layer,
    projection: Projection,
    source_block: Shape,
    target_block: Shape,
    rates: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges of links, one by one."""
    assert projection.links is not None
    blocks, atoms, _ = atoms_reaching(projection.links, layer.shape, target_block)
    # All neurons of an atom send.
    neurons = atoms[:, None] * projection.levels + np.arange(projection.levels)
    own = block_of(neurons, projection.source_shape, source_block)
    sent = rates.ravel()[neurons]
    n_targets = int(blocks.max(initial=0)) + 1
    pairs, place = np.unique(own * n_targets + blocks[:, None], return_inverse=True)
    weights = np.bincount(place.ravel(), weights=sent.ravel(), minlength=len(pairs))
    return pairs // n_targets, pairs % n_targets, weights


@lru_cache(maxsize=4096)
def _runs_between(
    axis: Axis, source_size: int, target_size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of source run and target run with a connection, and the positions that send.

    Returns
    -------
    sources, targets : (n_pairs,) int64 arrays
    sends : (n_pairs, n_sources) float64 array
        1 where a position belongs to the source run and reaches the target run.
    """
    reached = reach(axis, target_size)
    run = np.arange(axis.n_sources) // source_size
    sends = (run == np.arange(run[-1] + 1)[:, None])[:, None] & (reached > 0)
    sources, targets = np.nonzero(sends.any(axis=2))
    return sources, targets, sends[sources, targets].astype(np.float64)


@lru_cache(maxsize=4096)
def reach(axis: Axis, size: int) -> np.ndarray:
    """Which source position reaches which run of ``size`` outputs: (n_runs, n_sources), 0 or 1."""
    table = np.zeros((-(-axis.n_targets // size), axis.n_sources))
    for position, (first, taps) in enumerate(zip(axis.first, axis.taps)):
        if taps:
            table[first // size : (first + len(taps) - 1) // size + 1, position] = 1
    table.flags.writeable = False
    return table
