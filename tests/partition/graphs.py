"""Block graphs that several tests cut, and the optimum by other means."""

import itertools

import networkx as nx
import numpy as np


def random_graph(n_blocks, rng, density=0.4):
    graph = nx.DiGraph()
    graph.add_nodes_from(range(n_blocks))
    for a, b in itertools.permutations(range(n_blocks), 2):
        if rng.random() < density:
            graph.add_edge(a, b, weight=float(rng.integers(0, 20)))
    return graph


def grid(rows, columns, rng):
    """Neighbours on a grid, which is hard to cut badly and hard to prove cut well."""
    graph = nx.DiGraph()
    graph.add_nodes_from(range(rows * columns))
    for row, column in itertools.product(range(rows), range(columns)):
        block = row * columns + column
        if column + 1 < columns:
            graph.add_edge(block, block + 1, weight=float(rng.uniform(1, 3)))
        if row + 1 < rows:
            graph.add_edge(block + columns, block, weight=float(rng.uniform(1, 3)))
    return graph


def optimum(graph, n_parts, capacity):
    """Fewest messages of all assignments to at most so many chips, by trying each.

    All at once: an assignment is a row of chips, and block i is on one of the first i + 1 chips,
    since their order does not matter.
    """
    n_blocks = graph.number_of_nodes()
    weights = nx.to_numpy_array(graph, nodelist=range(n_blocks))
    chips = np.zeros((1, 0), dtype=np.int8)
    for block in range(n_blocks):
        n_open = min(block + 1, n_parts)
        rows = [np.column_stack([chips, np.full(len(chips), chip)]) for chip in range(n_open)]
        chips = np.concatenate(rows).astype(np.int8)
        counts = np.stack([(chips == chip).sum(axis=1) for chip in range(n_parts)])
        chips = chips[counts.max(axis=0) <= capacity]
    messages = np.zeros(len(chips))
    for a, b in zip(*np.nonzero(weights)):
        messages += weights[a, b] * (chips[:, a] != chips[:, b])
    return messages.min(initial=0 if n_blocks == 0 else np.inf)
