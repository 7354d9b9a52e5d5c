"""Clocks of the direct code, against values by hand; what it refuses."""

from dataclasses import replace

import numpy as np
import pytest

from loihiseg.codes.code import Trained
from loihiseg.codes.direct.code import DirectCode
from loihiseg.codes.direct.network import clocked, heard_steps, pulses, silencing
from loihiseg.codes.registry import find, neuron_kinds, suiting
from loihiseg.conversion.leaky import Leaky
from loihiseg.conversion.over_time import depths, own_steps, steps_needed, trains_over_time
from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.conversion.validation import check_network
from loihiseg.errors import InputError
from tests import direct_networks
from tests.direct_networks import layer, leaky, stem


def one(value):
    return np.full((1, 1, 1, 1), float(value))


def by_hand():
    """A unit of two steps, and one of two that hears it and, two steps late, the stem."""
    first = layer("a", (1, 1, 1), {"stem": one(100)}, leaky([[64], [-128]], 6400, 2048))
    second = layer("b", (1, 1, 1), {"a": one(127)}, leaky([[0], [0]], 4096))
    third = layer(
        "c", (1, 1, 1), {"b": one(50), "stem": one(-20)},
        leaky([[64], [128]], 1280, 1024, 11, is_flushed=True),
    )  # fmt: skip
    return LoweredNetwork({"pixels": (1, 1, 1)}, (stem((1, 1, 1)), first, second, third), ("c",))


def test_own_steps_by_hand():
    network = by_hand()
    assert depths(network) == {"stem": 0, "a": 1, "b": 2, "c": 3}
    assert own_steps(network) == {"a": (2, 3), "b": (3, 4), "c": (4, 5)}
    assert steps_needed(network) == 5


def test_trains_by_hand():
    """A current of 0.6 fires in every second step: .6, 1.2, .6, 1.2, ...; 1.1 in every one.

    Of 1.1: a hears 6400 and 64 more, fires; then 6400 - 128. c hears b and the stem, 3200 - 1280,
    and 64 more of the first shift: fires from 37 on, as a flush to -2047 leaves 1535 of 1536; then
    the stem alone: 128 - 1280, no more than its leak has.
    """
    trains = trains_over_time(by_hand(), np.array([0.6, 1.1], np.float32).reshape(2, 1, 1, 1))
    found = {name: own[..., 0, 0, 0].astype(int).tolist() for name, own in trains.items()}
    assert found["stem"] == [[0, 1, 0, 1, 0], [1, 1, 1, 1, 1]]
    assert found["a"] == [[0, 0, 0, 0, 0], [0, 1, 0, 0, 0]]
    assert found["b"] == [[0, 0, 0, 0, 0], [0, 0, 1, 0, 0]]
    assert found["c"] == [[0, 0, 0, 0, 0], [0, 0, 0, 1, 0]]


def sent(network, name):
    """What a layer's clock adds in each step in which it is heard."""
    found = {}
    for pulse in pulses(network.layer(name), network, own_steps(network)):
        for step in pulse.steps:
            found[step + 1] = found.get(step + 1, 0) + int(pulse.weights[0])
    return found


def test_clocks_by_hand():
    """c hears the stem from step 2, its own are 4 and 5. Silenced by 3200 + 1280 + 2047, in 64s."""
    network = by_hand()
    steps = own_steps(network)
    assert heard_steps(network.layer("c"), network, steps) == {2, 3, 4, 5}
    assert heard_steps(network.layer("a"), network, steps) == {2, 3, 4, 5}
    assert silencing(network.layer("c")) == 6528 == 102 * 64
    # 3/4 of 2047 is 1535: 1536 and a start of 1.
    assert network.layer("c").neuron.start == 1
    assert sent(network, "c") == {2: -6528, 3: -6528, 4: 64 + 1536, 5: 128}
    # The stem goes on when a has had its steps: 6400 + 6400.
    assert sent(network, "a") == {2: 64, 3: -128, 4: -12800, 5: -12800}
    assert sent(network, "b") == {}


def test_clocks_are_layers_before_theirs():
    names = [own.name for own in clocked(by_hand()).layers]
    assert names == ["stem", "a_clock", "a_fine_clock", "a", "b", "c_fine_clock", "c"]


def test_what_the_chip_cannot_have_is_refused_by_name():
    network = by_hand()
    with pytest.raises(InputError, match="layer 'c': was trained without something left"):
        clocked(direct_networks.without_flush(network, "c"))
    short = replace(network.layer("a"), neuron=leaky([[64]], 6400, 2048))
    cut = tuple(short if own.name == "a" else own for own in network.layers)
    with pytest.raises(InputError, match=r"layer 'b' hears 'a' in steps 2 to 3.*2 to 2"):
        clocked(replace(network, layers=cut))
    large = replace(network.layer("a"), neuron=leaky([[2**21 - 64]] * 2, 6400, 2048))
    cut = tuple(large if own.name == "a" else own for own in network.layers)
    with pytest.raises(InputError, match="layer 'a': its sums need 2,103,488 in a step"):
        clocked(replace(network, layers=cut))
    named = replace(network.layer("b"), name="a_clock")
    layers = (*network.layers[:2], named)
    with pytest.raises(InputError, match="'a_clock' has the name of a clock"):
        clocked(LoweredNetwork(network.inputs, layers, ("a_clock",)))


@pytest.mark.parametrize("code", ["rate", "ramp", "thermometer"])
def test_other_codes_refuse_it(code):
    kind = find(code)
    assert not kind.suits(Trained(over_time=True))
    with pytest.raises(InputError, match="layer"):
        made = kind.made(kind.usual({}, False), by_hand(), Trained())
        made.neurons(by_hand())


def test_it_suits_what_was_trained_step_by_step():
    assert suiting(Trained(over_time=True)) == (DirectCode,)
    assert neuron_kinds()["leaky"] is Leaky
    code = DirectCode.made({}, by_hand(), Trained(over_time=True))
    assert (code.n_steps, code.answers(by_hand())) == (5, {"c": (4, 5)})
    assert code.rows(by_hand()) == (("steps of the output; of a layer at most", "2; 2"),)
    assert DirectCode.usual({}, looked_at=True) == {"input": "held"}
    with pytest.raises(InputError, match="was not trained step by step; use code rate"):
        from tests import quantized

        DirectCode.made({}, quantized.lowered(), Trained(has_levels=True))


def test_shares_are_spikes_over_own_steps():
    code = DirectCode.made({}, by_hand(), Trained(over_time=True))
    unit = by_hand().layer("c")
    share = np.array([0, 0.5, 1], np.float32)
    np.testing.assert_allclose(code.spikes_per_step(unit, share), [0, 0.2, 0.4])
    np.testing.assert_array_equal(code.activation(unit, code.spikes_per_step(unit, share)), share)


def test_a_host_that_looks_early_sees_a_share_of_the_steps_so_far():
    """The output's own steps are 4 and 5."""
    code = DirectCode.made({}, by_hand(), Trained(over_time=True))
    assert code.first_step == 4
    fired = np.zeros((5, 1, 1, 2), bool)
    fired[3:, ..., 0] = fired[4:, ..., 1] = True
    unit = by_hand().layer("c")
    assert code.looked_at(unit, fired[:4])[0, 0].tolist() == [1, 0]
    assert code.looked_at(unit, fired)[0, 0].tolist() == [1, 0.5]


def test_networks_from_files_have_steps_that_suit_each_other():
    network = by_hand()
    check_network(network, "network")
    longer = replace(network.layer("b"), neuron=leaky([[0]] * 3, 4096))
    layers = tuple(longer if own.name == "b" else own for own in network.layers)
    with pytest.raises(ValueError, match="network: layer 'b' hears 'a' in steps 2 to 4"):
        check_network(replace(network, layers=layers), "network")
    layers = (*network.layers[:2], longer)
    with pytest.raises(ValueError, match="layer 'b' hears 'a'"):
        check_network(LoweredNetwork(network.inputs, layers, ("b",)), "network")
    long = replace(network.layer("a"), neuron=leaky([[0]] * 9, 6400))
    layers = tuple(long if own.name == "a" else own for own in network.layers)
    with pytest.raises(ValueError, match="layer 'a' fires in step 10, of 5"):
        check_network(replace(network, layers=layers), "network")
    with pytest.raises(ValueError, match="direct code of 5 steps, 5 read out from 6 on"):
        DirectCode(5, 5, 6)


@pytest.mark.parametrize(
    "faulty, message",
    [
        ({"threshold": 100}, "no multiples of 64"),
        ({"shifts": ((64, 64),)}, "not of 1 channels"),
        ({"start": 5}, "not what a flush leaves"),
    ],
)
def test_neurons_out_of_range_are_refused(faulty, message):
    neuron = direct_networks.replace_struct(leaky([[64]], 640), **faulty)
    with pytest.raises(ValueError, match=message):
        neuron.check(1)
