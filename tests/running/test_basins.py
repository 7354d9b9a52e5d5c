"""Regions of a map that is flooded from its minima."""

import numpy as np
import pytest

from loihiseg.running.basins import basins


def valleys(ridge, gap):
    """Two valleys of -8 on either side of a ridge in the middle, which has a gap of one pixel."""
    found = np.full((9, 11), -8.0)
    found[:, 5] = ridge
    found[4, 5] = gap
    return found


@pytest.mark.parametrize("gap", [-3.0, 0.0, 4.0])
def test_a_gap_is_closed_that_a_threshold_leaves_open(gap):
    found = basins(valleys(4.0, gap), 4.0, smoothing_px=0)
    assert found.max() == 2 and found.dtype == np.int32
    # The line runs along the ridge, through its gap.
    assert (found[:, 5] == 0).all()
    assert len(set(found[:, :5].ravel())) == len(set(found[:, 6:].ravel())) == 1
    assert found[0, 0] != found[0, -1]


def test_one_climbs_so_high_at_least_from_a_minimum_to_a_lower_one():
    image = valleys(4.0, -3.0)
    image[:, 6:] = np.where(image[:, 6:] == -8, -7.5, image[:, 6:])
    # From the higher one, -7.5, it is 4.5 to the gap.
    assert basins(image, 4.4, smoothing_px=0).max() == 2
    assert basins(image, 4.6, smoothing_px=0).max() == 1
    assert (basins(image, 4.6, smoothing_px=0) == 1).all()


def test_nothing_is_so_deep():
    assert (basins(np.zeros((4, 5)), 1.0) == 1).all()
    assert (basins(valleys(4.0, 4.0), 100.0) == 1).all()


def test_single_pixels_are_no_minima():
    image = valleys(4.0, 4.0)
    image[2, 2] = -14.0
    assert basins(image, 5.0, smoothing_px=0).max() == 2
    image[2, 5] = -14.0  # A hole in the ridge is a third region, unless it is smoothed away.
    sharp, smooth = basins(image, 3.0, smoothing_px=0), basins(image, 3.0, smoothing_px=1.5)
    assert sharp.max() >= smooth.max()


@pytest.mark.parametrize("seed", range(5))
def test_fewer_regions_the_deeper_they_are(seed):
    rng = np.random.default_rng(seed)
    image = rng.normal(0, 3, (40, 40))
    counts = [basins(image, depth).max() for depth in (0.5, 1.0, 2.0, 4.0)]
    assert counts == sorted(counts, reverse=True) and counts[0] > counts[-1]
    found = basins(image, 0.5)
    # Every region touches itself by sides alone, and a line is between any two.
    for one, other in ((found[1:], found[:-1]), (found[:, 1:], found[:, :-1])):
        assert not ((one != other) & (one > 0) & (other > 0)).any()
