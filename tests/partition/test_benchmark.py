"""The benchmark's graphs and rivals are what they are said to be, and its smallest row runs."""

import json

import numpy as np
import pytest
from nengo_loihi.hardware.allocators import (
    Greedy,
    GreedyInterchip,
    RoundRobin,
    ensemble_to_block_rates,
    estimate_interchip_activity,
)

from benchmarks import partition as benchmark
from benchmarks.partition_graphs import (
    layer_graph,
    model_graph,
    nengo_loihi_test_model,
    seeded_rates,
    small_world,
)
from benchmarks.partition_peers import metis, stand_in
from partition.built.allocator import (
    MinTrafficAllocator,
    chips_of_board,
    ensemble_rates_of,
    rates_per_step,
)
from partition.core.checks import message_count
from tests.partition.models import case
from tests.partition.networks import build, skip_net


@pytest.fixture(scope="module")
def their_test():
    model, rates = nengo_loihi_test_model()
    return model, rates, model_graph(model, rates_per_step(model, rates))


def inter_chip(model, allocator, n_chips, graph):
    """Chips of an allocator and messages per second."""
    chips = chips_of_board(allocator(model, n_chips), model)
    return chips, 1000 * message_count(graph, chips)


@pytest.mark.slow
def test_the_graph_of_nengo_loihis_own_test(their_test):
    model, rates, graph = their_test
    assert graph.number_of_nodes() == 279
    known = [
        (Greedy(), 2_589_240),
        (RoundRobin(), 3_029_100),
        (GreedyInterchip(), 1_351_989),
        (GreedyInterchip(ensemble_rates=rates), 1_028_605),
    ]
    shown, shown_rates = stand_in(graph)
    for allocator, messages in known:
        chips, found = inter_chip(model, allocator, 3, graph)
        assert round(found) == messages
        if getattr(allocator, "ensemble_rates", None):
            allocator.ensemble_rates = shown_rates
        assert chips_of_board(allocator(shown, 3), shown) == chips
    ours = MinTrafficAllocator(ensemble_rates=rates, board=None)
    board = ours(model, 3)
    assert board.n_chips == 3 and max(board.n_cores_per_chip) <= 128
    assert ours.assignment.messages < 0.55 * 1_028.605
    block_rates = ensemble_to_block_rates(model, rates)
    estimate = estimate_interchip_activity(board, block_rates)["interchip"]
    assert estimate == pytest.approx(1000 * ours.assignment.messages)


@pytest.mark.slow
def test_metis_on_it(their_test):
    pytest.importorskip("pymetis")
    graph = their_test[2]
    for recursive, messages in ((False, 795_905), (True, 811_513)):
        chips = metis(graph, 3, recursive=recursive)
        assert round(1000 * message_count(graph, chips)) == messages
        assert np.bincount(chips).max() <= 128


@pytest.mark.parametrize("name", ["dense", "population16", "tiny_preset"])
def test_allocators_see_the_same_in_a_stand_in(name):
    made = case(name)
    model, n_chips, cores = made.model, made.n_chips, made.cores_per_chip
    rates = made.spiked.mean(axis=0)
    graph = model_graph(model, rates)
    shown, shown_rates = stand_in(graph)
    hertz = ensemble_rates_of(model, rates) if name != "dense" else None
    pairs = [(Greedy(cores), Greedy(cores)), (RoundRobin(), RoundRobin())]
    pairs += [(GreedyInterchip(cores), GreedyInterchip(cores))]
    if hertz:
        pairs += [(GreedyInterchip(cores, hertz), GreedyInterchip(cores, shown_rates))]
    for real, other in pairs:
        boards = real(model, n_chips), other(shown, n_chips)
        assert chips_of_board(boards[0], model) == chips_of_board(boards[1], shown)
        axons = [estimate_interchip_activity(board)["interchip"] for board in boards]
        assert axons[0] == axons[1]
        spikes = estimate_interchip_activity(
            boards[1], ensemble_to_block_rates(shown, shown_rates)
        )["interchip"]
        chips = chips_of_board(boards[0], model)
        assert spikes == pytest.approx(1000 * message_count(graph, chips))


def test_axons_of_layers_are_those_of_the_build():
    import nengo_loihi

    layers, shapes = skip_net(), {"a": (4, 6, 3), "b": (3, 3, 5), "c": (4, 6, 2)}
    net, _, _ = build(layers, shapes)
    model = nengo_loihi.Simulator(net, target="sim", progress_bar=False).model
    built = model_graph(model, None)
    found = layer_graph(layers, shapes, seeded_rates(layers))
    assert set(found.edges) == set(built.edges)
    for edge in built.edges:
        assert found.edges[edge]["axons"] == built.edges[edge]["axons"]


def test_generated_graphs_are_the_same_each_time():
    first, second = (small_world(50, degree=6).graph for _ in range(2))
    assert dict(first.edges) == dict(second.edges)


def test_the_smallest_row(tmp_path, capsys):
    path = tmp_path / "found.json"
    assert benchmark.main(["--rows", "keras-tiled", "--json", str(path)]) == 0
    (problem,) = json.loads(path.read_text())["problems"]
    assert problem["blocks"] == 11 and problem["chips"] == 2
    rows = {row["name"]: row for row in problem["results"]}
    assert {"Greedy", "RoundRobin", "GreedyInterchip", "ours"} <= set(rows)
    for row in rows.values():
        assert row["fits"] and row["fullest"] <= 8
        assert row["seconds"] > 0 and row["cpu_seconds"] >= 0
        assert row["estimated_spikes"] == pytest.approx(row["messages"])
        if row["name"].startswith("ours"):
            assert row["proved"] and row["lower_bound"] == pytest.approx(row["messages"])
        if row["name"] != benchmark.JOINT:
            assert rows[benchmark.OURS]["messages"] <= row["messages"]
    assert rows[benchmark.JOINT]["messages"] <= rows[benchmark.OURS]["messages"]
    printed = capsys.readouterr().out
    assert f"{rows[benchmark.OURS]['messages']:,.0f}" in printed
    assert "to METIS" in printed


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--rows", "nothing"], "--rows nothing: no such row; there are nlt"),
        (["--rows", "trained"], "--rows trained: no such row"),
        (["--proof", "-1"], "--proof -1: expected 0 or more"),
        (["--json", "missing/found.json"], "--json missing/found.json: there is no such folder"),
    ],
)
def test_options_that_cannot_be(arguments, words, capsys):
    with pytest.raises(SystemExit) as stopped:
        benchmark.parse(arguments)
    assert stopped.value.code == 2
    assert words in capsys.readouterr().err
