"""Quantiles of activations, by hand; layers that are chosen among share theirs."""

import numpy as np
import pytest

from loihiseg.compilation.scales import highest_values, own_names, sharing
from loihiseg.errors import InputError
from tests.simulation.networks import chain, pooled


def test_a_quantile_between_two_values():
    network = chain(1, 0, channels=2)
    values = {"l0": np.array([[[[0, 1]]], [[[2, 3]]], [[[4, 9]]]], np.float32)}
    # Of 0 1 2 3 4 9 half lie below 2.5; 0.9 of the way, 4.5 steps, is half way from 4 to 9.
    for share, expected in ((0.5, 2.5), (0.9, 6.5), (1.0, 9.0)):
        found = highest_values(network, values, {"l0": share}, "levels")
        assert found["l0"].shape == () and found["l0"] == expected
    found = highest_values(network, values, {"l0": 0.5}, "levels", by_channel=True)
    np.testing.assert_array_equal(found["l0"], [2, 3])


def test_a_silent_channel_has_its_largest_value_or_the_layers():
    network = chain(1, 0, channels=3)
    values = {"l0": np.zeros((4, 1, 1, 3), np.float32)}
    values["l0"][..., 0] = 8
    values["l0"][3, ..., 1] = 2
    found = highest_values(network, values, {"l0": 0.6}, "levels", by_channel=True)
    # The second alone is 0 up to 2/3. All are seven times 0, 2, four times 8: 6.6 of 11 steps.
    np.testing.assert_allclose(found["l0"], [8, 2, 0.6 * 2])


def test_silent_layers_are_named():
    network = chain(2, 0, channels=2)
    values = {name: np.zeros((1, 1, 1, 2), np.float32) for name in ("l0", "l1")}
    with pytest.raises(InputError, match=r"layers 'l0', 'l1': 0.9 of all values .* thresholds up"):
        highest_values(network, values, {"l0": 0.9, "l1": 0.95}, "thresholds")


def test_what_is_chosen_among_shares():
    network = pooled()
    assert own_names(network) == ["a", "b", "c", "d"]
    assert sharing(network) == (("a", "b"), ("c",), ("d",))
    values = {name: np.full((1, 8, 8, 2), n, np.float32) for n, name in enumerate("abcd", 1)}
    found = highest_values(network, values, dict.fromkeys("abcd", 0.5), "levels")
    assert found == {"a": 1.5, "b": 1.5, "c": 3, "d": 4}
