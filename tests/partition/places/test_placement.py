"""Places of chips and cores: against brute force, a recount, and what can be counted by hand."""

import itertools
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import partition.places.board
from partition.chips.cut import assign_chips
from partition.core.checks import check_assignment, check_placement
from partition.core.errors import PartitionError
from partition.places.arrange import arrange, cost_of, manhattan
from partition.places.board import order_chips
from partition.places.mesh import TILES, Grid, board_grid, core_coordinates
from partition.places.multilevel import mapped
from partition.places.placement import numbered_by_place, place_blocks, place_in_order


def random_traffic(n, rng, density=0.5):
    traffic = rng.integers(1, 20, (n, n)) * (rng.random((n, n)) < density)
    np.fill_diagonal(traffic, 0)
    return traffic.astype(float)


def graph_of(traffic):
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(traffic)))
    for a, b in zip(*np.nonzero(traffic)):
        graph.add_edge(int(a), int(b), weight=float(traffic[a, b]))
    return graph


def test_a_chip_has_128_cores_on_8_by_4_tiles():
    assert (TILES.rows, TILES.columns, 4 * TILES.n_places) == (4, 8, 128)
    assert [tuple(core_coordinates(128)[core]) for core in (0, 3, 4, 31, 32, 127)] == [
        (0, 0), (0, 0), (0, 1), (0, 7), (1, 0), (3, 7),
    ]  # fmt: skip


def test_ways_go_along_the_row_first():
    grid = Grid(2, 3)
    assert grid.way(0, 5) == [(0, 1), (1, 2), (2, 5)]
    assert grid.way(5, 0) == [(5, 4), (4, 3), (3, 0)]
    assert grid.way(4, 4) == []
    assert grid.distances[0, 5] == 3
    # Two rows of three: 4 links along rows and 3 between them, each both ways.
    assert len(grid.links) == 2 * (4 + 3)


def test_loads_by_hand():
    traffic = np.zeros((6, 6))
    traffic[0, 5], traffic[1, 2], traffic[3, 0] = 2.0, 1.0, 5.0
    assert Grid(2, 3).link_loads(traffic) == {(0, 1): 2.0, (1, 2): 3.0, (2, 5): 2.0, (3, 0): 5.0}


@pytest.mark.parametrize(
    "board, n_chips, shape",
    [("line", 5, (1, 5)), ("grid", 2, (1, 2)), ("grid", 3, (1, 3)), ("grid", 5, (2, 3)),
     ("grid", 8, (2, 4)), ("grid", 16, (4, 4)), ("grid", 17, (4, 5)), ("line", 0, (1, 1))],
)  # fmt: skip
def test_boards(board, n_chips, shape):
    grid = board_grid(board, n_chips)
    assert (grid.rows, grid.columns) == shape


def test_unknown_board():
    with pytest.raises(PartitionError, match="board 'ring': expected 'line' or 'grid'"):
        place_blocks(nx.DiGraph(), (), board="ring")


@pytest.mark.parametrize("seed", range(12))
def test_arrangement_equals_brute_force(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 8))
    # One or two blocks to a place, so that ties and free swaps are among the cases.
    per_place = int(rng.integers(1, 3))
    coordinates = np.array([divmod(i // per_place, 3) for i in range(n)])
    traffic = random_traffic(n, rng)
    mutual, distances = traffic + traffic.T, manhattan(coordinates)
    found = arrange(mutual, coordinates, rng)
    assert sorted(found) == list(range(n))
    orders = itertools.permutations(range(n))
    best = min(cost_of(mutual, distances, np.array(order)) for order in orders)
    assert cost_of(mutual, distances, found) == best


def neighbours(n_blocks=60):
    """Messages of blocks that talk to their neighbours in rows of six, numbered at random."""
    mutual = np.zeros((n_blocks, n_blocks))
    order = np.random.default_rng(0).permutation(n_blocks)
    for step, weight in ((1, 5.0), (6, 2.0)):
        mutual[order[:-step], order[step:]] = weight
    return mutual + mutual.T


def test_multilevel_starts_are_arrangements():
    pytest.importorskip("mtkahypar")
    mutual, coordinates = neighbours(), core_coordinates(60)
    found = list(mapped(mutual, coordinates, np.random.default_rng(0)))
    assert found
    distances = manhattan(coordinates)
    for places in found:
        assert sorted(places) == list(range(60))
        assert cost_of(mutual, distances, places) < cost_of(mutual, distances, np.arange(60)) / 2
    again = list(mapped(mutual, coordinates, np.random.default_rng(0)))
    assert np.array_equal(found, again)


@pytest.mark.parametrize("n_blocks", [0, 1, 4, 5, 7, 128])
def test_multilevel_starts_of_any_size(n_blocks):
    pytest.importorskip("mtkahypar")
    rng = np.random.default_rng(n_blocks)
    traffic = random_traffic(n_blocks, rng, 0.1)
    for places in mapped(traffic + traffic.T, core_coordinates(n_blocks), rng):
        assert sorted(places) == list(range(n_blocks))
    assert not list(mapped(np.zeros((9, 9)), core_coordinates(9), rng))


def test_without_a_multilevel_partitioner(monkeypatch):
    graph = graph_of(np.triu(neighbours()))
    with_it = place_blocks(graph, [0] * 60)
    monkeypatch.setattr("partition.places.multilevel.engine", lambda: None)
    without = place_blocks(graph, [0] * 60)
    check_placement(graph, [0] * 60, without)
    assert without.hops < place_in_order(graph, [0] * 60).hops / 2
    assert with_it.hops <= 1.1 * without.hops


@pytest.mark.parametrize("board", ["line", "grid"])
@pytest.mark.parametrize("n_chips", [2, 3, 5, 6])
def test_order_of_chips_equals_brute_force(board, n_chips):
    rng = np.random.default_rng(n_chips)
    grid, traffic = board_grid(board, n_chips), random_traffic(n_chips, rng)

    def cost(places):
        loads, hops = {}, 0.0
        for a, b in itertools.permutations(range(n_chips), 2):
            way = grid.way(places[a], places[b])
            hops += len(way) * traffic[a, b]
            for link in way:
                loads[link] = loads.get(link, 0.0) + traffic[a, b]
        return max(loads.values()), hops

    best = min(cost(places) for places in itertools.permutations(range(n_chips)))
    assert cost(order_chips(traffic, grid, rng)) == best


def test_a_chain_of_many_chips_is_put_in_line():
    """Twelve chips are too many to try all orders of; their chain was shuffled."""
    shuffled = np.random.default_rng(0).permutation(12)
    traffic = np.zeros((12, 12))
    traffic[shuffled[:-1], shuffled[1:]] = 3.0
    places = order_chips(traffic, board_grid("line", 12), np.random.default_rng(0))
    ways = np.abs(np.diff(np.array(places)[shuffled]))
    assert ways.sum() <= 13
    loads = Grid(1, 12).link_loads(traffic[np.ix_(np.argsort(places), np.argsort(places))])
    assert max(loads.values()) == 3.0


@pytest.mark.parametrize("board", ["line", "grid"])
@pytest.mark.parametrize("seed", range(3))
def test_search_among_many_chips_finds_the_best_order_of_seven(monkeypatch, board, seed):
    rng = np.random.default_rng(seed)
    traffic, grid = random_traffic(7, rng), board_grid(board, 7)

    def loads(places):
        on_board = np.zeros((grid.n_places, grid.n_places))
        on_board[np.ix_(places, places)] = traffic
        return max(grid.link_loads(on_board).values())

    best = loads(order_chips(traffic, grid, rng))
    monkeypatch.setattr(partition.places.board, "EXACT_CHIPS", 0)
    assert loads(order_chips(traffic, grid, rng)) == best


def test_good_orders_are_kept():
    """Chips stay where their numbers put them when no order is better."""
    assert order_chips(np.ones((4, 4)) - np.eye(4), Grid(1, 4), None) == (0, 1, 2, 3)


@settings(max_examples=25, deadline=None)
@given(
    n_blocks=st.integers(0, 24),
    n_chips=st.integers(1, 5),
    board=st.sampled_from(["line", "grid"]),
    seed=st.integers(0, 1000),
)
def test_recount_agrees_and_no_order_was_better(n_blocks, n_chips, board, seed):
    rng = np.random.default_rng(seed)
    graph = graph_of(random_traffic(n_blocks, rng, density=0.2))
    chips = [
        int(chip)
        for chip in np.unique(rng.integers(n_chips, size=n_blocks), return_inverse=True)[1]
    ]
    found = place_blocks(graph, chips, board=board, seed=seed)
    check_placement(graph, chips, found)
    plain = place_in_order(graph, chips, board=board)
    check_placement(graph, chips, plain)
    assert found.hops <= plain.hops + 1e-6
    assert found.max_link_load <= plain.max_link_load + 1e-6
    assert found.local_messages == plain.local_messages
    assert sorted(found.place_of_chip) == list(range(len(set(chips))))


def test_same_seed_same_placement():
    graph = graph_of(random_traffic(40, np.random.default_rng(3), density=0.2))
    chips = [block % 3 for block in range(40)]
    assert place_blocks(graph, chips, seed=4) == place_blocks(graph, chips, seed=4)


def test_chips_numbered_by_their_places():
    """A chain of chips that the model numbers out of turn; links and counts go along."""
    graph = nx.DiGraph()
    graph.add_weighted_edges_from([(0, 2, 5.0), (2, 3, 4.0), (3, 1, 3.0)])
    assignment = assign_chips(graph, 4, cores_per_chip=1)
    assert assignment.chip_of_block == (0, 1, 2, 3)
    placement = place_blocks(graph, assignment.chip_of_block)
    assert placement.place_of_chip in ((0, 3, 1, 2), (3, 0, 2, 1))
    found, placed = numbered_by_place(assignment, placement)
    check_assignment(graph, found, 4, cores_per_chip=1)
    check_placement(graph, found.chip_of_block, placed)
    assert found.messages == placed.board_hops == 12.0
    ends = found.chip_of_block
    assert found.link_loads == {
        (ends[0], ends[2]): 5.0,
        (ends[2], ends[3]): 4.0,
        (ends[3], ends[1]): 3.0,
    }


def test_counts_by_hand():
    """Blocks 0 to 4 on chip 0: four on its first tile, one on the second; block 5 on chip 1."""
    graph = nx.DiGraph()
    graph.add_nodes_from(range(6))
    graph.add_weighted_edges_from([(0, 1, 1.0), (0, 4, 2.0), (4, 0, 3.0), (4, 5, 7.0), (5, 5, 9.0)])
    chips = (0, 0, 0, 0, 0, 1)
    plain = place_in_order(graph, chips)
    assert plain.core_of_block == (0, 1, 2, 3, 4, 0)
    assert plain.local_messages == 6.0
    assert plain.hops == 5.0
    assert plain.mean_hops == pytest.approx(5 / 6)
    assert plain.max_tile_link_load == 3.0
    assert plain.messages == plain.board_hops == plain.max_link_load == 7.0
    assert plain.link_loads == {(0, 1): 7.0}
    found = place_blocks(graph, chips)
    # Blocks 2 and 3 talk to nobody: one of them gives way to block 4.
    assert found.hops == 0.0


def test_a_row_of_neighbours_gets_near_its_least_hops():
    """A path of 128 blocks over 32 tiles crosses at least 31 links; layer order is 4 rows."""
    graph = nx.DiGraph()
    shuffled = np.random.default_rng(1).permutation(128).tolist()
    graph.add_weighted_edges_from((a, b, 1.0) for a, b in itertools.pairwise(shuffled))
    chips = [0] * 128
    assert place_in_order(graph, chips).hops > 400
    assert 31 <= place_blocks(graph, chips).hops <= 45


def test_given_cores():
    graph = graph_of(np.array([[0.0, 2.0], [1.0, 0.0]]))
    placement = place_in_order(graph, (0, 0), core_of_block=(0, 127))
    assert placement.hops == 3 * (3 + 7)
    for cores in ((0, 0), (0,), (0, 1, 2)):
        with pytest.raises(PartitionError, match="core of its own"):
            place_in_order(graph, (0, 0), core_of_block=cores)
    with pytest.raises(PartitionError, match="cores 0 to 127"):
        place_in_order(graph, (0, 0), core_of_block=(0, 128))


def test_refusals():
    graph = graph_of(np.zeros((129, 129)))
    with pytest.raises(PartitionError, match="chip 0 holds 129 blocks"):
        place_blocks(graph, [0] * 129)
    with pytest.raises(PartitionError, match="2 blocks have a chip, the graph has 129"):
        place_blocks(graph, [0, 0])
    with pytest.raises(PartitionError, match="numbered from 0"):
        place_blocks(graph, [-1] * 129)
    graph.add_edge(0, 1, weight=float("nan"))
    with pytest.raises(PartitionError, match="weights"):
        place_blocks(graph, [0] * 100 + [1] * 29)


def test_empty_graph():
    placement = place_blocks(nx.DiGraph(), ())
    assert placement.core_of_block == placement.place_of_chip == ()
    assert placement.mean_hops == placement.max_link_load == 0


def test_check_finds_what_is_wrong():
    graph = graph_of(random_traffic(12, np.random.default_rng(0)))
    chips = tuple(block % 2 for block in range(12))
    good = place_blocks(graph, chips)
    check_placement(graph, chips, good)
    cores = good.core_of_block
    for change, words in [
        ({"core_of_block": cores[:5]}, "5 blocks have a core, the graph has 12"),
        ({"core_of_block": (9, *cores[1:])}, "are not the first 6 of a chip"),
        ({"place_of_chip": (1, 1)}, "places of their own"),
        ({"place_of_chip": (0, 2)}, "places of their own"),
        ({"messages": good.messages + 1}, "; messages is|^messages is"),
        ({"local_messages": good.local_messages + 1}, "local_messages is"),
        ({"hops": good.hops + 1}, "hops is"),
        ({"board_hops": 0.0}, "board_hops is"),
        ({"max_tile_link_load": good.max_tile_link_load / 2}, "max_tile_link_load is"),
        ({"link_loads": {}}, "carries"),
    ]:
        with pytest.raises(PartitionError, match=words):
            check_placement(graph, chips, replace(good, **change))
