"""Volumes at a network's size of pixel, and maps brought back, by windows."""

import numpy as np
import pytest

from loihiseg.data.contrast import contrast
from loihiseg.data.resampled import ResampledVolume, brought_back, network_window
from loihiseg.data.resampling import Resampling
from loihiseg.data.volume import open_volume
from loihiseg.data.windows import windows_of
from loihiseg.errors import InputError

RNG = np.random.default_rng(0)
GREY = RNG.integers(1, 255, (3, 83, 61), dtype=np.uint8)
RESAMPLINGS = [
    Resampling(*sizes)
    for sizes in (((8.0, 8.0), (4.0, 4.0)), ((4.0, 4.0), (6.5, 6.5)), ((2.0, 9.0), (4.0, 4.0)))
]


@pytest.mark.parametrize("resampling", RESAMPLINGS, ids=str)
@pytest.mark.parametrize("side", [17, 64])
def test_windows_of_a_volume_are_those_of_the_stack(tmp_path, resampling, side):
    np.save(tmp_path / "em.npy", GREY)
    whole = resampling.images(GREY)
    with open_volume(tmp_path / "em.npy") as volume:
        resampled = ResampledVolume(volume, resampling)
        assert (resampled.n_sections, *resampled.shape) == whole.shape
        for window in windows_of(resampled.shape, side):
            np.testing.assert_array_equal(resampled.window(1, window), whole[1][window.slices])
        np.testing.assert_array_equal(resampled.section(2), whole[2])
        found = resampled.contrasts([0, 2])
    assert found == {number: contrast(whole[number]) for number in (0, 2)}


@pytest.mark.parametrize("resampling", RESAMPLINGS, ids=str)
@pytest.mark.parametrize("side", [13, 50])
def test_maps_come_back_to_the_input_by_windows(resampling, side):
    shape = GREY.shape[1:]
    net_shape = resampling.shape(shape)
    probability = RNG.random(net_shape, dtype=np.float32)
    every = next(windows_of(shape, 1000))
    assert network_window(resampling, shape, every).height == net_shape[0]
    whole = brought_back(probability, resampling, shape, every)
    assert whole.shape == shape and whole.dtype == np.float32
    assert 0 <= whole.min() and whole.max() <= 1
    for window in windows_of(shape, side):
        seen = network_window(resampling, shape, window)
        part = brought_back(probability[seen.slices], resampling, shape, window)
        np.testing.assert_array_equal(part, whole[window.slices])
    certain = np.ones(net_shape, np.float32)
    assert (brought_back(certain, resampling, shape, every) > 0.999).all()


def test_a_section_that_cannot_be_read_is_named_alone():
    class Damaged:
        n_sections, shape, depth = 3, GREY.shape[1:], 1

        def window(self, number, window):
            if number == 1:
                raise InputError("section 1 is damaged")
            return GREY[number][window.slices]

    volume = ResampledVolume(Damaged(), RESAMPLINGS[0])
    found = volume.contrasts(range(3))
    assert [isinstance(one, InputError) for one in found.values()] == [False, True, False]
    # Sections of calibration tiles are asked for again, and not resampled again.
    Damaged.window = None
    assert volume.contrasts([2, 1]) == {2: found[2], 1: found[1]}
