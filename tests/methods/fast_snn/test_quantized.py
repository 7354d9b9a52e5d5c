"""The lowered network run as quantized one is Keras's; as Fast-SNN, errors are only sequential."""

from dataclasses import replace

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.conversion.lowering import lower
from loihiseg.conversion.neuron_kinds import Extremum, Quantized
from loihiseg.errors import InputError
from loihiseg.methods.fast_snn.quantized import (
    neurons_of,
    quantized_levels,
    quantized_predictor,
    spiking_predictor,
)
from loihiseg.network.config import UNetConfig
from loihiseg.network.quantized import QuantizedReLU
from loihiseg.network.unet import build_unet
from loihiseg.simulation import network as simulation
from tests.simulation.networks import chain, pooled, unet

PIXELS = np.random.default_rng(0).normal(size=(5, 16, 16, 1)).astype(np.float32)
POINTS = np.random.default_rng(1).normal(size=(200, 1, 1, 8)).astype(np.float32)


def simulate(network, pixels, steps, signed=True):
    return simulation.simulate(network, pixels, steps, neurons_of(network, signed))


@pytest.mark.parametrize("levels", [3, (7, 3, 1, 2, 3, 1)])
def test_quantized_network_is_keras(levels):
    model, lowering = unet(levels)
    layers = [layer for layer in model.layers if isinstance(layer, QuantizedReLU)]
    theirs = tf.keras.Model(model.inputs, [layer.output for layer in layers])(PIXELS)
    ours = quantized_levels(lowering.network, PIXELS, batch=2)
    for layer, activation in zip(layers, theirs):
        level = np.rint(activation * layer.levels / layer.scale)
        assert np.mean(ours[layer.name] != level) < 1e-3 and level.max() > 0
    logits = quantized_predictor(lowering, batch=2)(PIXELS)
    assert np.mean(np.abs(logits - model(PIXELS)) > 1e-3) < 0.01


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("steps", [1, 3, 7])
def test_first_layer_is_exact(steps, signed):
    """Its input is constant: pixels."""
    network = chain(1, steps)
    runs = simulate(network, POINTS, steps, signed)
    levels = quantized_levels(network, POINTS)
    np.testing.assert_array_equal(runs["l0"].counts, levels["l0"])
    assert runs["l0"].positive == levels["l0"].sum() and runs["l0"].negative == 0
    np.testing.assert_allclose(runs["l0"].activation, levels["l0"] * 2.0 / steps, rtol=1e-6)


def test_pools_of_exact_layers_are_exact():
    network = pooled()
    layers = [
        replace(layer, neuron=Extremum(7, 0.5) if layer.neuron.chooses else Quantized(7, 0.5))
        for layer in network.layers
    ]
    network = replace(network, layers=tuple(layers))
    pixels = np.random.default_rng(2).integers(0, 64, (5, 8, 8, 1)).astype(np.float32) / 64
    runs, levels = simulate(network, pixels, 7), quantized_levels(network, pixels)
    for name in ("a", "b", "larger", "pool"):
        np.testing.assert_array_equal(runs[name].counts, levels[name])
    assert len(np.unique(levels["pool"])) == 3


def test_one_step_is_exact_at_any_depth():
    """A neuron that fires at most once, after all its input, cannot be too early."""
    network = chain(6, 1)
    runs, levels = simulate(network, POINTS, 1), quantized_levels(network, POINTS)
    for name, run in runs.items():
        assert np.mean(run.counts != levels[name]) < 1e-3


def test_sequential_error_grows_with_depth_and_signed_spikes_help():
    network = chain(6, 7)
    levels = quantized_levels(network, POINTS)
    wrong = {
        signed: [
            np.mean(run.counts != levels[name])
            for name, run in simulate(network, POINTS, 7, signed).items()
        ]
        for signed in (True, False)
    }
    for shares in wrong.values():
        assert shares[0] == 0 and shares[1] < shares[3] < shares[5]
    assert all(a < b for a, b in zip(wrong[True][1:], wrong[False][1:]))


def test_signed_layers_take_spikes_back():
    runs = simulate(chain(4, 7), POINTS, 7, True)
    assert all(run.negative > 0 for name, run in runs.items() if name != "l0")
    for run in runs.values():
        assert run.counts.min() >= 0 and run.positive - run.negative == run.counts.sum()
    assert not any(run.negative for run in simulate(chain(4, 7), POINTS, 7, False).values())


def test_amplitudes_travel_with_the_spikes_of_joined_branches():
    """Skips: scales of the two branches differ. With one step nothing is sequential."""
    _, lowering = unet(1, seed=3)
    values = {layer.level_value for layer in lowering.network.layers}
    assert len(values) == 6 and any(len(x.terms) == 2 for x in lowering.network.layers)
    runs, levels = simulate(lowering.network, PIXELS, 1), quantized_levels(lowering.network, PIXELS)
    for name, run in runs.items():
        assert np.mean(run.counts != levels[name]) < 2e-3
    ours, theirs = spiking_predictor(lowering, 1)(PIXELS), quantized_predictor(lowering)(PIXELS)
    assert np.mean(np.abs(ours - theirs) > 1e-3) < 0.01


def test_rates_are_refused():
    network = lower(build_unet(UNetConfig(16, (2, 3), (1, 1), (1,)))).network
    with pytest.raises(InputError, match="'stem_spikes' has no levels; train with levels"):
        simulate(network, PIXELS, 3)
    with pytest.raises(InputError, match="0 steps; expected at least 1"):
        simulate(chain(1, 3), POINTS, 0)
    with pytest.raises(InputError, match="0 steps; expected at least 1"):
        spiking_predictor(unet(3)[1], 0)
