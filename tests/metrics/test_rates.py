import json
from dataclasses import asdict

import numpy as np
import pytest

from loihiseg.errors import InputError
from loihiseg.metrics.rates import layer_rates

# Columns are neurons: silent, too low, in range, too high at its maximum only, on the limit.
RATES_HZ = np.array(
    [
        [0.0, 10.0, 40.0, 100.0, 200.0],
        [0.0, 20.0, 50.0, 100.0, 0.0],
        [0.0, 30.0, 60.0, 300.0, 0.0],
    ]
)


def test_shares_by_hand_at_the_maximum():
    # Maxima 0, 30, 60, 300, 200: two of five in 50..200, two of the four that fire.
    rates = layer_rates("conv1", RATES_HZ, percentile=100)
    assert rates.layer == "conv1"
    assert rates.n_neurons == 5
    assert rates.share_in_range == 2 / 5
    assert rates.share_in_range_of_active == 2 / 4
    assert rates.silent_share == pytest.approx(1 / 5)
    assert rates.mean_hz == pytest.approx(910 / 15)
    assert rates.percentile_hz == 300
    json.dumps(asdict(rates))


def test_percentile_is_interpolated_between_samples():
    # Position 0.75 * 2 = 1.5, half way from second to third: 0, 25, 55, 200, 100.
    rates = layer_rates("conv1", RATES_HZ, percentile=75)
    assert rates.share_in_range == 3 / 5
    counts = dict(zip(rates.histogram_edges_hz, rates.histogram_counts))
    assert {edge: n for edge, n in counts.items() if n} == {0: 1, 20: 1, 50: 1, 100: 1, 200: 1}
    # Over all 15 values: position 10.5, between 60 and 100.
    assert rates.percentile_hz == 80


def test_histogram_counts_each_neuron_once():
    rates = layer_rates("fast", np.array([[5.0, 999.0, 1000.0, 4000.0]]))
    assert sum(rates.histogram_counts) == 4
    assert rates.histogram_counts[0] == 1
    assert rates.histogram_counts[-1] == 3
    assert len(rates.histogram_edges_hz) == len(rates.histogram_counts) + 1


def test_silent_layer():
    rates = layer_rates("dead", np.zeros((4, 3)))
    assert rates.silent_share == 1.0
    assert rates.share_in_range == rates.share_in_range_of_active == 0.0


def test_rounded_limits_are_in_range():
    # What 1 / 0.005 s gives in float32 may be 200.00002 Hz.
    limits = np.array([[np.nextafter(200, 201), np.nextafter(50, 49)]], np.float32)
    assert layer_rates("conv1", limits).share_in_range == 1.0
    assert layer_rates("conv1", np.array([[200.1, 49.9]])).share_in_range == 0.0


@pytest.mark.parametrize(
    "rates_hz, options, message",
    [
        (np.zeros(3), {}, r"layer 'x': rates have shape \(3,\)"),
        (np.zeros((0, 3)), {}, r"\(0, 3\)"),
        (np.array([["a"]]), {}, "must be numbers"),
        (np.array([[-1.0]]), {}, r"-1\.0\.\.-1\.0 Hz"),
        (np.array([[np.nan]]), {}, "nan"),
        (np.array([[np.inf]]), {}, "inf"),
        (np.ones((1, 1)), {"percentile": 101}, "percentile 101"),
        (np.ones((1, 1)), {"low_hz": 200, "high_hz": 50}, r"range 200\.\.50 Hz"),
    ],
)
def test_refuses(rates_hz, options, message):
    with pytest.raises(InputError, match=message):
        layer_rates("x", rates_hz, **options)
