"""Layers in 8 bits one by one: nothing is lost where integers are exact, and what is adds up."""

from dataclasses import replace

import numpy as np
import pytest

import loihiseg
from loihiseg.conversion.forward import forward
from loihiseg.conversion.precision import quantize_network
from loihiseg.evaluation.eight_bit import ALL
from tests.small_deployed import TILE, small_deployed

PIXELS = np.random.default_rng(0).normal(0, 1.5, (3, TILE, TILE)).astype(np.float32)


def test_layers_come_one_by_one_and_then_all():
    found = loihiseg.eight_bit_losses(small_deployed(), PIXELS)
    assert [one.layer for one in found] == ["first", "last", ALL]
    assert all(0 <= one.called_otherwise <= 1 and one.logit_error >= 0 for one in found)


def test_a_coarse_layer_is_found_out():
    """A weight 100 times the others leaves them few bits."""

    def coarse(kernel):
        return np.where(kernel == kernel.max(), 100 * kernel, kernel).astype(np.float32)

    one = small_deployed(1)
    (fine,) = [x for x in loihiseg.eight_bit_losses(one, PIXELS) if x.layer == "last"]
    layers = list(one.neurons.layers)
    last = layers[-1]
    terms = tuple(replace(t, kernel=coarse(t.kernel)) for t in last.terms)
    layers[-1] = replace(last, terms=terms)
    network = replace(one.neurons, layers=tuple(layers))
    changed = replace(one, network=network, neurons=network)
    _, last, every = loihiseg.eight_bit_losses(changed, PIXELS)
    assert last.logit_error > 5 * fine.logit_error
    assert every.logit_error == pytest.approx(last.logit_error, rel=0.5)


def test_all_of_them_is_the_quantized_network():
    one = small_deployed(2)
    quantized = quantize_network(one.neurons, one.block_shapes, one.code.synapse_s).network
    shown = {
        name: forward(network, PIXELS, staircase=True)
        for name, network in (("float", one.neurons), ("chip", quantized))
    }
    before, after = (one.readout({n: x[n] for n in one.network.outputs}) for x in shown.values())
    every = loihiseg.eight_bit_losses(one, PIXELS)[-1]
    off = np.sqrt(np.mean((after - before) ** 2)) / np.sqrt(np.mean(before**2))
    assert every.logit_error == pytest.approx(off, rel=1e-4)
