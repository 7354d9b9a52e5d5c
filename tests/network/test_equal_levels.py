"""Equal levels between two values, and the gradients they train with, by hand."""

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.network.equal_levels import LEAST_RANGE, EqualLevels, equal_levels


def test_levels_by_hand():
    x = [-9, -0.1, 0, 0.9, 1, 9]
    found = equal_levels(tf.constant(x, tf.float32), tf.constant(-0.5), tf.constant(1.5), 2)
    np.testing.assert_array_equal(found, [-0.5, -0.5, 0.5, 0.5, 1.5, 1.5])


def test_gradients_by_hand():
    # Within -1..1 with 2 levels: -0.25 is at 0.375 of the range and rounded to 0.5, 0.75 to 1.
    x, low, high = tf.constant([-2.0, -0.25, 0.75, 5.0]), tf.constant(-1.0), tf.constant(1.0)
    with tf.GradientTape() as tape:
        tape.watch([x, low, high])
        loss = tf.reduce_sum(equal_levels(x, low, high, 2) * [1.0, 2.0, 3.0, 4.0])
    to_x, to_low, to_high = tape.gradient(loss, [x, low, high])
    np.testing.assert_array_equal(to_x, [0, 2, 3, 0])
    assert float(to_low) == pytest.approx(1 + 2 * (0.375 - 0.5) + 3 * (0.875 - 1))
    assert float(to_high) == pytest.approx(2 * (0.5 - 0.375) + 3 * (1 - 0.875) + 4)


def test_trains_and_is_saved(tmp_path):
    made = tf.keras.Sequential(
        [tf.keras.Input((3,)), tf.keras.layers.PReLU(), EqualLevels(3, -1, 2)]
    )
    made.compile("adam", "mse")
    made.fit(np.random.default_rng(0).normal(size=(64, 3)), np.zeros((64, 3)), verbose=0)
    low, high = made.layers[-1].get_weights()
    assert low != -1 and high != 2
    made.save(tmp_path / "m.keras")
    again = tf.keras.models.load_model(tmp_path / "m.keras")
    x = np.linspace(-3, 3, 12).reshape(4, 3)
    np.testing.assert_array_equal(again(x), made(x))
    # A range that training turned over is as small as may be.
    made.layers[-1].set_weights([np.float32(1), np.float32(-1)])
    np.testing.assert_allclose(np.ptp(made(np.array([[-9.0, 0, 9]]))), LEAST_RANGE, rtol=1e-2)


@pytest.mark.parametrize("levels, low, high", [(0, 0, 1), (1.5, 0, 1), (2, 1, 1), (2, 2, 1)])
def test_out_of_range(levels, low, high):
    with pytest.raises(ValueError, match=r"levels|at least"):
        EqualLevels(levels, low, high)
