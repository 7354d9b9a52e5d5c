"""Cells that are joined and cut, by hand; and what holds of any map."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from loihiseg.errors import InputError
from loihiseg.metrics.isbi import challenge_scores
from loihiseg.metrics.topology import section_topology

SIDE = 30


def walls(*columns, gap=None):
    """(30, 30) bool, membrane in these columns, with a gap of so many rows in the last one."""
    found = np.zeros((SIDE, SIDE), bool)
    found[:, list(columns)] = True
    if gap is not None:
        found[10 : 10 + gap, columns[-1]] = False
    return found


def logits_of(membrane):
    return np.where(membrane, 2.0, -2.0)


def test_the_truth_itself_is_without_fault():
    truth = walls(10, 20)
    found = section_topology(truth, logits_of(truth), 0.0)
    assert (found.merges, found.splits, found.n_cells) == (0, 0, 3)
    assert (found.merged_length_px, found.split_length_px) == (0, 0)
    assert (found.v_rand, found.v_info, found.membrane_iou, found.cell_iou) == (1, 1, 1, 1)
    assert found.voi_split == found.voi_merge == 0
    assert found.adapted_rand_error == pytest.approx(0)
    # Two membranes of 30 rows.
    assert found.membrane_length_px == 2 * SIDE


def test_a_gap_merges_two_cells_along_their_membrane():
    truth = walls(10, 20)
    found = section_topology(truth, logits_of(walls(10, 20, gap=2)), 0.0)
    assert (found.merges, found.splits) == (1, 0)
    assert found.merged_length_px == SIDE
    assert found.split_length_px == 0
    # Cells of 300, 270 and 270 pixels, the latter two together: of 840 pixels 540 are in a cell of
    # two equal parts, one bit each.
    assert found.voi_merge == pytest.approx(540 / 840)
    assert found.voi_split == 0
    # Ordered pairs of different pixels, together in the truth, and in the map, where all of those
    # are too: 1 less twice what is in both over the sum.
    true = 300 * 299 + 2 * 270 * 269
    proposed = 300 * 299 + 540 * 539
    assert found.adapted_rand_error == pytest.approx(1 - 2 * true / (true + proposed))
    # The two that were joined: 270 of 542 pixels of the joined one.
    assert found.cell_iou == pytest.approx((1 + 2 * 270 / 542) / 3)


def test_a_line_too_many_is_a_split():
    found = section_topology(walls(10), logits_of(walls(10, 20)), 0.0)
    assert (found.merges, found.splits) == (0, 1)
    assert (found.merged_length_px, found.split_length_px) == (0, SIDE)
    assert found.voi_merge == 0 < found.voi_split


def test_small_contacts_do_not_count():
    # A membrane that lies two columns off leaves 2 * 20 pixels of one cell to the other.
    truth, moved = np.zeros((20, 40), bool), np.zeros((20, 40), bool)
    truth[:, 20] = moved[:, 22] = True
    found = section_topology(truth, logits_of(moved), 0.0)
    assert (found.merges, found.splits) == (0, 0)
    assert 0 < found.voi_merge < 0.4


def test_more_of_the_map_is_cell_with_a_higher_threshold():
    truth = walls(10)
    logits = np.where(truth, 1.0, -3.0)
    assert section_topology(truth, logits, 0.0).merges == 0
    assert section_topology(truth, logits, 1.5).merges == 1


def test_what_cannot_be_scored_is_refused():
    truth = walls(10)
    with pytest.raises(InputError, match="all is membrane"):
        section_topology(np.ones_like(truth), logits_of(truth), 0.0)
    with pytest.raises(InputError, match="expected bool"):
        section_topology(truth.astype(np.uint8), logits_of(truth), 0.0)
    with pytest.raises(InputError, match="same shape"):
        section_topology(truth, logits_of(truth)[1:], 0.0)


def test_a_single_pixel_of_cell_is_no_fault():
    truth = np.ones((6, 6), bool)
    truth[0, 0] = False
    found = section_topology(truth, logits_of(truth), 0.0)
    assert (found.adapted_rand_error, found.v_rand, found.n_cells, found.cell_iou) == (0, 1, 0, 0)


images = arrays(np.bool_, (12, 14))


@settings(max_examples=25, deadline=None)
@given(images.filter(lambda one: not one.all()), images, st.integers(0, 3))
def test_scores_of_the_challenge_are_its_own_and_turning_changes_nothing(truth, proposal, turns):
    found = section_topology(truth, logits_of(proposal), 0.0)
    own = challenge_scores(truth[None], proposal[None], "membrane")
    # Of a mask all thresholds below 1 are alike; the one at 1 has no cell.
    assert found.v_rand == pytest.approx(own.v_rand_curve[5])
    # The sums are in another order.
    assert found.v_info == pytest.approx(own.v_info_curve[5])
    # Lines at equal distance depend on the order of pixels; regions of the truth do not.
    turned = section_topology(np.rot90(truth, turns), logits_of(np.rot90(proposal, turns)), 0.0)
    assert turned.membrane_iou == found.membrane_iou
    assert turned.cell_iou == pytest.approx(found.cell_iou)
    assert turned.n_cells == found.n_cells
    assert 0 <= found.adapted_rand_error <= 1
    assert found.voi_split >= -1e-12 and found.voi_merge >= -1e-12
