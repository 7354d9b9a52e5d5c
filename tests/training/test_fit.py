"""Training repeats bit for bit, also when it was killed on the way."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from loihiseg.data.stack import make_stack
from loihiseg.data.synthetic import synthetic_stack
from loihiseg.errors import InputError
from loihiseg.network.config import RateTarget, UNetConfig
from loihiseg.storage.arrays import pack_arrays, unpack_arrays
from loihiseg.training.checkpoint import load_checkpoint
from tests.training_runs import CONFIG, run, same_run

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    run(folder)
    return folder


def history(folder):
    return json.loads((folder / "history.json").read_text())


def test_checkpoint_is_the_epoch_of_lowest_validation_loss(whole):
    rows = history(whole)
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    best = min(rows, key=lambda row: row["validation_loss"])
    info = load_checkpoint(whole).info
    assert info.epoch == best["epoch"] and info.threshold == best["threshold"]
    assert info.metrics == {k: best[k] for k in ("validation_loss", "accuracy", "membrane_iou")}
    assert info.config == CONFIG
    assert info.data.split.train == (0, 4) and info.data.split.test == (5, 6)
    assert info.data.digest == synthetic_stack(6, (48, 48)).digest
    assert info.versions["tensorflow"] == metadata.version("tensorflow")


def test_history_logs_losses_and_rates(whole):
    for row in history(whole):
        assert row["loss"] > 0 and row["rate_loss"] > 0
        names = [rates["layer"] for rates in row["rates"]]
        assert names[0] == "stem_spikes" and len(names) == 4
        assert all(0 <= rates["share_in_range"] <= 1 for rates in row["rates"])


def test_nothing_half_written_is_left(whole):
    names = {p.name for p in whole.iterdir()}
    weights = {name for name in names if name.startswith("weights-")}
    assert names - weights == {
        "checkpoint.json",
        "history.csv",
        "history.json",
        "training_state.npz",
    }
    assert len(weights) == 1


def test_second_run_is_the_same_bit_for_bit(whole, tmp_path):
    run(tmp_path)
    same_run(tmp_path, whole)


@pytest.fixture(scope="module")
def called(tmp_path_factory):
    """A run of another seed: its folder, batches, and the history as it was told each epoch."""
    folder = tmp_path_factory.mktemp("called")
    batches, told = [], []
    run(
        folder,
        seed=1,
        epochs=2,
        on_batch=lambda: batches.append(1),
        on_epoch=lambda rows: told.append(list(rows)),
    )
    return folder, batches, told


def test_another_seed_is_another_run(whole, called):
    assert history(called[0])[0]["loss"] != history(whole)[0]["loss"]


@pytest.mark.parametrize("n_batches", [3 * 2 + 2])
def test_killed_and_resumed_is_the_same_bit_for_bit(whole, tmp_path, n_batches):
    process = subprocess.run(
        [sys.executable, "-m", "tests.training_runs", tmp_path, str(n_batches)],
        cwd=ROOT,
        capture_output=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()
    assert len(history(tmp_path)) == n_batches // 3  # killed within the epoch after
    run(tmp_path, resume=True)
    same_run(tmp_path, whole)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuned")
    run(folder, tuning_epochs=2)
    return folder


def test_last_epochs_train_with_the_chips_effects(tuned, whole):
    """Up to there the run is the plain one; then it differs, and only its epochs are kept."""
    plain, ours = history(whole), history(tuned)
    assert plain[:2] == ours[:2]
    assert plain[2]["loss"] != ours[2]["loss"]
    best = min(ours[2:], key=lambda row: row["validation_loss"])
    assert load_checkpoint(tuned).info.epoch == best["epoch"]


@pytest.fixture(scope="module")
def both_effects(tmp_path_factory):
    folder = tmp_path_factory.mktemp("both")
    run(folder, tuning_epochs=2, epochs=3)
    return history(folder)


@pytest.mark.parametrize(
    "changes", [{"eight_bit": False}, {"window_steps": 0}, {"window_steps": 30}]
)
def test_each_effect_counts(both_effects, tmp_path, changes):
    run(tmp_path, tuning_epochs=2, epochs=3, **changes)
    assert history(tmp_path)[0] == both_effects[0]
    assert history(tmp_path)[1]["loss"] != both_effects[1]["loss"]


# The last of the first part, and one on either side of it.
@pytest.mark.parametrize(
    "n_epochs",
    [pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(3, marks=pytest.mark.slow)],
)
def test_tuning_is_resumed_bit_for_bit(tuned, tmp_path, n_epochs):
    class Stop(Exception):
        pass

    def stop(history):
        if len(history) == n_epochs:
            raise Stop

    with pytest.raises(Stop):
        run(tmp_path, tuning_epochs=2, on_epoch=stop)
    run(tmp_path, tuning_epochs=2, resume=True)
    same_run(tmp_path, tuned)


@pytest.mark.parametrize("moment", ["checkpoint", "state"])
def test_killed_while_writing(whole, tmp_path, monkeypatch, moment):
    from loihiseg.training import fit as training

    calls = []
    name = {"checkpoint": "save_checkpoint", "state": "_save_state"}[moment]
    original = getattr(training, name)

    def die_in_the_second(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        original(*arguments)

    monkeypatch.setattr(training, name, die_in_the_second)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    monkeypatch.undo()
    run(tmp_path, resume=True)
    same_run(tmp_path, whole)


def test_resuming_a_finished_run_changes_nothing(whole, tmp_path):
    for path in whole.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    epochs = []
    run(tmp_path, resume=True, on_epoch=lambda rows: epochs.append(1))
    assert not epochs
    same_run(tmp_path, whole)


def test_stops_early(tmp_path, monkeypatch):
    from dataclasses import replace

    from loihiseg.training import fit as training

    losses = iter([0.5, 0.4, 0.6, 0.45, 0.3, 0.2])
    original = training.validate

    def scripted(*arguments):
        return replace(original(*arguments), validation_loss=next(losses))

    monkeypatch.setattr(training, "validate", scripted)
    checkpoint = run(tmp_path, epochs=6, patience=2, steps_per_epoch=1)
    assert [row["epoch"] for row in history(tmp_path)] == [1, 2, 3, 4]
    assert checkpoint.info.epoch == 2
    # Nor does it go on when resumed.
    assert run(tmp_path, epochs=6, patience=2, steps_per_epoch=1, resume=True).info.epoch == 2
    assert len(history(tmp_path)) == 4


def test_callbacks(called):
    _, batches, told = called
    assert len(batches) == 6 and [[row.epoch for row in rows] for rows in told] == [[1], [1, 2]]


def refused(folder, says, **changes):
    with pytest.raises(InputError, match=says) as error:
        run(folder, **changes)
    assert "\n" not in str(error.value)


def test_nothing_to_resume(tmp_path):
    refused(
        tmp_path,
        "nothing to resume from .*; choose another output folder and train without resuming",
        resume=True,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 3},
        {"batch": 4},
        {"learning_rate": 0.1},
        {"network": UNetConfig(16, (2, 4), (1, 1), (1,), stem_channels=2)},
        {"network": UNetConfig(16, (2, 3), (1, 1), (1,), 2, 2, RateTarget(weight=0.5))},
    ],
)
def test_another_configuration_is_not_resumed(whole, changes):
    refused(
        whole,
        "another configuration .*; choose another output folder and train without resuming",
        resume=True,
        **changes,
    )


def test_other_data_are_not_resumed(whole):
    other = synthetic_stack(6, (48, 48), seed=1)
    refused(
        whole,
        "other data than synthetic.* give those as data, or choose another output folder and train",
        resume=True,
        stack=other,
    )


def test_state_of_another_run_is_not_resumed(whole, tmp_path, monkeypatch):
    """A new run that was killed in its first epoch, in the folder of an older one."""
    from loihiseg.training import fit as training

    for path in whole.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "_save_state", killed)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, seed=3)
    monkeypatch.undo()
    refused(
        tmp_path,
        "another configuration .*; choose another output folder and train without resuming",
        resume=True,
        seed=3,
    )
    same_run(tmp_path, whole)


@pytest.mark.parametrize("damage", ["empty", "cut", "zeros", "text", "not history"])
def test_damaged_state(whole, tmp_path, damage):
    for path in whole.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    path = tmp_path / "training_state.npz"
    data = path.read_bytes()
    path.write_bytes(
        {
            "empty": b"",
            "cut": data[: len(data) // 2],
            "zeros": data[:200] + bytes(400) + data[600:],
            "text": b"hello",
            "not history": pack_arrays({"history": np.frombuffer(b"[{}]", np.uint8)}),
        }[damage]
    )
    refused(
        tmp_path,
        "nothing to resume from .*; choose another output folder and train without resuming",
        resume=True,
    )


@pytest.mark.parametrize(
    "source, kept",
    [
        ("/home/somebody/data/isbi2012", "isbi2012"),
        ("../stack.tif", "stack.tif"),
        ("synthetic(seed=0)", "synthetic(seed=0)"),
    ],
)
def test_checkpoints_do_not_tell_where_data_lay(source, kept):
    from types import SimpleNamespace

    from loihiseg.data.splits import Split
    from loihiseg.training.fit import _record_of

    stack = SimpleNamespace(source=source, digest="d", polarity="p", pixel_nm=None, moved_px=None)
    parts = Split(range(2), range(2, 3), range(3, 4))
    assert _record_of(stack, parts).source == kept


def test_state_of_another_optimizer(whole, tmp_path):
    from loihiseg.storage.seal import seal
    from loihiseg.training.state import FORMAT, WORD

    for path in whole.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    path = tmp_path / "training_state.npz"
    arrays = unpack_arrays(path.read_bytes().partition(b"\n")[2])
    arrays["optimizer/1"] = np.zeros((1, 2), "f4")
    path.write_bytes(seal(WORD, FORMAT, pack_arrays(arrays)))
    refused(tmp_path, "holds the state of another optimizer", resume=True)


def test_no_labels(tmp_path):
    stack = make_stack(synthetic_stack(6, (48, 48)).images, None, "somewhere")
    refused(tmp_path, "somewhere: has no labels to train on; give labels", stack=stack)
    assert not list(tmp_path.iterdir())


def test_history_can_be_drawn(called, tmp_path):
    from loihiseg.report.training import draw_history

    draw_history(called[2][0], tmp_path / "training.png")
    assert (tmp_path / "training.png").read_bytes().startswith(b"\x89PNG")


def test_diverged_training_is_one_line(tmp_path):
    rates = replace(CONFIG.network.rates, weight=1e38, low_hz=0, high_hz=1e-3)
    network = replace(CONFIG.network, rates=rates)
    refused(tmp_path, "training diverged in epoch 1", network=network)
    assert not (tmp_path / "checkpoint.json").exists()


def test_trained_network_is_not_overwritten(tmp_path):
    from loihiseg.commands.train.command import main

    (tmp_path / "checkpoint.json").write_text("{}")
    with pytest.raises(InputError, match="holds a trained network already; go on with --resume"):
        main(["--preset", "tiny", "--out", str(tmp_path), "--quiet"])
    assert (tmp_path / "checkpoint.json").read_text() == "{}"
