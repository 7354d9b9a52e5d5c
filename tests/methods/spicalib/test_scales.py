"""Thresholds by hand, and as the published code has them."""

import numpy as np
import pytest

from loihiseg.errors import InputError
from loihiseg.methods.spicalib.scales import (
    activations,
    published_activations,
    published_thresholds,
    thresholds,
)
from tests.simulation.networks import chain, pooled

VALUES = np.array([0.2, 0.5, 0.9, 1.3, 2.0], np.float32).reshape(5, 1, 1, 1)
PICTURES = np.random.default_rng(2).integers(0, 64, (3, 8, 8, 1)).astype(np.float32) / 64


def of_one_layer(values, quantile, most_spikes=5, **options):
    network = chain(1, 0, channels=values.shape[-1])
    cut = {"l0": np.minimum(values, most_spikes)}
    return published_thresholds(network, cut, {"l0": quantile}, **options)["l0"]


def test_published_quantile_by_hand():
    # The value numbered int(5 * 0.99) - 1 = 3, of activations cut off at 5 and at 1.
    assert of_one_layer(VALUES, 0.99) == np.float32(1.3)
    assert of_one_layer(VALUES, 0.99, most_spikes=1) == 1.0
    # The quantile of all five lies a little below 2.
    ours = thresholds(chain(1, 0, channels=1), {"l0": VALUES}, {"l0": 0.99})["l0"]
    assert ours == np.float32(1.3 + 0.96 * 0.7) and ours.shape == ()


def test_published_quantile_of_a_channel_by_hand():
    two = np.concatenate([VALUES, 2 * VALUES], axis=-1)
    # 0.5 is the third of five, 0.6 lies between it and the fourth: the lower.
    np.testing.assert_allclose(of_one_layer(two, 0.6, by_channel=True), [0.9, 1.8])
    silent = np.zeros_like(VALUES)
    assert of_one_layer(silent, 0.6, by_channel=True) == np.float32(1e-10)
    with pytest.raises(InputError, match=r"layer 'l0': 0.6 of all values .* a higher quantile"):
        of_one_layer(silent, 0.6)


def test_what_is_published_cuts_off_is_heard_by_the_next_layer():
    network = chain(2, 0, channels=4)
    points = np.random.default_rng(0).normal(0, 3, (50, 1, 1, 8)).astype(np.float32)
    exact, cut = activations(network, points), published_activations(network, points, 2)
    np.testing.assert_allclose(cut["l0"], np.minimum(exact["l0"], 2), rtol=1e-6)
    assert exact["l0"].max() > 2 and cut["l0"].max() == 2
    assert np.abs(cut["l1"] - np.minimum(exact["l1"], 2)).max() > 0.1


@pytest.mark.parametrize("by_channel", [False, True])
@pytest.mark.parametrize("make", [thresholds, published_thresholds])
def test_what_is_chosen_among_has_the_threshold_of_its_sources(make, by_channel):
    network = pooled()
    values = activations(network, PICTURES)
    found = make(network, values, dict.fromkeys("abcd", 0.9), by_channel)
    assert set(found) == {layer.name for layer in network.layers}
    for name, source in (("b", "a"), ("larger", "a"), ("pool", "a"), ("wide", "c")):
        np.testing.assert_array_equal(found[name], found[source])
    assert found["a"].shape == ((2,) if by_channel else ()) and found["a"].dtype == np.float32


def test_a_burst_of_all_spikes_may_be_worth_the_quantile():
    network = pooled()
    values = activations(network, PICTURES)
    whole = thresholds(network, values, dict.fromkeys("abcd", 0.9))
    fifth = thresholds(network, values, dict.fromkeys("abcd", 0.9), share=5)
    assert all(fifth[name] == pytest.approx(whole[name] / 5) for name in whole)
