"""Normalizations over time, against the equations in plain numpy."""

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.through_time.layers import Spikes
from loihiseg.through_time.normalization import EPSILON, NormalizationOverTime
from loihiseg.through_time.settings import Dynamics

BATCH, STEPS, SHAPE = 3, 4, (5, 6, 2)


def currents(seed=0):
    """(batch, steps, rows, columns, channels), each step and channel of a mean of its own."""
    rng = np.random.default_rng(seed)
    found = rng.normal(0, 1, (BATCH, STEPS, *SHAPE))
    found = found * rng.uniform(0.5, 2, (STEPS, 1, 1, 2)) + rng.normal(0, 1, (STEPS, 1, 1, 2))
    return found.astype(np.float32)


def layer_of(kind, seed=1):
    """With weights at random."""
    rng = np.random.default_rng(seed)
    layer = NormalizationOverTime(kind, STEPS)
    layer.build(tf.TensorShape((None, *SHAPE)))
    for weight in layer.weights:
        weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    return layer


def normalized(layer, values, training):
    merged = values.reshape(-1, *SHAPE)
    return layer(merged, training=training).numpy().reshape(values.shape)


def transcribed(kind, y, gamma, beta, mean, variance):
    """The equations, a step and a channel at a time; of the batch where no mean is given."""
    found = np.zeros_like(y, np.float64)
    of_steps = [[y[:, t, ..., c].var() for c in range(2)] for t in range(STEPS)]
    for t in range(STEPS):
        for c in range(2):
            part = y[:, t, ..., c].astype(np.float64)
            own = 0 if kind == "shared" else t
            if mean is None:
                mu = (y[..., c] if kind == "shared" else part).mean()
                var = {
                    "bntt": of_steps[t][c],
                    "shift": np.mean([v[c] for v in of_steps]),
                    "shared": y[..., c].var(),
                }[kind]
            else:
                mu = mean[own, c]
                var = variance[t if kind == "bntt" else 0, c]
            scale = gamma[t if kind == "bntt" else 0, c]
            found[:, t, ..., c] = scale * (part - mu) / np.sqrt(var + EPSILON)
            if beta is not None:
                found[:, t, ..., c] += beta[own, c]
    return found


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", ["bntt", "shift", "shared"])
def test_normalization_is_the_equations(kind, training):
    layer, values = layer_of(kind), currents()
    gamma = layer.gamma.numpy()
    beta = None if layer.beta is None else layer.beta.numpy()
    moving = layer.moving_mean.numpy(), layer.moving_variance.numpy()
    expected = transcribed(kind, values, gamma, beta, *((None, None) if training else moving))
    np.testing.assert_allclose(normalized(layer, values, training), expected, atol=2e-6)


def test_none_only_adds():
    layer, values = layer_of("none"), currents()
    assert [weight.shape for weight in layer.weights] == [(1, 2)]
    expected = values + layer.beta.numpy()[0]
    np.testing.assert_array_equal(normalized(layer, values, True), expected)


def test_moving_statistics_take_a_tenth():
    layer, values = layer_of("bntt"), currents()
    mean, variance = layer.moving_mean.numpy(), layer.moving_variance.numpy()
    normalized(layer, values, True)
    own_mean, own_variance = values.mean((0, 2, 3)), values.var((0, 2, 3))
    np.testing.assert_allclose(layer.moving_mean, 0.9 * mean + 0.1 * own_mean, atol=1e-6)
    np.testing.assert_allclose(
        layer.moving_variance, 0.9 * variance + 0.1 * own_variance, atol=1e-6
    )
    before = layer.moving_mean.numpy()
    normalized(layer, values, False)
    np.testing.assert_array_equal(layer.moving_mean, before)


def test_the_published_layer_is_its_equations():
    """``u = lam u + gamma_t (W s - mu_t) / sqrt(var_t + 1e-4)``, spike above 1, less 1: to 1e-6."""
    rng = np.random.default_rng(3)
    spikes = (rng.random((BATCH, STEPS, 7, 8, 3)) < 0.4).astype(np.float32)
    convolve = tf.keras.layers.Conv2D(2, 3, use_bias=False, padding="valid")
    y = convolve(spikes.reshape(-1, 7, 8, 3)).numpy().reshape(BATCH, STEPS, 5, 6, 2)
    norm, neurons = layer_of("bntt"), Spikes(STEPS, Dynamics(205, -1e3, "soft"))
    found = neurons(norm(convolve(spikes.reshape(-1, 7, 8, 3)), training=False))

    gamma, mu, var = (w.numpy() for w in (norm.gamma, norm.moving_mean, norm.moving_variance))
    u, expected = np.zeros((BATCH, 5, 6, 2)), []
    nearest = np.inf
    for t in range(STEPS):
        current = gamma[t] * (y[:, t] - mu[t]) / np.sqrt(var[t] + 1e-4)
        own = norm(y.reshape(-1, 5, 6, 2), training=False).numpy().reshape(y.shape)[:, t]
        np.testing.assert_allclose(own, current, atol=1e-6)
        u = (4096 - 205) / 4096 * u + current
        nearest = min(nearest, np.abs(u - 1).min())
        expected.append(u > 1)
        u = u - (u > 1)
    assert nearest > 1e-5, "a voltage at the threshold tells nothing"
    np.testing.assert_array_equal(found.numpy().reshape(y.shape), np.stack(expected, axis=1))
