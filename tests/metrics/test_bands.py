"""Scores that are counted in bands equal those of whole arrays, to the last digit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from skimage.measure import label

from loihiseg.errors import InputError
from loihiseg.metrics import isbi, overlap, pixels, regions
from loihiseg.metrics.isbi import challenge_scores
from loihiseg.metrics.overlap import overlap_of
from loihiseg.metrics.pixels import (
    _called_membrane,
    best_threshold,
    pixel_scores,
    probability_scores,
)
from loihiseg.metrics.thinning import thin, thinned
from tests.metrics import slow_scores


@pytest.fixture(autouse=True)
def narrow_bands(monkeypatch):
    """Bands and buffers so small that every image has several of them."""
    monkeypatch.setattr(regions, "BAND", 3)
    monkeypatch.setattr(overlap, "CAPACITY", 5)
    monkeypatch.setattr(pixels, "PART_PIXELS", 7)


@st.composite
def images(draw, n_sections=2):
    """Truth and a probability of membrane, from fine noise to large regions."""
    rows, columns = draw(st.tuples(st.integers(1, 18), st.integers(1, 18)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sigma = draw(st.sampled_from([0, 0.7, 2.0]))
    noise = [
        gaussian_filter(rng.normal(size=(n_sections, rows, columns)), (0, sigma, sigma))
        for _ in range(2)
    ]
    truth = noise[0] > draw(st.floats(-0.5, 0.5)) * noise[0].std()
    truth[:, 0, 0] = False  # a cell in each
    spread = draw(st.sampled_from([0.5, 3.0, 30.0])) / max(noise[1].std(), 1e-9)
    logits = (spread * (noise[1] + draw(st.floats(0, 1)) * truth * noise[1].std())).astype("f4")
    return truth, logits


def probability_of(logits):
    return (0.5 * (1 + np.tanh(0.5 * logits))).astype(np.float32)


def of_mask(mask):
    return regions.regions(lambda band: mask[:, band], mask.shape)


def painted(found):
    image = np.zeros(found.shape, np.int32)
    columns = np.repeat(np.arange(found.shape[1]), np.diff(found.first_run))
    for column, start, stop, number in zip(columns, found.starts, found.stops, found.labels):
        image[start:stop, column] = number
    return image


@settings(max_examples=150, deadline=None)
@given(images(1))
def test_regions_are_those_of_skimage(case):
    (mask,), _ = case
    for cells in (mask, ~mask, np.zeros_like(mask), np.ones_like(mask)):
        found = of_mask(cells)
        by_columns, by_rows = label(cells.T, connectivity=1).T, label(cells, connectivity=1)
        np.testing.assert_array_equal(painted(found), by_columns)
        np.testing.assert_array_equal(painted(found.by_rows()), by_rows)
        assert (found.n_regions, found.n_pixels) == (by_rows.max(), cells.sum())
        np.testing.assert_array_equal(found.by_rows().sizes(), np.bincount(by_rows.flat)[1:])


@settings(max_examples=100, deadline=None)
@given(images(1))
def test_thinning_is_that_of_a_queue(case):
    (mask,), _ = case
    for cells in (mask, ~mask):
        expected = slow_scores.thin(cells)
        np.testing.assert_array_equal(thin(cells), expected)
        np.testing.assert_array_equal(thinned(of_mask(cells))[1:-1, 1:-1].T, expected)


@settings(max_examples=100, deadline=None)
@given(images(2))
def test_overlaps_are_those_of_a_table(case):
    (truth, proposal), _ = case
    found = overlap_of(of_mask(~truth).by_rows(), thinned(of_mask(proposal)))
    expected = slow_scores.overlap(label(~truth, connectivity=1), slow_scores.thin(proposal))
    assert (found.n, found.n_line) == (expected.n, expected.n_line)
    for name in ("true", "proposal", "both"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype


@settings(max_examples=40, deadline=None)
@given(images(), st.sampled_from(["float32", "float64", "uint8", "bool"]))
def test_challenge_scores_to_the_last_digit(case, kind):
    truth, logits = case
    given, probability = probability_of(logits), None
    if kind == "uint8":
        given = np.rint(given * 255).astype(np.uint8)
        probability = given.astype(np.float32) / np.float32(255)
    elif kind == "bool":
        given = given > 0.5
    else:
        given = given.astype(kind)
    probability = 1.0 - (given if probability is None else probability)
    rand, info = slow_scores.curves(~truth, probability)
    found = challenge_scores(truth, given, "membrane")
    assert found == challenge_scores(~truth, probability)
    assert (found.v_rand_curve, found.v_info_curve) == (tuple(rand), tuple(info))


@settings(max_examples=100, deadline=None)
@given(images(), st.floats(0, 1), st.sampled_from([(), 0, (0, 0), slice(None)]))
def test_pixels_are_counted_in_parts(case, threshold, index):
    truth, logits = case
    probability = probability_of(logits)
    assert probability_scores(truth, probability, threshold) == pixel_scores(
        truth, probability > threshold
    )
    stored = np.rint(probability * 255).astype(np.uint8)
    assert probability_scores(truth, stored, threshold) == pixel_scores(
        truth, stored.astype(np.float32) / np.float32(255) > threshold
    )
    thresholds = np.arange(16) / 16
    found = _called_membrane(truth[index], probability[index], thresholds)
    expected = slow_scores.called_membrane(truth[index], probability[index], thresholds)
    np.testing.assert_array_equal(found, expected)


def test_parts_are_all_of_an_array():
    for shape in [(), (1,), (20,), (3, 4), (2, 3, 4), (2, 2, 3, 5)]:
        seen = np.zeros(shape, int)
        for part in pixels._parts(seen):
            seen[part] += 1
        assert (seen == 1).all()


def test_the_best_threshold_does_not_depend_on_the_parts(monkeypatch):
    rng = np.random.default_rng(0)
    truth = rng.random((2, 30, 20)) < 0.3
    probability = np.clip(rng.normal(0.3 + 0.3 * truth, 0.2), 0, 1).astype(np.float32)
    parts = [best_threshold(truth, probability, one) for one in ("accuracy", "iou")]
    monkeypatch.setattr(pixels, "PART_PIXELS", 10**9)
    assert parts == [best_threshold(truth, probability, one) for one in ("accuracy", "iou")]


def test_a_large_image_has_numbers_of_eight_bytes(monkeypatch):
    """Past 2^31 pixels the marks of the queue need more bits; the labels are the same."""
    from loihiseg.metrics import thinning

    cells = np.random.default_rng(1).random((13, 17)) < 0.3
    expected = thinned(of_mask(cells))
    monkeypatch.setattr(thinning, "MOST_OF_FOUR_BYTES", 100)
    found = thinned(of_mask(cells))
    assert (expected.dtype, found.dtype) == (np.int32, np.int64)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(thin(cells), slow_scores.thin(cells))


@pytest.mark.parametrize(
    "truth, probability, says",
    [
        (np.ones((1, 2, 2), bool), np.zeros((1, 2, 2), "f4"), "section 0 has no ground-truth cell"),
        (np.zeros((1, 2, 2), "u1"), np.zeros((1, 2, 2), "f4"), "must be bool, True = membrane"),
        (np.zeros((1, 2, 2), bool), np.zeros((1, 2, 3), "f4"), "both must be the same"),
        (np.zeros((1, 2, 2), bool), np.full((1, 2, 2), np.nan), "a probability of membrane lies"),
        (np.zeros((1, 2, 2), bool), np.full((1, 2, 2), 2.0), "a probability of membrane lies in 0"),
        (np.zeros((1, 2, 2), bool), np.zeros((1, 2, 2), "i4"), "the probability of membrane"),
    ],
)
def test_refuses_unusable_sections(truth, probability, says):
    with pytest.raises(InputError, match=says):
        isbi.challenge_scores(truth, probability, "membrane")
