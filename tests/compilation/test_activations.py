"""What a compilation rests on, and what is refused because it rests on nothing."""

from loihiseg.frameworks import tf

import numpy as np
import pytest

import loihiseg
from loihiseg.compilation.activations import check_alive, settled_activations
from loihiseg.conversion.lowering import lower
from loihiseg.errors import InputError
from tests.conversion.models import conv, logit, relu, stem


def network(bias: float, kernel: float = 1.0) -> tf.keras.Model:
    """A stem and two layers; the last with a bias, and with its kernel times a factor."""
    pixels, x = stem()
    x = relu(conv(x, 2, "c1"), "s1")
    model = tf.keras.Model(pixels, logit(relu(conv(x, 2, "c2"), "s2")))
    weights, _ = model.get_layer("c2").get_weights()
    model.get_layer("c2").set_weights([weights * kernel, np.full(2, bias, np.float32)])
    return model


def tiles(model: tf.keras.Model, n: int) -> np.ndarray:
    side = model.input_shape[1]
    return np.random.default_rng(0).normal(size=(n, side, side)).astype(np.float32)


@pytest.mark.parametrize(
    ("bias", "kernel", "words"),
    [
        (-1e3, 1.0, "3 calibration tiles: nothing fires in layer 's2'; train"),
        (2.0, 1e-20, "3 calibration tiles: all fire alike in layer 's2'; train"),
    ],
)
def test_a_dead_or_constant_network_is_refused(bias, kernel, words):
    model = network(bias, kernel)
    lowered = lower(model).network
    with pytest.raises(InputError, match=words):
        check_alive(lowered, settled_activations(lowered, tiles(model, 3)))
    with pytest.raises(InputError, match="network answers alike"):
        loihiseg.compile(model, tiles(model, 3), chips=1)


def test_a_living_one_is_not():
    model = network(0.0)
    lowered = lower(model).network
    check_alive(lowered, settled_activations(lowered, tiles(model, 3)))
    check_alive(lowered, {layer.name: np.zeros((0, 8, 8, 2)) for layer in lowered.layers})
