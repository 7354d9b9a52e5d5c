"""Distances and reconstruction are those of the libraries, to the bit."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.morphology import reconstruction

from loihiseg.running.distances import distance_to_outside, reconstruct

CROSS = ndimage.generate_binary_structure(2, 1)


def test_distances_are_those_of_scipy():
    rng = np.random.default_rng(0)
    for _ in range(300):
        inside = rng.random(rng.integers(1, 40, 2)) < rng.choice([0.3, 0.9, 0.99, 1])
        inside.ravel()[rng.integers(inside.size)] = False
        wanted = ndimage.distance_transform_edt(inside).astype(np.float32)
        assert np.array_equal(distance_to_outside(inside), wanted)


@pytest.mark.parametrize("n_values", [3, 40, 10**6])
def test_reconstruction_is_that_of_scikit_image(n_values):
    rng = np.random.default_rng(n_values)
    for _ in range(100):
        shape = rng.integers(1, 60, 2)
        mask = rng.integers(0, n_values, shape).astype(np.float32)
        mask = ndimage.uniform_filter(mask, int(rng.integers(1, 5)))
        drop = np.where(rng.random(shape) < 0.9, n_values, rng.integers(0, n_values, shape))
        seed = (mask - drop * rng.random()).astype(np.float32)
        wanted = reconstruction(seed, mask, method="dilation", footprint=CROSS)
        found = seed.copy()
        reconstruct(found, mask)
        assert np.array_equal(found, wanted)


def test_a_long_way_round():
    """A spiral: the seed goes on for thousands of pixels, against all scans."""
    side = 61
    mask = np.zeros((side, side), np.float32)
    y, x, step, turn = 0, 0, 0, 0
    left = np.ones_like(mask, bool)
    ways = [(0, 1), (1, 0), (0, -1), (-1, 0)]
    while step < side * side and turn < 4:
        mask[y, x], left[y, x] = 5, False
        row, column = y + ways[0][0], x + ways[0][1]
        after = row + ways[0][0], column + ways[0][1]
        inside = 0 <= row < side and 0 <= column < side and left[row, column]
        if inside and (not (0 <= after[0] < side and 0 <= after[1] < side) or left[after]):
            y, x, turn = row, column, 0
        else:
            ways, turn = ways[1:] + ways[:1], turn + 1
        step += 1
    seed = np.zeros_like(mask)
    seed[y, x] = 4
    wanted = reconstruction(seed, mask, method="dilation", footprint=CROSS)
    reconstruct(seed, mask)
    assert np.array_equal(seed, wanted) and (seed == 4).sum() == (mask == 5).sum() > 900
