import itertools
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partition.cut import assign_chips, check_assignment, message_count
from partition.errors import DoesNotFitError, PartitionError


def random_graph(n_blocks, rng, density=0.4):
    graph = nx.DiGraph()
    graph.add_nodes_from(range(n_blocks))
    for a, b in itertools.permutations(range(n_blocks), 2):
        if rng.random() < density:
            graph.add_edge(a, b, weight=float(rng.integers(0, 20)))
    return graph


def optimum(graph, n_parts, capacity):
    """Fewest messages of all assignments, by trying each."""
    n_blocks = graph.number_of_nodes()
    weights = nx.to_numpy_array(graph, nodelist=range(n_blocks))
    best = np.inf
    for rest in itertools.product(range(n_parts), repeat=n_blocks - 1):
        chips = np.array((0, *rest))
        if np.bincount(chips).max() <= capacity:
            best = min(best, weights[chips[:, None] != chips].sum())
    return best


def test_against_brute_force():
    rng = np.random.default_rng(1)
    n_equal, n_tried = 0, 60
    for _ in range(n_tried):
        n_blocks = int(rng.integers(2, 10))
        n_chips = int(rng.integers(2, 4))
        capacity = -(-n_blocks // n_chips) + int(rng.integers(0, 2))
        graph = random_graph(n_blocks, rng)
        found = assign_chips(graph, n_chips, cores_per_chip=capacity)
        check_assignment(graph, found, n_chips, cores_per_chip=capacity)
        best = optimum(graph, -(-n_blocks // capacity), capacity)
        assert found.messages >= best - 1e-6
        n_equal += abs(found.messages - best) < 1e-6
    assert n_equal >= 0.9 * n_tried


@settings(max_examples=30, deadline=None)
@given(n_blocks=st.integers(1, 30), capacity=st.integers(1, 12), seed=st.integers(0, 1000))
def test_within_capacity_on_fewest_chips_and_no_worse_than_model_order(n_blocks, capacity, seed):
    graph = random_graph(n_blocks, np.random.default_rng(seed), density=0.2)
    needed = -(-n_blocks // capacity)
    found = assign_chips(graph, needed + 2, cores_per_chip=capacity, seed=seed)
    check_assignment(graph, found, needed + 2, cores_per_chip=capacity)
    assert found.n_chips_used == needed
    in_order = [block // capacity for block in range(n_blocks)]
    assert found.messages <= message_count(graph, in_order) + 1e-6


def test_two_clusters_are_found():
    graph = nx.DiGraph()
    graph.add_nodes_from(range(20))
    # Even and odd blocks talk among themselves; one thread holds them together.
    for a in range(18):
        graph.add_edge(a, a + 2, weight=10.0)
    graph.add_edge(3, 8, weight=1.5)
    found = assign_chips(graph, 2, cores_per_chip=10)
    assert found.messages == 1.5
    assert found.chip_of_block == (0, 1) * 10
    assert found.link_loads == {(1, 0): 1.5}
    assert found.max_link_load == 1.5


def test_same_seed_same_result():
    graph = random_graph(40, np.random.default_rng(3), density=0.2)
    first, second = (assign_chips(graph, 4, cores_per_chip=11, seed=5) for _ in range(2))
    assert first == second


def test_self_messages_do_not_cross():
    graph = nx.DiGraph()
    graph.add_edge(0, 0, weight=5.0)
    graph.add_edge(1, 0, weight=0.0)
    found = assign_chips(graph, 2, cores_per_chip=1)
    assert found.messages == 0
    assert found.n_chips_used == 2


def test_empty_graph():
    found = assign_chips(nx.DiGraph(), 1)
    assert found.chip_of_block == ()
    assert found.n_chips_used == 0


def test_does_not_fit():
    graph = nx.empty_graph(352, create_using=nx.DiGraph)
    with pytest.raises(DoesNotFitError) as caught:
        assign_chips(graph, 2)
    expected = (
        "needs 352 cores = 3 chips of 128 cores, --chips 2 gives 256; "
        "use --chips 3, a smaller tile, or fewer channels"
    )
    assert str(caught.value) == expected
    assert caught.value.violations == (expected,)


@pytest.mark.parametrize("n_chips, cores", [(0, 128), (-1, 128), (1, 0)])
def test_no_chips(n_chips, cores):
    with pytest.raises(PartitionError, match="at least one is needed"):
        assign_chips(nx.empty_graph(3, create_using=nx.DiGraph), n_chips, cores_per_chip=cores)


def test_bad_graphs():
    graph = nx.DiGraph()
    graph.add_edge("a", "b", weight=1.0)
    with pytest.raises(PartitionError, match="numbered 0 to n - 1"):
        assign_chips(graph, 1)
    for weight in (None, -1.0, float("nan")):
        graph = nx.DiGraph()
        graph.add_edge(0, 1, weight=weight)
        with pytest.raises(PartitionError, match="edge 0 to 1: weight"):
            assign_chips(graph, 1)


def test_check_finds_what_is_wrong():
    graph = random_graph(6, np.random.default_rng(0))
    good = assign_chips(graph, 3, cores_per_chip=2)
    check_assignment(graph, good, 3, cores_per_chip=2)
    for change, words in [
        ({"chip_of_block": (0, 0, 0, 1, 1, 2)}, "chip 0 holds 3 blocks, the limit is 2"),
        ({"chip_of_block": (0, 0, 1, 1, 4, 4)}, "chip 4 does not exist"),
        ({"chip_of_block": (0, 0)}, "2 blocks have a chip, the graph has 6"),
        ({"messages": good.messages + 1}, "messages per step cross"),
        ({"link_loads": {}}, "carries"),
        ({"n_chips_used": 2}, "n_chips_used is 2, blocks use 3"),
    ]:
        with pytest.raises(PartitionError, match=words):
            check_assignment(graph, replace(good, **change), 3, cores_per_chip=2)
