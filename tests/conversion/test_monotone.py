"""Functions that never fall are Keras', and cross values where Keras' do."""

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.conversion.lowering.functions import _NAMED
from loihiseg.conversion.monotone import Monotone
from loihiseg.network.keras_3 import ACTIVATIONS

L = tf.keras.layers

LAYERS = {
    "ReLU": (L.ReLU(), Monotone("relu")),
    "ReLU6": (L.ReLU(6.0), Monotone("relu", highest=6.0)),
    "all of ReLU": (L.ReLU(1.5, 0.25, 0.5), Monotone("relu", (0.25,), 0.5, highest=1.5)),
    "a threshold above the maximum": (
        L.ReLU(1.0, 0.0, 2.0), Monotone("relu", threshold=2.0, highest=1.0),
    ),
    "ThresholdedReLU": (L.ThresholdedReLU(0.5), Monotone("relu", threshold=0.5)),
    "LeakyReLU": (L.LeakyReLU(0.1), Monotone("relu", (0.1,))),
    "ELU": (L.ELU(0.5), Monotone("elu", (0.5,))),
    "ELU of 0": (L.ELU(0.0), Monotone("elu", (0.0,))),
    **{name: (ACTIVATIONS.get(name) or L.Activation(name), own) for name, own in _NAMED.items()},
}  # fmt: skip
X = np.linspace(-8, 8, 641)


@pytest.mark.parametrize("name", LAYERS)
def test_values_are_those_of_keras(name):
    layer, function = LAYERS[name]
    expected = np.asarray(layer(tf.constant(X[:, None], tf.float32)))
    np.testing.assert_allclose(function.of(np.float32(X)[:, None]), expected, atol=2e-6, rtol=2e-6)
    theirs = function.of(tf.constant(X[:, None], tf.float32), tf.experimental.numpy)
    np.testing.assert_allclose(theirs, expected, atol=2e-6, rtol=2e-6)


@pytest.mark.parametrize("name", LAYERS)
def test_a_value_is_crossed_where_it_is_reached_first(name):
    _, function = LAYERS[name]
    values = function.of(X[:, None].astype(np.float64))[:, 0]
    assert (np.diff(values) >= 0).all()
    for value in (-2.0, -1.0, -0.4, -0.1, 0.0, 0.2, 0.5, 0.9, 1.0, 1.4, 3.0, 7.0):
        (place,) = function.crossing(value)
        if np.isinf(place):
            # Ends are come close to, not reached.
            assert values.max() < value + 1e-6 if place > 0 else values.min() > value - 1e-6
            continue
        reached = X[values >= value - 1e-6]
        if not len(reached):
            assert place > X[-1]
        elif len(reached) == len(X):
            assert place <= X[0]
        else:
            assert reached[0] - (X[1] - X[0]) <= place <= reached[0] + 1e-5, value
        if np.isfinite(place) and abs(place) < 30:
            assert function.of(np.array([place + 1e-6]))[0] >= value - 1e-7
            assert function.of(np.array([place - 1e-6]))[0] < value + 1e-7


def test_crossings_by_hand():
    assert Monotone("relu", (0.25,)).crossing(-1.0) == [-4.0]
    np.testing.assert_array_equal(Monotone("relu", (0.5, 0.0)).crossing(-1.0), [-2.0, -np.inf])
    assert Monotone("relu", highest=6.0).crossing(6.0) == [6.0]
    assert Monotone("relu", highest=6.0).crossing(6.1) == [np.inf]
    # At the threshold a ReLU is still 0.
    (place,) = Monotone("relu", threshold=0.5).crossing(0.25)
    assert 0.5 < place < 0.5000001
    assert Monotone("sigmoid").crossing(0.5) == [0.0]
    assert Monotone("tanh").crossing(1.0) == [np.inf]
    np.testing.assert_allclose(Monotone("elu", (2.0,)).crossing(-1.0), [np.log(0.5)])
    np.testing.assert_allclose(_NAMED["hard_sigmoid"].crossing(0.75), [1.25])
    np.testing.assert_allclose(_NAMED["hard_sigmoid_of_sixths"].crossing(0.75), [1.5])
