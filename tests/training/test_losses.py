"""Losses of an objective, by hand."""

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.training.losses import ObjectiveLoss
from loihiseg.training.objective import Objective

PROBABILITY = np.array([0.75, 0.25, 0.5, 0.5])
TARGET = np.array([1, 0, 1, 0])
LINE = np.array([1, 0, 0, 0])
ENTROPY = -np.mean(np.log([0.75, 0.75, 0.5, 0.5]))


def loss(objective, weights=None):
    logits = np.log(PROBABILITY / (1 - PROBABILITY)).reshape(1, 2, 2, 1).astype(np.float32)
    wanted = np.stack([TARGET, LINE], -1).reshape(1, 2, 2, 2).astype(np.float32)
    return float(ObjectiveLoss(objective)(tf.constant(wanted), tf.constant(logits), weights))


def test_nothing_more_is_the_cross_entropy():
    assert loss(Objective(border_weight=1.0)) == pytest.approx(ENTROPY, rel=1e-6)


def test_dice():
    # sum(p y) = 1.25, sum(p) = sum(y) = 2: 1 - (2.5 + 1) / (4 + 1).
    assert loss(Objective(dice_weight=2.0)) == pytest.approx(ENTROPY + 2 * 0.3, rel=1e-6)


def test_recall_of_middle_lines():
    # sum(p s) = 0.75, sum(s) = 1: 1 - 1.75 / 2.
    assert loss(Objective(skeleton_weight=4.0)) == pytest.approx(ENTROPY + 4 * 0.125, rel=1e-6)


def test_weights_of_pixels_leave_what_is_of_the_batch():
    weights = np.array([2, 0, 2, 0], np.float32).reshape(1, 2, 2)
    expected = -np.mean(2 * np.log([0.75, 0.5]) / 2) + 2 * 0.3
    assert loss(Objective(dice_weight=2.0), weights) == pytest.approx(expected, rel=1e-6)


def test_a_soft_target_is_the_mean_of_both_losses():
    """The cross-entropy is linear in the target."""
    logits = tf.constant([[[[0.3]]]])
    of = ObjectiveLoss(Objective(border_weight=1.0))
    hard, soft, mixed = (
        float(of(tf.constant([[[[target, 0.0]]]]), logits)) for target in (1.0, 0.2, 0.44)
    )
    assert mixed == pytest.approx(0.3 * hard + 0.7 * soft, rel=1e-6)
