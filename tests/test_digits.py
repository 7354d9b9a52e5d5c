"""Binary digits beside trains, by hand."""

import numpy as np
import pytest

from benchmarks.digits import Layer, by_digits, by_ramp, ones


def test_ones():
    assert ones(np.arange(8), 3).tolist() == [0, 1, 1, 2, 1, 2, 2, 3]


def test_costs_by_hand():
    levels = np.array([0, 1, 3, 2])
    layers = [Layer(4, True, 5.0, levels), Layer(4, False, 10.0, levels)]
    ramp, digits = by_ramp(layers, 2), by_digits(layers, 2)
    assert (ramp.compartments, ramp.steps) == (4, 6) and ramp.updates == 24
    assert ramp.events == pytest.approx(6 * 5 + 6 * 10)
    assert (digits.compartments, digits.steps, digits.updates) == (8, 4, 32)
    # Four 1s a layer, each for both digits of what it drives; two high digits inhibit low ones.
    assert digits.events == pytest.approx(2 * (4 * 5 + 4 * 10) + 2)
    assert digits.energy_uj == pytest.approx((122 * 27.1 + 32 * 81) / 1e6)
