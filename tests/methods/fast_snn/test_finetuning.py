"""Tuning moves a layer towards the quantized map, and keeps nothing that does not help.

With unsigned neurons, whose error is the larger.
"""

import numpy as np
import pytest

from loihiseg.methods.fast_snn.finetuning import Descent, fine_tune
from loihiseg.methods.fast_snn.quantized import (
    neurons_of,
    quantized_levels,
    quantized_predictor,
    spiking_predictor,
)
from loihiseg.simulation.network import simulate
from tests.simulation.networks import unet

CROPS = np.random.default_rng(0).normal(size=(12, 16, 16, 1)).astype(np.float32)
STEPS = 3
DESCENT = Descent(epochs=6, learning_rate=0.1, batch=4)


@pytest.fixture(scope="module")
def tuned():
    _, lowering = unet(STEPS, seed=2)
    wanted = quantized_predictor(lowering)(CROPS)

    def score(logits):
        return -float(np.mean(np.square(logits - wanted)))

    return lowering, *fine_tune(lowering, CROPS, score, STEPS, False, DESCENT), score


def test_comes_closer_to_the_quantized_network(tuned):
    before, after, records, score = tuned
    names = [layer.name for layer in before.network.layers]
    assert [record.layer for record in records] == names[1:]
    kept = [record for record in records if record.kept]
    assert kept
    assert records[0].score_before == pytest.approx(
        score(spiking_predictor(before, STEPS, False)(CROPS)), 1e-4
    )
    reached = score(spiking_predictor(after, STEPS, False)(CROPS))
    assert reached > records[0].score_before
    assert reached == pytest.approx(kept[-1].score_after, rel=1e-4)


def test_error_of_the_tuned_layers_falls(tuned):
    before, after, records, _ = tuned
    levels = quantized_levels(before.network, CROPS)
    first = next(record for record in records if record.kept)
    runs = simulate(after.network, CROPS, STEPS, neurons_of(after.network, False))
    found = np.mean(np.square((runs[first.layer].counts - levels[first.layer]) / STEPS))
    assert found == pytest.approx(first.error_after, rel=1e-3)
    assert np.mean([r.error_after < r.error_before for r in records]) > 0.5


def test_only_kept_layers_change(tuned):
    before, after, records, _ = tuned
    kept = {record.layer for record in records if record.kept}
    for old, new in zip(before.network.layers, after.network.layers):
        changed = any((a.kernel != b.kernel).any() for a, b in zip(old.terms, new.terms))
        assert changed == (old.name in kept)
        assert (old.levels, old.level_value) == (new.levels, new.level_value)


def test_nothing_is_kept_that_does_not_help():
    _, lowering = unet(STEPS)
    told = []
    found, records = fine_tune(
        lowering, CROPS[:2], lambda _: 1.0, STEPS, descent=Descent(1), on_layer=told.append
    )
    assert not any(record.kept for record in records) and tuple(told) == records
    assert found.network.layers == lowering.network.layers
