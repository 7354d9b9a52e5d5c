"""Presentations end when maps stop changing, and not before."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loihiseg.running.early_exit import ExitRule, apply_rule, choose_rule

STEPS = [10, 20, 30, 40]


def maps_of(*rows):
    """Maps of one row of pixels, one list of looks per image."""
    return np.array([[[list(map(int, look))] for look in image] for image in rows], bool)


HAND = maps_of(["0000", "1100", "1110", "1110"], ["0000", "0000", "0110", "1111"])


def test_by_hand():
    # The first image changes by 2, 1, 0 pixels, the second by 0, 2, 2.
    for rule, steps, wrong in (
        (ExitRule(0, 0), [40, 20], [0, 1]),
        (ExitRule(0, 1), [30, 20], [0, 1]),
        (ExitRule(0, 2), [20, 20], [0.25, 1]),
        (ExitRule(20, 2), [30, 30], [0, 0.5]),
        (ExitRule(30, 0), [40, 40], [0, 0]),
        (ExitRule(40, 4), [40, 40], [0, 0]),
        (ExitRule(0, -1), [40, 40], [0, 0]),
    ):
        found = apply_rule(HAND, STEPS, rule)
        assert found.steps.tolist() == steps and found.wrong.tolist() == wrong, rule
        expected = [HAND[i, STEPS.index(step)] for i, step in enumerate(steps)]
        np.testing.assert_array_equal(found.maps, expected)


def test_chosen_by_hand():
    # The first image may stop at 30 and loses nothing; the second changes to its end.
    assert choose_rule(HAND, STEPS, 0.0) == ExitRule(20, 1)
    assert choose_rule(HAND[1:], STEPS, 0.0) == ExitRule(40, -1)
    # Stopping both at 30 costs half of the second's pixels.
    assert choose_rule(HAND, STEPS, 0.24) == ExitRule(20, 1)
    assert choose_rule(HAND, STEPS, 0.25) == ExitRule(20, 2)
    assert choose_rule(HAND, STEPS, 1.0) == ExitRule(10, 2)
    first = HAND[:1]
    assert choose_rule(first, STEPS, 0.0) == ExitRule(20, 1)


def test_maps_at_rest_from_the_start_wait_for_a_second_look():
    still = np.ones((3, 4, 2, 2), bool)
    rule = choose_rule(still, STEPS, 0.0)
    assert apply_rule(still, STEPS, rule).steps.tolist() == [20, 20, 20]


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 4), st.integers(1, 5), st.sampled_from([0, 0.02, 0.1, 0.5, 1]),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_no_rule_is_better(n, n_looks, most_wrong, seed):
    rng = np.random.default_rng(seed)
    maps = rng.random((n, n_looks, 3, 3)) < np.linspace(0.5, 0.9, n_looks)[None, :, None, None]
    steps = np.cumsum(rng.integers(1, 9, n_looks))
    chosen = apply_rule(maps, steps, choose_rule(maps, steps, most_wrong))
    assert chosen.wrong.mean() <= most_wrong
    for first, count in itertools.product(steps, range(-1, 10)):
        other = apply_rule(maps, steps, ExitRule(int(first), count))
        if other.wrong.mean() <= most_wrong:
            assert chosen.steps.mean() <= other.steps.mean()


@pytest.mark.parametrize(
    "maps, steps",
    [
        (HAND, [10, 20, 30]),
        (HAND, [10, 20, 20, 40]),
        (HAND[0], STEPS),
        (HAND, []),
    ],
)
def test_steps_and_maps_must_agree(maps, steps):
    with pytest.raises(ValueError, match="a step for each of their looks"):
        apply_rule(maps, steps, ExitRule(0, 0))


def test_there_is_something_to_choose_from():
    with pytest.raises(ValueError, match="there must be maps"):
        choose_rule(HAND[:0], STEPS, 0.1)
    with pytest.raises(ValueError, match="there must be maps"):
        choose_rule(HAND, STEPS, -0.1)


def test_pixels_that_count_for_nothing_are_not_wrong():
    # Of the second image the two pixels count that do not change between 30 and 40.
    known = np.array([[[True] * 4], [[False, True, True, False]]])
    found = apply_rule(HAND, STEPS, ExitRule(20, 2), known)
    assert found.steps.tolist() == [30, 30] and found.wrong.tolist() == [0, 0]
    found = apply_rule(HAND, STEPS, ExitRule(0, 2), known)
    # Of the first image 1 of 4 is wrong, of the second 2 of 2: of 6 pixels, 3.
    assert found.wrong.tolist() == [0.25, 1] and found.share_wrong == 0.5
    # What changes is seen on all pixels, whatever counts: the host knows no labels.
    assert choose_rule(HAND, STEPS, 0.0, known) == ExitRule(20, 2)
    assert choose_rule(HAND, STEPS, 0.5, known) == ExitRule(10, 2)
    assert choose_rule(HAND, STEPS, 0.34, known) == ExitRule(10, 1)
    assert choose_rule(HAND, STEPS, 0.33, known) == ExitRule(20, 2)
    nowhere = np.zeros_like(known)
    found = apply_rule(HAND, STEPS, ExitRule(0, 2), nowhere)
    assert found.wrong.tolist() == [0, 0] and found.share_wrong == 0


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 4), st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_where_all_count_it_is_as_without(n, n_looks, seed):
    rng = np.random.default_rng(seed)
    maps, known = rng.random((n, n_looks, 3, 3)) < 0.6, np.ones((n, 3, 3), bool)
    steps = np.cumsum(rng.integers(1, 9, n_looks))
    rule = choose_rule(maps, steps, 0.1, known)
    assert rule == choose_rule(maps, steps, 0.1)
    with_known, without = apply_rule(maps, steps, rule, known), apply_rule(maps, steps, rule)
    np.testing.assert_array_equal(with_known.wrong, without.wrong)
    assert with_known.share_wrong == pytest.approx(without.share_wrong)
    # Whatever pixels that do not count come to, all is the same but how they change.
    known = rng.random(known.shape) < 0.5
    other = np.where(known[:, None], maps, maps[:, -1:])
    ends = ExitRule(int(steps[0]), 9)
    one, two = (apply_rule(some, steps, ends, known) for some in (maps, other))
    np.testing.assert_array_equal(one.wrong, two.wrong)
