"""U-Nets over time: shapes, names, and the chip's form against plain integers."""

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.errors import InputError
from loihiseg.network.config import UNetConfig
from loihiseg.network.unet import build_unet
from loihiseg.through_time.folding import fold
from loihiseg.through_time.settings import Dynamics, ThroughTime, check_on_chip
from loihiseg.through_time.unet import SPIKES, build_through_time

CONFIG = UNetConfig(tile=16, channels=(3, 4), convs_down=(1, 1), convs_up=(1,), stem_channels=2)


def randomized(model, seed=0):
    """Weights at random, variances above 0."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        value = rng.normal(0.1, 0.4, weight.shape)
        if "gamma" in weight.name or "variance" in weight.name:
            value = rng.uniform(0.5, 1.5, weight.shape)
        weight.assign(value)
    return model


def trains(model, pixels):
    """Spikes by layer, (batch * steps, rows, columns, channels)."""
    layers = [x for x in model.layers if x.name.endswith(SPIKES)]
    inner = tf.keras.Model(model.inputs, [x.output for x in layers])
    found = inner(pixels, training=False)
    return {x.name.removesuffix(SPIKES): part.numpy() for x, part in zip(layers, found)}


def pixels(seed=0, count=2):
    return np.random.default_rng(seed).normal(0, 1, (count, 16, 16, 1)).astype(np.float32)


@pytest.mark.parametrize(
    "normalization, delayed",
    [("none", True), ("shared", True), ("shift", True), ("bntt", True), ("bntt", False)],
)
def test_networks_take_a_gradient(normalization, delayed):
    """Maps have the size of their pixels; every weight that is trained hears of the loss."""
    time = ThroughTime(3, delayed, normalization)
    model = randomized(build_through_time(CONFIG, time))
    with tf.GradientTape() as tape:
        logits = model(pixels(), training=True)
        loss = tf.reduce_mean(tf.square(logits - 1.0))
    assert logits.shape == (2, 16, 16, 1)
    found = tape.gradient(loss, model.trainable_variables)
    silent = [v.name for v, g in zip(model.trainable_variables, found) if g is None]
    assert silent == []
    assert all(np.isfinite(g).all() for g in found)


def test_kernels_are_those_of_the_plain_network():
    """Under their names, so that training can start from it."""
    ours = {w.name: w.shape for w in build_through_time(CONFIG, ThroughTime(2)).weights}
    for weight in build_unet(CONFIG).weights:
        if "kernel" in weight.name or "readout" in weight.name:
            assert ours[weight.name] == weight.shape


@pytest.mark.parametrize("normalization", ["none", "shift"])
def test_folded_networks_compute_the_same_but_for_rounding(normalization):
    """Few spikes differ by the rounding of weights to 127 steps; with finer ones none would."""
    time = ThroughTime(4, normalization=normalization, dynamics=Dynamics(512, 0.0))
    before = randomized(build_through_time(CONFIG, time), 5)
    after = build_through_time(CONFIG, time, form="chip")
    fold(before, after)
    images = pixels(1)
    ours, theirs = trains(before, images), trains(after, images)
    np.testing.assert_array_equal(ours["stem"], theirs["stem"])
    differ = np.mean(ours["encode0_0"] != theirs["encode0_0"])
    assert ours["encode0_0"].mean() > 0.02 and differ < 0.02


def test_scales_that_differ_from_step_to_step_are_refused():
    before = build_through_time(CONFIG, ThroughTime(2, normalization="bntt"))
    after = build_through_time(CONFIG, ThroughTime(2), form="chip")
    with pytest.raises(InputError, match=r"encode0_0.*scales differ from step to step"):
        fold(before, after)
    with pytest.raises(InputError, match=r"each step.*subtraction.*are sent"):
        check_on_chip(ThroughTime(2, False, "bntt", Dynamics(reset="soft")))
    check_on_chip(ThroughTime(2))


@pytest.mark.parametrize("floor", [0.0, -1.0])
def test_the_chips_form_is_plain_integers(floor):
    """Step by step in 64-bit integers, as the chip computes: every spike of every layer."""
    time = ThroughTime(4, dynamics=Dynamics(512, floor))
    model = randomized(build_through_time(CONFIG, time, form="chip"), 7)
    found = trains(model, pixels(2))
    spikes = {name: part.reshape(2, -1, *part.shape[1:]) for name, part in found.items()}
    lags = {"decode0_0": {"up0": 0, "encode0_0": 3}}
    sources = {"encode0_0": ["stem"], "down1": ["encode0_0"], "encode1_0": ["down1"],
               "up0": ["encode1_0"], "decode0_0": ["up0", "encode0_0"]}  # fmt: skip
    for name, heard in sources.items():
        layer = model.get_layer(name)
        own = model.get_layer(name + SPIKES).integers
        n_steps = spikes[name].shape[1]
        parts = [
            spikes[source][:, (lag := lags.get(name, {}).get(source, 0)) : lag + n_steps]
            for source in heard
        ]
        x = np.concatenate(parts, axis=-1).reshape(-1, *parts[0].shape[2:4], sum(
            part.shape[-1] for part in parts))  # fmt: skip
        kernel = layer.mantissas.numpy().astype(np.float64)
        assert np.abs(kernel).max() == 127
        if name == "up0":
            total = tf.nn.conv2d_transpose(
                x.astype(np.float64), kernel, (len(x), 8, 8, 3), 2, "VALID"
            )
        else:
            total = tf.nn.conv2d(x.astype(np.float64), kernel, layer.strides, "SAME")
        total = np.rint(total.numpy()).astype(np.int64).reshape(spikes[name].shape)
        shift = model.get_layer(name + "_shift").shift.numpy() / float(own.unit)
        total = 64 * (total + np.rint(shift).astype(np.int64)[:, None, None])
        threshold, lowest, start = (int(x) for x in (own.threshold, own.floor, own.start))
        assert threshold == 64 * round(1 / float(own.unit))
        assert (start > 0) <= (name == "decode0_0" and floor < 0) and 0 <= start < 64
        v = np.zeros(total[:, 0].shape, np.int64)
        for t in range(n_steps):
            kept = np.sign(v) * (np.abs(v) * 3584 >> 12) if t else start
            u = np.maximum(kept + total[:, t], lowest)
            np.testing.assert_array_equal(spikes[name][:, t], u > threshold, f"{name} step {t}")
            v = np.where(u > threshold, 0, u)
        assert 0.01 < spikes[name].mean() < 0.99
