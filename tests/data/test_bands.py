"""Splits that are asked for, and bands of rows where there are too few sections."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loihiseg.data.record import DataRecord, SplitRecord
from loihiseg.data.selection import select_sections
from loihiseg.data.splits import Split, described, row_bands, split_of, z_block_split
from loihiseg.data.stack import make_stack
from loihiseg.data.synthetic import synthetic_stack
from loihiseg.data.tiles import whole_tiles
from loihiseg.errors import InputError

STACK = synthetic_stack(12, (48, 40))


def _split(validation=None, test=None, stack=STACK):
    return split_of(stack, 16, 16, validation, test)


@pytest.mark.parametrize(
    "validation, test, train, others",
    [
        ("2:4", "6:9", (0, 1, 4, 5, 9, 10, 11), ("2:4", "6:9")),
        ("10", "11", tuple(range(10)), ("10:11", "11:12")),
        (":3", "9:", tuple(range(3, 9)), ("0:3", "9:12")),
        (None, "4:6", (0, 1, 2, 3, 7, 8, 9, 10, 11), ("6:7", "4:6")),
        (None, "10:", tuple(range(9)), ("9:10", "10:12")),
        ("5", None, (0, 1, 2, 3, 4, 8, 9, 10, 11), ("5:6", "6:8")),
        (None, None, tuple(range(9)), ("9:10", "10:12")),
    ],
)
def test_sections_that_are_asked_for(validation, test, train, others):
    split = _split(validation, test)
    assert tuple(split.train) == train
    assert tuple(f"{p.start}:{p.stop}" for p in (split.validation, split.test)) == others
    record = SplitRecord.of(split)
    assert record.train_sections == train and record.parts == split
    sections = [split.part(STACK, name).section_numbers for name in ("train", "validation", "test")]
    assert sorted(sum(sections, ())) == list(range(12))
    assert others[0] in described(split) and others[1] in described(split)


@pytest.mark.parametrize(
    "validation, test, says",
    [
        ("4:6", "5:9", "section 5 is in both"),
        ("3", ":", "section 3 is in both"),
        (None, ":", "leave none to train"),
        (":6", "6:", "leave none to train"),
        ("12:13", None, "validation .* goes past the end"),
    ],
)
def test_splits_that_cannot_be(validation, test, says):
    with pytest.raises(InputError, match=says) as error:
        _split(validation, test)
    assert "\n" not in str(error.value)


def test_sections_without_labels_are_not_trained_on():
    membrane = STACK.membrane.copy()
    membrane[3] = False
    labelled = tuple(z != 3 for z in range(12))
    stack = replace(STACK, membrane=membrane, labelled=labelled)
    assert _split("5", "6:8", stack).train == (0, 1, 2, 4, 8, 9, 10, 11)
    with pytest.raises(InputError, match="no labels to train on"):
        _split(stack=make_stack(STACK.images, None, "here"))


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 600))
def test_bands_are_all_rows_and_no_row_twice(crop, tile, more):
    height = crop + 2 * tile + more
    bands = row_bands(height, crop, tile, "here")
    assert [*bands.train, *bands.validation, *bands.test] == list(range(height))
    assert len(bands.train) >= crop and min(len(bands.validation), len(bands.test)) >= tile


def test_bands_have_the_usual_proportions():
    bands = row_bands(1200, 128, 64, "here")
    assert (bands.train.stop, bands.validation.stop) == (900, 1000)


def test_sections_that_are_too_low_for_bands():
    with pytest.raises(InputError, match=r"at least 128 rows .*found 127") as error:
        row_bands(127, 64, 32, "here")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("n_sections", [1, 2])
def test_few_sections_are_cut_into_bands(n_sections):
    stack = synthetic_stack(n_sections, (96, 40))
    split = _split(stack=stack)
    parts = {name: split.part(stack, name) for name in ("train", "validation", "test")}
    assert sum(part.images.shape[1] for part in parts.values()) == 96
    for name, part in parts.items():
        rows = split.rows(name)
        assert part.first_row == rows.start and part.n_sections == n_sections
        np.testing.assert_array_equal(part.images, stack.images[:, rows.start : rows.stop])
        np.testing.assert_array_equal(part.membrane, stack.membrane[:, rows.start : rows.stop])
    assert len({part.digest for part in parts.values()}) == 3
    assert "bands of rows" in described(split) and SplitRecord.of(split).parts == split


@pytest.mark.parametrize("sections, numbers", [(None, (0, 1)), ("1", (1,))])
def test_a_deployment_looks_at_the_bands_of_the_training(sections, numbers):
    stack = synthetic_stack(2, (96, 40))
    split = _split(stack=stack)
    record = DataRecord("here", stack.digest, "labels", SplitRecord.of(split))
    found = select_sections(stack, sections, record)
    rows = split.bands.test
    assert found.rows == rows and found.test.section_numbers == numbers
    np.testing.assert_array_equal(found.test.images, stack.images[list(numbers), rows.start :])
    np.testing.assert_array_equal(found.validation.images, split.part(stack, "validation").images)
    assert "other rows" in found.note and found.side == 16
    assert all(y >= rows.start for _, y, _ in whole_tiles(found.test, 16).places)
    chosen = found.choose(16, None, 1)
    assert chosen.titles[0] == f"section {numbers[0]}, rows {rows.start}:96"
    other = select_sections(stack, None, replace(record, digest="other"))
    assert other.rows is None and other.test.images.shape == stack.images.shape


@pytest.mark.parametrize("rows", [range(0), range(-1, 4), range(40, 49), range(0, 8, 2)])
def test_rows_that_cannot_be_cut(rows):
    with pytest.raises(InputError, match="cannot cut rows"):
        STACK.cut_rows(rows)


def test_bands_of_what_counts():
    known = np.ones(STACK.images.shape, bool)
    known[:, 30:] = False
    stack = replace(STACK, known=known)
    assert stack.cut_rows(range(20)).known is None
    np.testing.assert_array_equal(stack.cut_rows(range(20, 48)).known, known[:, 20:])


def test_the_usual_split_has_no_bands():
    assert _split() == z_block_split(12) == Split(range(9), range(9, 10), range(10, 12))
