"""The history as a table: a row for each epoch, the numbers of the log."""

import csv
import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from loihiseg import installed
from loihiseg.data.splits import z_block_split
from loihiseg.errors import InputError
from loihiseg.metrics.levels import LayerLevels
from loihiseg.progress import Reporter
from loihiseg.training.history_table import COLUMNS, history_csv, mean_level, rate_shares
from loihiseg.training.state import Epoch
from tests.commands import refused
from tests.results.examples import example
from tests.training_runs import CONFIG, synthetic_stack

PLAIN = Epoch(1, 0.5, 0.25, 0.75, 0.9, 0.6, 0.4, ())


def rows(text):
    return list(csv.DictReader(text.splitlines()))


def test_a_row_for_each_epoch():
    (layer,) = example().layers
    rates = (
        replace(layer.rates, n_neurons=10, share_in_range=0.5),
        replace(layer.rates, n_neurons=30, share_in_range=0.9),
    )
    levels = (LayerLevels("a", 3, 0.5, 1.0, 0.25, 0), LayerLevels("b", 3, 0.5, 2.0, 0.25, 0))
    history = [
        replace(PLAIN, rates=rates),
        replace(PLAIN, epoch=2, levels=levels, events_per_mac=0.125, phase=1),
    ]
    assert rate_shares(history[0]).pooled == pytest.approx(0.8)
    first, second = rows(history_csv(history))
    assert tuple(first) == COLUMNS
    assert float(first["share_in_rate_range"]) == pytest.approx(0.8)
    assert (first["worst_share_in_rate_range"], first["mean_level"]) == ("0.5", "")
    assert (first["epoch"], first["loss"], first["validation_loss"]) == ("1", "0.5", "0.75")
    assert (first["accuracy"], first["membrane_iou"], first["threshold"]) == ("0.9", "0.6", "0.4")
    assert mean_level(history[1]) == sum(one.mean_level for one in levels) / 2
    assert (second["phase"], second["events_per_mac"]) == ("1", "0.125")
    assert second["share_in_rate_range"] == "" and float(second["mean_level"]) > 0


def trained(folder, capfd, board=False):
    """A training by the command's own function; what it said on standard error."""
    from loihiseg.commands.train.command import Told, _train

    stack = synthetic_stack(6, (48, 48))
    told = Told(Reporter(), SimpleNamespace(open=lambda path: None), board)
    split = z_block_split(stack.n_sections)
    _train(stack, split, replace(CONFIG, epochs=2), folder, None, False, told)
    return capfd.readouterr().err


def test_the_table_is_the_log(tmp_path, capfd):
    said = [line for line in trained(tmp_path, capfd).splitlines() if line.startswith("epoch ")]
    found = rows((tmp_path / "history.csv").read_text())
    kept = json.loads((tmp_path / "history.json").read_text())
    for line, row, one in zip(said, found, kept, strict=True):
        assert line.startswith(
            f"epoch {int(row['epoch']):3d}  loss {float(row['loss']):.4f}  validation "
            f"{float(row['validation_loss']):.4f}  accuracy {float(row['accuracy']):.2%}  membrane "
            f"IoU {float(row['membrane_iou']):.3f}  "
        )
        assert float(row["share_in_rate_range"]) == pytest.approx(
            sum(r["share_in_range"] * r["n_neurons"] for r in one["rates"])
            / sum(r["n_neurons"] for r in one["rates"])
        )


def test_tensorboard_hears_of_every_epoch(tmp_path, capfd):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    trained(tmp_path, capfd, board=True)
    kept = json.loads((tmp_path / "history.json").read_text())
    for part, tag, name in (
        ("validation", "epoch_bce", "validation_loss"),
        ("validation", "epoch_accuracy", "accuracy"),
        ("validation", "epoch_membrane_iou", "membrane_iou"), ("train", "epoch_bce", "loss"),
    ):  # fmt: skip
        found = events.EventAccumulator(
            str(tmp_path / "tensorboard" / part), size_guidance={events.TENSORS: 0}
        ).Reload()
        from tensorboard.util.tensor_util import make_ndarray

        values = {one.step: float(make_ndarray(one.tensor_proto)) for one in found.Tensors(tag)}
        assert values == pytest.approx({n: one[name] for n, one in enumerate(kept)}, rel=1e-5)


def test_without_tensorboard_it_is_refused_at_once(capfd, tmp_path, monkeypatch):
    monkeypatch.setattr(
        installed.importlib.util, "find_spec",
        lambda name, find=installed.importlib.util.find_spec: (
            None if name == "tensorboard" else find(name)
        ),
    )  # fmt: skip
    out = tmp_path / "out"
    refused(
        capfd, "--tensorboard: TensorBoard is not installed; pip install", "train",
        "--preset", "tiny", "--tensorboard", "--out", out,
    )  # fmt: skip
    assert not out.exists()
    with pytest.raises(InputError, match=r"history\.csv"):
        installed.require_tensorboard()
