"""Neurons at constant input, against their definition step by step."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from loihiseg.conversion.firing import rectified_spikes


def slowly(current_hz, n_steps):
    """One neuron: voltage rises by the current, is never below 0, and is 0 again after a spike."""
    voltage, fired = 0.0, []
    for _ in range(n_steps):
        voltage = max(voltage + current_hz * 0.001, 0.0)
        fired.append(voltage > 1)
        voltage = 0.0 if fired[-1] else voltage
    return fired


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-3000, 3000), max_size=8), st.integers(0, 80))
def test_spikes_by_their_definition(currents, n_steps):
    current = np.array([*currents, 0.0, -0.0, 1000.0, 999.9999999, 500.0])
    found = rectified_spikes(current, n_steps)
    assert found.dtype == bool and found.shape == (n_steps, len(current))
    np.testing.assert_array_equal(found.T, [slowly(one, n_steps) for one in current])
