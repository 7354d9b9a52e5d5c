"""``loihiseg.simulate`` as a user meets it, and as a method comes in by the door."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from loihiseg.commands.common import run
from loihiseg.commands.simulate import main
from loihiseg.methods.method import Need, OnChip
from loihiseg.methods.registry import METHODS
from loihiseg.report.run_folder import load_simulation
from loihiseg.results import Network, SimulationResults
from partition.command_line.options import real
from tests import quantized
from tests.methods.networks import LEVELS, RATES, write_checkpoint, write_stack

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A stack, a network of levels, and one of rates."""
    found = tmp_path_factory.mktemp("simulate")
    write_stack(found / "stack")
    write_checkpoint(found / "levels", LEVELS)
    write_checkpoint(found / "rates", RATES)
    return found


def simulate(capfd, *arguments, methods=METHODS):
    """Exit code, standard output and error of the command."""
    try:
        code = run(lambda given: main(given, methods), list(map(str, arguments)))
    except SystemExit as leave:
        code = leave.code
    captured = capfd.readouterr()
    return code, captured.out, captured.err


def refused(capfd, *arguments):
    """The line in which the command refuses."""
    code, out, err = simulate(capfd, *arguments)
    assert (code, out) == (2, ""), err
    (line,) = [line for line in err.splitlines() if line.strip()]
    assert "error: " in line
    return line


# --- the command ------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["--help"], ["--method", "fast-snn", "--help"]])
def test_help_is_quick_and_says_what_a_method_needs(arguments):
    code = (
        "import sys\n"
        "from loihiseg.commands.simulate import main\n"
        f"try:\n    main({arguments})\n"
        "except SystemExit as leave:\n    assert not leave.code\n"
        "heavy = {'tensorflow', 'keras', 'nengo', 'nengo_loihi', 'numba', 'numpy', 'rich'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    text = " ".join(found.stdout.split())
    assert "Needs: activations of few levels" in text and "by the thermometer code" in text
    # Another method may have options of the same name.
    assert ("--crops" in text) == (len(arguments) > 1)


@pytest.mark.parametrize(
    "arguments, says",
    [
        ([], "arguments are required: --method"),
        (["--method"], "--method: expected one argument"),
        (["--method", "slow-snn"], "invalid choice: 'slow-snn'"),
        (["--crops", "3"], "required: --method"),
        (["--method", "fast-snn", "--steps", "0"], "--steps: 0: expected a whole number, 1 to"),
        (["--method", "fast-snn", "--crops", "-1"], "--crops: -1: expected a whole number, 0 to"),
        (["--method", "fast-snn", "--seed", "-1"], "--seed: -1: expected"),
        (["--method", "fast-snn"], "--checkpoint paper-synthetic: has no levels"),
        (["--method", "fast-snn", "--checkpoint", "nowhere"], "nowhere: not a checkpoint"),
    ],
)
def test_wrong_options(capfd, tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    assert says in refused(capfd, *arguments)
    assert not list(tmp_path.iterdir())


def test_rates_are_refused_without_tensorflow(folder):
    code = (
        "import sys\n"
        "from loihiseg.commands.common import run\n"
        "from loihiseg.commands.simulate import main\n"
        "code = run(main, sys.argv[1:])\n"
        "assert 'tensorflow' not in sys.modules\n"
        "sys.exit(code)\n"
    )
    arguments = ["--method", "fast-snn", "--checkpoint", str(folder / "rates")]
    found = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert found.returncode == 2, found.stderr
    (line,) = found.stderr.splitlines()
    assert "rates: has no levels, which fast-snn needs; give a network" in line


def test_what_was_trained_or_chosen_on_is_not_scored(capfd, folder, tmp_path):
    out = tmp_path / "out"
    given = ["--method", "fast-snn", "--checkpoint", folder / "levels", "--quiet", "--out", out]
    data = ["--data", folder / "stack"]
    line = refused(capfd, *given, *data, "--sections", "3:5")
    assert "--sections 3:5: section 3 is one of those" in line
    line = refused(capfd, *given, *data, "--sections", "9:")
    assert "--sections '9:' goes past the end, the stack has 6 sections" in line
    short = write_stack(tmp_path / "short", n_sections=5)
    line = refused(capfd, *given, "--data", short)
    assert "has 5 sections" in line and "by a split of 6" in line
    bare = write_stack(tmp_path / "bare", labelled=False) / "train-volume.tif"
    assert "has no labels to score against; give --labels" in refused(capfd, *given, "--data", bare)
    assert not list(out.iterdir())


def test_a_keras_file_is_refused(capfd, folder, tmp_path):
    """It may have levels, but not the rounding they were trained with."""
    path = tmp_path / "model.keras"
    quantized.model(config=LEVELS).save(path)
    line = refused(
        capfd, "--method", "fast-snn", "--checkpoint", path, "--data", folder / "stack", "--quiet",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert "is a Keras model, which does not say how its weights are rounded" in line


@pytest.fixture(scope="module")
def kept(folder):
    """Run folder of Fast-SNN with all that it can be asked for."""
    out = folder / "run"
    code = run(
        main,
        [
            "--method", "fast-snn", "--checkpoint", str(folder / "levels"),
            "--start", str(folder / "rates"), "--data", str(folder / "stack"),
            "--crops", "2", "--seed", "5", "--quiet", "--out", str(out),
        ],
    )  # fmt: skip
    assert code == 0
    return out


def test_fast_snn_writes_what_it_came_to(kept, folder):
    assert {path.name for path in kept.iterdir()} == {
        "config.json", "metrics.json", "simulate.log"
    }  # fmt: skip
    config = json.loads((kept / "config.json").read_text())
    assert config["method"] == "fast-snn" and config["settings"] == {"steps": None, "crops": 2}
    assert config["checkpoint"] == str(folder / "levels") and config["seed"] == 5
    results = load_simulation(kept)
    assert results.method == "fast-snn"
    assert [row.network for row in results.score_rows] == [
        Network.TRAINED, Network.QUANTIZED, Network.SIGNED, Network.SIGNED_TUNED,
        Network.UNSIGNED, Network.UNSIGNED_TUNED,
    ]  # fmt: skip
    # As many as a layer on the chip has; the stem's three are the host's.
    assert results.steps == 2 and results.levels == (3, 2)
    assert results.sections == (4, 5) and results.n_neurons == 8 * 8 * 3
    assert [len(layers) for layers in results.tuning.values()] == [1, 1]
    log = (kept / "simulate.log").read_text()
    assert [stage for stage in results.seconds if f"{stage} begins" in log] == [
        "load", "networks", "signed", "signed, tuned", "unsigned", "unsigned, tuned",
    ]  # fmt: skip


def test_fast_snn_prints_its_tables(kept, capfd):
    from loihiseg.commands.simulate import print_results

    print_results(load_simulation(kept), METHODS.find("fast-snn"), kept)
    out = capfd.readouterr().out
    for text in ("Scores", "Work per section", "Tuning", "unsigned, tuned", f"results: {kept}"):
        assert text in out
    assert "192 neurons would be on the chip" in out and "by the thermometer code" in out


def test_without_tuning_and_start_as_json(capfd, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = simulate(
        capfd, "--method", "fast-snn", "--checkpoint", folder / "levels", "--data",
        folder / "stack", "--crops", "0", "--steps", "3", "--sections", "5", "--json",
    )  # fmt: skip
    assert code == 0 and out.count("\n") == 1, err
    found = json.loads(out)
    assert found == json.loads((tmp_path / "runs" / "simulate-1" / "metrics.json").read_text())
    assert [row["network"] for row in found["score_rows"]] == ["quantized", "signed", "unsigned"]
    assert (found["steps"], found["sections"], found["tuning"]) == (3, [5], {})


# --- the door ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Settings:
    percentile: float


class Bursts:
    """Thresholds from calibration tiles, bursts of spikes: in this file alone."""

    name = "bursts"
    summary = "Bursts, for a test."
    needs = frozenset({Need.CALIBRATION})
    on_chip = OnChip(False, "nothing of it.")

    def add_options(self, parser):
        parser.add_argument("--percentile", type=real(0, 100), default=99.0)

    def settings(self, options):
        return Settings(options.percentile)

    def run(self, task, settings, reporter):
        from loihiseg.compilation.source import predictor
        from loihiseg.conversion.converter import keras_network
        from loihiseg.conversion.lowering import lower
        from loihiseg.data.augmentation import sample_crops
        from loihiseg.methods.scores import Scores
        from loihiseg.simulation.neurons import IntegrateAndFire

        lowering = lower(task.network.model)
        rng = np.random.default_rng(task.seed)
        tiles, _, _ = sample_crops(task.training, task.network.tile, 4, rng, augment=False)
        activations = keras_network(lowering.network, staircase=False)(tiles)
        thresholds = {
            layer.name: float(np.percentile(values, settings.percentile))
            for layer, values in zip(lowering.network.layers, activations)
        }
        scores = Scores(task, reporter)
        with reporter.part("scores"):
            scores.add(Network.TRAINED, predictor(task.network.model), task.network)
            work = scores.add_spiking(
                Network.SIMULATED, lowering, 6, IntegrateAndFire(thresholds, most_spikes=3),
                task.network, "bursts, 6 steps",
            )  # fmt: skip
        return SimulationResults(
            tuple(scores.rows), 6, task.network.tile, (0,) * len(lowering.network.layers),
            task.test.section_numbers, lowering.network.n_chip_neurons,
            {Network.SIMULATED: work}, {}, task.data, reporter.seconds, 0.0, self.name,
        )  # fmt: skip


def test_a_method_of_its_own_comes_in_by_the_registry(capfd, folder, tmp_path):
    methods = METHODS.with_method(Bursts())
    arguments = ["--method", "bursts", "--checkpoint", folder / "rates", "--data",
                 folder / "stack", "--out", tmp_path, "--percentile", "99.5"]  # fmt: skip
    code, out, err = simulate(capfd, *arguments, methods=methods)
    assert code == 0, err
    assert "bursts, 6 steps per tile" in out and "On a chip: nothing of it." in out
    assert "Tuning" not in out
    results = load_simulation(tmp_path)
    assert results.method == "bursts"
    assert [row.name for row in results.score_rows] == ["trained", "bursts, 6 steps"]
    assert results.spiking[Network.SIMULATED].spikes > 0
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["method"] == "bursts" and config["settings"] == {"percentile": 99.5}
    # Its options are its own, and its name is known where it is registered.
    code, _, err = simulate(capfd, *arguments[2:], "--method", "fast-snn", methods=methods)
    assert code == 2 and "unrecognized arguments: --percentile" in err
    assert "invalid choice: 'bursts'" in refused(capfd, *arguments)


# --- SpiCalib -----------------------------------------------------------------------------------


def spicalib(capfd, *arguments):
    return simulate(capfd, "--method", "spicalib", *arguments)


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["--steps", "8,4"], "8,4: expected numbers of steps, each larger than the one before"),
        (["--steps", "8,x"], "x: expected a whole number, 1 to 10000"),
        (["--divided", "--as-published"], "--divided: is not as published"),
        (["--allowance", "0", "--as-published"], "--allowance 0: means no calibration"),
        (["--quantile", "0"], "--quantile: 0: expected"),
        (["--scales", "pixel"], "invalid choice: 'pixel'"),
    ],
)
def test_wrong_options_of_spicalib(capfd, tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    assert says in refused(capfd, "--method", "spicalib", *arguments)
    assert not list(tmp_path.iterdir())


def test_a_search_without_optuna_says_what_to_install(capfd, monkeypatch):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "optuna" else find(name)
    )
    line = refused(capfd, "--method", "spicalib", "--search", "8")
    assert "--search needs optuna" in line and "loihiseg[calibration]" in line


def test_spicalib_refuses_networks_of_levels(capfd, folder, tmp_path):
    line = refused(
        capfd, "--method", "spicalib", "--checkpoint", folder / "levels", "--data",
        folder / "stack", "--quiet", "--out", tmp_path,
    )  # fmt: skip
    assert "has levels; spicalib is of networks that were trained without" in line


@pytest.fixture(scope="module")
def pooling(folder):
    """A Keras file of a U-Net with ReLU, batch normalizations and max pooling."""
    from benchmarks.textbook_unet import Shape, unet

    model = unet(Shape((2, 3), 16))
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if "norm" not in weight.name:
            weight.assign(rng.normal(0, 0.4, weight.shape))
    model.save(folder / "pooling.h5")
    return folder / "pooling.h5"


def test_spicalib_adds_each_part_in_turn(capfd, folder, pooling, tmp_path):
    code, out, err = spicalib(
        capfd, "--checkpoint", pooling, "--data", folder / "stack", "--out", tmp_path,
        "--steps", "2,5", "--crops", "3", "--quantile", "0.995", "--quiet", "--sections", "5",
    )  # fmt: skip
    assert code == 0, err
    results = load_simulation(tmp_path)
    names = ["rates", "bursts", "lateral pooling", "spike calibration"]
    every = [f"{name}, T = {steps}" for name in names for steps in (2, 5)]
    assert [row.name for row in results.score_rows] == ["trained", *every]
    assert [run.name for run in results.runs] == every
    assert (results.steps, results.method, results.tried) == (5, "spicalib", ())
    assert results.spiking == {} and results.levels == (0,) * 7
    spikes = {run.name: run.work.spikes for run in results.runs}
    assert all(0 < spikes[f"{name}, T = 2"] < spikes[f"{name}, T = 5"] for name in names)
    assert "spike calibration, T = 5" in out and "Quantiles" not in out
    config = json.loads((tmp_path / "config.json").read_text())["settings"]
    assert config["steps"] == [2, 5] and config["quantile"] == 0.995
    assert {"lateral pooling", "spike calibration"} <= set(results.seconds)


def test_spicalib_searches_quantiles(capfd, folder, pooling, tmp_path):
    pytest.importorskip("optuna", reason="loihiseg[calibration]")
    code, out, err = spicalib(
        capfd, "--checkpoint", pooling, "--data", folder / "stack", "--out", tmp_path,
        "--steps", "2", "--crops", "2", "--search", "9", "--search-steps", "4", "--quiet",
        "--most-spikes", "1", "--divided", "--scales", "channel", "--sections", "5",
    )  # fmt: skip
    assert code == 0, err
    results = load_simulation(tmp_path)
    assert [one.searched for one in results.tried] == [False] * 7 + [True] * 2
    assert list(results.tried[0].quantiles) == ["16 x 16", "8 x 8"]
    assert sum(one.validation_iou is not None for one in results.tried) == 2
    names = [run.name for run in results.runs]
    assert names[:3] == ["rates, T = 2", "lateral pooling, T = 2", "spike calibration, T = 2"]
    assert names[3].startswith("fixed quantiles") and names[4].startswith("searched quantiles")
    assert results.steps == 4 and "Quantiles" in out and "validation sections" in out
    log = (tmp_path / "simulate.log").read_text()
    assert log.count("; error ") == 9
