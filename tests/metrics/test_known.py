"""Scores without the pixels that count for nothing."""

import numpy as np
import pytest
from scipy import ndimage

from loihiseg.compilation.calibration import fit_line
from loihiseg.errors import InputError
from loihiseg.evaluation.maps import Maps
from loihiseg.evaluation.scoring import (
    check_cells,
    chosen_threshold,
    probability_row,
    score_row,
)
from loihiseg.metrics.pixels import pixel_scores
from loihiseg.results import Network

RNG = np.random.default_rng(0)
SHAPE = (2, 40, 36)


def _map():
    """Truth, logits that follow it not too well, and which pixels count."""
    smooth = ndimage.gaussian_filter(RNG.normal(size=SHAPE), (0, 3, 3))
    smooth /= smooth.std()
    truth = abs(smooth) < 0.25
    logits = np.where(truth, 1.5, -1.5) + RNG.normal(0, 1, SHAPE)
    known = np.ones(SHAPE, bool)
    known[:, 10:25, 8:20] = False
    known[1, :, 30:] = False
    return truth, logits.astype(np.float32), known


@pytest.mark.parametrize("constant", [-9.0, 9.0, None])
def test_ignored_pixels_change_no_score(constant):
    truth, logits, known = _map()

    def row(truth, logits):
        return score_row(Network.EMULATED, truth, logits, 0.5, whole_sections=True, known=known)

    expected = row(truth, logits)
    other = RNG.normal(0, 3, SHAPE).astype(np.float32) if constant is None else constant
    changed = np.where(known, logits, np.float32(other))
    assert row(truth, changed) == row(truth ^ ~known, changed) == expected
    assert expected.pixel == pixel_scores(truth[known], logits[known] > 0)
    free = score_row(Network.EMULATED, truth, logits, 0.5, whole_sections=True)
    assert free != expected


def test_right_where_it_counts_is_perfect():
    truth, _, known = _map()
    probability = np.where(truth ^ ~known, 0.99, 0.01)
    row = probability_row(
        Network.TRAINED, truth, probability, 0.5, whole_sections=True, known=known
    )
    assert row.pixel.accuracy == row.pixel.membrane_iou == 1
    assert row.challenge.v_rand == pytest.approx(1) and row.challenge.v_info == pytest.approx(1)
    free = probability_row(Network.TRAINED, truth, probability, 0.5, whole_sections=True)
    assert free.challenge.v_rand < 0.9


def test_choices_look_at_known_pixels():
    truth, logits, known = _map()
    wrong = np.where(known, logits, np.where(truth, -8, 2)).astype(np.float32)
    assert chosen_threshold(truth, wrong, known) == chosen_threshold(truth[known], logits[known])
    assert chosen_threshold(truth, wrong, known) != chosen_threshold(truth, wrong)


def test_the_line_is_fitted_on_known_pixels():
    _, spiking, known = _map()
    trained = np.where(known, 2 * spiking + 1, 100)
    line = fit_line(spiking, trained, known)
    assert (line.gain, line.offset) == pytest.approx((2, 1), abs=1e-6) and line.n_tiles == 2
    assert fit_line(spiking, trained, np.zeros_like(known)).n_tiles == 0


def test_agreement_is_of_known_pixels():
    _, logits, known = _map()
    other = np.where(known, logits, -logits)
    maps = Maps(logits, other, logits, logits)
    assert maps.agreement(0.5, known) == 1 and maps.agreement(0.5) < 1


def test_no_cell_that_counts_is_refused():
    truth = np.ones(SHAPE, bool)
    truth[0, 3, 3] = False
    check_cells(truth)
    with pytest.raises(InputError, match="expected a cell"):
        check_cells(truth, truth)
