"""Cells drawn by hand, and what holds of all."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import label

from loihiseg.errors import OptionError
from loihiseg.running.cells import (
    CellIds,
    CellOptions,
    continued,
    flooded_cells,
    number_cells,
    section_cells,
)

ALL = CellOptions(neck_px=1.0, smallest_px=0)


def drawn(*rows):
    """Membrane where a # is."""
    return np.array([[character == "#" for character in row] for row in rows])


def cells_of(membrane, options=ALL, probability=None):
    probability = membrane.astype(np.float32) if probability is None else probability
    return section_cells(probability, membrane, options)


def two_rooms(gap):
    """Two rooms of 20 x 20 with a wall between them, but for a gap of so many pixels."""
    membrane = np.zeros((20, 41), bool)
    membrane[:, 20] = True
    membrane[10 - gap // 2 : 10 - gap // 2 + gap, 20] = False
    return membrane


def test_two_squares_are_two_cells_and_membrane_is_none():
    membrane = two_rooms(0)
    found = cells_of(membrane)
    assert found.dtype == np.uint32
    assert (found[:, :20] == 1).all() and (found[:, 21:] == 2).all() and not found[:, 20].any()


@pytest.mark.parametrize(("gap", "n_cells"), [(2, 2), (6, 2), (20, 1)])
def test_a_gap_in_the_membrane_is_a_neck(gap, n_cells):
    """The scores' own regions would be one."""
    membrane = two_rooms(gap)
    assert label(~membrane, connectivity=1).max() == 1
    found = cells_of(membrane, CellOptions(neck_px=2.0, smallest_px=0))
    assert found.max() == n_cells
    assert ((found == 0) == membrane).all()
    if n_cells == 2:
        assert (found[:, :19] <= 1).all() and (found[:, 22:] != 1).all()


def test_flooded_cells_meet_on_a_line_of_one_pixel_and_mind_no_gap():
    probability = np.full((30, 41), 0.001, np.float32)
    probability[:, 18:23] = 0.3
    probability[:, 20] = 0.9
    probability[14:17, 20] = 0.3  # A gap, by any threshold above it.
    found = flooded_cells(probability, 3.0)
    assert found.dtype == np.uint32 and found[0, 0] == 1 and found[0, -1] == 2
    assert (found[:, :20] == 1).all() and (found[:, 21:] == 2).all() and not found[:, 20].any()
    # From -6.9 logits it is less than 8 up to the gap.
    assert (flooded_cells(probability, 8.0) == 1).all()


def test_probabilities_of_0_and_1_have_an_end():
    probability = np.zeros((20, 41), np.float32)
    probability[:, 18:23] = 1.0
    assert flooded_cells(probability, 20.0).max() == 2
    assert (flooded_cells(probability, 28.0) == 1).all()


def test_flooded_cells_are_numbered_by_their_first_pixels():
    rng = np.random.default_rng(0)
    probability = (1 / (1 + np.exp(-rng.normal(0, 4, (40, 40))))).astype(np.float32)
    found = flooded_cells(probability, 1.0)
    numbers, first = np.unique(found, return_index=True)
    assert len(numbers) > 5 and (np.diff(numbers) == 1).all()
    assert (np.diff(first[numbers > 0]) > 0).all()


def test_a_wider_neck_than_asked_for_is_none():
    membrane = two_rooms(6)
    assert cells_of(membrane, CellOptions(neck_px=18.0, smallest_px=0)).max() == 1


def test_cells_meet_where_a_membrane_was_seen_faintly():
    membrane = two_rooms(4)
    faint = np.zeros(membrane.shape, np.uint8)
    faint[:, 18] = 90  # beside the wall, below the threshold
    faint[membrane] = 255
    found = cells_of(membrane, CellOptions(neck_px=2.0, smallest_px=0), faint)
    assert (found[:, :18] == 1).all() and (found[8:12, 19] == 2).all()


def test_corners_do_not_join():
    found = cells_of(drawn("..#", ".##", "#..", "#.."))
    assert found.tolist() == [[1, 1, 0], [1, 0, 0], [0, 2, 2], [0, 2, 2]]


def test_thin_cells_beside_thick_ones_have_seeds():
    membrane = np.zeros((30, 40), bool)
    membrane[:, 25] = membrane[:, 27] = True  # a cell of one column between them
    found = cells_of(membrane, CellOptions(neck_px=5.0, smallest_px=0))
    assert found.max() == 3 and (found[:, 26] == 2).all()


def test_small_cells_go_to_those_they_touch_and_specks_are_none():
    membrane = two_rooms(4)
    membrane[:, 30:] = True
    membrane[5, 35] = False  # a speck
    assert cells_of(membrane, CellOptions(neck_px=1.0, smallest_px=0)).max() == 3
    found = cells_of(membrane, CellOptions(neck_px=1.0, smallest_px=300))
    assert found.max() == 1 and found[5, 35] == 0
    assert (found[:, 21:30][~membrane[:, 21:30]] == 1).all() and (found[:, :20] == 1).all()
    assert cells_of(membrane, CellOptions(1.0, 2)).max() == 2
    assert cells_of(membrane, CellOptions(1.0, 0)).max() == 3
    assert cells_of(membrane, CellOptions(1.0, 2, fill=True)).min() == 1


def test_a_cell_goes_through_patches_of_membrane():
    """What a vesicle leaves in the middle of a cell makes no two of it, nor takes its seed away."""
    membrane = np.zeros((41, 41), bool)
    membrane[[0, -1]] = membrane[:, [0, -1]] = True
    membrane[18:23, 18:23] = True
    membrane[20, 20] = False
    membrane[5, 1:19] = True  # a spur of the wall is none
    found = cells_of(membrane, CellOptions(neck_px=3.0, smallest_px=30))
    assert found.max() == 1 and found[20, 20] == 1
    assert ((found == 0) == membrane).all()
    assert cells_of(membrane, CellOptions(neck_px=3.0, smallest_px=0)).max() > 1


@pytest.mark.parametrize("fill", [False, True])
def test_sections_of_one_kind(fill):
    options = CellOptions(fill=fill)
    nothing = np.zeros((20, 20), bool)
    assert (cells_of(nothing, options) == 1).all()
    assert not cells_of(~nothing, options).any()
    assert not cells_of(nothing[:4, :4], options).any()  # smaller than a cell may be


def blobs(seed, shape=(40, 50)):
    noise = np.random.default_rng(seed).random(shape)
    smooth = ndimage.gaussian_filter(noise, 2)
    return ((smooth - smooth.min()) / np.ptp(smooth)).astype(np.float32)


def patches_of(membrane, smallest):
    """Membrane in pieces that are small and not at the edge, one by one."""
    found = np.zeros_like(membrane)
    pieces, n_pieces = ndimage.label(membrane, np.ones((3, 3)))
    for piece in range(1, n_pieces + 1):
        here = pieces == piece
        inner = here[1:-1, 1:-1]
        found |= here & (here.sum() < smallest) & (inner.sum() == here.sum())
    return found


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    threshold=st.floats(0.2, 0.8),
    neck=st.sampled_from([0.1, 0.5, 1.0, 3.0]),
    smallest=st.sampled_from([0, 5, 40, 200]),
)
def test_what_holds_of_all_sections(seed, threshold, neck, smallest):
    probability = blobs(seed)
    membrane = probability > threshold
    options = CellOptions(neck, smallest)
    found = section_cells(probability, membrane, options)
    np.testing.assert_array_equal(found, section_cells(probability.copy(), membrane, options))
    assert not found[membrane].any()
    regions = label(~membrane | patches_of(membrane, smallest), connectivity=1)
    for region in range(1, regions.max() + 1):
        inside = found[(regions == region) & ~membrane]
        # All of a region or, if it is a speck, nothing.
        assert inside.all() or (not inside.any() and inside.size < smallest)
    values, first, sizes = np.unique(found, return_index=True, return_counts=True)
    kept = values > 0
    assert values[kept].tolist() == list(range(1, kept.sum() + 1))
    assert (np.diff(first[kept]) > 0).all() and (sizes[kept] >= smallest).all()
    for cell in values[kept]:
        assert len(np.unique(regions[found == cell])) == 1
        if not smallest:
            assert label(found == cell, connectivity=1).max() == 1
    filled = section_cells(probability, membrane, CellOptions(neck, smallest, fill=True))
    if kept.any():
        assert filled.all() and filled.max() == found.max()


@pytest.mark.parametrize("options", [{"neck_px": 0}, {"neck_px": -1.0}, {"smallest_px": -1}])
def test_options_that_cannot_be(options):
    with pytest.raises(OptionError, match=next(iter(options))):
        CellOptions(**options)


def row(*values):
    """A section of one row: each value twice."""
    return np.repeat(np.array([values], np.uint32), 2, axis=1)


def test_ids_go_on_from_section_to_section():
    found = list(number_cells([row(1, 0, 2), row(0, 0, 0), row(1, 2, 3)]))
    assert [one.tolist() for one in found] == [
        row(1, 0, 2).tolist(),
        row(0, 0, 0).tolist(),
        row(3, 4, 5).tolist(),
    ]


def test_linked_cells_keep_their_id():
    first, second = row(1, 1, 1, 0, 2, 2), row(1, 1, 0, 0, 2, 3)
    # 2 and 3 have as much in common with the old 2: the lower number goes on.
    found = list(number_cells([first, second, row(0, 1, 1, 1, 1, 2)], share=0.5))
    assert found[0].tolist() == row(1, 1, 1, 0, 2, 2).tolist()
    assert found[1].tolist() == row(1, 1, 0, 0, 2, 3).tolist()
    assert found[2].tolist() == row(0, 1, 1, 1, 1, 3).tolist()


@pytest.mark.parametrize(("share", "linked"), [(0.5, True), (0.51, False)])
def test_a_share_of_the_smaller_is_needed(share, linked):
    before, after = row(1, 1, 1, 1, 0, 0), row(0, 0, 0, 1, 1, 0)
    assert continued(before, after, share).tolist() == [0, int(linked)]


def test_the_largest_part_goes_on_and_only_mutual_ones_are_linked():
    before, after = row(1, 1, 1, 1, 1, 0), row(1, 1, 2, 2, 2, 2)
    assert continued(before, after, 0.1).tolist() == [0, 0, 1]
    # The same the other way round: two cells meet.
    assert continued(after, before, 0.1).tolist() == [0, 2]


@settings(max_examples=25, deadline=None)
@given(seeds=st.lists(st.integers(0, 50), min_size=1, max_size=4), share=st.floats(0.05, 1))
def test_what_holds_of_all_volumes(seeds, share):
    """Links are those found by counting, and a cell is a cell: no id twice in a section."""
    sections = [section_cells(p, p > 0.5, ALL) for p in map(blobs, seeds)]
    apart = list(number_cells(sections))
    linked = list(number_cells(sections, share))
    known = 0
    for cells, ids, together in zip(sections, apart, linked):
        present = ids[ids > 0]
        assert present.min(initial=known + 1) > known
        known = max(known, int(ids.max()))
        for found in (ids, together):
            pairs = np.unique(np.stack([cells.ravel(), found.ravel()]), axis=1)
            assert len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]
            assert ((found == 0) == (cells == 0)).all()
    for (one, other), (a, b) in zip(pairwise(sections), pairwise(linked)):
        same = {(int(one[a == i][0]), int(other[b == i][0])) for i in np.intersect1d(a, b) if i > 0}
        assert same == by_counting(one, other, share)
    # Going on in the middle is the same.
    middle = len(sections) // 2
    first = CellIds(share)
    for cells in sections[:middle]:
        first.of(cells)
    again = CellIds(share, first.next_id, linked[middle - 1] if middle else None)
    for cells, expected in zip(sections[middle:], linked[middle:]):
        np.testing.assert_array_equal(again.of(cells), expected)


def by_counting(before, after, share):
    pairs = {}
    for one, other in zip(before.ravel().tolist(), after.ravel().tolist()):
        if one and other:
            pairs[one, other] = pairs.get((one, other), 0) + 1
    found = set()
    for (one, other), n in pairs.items():
        first = min((-m, b) for (a, b), m in pairs.items() if a == one)[1]
        second = min((-m, a) for (a, b), m in pairs.items() if b == other)[1]
        smaller = min((before == one).sum(), (after == other).sum())
        if first == other and second == one and n >= share * smaller:
            found.add((one, other))
    return found


def test_nothing_is_linked_across_a_missing_section():
    ids = CellIds(0.5)
    assert ids.of(row(1)).tolist() == row(1).tolist()
    ids.skip()
    assert ids.of(row(1)).tolist() == row(2).tolist()


def test_ids_end_with_32_bits():
    ids = CellIds(next_id=2**32 - 1)
    assert ids.of(row(1)).max() == 2**32 - 1
    with pytest.raises(OptionError, match="4,294,967,295"):
        ids.of(row(1))


@pytest.mark.parametrize("share", [0, -0.5, 1.5, float("nan")])
def test_shares_that_cannot_be(share):
    with pytest.raises(OptionError, match="share"):
        CellIds(share)


@pytest.mark.parametrize(
    "nm, neck, smallest", [(None, 10, 50), (4, 10, 50), (8, 5, 12), (2, 20, 200), (100, 0.4, 1)]
)
def test_defaults_are_of_nanometres(nm, neck, smallest):
    """A neck of 40 nm, and a cell of 800 square nanometres."""
    assert CellOptions.at(nm) == CellOptions(neck, smallest)
