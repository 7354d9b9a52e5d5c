"""Networks over time that go on with fewer steps, or with rests."""

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.network.config import UNetConfig
from loihiseg.through_time.fewer_steps import can_go_on, last_steps
from loihiseg.through_time.settings import Dynamics, ThroughTime
from loihiseg.through_time.unet import SPIKES, build_through_time

CONFIG = UNetConfig(tile=16, channels=(3, 4), convs_down=(1, 1), convs_up=(1,), stem_channels=2)


def test_what_can_go_on():
    four = ThroughTime(4)
    assert can_go_on(four, four) and can_go_on(four, ThroughTime(2, rests=True))
    assert can_go_on(four, ThroughTime(4, dynamics=Dynamics(0)))
    assert not can_go_on(four, ThroughTime(5))
    assert not can_go_on(four, ThroughTime(4, normalization="none"))
    assert not can_go_on(ThroughTime(4, rests=True), four)


@pytest.mark.parametrize("form, part", [("chip", "shift/shift"), ("normalized", "norm/beta")])
def test_last_steps_by_hand(form, part):
    """encode0_0 has 5 of 2 steps and the 4 last of them of 1: idle in two, so back in the last."""
    before, after = ThroughTime(2), ThroughTime(1, rests=True)
    model = build_through_time(CONFIG, before, form=form)
    rng = np.random.default_rng(0)
    weights = {w.name: rng.normal(0, 1, w.shape).astype(np.float32) for w in model.weights}
    found = last_steps(weights, CONFIG, before, after, form)
    name = f"encode0_0_{part}:0"
    expected = weights[name][1:].copy()
    expected[3] += 0.875
    np.testing.assert_allclose(found[name], expected, rtol=1e-6)
    np.testing.assert_array_equal(found[f"up0_{part}:0"], weights[f"up0_{part}:0"][1:])
    np.testing.assert_array_equal(found["down1/kernel:0"], weights["down1/kernel:0"])
    small = build_through_time(CONFIG, after, form=form)
    assert {w.name: w.shape for w in small.weights} == {n: v.shape for n, v in found.items()}


@pytest.mark.parametrize("form", ["normalized", "chip"])
def test_resting_layers_are_silent_and_start_from_their_floor(form):
    """Currents of 1.1 thresholds: without a rest a spike each step; a step after one 1.1 - 7/8."""
    time = ThroughTime(1, normalization="none", rests=True)
    model = build_through_time(CONFIG, time, form=form)
    for weight in model.weights:
        is_shift = weight.name.endswith(("shift:0", "beta:0"))
        weight.assign(np.full(weight.shape, 1.1 * is_shift + 1e-3 * ("kernel" in weight.name)))
    inner = tf.keras.Model(model.inputs, model.get_layer("encode0_0" + SPIKES).output)
    spikes = inner(np.zeros((1, 16, 16, 1), np.float32)).numpy()
    assert spikes.mean(axis=(1, 2, 3)).tolist() == [1, 0, 0, 0]
    assert model.get_layer("encode0_0" + SPIKES).idle == (1, 2)
