"""Least squares, values of levels and read-outs against what is known, and networks end to end."""

import numpy as np
import pytest

from loihiseg.compilation.corrections import best_tops, corrected, float_sums, least_squares
from loihiseg.compilation.readout_fit import fitted_readout, shifted_readout
from loihiseg.conversion.forward import forward
from loihiseg.conversion.host_graph import (
    Affine,
    Convolution,
    Cropping,
    Function,
    HostGraph,
    Node,
    Pooling,
)
from loihiseg.conversion.linear import Term
from loihiseg.conversion.monotone import Monotone
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.conversion.stepwise import FloatActivation
from loihiseg.errors import InputError
from tests.simulation.networks import chain, pooled

READOUT = HostGraph(("d",), (), "d")
PICTURES = np.random.default_rng(2).integers(0, 64, (6, 8, 8, 1)).astype(np.float32) / 64


def heard(rng, n, values):
    return np.concatenate([rng.normal(0, 1, (n, values)), np.ones((n, 1))], 1).astype(np.float32)


def test_least_squares_find_the_weights_that_were_wanted():
    rng = np.random.default_rng(0)
    rows, weights = heard(rng, 4000, 6), rng.normal(0, 1, (6, 3)).astype(np.float32)
    bias = rng.normal(0, 1, (4000, 3)).astype(np.float32)
    wanted = rows[:, :-1] @ weights + bias + np.float32(0.25)
    tops = np.full(3, 1e6, np.float32)
    found = least_squares(rows, bias, wanted, weights, tops)
    # A shift of a quarter, and the weights as they were.
    np.testing.assert_allclose(found[:-1], weights, atol=1e-2)
    np.testing.assert_allclose(found[-1], 0.25, atol=1e-2)


def test_nothing_is_asked_for_where_no_activation_is():
    """Sums that are all below 0, or all above the top, may be off by any amount."""
    rng = np.random.default_rng(1)
    rows, weights = heard(rng, 500, 4), rng.normal(0, 0.1, (4, 2)).astype(np.float32)
    tops = np.array([2.0, 2.0], np.float32)
    for bias, wanted in ((-9.0, -50.0), (9.0, 50.0)):
        biases, all_wanted = np.full((500, 2), bias), np.full((500, 2), wanted)
        found = least_squares(
            rows, biases.astype(np.float32), all_wanted.astype(np.float32), weights, tops
        )
        np.testing.assert_allclose(found[:-1], weights, atol=1e-4)
        np.testing.assert_allclose(found[-1], 0, atol=1e-4)


def test_values_of_levels_by_hand():
    """Activations that are 0 or 3: one level is worth 3; of a channel of 6, twice that."""
    sums = np.array([[-5.0, -5.0], [3.0, 6.0], [0.1, 0.1], [3.0, 6.0]])
    found = best_tops(sums, np.maximum(sums, 0), 1)
    # As near as the values that are tried lie to each other, 12 %.
    np.testing.assert_allclose(found, [3, 6], rtol=0.13)
    silent = best_tops(sums * [1, -0.0], np.maximum(sums, 0) * [1, 0], 1)
    assert silent[1] == pytest.approx(3, rel=0.13)


@pytest.mark.parametrize(("made", "shown"), [(pooled, PICTURES), (chain, None)])
def test_with_many_levels_nothing_is_left_to_correct(made, shown):
    network = pooled() if made is pooled else chain(3, 0, channels=6)
    if shown is None:
        shown = np.random.default_rng(0).normal(0, 1, (300, 1, 1, 8)).astype(np.float32)
    readout = HostGraph(network.outputs, (), network.outputs[0])
    levels = {layer.name: 255 for layer in network.layers if not layer.neuron.chooses}
    found = corrected(network, readout, levels, shown)
    values = forward(found.network, shown)
    wanted = forward(network, shown, staircase=False)
    (output,) = network.outputs
    assert all(layer.levels == 255 for layer in found.network.layers)
    np.testing.assert_array_equal(values[output], found.outputs[output])
    scale = wanted[output].max()
    apart = np.abs(found.readout({output: values[output]}) - wanted[output])
    assert np.quantile(apart, 0.98) < 0.03 * scale


def test_channels_of_a_layer_get_one_value_and_what_is_chosen_among_keeps_its_own():
    network = pooled()
    found = corrected(network, READOUT, dict.fromkeys("abcd", 3), PICTURES).network
    assert {layer.levels for layer in found.layers} == {3}
    value = {layer.name: layer.level_value for layer in found.layers}
    assert value["a"] == value["b"] == value["larger"] == value["pool"]
    assert value["c"] == value["wide"]
    # What pixels are heard by on the host is not fitted, but its units may be others.
    for name in "ab":
        old, new = (one.layer(name).terms[0].kernel for one in (network, found))
        ratio = new / np.where(old == 0, np.nan, old)
        assert np.nanmax(np.ptp(ratio, axis=(0, 1, 2)), initial=0) < 1e-5 or np.isnan(ratio).any()


def test_factors_multiply_values():
    network = pooled()
    levels = dict.fromkeys("abcd", 3)
    plain = corrected(network, READOUT, levels, PICTURES).network
    twice = corrected(network, READOUT, levels, PICTURES, factors={"a": 2.0, "b": 2.0}).network
    assert twice.layer("a").level_value == pytest.approx(2 * plain.layer("a").level_value)


def test_other_activations_are_named():
    layer = SpikingLayer(
        "leaky", (1, 1, 1), (Term("pixels", np.ones((1, 1, 1, 1), np.float32)),),
        np.zeros(1, np.float32), 100.0, True, FloatActivation(Monotone("leaky_relu", 0.3)),
    )  # fmt: skip
    network = LoweredNetwork({"pixels": (1, 1, 1)}, (layer,), ("leaky",))
    with pytest.raises(InputError, match="layer leaky: corrections are of rectified-linear units"):
        float_sums(network, np.ones((1, 1, 1), np.float32))


def test_a_silent_layer_is_named():
    with pytest.raises(InputError, match="layer 'a' is silent on all images"):
        corrected(pooled(), READOUT, dict.fromkeys("abcd", 3), np.zeros_like(PICTURES))


def readout_of(kernel, bias, *behind):
    nodes = [
        Node("first", ("a",), Affine(np.array([2.0, 0.5], np.float32), np.zeros(1, np.float32))),
        Node("conv", ("first",), Convolution(kernel, bias, padding="same")),
    ]
    for number, operation in enumerate(behind):
        nodes.append(Node(f"n{number}", (nodes[-1].name,), operation))
    return HostGraph(("a",), tuple(nodes), nodes[-1].name)


@pytest.mark.parametrize(
    "behind", [(), (Cropping((1, 0, 0, 1)),), (Cropping((1, 0, 0, 1)), Function("sigmoid"))]
)
def test_a_readout_that_was_disturbed_is_found_again(behind):
    rng = np.random.default_rng(3)
    right = rng.normal(0, 0.5, (3, 3, 2, 1)).astype(np.float32)
    values = {"a": rng.normal(0, 1, (3, 20, 20, 2)).astype(np.float32)}
    linear = tuple(one for one in behind if not isinstance(one, Function))
    logits = readout_of(right, np.array([0.3], np.float32), *linear)(values)[..., 0]
    wrong = readout_of(right + np.float32(0.2), np.array([-1.0], np.float32), *behind)
    found = fitted_readout(wrong, values, logits)
    operation = next(node.operation for node in found.nodes if node.name == "conv")
    np.testing.assert_allclose(operation.kernel, right, atol=0.02)
    np.testing.assert_allclose(operation.bias, [0.3], atol=0.02)


def test_a_kernel_of_one_pixel_hears_its_neighbours():
    rng = np.random.default_rng(5)
    right = rng.normal(0, 0.5, (3, 3, 2, 1)).astype(np.float32)
    values = {"a": rng.normal(0, 1, (3, 20, 20, 2)).astype(np.float32)}
    logits = readout_of(right, np.array([0.3], np.float32))(values)[..., 0]
    middle = readout_of(right[1:2, 1:2], np.array([0.3], np.float32))
    found = fitted_readout(middle, values, logits).nodes[-1].operation
    np.testing.assert_allclose(found.kernel, right, atol=0.02)
    np.testing.assert_allclose(found.bias, [0.3], atol=0.02)


def test_one_that_is_right_stays_with_nothing_of_its_neighbours():
    rng = np.random.default_rng(6)
    kernel = rng.normal(0, 0.5, (1, 1, 2, 1)).astype(np.float32)
    values = {"a": rng.normal(0, 1, (3, 20, 20, 2)).astype(np.float32)}
    readout = readout_of(kernel, np.array([0.3], np.float32), Cropping((1, 0, 0, 1)))
    logits = readout(values)[..., 0]
    found = fitted_readout(readout, values, logits)
    np.testing.assert_allclose(found(values)[..., 0], logits, atol=1e-4)


def test_a_bias_that_was_too_low_is_found_by_the_map():
    rng = np.random.default_rng(4)
    kernel = rng.normal(0, 0.5, (1, 1, 2, 1)).astype(np.float32)
    values = {"a": rng.normal(0, 1, (3, 20, 20, 2)).astype(np.float32)}
    logits = readout_of(kernel, np.array([0.3], np.float32))(values)[..., 0]
    low = readout_of(kernel, np.array([-0.7], np.float32), Function("sigmoid"))
    found = shifted_readout(low, values, logits, 0.4)
    operation = next(node.operation for node in found.nodes if node.name == "conv")
    np.testing.assert_allclose(operation.bias, [0.3], atol=0.026)
    # One that is right already is left as it is.
    right = readout_of(kernel, np.array([0.3], np.float32))
    assert shifted_readout(right, values, logits, 0.4).nodes[-1].operation.bias == np.float32(0.3)


def test_other_readouts_are_left_as_they_are():
    kernel, bias = np.ones((1, 1, 2, 1), np.float32), np.zeros(1, np.float32)
    values = {"a": np.ones((1, 4, 4, 2), np.float32)}
    for readout in (
        readout_of(kernel, bias, Pooling("max", (2, 2), (2, 2))),
        readout_of(np.ones((1, 1, 2, 3), np.float32), np.zeros(3, np.float32)),
        HostGraph(("a",), (), "a"),
    ):
        logits = np.zeros((1, 4, 4), np.float32)
        assert fitted_readout(readout, values, logits) is readout
        assert shifted_readout(readout, values, logits, 0.5) is readout
