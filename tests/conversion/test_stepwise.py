"""Levels of functions by hand: thresholds, what is heard of level 0, ranges."""

import numpy as np
import pytest

from loihiseg.codes.ramp.integers import integer_layers
from loihiseg.codes.thermometer.levels import neurons_of
from loihiseg.conversion.linear import Term
from loihiseg.conversion.monotone import Monotone
from loihiseg.conversion.neuron_kinds import Extremum, Quantized, Rectified
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.conversion.stepwise import (
    FAR,
    FloatActivation,
    Stepwise,
    heard_offset,
    of_levels,
    stepwise,
)

LEAKY = Monotone("relu", (0.25,))


def layer(name, source, kernel, neuron, on_host=False, **settings):
    kernel = np.asarray(kernel, np.float32)
    term = Term(source, kernel, **settings)
    bias = np.zeros(kernel.shape[3], np.float32)
    return SpikingLayer(name, (3, 3, kernel.shape[3]), (term,), bias, 100.0, on_host, neuron)


def test_levels_of_a_leaky_relu():
    # Levels -0.5, 0.5, 1.5: halfway between are 0 and 1.
    found = stepwise(LEAKY, 2, -0.5, 1.5)
    assert found == Stepwise(2, 1.0, -0.5, ((0.0,), (1.0,)))
    total = np.array([-9, -0.1, 0, 0.9, 1, 9], np.float32)
    np.testing.assert_array_equal(found.activation(total, 1.0), [-0.5, -0.5, 0.5, 0.5, 1.5, 1.5])
    # -0.25 is the function's at -1.
    assert stepwise(LEAKY, 1, -0.5, 0.0).thresholds == ((-1.0,),)


def test_what_is_never_or_always_reached_is_far():
    assert stepwise(Monotone("relu"), 2, -2.0, 2.0).thresholds == ((-FAR,), (1.0,))
    with pytest.raises(ValueError, match="takes one alone"):
        stepwise(Monotone("sigmoid"), 2, 2.0, 3.0)


def test_what_level_0_is_worth_is_a_bias_by_pixel_behind_zero_padding():
    source = layer("a", "pixels", np.ones((1, 1, 1, 1)), stepwise(LEAKY, 2, -0.5, 1.5), True)
    heard = layer("b", "a", np.ones((3, 3, 1, 1)), Quantized(1), padding="same")
    offset = heard_offset(heard, {"a": source})
    np.testing.assert_allclose(offset[..., 0], [[-2, -3, -2], [-3, -4.5, -3], [-2, -3, -2]])
    plain = layer("b", "a", np.full((1, 1, 1, 1), 2.0), Quantized(1))
    np.testing.assert_allclose(heard_offset(plain, {"a": source}), [-1.0])
    assert (
        heard_offset(heard, {"a": layer("a", "pixels", np.ones((1, 1, 1, 1)), Quantized(2))})
        is None
    )
    network = LoweredNetwork({"pixels": (3, 3, 1)}, (source, heard), ("b",))
    neurons = neurons_of(network)
    bias = neurons.layer("b").bias[..., 0] / neurons.layer("b").terms[0].values.max()
    # One level of value 1 from half a level on: the offset less 0.5, over a weight of 1.
    np.testing.assert_allclose(bias, offset[..., 0] - 0.5, rtol=1e-6)
    np.testing.assert_allclose(neurons.layer("a").bias, [0.0, -1.0])
    assert integer_layers(network)["b"].bias is not None


def test_thresholds_out_of_reach_are_as_near_as_can_be():
    source = layer("a", "pixels", np.ones((1, 1, 1, 1)), Quantized(2, 1.0), True)
    far = Stepwise(3, 1.0, 0.0, ((-FAR,), (0.5,), (FAR,)))
    heard = layer("b", "a", np.full((1, 1, 1, 1), 2.0), far)
    neurons = neurons_of(LoweredNetwork({"pixels": (3, 3, 1)}, (source, heard), ("b",)))
    own = neurons.layer("b")
    # Sums are at most 2 levels of weight 2: twice that, and a weight for each level further.
    np.testing.assert_allclose(
        own.bias / own.terms[0].values.max() * 2, [8 + 3 * 2, -0.5, -8 - 3 * 2]
    )


def test_activations_in_floats_are_given_levels():
    assert of_levels(Rectified(), 2, 0.0, 3.0) == Quantized(2, 1.5)
    assert of_levels(FloatActivation(LEAKY), 2, -0.5, 1.5) == stepwise(LEAKY, 2, -0.5, 1.5)
    assert of_levels(Rectified(), 2, -0.5, 1.5).thresholds == ((-FAR,), (1.0,))
    assert of_levels(Extremum(0, largest=False), 2, -0.5, 1.5) == Extremum(2, 1.0, False, -0.5)
