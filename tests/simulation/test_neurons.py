"""A Fast-SNN neuron at a constant input is the quantizer; its count is never negative."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loihiseg.network.quantized import quantized_relu
from loihiseg.simulation.neurons import LEAST_DEBT, integrate_and_fire


def counts(currents, scale, signed):
    return np.sum(integrate_and_fire(np.asarray(currents, np.float32), scale, signed), axis=0)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("steps", [1, 3, 7, 15])
def test_constant_input_gives_the_quantizers_level(steps, signed):
    """10,000 random inputs, negative and too large ones among them, at a random scale.

    Inputs within a thousandth of a level from a threshold are left out: there the sums of the
    neuron and the division of the quantizer round differently.
    """
    rng = np.random.default_rng(steps)
    scale = float(rng.uniform(0.3, 4))
    x = rng.uniform(-0.7 * scale, 1.7 * scale, 10_400).astype(np.float32)
    place = x * steps / scale + 0.5
    x = x[np.abs(place - np.round(place)) > 1e-3][:10_000]
    assert len(x) == 10_000
    level = np.rint(quantized_relu(x, np.float32(scale), steps).numpy() * steps / scale)
    assert set(level) == set(range(steps + 1))
    found = counts(np.tile(x, (steps, 1)), scale, signed)
    np.testing.assert_array_equal(found, level)


def test_at_a_threshold_both_go_up():
    """Scales and inputs that floats hold exactly."""
    x = np.array([1, 3, 5, 7], np.float32) / 8
    assert (counts(np.tile(x, (4, 1)), 1.0, True) == [1, 2, 3, 4]).all()
    np.testing.assert_array_equal(quantized_relu(x, np.float32(1), 4), [0.25, 0.5, 0.75, 1])


def test_signed_neuron_by_hand():
    # From 0.5: 1.7, spike, 0.7; -0.1 is a debt, back to 0.9; 1.0 spikes again.
    currents = np.array([[1.2], [-0.8], [0.1]], np.float32)
    assert integrate_and_fire(currents, 1.0, True)[:, 0].numpy().tolist() == [1, -1, 1]
    # Unsigned: the debt stays, 0.0 does not spike.
    assert integrate_and_fire(currents, 1.0, False)[:, 0].numpy().tolist() == [1, 0, 0]


def test_nothing_is_taken_back_that_was_not_sent():
    currents = np.array([[-3.0], [-3.0], [9.0], [-9.0], [-9.0]], np.float32)
    # Membrane 0.5, -2.5, -5.5, 3.5: a spike leaves 2.5, then -6.5: taken back, -5.5, then none.
    assert integrate_and_fire(currents, 1.0, True)[:, 0].numpy().tolist() == [0, 0, 1, -1, 0]


def test_rounding_takes_no_spike_back():
    currents = np.array([[0.5], [-0.5 * LEAST_DEBT]], np.float32)
    assert integrate_and_fire(currents, 1.0, True)[:, 0].numpy().tolist() == [1, 0]


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), steps=st.integers(1, 20), spread=st.sampled_from([0.3, 1, 5])
)
def test_count_is_never_negative_and_charge_is_kept(seed, steps, spread):
    rng = np.random.default_rng(seed)
    currents = rng.normal(0.1, spread, (steps, 50)).astype(np.float32)
    spikes = integrate_and_fire(currents, 1.3, True).numpy()
    net = np.cumsum(spikes, axis=0)
    assert net.min() >= 0 and set(np.unique(spikes)) <= {-1.0, 0.0, 1.0}
    # What is not in spikes is in the membrane: below threshold after a step unless it is large.
    membrane = 0.65 + currents.sum(0) - 1.3 * net[-1]
    assert (membrane[net[-1] == 0] < 1.3 + np.abs(currents).max() * steps).all()
    unsigned = integrate_and_fire(currents, 1.3, False).numpy()
    assert set(np.unique(unsigned)) <= {0.0, 1.0}
    assert (net[-1] <= unsigned.sum(0) + steps).all()
    first = np.argmax(spikes < 0, axis=0)
    for neuron in range(50):
        until = first[neuron] if (spikes[:, neuron] < 0).any() else steps
        np.testing.assert_array_equal(spikes[:until, neuron], unsigned[:until, neuron])


def in_loops(currents, threshold, signed, reset, most_spikes, start):
    """The same neuron in plain numbers."""
    out = np.zeros(currents.shape)
    for neuron in range(currents.shape[1]):
        v, count = threshold * start, 0
        for t, current in enumerate(currents[:, neuron]):
            v = np.float32(v + current)
            sent = 0
            while sent < most_spikes and v - sent * threshold >= threshold:
                sent += 1
            if signed and v <= -LEAST_DEBT and count > 0:
                sent = -1
            if sent and reset == "zero":
                v = 0.0
            else:
                v -= sent * threshold
            count += sent
            out[t, neuron] = sent
    return out


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("most_spikes", [1, 4])
@pytest.mark.parametrize("start", [0.0, 0.5])
def test_every_kind_of_neuron_is_that_of_plain_loops(signed, reset, most_spikes, start):
    """Currents in 64ths: no sum is rounded."""
    rng = np.random.default_rng(3)
    currents = (rng.integers(-128, 192, (12, 60)) / 64).astype(np.float32)
    kind = {"reset": reset, "most_spikes": most_spikes, "start": start}
    found = integrate_and_fire(currents, 0.75, signed, **kind).numpy()
    np.testing.assert_array_equal(found, in_loops(currents, 0.75, signed, **kind))
    assert (found.max() > 1) == (most_spikes > 1)
    assert (found.min() < 0) == signed
