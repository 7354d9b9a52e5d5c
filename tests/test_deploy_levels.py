"""Deployments of networks of levels, as a user meets them."""

import json
from dataclasses import replace

import numpy as np
import pytest

from loihiseg.codes.ramp.clock import COARSE
from loihiseg.codes.ramp.code import RampCode
from loihiseg.commands.deploy.configuration import configuration
from loihiseg.commands.deploy.options import parse
from loihiseg.compilation.fit import cores_of, largest_tile, layers_at, neural_code, settled
from loihiseg.compilation.mapping import partition_layers
from loihiseg.compilation.options import CompileOptions
from loihiseg.compilation.source import build_network, read_network
from loihiseg.conversion.lowering import lower
from loihiseg.data.synthetic import synthetic_stack
from loihiseg.network.config import UNetConfig
from loihiseg.training.checkpoint import Checkpoint, load_checkpoint, model_weights, save_checkpoint
from tests import quantized
from tests.commands import in_process, refused, write_stack

CONFIG = UNetConfig(
    tile=16,
    channels=(4, 6),
    convs_down=(1, 1),
    convs_up=(1,),
    stem_channels=3,
    levels=(3, 2, 3, 1, 3, 2),
)
SHORT = ["--tiles", 3, "--calibration-tiles", 1, "--quiet", "--proof-seconds", 0]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    stack = synthetic_stack(6, (32, 32))
    folder = tmp_path_factory.mktemp("data") / "stack"
    return write_stack(folder, stack.images, np.where(stack.membrane, 0, 255).astype(np.uint8))


def save(folder, like, config):
    info = load_checkpoint(like).info
    info = replace(info, config=replace(info.config, network=config))
    save_checkpoint(folder, Checkpoint(info, model_weights(quantized.model(config=config))))
    return folder


@pytest.fixture(scope="module")
def levels(tmp_path_factory, checkpoint):
    return save(tmp_path_factory.mktemp("levels"), checkpoint, CONFIG)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


def deploy(capfd, data, network, out, *more):
    code, _, err = in_process(
        capfd, "deploy", "--data", data, "--checkpoint", network, "--out", out, *SHORT, *more
    )
    assert code == 0, err
    return json.loads((out / "metrics.json").read_text())


def test_one_step_per_layer_and_the_quantized_networks_answer(capfd, data, levels, folder):
    metrics = deploy(capfd, data, levels, folder / "a", "--check", 8, "--input", "held")
    assert metrics["code"] == {
        "name": "thermometer",
        "steps": 6,
        "window_steps": 1,
        "held": True,
        "input": "held",
        "levels": [3, 2, 3, 1, 3, 2],
        "chip_levels": [2, 3, 1, 3, 2],
    }
    assert metrics["agreement"] == 1.0
    assert [row["level_match"] for row in metrics["layers"]] == [1.0] * 5
    neurons = 64 * 4 * 2 + 16 * 6 * 3 + 16 * 6 * 1 + 64 * 4 * 3 + 64 * 4 * 2
    assert metrics["mapping"]["n_neurons"] == neurons
    assert sum(row["n_neurons"] for row in metrics["layers"]) == neurons
    assert metrics["activity"]["neuron_updates"] == 3 * 6 * neurons
    assert metrics["readout"] == {"gain": 1.0, "offset": 0.0, "n_tiles": 0}
    rows = {row["name"]: row for row in metrics["score_rows"] if row["pixels"] == "3 tiles"}
    spiking, eight_bit = rows["8-bit, spiking on chip"], rows["8-bit weights"]
    assert spiking["pixel"] == eight_bit["pixel"]
    page = (folder / "a" / "index.html").read_text()
    assert "levels right" in page and "thermometer, 6 steps" in page
    assert "in range" not in page


def test_brief_input_has_the_same_output_for_less(capfd, data, levels, folder):
    held = deploy(capfd, data, levels, folder / "held", "--input", "held")
    *_, one = held["score_rows"]
    events = [held["activity"]["synaptic_events"]]
    for given, more in (("timed", ["--input", "timed"]), ("clocked", ["--check", 6])):
        brief = deploy(capfd, data, levels, folder / given, *more)
        assert brief["agreement"] == 1.0 and brief["code"]["input"] == given
        *_, other = brief["score_rows"]
        assert one["pixel"] == other["pixel"]
        events.append(brief["activity"]["synaptic_events"])
        assert brief["activity"]["neuron_updates"] == held["activity"]["neuron_updates"]
        assert brief["mapping"]["n_cores"] == held["mapping"]["n_cores"]
        assert [row["level_match"] for row in brief["layers"]] == [None] * 4 + [1.0]
        assert f"{given} input" in (folder / given / "index.html").read_text()
    assert events[1] < 0.8 * events[0] and events[2] < 0.9 * events[1]


APART = ("--sections", "5:6")
"""With others beside it, to choose the rule on."""


def test_early_exit(capfd, data, levels, checkpoint, folder):
    """Levels come to rest with their last layer, rates earlier than their last step."""
    metrics = deploy(capfd, data, levels, folder / "exit", *APART, "--early-exit", 0, "--steps", 12)
    found, whole = metrics["early_exit"], metrics["activity"]
    # Still maps before step 6, the depth, say nothing; the look after is the first to stop at.
    assert (found["mean_steps"], found["share_wrong"]) == (7, 0)
    neurons = metrics["mapping"]["n_neurons"]
    assert found["activity"]["neuron_updates"] == pytest.approx(3 * found["mean_steps"] * neurons)
    assert found["activity"]["synaptic_events"] < whole["synaptic_events"]
    *_, before, after = metrics["score_rows"]
    assert after["name"].startswith("the same, stopped after ")
    assert after["pixel"] == before["pixel"]
    page = (folder / "exit" / "index.html").read_text()
    assert "Early exit, per tile" in page
    metrics = deploy(
        capfd, data, checkpoint, folder / "rates", *APART, "--early-exit", 0.2, "--steps", 60
    )
    found = metrics["early_exit"]
    assert found["mean_steps"] < 60 and found["share_wrong"] < 0.4
    assert found["energy"]["total_uj_per_image"] < metrics["energy"][0]["total_uj_per_image"]


def test_on_the_largest_tile_that_fits(capfd, data, levels, folder):
    metrics = deploy(capfd, data, levels, folder / "auto", "--tile", "auto", "--chips", 1)
    assert metrics["network"]["tile"] == 32, "the whole section fits"
    assert metrics["mapping"]["n_cores"] <= 128 and metrics["agreement"] == 1.0


def test_the_error_names_a_tile_that_fits(capfd, folder, checkpoint):
    stack = synthetic_stack(6, (48, 48))
    data = write_stack(folder / "stack", stack.images, np.where(stack.membrane, 0, 255))
    wide = replace(CONFIG, tile=48, channels=(24, 32), levels=7)
    network = save(folder / "wide", checkpoint, wide)
    arguments = ["--data", data, "--checkpoint", network, "--out", folder / "none", "--quiet"]
    arguments += ["--code", "thermometer"]
    code, _, err = in_process(capfd, "deploy", *arguments, "--chips", 1)
    assert code == 4
    (line,) = [text for text in err.splitlines() if "a tile of" in text]
    assert "levels per channel" in err
    tile, n_cores = (int(line.split(word)[1].split()[0]) for word in ("a tile of", "("))
    config = configuration(parse([*map(str, arguments), "--chips", "1"]))
    source = read_network(network)
    for other in (tile, tile + 4):
        one = lower(build_network(source, other).model).network
        layers = tuple(partition_layers(neural_code(config, one).neurons(one)))
        whole = lower(build_network(source).model).network
        base = partition_layers(neural_code(config, whole).neurons(whole))
        assert layers_at(base, 48, other) == layers
        assert cores_of(config, layers) == (n_cores if other == tile else None)
    assert n_cores <= 128
    assert largest_tile(config, source, 48) == tile


@pytest.mark.parametrize(
    "options, says",
    [
        (["--code", "rate"], "layer 'stem_spikes' has 3 levels"),
        (["--window", "0.5"], "--window is of the rate code"),
        (["--synapse-ms", "2"], "--synapse-ms is of the rate code"),
        (["--steps", "5"], "--steps 5: the longest way through the network has 6 layers"),
        (["--tile", "18"], "--tile 18: must be a multiple of 4"),
        (["--early-exit", "0", "--input", "timed"], "--early-exit needs --input held"),
        (["--code", "rate", "--input", "timed"], "--input timed is of the thermometer code"),
        (["--code", "rate", "--input", "clocked"], "--input clocked is of the thermometer code"),
        (["--early-exit", "0", "--input", "clocked"], "clocked input has one right map"),
        (["--early-exit", "2"], "--early-exit: 2: expected a number, 0 to 1"),
        (["--early-exit", "0", "--calibration-tiles", "0"], "--early-exit is chosen on"),
        (["--early-exit", "0", "--emulator", "nengo-loihi"], "--early-exit needs"),
        (["--code", "ramp", "--early-exit", "0"], "--code ramp: the output is there in the last"),
        (["--code", "ramp", "--steps", "9"], "the ramp code has none"),
        (["--code", "ramp", "--input", "held"], "the ramp code has none"),
    ],
)
def test_options_that_do_not_suit_levels(capfd, data, levels, tmp_path, options, says):
    arguments = ["--data", data, "--checkpoint", levels, "--out", tmp_path / "o", "--quiet"]
    refused(capfd, says, "deploy", *arguments, *options)


def test_rates_have_no_levels(capfd, data, checkpoint, tmp_path):
    arguments = ["--data", data, "--checkpoint", checkpoint, "--out", tmp_path / "o", "--quiet"]
    says = "--code thermometer: layer 'stem_spikes' stands for a firing rate"
    refused(capfd, says, "deploy", *arguments, "--code", "thermometer")


def test_keras_models_keep_their_tile_and_say_their_code(capfd, data, tmp_path):
    model = quantized.model(config=CONFIG)
    path = tmp_path / "model.h5"
    model.save(path)
    arguments = ["--data", data, "--checkpoint", path, "--out", tmp_path / "o", "--quiet"]
    refused(capfd, "is a Keras model", "deploy", *arguments, "--tile", "24")
    metrics = deploy(capfd, data, path, tmp_path / "run")
    assert metrics["code"]["name"] == "thermometer" and metrics["agreement"] == 1.0


def test_ramp_code_has_the_thermometers_answer_on_a_neuron_per_unit(capfd, data, levels, folder):
    theirs = deploy(capfd, data, levels, folder / "t", "--code", "thermometer")
    out = folder / "ramp"
    kept = ("--save", out / "kept", "--golden", out / "ramp.npz")
    metrics = deploy(capfd, data, levels, out, "--code", "ramp", "--check", 12, *kept)
    levels_on_chip = (2, 3, 1, 3, 2)
    # A step of the clock, one of the host, then those of each layer on the longest way.
    assert metrics["code"]["steps"] == 2 + sum(levels_on_chip)
    assert metrics["agreement"] == 1.0
    assert [row["level_match"] for row in metrics["layers"]] == [1.0] * 5
    assert metrics["mapping"]["n_neurons"] == 64 * 4 + 16 * 6 + 16 * 6 + 64 * 4 + 64 * 4
    assert metrics["mapping"]["n_neurons"] < theirs["mapping"]["n_neurons"] / 2
    assert metrics["score_rows"][-1]["pixel"] == theirs["score_rows"][-1]["pixel"]
    page = (out / "index.html").read_text()
    assert "ramp, 13 steps, each layer in its own" in page and "levels right" in page
    assert "images can follow each other" in page
    assert metrics["early_firings"] == [] and "fired before" not in page
    assert "Host-injected spikes" in page and "Time on chip" in page
    times, activity = metrics["step_times"], metrics["activity"]
    assert times["n_tiles"] == 2 and times["interval_steps"] < metrics["code"]["steps"]
    assert times["injected"]["per_tile"] == pytest.approx(
        times["pixels"]["per_tile"] + times["clocks"]["per_tile"]
    )
    # All that is injected is among the messages.
    assert 0 < times["clocks"]["per_tile"] < activity["messages"] / activity["n_images"]
    by_device = {one["device"]: one["total_uj_per_image"] for one in metrics["accelerators"]}
    assert by_device == {
        f"8-bit accelerator, {n} pJ per MAC": pytest.approx(n * activity["macs"] / 1e6)
        for n in (1, 5)
    }
    again = folder / "again"
    arguments = ("--data", data, "--deployed", out / "kept", "--out", again, *SHORT[:4], "--quiet")
    code, _, err = in_process(capfd, "deploy", *arguments)
    assert code == 0, err
    found = json.loads((again / "metrics.json").read_text())
    assert found["spikes_sha256"]["tiles"] == metrics["spikes_sha256"]["tiles"]
    assert found["activity"] == metrics["activity"]


def test_early_firings_are_counted_and_said_and_maps_alone_are_refused(
    capfd, data, levels, folder, monkeypatch
):
    """With a margin of next to nothing, where calibration tiles would have given more."""

    def too_small(code, network, settled):
        return replace(code, measured={"decode0_0_spikes": COARSE})

    monkeypatch.setattr(RampCode, "calibrated", too_small)
    out, kept = folder / "early", folder / "early-kept"
    metrics = deploy(capfd, data, levels, out, "--code", "ramp", "--save", kept)
    (early,) = metrics["early_firings"]
    assert early["layer"] == "decode0_0_spikes" and early["presentations"] == 3
    assert early["spikes"] > 0
    said = (
        f"decode0_0_spikes fired early, before all of its input was there: {early['spikes']} "
        "spikes in 3 of 3 presentations"
    )
    assert said in (out / "deploy.log").read_text()
    page = (out / "index.html").read_text()
    assert said in page and f"{early['spikes']} spikes" in page
    assert "fired before all input was there" in dict(metrics["code_rows"])
    # Who asked for maps alone would not see a warning.
    refused(
        capfd, "'decode0_0_spikes': ", "segment", data / "train-volume.tif", folder / "map.tif",
        "--deployed", kept, "--quiet",
    )  # fmt: skip


def test_a_network_takes_the_code_of_the_fewest_chips():
    """Where it needs as many by each, the thermometer's, which has fewer steps."""
    few = quantized.lowered(config=CONFIG, levels=3)
    wide = replace(CONFIG, tile=48, channels=(24, 32))
    many = quantized.lowered(config=wide, levels=3)
    assert neural_code(CompileOptions(), few).name == "thermometer"
    assert neural_code(CompileOptions(), many).name == "ramp"
    # What is asked for of one code decides too.
    assert neural_code(CompileOptions(input="held"), many).name == "thermometer"
    assert neural_code(CompileOptions(code="thermometer"), many).name == "thermometer"
    assert settled(CompileOptions(), many).code == "ramp"
