import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from loihiseg.metrics.isbi import challenge_scores
from loihiseg.metrics.submission import SHIFTS, choose_shift, submitted_scores


def two_cells(gap_logit):
    """Two cells side by side, and a map that is sure of the membrane but for one gap in it."""
    membrane = np.zeros((1, 9, 9), bool)
    membrane[:, :, 4] = True
    logits = np.where(membrane, 8.0, -8.0)
    logits[0, 4, 4] = gap_logit
    return membrane, logits


@pytest.mark.parametrize("gap_logit", [-3.0, -1.0])
def test_the_shift_closes_a_gap_the_thresholds_miss(gap_logit):
    membrane, logits = two_cells(gap_logit)
    # The gap is cell at every threshold up to its own probability of cell.
    assert choose_shift(membrane, logits) == min(s for s in SHIFTS if s > -gap_logit)
    shift = choose_shift(membrane, logits)
    assert submitted_scores(membrane, logits, shift).v_rand == 1.0


def test_the_last_threshold_of_the_challenge_lets_it_open():
    membrane, logits = two_cells(-3.0)  # probability of cell 0.953, above 0.9
    assert submitted_scores(membrane, logits, 0.0).v_rand < 0.7


def test_nothing_to_shift():
    membrane, logits = two_cells(8.0)
    assert choose_shift(membrane, logits) == 0.0


def test_sections_without_a_cell_do_not_count():
    membrane, logits = two_cells(-3.0)
    blank = np.ones_like(membrane), np.full_like(logits, 8.0)
    assert choose_shift(*blank) == 0.0
    both = np.concatenate([membrane, blank[0]]), np.concatenate([logits, blank[1]])
    assert choose_shift(*both) == choose_shift(membrane, logits) > 0


def test_no_shift_is_the_network_s_own_probability():
    rng = np.random.default_rng(3)
    logits = gaussian_filter(rng.normal(size=(2, 40, 40)), (0, 2, 2)) * 20
    membrane = gaussian_filter(rng.normal(size=(2, 40, 40)), (0, 2, 2)) > 0.1
    own = challenge_scores(~membrane, 1.0 / (1.0 + np.exp(logits)))
    assert submitted_scores(membrane, logits, 0.0) == own


@pytest.mark.parametrize("seed", range(5))
def test_shifting_back_and_forth_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    logits = gaussian_filter(rng.normal(size=(1, 30, 30)), (0, 2, 2)) * 20
    membrane = gaussian_filter(rng.normal(size=(1, 30, 30)), (0, 2, 2)) > 0.1
    moved = submitted_scores(membrane, logits - 2.0, 2.0)
    # 2 is exact in binary, so the same numbers reach the sigmoid up to one rounding.
    assert moved.v_rand_curve == pytest.approx(submitted_scores(membrane, logits, 0).v_rand_curve)
