"""Sections of another range than the rest are named."""

import warnings

import numpy as np
import pytest

from loihiseg.data import make_stack, synthetic_stack
from loihiseg.data.warn import ReadingWarning

GREY = np.random.default_rng(0).normal(120, 30, (8, 48, 40)).clip(1, 254).astype(np.uint8)


def _said(images):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make_stack(images, None, "here")
    return [str(one.message) for one in caught if one.category is ReadingWarning]


@pytest.mark.parametrize("odd", [[0], [3], [6, 7]])
@pytest.mark.parametrize("dtype, usual, other", [
    ("u2", 257, 1), ("u2", 1, 257), ("u2", 16, 257), ("f4", 1, 1 / 255), ("f8", 1 / 255, 1),
    ("i2", 100, 1), ("u1", 1, 1 / 16),
])  # fmt: skip
def test_another_range(odd, dtype, usual, other):
    images = (GREY * float(usual)).astype(dtype)
    images[odd] = (GREY[odd] * float(other)).astype(dtype)
    (said,) = _said(images)
    assert said.startswith("here: ") and f" {', '.join(map(str, odd))} span" in said


@pytest.mark.parametrize("padded", [[2], [0, 1, 2, 3, 4], range(8)])
@pytest.mark.parametrize("where", [np.s_[:, :4], np.s_[:24], np.s_[:, 4:36]])
def test_padding_is_no_range(padded, where):
    images = GREY.astype(np.uint16) * 10 + 20000
    for position in padded:
        images[position][where] = 0
    assert not _said(images)


def test_what_is_usual():
    blank = GREY.copy()
    blank[3] = 0
    faint = GREY.astype(float)
    faint[3] = 120 + (faint[3] - 120) / 5
    for images in (GREY, blank, faint, GREY[:1], GREY[:2] * np.array([[[1.0]], [[99]]])):
        assert not _said(images)
    assert not _said(synthetic_stack().images)
