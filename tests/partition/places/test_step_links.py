"""Links step by step: by hand, and as the sums over a placement's."""

import networkx as nx
import numpy as np
import pytest

from partition.core.errors import PartitionError
from partition.places.placement import place_in_order
from partition.places.step_links import step_links


def test_by_hand():
    # Cores 0 and 4 are on neighbouring tiles, core 8 is one further; block 3 is on a second chip.
    chips, cores = (0, 0, 0, 1), (0, 4, 8, 0)
    pairs = np.array([[0, 1], [0, 2], [1, 3], [2, 2]])
    messages = np.array([[1, 10, 100, 5], [0, 2, 0, 0], [0, 0, 0, 7]])
    found = step_links(pairs, messages, chips, cores)
    # What goes two tiles far passes the first link too; what stays on a tile, none.
    np.testing.assert_array_equal(found.mesh.max(axis=1), [11, 2, 0])
    np.testing.assert_array_equal(found.mesh.sum(axis=1), [21, 4, 0])
    np.testing.assert_array_equal(found.board.max(axis=1), [100, 0, 0])


def test_one_step_is_what_a_placement_says():
    rng = np.random.default_rng(0)
    n = 40
    chips = np.repeat([0, 1, 2], [15, 14, 11])
    cores = np.concatenate([rng.permutation(128)[:size] for size in (15, 14, 11)])
    pairs = np.array([(a, b) for a in range(n) for b in range(n) if a != b and rng.random() < 0.2])
    weights = rng.integers(0, 50, len(pairs))
    graph = nx.DiGraph()
    graph.add_nodes_from(range(n))
    for (a, b), weight in zip(pairs.tolist(), weights.tolist()):
        graph.add_edge(a, b, weight=float(weight))
    expected = place_in_order(graph, chips, cores)
    found = step_links(pairs, weights[None], chips, cores)
    assert found.mesh.max() == expected.max_tile_link_load > 0
    assert found.mesh.sum() == expected.hops
    assert found.board.max() == expected.max_link_load > 0


def test_nothing_goes_anywhere():
    found = step_links(np.zeros((0, 2), np.int64), np.zeros((3, 0)), (0,), (0,))
    assert found.mesh.shape[0] == 3 and not found.mesh.any() and found.board.shape == (3, 0)


def test_blocks_without_a_place_are_refused():
    with pytest.raises(PartitionError, match="1 blocks have a chip"):
        step_links(np.array([[0, 1]]), np.ones((1, 1)), (0,), (0,))
