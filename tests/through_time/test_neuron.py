"""Neurons over time, against values by hand, plain loops, and finite differences."""

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.errors import InputError
from loihiseg.through_time.neuron import Integers, integral, slope, spike_trains, truncated
from loihiseg.through_time.settings import Dynamics, Surrogate

TRIANGLE = Surrogate("triangle", 1.0, 0.3)
ARCTANGENT = Surrogate("arctangent", 0.6, 0.8)

CURRENTS = [0.75, 1.125, 1.0, 2.0, 1.0, 1.5]
"""Gains 1, 1.5, 1, 2, 1, 1 times 1 less means of .25, .25, 0, 0, 0, -.5."""


def trains(currents, dynamics, **more):
    """Spikes of neurons, (neurons, steps)."""
    return spike_trains(tf.constant(currents, tf.float32), dynamics, **more).numpy()


@pytest.mark.parametrize(
    "reset, expected",
    [
        # Voltages .75 1.5 1.25 2.125 1.5625 1.78125, and .75 1.5 1 2.5 1 2: at 1 it is silent.
        ("soft", [0, 1, 1, 1, 1, 1]),
        ("hard", [0, 1, 0, 1, 0, 1]),
    ],
)
def test_spikes_by_hand(reset, expected):
    dynamics = Dynamics(decay=2048, reset=reset)
    assert trains([CURRENTS], dynamics).tolist() == [expected]


def test_the_floor_keeps_voltages_up():
    """-5 becomes -1 of which a half is left: 1.6 - .5 fires; without a floor it does not."""
    assert trains([[-5.0, 1.6]], Dynamics(decay=2048, floor=-1.0)).tolist() == [[0, 1]]
    assert trains([[-5.0, 1.6]], Dynamics(decay=2048, floor=-9.0)).tolist() == [[0, 0]]


def test_without_decay_neurons_integrate():
    assert trains([[0.5, 0.5, 0.5, 0.5]], Dynamics(decay=0)).tolist() == [[0, 0, 1, 0]]


@pytest.mark.parametrize("faulty", [{"decay": 4096}, {"decay": -1}, {"floor": 0.1}])
def test_settings_out_of_range_are_refused(faulty):
    with pytest.raises(InputError, match="expected 0 to 4095 and at most 0"):
        Dynamics(**faulty)


@pytest.mark.parametrize("surrogate", [TRIANGLE, ARCTANGENT])
def test_integrals_have_the_slope(surrogate):
    x = np.linspace(-3, 3, 241)
    found = integral(tf.constant(x, tf.float64), surrogate).numpy()
    between = slope(tf.constant((x[1:] + x[:-1]) / 2, tf.float64), surrogate).numpy()
    np.testing.assert_allclose(np.diff(found) / np.diff(x), between, atol=2e-4)


def test_triangles_by_hand():
    """Height at 0, half of it at half the width, area of width times height above."""
    x = tf.constant([-2.0, -0.5, 0.0, 0.5, 2.0])
    np.testing.assert_allclose(slope(x, TRIANGLE), [0, 0.15, 0.3, 0.15, 0], atol=1e-7)
    np.testing.assert_allclose(integral(x, TRIANGLE), [0, 0.0375, 0.15, 0.2625, 0.3], atol=1e-7)


@pytest.mark.parametrize("surrogate", [TRIANGLE, ARCTANGENT], ids=["triangle", "arctangent"])
@pytest.mark.parametrize("reset", ["hard", "soft"])
def test_gradients_are_finite_differences(surrogate, reset):
    """The surrogate's integral in place of the step makes forwards and backwards one function."""
    dynamics = Dynamics(512, -0.4, reset, surrogate, reset_gradient=True)
    rng = np.random.default_rng(0)
    currents = rng.normal(0.3, 0.6, (5, 6, 3))
    weights = tf.constant(rng.normal(size=(5, 6, 3)))

    def loss(values):
        return tf.reduce_sum(weights * spike_trains(values, dynamics, smooth=True))

    values = tf.constant(currents)
    with tf.GradientTape() as tape:
        tape.watch(values)
        found = loss(values)
    gradient = tape.gradient(found, values).numpy()
    step = 1e-6
    for place in rng.choice(currents.size, 40, replace=False):
        moved = np.zeros(currents.size)
        moved[place] = step
        moved = moved.reshape(currents.shape)
        slope_there = (loss(currents + moved) - loss(currents - moved)) / (2 * step)
        np.testing.assert_allclose(gradient.ravel()[place], slope_there, atol=1e-6)


@pytest.mark.parametrize("reset_gradient", [False, True])
@pytest.mark.parametrize("reset", ["hard", "soft"])
def test_gradients_are_those_of_a_plain_loop(reset, reset_gradient):
    """Of TensorFlow's own differentiation, of a step with the surrogate's slope."""
    dynamics = Dynamics(1024, -0.5, reset, TRIANGLE, reset_gradient)
    rng = np.random.default_rng(1)
    values = tf.constant(rng.normal(0.4, 0.7, (4, 7, 2)))
    weights = tf.constant(rng.normal(size=(4, 7, 2)))

    @tf.custom_gradient
    def step(x):
        return tf.cast(x > 0, x.dtype), lambda upstream: upstream * slope(x, TRIANGLE)

    def plain(values):
        v, spikes = tf.zeros((4, 2), tf.float64), []
        for t in range(7):
            u = tf.maximum(0.75 * v + values[:, t], -0.5)
            s = step(u - 1.0)
            seen = s if reset_gradient else tf.stop_gradient(s)
            v = u - seen if reset == "soft" else u * (1.0 - seen)
            spikes.append(s)
        return tf.stack(spikes, axis=1)

    gradients = []
    for run in (plain, lambda x: spike_trains(x, dynamics)):
        with tf.GradientTape() as tape:
            tape.watch(values)
            spikes = run(values)
            loss = tf.reduce_sum(weights * spikes)
        gradients.append((spikes.numpy(), tape.gradient(loss, values).numpy()))
    np.testing.assert_array_equal(gradients[0][0], gradients[1][0])
    np.testing.assert_allclose(gradients[0][1], gradients[1][1], atol=1e-12)


@pytest.mark.parametrize("decay", [0, 1, 512, 4095])
def test_what_is_left_of_a_voltage_is_the_chips(decay):
    """Of whole numbers of 23 bits, with either sign: truncated towards 0."""
    rng = np.random.default_rng(decay)
    values = rng.integers(-(2**23) + 1, 2**23, 2000)
    found = truncated(tf.constant(values, tf.float32), decay).numpy().astype(np.int64)
    np.testing.assert_array_equal(found, np.sign(values) * (np.abs(values) * (4096 - decay) >> 12))


def test_spikes_in_integers_by_hand():
    """Unit 1/4, threshold 256 (1 in floats), floor -255, kept 7/8, from 1 above rest.

    First currents 0.5 are 128: 129, then 112 + 128 = 240, 210 + 128 = 338 fires, 0 + 128; then
    -9 is -2304: the floor, of which -223 is left; 0.62 is 128 again: -95.
    """
    integers = Integers(*(tf.constant(float(x)) for x in (0.25, 256, -255, 1)))
    dynamics = Dynamics(512)
    currents = [[0.5, 0.5, 0.5, 0.5, -9.0, 0.62, 1.4]]
    # 1.4 is 384: -83 + 384 = 301 fires.
    assert trains(currents, dynamics, integers=integers).tolist() == [[0, 0, 1, 0, 0, 0, 1]]
