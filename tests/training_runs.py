"""Trainings small enough to repeat, and one that runs in a process of its own to be killed."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from loihiseg.data.splits import z_block_split
from loihiseg.data.synthetic import synthetic_stack
from loihiseg.network.config import UNetConfig
from loihiseg.storage.arrays import unpack_arrays
from loihiseg.training.checkpoint import load_checkpoint
from loihiseg.training.presets import TrainingConfig

CONFIG = TrainingConfig(
    UNetConfig(tile=16, channels=(2, 3), convs_down=(0, 0), convs_up=(1,), stem_channels=2),
    crop=16,
    batch=2,
    steps_per_epoch=3,
    epochs=4,
)


def run(folder, *, stack=None, resume=False, on_batch=None, on_epoch=None, **changes):
    """Train on a small synthetic stack."""
    from loihiseg.training.fit import train

    stack = stack or synthetic_stack(6, (48, 48))
    config = replace(CONFIG, **changes)
    split = z_block_split(stack.n_sections)
    return train(
        stack, split, config, Path(folder), resume=resume, on_batch=on_batch, on_epoch=on_epoch
    )


def state(folder):
    """Weights and optimizer of a kept training state, by name."""
    _, _, body = (folder / "training_state.npz").read_bytes().partition(b"\n")
    arrays = unpack_arrays(body)
    return {name: value for name, value in arrays.items() if name not in ("history", "run")}


def same_run(one, other):
    """Weights, optimizer, checkpoint and history, bit for bit."""
    a, b = state(one), state(other)
    assert list(a) == list(b) and len(a) > 20
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)
    for name in ("history.json", "checkpoint.json"):
        assert (one / name).read_text() == (other / name).read_text()
    first, second = load_checkpoint(one).weights, load_checkpoint(other).weights
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


def killed_after(n_batches):
    """A callback that kills its own process, with no chance to clean up."""
    left = [n_batches]

    def on_batch():
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    return on_batch


if __name__ == "__main__":
    run(sys.argv[1], on_batch=killed_after(int(sys.argv[2])))
