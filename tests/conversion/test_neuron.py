"""What neurons answer for themselves."""

import msgspec
import numpy as np
import pytest

from loihiseg.codes import registry
from loihiseg.compilation.kept_network import KeptLayer, KeptNetwork, kept
from loihiseg.conversion import neuron_kinds, stepwise
from loihiseg.conversion.monotone import Monotone
from loihiseg.conversion.neuron import THRESHOLD, ChipLayer, Neuron, summed
from loihiseg.conversion.neuron_kinds import Extremum, Memoryless, Quantized, Rectified
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer, neuron_bias
from loihiseg.conversion.stepwise import FloatActivation, Stepwise
from loihiseg.storage.records import put_together, taken_apart

KINDS = (*neuron_kinds.KINDS, *stepwise.KINDS)

EVERY = (
    Rectified(),
    Rectified(True),
    Quantized(3, 0.5),
    Extremum(3, 0.5, False, 0.25),
    Memoryless(3, 0.5, (1, 4), -0.5),
    FloatActivation(Monotone("elu", (0.5,))),
    Stepwise(2, 0.5, -0.25, ((-0.5, 0.25, -1e30), (0.75, 0.5, 1e30))),
)


def test_every_kind_is_tried():
    assert {type(neuron) for neuron in EVERY} == set(KINDS)


@pytest.mark.parametrize("neuron", EVERY, ids=repr)
def test_numpy_and_keras_say_the_same(neuron):
    from loihiseg.frameworks import tf

    rng = np.random.default_rng(0)
    total = rng.normal(0.3, 1, (2, 4, 4, 3)).astype(np.float32)
    for staircase in (None, False, True):
        ours = neuron.activation(total, 120.0, staircase)
        theirs = neuron.keras_activation(tf.constant(total), 120.0, staircase).numpy()
        assert ours.dtype == np.float32 and ours.shape == total.shape
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
        np.testing.assert_allclose(
            neuron.represented(ours), neuron.keras_represented(tf.constant(theirs)), rtol=1e-6
        )
    assert neuron.represented(ours).shape == (2, 4, 4, 3 // neuron.per_channel)


def test_activations_by_hand():
    total = np.array([-1, 0.2, 0.25, 0.3, 1.3, 9], np.float32)
    np.testing.assert_allclose(Rectified().activation(total, 100.0), [0, 0.2, 0.25, 0.3, 1.3, 9])
    # At 100 Hz a step of 1 ms: 20 Hz fire every 50 steps, 25 Hz every 40, 30 Hz every 34.
    stairs = Rectified().activation(total, 100.0, staircase=True)
    np.testing.assert_allclose(stairs, [0, 0.2, 0.25, 10 / 34, 10 / 8, 10 / 2], rtol=1e-6)
    np.testing.assert_allclose(Rectified(True).activation(total, 100.0), stairs)
    levels = Quantized(3, 0.5).activation(total, 100.0)
    np.testing.assert_allclose(levels, [0, 0, 0.5, 0.5, 1.5, 1.5])
    np.testing.assert_array_equal(Memoryless(1).activation(total, 100.0), [0, 1, 1, 1, 1, 1])
    on = np.array([[1, 1, 0, 1, 0, 0]], np.float32)
    np.testing.assert_allclose(Memoryless(3, 0.5).represented(on), [[1.0, 0.5]])
    np.testing.assert_array_equal(summed(on.astype(int), 2), [[2, 1, 0]])


def test_spikes_on_the_host_by_hand():
    current = np.array([-5.0, 0.0, 400.0, 1001.0])
    found = Rectified().host_spikes(current, 4)
    # 0.4 a step: 0.4, 0.8, 1.2 fires and starts anew.
    np.testing.assert_array_equal(found, [[0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 1, 1], [0, 0, 0, 1]])
    brief = Memoryless(2, active_steps=(2, 4))
    np.testing.assert_array_equal(brief.schedule(5), [0, 1, 0, 1, 0])
    np.testing.assert_array_equal(
        brief.host_spikes(current, 4), [[0] * 4, [0, 0, 1, 1], [0] * 4, [0, 0, 1, 1]]
    )
    assert Memoryless(2).host_spikes(current, 2).sum() == 4


def test_thresholds_are_in_the_bias_on_the_chip_alone():
    def layer(neuron, on_host):
        bias = np.array([0.5, -0.25], np.float32)
        return SpikingLayer("a", (1, 1, 2), (), bias, 1000.0, on_host, neuron)

    for neuron, on_host, above in [
        (Rectified(), True, 0), (Rectified(), False, 0),
        (Memoryless(2), True, 0), (Memoryless(2), False, THRESHOLD),
    ]:  # fmt: skip
        found = neuron_bias(layer(neuron, on_host))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, np.array([0.5, -0.25]) + above, rtol=1e-6)


def test_integers_mean_by_hand():
    chip = ChipLayer(
        weights=(np.array([[[[128.0, -64.0]]]], np.float32),),
        channels=(np.arange(2),),
        bias=np.array([100.0, 20.0]),
        threshold=np.array([640.0, 320.0]),
        current_scale=np.array([64.0, 32.0]),
        bias_scale=np.array([10.0, 10.0]),
        voltage_scale=np.array([0.5, 0.4]),
        sources_hz=(1000.0,),
        dt_s=0.001,
    )
    # 1000 becomes 500 and 400, the threshold is 640 and 320: input counts 500/640 and 400/320.
    weights, bias = Rectified().meant(chip)
    np.testing.assert_allclose(weights[0].ravel(), [2 * 500 / 640, -2 * 400 / 320])
    np.testing.assert_allclose(bias, [10 * 500 / 640, 2 * 400 / 320])
    # A threshold of 1 became 640 and 320, which in biases is 64 and 32.
    weights, bias = Memoryless(2).meant(chip)
    np.testing.assert_allclose(weights[0].ravel(), [2, -2])
    np.testing.assert_allclose(bias, [10 + 1 - 64, 2 + 1 - 32])


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_kept_by_its_tag_and_found_again(kind):
    (neuron, *_) = (one for one in EVERY if type(one) is kind)
    layer = SpikingLayer("a", (1, 1, 3), (), np.zeros(3, np.float32), 1.0, False, neuron)
    network = LoweredNetwork({"pixels": (1, 1, 1)}, (layer,), ("a",))
    plain, arrays = taken_apart(kept(network))
    plain = msgspec.json.decode(msgspec.json.encode(plain))
    known = [kind.__struct_config__.tag for kind in KINDS]
    assert plain["layers"][0]["neuron"]["type"] in known
    kinds = {Neuron: registry.neuron_kinds()}
    assert put_together(plain, arrays, KeptNetwork, kinds).layers[0].neuron == neuron


@pytest.mark.parametrize(
    "neuron, says",
    [
        ({"type": "slope"}, "type 'slope' is none of rectified, quantized, extremum, memoryless"),
        ({}, "type 'None' is none of"),
        ([], "type 'None' is none of"),
        ({"type": ["rectified"]}, "is none of"),
        ({"type": "quantized"}, "missing required field"),
        ({"type": "quantized", "levels": 0, "level_value": 1.0}, "`int` >= 1"),
        ({"type": "rectified", "staircase": True, "levels": 2}, "unknown field `levels`"),
        ({"type": "rectified"}, "staircase is none of this format"),
        ({"type": "memoryless", "levels": 1, "level_value": -1.0, "active_steps": None}, "> 0"),
    ],
)
def test_a_kind_that_is_none_is_refused(neuron, says):
    layer = SpikingLayer("a", (1, 1, 3), (), np.zeros(3, np.float32), 1.0, False, Rectified())
    plain, arrays = taken_apart(layer)
    plain = msgspec.json.decode(msgspec.json.encode(plain)) | {"neuron": neuron}
    with pytest.raises(ValueError) as error:
        put_together(plain, arrays, KeptLayer, {Neuron: registry.neuron_kinds()})
    assert says in str(error.value)


def test_values_out_of_range_and_layers_that_do_not_suit():
    for neuron, channels, says in [
        (Quantized(0), 4, "has 0 levels, expected 1 to 65536"),
        (Quantized(2, 0.0), 4, "level_value is 0.0, expected above 0"),
        (Memoryless(3), 4, "4 neurons are not of 3 levels"),
        (Memoryless(2, active_steps=(2, 1)), 4, "active steps are not ascending"),
        (Memoryless(2, active_steps=(0,)), 4, "active steps are not ascending from 1"),
    ]:
        with pytest.raises(ValueError, match=says):
            neuron.check(channels)
    for neuron in EVERY:
        neuron.check(3)


def test_what_stands_for_what():
    rates, levels, three = Rectified(), Quantized(3), Memoryless(3)
    assert rates.stands_for(Rectified(True)) and not rates.stands_for(levels)
    assert three.stands_for(levels) and not three.stands_for(Quantized(2))
    assert not three.stands_for(rates) and not levels.stands_for(levels)
    assert [one.is_activation for one in (rates, levels, three)] == [True, True, False]


def test_levels_have_no_neurons_until_a_code_gives_them():
    for ask in (
        lambda: Quantized(2).nengo_type(False),
        lambda: Quantized(2).host_spikes(np.zeros(1), 1),
        lambda: Quantized(2).membrane(),
    ):
        with pytest.raises(TypeError, match="a neural code gives those"):
            ask()
