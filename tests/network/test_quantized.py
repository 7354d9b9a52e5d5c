"""The levels of a quantized activation, and the gradients it trains with, by hand."""

from loihiseg.frameworks import tf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loihiseg.network.quantized import LEAST_SCALE, QuantizedReLU, quantized_relu


def quantized(x, alpha, levels):
    return quantized_relu(tf.constant(x, tf.float32), tf.constant(alpha, tf.float32), levels)


def test_levels_by_hand():
    # Levels of 0.5; each is on from half a level below its value.
    x = [-3, -0.01, 0, 0.24, 0.25, 0.74, 0.75, 1.24, 1.25, 1.5, 90]
    expected = [0, 0, 0, 0, 0.5, 0.5, 1, 1, 1.5, 1.5, 1.5]
    np.testing.assert_array_equal(quantized(x, 1.5, 3), expected)


def test_one_level_is_binary():
    np.testing.assert_array_equal(quantized([-1, 0.99, 1, 5], 2.0, 1), [0, 0, 2, 2])


def test_gradients_by_hand():
    x = tf.constant([-1.0, 0.1, 0.6, 1.4, 2.0])
    alpha = tf.constant(1.5)
    with tf.GradientTape() as tape:
        tape.watch([x, alpha])
        loss = tf.reduce_sum(quantized_relu(x, alpha, 3) * [1.0, 2.0, 3.0, 4.0, 5.0])
    to_x, to_alpha = tape.gradient(loss, [x, alpha])
    np.testing.assert_array_equal(to_x, [0, 2, 3, 4, 0])
    # Results 0, 0, 0.5, 1.5, 1.5: 2 * (-0.1) / 1.5 + 3 * (-0.1) / 1.5 + 4 * 0.1 / 1.5 + 5.
    assert float(to_alpha) == pytest.approx(5 - 0.1 / 1.5)


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    alpha=st.floats(0.01, 100),
    levels=st.integers(1, 64),
)
def test_equals_its_formula(seed, alpha, levels):
    x = np.random.default_rng(seed).normal(0, alpha, 200).astype(np.float32)
    step = alpha / levels
    exact = np.clip(np.floor(x / step + 0.5), 0, levels)
    clear = np.abs(x / step + 0.5 - np.round(x / step + 0.5)) > 1e-3
    np.testing.assert_allclose(
        quantized(x, alpha, levels).numpy()[clear], exact[clear] * step, rtol=1e-5
    )


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), levels=st.integers(1, 31))
def test_a_level_is_on_where_its_threshold_is_reached(seed, levels):
    """The sum over levels of compartments that are on where x >= (k - 1/2) alpha / L."""
    alpha = 2.0**3
    x = np.round(np.random.default_rng(seed).normal(4, 6, 300) * 64).astype(np.float32) / 64
    thresholds = (np.arange(1, levels + 1, dtype=np.float64) - 0.5) * alpha / levels
    # At a threshold itself float32 decides; ties are exact for powers of two only.
    ties = np.isclose(x[:, None], thresholds, rtol=1e-6, atol=0).any(1)
    ties &= bool(levels & (levels - 1))
    on = (x[:, None] >= thresholds).sum(1)
    ours = quantized(x, alpha, levels).numpy()
    np.testing.assert_allclose(ours[~ties], on[~ties] * alpha / levels, rtol=1e-6)


def test_scale_is_trained_and_stays_positive():
    layer = QuantizedReLU(3, alpha=0.5)
    x = tf.constant(np.linspace(-1, 2, 50, dtype=np.float32))
    layer(x)
    assert [w.name for w in layer.trainable_weights] == [f"{layer.name}/alpha:0"]
    optimizer = tf.keras.optimizers.SGD(100.0)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x))
    optimizer.minimize(loss, layer.trainable_weights, tape=tape)
    assert float(layer.alpha) == pytest.approx(LEAST_SCALE)
    assert float(layer.scale) == pytest.approx(LEAST_SCALE)


def test_scale_fits_a_target():
    """The least squared error of one level over a uniform input is at 2/3: q is 2/3 above 1/3."""
    x = tf.constant(np.linspace(0, 1, 3000, dtype=np.float32))
    layer = QuantizedReLU(1, alpha=1.0)
    layer(x)
    errors = []
    for alpha in (0.4, 0.55, 2 / 3, 0.8, 1.0):
        layer.alpha.assign(alpha)
        errors.append(float(tf.reduce_mean(tf.square(layer(x) - x))))
    assert min(errors) == errors[2] == pytest.approx(1 / 27, rel=1e-3)


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_layer_survives_saving(tmp_path, suffix):
    inputs = tf.keras.Input((6, 6, 2))
    outputs = QuantizedReLU(7, name="spikes")(tf.keras.layers.Conv2D(3, 3)(inputs))
    model = tf.keras.Model(inputs, outputs)
    model.get_layer("spikes").alpha.assign(0.7)
    model.save(tmp_path / f"model{suffix}", save_format={".h5": "h5"}.get(suffix, "keras_v3"))
    loaded = tf.keras.models.load_model(tmp_path / f"model{suffix}", compile=False)
    assert float(loaded.get_layer("spikes").scale) == pytest.approx(0.7)
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 2)).astype(np.float32)
    np.testing.assert_array_equal(loaded(x), model(x))


@pytest.mark.parametrize("levels, alpha", [(0, 1), (-1, 1), (2.5, 1), (3, 0), (3, -1)])
def test_impossible(levels, alpha):
    with pytest.raises(ValueError, match=r"levels|alpha"):
        QuantizedReLU(levels, alpha)
