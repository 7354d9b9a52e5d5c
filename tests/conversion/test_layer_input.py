"""The sum of convolutions in TensorFlow is the one in numpy."""

import numpy as np
import pytest

from loihiseg.codes.thermometer.levels import neurons_of
from loihiseg.conversion.convolution import term_input
from loihiseg.conversion.layer_input import layer_input
from tests import quantized


@pytest.mark.parametrize("make", [lambda network: network, neurons_of], ids=["units", "neurons"])
def test_every_layer_hears_the_same(make):
    """Strided, transposed and joined; of neurons that carry a channel together, too."""
    network = make(quantized.lowered())
    terms = [term for layer in network.layers for term in layer.terms]
    assert any(term.transposed for term in terms) and any(term.strides == (2, 2) for term in terms)
    assert any(len(layer.terms) > 1 for layer in network.layers)
    rng = np.random.default_rng(0)
    shapes = network.inputs | {layer.name: layer.shape for layer in network.layers}
    values = {n: rng.normal(size=(2, *shape)).astype(np.float32) for n, shape in shapes.items()}
    for layer in network.layers:
        wanted = layer.bias + sum(
            term_input(term, values[term.source].astype(np.float64), layer.shape)
            for term in layer.terms
        )
        found = layer_input(layer, values).numpy()
        assert found.shape == (2, *layer.shape) and np.abs(wanted).max() > 0
        np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())


def test_other_weights_take_the_place_of_a_layers_own():
    layer = quantized.lowered().layers[-1]
    rng = np.random.default_rng(1)
    values = {
        term.source: rng.normal(size=(1, 8, 8, term.kernel.shape[2])).astype(np.float32)
        for term in layer.terms
    }
    kernels = [2 * term.kernel for term in layer.terms]
    found = layer_input(layer, values, kernels, layer.bias + 1).numpy()
    own = layer_input(layer, values).numpy()
    np.testing.assert_allclose(found - layer.bias - 1, 2 * (own - layer.bias), atol=1e-4)
