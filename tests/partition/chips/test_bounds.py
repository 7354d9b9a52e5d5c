import subprocess
import sys
import time
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partition.chips.bounds import METHOD, bound_by_worth
from partition.chips.cut import assign_chips, prove
from partition.chips.links import Traffic, links_of
from partition.core.errors import PartitionError
from tests.partition.graphs import grid, optimum, random_graph


def clusters(n_clusters, size, rng):
    """Groups that talk among themselves, in a ring of thin links."""
    graph = nx.DiGraph()
    graph.add_nodes_from(range(n_clusters * size))
    for cluster in range(n_clusters):
        blocks = range(cluster * size, (cluster + 1) * size)
        for a in blocks:
            for b in blocks:
                if a != b:
                    graph.add_edge(a, b, weight=float(rng.uniform(5, 10)))
        graph.add_edge(blocks[0], (blocks[-1] + 1) % (n_clusters * size), weight=1.0 + cluster)
    return graph


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_never_above_the_optimum(seed):
    rng = np.random.default_rng(seed)
    n_blocks = int(rng.integers(2, 10))
    capacity = int(rng.integers(1, n_blocks))
    n_parts = -(-n_blocks // capacity)
    graph = random_graph(n_blocks, rng, density=rng.uniform(0.1, 0.9))
    links = links_of(Traffic.of_graph(graph))
    # Of any assignment, good or not, the bound must hold.
    chips = rng.permutation(n_blocks) // capacity
    bound = bound_by_worth(links, chips, n_parts, capacity, time.monotonic() + 0.3)
    assert bound * links.unit <= optimum(graph, n_parts, capacity) + 1e-9


def test_clusters_are_proved():
    graph = clusters(4, 6, np.random.default_rng(0))
    found = assign_chips(graph, 4, cores_per_chip=6)
    assert found.messages == 1 + 2 + 3 + 4
    assert found.lower_bound == 0 and found.gap == 1 and not found.proved and not found.method
    proved = prove(graph, found, cores_per_chip=6, seconds=20)
    assert proved.proved and proved.method == METHOD
    assert proved.lower_bound == pytest.approx(10)
    assert proved.chip_of_block == found.chip_of_block
    at_once = assign_chips(graph, 4, cores_per_chip=6, proof_seconds=20)
    assert at_once.proved


def test_an_open_proof_says_how_much_could_be_saved():
    graph = grid(7, 7, np.random.default_rng(5))
    found = assign_chips(graph, 4, cores_per_chip=13, proof_seconds=2)
    assert 0 < found.lower_bound <= found.messages
    assert found.gap == pytest.approx(1 - found.lower_bound / found.messages)
    # Each chip alone cuts at least a corner of 10 to 13 blocks: more than half is certain.
    assert found.gap < 0.5


def test_two_chips_are_proved_on_the_way():
    found = assign_chips(grid(6, 6, np.random.default_rng(0)), 2, cores_per_chip=20)
    assert found.proved and found.method == "branch and bound"
    assert found.lower_bound == pytest.approx(found.messages, rel=1e-12)


def test_what_needs_no_proof():
    one = assign_chips(grid(3, 3, np.random.default_rng(0)), 1)
    assert (one.messages, one.lower_bound, one.gap, one.proved) == (0, 0, 0, True)
    assert one.method == "all on one chip"
    graph = nx.DiGraph()
    graph.add_nodes_from(range(40))
    for block in range(0, 40, 2):
        graph.add_edge(block, block + 1, weight=3.0)
    apart = assign_chips(graph, 4, cores_per_chip=10)
    assert apart.messages == 0 and apart.proved and apart.method == "nothing crosses"


def test_a_proof_replaces_a_bad_assignment():
    graph = grid(6, 6, np.random.default_rng(1))
    good = assign_chips(graph, 2, cores_per_chip=18)
    weights = nx.to_numpy_array(graph, nodelist=range(36))
    chips = np.arange(36) % 2
    crossing = weights * (chips[:, None] != chips)
    loads = {(a, b): crossing[chips == a][:, chips == b].sum() for a, b in ((0, 1), (1, 0))}
    bad = replace(
        good,
        chip_of_block=tuple(chips.tolist()),
        messages=crossing.sum(),
        link_loads=loads,
        lower_bound=0.0,
        method="",
    )
    proved = prove(graph, bad, cores_per_chip=18, seconds=60)
    assert proved.proved and proved.messages == pytest.approx(good.messages)
    # Without the time, it is the same one, and the bound it had is not lost.
    had = replace(bad, lower_bound=0.5, method="told")
    late = prove(graph, had, cores_per_chip=18, seconds=0)
    assert late.messages <= bad.messages and late.lower_bound >= 0.5
    with pytest.raises(PartitionError, match="the limit is 10"):
        prove(graph, good, cores_per_chip=10)


def test_the_solver_says_nothing():
    code = """
import numpy as np
import highspy
from partition.chips.bounds import _best_worth
sets = [(np.array([True, False, True]), 4), (np.array([False, True, True]), 3)]
assert _best_worth(highspy, sets, np.zeros(3), 1.0, 3, 10, 5.0) is not None
print("here")
"""
    pytest.importorskip("highspy")
    for closed in ("", "import os; os.close(1); os.open(os.devnull, os.O_WRONLY)"):
        done = subprocess.run(
            [sys.executable, "-c", closed + code], capture_output=True, text=True, check=True
        )
        assert (done.stdout, done.stderr) == ("" if closed else "here\n", "")


def test_without_highs_the_first_bounds_remain():
    code = """
import sys
sys.modules["highspy"] = None
import numpy as np
from partition.chips.cut import assign_chips
from tests.partition.graphs import grid
found = assign_chips(grid(7, 7, np.random.default_rng(5)), 4, cores_per_chip=13, proof_seconds=5)
print(found.gap, found.proved)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    gap, proved = done.stdout.split()
    assert float(gap) < 0.6 and proved == "False"
