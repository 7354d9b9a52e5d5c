"""Sections and tiles that are chosen, and what is said of them."""

from dataclasses import replace

import numpy as np
import pytest

from loihiseg.data.record import DataRecord, SplitRecord
from loihiseg.data.selection import select_sections, shortage
from loihiseg.data.synthetic import synthetic_stack
from loihiseg.data.tiles import spread_tiles, whole_tiles
from loihiseg.errors import InputError

RECORD = DataRecord("somewhere", "d", "p", SplitRecord((0, 4), (4, 5), (5, 6)))


@pytest.mark.parametrize("asked, there", [(1, 1), (8, 8), (9, 8), (100, 8)])
def test_fewer_tiles_than_asked_for_are_said(asked, there):
    tiles = spread_tiles(synthetic_stack(2, (48, 40)), 20, asked)
    assert len(tiles.places) == len(set(tiles.places)) == there
    said = shortage(tiles, 20, asked)
    assert bool(said) == (asked > there)
    if said:
        assert said == (
            f"{asked} tiles were asked for; 8 of 20 x 20 pixels fit side by side on these sections."
        )


def test_whole_sections_lack_no_tiles():
    assert not shortage(whole_tiles(synthetic_stack(1, (48, 40)), 20), 20, None)


@pytest.mark.parametrize(
    "n_sections, record, sections, test, validation",
    [
        (6, RECORD, None, (5,), (4,)),
        (6, RECORD, "0:2", (0, 1), (4,)),
        (6, RECORD, "3:5", (3, 4), None),
        (6, None, None, (5,), (4,)),
        (2, None, None, (0, 1), None),
    ],
)
def test_sections_by_the_split_of_the_network(n_sections, record, sections, test, validation):
    stack = synthetic_stack(n_sections, (48, 40))
    known = record and replace(record, digest=stack.digest)
    found = select_sections(stack, sections, known)
    assert found.test.section_numbers == test
    assert (found.validation and found.validation.section_numbers) == validation
    calibration = found.calibration(20, 1)
    assert (calibration is None) == (validation is None)
    # Levels are found on what it was trained on, if nothing of that is judged.
    training = None if sections or n_sections < 3 else (0, 1, 2, 3)
    assert (found.training and found.training.section_numbers) == training


@pytest.mark.parametrize(
    "sections, test, fitted_on",
    [
        (None, (0, 1, 2, 3, 4, 5), (0, 1, 2, 3, 4, 5)),
        ("1:3", (1, 2), (0, 3, 4, 5)),
        (":", (0, 1, 2, 3, 4, 5), (0, 1, 2, 3, 4, 5)),
    ],
)
def test_a_split_is_for_the_data_that_was_trained_on(sections, test, fitted_on):
    """Of other data, labelled or not, nothing is left out, and nothing chosen by labels."""
    for stack in (
        synthetic_stack(6, (48, 40)),
        replace(synthetic_stack(6, (48, 40)), membrane=None),
    ):
        found = select_sections(stack, sections, RECORD)
        assert found.test.section_numbers == test and found.validation is None
        assert found.fitted_on.section_numbers == fitted_on
        assert found.training is found.fitted_on
        assert "trained on other data" in found.note
        assert found.calibration(20, 2) is not None and found.calibration(20, 0) is None


def test_sections_that_are_not_there():
    with pytest.raises(InputError, match="7"):
        select_sections(synthetic_stack(3, (48, 40)), "6:7", None)


def test_a_stack_without_labels_has_tiles_without_truth():
    stack = replace(synthetic_stack(4, (48, 40)), membrane=None)
    found = select_sections(stack, None, None)
    for tiles in (found.tiles(20, None), found.tiles(20, 2), found.calibration(20, 2)):
        assert tiles.membrane is None and len(tiles.pixels) == len(tiles.places)
    labelled = whole_tiles(synthetic_stack(4, (48, 40)).select(range(3, 4)), 20)
    np.testing.assert_array_equal(found.tiles(20, None).pixels, labelled.pixels)
