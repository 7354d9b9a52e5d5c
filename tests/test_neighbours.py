"""Networks that see the sections around one, from a stack to maps by the command line."""

import json
from dataclasses import replace

import numpy as np
import pytest
import tifffile

import loihiseg
from loihiseg.compilation.artifact import load_deployed
from loihiseg.compilation.source import (
    load_network,
    neighbours_of,
    read_network,
    task_of_network,
)
from loihiseg.data import normalize
from loihiseg.data.synthetic import synthetic_stack
from loihiseg.data.tiles import whole_tiles
from loihiseg.emulator.golden import golden_arrays
from loihiseg.errors import InputError
from loihiseg.running.runners import compiled_presenter
from loihiseg.running.sections import run as run_sections
from loihiseg.training.checkpoint import Checkpoint, load_checkpoint, model_weights, save_checkpoint
from tests import quantized
from tests.commands import in_process, refused, write_stack
from tests.golden_judge import judge

CONFIG = replace(quantized.CONFIG, neighbours=1)
SHORT = ["--calibration-tiles", 1, "--quiet", "--proof-seconds", 0]


@pytest.fixture(scope="module")
def stack():
    return synthetic_stack(7, (40, 40), seed=2)


@pytest.fixture(scope="module")
def data(tmp_path_factory, stack):
    folder = tmp_path_factory.mktemp("data") / "stack"
    return write_stack(folder, stack.images, np.where(stack.membrane, 0, 255).astype(np.uint8))


def save(folder, like, config):
    info = load_checkpoint(like).info
    # Trained on other data than these: all sections are used.
    info = replace(info, config=replace(info.config, network=config), threshold=0.5)
    save_checkpoint(folder, Checkpoint(info, model_weights(quantized.model(config=config))))
    return folder


@pytest.fixture(scope="module")
def network(tmp_path_factory, checkpoint):
    return save(tmp_path_factory.mktemp("network"), checkpoint, CONFIG)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("runs") / "kept"


def deploy(capfd, data, network, out, *more):
    code, _, err = in_process(
        capfd, "deploy", "--data", data, "--checkpoint", network, "--out", out, *SHORT, *more
    )
    assert code == 0, err
    return json.loads((out / "metrics.json").read_text())


def deployment(capfd, data, network, tmp_path, kept):
    """Of two sections in the middle of the stack; keeps the network where it is not kept."""
    more = ("--sections", "3:5", "--code", "ramp", "--check", 6, "--save", kept, "--topology")
    return deploy(capfd, data, network, tmp_path / "run", *more)


def test_deployed_segmented_and_run_from_python_alike(capfd, data, network, stack, tmp_path, kept):
    metrics = deployment(capfd, data, network, tmp_path, kept)
    assert metrics["network"]["neighbours"] == 1 and metrics["agreement"] == 1.0
    assert all(row["level_match"] in (None, 1.0) for row in metrics["layers"])
    assert metrics["layers"][-1]["level_match"] == 1.0
    page = (tmp_path / "run" / "index.html").read_text()
    assert "sees 1 section on either side" in page
    deployed = load_deployed(kept)
    assert deployed.neighbours == 1 and deployed.network.inputs == {"pixels": (16, 16, 3)}
    # The same sections from a whole volume, from a stack in memory, and one by one.
    out = tmp_path / "map.tif"
    code, _, err = in_process(
        capfd, "segment", data, out, "--deployed", kept, "--sections", "3:5", "--quiet",
        "--probability", "float32",
    )  # fmt: skip
    assert code == 0, err
    part = stack.seeing(1).select([3, 4])
    ours = list(run_sections(deployed, part.seen()))
    probability = np.stack([one.probability for one in ours])
    np.testing.assert_array_equal(tifffile.imread(out), probability)
    streamed = list(loihiseg.run(deployed, iter(stack.images)))
    np.testing.assert_array_equal([one.probability for one in streamed[3:5]], probability)
    scores = loihiseg.score(ours, part.membrane)
    (spiking,) = (
        row
        for row in metrics["score_rows"]
        if row["name"] == "8-bit, spiking on chip" and row["pixels"] != "tiles"
    )
    assert scores.pixel.membrane_iou == spiking["pixel"]["membrane_iou"]
    # In the other order of z, or without the sections around, it is another map.
    for given in (np.stack(list(part.seen()))[..., ::-1], np.stack([part.images] * 3, -1)):
        others = np.stack([one.probability for one in run_sections(deployed, given)])
        assert np.abs(others - probability).max() > 0.01


def turned(capfd, data, network, out, *more):
    """Two tiles by themselves in four orientations."""
    return deploy(
        capfd, data, network, out, "--sections", "3:5", "--tiles", 2, "--code", "ramp",
        "--orientations", 4, *more,
    )  # fmt: skip


def test_tiles_by_themselves_turned(capfd, data, network, tmp_path):
    assert turned(capfd, data, network, tmp_path / "a")["agreement"] == 1.0


@pytest.mark.slow
def test_on_the_emulator_of_nengo_loihi(capfd, data, network, tmp_path):
    ours = turned(capfd, data, network, tmp_path / "ours")
    theirs = turned(capfd, data, network, tmp_path / "theirs", "--emulator", "nengo-loihi")
    assert ours["spikes_sha256"] == theirs["spikes_sha256"]
    assert ours["score_rows"] == theirs["score_rows"]


def test_levels_are_found_for_a_network_in_floats(capfd, data, checkpoint, tmp_path):
    rates = save(tmp_path / "rates", checkpoint, replace(CONFIG, levels=0))
    more = ("--sections", "3:5", "--tiles", 2)
    metrics = deploy(capfd, data, rates, tmp_path / "rate", *more, "--early-exit", 0.05)
    assert metrics["code"]["name"] == "rate" and metrics["network"]["neighbours"] == 1
    metrics = deploy(
        capfd, data, rates, tmp_path / "levels", *more, "--levels", 3, "--corrections",
    )  # fmt: skip
    assert set(metrics["code"]["levels"]) == {3} and metrics["agreement"] == 1.0


@pytest.fixture(scope="module")
def compiled(network, stack):
    return loihiseg.compile(network, stack, chips=1, proof_seconds=0, code="ramp")


def test_the_golden_network_has_every_spike(compiled, stack):
    code, tile = compiled.code, whole_tiles(stack.seeing(1).select([3]), 16).pixels[1]
    golden = golden_arrays(compiled.deployable, compiled.neurons, code.n_steps, code.n_window_steps)
    with compiled_presenter(compiled) as presenter:
        found = presenter.rasters(tile, code.n_steps, [x.name for x in compiled.neurons.layers])
    for name, fired in judge.run(golden, tile).items():
        assert fired.any()
        np.testing.assert_array_equal(fired, found[name].reshape(fired.shape))


def test_floats_are_those_of_keras(network, stack, compiled):
    """The whole way in floats gives what the trained network says of the same channels."""
    found = load_network(network)
    assert found.neighbours == 1 and found.task.neighbours == 1
    part = stack.seeing(1).select([0, 3, 6])
    tiles = whole_tiles(part, 16)
    images = normalize(stack.images)
    np.testing.assert_array_equal(tiles.pixels[0], np.moveaxis(images[[0, 0, 1], :16, :16], 0, -1))
    floats = np.stack([one.logits for one in run_sections(compiled, part.seen(), "float")])
    wanted = tiles.assemble(found.model.predict(tiles.pixels, verbose=0)[..., 0])
    np.testing.assert_allclose(floats, wanted, atol=1e-4)


def test_segmented_from_a_checkpoint(capfd, data, network, tmp_path):
    """Calibrated on tiles of the volume; in floats too."""
    for on in ("chip", "float"):
        out = tmp_path / f"{on}.tif"
        code, _, err = in_process(
            capfd, "segment", data, out, "--checkpoint", network, "--on", on, "--sections", "2:4",
        )  # fmt: skip
        assert code == 0, err
        assert "; the network sees 1 section on either side" in err
        assert json.loads((tmp_path / f"{on}.tif.json").read_text())["neighbours"] == 1


def test_checked(capfd, network):
    code, out, _ = in_process(capfd, "check", network)
    assert code == 0
    assert "membrane or cell for every pixel of 16 x 16 x 3, which sees 1 section on either" in out


def test_simulated(capfd, data, network, tmp_path, checkpoint):
    code, _, err = in_process(
        capfd, "simulate", "--method", "fast-snn", "--data", data, "--checkpoint", network,
        "--sections", "5:6", "--out", tmp_path / "run", "--quiet",
    )  # fmt: skip
    assert code == 0, err
    rates = save(tmp_path / "rates", checkpoint, replace(CONFIG, levels=0))
    code, _, err = in_process(
        capfd, "simulate", "--method", "spicalib", "--data", data, "--checkpoint", rates,
        "--sections", "5:6", "--crops", 2, "--steps", 8, "--out", tmp_path / "bursts", "--quiet",
    )  # fmt: skip
    assert code == 0, err
    says = "sees 0 sections on either side"
    refused(
        capfd, says, "simulate", "--method", "fast-snn", "--data", data, "--checkpoint", network,
        "--start", checkpoint, "--out", tmp_path / "other",
    )  # fmt: skip


@pytest.mark.filterwarnings("default::loihiseg.data.warn.ReadingWarning")
def test_a_stack_of_one_section_is_warned_of(capfd, tmp_path, stack, network):
    folder = write_stack(tmp_path / "one", stack.images[:1], np.zeros((1, 40, 40), np.uint8))
    code, _, err = in_process(
        capfd, "segment", folder / "train-volume.tif", tmp_path / "map.tif", "--checkpoint",
        network, "--on", "float", "--quiet",
    )  # fmt: skip
    assert code == 0 and "one section, of which the network sees 1 on either side" in err


def test_files_of_several_channels_see_none(tmp_path):
    """What a Keras file takes as channels are no sections: it is of classes, as ever."""
    model = quantized.model(config=CONFIG)
    path = tmp_path / "net.h5"
    model.save(path)
    source = read_network(path)
    assert neighbours_of(source) == 0 and task_of_network(source).kind == "classes"
    with pytest.raises(InputError, match="no map of membrane"):
        load_network(path)
