import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from loihiseg.errors import InputError
from loihiseg.metrics.pixels import best_threshold, pixel_scores

TRUE = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0], bool)
PREDICTED = np.array([1, 1, 0, 1, 0, 0, 0, 0, 0, 0], bool)


def test_pixel_scores_by_hand():
    # TP 2, FN 1, FP 1, TN 6
    scores = pixel_scores(TRUE.reshape(2, 5), PREDICTED.reshape(2, 5))
    assert scores.accuracy == 0.8
    assert scores.all_cell_accuracy == 0.7
    assert scores.membrane_iou == 2 / 4
    assert scores.membrane_precision == 2 / 3
    assert scores.membrane_recall == 2 / 3
    assert scores.membrane_f1 == 4 / 6
    assert scores.n_pixels == 10
    json.dumps(asdict(scores))


def membrane_values(scores):
    return (
        scores.membrane_iou,
        scores.membrane_precision,
        scores.membrane_recall,
        scores.membrane_f1,
    )


def test_empty_classes_have_defined_values():
    none, some, everything = np.zeros(4, bool), np.array([1, 0, 0, 0], bool), np.ones(4, bool)
    assert membrane_values(pixel_scores(none, none)) == (1, 1, 1, 1)
    assert membrane_values(pixel_scores(some, none)) == (0, 0, 0, 0)
    assert membrane_values(pixel_scores(none, some)) == (0, 0, 0, 0)
    assert pixel_scores(everything, everything).all_cell_accuracy == 0
    assert pixel_scores(everything, none).accuracy == 0


def test_all_cell_answer_scores_the_floor():
    scores = pixel_scores(TRUE, np.zeros_like(TRUE))
    assert scores.accuracy == scores.all_cell_accuracy


@pytest.mark.parametrize(
    "true, predicted, message",
    [
        (TRUE, PREDICTED[:5], r"\(10,\).*\(5,\)"),
        (TRUE[:0], PREDICTED[:0], "not empty"),
        (TRUE.astype(np.uint8), PREDICTED, "membrane_true has dtype uint8"),
        (TRUE, PREDICTED.astype(float), "membrane_predicted has dtype float64"),
    ],
)
def test_pixel_scores_refuses(true, predicted, message):
    with pytest.raises(InputError, match=message):
        pixel_scores(true, predicted)


@given(arrays(bool, 12), arrays(bool, 12))
def test_pixel_scores_are_floats_in_0_to_1(true, predicted):
    values = asdict(pixel_scores(true, predicted))
    assert values.pop("n_pixels") == 12
    for value in values.values():
        assert type(value) is float
        assert 0 <= value <= 1


def test_best_threshold_separates():
    # Any t with 0.25 <= t < 0.375 is right; nearest to 0.5 among k/8 is 2/8.
    true, probability = np.array([False, False, True]), np.array([0.1, 0.25, 0.375])
    assert best_threshold(true, probability, n=8) == 0.25
    assert best_threshold(true, probability, "iou", n=8) == 0.25


def test_criteria_differ():
    # Candidates 0, 1/4, 1/2, 3/4; masks "> t". One membrane pixel at 0.9 and one at 0.4, which
    # drags three cell pixels at 0.4 along.
    #   t = 1/2: TP 1, FP 0, FN 1 -> 9 of 10 right, IoU 1/2
    #   t = 1/4: TP 2, FP 3, FN 0 -> 7 of 10 right, IoU 2/5
    true = np.array([1, 1, 0, 0, 0, 0, 0, 0, 0, 0], bool)
    probability = np.array([0.9, 0.4, 0.4, 0.4, 0.4, 0, 0, 0, 0, 0])
    assert best_threshold(true, probability, "accuracy", n=4) == 0.5
    # Three more membrane pixels at 0.4: t = 1/4 has TP 5, FP 5 -> IoU 1/2; t = 1/2 has 1/5.
    # Accuracy: 1/4 has 10 - 5 = 5 right, 1/2 has 6 right.
    true = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 0], bool)
    probability = np.array([0.9, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4])
    assert best_threshold(true, probability, "accuracy", n=4) == 0.5
    assert best_threshold(true, probability, "iou", n=4) == 0.25


def test_ties_go_to_the_middle():
    true = np.array([True, False])
    assert best_threshold(true, np.array([1.0, 0.0])) == 0.5
    # Right at t = 0, 1/4, 1/2, 3/4: 2, 3, 2, 3 of 4. The lower of two equally near.
    true, probability = np.array([0, 1, 0, 1], bool), np.array([0.1, 0.4, 0.6, 0.9])
    assert best_threshold(true, probability, n=4) == 0.25


@given(
    arrays(bool, 15),
    arrays(np.float32, 15, elements=st.floats(0, 1, width=32)),
    st.sampled_from(["accuracy", "iou"]),
    st.sampled_from([1, 7, 16]),
)
def test_best_threshold_equals_brute_force(true, probability, criterion, n):
    field = {"accuracy": "accuracy", "iou": "membrane_iou"}[criterion]
    candidates = [k / n for k in range(n)]
    scores = [getattr(pixel_scores(true, probability.astype(float) > t), field) for t in candidates]
    best = [t for t, score in zip(candidates, scores) if score == max(scores)]
    expected = min(best, key=lambda t: (abs(t - 0.5), t))
    assert best_threshold(true, probability, criterion, n) == expected


@given(arrays(np.float32, 15, elements=st.floats(0, 1, width=32)), st.integers(0, 1023))
def test_default_candidates_cut_float32_maps_exactly(probability, k):
    np.testing.assert_array_equal(probability > k / 1024, probability.astype(float) > k / 1024)


@pytest.mark.parametrize(
    "probability, criterion, n, message",
    [
        (np.full(10, 1.5), "iou", 8, r"1\.5; it must lie in 0\.\.1"),
        (np.full(10, np.nan), "iou", 8, "nan"),
        (np.ones(10, int), "iou", 8, "dtype int64"),
        (np.ones(9), "iou", 8, r"\(9,\)"),
        (np.ones(10), "dice", 8, "'dice' is unknown"),
        (np.ones(10), "iou", 0, "n = 0"),
    ],
)
def test_best_threshold_refuses(probability, criterion, n, message):
    with pytest.raises(InputError, match=message):
        best_threshold(TRUE, probability, criterion, n)
