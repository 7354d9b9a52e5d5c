"""Splits and folds along z."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loihiseg.data import Split, z_block_folds, z_block_split
from loihiseg.errors import InputError


def test_24_sections_follow_the_protocol():
    assert z_block_split(24) == Split(range(18), range(18, 20), range(20, 24))


def test_three_sections_and_thirty():
    assert z_block_split(3) == Split(range(1), range(1, 2), range(2, 3))
    assert z_block_split(30) == Split(range(23), range(23, 25), range(25, 30))


@pytest.mark.parametrize("n_sections", [-1, 0, 1, 2])
def test_too_few_sections(n_sections):
    with pytest.raises(InputError, match="at least 3"):
        z_block_split(n_sections)


def _parts(split):
    return [*split.train, *split.validation, *split.test]


@given(st.integers(3, 500))
def test_a_split_is_a_partition_in_z_order(n_sections):
    split = z_block_split(n_sections)
    assert _parts(split) == list(range(n_sections))
    assert min(len(split.train), len(split.validation), len(split.test)) >= 1


@given(st.integers(3, 120), st.integers(2, 12))
def test_folds_partition_and_test_each_section_once(n_sections, n_folds):
    try:
        folds = z_block_folds(n_sections, n_folds)
    except InputError:
        assert n_sections < n_folds or (n_folds == 2 and n_sections < 4)
        return
    assert len(folds) == n_folds
    assert sorted(z for fold in folds for z in fold.test) == list(range(n_sections))
    for fold in folds:
        assert sorted(_parts(fold)) == list(range(n_sections))
        assert len(fold.train) >= 1 and len(fold.validation) >= 1
        assert fold.validation.start == fold.test.stop or fold.validation.stop == fold.test.start


def test_five_folds_of_24():
    folds = z_block_folds(24)
    assert [fold.test for fold in folds] == [
        range(0, 4),
        range(4, 9),
        range(9, 14),
        range(14, 19),
        range(19, 24),
    ]
    assert folds[0] == Split(range(6, 24), range(4, 6), range(0, 4))
    assert folds[1].train == (0, 1, 2, 3, *range(11, 24))
    assert folds[4] == Split(range(17), range(17, 19), range(19, 24))


@pytest.mark.parametrize("n_sections, n_folds", [(24, 1), (24, 0), (4, 5), (2, 2), (3, 2)])
def test_impossible_folds(n_sections, n_folds):
    with pytest.raises(InputError, match="fold"):
        z_block_folds(n_sections, n_folds)
