"""The commands as a user meets them: exit codes, one line of error, what is written."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import tifffile

from loihiseg.commands.common import run
from loihiseg.data.synthetic import synthetic_stack
from loihiseg.report.run_folder import load_results
from loihiseg.report.verdict import verdict_of
from loihiseg.training.checkpoint import Checkpoint, load_checkpoint, model_weights, save_checkpoint
from loihiseg.training.presets import PRESETS
from tests.commands import command, in_process, refused, write_stack
from tests.conversion import models

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def arrays():
    stack = synthetic_stack(6, (48, 48))
    return stack.images, np.where(stack.membrane, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def data(tmp_path_factory, arrays):
    return write_stack(tmp_path_factory.mktemp("data") / "stack", *arrays)


# Quick errors, each in a process of its own: nothing heavy may be imported for them.
QUICK = {
    "unknown option": (["--chip", "2", "--nonsense"], "unrecognized arguments"),
    "chips 0": (["--chips", "0"], "--chips: 0: expected a whole number, 1 to 768"),
    "chips -3": (["--chips", "-3"], "--chips: -3: expected a whole number, 1 to 768"),
    "chips without end": (["--chips", "1" * 400], "expected a whole number, 1 to 768"),
    "chips no number": (["--chips", "two"], "--chips"),
    "tiles 0": (["--tiles", "0"], "--tiles"),
    "steps 0": (["--steps", "0"], "--steps"),
    "window 0": (["--window", "0"], "--window: 0: expected a number, above 0, to 1"),
    "window nan": (["--window", "nan"], "--window: nan: expected a number, above 0, to 1"),
    "synapse nan": (["--synapse-ms", "nan"], "--synapse-ms: nan: expected a number, 0 to 1000"),
    "synapse negative": (["--synapse-ms", "-1"], "--synapse-ms: -1: expected"),
    "rate scale nan": (["--rate-scale-hz", "nan"], "--rate-scale-hz: nan: expected"),
    "rate scale infinite": (["--rate-scale-hz", "inf"], "--rate-scale-hz: inf: expected"),
    "seed negative": (["--seed", "-1"], "--seed"),
    "check negative": (["--check", "-1"], "--check: -1: expected"),
    "check huge": (["--check", str(10**12)], "--check: 1000000000000: expected"),
    "steps huge": (["--steps", str(10**12)], "--steps: 1000000000000: expected"),
    "tiles huge": (["--tiles", str(10**12)], "--tiles: 1000000000000: expected all, or 1 to"),
    "tile huge": (["--tile", str(10**12)], "--tile: 1000000000000: expected auto, or 1 to"),
    "calibration negative": (["--calibration-tiles", "-1"], "--calibration-tiles: -1: expected"),
    "proof infinite": (["--proof-seconds", "inf"], "--proof-seconds: inf: expected"),
    "early exit nan": (["--early-exit", "nan"], "--early-exit: nan: expected"),
    "sections": (["--sections", "1" * 5000 + ":"], "--sections: '1111"),
    "no chip": (["--target", "loihi"], "NxSDK"),
    "target": (["--target", "spinnaker"], "--target"),
}


@pytest.mark.parametrize("arguments, says", QUICK.values(), ids=list(QUICK))
def test_wrong_option(capfd, tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    refused(capfd, says, "deploy", *arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["--preset", "huge"], "--preset"),
        (["--epochs", "0"], "--epochs"),
        (["--seed", "-1"], "--seed"),
        (["--seed", str(2**31)], "--seed"),
        (["--percentile", "101"], "--percentile: 101"),
        (["--percentile", "nan"], "--percentile: nan"),
        (["--rate-range", "100", "50"], "--rate-range 100 50"),
        (["--rate-range", "0", "inf"], "--rate-range: inf: expected"),
        (["--tuning-epochs", "99"], "--tuning-epochs 99: expected 0 to 24"),
        (["--window-steps", "-1"], "--window-steps: -1: expected"),
        (["--rate-weight", "nan"], "--rate-weight: nan: expected"),
        (["--rate-weight", "-1"], "--rate-weight: -1: expected"),
        (["--epochs", str(10**12)], "--epochs: 1000000000000: expected"),
        (["--learning-rate", "0"], "--learning-rate: 0: expected a number, above 0, to 10"),
        (["--levels", "3", "1000"], "--levels: 1000: expected a whole number, 1 to 255"),
        (["--levels", "3", "--stages", "3:" + "9" * 400], "expected LEVELS:EPOCHS"),
        (["--event-weight", "-1"], "--event-weight: -1: expected"),
        (["--resume"], "--resume: expected the folder of the run to go on with"),
    ],
)
def test_wrong_option_of_train(capfd, tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    refused(capfd, says, "train", *arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["deploy", "segment", "simulate", "train"])
def test_help_imports_no_tensorflow(name):
    code = (
        "import sys\n"
        f"from loihiseg.{name} import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit as leave:\n    assert not leave.code\n"
        "heavy = {'tensorflow', 'keras', 'nengo', 'nengo_loihi', 'numba', 'matplotlib'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert "usage: python -m loihiseg" in found.stdout


@pytest.mark.parametrize("name", ["deploy", "train"])
def test_output_is_checked_before_anything_is_loaded(tmp_path, name):
    (tmp_path / "file").write_text("x")
    code = (
        "import sys\n"
        "from loihiseg.commands.common import run\n"
        f"from loihiseg.{name} import main\n"
        "code = run(main, sys.argv[1:])\n"
        "assert 'tensorflow' not in sys.modules\n"
        "sys.exit(code)\n"
    )
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        found = subprocess.run(
            [sys.executable, "-c", code, "--out", str(out), "--data", "nowhere"],
            cwd=ROOT, capture_output=True, text=True,
        )  # fmt: skip
        assert found.returncode == 2, found.stderr
        (line,) = found.stderr.splitlines()
        assert str(out) in line and "cannot be written" in line and "choose another --out" in line


def damaged(kind, folder, arrays):
    """A stack that cannot be used, and what is said of it."""
    images, labels = arrays
    if kind == "missing":
        return folder / "nowhere", "nowhere"
    if kind == "truncated":
        write_stack(folder, images, labels)
        path = folder / "train-volume.tif"
        path.write_bytes(path.read_bytes()[:5000])
        return folder, "train-volume.tif"
    if kind == "other shape":
        return write_stack(folder, images, labels[:, :40]), "labels have shape (6, 40, 48)"
    if kind == "three values":
        labels = labels.copy()
        labels[0, 0, 0] = 7
        return write_stack(folder, images, labels), "labels have 3 values"
    if kind == "not a number":
        images = images.astype(np.float32)
        images[1, 2, 3] = np.nan
        return write_stack(folder, images, labels), "1 NaN or infinite pixels"
    if kind == "no labels":
        path = folder / "volume.tif"
        folder.mkdir(parents=True)
        tifffile.imwrite(path, images, photometric="minisblack")
        return path, "has no labels"
    assert kind == "small"
    labels = np.tile(np.uint8([0, 255, 255]), (6, 12, 14))
    return write_stack(folder, images[:, :12, :42], labels), "smaller than a"


KINDS = (
    "missing", "truncated", "other shape", "three values", "not a number", "no labels", "small",
)  # fmt: skip


@pytest.mark.parametrize(
    "kind, name",
    # A deployment needs no labels.
    [(kind, name) for kind in KINDS for name in ("deploy", "train")
     if (kind, name) != ("no labels", "deploy")],
)  # fmt: skip
def test_data_that_cannot_be_used(capfd, tmp_path, arrays, checkpoint, name, kind):
    path, says = damaged(kind, tmp_path / "stack", arrays)
    out = tmp_path / "out"
    extra = ["--checkpoint", checkpoint] if name == "deploy" else ["--preset", "tiny"]
    if (name, kind) == ("train", "no labels"):
        says = "s"  # too small for the preset is said first
    refused(capfd, says, name, "--data", path, "--out", out, "--quiet", *extra)
    assert not list(out.iterdir())


def test_a_stack_without_labels_ends_in_maps(capfd, tmp_path, arrays, checkpoint):
    """Kept, too, and run again: the same spikes, rates, mapping and work; nothing is scored."""
    path, _ = damaged("no labels", tmp_path / "stack", arrays)
    options = ["--data", path, "--tiles", 2, "--calibration-tiles", 1, "--json"]
    kept = tmp_path / "kept"
    code, out, err = in_process(
        capfd, "deploy", *options, "--out", tmp_path / "a", "--checkpoint", checkpoint,
        "--steps", 30, "--proof-seconds", 0, "--save", kept,
    )  # fmt: skip
    assert code == 0, err
    first = json.loads(out)
    assert first["score_rows"] == [] and "nothing is scored" in first["scored_note"]
    assert first["activity"]["spikes"] > 0 and first["rates"]["mean_hz"] > 0
    assert "V scores" not in first["scored_note"]
    for name in ("sections.png", "floor_plan.png", "rates.png", "index.html"):
        assert (tmp_path / "a" / name).stat().st_size > 1000
    code, out, err = in_process(
        capfd,
        "deploy",
        *options,
        "--out",
        tmp_path / "b",
        "--deployed",
        kept,
        "--golden",
        tmp_path / "network.npz",
    )
    assert code == 0, err
    again = json.loads(out)
    for name in ("activity", "mapping", "layers", "agreement", "readout", "code"):
        assert again[name] == first[name]
    assert again["spikes_sha256"]["tiles"] == first["spikes_sha256"]["tiles"]
    golden = dict(np.load(tmp_path / "network.npz", allow_pickle=False))
    assert len(golden) > 10
    page = (tmp_path / "b" / "index.html").read_text()
    assert "nothing is scored" in page
    config = json.loads((tmp_path / "b" / "config.json").read_text())
    assert config["deployed"] == str(kept) and config["checkpoint"] is None


def test_what_a_kept_network_has_decided_is_not_asked_again(capfd, data, tmp_path):
    asked = ["--deployed", tmp_path / "kept", "--data", data, "--chips", 3, "--seed", 1]
    refused(capfd, "--chips, --seed: a kept network has its own", "deploy", *asked)
    refused(
        capfd, "SHA256SUMS: cannot be read (No such file", "deploy", "--quiet",
        "--deployed", tmp_path / "kept", "--data", data, "--out", tmp_path / "out",
    )  # fmt: skip


@pytest.mark.parametrize("sections", ["7", "5:3", "x", "-1", "0:9", "", "1:2:3"])
def test_sections_that_do_not_exist(capfd, data, checkpoint, tmp_path, sections):
    arguments = ["--data", data, "--checkpoint", checkpoint, "--out", tmp_path, "--quiet"]
    refused(capfd, "--sections", "deploy", *arguments, f"--sections={sections}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["missing", "version", "json", "weights", "model"])
def test_checkpoint_that_cannot_be_used(capfd, data, checkpoint, tmp_path, kind):
    folder = tmp_path / "damaged"
    folder.mkdir()
    for path in checkpoint.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    description = folder / "checkpoint.json"
    says = "damaged checkpoint"
    if kind == "missing":
        folder, says = tmp_path / "nowhere", "not a checkpoint"
    elif kind == "version":
        document = json.loads(description.read_text()) | {"format": 99}
        description.write_text(json.dumps(document))
        says = "checkpoint format 99, this version reads formats 1 and 2"
    elif kind == "json":
        description.write_text(description.read_text()[:100])
    elif kind == "weights":
        (path,) = folder.glob("weights-*.npz")
        path.write_bytes(path.read_bytes()[:-10])
    else:
        folder = tmp_path / "model.h5"
        folder.write_bytes(b"no model")
        says = "not a Keras model"
    out = tmp_path / "out"
    refused(capfd, says, "deploy", "--data", data, "--checkpoint", folder, "--out", out, "--quiet")
    assert not list(out.iterdir())


def test_unsupported_layer(capfd, data, tmp_path):
    from loihiseg.frameworks import tf

    pixels, x = models.stem(side=16)
    x = tf.keras.layers.MaxPooling2D(name="pool")(x)
    x = models.relu(models.conv(x, 2, "c1"), "s1")
    path = tmp_path / "model.h5"
    tf.keras.Model(pixels, models.logit(x)).save(path)
    line = refused(
        capfd, "layer 'pool' (MaxPooling2D) takes the maximum of values that are no activations",
        "deploy", "--data", data, "--checkpoint", path, "--out", tmp_path / "out", "--quiet",
    )  # fmt: skip
    assert "Traceback" not in line and not list((tmp_path / "out").iterdir())


@pytest.fixture(scope="session")
def large(tmp_path_factory, checkpoint):
    """The largest preset, untrained, and a stack it could be run on."""
    from loihiseg.network.unet import build_unet

    folder = tmp_path_factory.mktemp("large")
    config = PRESETS["paper"]
    info = replace(load_checkpoint(checkpoint).info, config=config)
    save_checkpoint(folder / "net", Checkpoint(info, model_weights(build_unet(config.network))))
    stack = synthetic_stack(6, (192, 192))
    write_stack(folder / "stack", stack.images, np.where(stack.membrane, 0, 255).astype(np.uint8))
    return folder


def test_too_large_for_one_chip(capfd, large, tmp_path, monkeypatch):
    from loihiseg.compilation import steps

    def built(*_, **__):
        raise AssertionError("the emulator was built for a network that does not fit")

    monkeypatch.setattr(steps, "compile_network", built)
    code, out, err = in_process(
        capfd, "deploy", "--data", large / "stack", "--checkpoint", large / "net",
        "--chips", 1, "--out", tmp_path / "out", "--quiet",
    )  # fmt: skip
    first, header, limits, *rows = err.splitlines()
    assert (code, out) == (4, "")
    assert first.startswith("error: needs ") and "1 chip would give 128" in first
    assert "cores = 2 chips of 128 cores" in first and "use 2 chips" in first
    assert header.split() == (
        "layer cores block compartments in axons out axon slots synapse bits".split()
    )
    assert limits.split()[-4:] == ["1,024", "4,096", "4,096", "1,048,576"]
    layers = [row.split() for row in rows if "would fit: " not in row]
    assert layers[0][0] == "encode0_0_spikes"
    assert any("would fit: a smaller image or tile" in row for row in rows)
    assert sum(int(row[1]) for row in layers) == int(first.split()[2])
    assert not list((tmp_path / "out").iterdir())


SHORT = ["--tiles", 2, "--calibration-tiles", 1, "--steps", 20]


def numbers(metrics):
    """Metrics less what a clock or the machine decides."""
    return {k: v for k, v in metrics.items() if k not in ("seconds", "peak_memory_mb")}


@pytest.fixture(scope="session")
def deployed(tmp_path_factory, data, checkpoint):
    out = tmp_path_factory.mktemp("deployed") / "run"
    found = command(
        "deploy", "--data", data, "--checkpoint", checkpoint, "--out", out, "--json", *SHORT,
        cwd=out.parent,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    return out, found


def test_json_is_one_object_on_standard_output(deployed):
    out, found = deployed
    metrics = json.loads(found.stdout)
    assert found.stdout.count("\n") == 1
    # NengoDL turns this one remark of TensorFlow's on when it is imported.
    assert [line for line in found.stderr.splitlines() if "TF-TRT Warning" not in line] == []
    assert metrics == json.loads((out / "metrics.json").read_text())
    assert metrics["format"] == 4
    names = [row["name"] for row in metrics["score_rows"]]
    assert names == ["trained", "trained", "8-bit weights", "8-bit, spiking on chip"]
    assert len(metrics["tiles"]) == 2 and metrics["mapping"]["n_chips"] == 2


def test_run_folder_is_complete(deployed, data, checkpoint):
    out, _ = deployed
    assert {p.name for p in out.iterdir()} == {
        "metrics.json", "config.json", "index.html", "sections.png", "rates.png",
        "floor_plan.png", "block_graph.json", "map-chip.tif", "map-float.tif", "deploy.log",
    }  # fmt: skip
    config = json.loads((out / "config.json").read_text())
    assert config["data"] == str(data) and config["checkpoint"] == str(checkpoint)
    assert (config["tiles"], config["steps"], config["chips"]) == (2, 20, 2)
    for name in ("sections.png", "rates.png", "floor_plan.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG")
    page = (out / "index.html").read_text()
    # Rates; of two tiles truth, errors and disagreement, and what is grey.
    assert page.count("data:image/png;base64,") == 1 and 'src="http' not in page
    assert page.count("data:image/webp;base64,") == page.count("data:image/jpeg;base64,") == 2 * 3
    for title in ("Scores", "Layers", "Quantization", "Mapping", "Allocators", "Work per tile"):
        assert f"<h2>{title}" in page


def test_a_run_is_repeated_from_its_configuration_alone(capfd, deployed, tmp_path):
    out, _ = deployed
    again = tmp_path / "again"
    code, found, err = in_process(
        capfd, "deploy", "--config", out / "config.json", "--out", again, "--json"
    )
    assert code == 0, err
    metrics, before = json.loads(found), json.loads((out / "metrics.json").read_text())
    assert (again / "config.json").read_bytes() == (out / "config.json").read_bytes()
    for name in metrics.keys() - {"seconds", "peak_memory_mb"}:
        assert metrics[name] == before[name], name


def test_the_run_folder_says_nothing_of_this_machine(deployed, data, checkpoint):
    """But for the configuration, which has what was typed."""
    out, _ = deployed
    for path in out.iterdir():
        content = path.read_bytes()
        if path.name == "config.json":
            for typed in (data, checkpoint):
                content = content.replace(json.dumps(str(typed)).encode(), b"")
        for where in (data.parents[1], ROOT, Path.home(), Path(np.__file__).parents[1]):
            assert f"{where}{os.sep}".encode() not in content, (path, where)
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["data"]["source"] == "stack" and metrics["network"]["source"] == "trained"


def test_the_log_says_when_each_stage_began(deployed):
    out, _ = deployed
    lines = [line.split(maxsplit=3) for line in (out / "deploy.log").read_text().splitlines()]
    seconds = json.loads((out / "metrics.json").read_text())["seconds"]
    assert [line[2] for line in lines if line[3] == "begins"] == [*seconds, "report"]
    for stamp, level, *_ in lines:
        assert datetime.fromisoformat(stamp).tzinfo is not None and level in ("INFO", "WARNING")
    assert lines[0][2:] == ["begun", f"with {_versions(out)}"]
    said = [" ".join(line[2:]) for line in lines if line[1] == "WARNING" or line[2] == "Fits:"]
    found = load_results(out)
    assert said == [verdict_of(found).line, *verdict_of(found).warnings]


def _versions(out):
    found = json.loads((out / "metrics.json").read_text())["versions"]
    return ", ".join(f"{name} {version}" for name, version in found.items())


def test_a_shipped_network_is_kept_by_name(monkeypatch, tmp_path):
    from loihiseg.commands.deploy.configuration import configuration
    from loihiseg.commands.deploy.options import parse
    from loihiseg.training import shipped

    monkeypatch.chdir(tmp_path)

    def kept(*arguments):
        return configuration(parse(list(arguments))).checkpoint

    assert kept() == "paper-synthetic" and kept("--data", "stack") == "paper-isbi2012"
    assert kept("--checkpoint", "tiny-synthetic") == "tiny-synthetic"
    assert kept("--checkpoint", "runs/mine") == "runs/mine"
    Path("tiny-synthetic").mkdir()
    mine = kept("--checkpoint", "tiny-synthetic")
    assert mine == "./tiny-synthetic" and shipped.resolve(mine, None) == mine


@pytest.mark.parametrize("out", [True, False])
def test_a_bug_is_one_line_and_a_log(capfd, data, checkpoint, tmp_path, monkeypatch, out):
    from loihiseg.compilation import lowered

    def lower(*_, **__):
        raise RuntimeError("worse \x1b[31mthings\nhappen")

    monkeypatch.setattr(lowered, "lower", lower)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    folder = ["--out", tmp_path / "out"] if out else []
    line = refused(
        capfd, r"error: in part lower: RuntimeError: worse \x1b[31mthings\nhappen; details in ",
        "deploy", "--data", data, "--checkpoint", checkpoint, "--quiet", *folder, code=1,
    )  # fmt: skip
    log = Path(line.split("details in ")[1])
    assert log.parent == (tmp_path / "out" if out else tmp_path)
    text = log.read_text()
    assert "lower begins" in text and "Traceback" in text and "\x1b" not in text


def test_told_to_stop(tmp_path):
    """In the middle of a deployment: one line, and nothing half written."""
    process = subprocess.Popen(
        [sys.executable, "-m", "loihiseg.deploy", "--checkpoint", "tiny-synthetic", "--out", "out"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": "/proc/none",
             "LOIHISEG_CACHE": str(tmp_path / "cache")},
    )  # fmt: skip
    said = [process.stderr.readline() for _ in range(5)]
    assert [line.split()[0] for line in said] == ["load", "starting", "start", "lower", "fit"]
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (143, "")
    assert err.splitlines()[-1] == "terminated"
    assert "Traceback" not in err and not list((tmp_path / "out").iterdir())
    assert not list(tmp_path.rglob("*.part"))


def test_partition_finds_for_the_run_folder_what_the_deployment_found(deployed, capfd):
    from partition.cli import run as run_partition

    out, _ = deployed
    mapping = json.loads((out / "metrics.json").read_text())["mapping"]
    assert run_partition([str(out / "block_graph.json"), "--chips", "2", "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    names = ("messages", "lower_bound", "gap", "proved", "mean_hops", "n_chips_used")
    names += ("chip_of_block", "core_of_block")
    assert {name: found[name] for name in names} == {name: mapping[name] for name in names}
    assert found["n_blocks"] == mapping["n_cores"]
    ours, theirs = mapping["allocators"][-1], mapping["allocators"][:-1]
    assert [row["name"] for row in theirs] == ["Greedy", "RoundRobin", "GreedyInterchip"]
    assert ours["messages"] <= min(row["messages"] for row in theirs)


def test_same_command_same_metrics(deployed, capfd, data, checkpoint, tmp_path, monkeypatch):
    """In this process, without --out: the next free folder below runs/."""
    monkeypatch.chdir(tmp_path)
    # What others have kept is not built again, and not told of.
    monkeypatch.setenv("LOIHISEG_CACHE", str(tmp_path / "cache"))
    code, out, err = in_process(capfd, "deploy", "--data", data, "--checkpoint", checkpoint, *SHORT)
    assert code == 0, err
    metrics = json.loads((tmp_path / "runs" / "deploy-1" / "metrics.json").read_text())
    assert numbers(metrics) == numbers(json.loads(deployed[1].stdout))
    assert "Scores" in out and "8-bit, spiking on chip" in out and "runs/deploy-1" in out
    steps = ("load", "lower", "fit", "tile", "build", "partition", "calibrate", "emulate", "score")
    for stage in steps:
        assert f"\n{stage} " in "\n" + err


def test_train_from_the_command_line(tmp_path):
    stack = synthetic_stack(4, (128, 128))
    data = write_stack(
        tmp_path / "stack", stack.images, np.where(stack.membrane, 0, 255).astype(np.uint8)
    )
    out = tmp_path / "net"
    found = command("train", "--preset", "tiny", "--epochs", 1, "--data", data, "--out", out,
                    cwd=tmp_path)  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert found.stdout == ""
    assert "epoch   1" in found.stderr and f"checkpoint: {out}" in found.stderr
    names = {p.name for p in out.iterdir() if not p.name.startswith("weights-")}
    assert names == {
        "checkpoint.json",
        "config.json",
        "history.csv",
        "history.json",
        "training.png",
        "training_state.npz",
        "train.log",
    }
    assert load_checkpoint(out).info.data.source == "stack"


def test_resume_without_a_run_leaves_nothing_behind(capfd, tmp_path):
    out = tmp_path / "out"
    stack = synthetic_stack(3, (128, 128))
    data = write_stack(
        tmp_path / "stack", stack.images, np.where(stack.membrane, 0, 255).astype(np.uint8)
    )
    refused(
        capfd, "nothing to resume", "train", "--preset", "tiny", "--data", data, "--out", out,
        "--resume", "--quiet",
    )  # fmt: skip
    assert not list(out.iterdir())


def test_an_interrupt_that_python_drops_arrives_all_the_same(capsys):
    import time

    # A shell that puts the tests into the background has it ignored.
    before = signal.default_int_handler
    outside = signal.signal(signal.SIGINT, before)

    def main(_):
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        time.sleep(30)

    try:
        assert run(main, []) == 130
        assert capsys.readouterr().err == "interrupted\n"
        assert signal.getsignal(signal.SIGINT) is before
    finally:
        signal.signal(signal.SIGINT, outside)
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
