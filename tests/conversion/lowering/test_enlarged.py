"""Pooling right behind what enlarges: values are Keras', whatever size and stride."""

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.conversion.forward import forward
from loihiseg.conversion.lowering import lower
from loihiseg.errors import InputError
from loihiseg.network.quantized import QuantizedReLU
from tests.conversion.random_models import with_weights

L = tf.keras.layers


def network(middle):
    pixels = tf.keras.Input((4, 5, 1), name="pixels")
    x = QuantizedReLU(3, 2.0, name="s")(L.Conv2D(2, 3, padding="same")(pixels))
    x = QuantizedReLU(3, 2.0, name="t")(L.Conv2D(3, 3, padding="same")(middle(x)))
    return with_weights(tf.keras.Model(pixels, L.Conv2D(1, 1)(x)), 0)


@pytest.mark.parametrize("factor", [2, (3, 1)])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("size, stride, sign", [(2, 1, 1.0), (3, 2, -1.0)])
def test_pooling_behind_enlarging(factor, padding, size, stride, sign):
    def middle(x):
        return L.MaxPooling2D(size, stride, padding)(L.UpSampling2D(factor)(L.Rescaling(sign)(x)))

    made = network(middle)
    pixels = np.random.default_rng(1).normal(size=(2, 4, 5, 1)).astype(np.float32)
    lowering = lower(made)
    found = lowering.graph(forward(lowering.network, pixels))
    np.testing.assert_allclose(found, made(pixels), atol=1e-5)


def test_one_window_for_each_size_by_hand():
    # Rows 0 to 3 three times each, by twos: 0, 01, 1, 2, 23, 3.
    found = lower(network(lambda x: L.MaxPooling2D(2)(L.UpSampling2D((3, 2))(x)))).network
    _, pool, last = found.layers
    assert last.shape == (6, 5, 3) and pool.name.endswith("_2x1")
    assert pool.shape == (3, 5, 2) and pool.terms[0].kernel.shape == (2, 1, 2, 1)


def test_extremes_of_what_was_enlarged_are_refused_by_name():
    def both(x):
        return L.Maximum(name="bad")([L.UpSampling2D(2)(x), L.UpSampling2D(2)(x)])

    with pytest.raises(InputError, match=r"'bad'.*enlarge what comes of it"):
        lower(network(both))
