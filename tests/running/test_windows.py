"""Windows come out as the whole section does, to the bit, on the chip and in floats."""

import numpy as np
import pytest

from loihiseg.data.contrast import contrast, normalize
from loihiseg.data.orientations import orientations
from loihiseg.data.tiles import cut, default_overlap, stitch, tile_grid
from loihiseg.data.windows import stitch_window, tiles_in, whole_window, windows_of
from loihiseg.network.logits import sigmoid
from loihiseg.running.sections import run
from loihiseg.running.windows import Piece, halo, run_windows
from tests.small_deployed import TILE, small_deployed


@pytest.fixture(scope="module")
def deployed():
    return small_deployed()


def section(seed, shape=(23, 17)):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def pieces_of(image, side, number=0):
    """Windows with no more pixels than they take."""
    found = contrast(image)
    for window in windows_of(image.shape, side):
        taken = halo(image.shape, window, TILE)
        yield Piece(
            number, image.shape, window, image[taken.slices], (taken.top, taken.left), found
        )


def assembled(deployed, image, side, on, **options):
    whole = np.full(image.shape, np.nan, np.float32)
    for one in run_windows(deployed, pieces_of(image, side), on, **options):
        whole[one.piece.window.slices] = one.logits
    return whole


@pytest.mark.parametrize("on", ["chip", "float"])
@pytest.mark.parametrize("side", [1, 5, 8, 16, 100])
def test_windows_equal_the_section(deployed, on, side):
    image = section(1)
    (whole,) = run(deployed, [image], on)
    assert np.array_equal(assembled(deployed, image, side, on), whole.logits)


def test_windows_equal_the_section_in_all_orientations(deployed):
    image = section(2)
    (whole,) = run(deployed, [image], "chip", orientations=8)
    assert np.array_equal(assembled(deployed, image, 7, "chip", orientations=8), whole.logits)


def test_stitched_as_ever(deployed):
    """A window that is all of a section gives what `stitch` does."""
    grid = tile_grid((23, 17), TILE, 1)
    tiles = np.random.default_rng(3).normal(size=(len(grid.origins), TILE, TILE))
    for values in (tiles, tiles.astype(np.float32)):
        found = stitch_window(values, grid, whole_window(grid.shape))
        assert found.dtype == values.dtype and np.array_equal(found, stitch(values, grid))


def test_windows_cover_every_pixel_once():
    rng = np.random.default_rng(4)
    for _ in range(50):
        shape, side = tuple(rng.integers(1, 40, 2)), int(rng.integers(1, 50))
        covered = np.zeros(shape, int)
        for window in windows_of(shape, side):
            covered[window.slices] += 1
        assert (covered == 1).all()


def test_tiles_of_a_window_are_those_that_cover_it():
    grid = tile_grid((30, 26), 8, 3)
    for window in windows_of((30, 26), 7):
        covering = []
        for y, x in grid.origins:
            seen = np.zeros(grid.shape, bool)
            seen[y : y + 8, x : x + 8] = True
            if seen[window.slices].any():
                covering.append((y, x))
        assert list(tiles_in(grid, window)) == covering


def test_orientations_by_hand(deployed):
    """The mean probability of eight maps, each turned back before it is stitched."""
    image = section(5, (9, 11))
    (found,) = run(deployed, [image], "float", orientations=8)
    grid = tile_grid(image.shape, TILE, default_overlap(TILE))
    maps = []
    for flip in (False, True):
        for turn in range(4):
            back = []
            for tile in cut(normalize(image), grid):
                turned = np.rot90(tile[:, ::-1] if flip else tile, turn)
                # A section of one tile with the contrast of the whole.
                piece = Piece(
                    0, turned.shape, whole_window(turned.shape), turned, (0, 0), _Identity()
                )
                (one,) = run_windows(deployed, [piece], "float")
                tile_back = np.rot90(one.logits, -turn)
                back.append(tile_back[:, ::-1] if flip else tile_back)
            maps.append(sigmoid(stitch(np.stack(back), grid)))
    assert np.allclose(found.probability, np.mean(maps, axis=0), atol=1e-6)


class _Identity:
    """Pixels that are normalized already."""

    def applied(self, pixels):
        return np.asarray(pixels, np.float32)


def test_orientations_are_counted(deployed):
    image = section(6)
    (one,) = run(deployed, [image])
    (eight,) = run(deployed, [image], orientations=8)
    assert eight.tally.n_images == 8 * one.tally.n_images
    assert eight.tally.n_steps == 8 * one.tally.n_steps
    assert not np.array_equal(one.logits, eight.logits)


@pytest.mark.parametrize("count", [1, 4, 8])
def test_orientations_are_different_and_come_back(count):
    tile = np.arange(25).reshape(5, 5)
    shown = [one.shown(tile) for one in orientations(count)]
    assert len({one.tobytes() for one in shown}) == count
    for one, turned in zip(orientations(count), shown):
        assert np.array_equal(one.brought_back(turned), tile)


@pytest.mark.parametrize("count", [0, 2, 3, 16])
def test_other_numbers_of_orientations(count):
    with pytest.raises(ValueError, match="expected 1, 4 or 8"):
        orientations(count)
