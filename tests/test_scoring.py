"""What is said of the pixels that scores are of."""

from types import SimpleNamespace

import pytest
from loihiseg.deployment import spread_tiles, whole_tiles
from loihiseg.scoring import Inputs

from loihiseg.data.synthetic import synthetic_stack


def inputs(tiles, n_asked):
    network = SimpleNamespace(tile=tiles.pixels.shape[1])
    return Inputs(network, None, None, tiles, None, "", "", "", n_asked)


@pytest.mark.parametrize("asked, there", [(1, 1), (8, 8), (9, 8), (100, 8)])
def test_fewer_tiles_than_asked_for_are_said(asked, there):
    tiles = spread_tiles(synthetic_stack(2, (48, 40)), 20, asked)
    assert len(tiles.places) == len(set(tiles.places)) == there
    said = inputs(tiles, asked).shortage
    assert bool(said) == (asked > there)
    if said:
        assert said == (
            f"{asked} tiles were asked for; 8 of 20 x 20 pixels fit side by side on these sections."
        )


def test_whole_sections_lack_no_tiles():
    assert not inputs(whole_tiles(synthetic_stack(1, (48, 40)), 20), None).shortage
