"""BNTT's early exit against counts by hand, and its settings."""

import numpy as np
import pytest

from loihiseg.errors import InputError
from loihiseg.methods.bntt.exits import exit_step, step_scales
from loihiseg.methods.bntt.published import published
from loihiseg.through_time.settings import check_on_chip

EARLY = np.array([[1.0, -1.0], [0.5, 0.1], [0.05, -0.05], [0.02, 0.0]])
"""Means of 1, 0.3, 0.05 and 0.01."""


def test_exits_by_hand():
    late = np.array([[0.4], [0.2], [0.3], [0.09]])
    np.testing.assert_allclose(step_scales({"a": EARLY})["a"], [1, 0.3, 0.05, 0.01])
    assert exit_step({"a": EARLY}) == 2
    assert exit_step({"a": EARLY, "b": late}) == 3
    assert exit_step({"a": EARLY}, least=0.01) == 4
    assert exit_step({"a": EARLY}, least=0.5) == 1


def test_a_large_scale_behind_small_ones_counts():
    assert exit_step({"a": np.array([[1.0], [0.0], [0.0], [0.2]])}) == 4


def test_steps_that_only_a_skip_hears_do_not_count():
    assert exit_step({"a": EARLY, "b": np.ones((2, 1))}) == 2
    assert exit_step({"a": np.zeros((4, 1)), "b": np.zeros((2, 1))}) == 1
    with pytest.raises(ValueError, match="no layer"):
        exit_step({})


def test_what_is_published_is_not_for_the_chip():
    time = published(25)
    assert (time.dynamics.decay, time.normalization, time.delayed) == (205, "bntt", False)
    with pytest.raises(InputError, match=r"scales of their own.*subtraction.*delays"):
        check_on_chip(time)
