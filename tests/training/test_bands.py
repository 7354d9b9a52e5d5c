"""Training on a single section: its bands are in the checkpoint, and a resumed run keeps them."""

from dataclasses import replace

import pytest

from loihiseg.data.record import SplitRecord
from loihiseg.data.splits import split_of
from loihiseg.data.synthetic import synthetic_stack
from loihiseg.errors import InputError
from loihiseg.training.checkpoint import load_checkpoint
from loihiseg.training.fit import train
from tests.training_runs import CONFIG

STACK = synthetic_stack(1, (64, 48))


def test_bands_are_kept_and_another_split_is_not_resumed(tmp_path):
    config = replace(CONFIG, epochs=1)
    split = split_of(STACK, config.crop, config.network.tile)
    train(STACK, split, config, tmp_path)
    found = load_checkpoint(tmp_path).info.data
    assert found.split == SplitRecord.of(split) and found.split.bands.test == (48, 64)
    assert found.split.parts == split and found.digest == STACK.digest
    other = replace(split, bands=replace(split.bands, train=range(30), validation=range(30, 48)))
    with pytest.raises(InputError, match="another split"):
        train(STACK, other, config, tmp_path, resume=True)
