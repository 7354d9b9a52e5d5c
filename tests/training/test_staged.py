"""Training down to few levels: stages follow one another, also after a kill."""

import json
from dataclasses import replace

import numpy as np
import pytest

from loihiseg.data.splits import z_block_split
from loihiseg.data.synthetic import synthetic_stack
from loihiseg.errors import InputError
from loihiseg.network.quantized import QuantizedReLU
from loihiseg.network.unet import build_unet
from loihiseg.training.checkpoint import load_checkpoint, set_model_weights
from loihiseg.training.presets import PRESETS, Stage
from tests.training_runs import CONFIG, run, same_run

STAGES = (Stage(0, 1, False, True), Stage(3, 2))


def changes(stages=STAGES):
    last = stages[-1]
    network = replace(CONFIG.network, levels=last.levels, batch_norm=last.batch_norm)
    return {"network": network, "stages": stages, "epochs": sum(s.epochs for s in stages)}


def history(folder):
    return json.loads((folder / "history.json").read_text())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    from loihiseg.report.training import draw_history

    folder = tmp_path_factory.mktemp("whole")
    picture = folder.with_suffix(".png")
    run(folder, on_epoch=lambda rows: draw_history(rows, picture), **changes())
    assert picture.read_bytes().startswith(b"\x89PNG")
    return folder


def test_history_says_the_levels_of_each_epoch(whole):
    rows = history(whole)
    levels = [[layer["n_levels"] for layer in row["levels"]] for row in rows]
    assert levels == [[], [3] * 4, [3] * 4]
    assert rows[0]["rates"] == [] and [row["phase"] for row in rows] == [0, 1, 1]
    for row in rows[1:]:
        assert all(layer["scale"] > 0 and layer["mean_level"] >= 0 for layer in row["levels"])
        assert row["rates"] == [] and row["rate_loss"] == pytest.approx(0, abs=1e-6)


def test_weighted_events_become_fewer(whole, tmp_path):
    run(tmp_path, event_weight=5.0, **changes())
    as_they_are, weighted = history(whole), history(tmp_path)
    assert as_they_are[0]["events_per_mac"] == 0 and as_they_are[-1]["events_per_mac"] > 0.05
    assert weighted[-1]["events_per_mac"] < 0.95 * as_they_are[-1]["events_per_mac"]
    # What is added to the loss is the weight times the ratio on training crops.
    assert 0.5 < weighted[-1]["rate_loss"] / (5 * weighted[-1]["events_per_mac"]) < 2


def test_checkpoint_is_the_best_of_the_last_stage(whole):
    rows = history(whole)[1:]
    info = load_checkpoint(whole).info
    assert info.epoch == min(rows, key=lambda row: row["validation_loss"])["epoch"]
    assert info.config == replace(CONFIG, **changes())
    assert info.config.network.levels == 3 and info.config.stages == STAGES


def test_stopped_between_stages_and_resumed_is_the_same_bit_for_bit(whole, tmp_path):
    class Stop(Exception):
        pass

    def stop(rows):
        raise Stop

    with pytest.raises(Stop):
        run(tmp_path, on_epoch=stop, **changes())
    early = load_checkpoint(tmp_path).info.config
    assert early.network.levels == 0 and early.network.batch_norm
    assert early.stages == STAGES[:1]
    run(tmp_path, resume=True, **changes())
    same_run(tmp_path, whole)


def test_pooled_with_neighbours_resumed_is_the_same_bit_for_bit(tmp_path):
    own = changes()
    own["network"] = replace(own["network"], pooling=True, neighbours=1)
    own["average"] = 0.9

    class Stop(Exception):
        pass

    def stop(rows):
        if len(rows) == 2:
            raise Stop

    run(tmp_path / "whole", **own)
    with pytest.raises(Stop):
        run(tmp_path / "cut", on_epoch=stop, **own)
    run(tmp_path / "cut", resume=True, **own)
    same_run(tmp_path / "cut", tmp_path / "whole")
    trained = load_checkpoint(tmp_path / "cut")
    assert trained.weights["stem/kernel:0"].shape == (5, 5, 3, 2)
    # What is seen on either side is looked at.
    kernel = trained.weights["stem/kernel:0"]
    assert np.abs(kernel[:, :, 0] - kernel[:, :, 2]).max() > 0.01


def test_killed_between_state_and_history(whole, tmp_path, monkeypatch):
    """Within the second stage; the state decides which goes on."""
    from loihiseg.training import state as training_state

    written = []
    original = training_state.write_json

    def die_in_the_second(path, rows):
        written.append(1)
        if len(written) == 2:
            raise KeyboardInterrupt
        original(path, rows)

    monkeypatch.setattr(training_state, "write_json", die_in_the_second)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, **changes())
    monkeypatch.undo()
    run(tmp_path, resume=True, **changes())
    same_run(tmp_path, whole)


def test_network_of_the_checkpoint_has_its_levels_and_scales(whole):
    found = load_checkpoint(whole)
    model = build_unet(found.info.config.network)
    set_model_weights(model, found.weights)
    layers = [layer for layer in model.layers if isinstance(layer, QuantizedReLU)]
    assert [layer.levels for layer in layers] == [3] * 4
    assert [float(layer.scale) for layer in layers] == [
        found.weights[f"{layer.name}/alpha:0"] for layer in layers
    ]


def test_starts_from_a_checkpoint(whole, tmp_path):
    from loihiseg.training.beginning import started_from
    from loihiseg.training.fit import train

    start = load_checkpoint(whole)
    stack = synthetic_stack(6, (48, 48))
    config = started_from(replace(CONFIG, seed=5, **changes((Stage(1, 1),))), start)
    found = train(stack, z_block_split(6), config, tmp_path, start=start)
    assert found.info.config.start == config.start and len(config.start) == 64
    moved = np.abs(found.weights["stem/kernel:0"] - start.weights["stem/kernel:0"])
    assert 0 < moved.mean() < 0.2 * np.abs(start.weights["stem/kernel:0"]).mean()
    again = train(stack, z_block_split(6), config, tmp_path, resume=True)
    assert again.info == found.info


@pytest.mark.parametrize(
    "change, says",
    [
        ({"channels": (2, 4)}, r"channels \(2, 3\), expected \(2, 4\); choose the preset"),
        ({"stem_channels": 3}, "stem_channels 2, expected 3"),
        ({"pooling": True}, "pooling False, expected True; choose the preset"),
        ({"neighbours": 2}, "neighbours 0, expected 2; choose the neighbours"),
    ],
)
def test_other_channels_are_no_start(whole, change, says):
    from loihiseg.training.beginning import started_from

    config = replace(CONFIG, network=replace(CONFIG.network, **change))
    with pytest.raises(InputError, match=says):
        started_from(config, load_checkpoint(whole))


def parsed(*arguments):
    from loihiseg.commands.train.configuration import configuration
    from loihiseg.commands.train.options import parse

    return configuration(parse(["--preset", "tiny", *arguments]))


def test_options():
    config = parsed("--levels", "3", "--epochs", "12", "--learning-rate", "0.01", "--batch-norm")
    assert [(s.levels, s.epochs) for s in config.stages] == [
        (0, 4), (31, 2), (15, 1), (7, 1), (3, 3), (3, 1)
    ]  # fmt: skip
    assert [s.batch_norm for s in config.stages] == [True] * 5 + [False]
    assert config.event_weight == 0 and parsed("--levels", "3", "--event-weight", "0.2") != config
    assert config.learning_rate == 0.01 and config.network.levels == 3
    assert parsed("--start", "x").learning_rate == pytest.approx(parsed().learning_rate / 5)
    own = ["--levels", *"711111"]
    config = parsed(*own, "--start", "x", "--stages", "15:2", "3:1", "1:4", "--float-weights")
    assert [s.levels for s in config.stages] == [(15,) * 6, (7,) + (3,) * 5, (7,) + (1,) * 5]
    assert not any(s.eight_bit for s in config.stages) and config.epochs == 7


def test_a_preset_of_levels_has_stages_of_its_own():
    pooled = ["--preset", "pooled"]
    config = parsed(*pooled, "--neighbours", "1")
    assert [(s.levels, s.epochs) for s in config.stages] == [(0, 24), (3, 12), (3, 4)]
    assert [s.batch_norm for s in config.stages] == [True, True, False]
    assert [s.eight_bit for s in config.stages] == [False, False, True]
    assert (config.network.neighbours, config.network.levels) == (1, 3)
    assert config.average == 0.995 and parsed(*pooled, "--average", "0").average == 0
    assert replace(config, network=replace(config.network, neighbours=0)) == PRESETS["pooled"]
    short = parsed(*pooled, "--epochs", "9")
    assert short.epochs == 9 and short.stages[0].levels == 0 and short.stages[-1].levels == 3
    assert parsed(*pooled, "--start", "x").stages[0].levels == 31
    assert parsed(*pooled, "--levels", "2").network.levels == 2
    for arguments, says in (
        (["--stages", "3:4"], "are for training with --levels"),
        (["--tuning-epochs", "4"], "are for firing rates"),
        (["--method", "bntt"], "knows neither pooling nor neighbouring sections"),
    ):
        with pytest.raises(InputError, match=says):
            parsed(*pooled, *arguments)
    with pytest.raises(InputError, match="knows neither pooling nor neighbouring sections"):
        parsed("--neighbours", "1", "--method", "bntt")


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["--stages", "3:4"], "are for training with --levels"),
        (["--batch-norm"], "are for training with --levels"),
        (["--event-weight", "0.1"], "are for training with --levels"),
        (["--levels", "3", "--stages", "31:2", "7:2"], "the last has levels 7, --levels 3"),
        (["--levels", "3", "--stages", "3:4", "--epochs", "9"], "have 4 in all"),
        (["--levels", "3", "--tuning-epochs", "4"], "are for firing rates"),
        (["--levels", "3", "3"], "6 numbers, one per activation"),
    ],
)
def test_options_that_do_not_go_together(arguments, says):
    with pytest.raises(InputError, match=says):
        parsed(*arguments)


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["--levels", "3", "--event-weight", "-1"], "--event-weight: -1: expected a number, 0 to"),
        (["--levels", "3", "--event-weight", "nan"], "--event-weight: nan: expected a number"),
        (["--learning-rate", "-1"], "--learning-rate: -1: expected a number, above 0"),
    ],
)
def test_numbers_outside_of_their_limits(arguments, says, capsys):
    with pytest.raises(SystemExit) as error:
        parsed(*arguments)
    assert error.value.code == 2 and says in capsys.readouterr().err


@pytest.mark.parametrize("text", ["3", "3:", ":3", "3:0", "a:1", "-1:2"])
def test_stage_that_is_none(text, capsys):
    with pytest.raises(SystemExit) as error:
        parsed("--levels", "3", f"--stages={text}")
    assert error.value.code == 2
    assert "expected LEVELS:EPOCHS" in capsys.readouterr().err


def test_start_that_is_none(tmp_path):
    from loihiseg.commands.train import command as train

    with pytest.raises(InputError, match="not a checkpoint"):
        train.main(["--start", str(tmp_path), "--levels", "3", "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()
