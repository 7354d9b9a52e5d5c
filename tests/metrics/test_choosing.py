"""Thresholds chosen by blocks, by hand; intervals against what is known of means."""

import numpy as np
import pytest

from loihiseg.errors import InputError
from loihiseg.metrics.choosing import LOGITS, choose_threshold, interval


def test_the_grid_goes_by_tenths():
    assert LOGITS[0] == -8.0 and LOGITS[-1] == 2.0 and LOGITS[67] == -1.3
    assert np.allclose(np.diff(LOGITS), 0.1)


def test_each_block_is_judged_by_the_threshold_of_the_others():
    # Two blocks of two sections that want different thresholds: each gets the other's.
    scores = np.array([[0.9, 0.5, 0.1]] * 2 + [[0.2, 0.5, 0.8]] * 2)
    found = choose_threshold(scores, (-1.0, 0.0, 1.0), n_blocks=2)
    assert found.by_block == (1.0, -1.0)
    assert found.score == pytest.approx((0.1 + 0.2) / 2)
    # In the mean of all: 0.55, 0.5, 0.45.
    assert found.logit == -1.0 and found.best_score == pytest.approx(0.55)
    assert found.is_at_end


def test_of_equals_the_middle_of_the_longest_run_is_taken():
    curve = [0.9, 0.1, 0.9, 0.9, 0.9, 0.2]
    found = choose_threshold(np.array([curve] * 3), (0, 1, 2, 3, 4, 5))
    assert found.logit == 3.0 and not found.is_at_end
    assert found.by_block == (3.0, 3.0, 3.0)
    assert found.score == found.best_score == 0.9


def test_two_sections_are_too_few():
    with pytest.raises(InputError, match="2 sections to choose a threshold on, expected three"):
        choose_threshold(np.zeros((2, 3)), (0, 1, 2))


def test_an_interval_is_that_of_the_mean():
    rng = np.random.default_rng(0)
    values = rng.normal(3, 1, 400)
    found = interval(values)
    assert found.n == 400 and found.confidence == 0.95
    assert found.mean == pytest.approx(values.mean())
    # 1.96 standard errors each way.
    assert found.high - found.mean == pytest.approx(1.96 * values.std() / 20, rel=0.1)
    assert found.mean - found.low == pytest.approx(1.96 * values.std() / 20, rel=0.1)
    assert interval(values) == found


def test_a_single_section_has_no_spread():
    found = interval([0.7])
    assert (found.low, found.mean, found.high, found.n) == (0.7, 0.7, 0.7, 1)
    assert interval([0.2, 0.2]).low == interval([0.2, 0.2]).high == 0.2
