"""Networks over time from checkpoint to chip, as a user meets them: deployed, kept, run again."""

import json
from dataclasses import replace

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.data.synthetic import synthetic_stack
from loihiseg.methods.residual.blocks import with_blocks
from loihiseg.network.config import UNetConfig
from loihiseg.through_time.settings import ThroughTime
from loihiseg.through_time.unet import build_through_time
from loihiseg.training.checkpoint import Checkpoint, load_checkpoint, model_weights, save_checkpoint
from tests.commands import in_process, refused, write_stack

CONFIG = with_blocks(
    UNetConfig(tile=16, channels=(3, 4), convs_down=(1, 1), convs_up=(1,), stem_channels=2), 1
)
TIME = ThroughTime(2, residual="add")
SHORT = ["--tiles", 2, "--calibration-tiles", 1, "--quiet", "--proof-seconds", 0]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    stack = synthetic_stack(6, (32, 32))
    folder = tmp_path_factory.mktemp("data") / "stack"
    return write_stack(folder, stack.images, np.where(stack.membrane, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def network(tmp_path_factory, checkpoint):
    """Weights at random, in the chip's form."""
    tf.keras.utils.set_random_seed(3)
    model = build_through_time(CONFIG, TIME, form="chip")
    rng = np.random.default_rng(3)
    for weight in model.weights:
        weight.assign(rng.normal(0.1, 0.4, weight.shape))
    info = load_checkpoint(checkpoint).info
    config = replace(
        info.config, network=CONFIG, time=TIME, window_steps=0, epochs=1, tuning_epochs=1
    )
    folder = tmp_path_factory.mktemp("network")
    save_checkpoint(folder, Checkpoint(replace(info, config=config, epoch=1), model_weights(model)))
    return folder


def deploy(capfd, data, out, *more):
    code, _, err = in_process(capfd, "deploy", "--data", data, "--out", out, *more)
    assert code == 0, err
    return json.loads((out / "metrics.json").read_text())


def test_deployments_are_what_was_trained(capfd, data, network, tmp_path):
    """Every pixel is called as by the trained network, by either emulator, and when it was kept."""
    kept = tmp_path / "kept"
    found = deploy(
        capfd, data, tmp_path / "a", "--checkpoint", network, "--check", 12, "--save", kept, *SHORT
    )
    # Eight layers, of which the last has two steps.
    assert (found["code"]["name"], found["code"]["steps"]) == ("direct", 10)
    assert found["agreement"] == 1.0
    assert all(row["quantized_error"] == row["spiking_error"] == 0 for row in found["layers"])
    again = deploy(capfd, data, tmp_path / "b", "--deployed", kept, *SHORT[:5])
    assert again["activity"]["spikes"] == found["activity"]["spikes"] and again["agreement"] == 1.0


def test_what_it_cannot_have_is_refused(capfd, data, network, tmp_path):
    more = ["--data", data, "--checkpoint", network, "--out", tmp_path / "a", *SHORT]
    refused(capfd, "--levels", "deploy", *more, "--levels", 3)
    refused(capfd, "was trained step by step", "deploy", *more, "--code", "rate")
    refused(capfd, "was trained step by step", "check", network, "--chips", 1, "--code", "ramp")
    code, out, err = in_process(capfd, "check", network, "--chips", 1)
    assert code == 0, err
    assert "direct code" in out and "steps 2 to" in out and "host, behind the chip" in out
