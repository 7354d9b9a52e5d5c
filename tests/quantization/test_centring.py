"""No sum of weights comes near the threshold of a binary neuron."""

import numpy as np
import pytest

from loihiseg.conversion.thermometer import neurons_of
from loihiseg.quantization.centring import centred, middle, weight_step
from loihiseg.quantization.layers import quantize_network
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
        assert np.abs(old.bias - new.bias).max() <= (64 + 1 if not new.on_host else 0)


def test_other_neurons_are_left_alone():
    network = deployed.lowered()
    assert centred(network, deployed.split_shapes(network)).layers == network.layers
