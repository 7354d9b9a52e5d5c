"""Terms hold the weights that are there: a kernel larger than its image looks past the border."""

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.conversion.forward import forward
from loihiseg.conversion.lowering import lower

layers = tf.keras.layers


@pytest.mark.parametrize(
    "size, kernel, used",
    [(1, 3, slice(1, 2)), (2, 5, slice(1, 4)), (3, 5, slice(0, 5)), (4, 3, slice(0, 3))],
)
@pytest.mark.parametrize("depthwise", [False, True])
def test_weights_that_look_past_every_border_are_none(size, kernel, used, depthwise):
    pixels = x = layers.Input((size, size, 2))
    x = layers.Conv2D(3, 1, activation="relu", name="stem")(x)
    if depthwise:
        x = layers.DepthwiseConv2D(kernel, padding="same", name="deep")(x)
        x = layers.ReLU(name="relu")(x)
    else:
        x = layers.Conv2D(4, kernel, padding="same", activation="relu", name="relu")(x)
    model = tf.keras.Model(pixels, layers.Conv2D(1, 1)(x))
    model.set_weights([np.ones_like(weight) for weight in model.get_weights()])
    lowering = lower(model)
    (term,) = lowering.network.layer("relu").terms
    wanted = np.zeros((kernel, kernel), bool)
    wanted[used, used] = True
    there = (term.kernel != 0).any(axis=(2, 3))
    if there.shape == wanted.shape:
        np.testing.assert_array_equal(there, wanted)
    else:
        assert there.all() and there.sum() == wanted.sum()
    shown = np.random.default_rng(0).normal(size=(2, size, size, 2)).astype(np.float32)
    found = lowering.graph(forward(lowering.network, shown))
    np.testing.assert_allclose(found, model(shown).numpy(), rtol=1e-5, atol=1e-5)
