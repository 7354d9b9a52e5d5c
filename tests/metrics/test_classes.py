"""Scores of classes, against values computed by hand."""

import numpy as np
import pytest

from loihiseg.errors import InputError
from loihiseg.metrics.classes import class_counts, class_scores


def test_scores_by_hand():
    labels = np.array([0, 0, 0, 1, 1, 2, -1])
    called = np.array([0, 0, 1, 1, 2, 2, 0])
    found = class_scores(labels, called, 4)
    assert found.confusion == ((2, 1, 0, 0), (0, 1, 1, 0), (0, 0, 1, 0), (0, 0, 0, 0))
    assert found.accuracy == 4 / 6 and found.most_frequent == 3 / 6 and found.n_labels == 6
    assert found.iou == (2 / 3, 1 / 3, 1 / 2, None)
    assert found.mean_iou == pytest.approx((2 / 3 + 1 / 3 + 1 / 2) / 3)
    assert class_counts(called, 4) == (3, 2, 2, 0)


@pytest.mark.parametrize("n_classes", [2, 7, 100, 101])
def test_sums_agree(n_classes):
    rng = np.random.default_rng(n_classes)
    labels, called = rng.integers(0, n_classes, (2, 3, 20, 10))
    found = class_scores(labels, called, n_classes)
    hit = [int(((labels == n) & (called == n)).sum()) for n in range(n_classes)]
    either = [int(((labels == n) | (called == n)).sum()) for n in range(n_classes)]
    assert found.iou == tuple(h / e if e else None for h, e in zip(hit, either, strict=True))
    assert found.accuracy == sum(hit) / labels.size
    # Their square of numbers is kept of few classes only.
    assert np.sum(found.confusion) == (labels.size if n_classes <= 100 else 0)


def test_what_cannot_be_compared():
    with pytest.raises(InputError, match="shape"):
        class_scores(np.zeros(3, int), np.zeros(4, int), 2)
    with pytest.raises(InputError, match="none of them says anything"):
        class_scores(np.full(3, -1), np.zeros(3, int), 2)
