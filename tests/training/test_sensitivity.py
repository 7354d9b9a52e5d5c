"""The loss with fewer levels in one layer, against networks built with them."""

import numpy as np
import pytest

from loihiseg.training.carry_over import best_scale
from loihiseg.training.sensitivity import layer_sensitivity, with_levels
from tests.simulation.networks import unet

PIXELS = np.random.default_rng(0).normal(size=(6, 16, 16, 1)).astype(np.float32)


def test_losses_by_layer_and_levels():
    model, _ = unet((7, 3, 3, 3, 1, 3), seed=1)
    logits = model(PIXELS).numpy()
    membrane = (logits > np.median(logits)).astype(np.float32)
    found = layer_sensitivity(model, PIXELS, membrane, (1, 3))
    assert {name: list(losses) for name, losses in found.items()} == {
        "stem_spikes": [7, 3, 1],
        "encode0_0_spikes": [3, 1],
        "down1_spikes": [3, 1],
        "encode1_0_spikes": [3, 1],
        "up0_spikes": [1],
        "decode0_0_spikes": [3, 1],
    }
    probability = 1 / (1 + np.exp(-logits.astype(np.float64)))
    loss = -np.mean(np.where(membrane, np.log(probability), np.log(1 - probability)))
    assert all(next(iter(x.values())) == pytest.approx(loss, 1e-5) for x in found.values())
    # The logits say what the labels are: any change of them raises the loss of some pixels.
    assert len({loss for by_levels in found.values() for loss in by_levels.values()}) == 7


def test_the_model_stays_as_it_is_and_only_one_layer_changes():
    model, _ = unet(3, seed=1)
    before = [w.copy() for w in model.get_weights()]
    changed = with_levels(model, {"stem_spikes": 1}, {"stem_spikes": 0.5})
    assert [x.levels for x in changed.layers if hasattr(x, "levels")] == [1, 3, 3, 3, 3, 3]
    assert float(changed.get_layer("stem_spikes").scale) == 0.5
    assert model.get_layer("stem_spikes").levels == 3
    for old, new in zip(before, model.get_weights()):
        np.testing.assert_array_equal(old, new)
    assert best_scale(np.array([0.2, 1.0]), np.array([0.2, 1.0]), 5) == pytest.approx(1, 0.05)
