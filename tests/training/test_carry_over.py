"""Folding is exact; scales come out as hand and exhaustive search say."""

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.network.config import UNetConfig
from loihiseg.network.folding import fold_batch_norm
from loihiseg.network.quantized import QuantizedReLU
from loihiseg.network.unet import ChipEffects, build_unet
from loihiseg.training.carry_over import best_scale, carry_over

NETWORK = {"tile": 16, "channels": (2, 3), "convs_down": (1, 1), "convs_up": (2,)}
PIXELS = np.random.default_rng(0).normal(size=(4, 16, 16, 1)).astype(np.float32)


def unet(seed=0, effects=None, **changes):
    """A U-Net with every weight random, means and variances of normalizations too."""
    model = build_unet(UNetConfig(**NETWORK, **changes), effects=effects or ChipEffects())
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        positive = "variance" in weight.name or "alpha" in weight.name
        value = rng.uniform(0.5, 2, weight.shape) if positive else rng.normal(0, 0.7, weight.shape)
        weight.assign(value)
    return model


def test_folding_by_hand():
    weights = {
        "a/kernel:0": np.array([[[[1.0, 2.0]]]], np.float32),
        "a/bias:0": np.array([1.0, 0.0], np.float32),
        "a_norm/gamma:0": np.array([3.0, 1.0], np.float32),
        "a_norm/beta:0": np.array([0.5, 0.0], np.float32),
        "a_norm/moving_mean:0": np.array([2.0, -1.0], np.float32),
        "a_norm/moving_variance:0": np.array([3.0, 0.0], np.float32),
        "b/bias:0": np.ones(1, np.float32),
    }
    folded = fold_batch_norm(weights, 1.0)
    assert set(folded) == {"a/kernel:0", "a/bias:0", "b/bias:0"}
    # Factors 3 / 2 and 1 / 1.
    np.testing.assert_array_equal(folded["a/kernel:0"], [[[[1.5, 2.0]]]])
    np.testing.assert_array_equal(folded["a/bias:0"], [1.5 * (1 - 2) + 0.5, 1.0])


@pytest.mark.parametrize("levels", [0, 3])
def test_folded_network_gives_the_same(levels):
    """Ideal units pass rounding on; of steps a few may fall on the other side."""
    effects = ChipEffects(staircase=False)
    old = unet(1, effects, levels=levels, batch_norm=True)
    new = unet(2, effects, levels=levels)
    carry_over(old, new, PIXELS)
    difference = np.abs(old(PIXELS) - new(PIXELS))
    largest = np.abs(old(PIXELS)).max()
    if levels:
        assert np.mean(difference > 1e-4 * largest) < 0.01
    else:
        assert difference.max() < 1e-5 * largest
    assert [w.name for w in new.weights] == [w.name for w in unet(levels=levels).weights]


def test_normalizations_that_come_in_change_nothing():
    """At inference; in training they see the same mean and variance in the same crops."""
    effects = ChipEffects(staircase=False)
    old, new = unet(1, effects), unet(2, effects, batch_norm=True)
    carry_over(old, new, PIXELS)
    largest = np.abs(old(PIXELS)).max()
    assert np.abs(old(PIXELS) - new(PIXELS)).max() < 1e-4 * largest
    assert np.abs(old(PIXELS) - new(PIXELS, training=True)).max() < 1e-3 * largest


def test_weights_are_kept_and_scales_fitted():
    old, new = unet(1), unet(2, levels=(31, 15, 7, 3, 2, 1, 1))
    carry_over(old, new, PIXELS)
    values = {w.name: w.numpy() for w in old.weights}
    for weight in new.weights:
        if weight.name in values:
            np.testing.assert_array_equal(weight, values[weight.name])
    stem = old.get_layer("stem_spikes")
    x, y = tf.keras.Model(old.inputs, [stem.input, stem.output])(PIXELS)
    assert float(new.get_layer("stem_spikes").scale) == pytest.approx(best_scale(x, y, 31))


def test_scales_of_equal_levels_are_kept():
    old = unet(1, levels=(7, 7, 3, 3, 3, 3, 3))
    new = unet(2, levels=3)
    carry_over(old, new, PIXELS)
    kept = [
        float(a.scale) == float(b.scale)
        for a, b in zip(old.layers, new.layers)
        if isinstance(a, QuantizedReLU)
    ]
    assert kept[2:] == [True] * 5 and not kept[0]


@pytest.mark.parametrize("levels", [1, 2, 3, 15])
def test_best_scale_is_near_the_exhaustive_best(levels):
    x = np.random.default_rng(levels).normal(0.3, 1, 4000).astype(np.float32)
    y = np.maximum(x, 0)

    def error(alpha):
        step = alpha / levels
        return np.mean((step * np.clip(np.floor(x / step + 0.5), 0, levels) - y) ** 2)

    fine = min(np.linspace(0.05, 6, 3000), key=error)
    assert error(best_scale(x, y, levels)) <= 1.02 * error(fine)


def test_layer_that_is_silent_gets_some_scale():
    assert best_scale(np.full(10, -1.0), np.zeros(10), 3) == 1.0
