"""Block shapes and chips chosen together."""

from itertools import product

import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partition.chips.cut import assign_chips
from partition.core.checks import check_assignment, check_tiling
from partition.core.errors import DoesNotFitError, PartitionError
from partition.core.footprint import n_blocks
from partition.core.layers import Layer
from partition.core.limits import CoreLimits
from partition.core.traffic import tiling_graph
from partition.joint.choose import choose_tiling_and_chips
from partition.shapes.candidates import Candidates, targets_of
from partition.shapes.tiling import choose_block_shapes
from tests.partition.networks import (
    convolution,
    pair,
    random_network,
    skip_net,
    smooth_rates,
    unet,
)


def check(layers, joint, n_chips, cores_per_chip, limits=None, rates=None):
    options = {} if limits is None else {"limits": limits}
    check_tiling(layers, joint.tiling, **options)
    check_assignment(joint.graph, joint.assignment, n_chips, cores_per_chip=cores_per_chip)
    again = tiling_graph(layers, joint.tiling.shapes, rates)
    assert nx.utils.graphs_equal(again, joint.graph)


def test_unet_on_two_chips():
    layers = unet(96, (4, 8, 16))
    rates = smooth_rates(layers)
    plain = choose_block_shapes(layers, rates=rates)
    separate = assign_chips(tiling_graph(layers, plain.shapes, rates), 2)
    joint = choose_tiling_and_chips(layers, 2, rates=rates)
    check(layers, joint, 2, 128, rates=rates)
    assert joint.tiling.n_cores <= 256
    assert joint.assignment.messages < 0.6 * separate.messages


def test_fewest_cores_on_request():
    layers = unet(32, (4, 8))
    plain = choose_block_shapes(layers)
    joint = choose_tiling_and_chips(layers, 2, cores_per_chip=20, max_cores=1)
    check(layers, joint, 2, 20)
    assert joint.tiling.n_cores == plain.n_cores


def test_as_few_chips_as_hold_the_network():
    layers = skip_net()
    joint = choose_tiling_and_chips(layers, 5)
    assert joint.tiling == choose_block_shapes(layers)
    assert joint.assignment.n_chips_used == 1
    assert joint.assignment.messages == 0


def test_the_same_every_time():
    layers = unet(32, (4, 8))
    rates = smooth_rates(layers)
    first, second = (
        choose_tiling_and_chips(layers, 4, rates=rates, cores_per_chip=10) for _ in range(2)
    )
    assert first.tiling == second.tiling
    assert first.assignment == second.assignment


def test_bad_input():
    with pytest.raises(PartitionError, match="pop_type 8"):
        choose_tiling_and_chips(skip_net(), 2, pop_type=8)
    with pytest.raises(DoesNotFitError, match="1 chip would give 128"):
        choose_tiling_and_chips(unet(96), 1)
    with pytest.raises(PartitionError, match="no rates for image"):
        choose_tiling_and_chips(skip_net(), 2, rates={})


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1))
def test_random_networks(seed):
    rng = np.random.default_rng(seed)
    layers = random_network(rng)
    rates = {p.source: rng.uniform(size=p.source_shape) for la in layers for p in la.inputs}
    limits = CoreLimits(
        compartments=int(rng.integers(16, 120)), out_axon_slots=int(rng.integers(64, 400))
    )
    try:
        plain = choose_block_shapes(layers, rates=rates, limits=limits)
    except DoesNotFitError:
        return
    cores_per_chip = int(rng.integers(1, 12))
    n_chips = -(-plain.n_cores // cores_per_chip)
    joint = choose_tiling_and_chips(
        layers, n_chips, rates=rates, cores_per_chip=cores_per_chip, limits=limits
    )
    check(layers, joint, n_chips, cores_per_chip, limits, rates)
    graph = tiling_graph(layers, plain.shapes, rates)
    separate = assign_chips(graph, n_chips, cores_per_chip=cores_per_chip)
    assert joint.assignment.messages <= separate.messages * (1 + 1e-9)


def brute_force(layers, rates, limits, cores_per_chip, room):
    """Fewest messages between two chips over all block shapes and all assignments."""
    candidates = Candidates(layers, limits)
    fewest = np.inf
    for choice in product(*([c[2] for c in candidates.fitting(layer)] for layer in layers)):
        shapes = {layer.name: shape for layer, shape in zip(layers, choice)}
        n = sum(n_blocks(layer.shape, shape) for layer, shape in zip(layers, choice))
        if n > room or not all(
            candidates.emits(layer, shape, targets_of(layer, layers, shapes))
            for layer, shape in zip(layers, choice)
        ):
            continue
        weights = nx.to_numpy_array(tiling_graph(layers, shapes, rates), nodelist=range(n))
        sides = 1 - 2 * ((np.arange(2 ** (n - 1))[:, None] >> np.arange(n)) & 1)
        sides = sides[np.abs(sides.sum(axis=1)) <= 2 * cores_per_chip - n]
        cuts = (weights.sum() - np.einsum("bi,ij,bj->b", sides, weights, sides)) / 2
        fewest = min(fewest, cuts.min())
    return fewest


def small_problem(seed):
    rng = np.random.default_rng(seed)
    shape = (*rng.integers(3, 7, 2).tolist(), int(rng.integers(1, 3)))
    kernel, stride, channels = int(rng.integers(1, 4)), int(rng.integers(1, 3)), rng.integers(1, 4)
    layers = pair(shape, kernel, stride, "same", False, int(channels))
    if rng.integers(2):
        layers.append(Layer("c", (*layers[-1].shape[:2], 1), _after(layers[-1])))
    limits = CoreLimits(compartments=int(rng.integers(8, 17)))
    rates = {p.source: rng.uniform(size=p.source_shape) for la in layers for p in la.inputs}
    return layers, limits, rates


def _after(layer):
    return (convolution(layer.name, layer.shape, 3, 1)[0],)


def test_brute_force():
    beyond_best = lost_apart = n_compared = 0
    for seed in range(60):
        layers, limits, rates = small_problem(seed)
        plain = choose_block_shapes(layers, rates=rates, limits=limits)
        cores_per_chip = -(-plain.n_cores // 2)
        if not 2 <= plain.n_cores <= 8:
            continue
        joint = choose_tiling_and_chips(
            layers, 2, rates=rates, cores_per_chip=cores_per_chip, limits=limits
        )
        check(layers, joint, 2, cores_per_chip, limits, rates)
        found = joint.assignment.messages
        best = brute_force(layers, rates, limits, cores_per_chip, 2 * cores_per_chip)
        graph = tiling_graph(layers, plain.shapes, rates)
        separate = assign_chips(graph, 2, cores_per_chip=cores_per_chip).messages
        # Its guarantee, and what nothing can beat.
        assert best - 1e-6 <= found <= separate * (1 + 1e-9)
        beyond_best += found - best
        lost_apart += separate - best
        n_compared += 1
    assert n_compared >= 30
    # A heuristic: a single network may miss the best by much, but of what is lost where shapes and
    # chips are chosen one after the other, which is what it is for, it must save nearly all.
    assert lost_apart > 30
    assert beyond_best <= 0.2 * lost_apart
