"""The network that sees neighbouring sections, and the rows of choices in training."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import training_choices
from benchmarks.kept_rows import read_rows
from benchmarks.teacher import Crops, Training, maps, neighbourhoods, train
from benchmarks.textbook_unet import Shape
from loihiseg.data.contrast import normalize
from loihiseg.data.synthetic import synthetic_stack
from loihiseg.training.objective import Objective

STACK = synthetic_stack(6, (64, 64))
SHAPE = Shape((2, 3), 32, stride=2)
TRAINING = Training(epochs=3, steps=2, crop=32, batch=2)


def test_neighbours_are_the_sections_before_and_behind():
    around = neighbourhoods(STACK, 1)
    sections = [normalize(section) for section in STACK.images]
    np.testing.assert_array_equal(around[2, ..., 0], sections[1])
    np.testing.assert_array_equal(around[2, ..., 1], sections[3])
    # At the ends there is none.
    np.testing.assert_array_equal(around[0, ..., 0], sections[0])
    np.testing.assert_array_equal(around[5, ..., 1], sections[5])
    further = neighbourhoods(STACK, 2)
    assert further.shape == (6, 64, 64, 4)
    np.testing.assert_array_equal(further[..., 1:3], around)
    assert neighbourhoods(STACK, 0).shape == (6, 64, 64, 0)


def test_crops_are_repeated_and_of_three_sections():
    images, membrane = Crops(STACK, TRAINING, 1)[1]
    assert images.shape == (2, 32, 32, 3) and membrane.shape == (2, 32, 32, 1)
    assert set(np.unique(membrane)) <= {0, 1}
    alone, _ = Crops(STACK, replace(TRAINING, neighbours=0), 1)[1]
    np.testing.assert_array_equal(alone, images[..., 1:2])
    again, _ = Crops(STACK, TRAINING, 1)[1]
    np.testing.assert_array_equal(images, again)
    assert not np.array_equal(images, Crops(STACK, TRAINING, 2)[1][0])


def test_it_goes_on_as_if_it_had_not_stopped(tmp_path):
    whole = train(STACK, SHAPE, TRAINING, tmp_path / "whole")

    class StopError(Exception):
        pass

    def stop(self, index, epoch_of=Crops.__getitem__):
        if self.epoch == 2:
            raise StopError
        return epoch_of(self, index)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Crops, "__getitem__", stop)
        with pytest.raises(StopError):
            train(STACK, SHAPE, TRAINING, tmp_path / "parts")
    parts = train(STACK, SHAPE, TRAINING, tmp_path / "parts")
    for one, other in zip(whole.get_weights(), parts.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    found = maps(whole, 32, STACK, [0, 5], 8)
    assert found.shape == (2, 64, 64) and found.min() >= 0 and found.max() <= 1
    # A section seen turned has the map turned.
    again = maps(whole, 32, STACK, [0], 1)
    assert again.shape == (1, 64, 64)


@pytest.mark.parametrize("name", training_choices.CHOICES)
def test_a_choice_differs_in_one_thing(name):
    plain = training_choices.configuration(training_choices.Case("plain", 0), "1" * 64)
    found = training_choices.configuration(training_choices.Case(name, 0), "1" * 64)
    assert plain.objective == Objective() and plain.crop == found.crop
    assert (found == plain) == (name == "plain")
    assert found.network == plain.network and found.learning_rate == plain.learning_rate


def test_rows_are_kept_and_told(tmp_path):
    case = training_choices.Case("border", 1)
    row = training_choices.Row(case, 0.7, 0.92, 0.17, 0.96, -2.0, 0.8, 9, "", 100.0, {"numpy": "2"})
    from dataclasses import asdict

    from loihiseg.files import write_json

    write_json(tmp_path / case.file, asdict(row))
    assert read_rows(tmp_path, training_choices.Row) == [row]
    table = training_choices.table([row]).splitlines()
    assert table[2].startswith("| 3 | border | 1 | 0.7000")
