"""Bursts and spike calibration by hand: every published number, and no count below 0."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loihiseg.methods.spicalib.neurons import NEVER, Bursts, burst_spikes, calibrate, started
from loihiseg.simulation.neurons import integrate_and_fire
from tests.simulation.networks import chain


def bursts(currents, most_spikes):
    """Spikes of one neuron, and its voltage in the end."""
    voltage = np.zeros(1, np.float32)
    found = burst_spikes(np.array(currents, np.float32)[:, None], voltage, most_spikes)
    return found[:, 0].tolist(), float(voltage[0])


def calibrated(spikes, allowance, as_published=False, chunks=1):
    """Spikes of one neuron that are left, its steps in so many pieces."""
    state = started(1)
    parts = np.array_split(np.array(spikes, np.float32)[:, None], chunks)
    for part in parts:
        calibrate(part, state, allowance, as_published)
    return np.concatenate(parts)[:, 0].tolist()


def test_bursts_by_hand():
    assert bursts([0.75] * 8, 1) == ([0, 1, 1, 1, 0, 1, 1, 1], 0)
    # 2.5, 3.0 (0.5 kept), 3.5 (1.0), 4.0 (1.5): two a step, and 2.0 are left.
    assert bursts([2.5] * 4, 2) == ([2, 2, 2, 2], 2.0)
    assert bursts([2.5] * 4, 5) == ([2, 3, 2, 3], 0)


def test_spike_of_an_inactivated_neuron_by_hand():
    """Its input adds up to -0.25: the ReLU is 0, and so is what is left with calibration."""
    spikes, voltage = bursts([1, -0.75, -0.5, 0, 0, 0], 1)
    assert (spikes, voltage) == ([1, 0, 0, 0, 0, 0], -1.25)
    assert calibrated(spikes, 1) == [1, 0, -1, 0, 0, 0]


def test_calibration_by_hand():
    # Intervals 0 and 1, on average 1/2: late from the third step without a spike on.
    spikes = [1, 1, 0, 0, 0, 0, 0, 1, 1, 0]
    assert calibrated(spikes, 1) == [1, 1, 0, -1, -1, 0, 0, 1, 1, 0]
    assert calibrated(spikes, 1, True) == [1, 1, 0, -1, -1, 0, 0, 0, 1, 0]
    late = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
    assert calibrated(late, 1) == late
    assert calibrated(late, 1, True) == [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1]


def test_bursts_are_taken_back_spike_by_spike():
    # 3 in step 0: mean interval 0; late from step 2 on for an allowance of 1.
    assert calibrated([3, 0, 0, 0, 0, 0], 1) == [3, 0, -1, -1, -1, 0]
    # In steps 2 and 4, on average 4/2: late when t - 4 is above 2 + 1.
    assert calibrated([0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0], 1) == [0, 0, 1, 0, 1, 0, 0, 0, -1, -1, 0]


def as_written(spikes, allowance, as_published):
    """The published lines of one neuron, with the mean interval as it is updated there."""
    number, mean, last, total, out = 0, 0.0, 0, 0, []
    for t, x in enumerate(spikes):
        if x > 0:
            number += 1
            mean = (t - last + mean * (number - 1)) / number
            last = t
        if t - last > mean + allowance + 1e-9:
            x -= 1
        if as_published:
            total += x
            x = 0 if total <= -1 else x
        else:
            x = 0 if total + x < 0 else x
            total += x
        out.append(x)
    return out


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), allowance=st.integers(1, 6), most=st.integers(1, 5),
    share=st.sampled_from([0.05, 0.3, 0.7]), as_published=st.booleans(),
)  # fmt: skip
def test_calibration_is_as_written_and_no_count_falls_below_zero(
    seed, allowance, most, share, as_published
):
    rng = np.random.default_rng(seed)
    spikes = rng.integers(1, most + 1, (30, 20)) * (rng.random((30, 20)) < share)
    found = spikes.astype(np.float32)
    calibrate(found, started(20), allowance, as_published)
    assert np.cumsum(found, 0).min() >= 0
    for neuron in range(20):
        written = as_written(spikes[:, neuron].tolist(), allowance, as_published)
        assert found[:, neuron].tolist() == written
        assert calibrated(spikes[:, neuron], allowance, as_published, chunks=4) == written


@pytest.mark.parametrize("most_spikes", [1, 3])
def test_bursts_are_those_of_the_neurons_of_the_other_simulation(most_spikes):
    """Currents in 64ths, a threshold of a quarter: nothing is rounded."""
    rng = np.random.default_rng(1)
    currents = (rng.integers(-32, 64, (12, 2, 1, 1, 4)) / 64).astype(np.float32)
    (layer,) = chain(1, 0, channels=4).layers
    neurons = Bursts({"l0": np.float32(0.25)}, most_spikes)
    found = neurons.spikes(layer, neurons.start(layer, 2), currents)
    other = integrate_and_fire(currents, 0.25, False, most_spikes=most_spikes, start=0.0)
    np.testing.assert_array_equal(found, other)
    assert found.max() == most_spikes


def test_channels_may_have_thresholds_of_their_own():
    (layer,) = chain(1, 0, channels=2).layers
    currents = np.full((4, 1, 1, 1, 2), 1.0, np.float32)
    neurons = Bursts({"l0": np.array([1, 4], np.float32)}, 5, allowance=NEVER)
    found = neurons.spikes(layer, neurons.start(layer, 1), currents)
    assert found[:, 0, 0, 0].T.tolist() == [[1, 1, 1, 1], [0, 0, 0, 1]]
