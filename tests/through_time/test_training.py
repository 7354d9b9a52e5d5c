"""Training through time: two forms in a row, resumed, and begun from a network without steps."""

from dataclasses import replace

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.commands.train.configuration import configuration
from loihiseg.commands.train.options import parse
from loihiseg.compilation.lowered import lowered
from loihiseg.compilation.source import build_network, is_over_time, read_network
from loihiseg.conversion.forward import forward
from loihiseg.conversion.logits import readout_logits
from loihiseg.errors import InputError
from loihiseg.methods.bntt.published import published
from loihiseg.methods.residual.blocks import with_blocks
from loihiseg.network.config import UNetConfig
from loihiseg.network.unet import build_unet
from loihiseg.through_time.settings import ThroughTime
from loihiseg.through_time.starting import PERCENTILE, start_over_time
from loihiseg.through_time.unet import build_through_time
from loihiseg.through_time.weight_shapes import weight_shapes_over_time
from loihiseg.training.checkpoint import (
    Checkpoint,
    load_checkpoint,
    model_weights,
    save_checkpoint,
)
from loihiseg.training.models import first_model
from loihiseg.training.phases import phases, shapes_at
from tests import training_runs

CONFIG = UNetConfig(tile=16, channels=(3, 4), convs_down=(1, 1), convs_up=(1,), stem_channels=2)
SHORT = {"time": ThroughTime(2), "tuning_epochs": 1, "epochs": 2, "window_steps": 0}
OVER_TIME = {"time": ThroughTime(2), "tuning_epochs": 2, "window_steps": 0, "patience": 9}


class Stopped(Exception):
    pass


@pytest.mark.parametrize("form", ["normalized", "chip"])
@pytest.mark.parametrize("normalization", ["none", "shared", "shift", "bntt"])
def test_weights_are_known_without_building(normalization, form):
    time = ThroughTime(3, normalization=normalization, residual="or", heads=2)
    config = with_blocks(CONFIG, 1)
    built = {w.name: tuple(w.shape) for w in build_through_time(config, time, form=form).weights}
    assert weight_shapes_over_time(config, time, form) == built


def test_the_last_epochs_are_in_the_chips_form():
    config = replace(training_runs.CONFIG, **OVER_TIME)
    assert [(phase.form, phase.first, phase.end) for phase in phases(config)] == [
        ("normalized", 0, 2), ("chip", 2, 4),
    ]  # fmt: skip
    assert "down1_norm/beta:0" in shapes_at(config, 1)
    assert "down1_shift/shift:0" in shapes_at(config, 2)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training of an epoch in each form."""
    folder = tmp_path_factory.mktemp("whole")
    training_runs.run(folder, **SHORT)
    return folder


def stopped_and_resumed(folder, epoch, changes):
    def stop(history):
        if len(history) == epoch:
            raise Stopped

    with pytest.raises(Stopped):
        training_runs.run(folder, on_epoch=stop, **changes)
    training_runs.run(folder, resume=True, **changes)


@pytest.mark.slow
def test_a_training_resumed_between_forms_is_one_never_stopped(whole, tmp_path):
    stopped_and_resumed(tmp_path, 1, SHORT)
    training_runs.same_run(whole, tmp_path)


def started(config, checkpoint):
    """Weights that a training begins with."""
    crops = np.zeros((1, 16, 16, 1), np.float32)
    return model_weights(first_model(replace(training_runs.CONFIG, **config), crops, checkpoint))


def test_trainings_go_on_from_networks_over_time(whole, tmp_path):
    """In the chip's form if they are in it; from the other form folded now."""
    chip = load_checkpoint(whole)
    tuned = SHORT | {"tuning_epochs": 2}
    found = started(tuned, chip)
    assert all((found[name] == value).all() for name, value in chip.weights.items())
    floats = load_checkpoint(in_floats(whole, tmp_path, "shift"))
    assert set(started(tuned, floats)) == set(chip.weights)
    with pytest.raises(InputError, match=r"in the chip's integers already.*tuning_epochs"):
        started(SHORT, chip)
    with pytest.raises(InputError, match="was trained with 2 steps, normalization shift"):
        started(tuned | {"time": ThroughTime(3)}, chip)


@pytest.mark.slow
@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_trainings_resumed_anywhere_are_those_never_stopped(tmp_path, epoch):
    training_runs.run(tmp_path / "whole", **OVER_TIME)
    stopped_and_resumed(tmp_path / "resumed", epoch, OVER_TIME)
    training_runs.same_run(tmp_path / "whole", tmp_path / "resumed")


def test_checkpoints_are_of_the_chips_form_and_computed_alike(whole):
    info = load_checkpoint(whole).info
    assert info.config.time == ThroughTime(2) and info.epoch == 2
    assert is_over_time(whole) and not is_over_time(whole / "none")
    network = build_network(read_network(whole), 32)
    lowering = lowered(network)
    pixels = np.random.default_rng(0).normal(0, 1, (1, 32, 32, 1)).astype(np.float32)
    logits = readout_logits(lowering.graph, forward(lowering.network, pixels), 32)
    np.testing.assert_allclose(logits, network.model.predict(pixels, verbose=0)[..., 0], atol=1e-5)


def in_floats(whole, folder, normalization):
    """A checkpoint of the first epoch, in the normalized form; untrained."""
    info = load_checkpoint(whole).info
    config = replace(info.config, tuning_epochs=0, time=ThroughTime(2, normalization=normalization))
    model = build_through_time(config.network, config.time)
    info = replace(info, config=config, epoch=1)
    save_checkpoint(folder, Checkpoint(info, model_weights(model)))
    return folder


def test_checkpoints_in_floats_are_rounded_when_they_are_deployed(whole, tmp_path):
    model = build_network(read_network(in_floats(whole, tmp_path / "a", "shift"))).model
    assert "up0_shift" in [layer.name for layer in model.layers]
    with pytest.raises(InputError, match="the chip lacks scales of their own for each step"):
        build_network(read_network(in_floats(whole, tmp_path / "b", "bntt")))


@pytest.mark.parametrize("normalization", ["none", "shared", "shift"])
def test_networks_start_as_those_without_steps(normalization):
    """If spikes stood for activations over their layer's scale, currents would be as they were."""
    rng = np.random.default_rng(0)
    before = build_unet(CONFIG)
    for weight in before.weights:
        weight.assign(rng.normal(0.05, 0.3, weight.shape))
    after = build_through_time(CONFIG, ThroughTime(2, normalization=normalization))
    crops = rng.normal(0, 1, (2, 16, 16, 1)).astype(np.float32)
    start_over_time(before, after, CONFIG, crops)

    def values(name):
        return tf.keras.Model(before.inputs, before.get_layer(name).output)(crops).numpy()

    sources = {"stem": None, "encode0_0": ["stem"], "down1": ["encode0_0"], "encode1_0": ["down1"],
               "up0": ["encode1_0"], "decode0_0": ["up0", "encode0_0"]}  # fmt: skip
    scales = {name: max(np.percentile(values(name), PERCENTILE), 1e-2) for name in sources}
    for name, heard in sources.items():
        x = crops
        if heard:
            x = np.concatenate([values(f"{one}_spikes") / scales[one] for one in heard], axis=-1)
        # Every step alike.
        x = np.repeat(x, 1 if name == "stem" else after.get_layer(f"{name}_norm").steps, axis=0)
        found = after.get_layer(f"{name}_norm")(after.get_layer(name)(x)).numpy()
        wanted = np.repeat(values(name) / scales[name], len(found) // 2, axis=0)
        np.testing.assert_allclose(found, wanted, atol=1e-4, err_msg=name)


def configured(*arguments):
    return configuration(parse(["--preset", "tiny", *arguments]))


def test_options_make_a_training_through_time():
    config = configured("--method", "bntt", "--time-steps", "3", "--epochs", "8")
    assert config.time == ThroughTime(3) and (config.crop, config.batch) == (128, 4)
    assert (config.epochs, config.tuning_epochs, config.learning_rate) == (8, 2, 5e-3)
    floats = configured("--method", "bntt", "--normalization", "bntt", "--decay", "41")
    assert floats.time.dynamics.decay == 41 and floats.tuning_epochs == 0
    assert configured("--method", "bntt", "--published").time == published(4)
    assert configured().time is None
    blocks = configured("--method", "residual", "--blocks", "2", "--residual", "iand")
    assert blocks.time.residual == "iand" and blocks.network.convs_down == (5, 4)
    assert configured("--method", "residual", "--heads", "3").time == ThroughTime(
        4, residual="add", heads=3
    )


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--time-steps", "3"), "--time-steps: is for training with --method; give it too"),
        (("--published",), "--published: is for training with --method"),
        (("--method", "bntt", "--published", "--decay", "9"), "leave out --normalization, --decay"),
        (("--method", "bntt", "--blocks", "2"), "--blocks: is for --method residual"),
        (("--method", "bntt", "--levels", "3"), "leave them out with --method"),
        (("--method", "bntt", "--window-steps", "9"), "--window-steps: is for firing rates"),
        (
            ("--method", "bntt", "--normalization", "bntt", "--tuning-epochs", "2"),
            "are for the chip, which lacks --normalization bntt",
        ),
        (("--method", "bntt", "--tuning-epochs", "99"), "expected 0 to 20"),
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        configured(*arguments)
