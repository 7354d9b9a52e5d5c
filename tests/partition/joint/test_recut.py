"""One layer's cost, against the whole block graph."""

from itertools import product

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partition.core.checks import message_count
from partition.core.traffic import tiling_graph
from partition.joint.plans import unloaded
from partition.joint.recut import UNIT, Network, Plan, best_chips, ideal_surroundings, surroundings
from partition.joint.straight_lines import Lines, straight_lines
from tests.partition.networks import random_network, unet


def random_plan(layers, rng, n_chips):
    shapes, chips = {}, {}
    for layer in layers:
        shape = shapes[layer.name] = tuple(int(rng.integers(1, n + 1)) for n in layer.shape)
        runs = [-(-n // size) for n, size in zip(layer.shape, shape)]
        chips[layer.name] = rng.integers(0, n_chips, runs)
    return Plan(shapes, chips)


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1))
def test_a_layers_messages_are_those_of_the_graph(seed):
    rng = np.random.default_rng(seed)
    layers, n_chips = random_network(rng), int(rng.integers(1, 4))
    rates = {p.source: rng.uniform(size=p.source_shape) for la in layers for p in la.inputs}
    network, plan = Network(layers, rates), random_plan(layers, rng, n_chips)
    layer = layers[rng.integers(len(layers))]
    total, kept = surroundings(network, layer, plan, n_chips).kept(plan.shapes[layer.name])
    graph = tiling_graph(layers, plan.shapes, network.rates)
    own = {
        n
        for n, name in enumerate(np.repeat([x.name for x in layers], _sizes(plan)))
        if name == layer.name
    }
    touching = graph.edge_subgraph(e for e in graph.edges if own & set(e))
    assert total == touching.size("weight")
    stays = np.take_along_axis(kept, plan.chips[layer.name][None], axis=0).sum()
    # Exactly, as messages are counted in whole units.
    assert total - stays == message_count(touching, plan.flat())


def _sizes(plan):
    return [chips.size for chips in plan.chips.values()]


def test_plans():
    layers = unet(16, (2, 4))
    plan = random_plan(layers, np.random.default_rng(0), 3)
    assert plan.n_cores(3).sum() == len(plan.flat()) == sum(_sizes(plan))
    moved = plan.with_chips(plan.flat()[::-1])
    assert np.array_equal(moved.flat(), plan.flat()[::-1])
    assert [c.shape for c in moved.chips.values()] == [c.shape for c in plan.chips.values()]
    changed = plan.with_layer("e1", (8, 8, 4), np.zeros((1, 1, 1), int))
    assert list(changed.shapes) == list(plan.shapes)


def test_ideal_surroundings_are_of_two_big_blocks():
    # A 3 x 3 convolution cut in the middle: one row of either half is sent across.
    layers = unet(16, (2, 4))
    network = Network(layers)
    neurons = {layer.name: Lines(rows=(0.5,)).chips(layer.shape) for layer in layers}
    target = next(layer for layer in layers if layer.name == "n0")
    around = ideal_surroundings(network, target, neurons, 2)
    total, kept = around.kept((8, 16, 2))
    source = 16 * 16 * 2
    assert total * UNIT == source + 2 * 16 * 2
    assert (total - kept.max(axis=0).sum()) * UNIT == 2 * 16 * 2
    assert kept.argmax(axis=0).ravel().tolist() == [0, 1]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_best_chips(seed):
    rng = np.random.default_rng(seed)
    n_chips, n_blocks = int(rng.integers(1, 4)), int(rng.integers(1, 6))
    kept = rng.integers(0, 9, (n_chips, n_blocks, 1, 1)).astype(float)
    free = rng.integers(0, 5, n_chips)
    chips = best_chips(kept, free)
    if n_blocks > free.sum():
        assert chips is None
        return
    assert chips.shape == kept.shape[1:]
    assert np.all(np.bincount(chips.ravel(), minlength=n_chips) <= free)
    found = np.take_along_axis(kept, chips[None], axis=0).sum()
    best = max(
        sum(kept[chip, block, 0, 0] for block, chip in enumerate(choice))
        for choice in product(range(n_chips), repeat=n_blocks)
        if np.all(np.bincount(choice, minlength=n_chips) <= free)
    )
    enough = np.all(free >= n_blocks)
    assert found == best if n_chips < 3 or enough else found <= best


def test_unloaded_keeps_the_capacity_and_moves_the_cheapest():
    mutual = np.array([[0, 5, 1], [5, 0, 0], [1, 0, 0]], float)
    assert unloaded(mutual, np.array([0, 0, 0]), np.array([2, 1])).tolist() == [0, 0, 1]
    chips = unloaded(np.zeros((9, 9)), np.zeros(9, int), np.array([3, 3, 3]))
    assert np.bincount(chips).tolist() == [3, 3, 3]


def test_lines():
    chips = Lines(rows=(0.5,), columns=(0.25, 0.5)).chips((2, 4, 1))
    assert chips[..., 0].tolist() == [[0, 1, 2, 2], [3, 4, 5, 5]]
    found = straight_lines(4, 0.3)
    assert [(len(one.rows) + 1, len(one.columns) + 1) for one in found[:3]] == [
        (1, 4),
        (2, 2),
        (4, 1),
    ]
    assert np.allclose(found[3].rows, (0.3, 0.6, 0.9))
    assert np.allclose(found[5].rows, (0.1, 0.4, 0.7))
