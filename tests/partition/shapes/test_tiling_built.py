"""What is chosen, built by nengo-loihi and held against every limit of a core."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partition.built.blocks import block_violations
from partition.core.errors import DoesNotFitError
from partition.core.limits import CoreLimits
from partition.shapes.tiling import choose_block_shapes
from tests.partition.networks import blocks_of, build, random_network


def tight_limits(rng):
    return CoreLimits(
        compartments=int(rng.integers(8, 300)),
        in_axons=int(rng.integers(12, 400)),
        out_axon_slots=int(rng.integers(16, 800)),
        synapse_bits=int(rng.integers(2_000, 200_000)),
        threshold_configs=int(rng.integers(1, 4)),
        compartment_configs=int(rng.integers(1, 4)),
    )


def with_kinds(layer, rng):
    """The layer with thresholds and settings that differ between channels."""
    n_channels = layer.shape[2]
    kinds = [tuple(rng.integers(0, 4, n_channels).tolist()) for _ in range(2)]
    return replace(layer, thresholds=kinds[0], settings=kinds[1])


def model_of(layers, shapes, pop_type):
    import nengo_loihi

    net, ensembles, _ = build(layers, shapes, pop_type)
    model = nengo_loihi.Simulator(net, target="sim", progress_bar=False).model
    for layer in layers:
        for block in blocks_of(model, ensembles[layer.name]):
            channel = np.asarray(list(model.block_comp_map[block])) % layer.shape[2]
            if layer.thresholds:
                block.compartment.vth[:] = 64 * (1 + np.take(layer.thresholds, channel))
            if layer.settings:
                block.compartment.decay_v[:] = 1 + np.take(layer.settings, channel)
    return model


def check(seed, n_layers=4, most_pixels=9):
    """Choose, build and check; returns whether there was a tiling."""
    rng = np.random.default_rng(seed)
    layers = random_network(rng, n_layers, most_pixels)
    if rng.integers(2):
        layers = [with_kinds(layer, rng) for layer in layers]
    limits, pop_type = tight_limits(rng), int(rng.choice([16, 32]))
    try:
        tiling = choose_block_shapes(layers, limits=limits, pop_type=pop_type)
    except DoesNotFitError as error:
        assert error.violations
        return False
    model = model_of(layers, tiling.shapes, pop_type)
    assert len(model.blocks) == tiling.n_cores
    assert block_violations(model, limits) == []
    return True


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1))
def test_no_block_of_a_tiling_is_refused(seed):
    check(seed)


def test_most_of_these_networks_do_fit():
    assert sum(check(seed) for seed in range(6)) >= 3


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1))
def test_no_block_of_a_tiling_is_refused_in_many_networks(seed):
    check(seed, n_layers=5, most_pixels=12)
