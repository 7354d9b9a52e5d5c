import json
import os
import time
from dataclasses import asdict
from math import log
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import label
from skimage.metrics import adapted_rand_error

from loihiseg.errors import InputError
from loihiseg.metrics.isbi import (
    challenge_scores,
    challenge_thresholds,
    thin,
    v_info,
    v_rand,
)

# n = 10 foreground pixels, the last two do not count. Counts:
#            line  1  2
#   truth 1     1  4  1     a = 6
#   truth 2     1  0  3     a = 4
#   b                 4  4, and 2 pixels on lines
TRUTH = np.array([[1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 0, 0]])
PROPOSAL = np.array([[1, 1, 1, 1, 0, 2, 2, 2, 2, 0, 5, 0]])

label_pairs = st.tuples(
    arrays(np.int32, (6, 7), elements=st.integers(0, 4)),
    arrays(np.int32, (6, 7), elements=st.integers(0, 4)),
).filter(lambda pair: pair[0].any())


def test_v_rand_by_hand():
    # times n^2 = 100: S_a = 36 + 16 = 52; S_b = 16 + 16 + 2 = 34; S_ab = 16 + 1 + 9 + 2 = 28
    score = v_rand(TRUTH, PROPOSAL)
    assert score.precision == pytest.approx(28 / 34, abs=1e-15)
    assert score.recall == pytest.approx(28 / 52, abs=1e-15)
    assert score.value == pytest.approx(2 * 28 / (34 + 52), abs=1e-15)


def test_v_info_by_hand():
    # The two line pixels are regions of 1/10 each.
    h_true = -(0.6 * log(0.6) + 0.4 * log(0.4))
    h_proposal = -(2 * 0.4 * log(0.4) + 2 * 0.1 * log(0.1))
    h_both = -(0.4 * log(0.4) + 0.1 * log(0.1) + 0.3 * log(0.3) + 2 * 0.1 * log(0.1))
    information = h_true + h_proposal - h_both
    score = v_info(TRUTH, PROPOSAL)
    assert score.precision == pytest.approx(information / h_true, abs=1e-12)
    assert score.recall == pytest.approx(information / h_proposal, abs=1e-12)
    assert score.value == pytest.approx(2 * information / (h_true + h_proposal), abs=1e-12)


def test_lines_are_single_regions():
    # Halves of 4; the second is proposed as a pair and two single pixels. In bits: H(gt) = 1;
    # H(seg) = 1/2 * 1 + 1/4 * 2 + 2 * 1/8 * 3 = 7/4; the proposal only splits, so I = 1.
    truth, proposal = np.array([[1, 1, 1, 1, 2, 2, 2, 2]]), np.array([[1, 1, 1, 1, 2, 2, 0, 0]])
    info = v_info(truth, proposal)
    assert (info.precision, info.recall) == pytest.approx((1, 4 / 7))
    assert info.value == pytest.approx(8 / 11)
    # times 64: S_a = 32; S_b = S_ab = 16 + 4 + 2 = 22
    rand = v_rand(truth, proposal)
    assert rand.precision == 1.0
    assert rand.recall == 22 / 32


def test_merge_and_split_corner_cases():
    whole, halves = np.array([[1, 1, 1, 1]]), np.array([[1, 1, 2, 2]])
    # Pure split: every proposed region lies in one true region.
    assert v_rand(whole, halves).precision == 1.0
    assert v_rand(whole, halves).recall == 8 / 16
    # Pure merge: every true region lies in one proposed region.
    assert v_rand(halves, whole).precision == 8 / 16
    assert v_rand(halves, whole).recall == 1.0


def test_partitions_without_entropy_score_zero():
    whole, halves = np.array([[1, 1, 1, 1]]), np.array([[1, 1, 2, 2]])

    def triple(score):
        return score.value, score.precision, score.recall

    assert triple(v_info(whole, halves)) == (0.0, 0.0, 1.0)  # H(gt) = 0
    assert triple(v_info(halves, whole)) == (0.0, 1.0, 0.0)  # H(seg) = 0
    assert triple(v_info(whole, whole)) == (0.0, 1.0, 0.0)  # both: H(seg) is applied last
    # Independent partitions share nothing: 0/0 counts as 0.
    assert triple(v_info(halves, np.array([[1, 2, 1, 2]]))) == (0.0, 0.0, 0.0)


def test_single_foreground_pixel():
    for proposal in (np.array([[0, 3]]), np.array([[3, 0]])):
        assert v_rand(np.array([[1, 0]]), proposal).value == 1.0
        assert v_info(np.array([[1, 0]]), proposal).value == 0.0


def test_all_foreground_on_lines():
    # times 16: S_a = 8, S_b = S_ab = 4
    truth = np.array([[1, 1, 2, 2]])
    assert v_rand(truth, np.zeros_like(truth)).recall == 0.5
    assert v_info(truth, np.zeros_like(truth)).recall == pytest.approx(0.5)


@given(label_pairs)
def test_scores_lie_in_0_to_1(pair):
    for score in (v_rand(*pair), v_info(*pair)):
        for value in asdict(score).values():
            assert type(value) is float
            assert 0 <= value <= 1


@given(label_pairs, st.permutations(range(1, 5)), st.permutations(range(1, 5)))
def test_label_numbers_do_not_matter(pair, true_numbers, proposal_numbers):
    truth, proposal = pair
    renamed = (np.array([0, *true_numbers])[truth], np.array([0, *proposal_numbers])[proposal])
    assert v_rand(*renamed) == v_rand(truth, proposal)
    expected = v_info(truth, proposal)
    assert asdict(v_info(*renamed)) == pytest.approx(asdict(expected), abs=1e-9)


@given(label_pairs)
def test_what_lies_outside_the_foreground_does_not_matter(pair):
    truth, proposal = pair
    elsewhere = np.where(truth == 0, 9, proposal)
    assert v_rand(truth, elsewhere) == v_rand(truth, proposal)
    assert v_info(truth, elsewhere) == v_info(truth, proposal)


@given(label_pairs)
def test_singles_written_out_give_the_same_score(pair):
    truth, proposal = pair
    own_label = 10 + np.arange(proposal.size).reshape(proposal.shape)
    written_out = np.where(proposal == 0, own_label, proposal)
    assert asdict(v_rand(truth, written_out)) == pytest.approx(asdict(v_rand(truth, proposal)))
    expected = asdict(v_info(truth, proposal))
    assert asdict(v_info(truth, written_out)) == pytest.approx(expected, abs=1e-9)


def test_v_rand_agrees_with_adapted_rand_error():
    # Without lines the two differ only in the pairs of a pixel with itself, which scikit-image
    # leaves out: each of its sums is n smaller. Adding n back gives V_Rand.
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 5, (128, 128))
    proposal = np.where(rng.random(truth.shape) < 0.8, truth + 1, rng.integers(1, 8, truth.shape))
    error, *_ = adapted_rand_error(truth, proposal)
    score = v_rand(truth, proposal)
    assert score.value == pytest.approx(1 - error, abs=2e-4)

    n = np.count_nonzero(truth)
    squares = 0.5 * n**2 * _sum_of_squares_of_shares(truth, proposal)
    assert score.value == pytest.approx(((1 - error) * (squares - n) + n) / squares, abs=1e-12)


def _sum_of_squares_of_shares(truth, proposal):
    foreground = truth > 0
    return sum(
        np.square(np.bincount(labels[foreground]) / foreground.sum()).sum()
        for labels in (truth, proposal)
    )


def test_thresholds_are_accumulated_in_double_precision():
    thresholds = challenge_thresholds()
    assert len(thresholds) == 11
    assert thresholds[3] == 0.30000000000000004
    assert thresholds[-1] == 0.9999999999999999


def _two_cells():
    cell = np.ones((1, 5, 9), bool)
    cell[:, :, 4] = False
    return cell


def test_best_threshold_of_the_mean_curve():
    # Up to t = 0.6 the gap of 0.65 counts as cell and merges both; from 0.7 on, all is perfect.
    cell = _two_cells()
    scores = challenge_scores(cell, np.where(cell, 1.0, 0.65))
    assert scores.v_rand == scores.v_info == 1.0
    assert scores.v_rand_threshold == scores.v_info_threshold == challenge_thresholds()[7]
    # Merged: n = 40, both halves 20: precision 1/2, recall 1.
    assert scores.v_rand_curve == pytest.approx([2 / 3] * 7 + [1] * 4)
    assert scores.v_info_curve == pytest.approx([0] * 7 + [1] * 4)


def test_curve_is_the_mean_over_sections_with_a_common_threshold():
    cell = np.concatenate([_two_cells()] * 2)
    probability = np.where(cell, 1.0, 0.05)
    probability[1] = np.where(cell[1], 1.0, 0.95)  # separate only above 0.9
    scores = challenge_scores(cell, probability)
    # t = 0: both merged; t = 0.1 .. 0.9: one of them; last: none.
    assert scores.v_rand_curve == pytest.approx([2 / 3] + [5 / 6] * 9 + [1])
    assert scores.n_sections == 2
    json.dumps(asdict(scores))


def test_probabilities_are_compared_in_double_precision():
    # float32(0.1) lies above the double 0.1: still cell at that threshold, so merged there.
    cell = _two_cells()
    scores = challenge_scores(cell, np.where(cell, 1.0, 0.1).astype(np.float32))
    assert scores.v_rand_threshold == 0.2


cell_stacks = arrays(bool, (2, 7, 8)).filter(lambda stack: stack.any(axis=(1, 2)).all())


@settings(deadline=None)
@given(cell_stacks)
def test_labels_as_their_own_proposal_are_perfect(cell):
    scores = challenge_scores(cell, cell)
    assert set(scores.v_rand_curve) == {1.0}
    # One region alone has no entropy and counts 0 in V_Info.
    several = [label(section, connectivity=1).max() > 1 for section in cell]
    assert scores.v_info == pytest.approx(np.mean(several))


@settings(deadline=None, max_examples=30)
@given(cell_stacks, st.integers(0, 2**32 - 1))
def test_curves_equal_the_scores_of_each_threshold(cell, seed):
    # Multiples of 1/4 leave runs of thresholds with the same mask.
    probability = np.random.default_rng(seed).integers(0, 5, cell.shape) / 4
    scores = challenge_scores(cell, probability)
    for index, threshold in enumerate(scores.thresholds):
        pairs = [
            (label(true, connectivity=1), thin(section > threshold))
            for true, section in zip(cell, probability)
        ]
        rand = np.mean([v_rand(*pair).value for pair in pairs])
        info = np.mean([v_info(*pair).value for pair in pairs])
        assert scores.v_rand_curve[index] == pytest.approx(rand)
        assert scores.v_info_curve[index] == pytest.approx(info)


def test_names_the_section_without_cells():
    cell = np.ones((3, 4, 4), bool)
    cell[1] = False
    with pytest.raises(InputError, match="section 1 has no ground-truth cell"):
        challenge_scores(cell, np.ones(cell.shape))


@pytest.mark.parametrize(
    "cell, probability, message",
    [
        (np.ones((4, 4), bool), np.ones((4, 4)), r"ground truth has shape \(4, 4\)"),
        (np.ones((1, 4, 4), bool), np.ones((1, 4, 5)), r"proposal \(1, 4, 5\)"),
        (np.ones((1, 4, 4), np.uint8), np.ones((1, 4, 4)), "dtype uint8; it must be bool"),
        (np.ones((1, 4, 4), bool), np.ones((1, 4, 4), np.uint8), "proposal has 0 and 1 alone"),
        (np.ones((1, 4, 4), bool), np.full((1, 4, 4), 2, np.int16), "proposal has dtype int16"),
        (np.ones((1, 4, 4), bool), np.full((1, 4, 4), 255.0), r"255\.0; a probability"),
        (np.ones((1, 4, 4), bool), np.full((1, 4, 4), np.nan), "nan"),
    ],
)
def test_refuses_unusable_stacks(cell, probability, message):
    with pytest.raises(InputError, match=message):
        challenge_scores(cell, probability)


@pytest.mark.parametrize("score", [v_rand, v_info])
def test_refuses_unusable_labels(score):
    ones = np.ones((2, 2), int)
    with pytest.raises(InputError, match="all 0"):
        score(np.zeros((2, 2), int), ones)
    with pytest.raises(InputError, match=r"\(2, 2\).*\(3, 2\)"):
        score(ones, np.ones((3, 2), int))
    with pytest.raises(InputError, match="proposal labels"):
        score(ones, -ones)
    with pytest.raises(InputError, match="ground-truth labels"):
        score(ones.astype(float), ones)


@pytest.fixture(scope="module")
def isbi_cell():
    folder = os.environ.get("LOIHISEG_ISBI2012")
    if not folder:
        pytest.skip("LOIHISEG_ISBI2012 is not set to the folder of the ISBI 2012 stack")
    tifffile = pytest.importorskip("tifffile")
    return tifffile.imread(Path(folder) / "train-labels.tif") > 0


def test_real_labels_as_their_own_proposal(isbi_cell):
    scores = challenge_scores(isbi_cell, isbi_cell)
    assert scores.v_rand == 1.0
    assert scores.v_info == pytest.approx(1.0, abs=1e-12)


def test_real_labels_with_noise_in_a_few_seconds(isbi_cell):
    cell = isbi_cell[:4]
    thin(cell[0])  # compiled before the clock starts
    rng = np.random.default_rng(0)
    probability = np.clip(0.75 * cell + 0.1 + 0.15 * rng.standard_normal(cell.shape), 0, 1)
    start = time.perf_counter()
    scores = challenge_scores(cell, probability)
    seconds = time.perf_counter() - start
    print(f"{len(cell)} sections, 11 thresholds: {seconds:.2f} s, V_Rand {scores.v_rand:.4f}")
    assert 0.5 < scores.v_info <= 1
    assert seconds < 10  # measured: 0.4 s; loose, to catch a lost compilation only
