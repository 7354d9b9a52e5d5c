"""Other ways to put a block graph on chips: nengo-loihi's allocators and METIS.

nengo-loihi's allocators take a built model, not a graph. `stand_in` makes a model that shows them
just the graph, so that their own code runs on every graph.
"""

import numpy as np


class Sender:
    """In the place of a nengo ensemble: something with neurons that rates belong to."""

    def __init__(self, n_neurons):
        self.n_neurons = n_neurons


def stand_in(graph):
    """A nengo-loihi model with the blocks, axons and traffic of a graph.

    Each block has one compartment per block it sends to, which fires at the rate of that edge's
    ``weight``; the axons that count without rates are the edge's ``axons``. Axons that no build
    makes, to pixels that a stride passes over, are not in a graph; nengo-loihi's allocators count
    spikes to them too and may choose otherwise where there are any.

    Parameters
    ----------
    graph : networkx.DiGraph

    Returns
    -------
    model : nengo_loihi.builder.Model
    ensemble_rates : dict of Sender to (n_neurons,) float64 array
        Messages per second, as the allocators take rates.
    """
    import loihiseg.frameworks  # noqa: F401 (before nengo-loihi)

    from nengo_loihi.block import Axon, LoihiBlock, Synapse
    from nengo_loihi.builder import Model
    from nengo_loihi.builder.discretize import discretize_model

    model = Model()
    # In the graph's order: GreedyInterchip resolves ties by it, and ties are common.
    targets = {a: [b for b in graph.successors(a) if b != a] for a in sorted(graph)}
    blocks = [LoihiBlock(max(1, len(targets[a])), label=f"block {a}") for a in sorted(graph)]
    rates = {}
    for a, block in enumerate(blocks):
        block.compartment.configure_relu()
        for position, b in enumerate(targets[a]):
            axon, synapse = Axon(graph.edges[a, b]["axons"]), Synapse(1)
            synapse.set_weights(np.ones((1, 1), np.float32))
            axon.target = synapse
            sends = np.full(block.n_neurons, -1)
            sends[position] = 0
            axon.set_compartment_axon_map(sends)
            block.add_axon(axon)
            blocks[b].add_synapse(synapse)
        sender = Sender(block.n_neurons)
        hertz = np.zeros(block.n_neurons)
        hertz[: len(targets[a])] = [graph.edges[a, b]["weight"] / model.dt for b in targets[a]]
        rates[sender] = hertz
        model.objs[sender]["out"] = [block]
    for block in blocks:
        model.add_block(block)
    discretize_model(model)
    return model, rates


def metis(graph, n_chips, *, recursive, seed=-1, ufactor=None) -> np.ndarray:
    """Chips by METIS as nengo-loihi's ``PartitionInterchip`` calls it, through pymetis.

    Parameters
    ----------
    graph : networkx.DiGraph
    n_chips : int
    recursive : bool
        Recursive bisection, or k-way as in ``PartitionInterchip``.
    seed : int
    ufactor : int, optional
        Thousandths by which a part may exceed the mean; METIS's own default without.

    Returns
    -------
    (n_blocks,) int64 array
        Parts are about equal; that one fits a chip is not promised.
    """
    import pymetis

    neighbours = [{} for _ in graph]
    for a, b, weight in graph.edges(data="weight"):
        if a != b:
            for x, y in ((a, b), (b, a)):
                neighbours[x][y] = neighbours[x].get(y, 0.0) + 1000 * weight
    starts = np.concatenate([[0], np.cumsum([len(n) for n in neighbours])]).tolist()
    # Weights must be integers; PartitionInterchip rounds messages per second.
    weights = [round(n[b]) for n in neighbours for b in sorted(n)]
    adjacency = pymetis.CSRAdjacency(starts, [b for n in neighbours for b in sorted(n)])
    options = {} if ufactor is None else {"ufactor": ufactor}
    if n_chips == 1 or not weights:
        return np.arange(len(neighbours)) * n_chips // len(neighbours)
    _, parts = pymetis.part_graph(
        n_chips, adjacency, eweights=weights, recursive=recursive,
        options=pymetis.Options(seed=seed, **options),
    )  # fmt: skip
    return np.asarray(parts, np.int64)


def metis_tries(graph, n_chips, cores_per_chip, n_seeds=10):
    """Chips of many calls of METIS: both methods, seeds, its balance and all that chips allow."""
    slack = int(1000 * (cores_per_chip * n_chips / len(graph) - 1))
    for recursive in (False, True):
        for ufactor in sorted({30, max(1, slack)}):
            for seed in range(n_seeds):
                yield metis(graph, n_chips, recursive=recursive, seed=seed, ufactor=ufactor)
