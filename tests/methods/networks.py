"""Checkpoints of small untrained networks, and a stack to simulate them on."""

from dataclasses import replace

import numpy as np
import tifffile

from loihiseg.data.record import DataRecord, SplitRecord
from loihiseg.data.synthetic import synthetic_stack
from loihiseg.network.config import UNetConfig
from loihiseg.training.checkpoint import (
    Checkpoint,
    CheckpointInfo,
    model_weights,
    save_checkpoint,
)
from tests import quantized
from tests.training_runs import CONFIG

LEVELS = UNetConfig(
    tile=16, channels=(3,), convs_down=(1,), convs_up=(), stem_channels=2, levels=(3, 2)
)
RATES = replace(LEVELS, levels=0)
SPLIT = SplitRecord((0, 3), (3, 4), (4, 6))


def write_stack(folder, labelled=True, n_sections=6):
    """Sections of 32 x 32 pixels."""
    folder.mkdir(parents=True)
    stack = synthetic_stack(6, (32, 32))
    # Left to itself tifffile takes four sections for the channels of a colour image.
    kind = {"photometric": "minisblack"}
    tifffile.imwrite(folder / "train-volume.tif", stack.images[:n_sections], **kind)
    if labelled:
        labels = np.where(stack.membrane, 0, 255).astype(np.uint8)[:n_sections]
        tifffile.imwrite(folder / "train-labels.tif", labels, **kind)
    return folder


def write_checkpoint(folder, network):
    """A network of random weights that fires, as if it had been trained by `SPLIT`."""
    config = replace(CONFIG, network=network)
    info = CheckpointInfo(config, DataRecord("stack", "d1g3st", "labels", SPLIT), 0.5, 1, {})
    folder.mkdir(parents=True)
    save_checkpoint(folder, Checkpoint(info, model_weights(quantized.model(config=network))))
    return folder
