"""No sum of weights comes near the threshold of a binary neuron."""

import numpy as np
import pytest

from loihiseg.codes.thermometer.centring import centred, middle, weight_step
from loihiseg.codes.thermometer.levels import neurons_of
from loihiseg.conversion.precision import layer_scales, quantize_network
from tests import deployed, quantized


def test_middle_by_hand():
    np.testing.assert_array_equal(
        middle([0, 1, 63, 64, 127, 128, -1, -64, -129], 128),
        [64, 64, 64, 64, 64, 192, -64, -64, -192],
    )
    assert [weight_step(exponent) for exponent in (0, -1, -2, -6)] == [128, 64, 64, 64]


@pytest.mark.parametrize("levels", [1, 3, (3, 1, 2, 3, 2, 1)], ids=str)
def test_no_sum_is_near_a_threshold(levels):
    neurons = neurons_of(quantized.lowered(levels=levels))
    shapes = quantized.split_shapes(neurons)
    moved = centred(neurons, shapes)
    with quantized.presenter(moved, shapes) as made:
        for block in made.model.blocks:
            step = min(weight_step(s.synapse_cfg.weight_exp) for s in block.synapses)
            assert all((w % step == 0).all() for s in block.synapses for w in s.weights)
            # The threshold is in the middle between two multiples of the step.
            assert ((block.compartment.vth - block.compartment.bias) % step == step // 2).all()
    before, after = (quantize_network(n, shapes, 0.0) for n in (neurons, moved))
    for old, new in zip(before.network.layers, after.network.layers):
        for a, b in zip(old.terms, new.terms):
            np.testing.assert_array_equal(a.kernel, b.kernel)
        # Half a step; the threshold's rounding and what biases gain were in the old ones.
        limit = 64 + 32 + 0.0003 * np.abs(old.bias) + 1
        assert (np.abs(old.bias - new.bias) <= (limit if not new.on_host else 0)).all()


@pytest.mark.parametrize("levels", [1, 3, (3, 1, 2, 3, 2, 1)], ids=str)
def test_neurons_are_on_for_the_sums_for_which_they_are_with_float_biases(levels):
    neurons = neurons_of(quantized.lowered(levels=levels))
    shapes = quantized.split_shapes(neurons)
    chip = quantize_network(centred(neurons, shapes), shapes, 0.0).network
    hz = {layer.name: layer.rate_scale_hz for layer in neurons.layers}
    rng = np.random.default_rng(5)
    compared = 0
    for old, new in zip(neurons.layers, chip.layers):
        if new.on_host:
            continue
        sources_hz = [hz[name] for name in old.sources]
        for part, scale in layer_scales(old, sources_hz, shapes[old.name][2], 0.0):
            kernels = [t.kernel[..., part].reshape(-1, new.bias[part].size) for t in new.terms]
            weights = np.concatenate(kernels).astype(np.int64)
            sums = rng.integers(0, 2, (2000, len(weights))) @ weights
            wanted = sums / scale.current_scale + old.bias[part].astype(float) * old.rate_scale_hz
            clear = np.abs(wanted) > 1e-5
            np.testing.assert_array_equal((sums + new.bias[part] > 0)[clear], (wanted > 0)[clear])
            compared += clear.sum()
    assert compared > 20_000


def test_other_neurons_are_left_alone():
    network = deployed.lowered()
    assert centred(network, deployed.split_shapes(network)).layers == network.layers
