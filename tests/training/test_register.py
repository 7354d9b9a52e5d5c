"""Training that moves the images to where their labels lie."""

import json
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
import tifffile

from benchmarks import register
from loihiseg.commands.common import run
from loihiseg.commands.deploy.command import main as deploy
from loihiseg.commands.train.command import main as train_command
from loihiseg.data.moving import moved
from loihiseg.data.splits import z_block_split
from loihiseg.data.stack import make_stack
from loihiseg.data.synthetic import synthetic_stack
from loihiseg.network.config import UNetConfig
from loihiseg.training.beginning import started_from
from loihiseg.training.checkpoint import load_checkpoint
from loihiseg.training.fit import train
from loihiseg.training.presets import TrainingConfig
from loihiseg.training.state import read_history

CONFIG = TrainingConfig(
    UNetConfig(tile=32, channels=(2, 4), convs_down=(1, 1), convs_up=(1,), neighbours=1),
    crop=32, batch=2, steps_per_epoch=2, epochs=2, register=True,
)  # fmt: skip


@pytest.fixture(scope="module")
def stack():
    """Synthetic sections, whose labels lie one row above and half a column right of them."""
    found = synthetic_stack(6, (192, 192))
    return make_stack(moved(found.images, (1.0, -0.5)), found.membrane, "x", "membrane-bright")


@pytest.fixture(scope="module")
def trained(stack, tmp_path_factory):
    folder = tmp_path_factory.mktemp("registered")
    return folder, train(stack, z_block_split(6), CONFIG, folder)


def test_it_is_training_on_moved_images(stack, trained, tmp_path):
    folder, checkpoint = trained
    data = checkpoint.info.data
    assert data.label_offset_px == pytest.approx((-1, 0.5), abs=0.3)
    assert data.digest == stack.digest
    by_hand = replace(stack, images=moved(stack.images, data.label_offset_px))
    other = train(by_hand, z_block_split(6), replace(CONFIG, register=False), tmp_path / "other")
    assert read_history(folder) == read_history(tmp_path / "other")
    assert other.info.data.label_offset_px is None
    for name, values in checkpoint.weights.items():
        np.testing.assert_array_equal(values, other.weights[name])


def test_what_starts_from_it_is_moved_too(trained):
    _, checkpoint = trained
    assert started_from(replace(CONFIG, register=False), checkpoint).register
    assert asdict(checkpoint.info.config)["register"]


@pytest.fixture(scope="module")
def files(stack, tmp_path_factory):
    """The same in files."""
    folder = tmp_path_factory.mktemp("stack")
    for name, values in (("train-volume", stack.images), ("train-labels", stack.membrane)):
        pixels = values if values.dtype == np.uint8 else np.where(values, 0, 255).astype(np.uint8)
        tifffile.imwrite(folder / f"{name}.tif", pixels, photometric="minisblack")
    return folder


def test_a_trained_network_is_registered_afterwards(stack, files, tmp_path, monkeypatch, capsys):
    net, out = tmp_path / "net", tmp_path / "moved"
    before = train(stack, z_block_split(6), replace(CONFIG, register=False), net)
    arguments = [str(net), "--data", str(files), "--test", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["register.py", *arguments])
    register.main()
    said, found = capsys.readouterr().out, load_checkpoint(out)
    offset = found.info.data.label_offset_px
    assert offset == pytest.approx((-1, 0.5), abs=0.3)
    assert replace(found.info.data, label_offset_px=None) == before.info.data
    assert found.info.metrics != before.info.metrics and found.info.epoch == before.info.epoch
    for name, values in before.weights.items():
        np.testing.assert_array_equal(values, found.weights[name])
    lines = said.splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:5]] == [
        f"{part}, images {how}"
        for how in ("as they were", "moved")
        for part in ("validation, sections 4-4", "test, sections 5-5")
    ]
    assert f"{100 * before.info.metrics['accuracy']:.2f} %" in lines[1]
    assert f"{100 * found.info.metrics['accuracy']:.2f} %" in lines[3]


def test_by_the_command_line_it_is_deployed_so(files, tmp_path):
    net, out, data = tmp_path / "net", tmp_path / "run", ["--data", str(files)]
    options = [*data, "--preset", "tiny", "--register", "--epochs", "1", "--quiet"]
    assert run(train_command, [*options, "--out", str(net)]) == 0
    offset = load_checkpoint(net).info.data.label_offset_px
    assert offset == pytest.approx((-1, 0.5), abs=0.3)
    options = [*data, "--checkpoint", str(net), "--tiles", "1", "--steps", "20", "--quiet"]
    assert run(deploy, [*options, "--out", str(out)]) == 0
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["network"]["moved_px"] == list(offset)
    assert "images moved by -" in (out / "index.html").read_text()
