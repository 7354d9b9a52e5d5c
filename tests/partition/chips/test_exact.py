import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partition.chips.enumerate import SMALL, best_split
from partition.chips.exact import best_sized_cut
from partition.chips.links import Traffic, links_of
from partition.chips.search import Found, cut_in_two, optimize_pairs
from tests.partition.graphs import grid, optimum, random_graph


def links_of_graph(graph):
    return links_of(Traffic.of_graph(graph))


def value_of(links, inside, cost):
    low, high, weight = links.pairs()
    return int(weight[inside[low] != inside[high]].sum() + cost[inside].sum())


def smallest(links, least, most, cost, member=None):
    """By trying every set."""
    n_blocks = links.n_blocks
    best = None
    for bits in itertools.product((False, True), repeat=n_blocks):
        inside = np.array(bits, dtype=bool)
        if least <= inside.sum() <= most and (member is None or inside[member]):
            value = value_of(links, inside, cost)
            best = value if best is None else min(best, value)
    return best


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_sized_cuts_against_every_set(seed):
    rng = np.random.default_rng(seed)
    n_blocks = int(rng.integers(1, 9))
    links = links_of_graph(random_graph(n_blocks, rng, density=rng.uniform(0.1, 0.9)))
    least = int(rng.integers(0, n_blocks + 1))
    most = int(rng.integers(least, n_blocks + 1))
    largest = int(links.weight.max(initial=1))
    cost = rng.integers(-2 * largest, 2 * largest + 1, size=n_blocks)
    cost *= rng.integers(0, 2)
    member = int(rng.integers(n_blocks)) if most > 0 and rng.random() < 0.5 else None
    best = smallest(links, least, most, cost, member)
    found = best_sized_cut(links, least, most, cost=cost, inside=member)
    assert found.value == found.bound == best
    assert found.is_optimal
    assert least <= found.inside.sum() <= most
    assert member is None or found.inside[member]
    assert value_of(links, found.inside, cost) == best
    # Nothing is better than the best: no set is given, and the bound is the value known.
    known = best_sized_cut(links, least, most, best, cost=cost, inside=member)
    assert known.inside is None and known.value == known.bound == best


def test_two_triangles_by_hand():
    graph = random_graph(6, np.random.default_rng(0), density=0)
    for a, b, weight in [(0, 1, 5), (1, 2, 4), (2, 0, 3), (3, 4, 5), (4, 5, 4), (5, 3, 3)]:
        graph.add_edge(a, b, weight=float(weight))
    graph.add_edge(2, 3, weight=2.0)
    links = links_of_graph(graph)
    in_half = best_sized_cut(links, 3, 3)
    assert in_half.value * links.unit == 2
    assert set(np.flatnonzero(in_half.inside)) in ({0, 1, 2}, {3, 4, 5})
    # Of two blocks 0 and 1 cut 4 + 3; 4 and 5 cut 5 + 3, and 3 and 4 cut 4 + 3 + 2.
    assert best_sized_cut(links, 2, 2).value * links.unit == 7
    assert best_sized_cut(links, 0, 6).value == 0


def test_limits_leave_a_bound_that_holds():
    links = links_of_graph(random_graph(40, np.random.default_rng(4), density=0.2))
    best = best_sized_cut(links, 20, 20)
    assert best.is_optimal and best.n_bounds > 50
    bounds = []
    for max_bounds in (1, 10, 50):
        found = best_sized_cut(links, 20, 20, max_bounds=max_bounds)
        assert found.bound <= best.value <= found.value
        assert found.n_bounds <= max_bounds + 1
        bounds.append(found.bound)
    assert bounds[0] < best.value
    late = best_sized_cut(links, 20, 20, deadline=time.monotonic() - 1)
    assert late.bound <= best.value and late.n_bounds == 1


def mixed_integer(links, capacity):
    """The cut in two by HiGHS: x per block, y >= |x - x| per link."""
    highspy = pytest.importorskip("highspy")
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("mip_rel_gap", 0.0)
    n_blocks, (low, high, weight) = links.n_blocks, links.pairs()
    for _ in range(n_blocks):
        solver.addVariable(0, 1, type=highspy.HighsVarType.kInteger)
    for index, (a, b) in enumerate(zip(low, high)):
        solver.addVariable(0, 1, obj=float(weight[index] * links.unit))
        ends = np.array([n_blocks + index, a, b], dtype=np.int32)
        for signs in ([1.0, -1.0, 1.0], [1.0, 1.0, -1.0]):
            solver.addRow(0, highspy.kHighsInf, 3, ends, np.array(signs))
    everything = np.arange(n_blocks, dtype=np.int32)
    solver.addRow(n_blocks - capacity, capacity, n_blocks, everything, np.ones(n_blocks))
    solver.run()
    assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return solver.getObjectiveValue()


@pytest.mark.parametrize("n_spare", [0, 2, 6])
@pytest.mark.parametrize("kind", ["grid", "random"])
def test_the_cut_in_two_is_that_of_a_mixed_integer_program(kind, n_spare):
    rng = np.random.default_rng(n_spare)
    graph = grid(5, 6, rng) if kind == "grid" else random_graph(28, rng, density=0.08)
    links = links_of_graph(graph)
    capacity = -(-links.n_blocks // 2) + n_spare
    chips = np.arange(links.n_blocks) // capacity
    found = cut_in_two(links, Found(chips, links.crossing(chips)), capacity)
    assert found.is_proved
    assert links.crossing(found.chips) == found.cost
    assert np.bincount(found.chips).max() <= capacity
    assert found.cost * links.unit == pytest.approx(mixed_integer(links, capacity), rel=1e-6)


def test_blocks_without_messages_fill_chips():
    graph = random_graph(7, np.random.default_rng(0), density=0)
    for a, b, weight in [(1, 3, 5), (3, 5, 5), (5, 1, 1)]:
        graph.add_edge(a, b, weight=float(weight))
    links = links_of_graph(graph)
    # Seven blocks on two chips of four: the three that talk fit on one.
    chips = np.array([0, 0, 0, 0, 1, 1, 1])
    found = cut_in_two(links, Found(chips, links.crossing(chips)), 4)
    assert found.cost == 0 and found.is_proved
    assert np.bincount(found.chips).tolist() in ([3, 4], [4, 3])


def test_pairs_end_where_no_pair_improves():
    rng = np.random.default_rng(2)
    graph = grid(6, 6, rng)
    links = links_of_graph(graph)
    chips = rng.permutation(36) % 4
    found, used = optimize_pairs(links, Found(chips, links.crossing(chips)), 4, 10, 10_000)
    assert 0 < used < 10_000
    assert found.cost == links.crossing(found.chips) < links.crossing(chips)
    assert np.bincount(found.chips).max() <= 10
    for pair in itertools.combinations(range(4), 2):
        blocks = np.flatnonzero(np.isin(found.chips, pair))
        inner = links.among(blocks)
        sides = (found.chips[blocks] == pair[1]).astype(np.int64)
        best = best_sized_cut(inner, len(blocks) - 10, 10)
        assert best.value == inner.crossing(sides)
    # Without bounds to spend nothing is done.
    same, used = optimize_pairs(links, Found(chips, links.crossing(chips)), 4, 10, 0)
    assert used == 0 and np.array_equal(same.chips, chips)


@pytest.mark.parametrize("n_parts", [2, 3, 4, 7])
def test_small_graphs_against_every_assignment(n_parts):
    rng = np.random.default_rng(n_parts)
    for _ in range(10):
        n_blocks = int(rng.integers(n_parts, min(SMALL, 9) + 1))
        capacity = -(-n_blocks // n_parts) + int(rng.integers(0, 2))
        graph = random_graph(n_blocks, rng)
        links = links_of_graph(graph)
        if -(-n_blocks // capacity) != n_parts:
            continue
        cost, chips = best_split(links, n_parts, capacity)
        assert np.bincount(chips, minlength=n_parts).max() <= capacity
        assert cost == links.crossing(chips)
        assert cost * links.unit == pytest.approx(optimum(graph, n_parts, capacity))
