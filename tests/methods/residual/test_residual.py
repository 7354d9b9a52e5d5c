"""Residual blocks: gates by hand, what each layer hears, and heads that are one."""

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.errors import InputError
from loihiseg.methods.residual.blocks import with_blocks
from loihiseg.network.config import UNetConfig
from loihiseg.through_time.folding import fold
from loihiseg.through_time.layers import AddedSpikes, Gate
from loihiseg.through_time.neuron import spike_trains
from loihiseg.through_time.settings import Dynamics, ThroughTime, check_on_chip
from loihiseg.through_time.structure import ADDED, MEMBRANE, timed, wires
from loihiseg.through_time.unet import build_through_time

PLAIN = UNetConfig(tile=16, channels=(2, 3), convs_down=(1, 1), convs_up=(1,), stem_channels=2)
CONFIG = with_blocks(PLAIN, 1)
HEARD, OWN = [1.0, 0, 1, 1], [1.0, 1, 0, 1]


@pytest.mark.parametrize(
    "rule, expected", [("and", [1, 0, 0, 1]), ("iand", [0, 0, 1, 0]), ("or", [1, 1, 1, 1])]
)
def test_gates_by_hand(rule, expected):
    assert Gate(rule)([tf.constant(OWN), tf.constant(HEARD)]).numpy().tolist() == expected


def test_spikes_before_the_threshold_count_one_each():
    assert AddedSpikes()([tf.constant([0.25, -1]), tf.constant([1.0, 2])]).numpy().tolist() == [
        1.25, 1,
    ]  # fmt: skip
    # A threshold of 300 units is 150 steps of 2, of which there are 127: steps of 4, 75 of them.
    assert float(AddedSpikes(lambda: tf.constant(1 / 300)).units) == 300
    assert float(AddedSpikes(lambda: tf.constant(1 / 301)).units) == 300
    assert float(AddedSpikes(lambda: tf.constant(1 / 100)).units) == 100


def test_blocks_by_hand():
    """Two more convolutions at each depth, behind the one that arrives; none where it is read."""
    assert CONFIG.convs_down == (3, 2) and CONFIG.convs_up == (1,)
    deeper = with_blocks(UNetConfig(channels=(2, 3, 4)), 2)
    assert deeper.convs_down == (5, 4, 4) and deeper.convs_up == (1, 5)
    with pytest.raises(InputError, match="0 residual blocks"):
        with_blocks(PLAIN, 0)


def heard(residual):
    return {one.name: (one.sources, one.slots) for one in wires(CONFIG, residual)}


def test_what_layers_hear():
    plain, added = heard("none"), heard("add")
    assert plain["down1"] == (("encode0_2",), (0,))
    assert added["encode0_2"] == (("encode0_1",), (0,))
    assert added["down1"] == (("encode0_2", "encode0_0"), (0, 0))
    assert added["up0"] == (("encode1_1", "down1"), (0, 0))
    assert added["decode0_0"] == (("up0", "encode0_2", "encode0_0"), (0, 1, 1))
    before = heard("before")
    assert before["encode0_2"] == (("encode0_1", "encode0_0"), (0, ADDED))
    assert before["down1"] == plain["down1"]
    membrane = heard("membrane")
    assert membrane["encode0_2"] == (("encode0_1", "encode0_0"), (0, MEMBRANE))
    assert membrane["down1"] == plain["down1"]
    gated = heard("iand")
    assert gated["encode0_2_iand"] == (("encode0_2", "encode0_0"), (0, 1))
    assert gated["decode0_0"] == (("up0", "encode0_2_iand"), (0, 1))


def test_shortcuts_wait_for_their_block():
    """The two convolutions take two steps; a gate is one more layer."""
    added = {one.name: one for one in timed(wires(CONFIG, "add"), 3)}
    assert added["down1"].lags == (0, 2)
    membrane = {one.name: one for one in timed(wires(CONFIG, "membrane"), 3)}
    # Currents are there in the step itself.
    assert membrane["encode0_2"].lags == (0, 2) and added["encode0_2"].lags == (0,)
    undelayed = timed(wires(CONFIG, "membrane"), 3, delayed=False)
    assert {lag for one in undelayed for lag in one.lags} == {0}
    gated = {one.name: one for one in timed(wires(CONFIG, "or"), 3)}
    assert gated["encode0_2_or"].lags == (0, 2)
    assert gated["down1"].depth == added["down1"].depth + 1


def test_networks_without_blocks_are_refused():
    with pytest.raises(InputError, match="there are none; use more convolutions"):
        wires(PLAIN, "add")


@pytest.mark.parametrize("blocks, delayed", [(1, True), (2, True), (2, False)])
def test_currents_pass_blocks_that_are_silent(blocks, delayed):
    """With kernels of 0 in a block what follows it fires as what it heard, by the same currents."""
    config = with_blocks(PLAIN, blocks)
    time = ThroughTime(3, delayed, "none", Dynamics(512, -1.0), "membrane")
    model = build_through_time(config, time)
    rng = np.random.default_rng(4)
    inside = [f"encode0_{i}" for i in range(1, 1 + 2 * blocks)]
    for weight in model.weights:
        silent = weight.name.split("/")[0].removesuffix("_norm") in inside
        weight.assign(np.zeros(weight.shape) if silent else rng.normal(0.1, 0.5, weight.shape))
    layers = [model.get_layer(f"{name}_spikes") for name in ("encode0_0", inside[-1])]
    inner = tf.keras.Model(model.inputs, [layer.output for layer in layers])
    pixels = rng.normal(0, 1, (1, 16, 16, 1)).astype(np.float32)
    first, last = (found.numpy() for found in inner(pixels))
    steps = {one.name: one for one in timed(wires(config, "membrane"), 3, delayed)}
    lag = 2 * blocks * delayed
    currents = tf.keras.Model(model.inputs, model.get_layer("encode0_0_norm").output)(pixels)
    own = currents.numpy()[lag : lag + steps[inside[-1]].steps]
    np.testing.assert_array_equal(
        last, spike_trains(tf.constant(own)[None], time.dynamics)[0].numpy()
    )
    assert 0.01 < last.mean() < 0.99 and 0.01 < first.mean()


def test_the_chip_has_no_currents_that_pass():
    time = ThroughTime(2, residual="membrane")
    with pytest.raises(InputError, match="currents that pass a layer by"):
        check_on_chip(time)
    with pytest.raises(InputError, match="currents that pass a layer by"):
        build_through_time(CONFIG, time, form="chip")


@pytest.mark.parametrize("residual", ["add", "before", "membrane", "and", "iand", "or"])
def test_gradients_reach_every_weight(residual):
    model = build_through_time(CONFIG, ThroughTime(2, residual=residual, heads=3))
    pixels = np.random.default_rng(0).normal(0, 1, (1, 16, 16, 1)).astype(np.float32)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(model(pixels, training=True) - 1.0))
    found = tape.gradient(loss, model.trainable_variables)
    assert all(gradient is not None for gradient in found)


def test_heads_are_one_when_folded():
    time = ThroughTime(2, heads=4)
    before = build_through_time(PLAIN, time)
    rng = np.random.default_rng(1)
    for weight in before.get_layer("readout").weights:
        weight.assign(rng.normal(0, 1, weight.shape))
    after = build_through_time(PLAIN, time, form="chip")
    fold(before, after)
    spikes = rng.random((1, 8, 8, 2)).astype(np.float32)
    mean = before.get_layer("readout")(spikes).numpy().mean(axis=-1, keepdims=True)
    np.testing.assert_allclose(after.get_layer("readout")(spikes), mean, atol=1e-5)
