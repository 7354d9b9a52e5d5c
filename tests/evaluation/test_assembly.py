"""Tiles put together as they come are what they are put together at once, to the bit."""

import numpy as np
import pytest

from loihiseg.data.orientations import orientations
from loihiseg.data.tiles import stitch, tile_grid
from loihiseg.evaluation.assembly import TileMaps
from loihiseg.network.logits import mean_logits


def shown(n_sections, n_tiles, n_orientations, side, seed=0):
    rng = np.random.default_rng(seed)
    shape = (n_sections, n_tiles, n_orientations, side, side)
    return rng.normal(0, 4, shape).astype(np.float32)


@pytest.mark.parametrize("n_orientations", [1, 4, 8])
def test_sections_are_as_of_all_tiles_at_once(n_orientations):
    grid = tile_grid((20, 26), 8, 3)
    turned = orientations(n_orientations)
    logits = shown(3, len(grid.origins), n_orientations, 8)
    found = TileMaps(turned, grid)
    for one in logits.reshape(-1, 8, 8):
        found.add(one)
    for section, own in zip(found.maps(), logits, strict=True):
        maps = [
            stitch(np.stack([how.brought_back(tile) for tile in own[:, n]]), grid)
            for n, how in enumerate(turned)
        ]
        assert section.dtype == np.float32
        np.testing.assert_array_equal(section, mean_logits(maps))


@pytest.mark.parametrize("n_orientations", [1, 8])
def test_tiles_by_themselves(n_orientations):
    turned = orientations(n_orientations)
    logits = shown(1, 5, n_orientations, 6)[0]
    found = TileMaps(turned)
    for one in logits.reshape(-1, 6, 6):
        found.add(one)
    expected = [
        mean_logits([how.brought_back(tile) for how, tile in zip(turned, own)]) for own in logits
    ]
    np.testing.assert_array_equal(found.maps(), np.stack(expected))


def test_logits_of_any_shape_stay_as_they_are():
    logits = np.random.default_rng(1).normal(size=(4, 10)).astype(np.float32)
    found = TileMaps(orientations(1))
    for one in logits:
        found.add(one)
    np.testing.assert_array_equal(found.maps(), logits)


def test_a_section_that_is_not_whole_is_none():
    found = TileMaps(orientations(1), tile_grid((20, 26), 8, 3))
    with pytest.raises(ValueError, match="0 tiles"):
        found.maps()
    found.add(np.zeros((8, 8), np.float32))
    with pytest.raises(ValueError, match="1 tiles make up no section"):
        found.maps()
