"""Extremes of levels: gates on the chip, by hand, and what cannot be had."""

from dataclasses import replace

import numpy as np
import pytest

from loihiseg.codes.gates import WEIGHT, Gate, gate_layer
from loihiseg.codes.ramp.code import RampCode
from loihiseg.codes.ramp.network import neurons_that_wait, plan
from loihiseg.codes.ramp.neuron import Train
from loihiseg.codes.ramp.relays import with_relays
from loihiseg.codes.rate import RateCode
from loihiseg.codes.thermometer.code import ThermometerCode
from loihiseg.conversion.forward import forward
from loihiseg.conversion.linear import Term
from loihiseg.conversion.neuron_kinds import Extremum
from loihiseg.conversion.precision import quantize_network
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.errors import InputError
from tests import ramp_networks


def extreme(name, shape, sources, levels, largest=True, window=(1, 1), **settings):
    """Of windows on layers."""
    kernel = np.ones((*window, shape[2], 1), np.float32)
    terms = tuple(Term(source, kernel, depthwise=True, **settings) for source in sources)
    neuron = Extremum(levels, 1.0, largest)
    return SpikingLayer(name, shape, terms, np.zeros(shape[2], np.float32), 100.0, False, neuron)


def alike(name, source, levels, shape=(4, 4, 1), value=1.0):
    """What its source comes to, through neurons that wait."""
    kernel = value * np.eye(shape[2])[None, None]
    return ramp_networks.layer(name, shape, [source], [kernel], 0, levels)


def network(layers, shape=(4, 4, 1), levels=3):
    return LoweredNetwork(
        {"pixels": shape}, (ramp_networks.stem(shape, levels), *layers), (layers[-1].name,)
    )


def counts(code, made, image):
    """Levels of the last layer, by the quantized network's integers."""
    neurons = code.neurons(made)
    shapes = {layer.name: layer.shape for layer in neurons.chip_layers}
    meant = quantize_network(code.settled(neurons, shapes), shapes, 0.0).network
    return forward(meant, np.float32(image)[None, ..., None])[made.outputs[0]][0, ..., 0]


IMAGE = [[0, 1, 2, 3], [3, 0, 0, 1], [1, 1, 0, 0], [2, 1, 0, 3]]


@pytest.mark.parametrize("code", [RampCode, ThermometerCode])
def test_pooling_by_hand(code):
    largest = network([extreme("m", (2, 2, 1), ["stem"], 3, window=(2, 2), strides=(2, 2))])
    np.testing.assert_array_equal(counts(code.of(largest), largest, IMAGE), [[3, 3], [2, 3]])
    # Padding is looked at by none, though its zeros are smaller than all else.
    smallest = network(
        [extreme("m", (2, 2, 1), ["stem"], 3, False, (3, 3), strides=(2, 2), padding="same")]
    )
    np.testing.assert_array_equal(
        counts(code.of(smallest), smallest, np.add(IMAGE, 0)), [[0, 0], [0, 0]]
    )
    full = np.full((4, 4), 2)
    np.testing.assert_array_equal(counts(code.of(smallest), smallest, full), [[2, 2], [2, 2]])


def test_gates_by_hand():
    layer = extreme("m", (4, 4, 1), ["stem"], 3, False, (3, 3), padding="same")
    shapes = {"stem": (4, 4, 1)}
    gate = gate_layer(layer, shapes, per_unit=False)
    assert gate.shape == (4, 4, 3) and gate.terms[0].kernel.shape == (3, 3, 3, 1)
    assert set(gate.terms[0].kernel.flat) == {WEIGHT} == {128}
    # Of n inputs n - 1 are taken off: 9 in the middle, 6 at an edge, 4 in a corner.
    assert (gate.bias[1, 1, 0], gate.bias[0, 1, 1], gate.bias[0, 0, 2]) == (-1024, -640, -384)
    one = gate_layer(replace(layer, neuron=Extremum(3)), shapes, per_unit=True)
    assert one.shape == (4, 4, 1) and one.bias.shape == (1,) and not one.bias.any()
    assert one.neuron == Gate(3, 1.0, True, True) and one.neuron.stands_for(Extremum(3))
    assert not one.neuron.stands_for(Extremum(3, largest=False))


def test_windows_too_large_are_named():
    layer = extreme("global", (1, 1, 1), ["stem"], 1, False, (65, 65))
    with pytest.raises(InputError, match=r"layer 'global'.*4,225 others, at most 4,095"):
        gate_layer(layer, {"stem": (65, 65, 1)}, per_unit=True)


def test_times_of_gates_by_hand():
    pooled = extreme("m", (2, 2, 1), ["stem"], 3, window=(2, 2), strides=(2, 2))
    made = network([pooled, alike("a", "m", 2, (2, 2, 1))])
    found = plan(made).times
    # The host sends three levels one after the other; the gate is a step behind.
    first = found["stem"].fires[0]
    assert found["stem"].fires == (first, first + 2)
    assert found["m"].fires == (first + 1, first + 3)
    assert found["a"].released == first + 3 and found["a"].fires == (first + 4, first + 5)
    neurons = neurons_that_wait(made, plan(made))
    assert neurons.layer("stem").neuron == Train(3, 1.0, first)
    fired = neurons.layer("stem").neuron.host_spikes(np.array([1.0, 1.0, -1.0]), first + 3)
    # Two of three levels: nothing, then the second, then the first.
    np.testing.assert_array_equal(fired[first - 1 :].sum(axis=1), [0, 1, 1, 0])


def test_what_a_gate_hears_ends_together():
    layers = [alike("a", "stem", 3), alike("b", "stem", 3), alike("c", "b", 3)]
    both = extreme("m", (4, 4, 1), ["a", "c"], 3)
    times = plan(network([*layers, both])).times
    assert times["a"].fires == times["c"].fires
    # What waits is released later than it could be.
    assert times["a"].released > times["b"].released == times["stem"].fires[1]
    assert times["m"].fires[1] == times["c"].fires[1] + 1


def test_extremes_of_what_follows_from_each_other_hear_relays():
    layers = [alike("a", "stem", 3), alike("b", "a", 3), extreme("m", (4, 4, 1), ["a", "b"], 3)]
    made = network(layers)
    # Without one, no times are right.
    with pytest.raises(InputError, match=r"layer 'm'.*give the first a relay"):
        plan(made)
    relayed = with_relays(made)
    assert [one.name for one in relayed.layers] == ["stem", "a", "b", "a_again", "m"]
    times = plan(relayed).times
    assert times["a_again"].fires == times["b"].fires
    assert relayed.layer("m").sources == ("a_again", "b")
    for code in (RampCode.of(made), ThermometerCode.of(made)):
        np.testing.assert_array_equal(counts(code, made, IMAGE), IMAGE)
    # Nothing is sent again where nothing has to be.
    plain = network([alike("a", "stem", 3), alike("b", "stem", 3), layers[-1]])
    assert with_relays(plain) == plain or len(with_relays(plain).layers) == len(plain.layers)


def test_gates_that_wait_for_each_other_hear_relays_alone():
    """Neither source of a gate follows from the other, and still no delays are right."""
    one, other = ("a", "b"), ("c", "d")
    layers = [
        alike("a", "stem", 3), alike("d", "stem", 3), alike("c", "a", 3), alike("b", "d", 3),
        extreme("m", (4, 4, 1), one, 3), extreme("n", (4, 4, 1), other, 3, largest=False),
        extreme("o", (4, 4, 1), ("m", "n"), 3),
    ]  # fmt: skip
    made = network(layers)
    with pytest.raises(InputError, match="give the first a relay"):
        plan(made)
    code = RampCode.of(made)
    np.testing.assert_array_equal(counts(code, made, IMAGE), IMAGE)
    names = {layer.name for layer in code.neurons(made).chip_layers}
    assert {"a_again", "b_again", "c_again", "d_again"} < names


def test_relays_of_too_many_levels_are_refused_by_name():
    layers = [alike("a", "stem", 101), alike("b", "a", 101)]
    with pytest.raises(InputError, match=r"layer 'a' has 101 levels.*thermometer"):
        RampCode.of(network([*layers, extreme("m", (4, 4, 1), ["a", "b"], 101)]))


@pytest.mark.parametrize("levels", [1, 15, 100])
def test_relays_come_to_what_they_hear(levels):
    image = np.linspace(0, levels, 16).reshape(4, 4).round()
    layers = [alike("b", "stem", levels), extreme("m", (4, 4, 1), ["stem", "b"], levels)]
    made = network(layers, levels=levels)
    np.testing.assert_array_equal(counts(RampCode.of(made), made, image), image)


def test_rates_name_the_codes_that_can():
    made = network([extreme("m", (2, 2, 1), ["stem"], 3, window=(2, 2), strides=(2, 2))])
    rated = tuple(replace(one) for one in made.layers[1:])
    with pytest.raises(InputError, match=r"layer 'm' is the largest.*thermometer or ramp"):
        RateCode().neurons(replace(made, layers=rated))
