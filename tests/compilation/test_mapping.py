"""What a deployment says of its chips and cores, by another way from the same graph."""

import json
from dataclasses import replace
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest

import partition.solution
from loihiseg.compilation.block_model import build
from loihiseg.compilation.deployed import Places
from loihiseg.compilation.mapping import (
    BASELINE,
    OURS,
    mapping_of,
    partition_layers,
    planned_chips,
    solve_places,
)
from loihiseg.emulator.traffic import deployable_graph
from loihiseg.results import plain
from partition.built.graph_file import save_graph
from partition.cli import run
from partition.core.checks import check_assignment, check_placement, message_count
from partition.core.limits import CoreLimits
from partition.joint.choose import choose_tiling_and_chips
from tests import deployed

N_CHIPS = 2
N_NEURONS = 1024


@pytest.fixture(scope="module")
def mapping(tmp_path_factory):
    """A network cut so small that it takes more cores than a chip has."""
    network = deployed.lowered()
    shapes = {layer.name: (1, 1, layer.shape[2]) for layer in network.chip_layers}
    rng = np.random.default_rng(0)
    rates = {layer.name: rng.uniform(0, 0.2, layer.shape) for layer in network.chip_layers}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOIHISEG_CACHE", str(tmp_path_factory.mktemp("cache")))
        built = build(network, shapes, 0.005, 0, N_CHIPS, rates)
    values = built.deployable.compartment_values(rates)
    found = solve_places(built.deployable, values, N_CHIPS, 0, 0.0)
    assignment, placement = found.assignment, found.placement
    places = Places(
        N_CHIPS, assignment.chip_of_block, placement.core_of_block, assignment.lower_bound,
        assignment.method, built.peers,
    )  # fmt: skip
    kept = SimpleNamespace(deployable=built.deployable, expected=values, places=places)
    restored = mapping_of(kept)
    # What is kept of a solution is the whole of it.
    assert restored.solution == found
    return restored


def test_every_number_is_confirmed(mapping):
    graph, results = mapping.graph, mapping.results(N_NEURONS, N_CHIPS, 1.5)
    assert 128 < graph.number_of_nodes() <= 256
    check_assignment(graph, mapping.solution.assignment, N_CHIPS)
    for name, plan in mapping.plans.items():
        check_placement(graph, plan.chip_of_block, plan.placement)
        row = next(row for row in results.allocators if row.name == name)
        assert row.messages == pytest.approx(message_count(graph, plan.chip_of_block))
        assert row.mean_hops == plan.placement.mean_hops
    assert list(mapping.plans) == ["Greedy", "RoundRobin", BASELINE, OURS]
    before, after = mapping.before_and_after
    assert (before, after) == (mapping.plans[BASELINE], mapping.plans[OURS])
    assert results.mean_hops_before == before.placement.mean_hops
    assert results.messages == pytest.approx(after.placement.messages)
    *theirs, ours = (row.messages for row in results.allocators)
    assert 0 < ours <= min(theirs)
    assert [row.messages for row in results.others] == theirs
    assert results.mean_hops < results.mean_hops_before


def test_partition_finds_the_same_for_the_graph_alone(mapping, tmp_path, capsys):
    save_graph(mapping.graph, tmp_path / "block_graph.json")
    arguments = [str(tmp_path / "block_graph.json"), "--chips", str(N_CHIPS), "--json"]
    assert run([*arguments, "--proof-seconds", "0"]) == 0
    found = json.loads(capsys.readouterr().out)
    results = plain(mapping.results(N_NEURONS, N_CHIPS, 1.5))
    for name in ("messages", "lower_bound", "gap", "proved", "mean_hops", "chip_of_block"):
        assert found[name] == results[name]
    assert found["core_of_block"] == results["core_of_block"]
    links = sorted([*link, load] for *link, load in found["links"])
    assert links == results["link_loads"]


def test_what_was_planned_is_where_the_search_starts(tmp_path, monkeypatch):
    network = deployed.lowered()
    rng = np.random.default_rng(1)
    rates = {layer.name: rng.uniform(0, 0.2, layer.shape) for layer in network.layers}
    planned = choose_tiling_and_chips(
        partition_layers(network), 8, rates=rates, cores_per_chip=4, limits=CoreLimits(100)
    )
    assert planned.assignment.n_chips_used > 2
    monkeypatch.setenv("LOIHISEG_CACHE", str(tmp_path))
    built = build(network, planned.tiling.shapes, 0.005, 0, 8, rates)
    graph = deployable_graph(built.deployable, built.deployable.compartment_values(rates))
    assert planned_chips(graph, planned) == planned.assignment.chip_of_block
    other = dict(rates)
    other[network.chip_layers[0].name] = 2 * other[network.chip_layers[0].name]
    other = deployable_graph(built.deployable, built.deployable.compartment_values(other))
    assert planned_chips(other, planned) is None
    turned = {block: len(graph) - 1 - block for block in graph}
    assert planned_chips(nx.relabel_nodes(graph, turned), planned) is None
    starts, whole = [], partition.solution.solve

    def recorded(*arguments, start=None, **options):
        starts.append(start)
        return whole(*arguments, start=start, **options)

    monkeypatch.setattr(partition.solution, "solve", recorded)
    chips = (0,) * len(graph)
    assignment = replace(planned.assignment, chip_of_block=chips)
    for plan in (replace(planned, assignment=assignment), None):
        values = built.deployable.compartment_values(rates)
        solve_places(built.deployable, values, N_CHIPS, 0, 0.0, plan)
    assert starts == [chips, None]


def test_blocks_are_named_after_their_layers(mapping):
    from partition.places.floorplan import layer_names

    names = layer_names(mapping.graph)
    assert list(dict.fromkeys(names)) == ["encode0_0", "down1", "encode1_0", "up0", "decode0_0"]


def test_without_nengo_loihis_default_blocks_in_order_are_compared(mapping):
    plans = {OURS: mapping.plans[OURS]}
    before, _ = replace(mapping, plans=plans).before_and_after
    assert before.placement == mapping.solution.plain_placement
    assert before.title == "Before: blocks in order"
