"""The percentile penalty: the percentile is numpy's, the loss is the published one."""

from loihiseg.frameworks import tf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from loihiseg.network.regularizers import PercentileFiringRate, channel_percentile

RATES = st.floats(-2000, 2000, width=32)


@settings(max_examples=200, deadline=None)
@given(
    rates=arrays(
        np.float32,
        st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3)),
        elements=RATES,
    ),
    percentile=st.one_of(st.floats(0, 100), st.sampled_from([0, 50, 99.5, 100])),
)
def test_percentile_equals_numpy(rates, percentile):
    ours = channel_percentile(tf.constant(rates), percentile).numpy()
    theirs = np.percentile(rates.astype(np.float64), percentile, axis=(0, 1, 2))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=2e-2)


@pytest.mark.parametrize("percentile", [0, 37.5, 99.5, 99.9, 100])
def test_percentile_of_a_training_batch(percentile):
    rates = np.random.default_rng(3).normal(50, 80, (8, 64, 64, 4)).astype(np.float32)
    ours = channel_percentile(tf.constant(rates), percentile).numpy()
    theirs = np.percentile(rates.astype(np.float64), percentile, axis=(0, 1, 2))
    np.testing.assert_allclose(ours, theirs, rtol=1e-3)


def test_percentile_by_hand():
    # 0, 100, 200, 300: the 90th percentile lies at position 2.7.
    rates = tf.reshape(tf.constant([0.0, 300.0, 200.0, 100.0]), (2, 2, 1))
    assert channel_percentile(rates, 90).numpy().tolist() == pytest.approx([270.0])


def test_gradient_reaches_the_samples_the_percentile_is_read_from():
    rates = tf.constant([[0.0], [300.0], [200.0], [100.0]])
    with tf.GradientTape() as tape:
        tape.watch(rates)
        value = channel_percentile(rates, 90)
    assert tape.gradient(value, rates).numpy().ravel().tolist() == pytest.approx([0, 0.7, 0.3, 0])


def test_works_where_the_batch_size_is_unknown():
    inputs = tf.keras.Input((5, 5, 3))
    model = tf.keras.Model(inputs, channel_percentile(inputs, 75))
    x = np.random.default_rng(0).normal(size=(7, 5, 5, 3)).astype(np.float32)
    np.testing.assert_allclose(model(x), np.percentile(x, 75, axis=(0, 1, 2)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "peaks_hz, loss",
    [
        ([120.0], 0.0),
        ([50.0], 0.0),
        ([200.0], 0.0),
        ([300.0], 0.25),  # (100 / 200)**2
        ([0.0], 1 / 16),  # (50 / 200)**2
        ([-150.0], 1.0),  # below threshold counts on: (200 / 200)**2
        ([120.0, 300.0], 0.125),  # mean over channels
    ],
)
@pytest.mark.parametrize("weight", [1.0, 0.1])
def test_loss_by_hand(peaks_hz, loss, weight):
    currents = np.full((3, 4, 4, len(peaks_hz)), -500.0, np.float32)
    currents[1, 2, 3] = peaks_hz
    penalty = PercentileFiringRate(100, 50, 200, weight)
    assert float(penalty(tf.constant(currents))) == pytest.approx(weight * loss, rel=1e-6)


def published(rates_hz, percentile, low_hz, high_hz):
    """The percentile of each neuron over examples, squared distance to the range (Patel 2021)."""
    value = np.percentile(rates_hz, percentile, axis=0)
    return np.square(np.maximum(low_hz - value, 0) + np.maximum(value - high_hz, 0))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    percentile=st.floats(0, 100),
    low_hz=st.floats(0, 100),
    width_hz=st.floats(1, 200),
)
def test_agrees_with_the_published_definition(seed, percentile, low_hz, width_hz):
    rates = np.random.default_rng(seed).gamma(1.0, 120.0, (40, 6)).astype(np.float32)
    high_hz = low_hz + width_hz
    ours = float(PercentileFiringRate(percentile, low_hz, high_hz)(tf.constant(rates)))
    theirs = published(rates.astype(np.float64), percentile, low_hz, high_hz).mean() / high_hz**2
    assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-6)


def test_positions_of_a_channel_are_pooled():
    rng = np.random.default_rng(1)
    image = rng.gamma(1.0, 120.0, (4, 8, 8, 3)).astype(np.float32)
    penalty = PercentileFiringRate(95, 50, 200)
    pooled = image.reshape(-1, 3)
    rng.shuffle(pooled, axis=0)
    assert float(penalty(tf.constant(image))) == pytest.approx(float(penalty(tf.constant(pooled))))


def test_phases_of_a_transposed_convolution_are_pooled_apart():
    """Each position of the stride has weights of its own: one loud phase must not hide a quiet."""
    currents = np.zeros((2, 4, 6, 1), np.float32)
    currents[:, ::2, ::2] = 150.0  # phase 0, 0
    currents[:, ::2, 1::2] = 20.0  # phase 0, 1: 30 below the range
    currents[:, 1::2, ::2] = 100.0
    currents[:, 1::2, 1::2] = 250.0  # 50 above it
    values = channel_percentile(tf.constant(currents), 100, phases=2).numpy()
    assert sorted(values) == [20.0, 100.0, 150.0, 250.0]
    apart = float(PercentileFiringRate(100, 50, 200, phases=2)(tf.constant(currents)))
    assert apart == pytest.approx(((30 / 200) ** 2 + (50 / 200) ** 2) / 4)
    together = float(PercentileFiringRate(100, 50, 200)(tf.constant(currents)))
    assert together == pytest.approx((50 / 200) ** 2)


def test_impossible_phases():
    with pytest.raises(ValueError, match="at least 1"):
        PercentileFiringRate(99, phases=0)


def test_a_dead_channel_is_revived():
    currents = tf.constant(np.linspace(-300, -20, 24).reshape(2, 3, 4, 1), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(currents)
        loss = PercentileFiringRate(99.5, 50, 200)(currents)
    slope = tape.gradient(loss, currents).numpy()
    assert slope.min() < 0 and slope.max() == 0  # a step down the gradient raises currents
    layer_weights = tf.Variable(-tf.ones((1, 1)))
    images = tf.ones((5, 1))
    for _ in range(200):
        with tf.GradientTape() as tape:
            loss = PercentileFiringRate(99.5, 50, 200)(100 * images @ layer_weights)
        layer_weights.assign_sub(0.5 * tape.gradient(loss, layer_weights))
    assert 45 <= 100 * float(layer_weights[0, 0]) <= 205


def test_config_round_trip():
    penalty = PercentileFiringRate(97.5, 20, 120, 0.4, 3)
    copy = PercentileFiringRate.from_config(penalty.get_config())
    assert copy.get_config() == penalty.get_config()
    stored = tf.keras.regularizers.serialize(penalty)
    copy = tf.keras.regularizers.deserialize(stored)
    assert type(copy) is PercentileFiringRate and copy.get_config() == penalty.get_config()


@pytest.mark.parametrize("percentile", [-0.1, 100.1, float("nan")])
def test_impossible_percentile(percentile):
    with pytest.raises(ValueError, match="not in \\[0, 100\\]"):
        PercentileFiringRate(percentile)


@pytest.mark.parametrize(
    "low, high", [(-1, 5), (5, 1), (0, 0), (float("nan"), 5), (0, float("nan"))]
)
def test_impossible_range(low, high):
    with pytest.raises(ValueError, match="is empty"):
        PercentileFiringRate(99, low, high)
