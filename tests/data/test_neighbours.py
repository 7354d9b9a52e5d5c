"""Sections before and behind a section, as channels in order of z."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loihiseg.data import make_stack, normalize
from loihiseg.data.neighbours import in_sight, normalized, seen_from, seen_in_runs, with_neighbours
from loihiseg.data.splits import z_block_split
from loihiseg.data.tiles import predict_sections, spread_tiles, whole_tiles
from loihiseg.data.warn import ReadingWarning


def noise(n_sections, height=24, width=28, seed=0):
    shape = n_sections, height, width
    pixels = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    return make_stack(pixels, pixels > 128, "noise", "membrane-bright")


def test_sections_in_sight_by_hand():
    assert seen_from(2, 5, 1) == (1, 2, 3)
    assert seen_from(0, 5, 2) == (0, 0, 0, 1, 2)
    assert seen_from(4, 5, 1) == (3, 4, 4)
    assert seen_from(0, 1, 2) == (0,) * 5
    assert seen_from(3, 5, 0) == (3,)
    # Sections 4, 5, 6 and 9, 10: positions 2 and 3 do not lie beside each other.
    assert seen_in_runs((4, 5, 6, 9, 10), 1) == (
        (0, 0, 1),
        (0, 1, 2),
        (1, 2, 2),
        (3, 3, 4),
        (3, 4, 4),
    )
    assert list(in_sight("abc", 1)) == [tuple("aab"), tuple("abc"), tuple("bcc")]
    assert list(in_sight("ab", 2)) == [tuple("aaabb"), tuple("aabbb")]
    assert list(in_sight("", 2)) == []
    assert list(in_sight("abc", 0)) == [("a",), ("b",), ("c",)]


def test_channels_are_in_order_of_z():
    images = np.arange(3, dtype=np.uint8)[:, None, None] + np.zeros((3, 2, 2), np.uint8)
    seen = with_neighbours(images, 1)
    assert seen.shape == (3, 2, 2, 3) and seen.dtype == np.uint8
    assert seen[:, 0, 0].tolist() == [[0, 0, 1], [0, 1, 2], [1, 2, 2]]


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(0, 4))
def test_streamed_sections_see_what_those_of_a_whole_stack_see(n_sections, reach):
    held = list(in_sight(iter(range(n_sections)), reach))
    assert held == [seen_from(z, n_sections, reach) for z in range(n_sections)]
    assert held == list(seen_in_runs(range(n_sections), reach))


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(0, 3))
def test_sections_are_taken_no_more_than_the_reach_ahead(n_sections, reach):
    taken = []

    def coming():
        for number in range(n_sections):
            taken.append(number)
            yield number

    for number, _ in enumerate(in_sight(coming(), reach)):
        assert len(taken) == min(number + reach + 1, n_sections)


@settings(max_examples=40, deadline=None)
@given(st.data(), st.integers(3, 10), st.integers(1, 3))
def test_parts_of_a_stack_see_the_sections_around_them(data, n_sections, reach):
    images = noise(n_sections, 4, 5).images
    stack = make_stack(images, None, "noise").seeing(reach)
    whole = with_neighbours(images, reach)
    chosen = sorted(data.draw(st.sets(st.integers(0, n_sections - 1), min_size=1)))
    again = range(data.draw(st.integers(0, len(chosen) - 1)), len(chosen))
    part = stack.select(chosen).select(again)
    np.testing.assert_array_equal(list(part.seen()), whole[chosen][list(again)])
    top = data.draw(st.integers(0, 3))
    band = part.cut_rows(range(top, 4))
    np.testing.assert_array_equal(list(band.seen()), whole[chosen][list(again)][:, top:])
    assert (
        band.digest
        == make_stack(images, None, "noise")
        .select(chosen)
        .select(again)
        .cut_rows(range(top, 4))
        .digest
    )


def test_sections_of_a_split_see_those_of_its_other_parts():
    stack = noise(30, 8, 8).seeing(1)
    part = z_block_split(30).part(stack, "validation")
    first, last = part.section_numbers[0], part.section_numbers[-1]
    seen = list(part.seen())
    np.testing.assert_array_equal(seen[0][..., 0], stack.images[first - 1])
    np.testing.assert_array_equal(seen[-1][..., 2], stack.images[last + 1])
    for before, behind in pairwise(seen):
        np.testing.assert_array_equal(before[..., 2], behind[..., 1])


def test_a_stack_is_not_copied_for_its_neighbours():
    stack = noise(5)
    seeing = stack.seeing(2)
    assert stack.surroundings is None and stack.select([1]).surroundings is None
    assert seeing.surroundings.images is stack.images
    assert np.shares_memory(seeing.cut_rows(range(2, 9)).surroundings.images, stack.images)
    assert seeing.digest == stack.digest
    assert seeing.seeing(0).surroundings is None
    assert next(seeing.select([2]).seeing(1).seen()).shape == (24, 28, 3)


def test_a_section_alone_and_a_part_without_its_surroundings_are_warned_of():
    stack = noise(6)
    with pytest.warns(ReadingWarning, match="noise: one section, of which the network sees 2 on"):
        alone = make_stack(stack.images[0], None, "noise").seeing(2)
    np.testing.assert_array_equal(next(alone.seen()), np.stack([stack.images[0]] * 5, -1))
    with pytest.warns(ReadingWarning, match="call Stack.seeing before Stack.select"):
        part = stack.select((0, 1, 4, 5)).seeing(1)
    for chosen in (range(3), range(2, 6), [5]):
        with pytest.warns(ReadingWarning, match="a part of a stack, without the sections around"):
            stack.select(chosen).seeing(1)
    assert stack.select(range(6)).seeing(1).n_sections == 6  # all of them: nothing is missing
    np.testing.assert_array_equal(
        [seen[0, 0] for seen in part.seen()],
        stack.images[[[0, 0, 1], [0, 1, 1], [4, 4, 5], [4, 5, 5]], 0, 0],
    )


def test_each_section_is_normalized_by_itself():
    images = noise(3).images
    seen = normalized(with_neighbours(images, 1)[1])
    assert seen.dtype == np.float32
    for channel in range(3):
        np.testing.assert_array_equal(seen[..., channel], normalize(images[channel]))
    np.testing.assert_array_equal(normalized(images[0]), normalize(images[0]))


def test_tiles_of_a_stack_that_is_seen_with_its_neighbours():
    stack = noise(6).seeing(1).select(range(2, 4))
    plain = noise(6)
    for found, without in (
        (whole_tiles(stack, 12), whole_tiles(plain.select(range(2, 4)), 12)),
        (spread_tiles(stack, 12, 5), spread_tiles(plain.select(range(2, 4)), 12, 5)),
    ):
        assert found.places == without.places
        np.testing.assert_array_equal(found.pixels[..., 1], without.pixels)
        np.testing.assert_array_equal(found.raw, without.raw)
        np.testing.assert_array_equal(found.membrane, without.membrane)
        for tile, (z, y, x) in zip(found.pixels, found.places):
            for channel, section in enumerate((z - 1, z, z + 1)):
                whole = normalize(plain.images[section])
                np.testing.assert_array_equal(tile[..., channel], whole[y : y + 12, x : x + 12])


def test_bands_of_rows_are_normalized_by_themselves_in_all_sections():
    stack = noise(6).seeing(1).select([3]).cut_rows(range(4, 20))
    tiles = whole_tiles(stack, 12)
    band = normalize(noise(6).images[2:5, 4:20])
    y, x = tiles.grid.origins[-1]
    np.testing.assert_array_equal(
        tiles.pixels[-1], np.moveaxis(band[:, y : y + 12, x : x + 12], 0, -1)
    )
    assert tiles.places[-1] == (3, y + 4, x)


def test_sections_are_predicted_with_all_of_their_channels():
    stack = noise(4).seeing(1)
    shapes = []

    def behind(pixels):
        shapes.append(pixels.shape)
        return pixels[..., 2:]

    found = predict_sections(behind, stack.seen(), 12)
    assert set(shapes) == {(9, 12, 12, 3)} and found.dtype == np.float32
    np.testing.assert_allclose(found, normalize(stack.images)[[1, 2, 3, 3]], atol=1e-6)
    plain = predict_sections(lambda pixels: pixels, stack.images, 12)
    np.testing.assert_allclose(plain, normalize(stack.images), atol=1e-6)
