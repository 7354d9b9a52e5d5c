"""Tiles and their stitching."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loihiseg.data import cut, stitch, tile_grid
from loihiseg.data.tiles import spread_places
from loihiseg.errors import InputError


def test_origins_by_hand():
    # Step 3: 0 and 3 fit into 8 rows, the last tile of 4 moves back to 4; 7 columns: 0, 3.
    grid = tile_grid((8, 7), tile=4, overlap=1)
    assert grid.origins == ((0, 0), (0, 3), (3, 0), (3, 3), (4, 0), (4, 3))


def test_a_tile_as_large_as_the_image():
    assert tile_grid((5, 5), 5, 2).origins == ((0, 0),)


def test_stitch_weights_by_hand():
    # Two tiles of 2 on 3 columns overlap in one; the tent of 2 pixels is (1/2, 1/2).
    grid = tile_grid((2, 3), tile=2, overlap=1)
    tiles = np.stack([np.full((2, 2), 1.0), np.full((2, 2), 3.0)])
    np.testing.assert_allclose(stitch(tiles, grid), [[1, 2, 3], [1, 2, 3]])


def test_the_middle_of_a_tile_counts_more():
    # Tent of 4 pixels: 0.5 1.5 1.5 0.5. Pixel 2 of 6 is third of tile 0 and first of tile 1.
    grid = tile_grid((4, 6), tile=4, overlap=2)
    tiles = np.stack([np.zeros((4, 4)), np.ones((4, 4))])
    np.testing.assert_allclose(stitch(tiles, grid)[0], [0, 0, 0.25, 0.75, 1, 1])


@st.composite
def _grids(draw):
    tile = draw(st.integers(1, 24))
    overlap = draw(st.integers(0, tile - 1))
    side = st.integers(tile, tile + 40)
    return tile_grid((draw(side), draw(side)), tile, overlap)


@settings(max_examples=150, deadline=None)
@given(_grids(), st.integers(0, 2**32 - 1))
def test_stitching_cut_tiles_gives_the_image_back(grid, seed):
    image = np.random.default_rng(seed).normal(size=grid.shape)
    tiles = cut(image, grid)
    assert tiles.shape == (len(grid.origins), grid.tile, grid.tile)
    np.testing.assert_allclose(stitch(tiles, grid), image, atol=1e-6)


@settings(max_examples=100, deadline=None)
@given(_grids())
def test_tiles_lie_inside_and_cover_everything_once_each(grid):
    assert len(set(grid.origins)) == len(grid.origins)
    covered = np.zeros(grid.shape, bool)
    for y, x in grid.origins:
        assert 0 <= y <= grid.shape[0] - grid.tile and 0 <= x <= grid.shape[1] - grid.tile
        covered[y : y + grid.tile, x : x + grid.tile] = True
    assert covered.all()


def test_dtypes():
    grid = tile_grid((9, 9), 4, 2)
    image = np.arange(81, dtype=np.float32).reshape(9, 9)
    assert stitch(cut(image, grid), grid).dtype == np.float32
    assert cut(image.astype(np.uint8), grid).dtype == np.uint8


@pytest.mark.parametrize(
    "shape, tile, overlap, words",
    [
        ((64, 100), 65, 0, "at most 64"),
        ((64, 64), 16, 16, "lower the overlap"),
        ((64, 64), 16, -1, "overlap -1"),
        ((64, 64), 0, 0, "tile 0"),
    ],
)
def test_impossible_grids(shape, tile, overlap, words):
    with pytest.raises(InputError, match=words):
        tile_grid(shape, tile, overlap)


def test_arrays_that_do_not_fit_the_grid():
    grid = tile_grid((8, 8), 4, 0)
    with pytest.raises(ValueError, match=r"\(8, 9\)"):
        cut(np.zeros((8, 9)), grid)
    with pytest.raises(ValueError, match=r"\(4, 4, 4\)"):
        stitch(np.zeros((3, 4, 4)), grid)


@st.composite
def _spreads(draw):
    tile = draw(st.integers(1, 16))
    side = st.integers(tile, 5 * tile + draw(st.integers(0, 15)))
    n_sections = draw(st.integers(1, 6))
    return n_sections, (draw(side), draw(side)), tile, draw(st.none() | st.integers(0, 60))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(_spreads())
def test_spread_tiles_lie_apart_inside_and_on_all_sections(spread):
    n_sections, (height, width), tile, count = spread
    places = spread_places(*spread)
    room = n_sections * (height // tile) * (width // tile)
    assert len(places) == (room if count is None else min(count, room))
    assert places == spread_places(*spread) == tuple(sorted(places))
    covered = np.zeros((n_sections, height, width), int)
    for section, y, x in places:
        assert 0 <= y <= height - tile and 0 <= x <= width - tile
        covered[section, y : y + tile, x : x + tile] += 1
    assert covered.max(initial=0) <= 1
    assert covered.sum() == len(places) * tile**2
    per_section = np.bincount([s for s, _, _ in places], minlength=n_sections)
    assert per_section.max() - per_section.min() <= 1


@settings(max_examples=100, deadline=None, derandomize=True)
@given(_spreads())
def test_spread_tiles_are_spread_within_a_section(spread):
    _, (height, width), tile, _ = spread
    rows, columns = height // tile, width // tile
    found = spread_places(1, (height, width), tile, rows)
    # As many tiles as rows: one in each.
    assert [y // tile for _, y, _ in found] == list(range(rows))
    every = spread_places(1, (height, width), tile)
    if rows > 1 and columns > 1:
        assert {y for _, y, _ in every} >= {0, height - tile}
        assert {x for _, _, x in every} >= {0, width - tile}


def test_spread_tiles_by_hand():
    # Two of 4 on 9 columns lie at the borders, one of 4 on 6 rows in the middle.
    assert spread_places(1, (6, 9), 4) == ((0, 1, 0), (0, 1, 5))
    # Of one tile and three sections, the second section has it.
    assert spread_places(3, (4, 4), 4, 1) == ((1, 0, 0),)


def test_spread_tiles_refused():
    with pytest.raises(InputError, match="smaller than a tile"):
        spread_places(1, (8, 3), 4)
    with pytest.raises(InputError, match="-1 tiles were asked for"):
        spread_places(1, (8, 8), 4, -1)
