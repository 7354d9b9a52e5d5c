"""What an objective wants of each pixel, by hand."""

from dataclasses import replace

import numpy as np
import pytest

from loihiseg.data.stack import make_stack
from loihiseg.errors import InputError
from loihiseg.training.objective import Objective
from loihiseg.training.wanted import SKELETON, TARGET, WEIGHT, border_weights, middle_lines, wanted

SOFT = "0" * 64


def wall(thickness, size=31):
    """Two cells with a wall between them, in the middle."""
    membrane = np.zeros((size, size), bool)
    first = (size - thickness) // 2
    membrane[:, first : first + thickness] = True
    return membrane


@pytest.mark.parametrize("thickness", [1, 3, 6])
def test_a_border_weighs_by_the_distance_of_the_two_cells(thickness):
    weights = border_weights(wall(thickness))
    # In every pixel of a straight wall the distances to both sides add up to its thickness and 1.
    expected = np.exp(-((thickness + 1) ** 2) / (2 * 5.0**2))
    np.testing.assert_allclose(weights[wall(thickness)], expected, rtol=1e-6)
    assert not weights[~wall(thickness)].any()


def test_a_border_with_one_cell_weighs_nothing():
    membrane = np.zeros((20, 20), bool)
    membrane[:, :4] = True
    assert not border_weights(membrane).any()


def test_windows_around_cells_change_nothing():
    """Against distances over the whole section, of cells of random sizes."""
    from scipy import ndimage
    from skimage.measure import label

    rng = np.random.default_rng(0)
    membrane = ndimage.gaussian_filter(rng.normal(size=(80, 90)), 4) > 0
    cells = label(~membrane, connectivity=1)
    apart = np.sort(
        [ndimage.distance_transform_edt(cells != one) for one in range(1, cells.max() + 1)], axis=0
    )
    expected = np.where(membrane, np.exp(-((apart[0] + apart[1]) ** 2) / 50), 0)
    # A window of four times the scale leaves out what weighs less than exp(-8).
    np.testing.assert_allclose(border_weights(membrane), expected, atol=np.exp(-8))


def test_middle_lines_lie_within_and_have_no_gap():
    from skimage.measure import label

    lines = middle_lines(wall(7))
    assert not (lines & ~wall(7)).any()
    assert label(lines).max() == 1 and lines[3:-3].any(axis=1).all()
    assert lines.sum(axis=1).max() <= 4


def stack(known=None, soft=None):
    images = np.random.default_rng(0).integers(0, 255, (1, 31, 31)).astype(np.uint8)
    made = make_stack(images, np.where(wall(3), 0, 255)[np.newaxis].astype(np.uint8), "hand")
    return replace(made, known=known, soft=soft)


def test_soft_labels_are_mixed_with_the_labels():
    soft = np.full((1, 31, 31), 0.5, np.float32)
    planes = wanted(stack(soft=soft), Objective(soft_share=0.8, soft_labels=SOFT))
    np.testing.assert_allclose(planes[0, ..., TARGET], np.where(wall(3), 0.6, 0.4), rtol=1e-6)
    assert (planes[..., WEIGHT] == 1).all() and not planes[..., SKELETON].any()


def test_what_no_label_knows_has_the_soft_one_alone():
    known = np.ones((1, 31, 31), bool)
    known[0, :5] = False
    soft = np.full((1, 31, 31), 0.25, np.float32)
    planes = wanted(stack(known, soft), Objective(soft_share=0.5, soft_labels=SOFT))
    np.testing.assert_allclose(planes[0, :5, :, TARGET], 0.25)
    assert (planes[..., WEIGHT] == 1).all()


def test_what_nothing_knows_counts_for_nothing():
    known = np.ones((1, 31, 31), bool)
    known[0, :5] = False
    planes = wanted(stack(known), Objective(border_weight=2.0, skeleton_weight=1.0))
    assert not planes[0, :5, :, WEIGHT].any() and not planes[0, :5, :, SKELETON].any()
    inside = planes[0, 5:, :, WEIGHT]
    expected = 1 + 2 * border_weights(wall(3))
    np.testing.assert_allclose(inside, expected[5:], rtol=1e-6)
    assert planes[0, 10:, :, SKELETON].any()


def test_a_share_of_soft_labels_wants_some():
    with pytest.raises(InputError, match="soft labels"):
        wanted(stack(), Objective(soft_share=0.5, soft_labels=SOFT))


@pytest.mark.parametrize("share, digest", [(0.5, ""), (0.0, SOFT)])
def test_soft_labels_and_their_share_come_together(share, digest):
    with pytest.raises(InputError, match="soft_share"):
        Objective(soft_share=share, soft_labels=digest)
