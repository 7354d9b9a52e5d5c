"""The mean of weights: by hand, and in trainings that are killed and go on."""

from dataclasses import replace

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.data.synthetic import synthetic_stack
from loihiseg.training.averaging import MeanWeights
from loihiseg.training.checkpoint import load_checkpoint
from loihiseg.training.objective import Objective
from tests.training_runs import run, same_run, state


def test_the_mean_by_hand():
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, use_bias=False, input_shape=(1,))])
    mean = MeanWeights(0.5, [np.zeros((1, 1), np.float32)], batches=9)
    mean.set_model(model)
    for value in (1.0, 2.0):
        model.set_weights([np.full((1, 1), value, np.float32)])
        mean.on_train_batch_end(0)
    # The momentum is less than 10 / 20 and 11 / 21 allow.
    assert mean.weights[0][0, 0] == pytest.approx(0.5 * 0.5 + 0.5 * 2)


def test_it_forgets_its_beginning_sooner_at_first():
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, use_bias=False, input_shape=(1,))])
    model.set_weights([np.ones((1, 1), np.float32)])
    mean = MeanWeights(0.99, [np.zeros((1, 1), np.float32)])
    mean.set_model(model)
    mean.on_train_batch_end(0)
    assert mean.weights[0][0, 0] == pytest.approx(1 - 1 / 11)


CHANGES = {"average": 0.5, "tuning_epochs": 2}


@pytest.fixture(scope="module")
def averaged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("averaged")
    run(folder, **CHANGES)
    return folder


def test_what_is_kept_is_the_mean(averaged):
    info = load_checkpoint(averaged).info
    found = state(averaged)
    kept = load_checkpoint(averaged).weights
    assert info.epoch in (3, 4)
    differing = 0
    for name, value in kept.items():
        differing += not np.array_equal(found[f"weight/{name}"], value)
        if info.epoch == 4:
            np.testing.assert_array_equal(found[f"average/{name}"], value)
    assert differing


@pytest.mark.parametrize("n_epochs", [1, 2, 3])
def test_it_goes_on_bit_for_bit(averaged, tmp_path, n_epochs):
    class StopError(Exception):
        pass

    def stop(history):
        if len(history) == n_epochs:
            raise StopError

    with pytest.raises(StopError):
        run(tmp_path, on_epoch=stop, **CHANGES)
    run(tmp_path, resume=True, **CHANGES)
    same_run(tmp_path, averaged)


def test_an_objective_changes_what_is_learned(tmp_path):
    stack = synthetic_stack(6, (48, 48))
    soft = np.full(stack.images.shape, 0.5, np.float32)
    plain = load_checkpoint_of(tmp_path / "plain", stack)
    for name, objective, of in (
        ("soft", Objective(soft_share=1.0, soft_labels="1" * 64), replace(stack, soft=soft)),
        ("border", Objective(border_weight=5.0), stack),
        ("dice", Objective(dice_weight=1.0), stack),
        ("skeleton", Objective(skeleton_weight=1.0), stack),
    ):
        found = load_checkpoint_of(tmp_path / name, of, objective=objective)
        assert any(not np.array_equal(found[key], value) for key, value in plain.items()), name


def load_checkpoint_of(folder, stack, **changes):
    run(folder, stack=stack, epochs=1, **changes)
    return load_checkpoint(folder).weights
