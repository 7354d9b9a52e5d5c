import subprocess
import sys

import networkx as nx
import numpy as np
import pytest

from partition.chips.links import Traffic, links_of
from partition.chips.multilevel import N_RUNS, multilevel
from tests.partition.graphs import grid, random_graph

pytest.importorskip("mtkahypar")


def found(graph, n_parts, capacity, seed=0):
    links = links_of(Traffic.of_graph(graph))
    return links, list(multilevel(links, n_parts, capacity, np.random.default_rng(seed)))


def test_capacity_is_kept_and_cuts_are_short():
    graph = grid(10, 10, np.random.default_rng(0))
    links, chips = found(graph, 4, 27)
    assert len(chips) == N_RUNS
    assert all(np.bincount(one).max() <= 27 for one in chips)
    # Rows of ten: three times nine or ten links, each of 2 on average.
    in_order = links.crossing(np.arange(100) // 25)
    assert min(links.crossing(one) for one in chips) < in_order


@pytest.mark.parametrize("n_blocks, capacity", [(12, 3), (13, 12), (30, 10), (31, 1)])
def test_no_room_to_spare(n_blocks, capacity):
    n_parts = -(-n_blocks // capacity)
    _, chips = found(random_graph(n_blocks, np.random.default_rng(1), 0.2), n_parts, capacity)
    assert all(np.bincount(one, minlength=n_parts).max() <= capacity for one in chips)


def test_same_seed_same_result():
    graph = random_graph(60, np.random.default_rng(2), density=0.1)
    first, second = (found(graph, 3, 22, seed=4)[1] for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second))


def test_nothing_to_cut():
    assert found(grid(3, 3, np.random.default_rng(0)), 1, 9)[1] == []
    assert found(nx.empty_graph(5, create_using=nx.DiGraph), 2, 3)[1] == []


def test_it_is_not_imported_before_it_is_used():
    code = (
        "import sys, partition, partition.chips.cut; partition.assign_chips; "
        "heavy = {'mtkahypar', 'highspy', 'numba', 'scipy', 'tensorflow', 'nengo'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
