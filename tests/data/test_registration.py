"""Images moved by parts of a pixel, and how far labels lie from what they label."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from loihiseg.data import make_stack
from loihiseg.data.contrast import contrast
from loihiseg.data.moved import MovedVolume
from loihiseg.data.moving import moved
from loihiseg.data.registration import label_offset, registered
from loihiseg.data.windows import Window
from loihiseg.errors import InputError, OptionError

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 23, 31), dtype=np.uint8)

parts = st.floats(-4, 4).map(lambda value: round(value, 2))


def scene(n=4, side=128, dark=True):
    """Membranes, and sections that show them with noise; uint8 and bool."""
    rng = np.random.default_rng(0)
    field = gaussian_filter(rng.normal(0, 1, (n, side, side)), (0, 5, 5))
    membrane = abs(field) < 0.3 * field.std()
    grey = gaussian_filter(membrane * 1.0, (0, 1, 1))
    grey = 200 - 150 * grey if dark else 50 + 150 * grey
    return np.rint(grey + rng.normal(0, 5, grey.shape)).clip(0, 255).astype(np.uint8), membrane


def test_by_whole_pixels_images_are_as_they_were_and_edges_are_repeated():
    found = moved(IMAGES, (2.0, -3.0))
    assert found.dtype == np.uint8 and found.shape == IMAGES.shape
    assert np.array_equal(found[:, 2:, :-3], IMAGES[:, :-2, 3:])
    assert (found[:, :2, :-3] == IMAGES[:, :1, 3:]).all()
    assert (found[:, 2:, -3:] == IMAGES[:, :-2, -1:]).all()
    assert np.array_equal(moved(IMAGES, (0.0, 0.0)), IMAGES)


def test_half_a_pixel_by_the_kernel_of_keys():
    # At a half his kernel is -1/16, 9/16, 9/16, -1/16.
    row = np.array([[[0, 0, 100, 60, 0, 0, 0]]], np.uint8)
    # Moved right by a half, a pixel lies between it and the one before.
    wanted = [0, -6.25, 52.5, 90.0, 27.5, -3.75, 0]
    assert moved(row, (0.0, 0.5))[0, 0].tolist() == [max(round(x), 0) for x in wanted]
    assert moved(np.full((1, 5, 5), 77, np.uint8), (-0.59, 0.18)).tolist() == [[[77] * 5] * 5]


class Volume:
    """Of images in memory."""

    def __init__(self, images):
        self.images, self.n_sections, self.depth = images, len(images), 1
        self.shape = images.shape[1:]

    def window(self, number, window):
        return self.images[number][window.slices]


@settings(max_examples=80, deadline=None)
@given(st.data(), parts, parts)
def test_a_window_is_that_part_of_the_whole(data, down, right):
    _, height, width = IMAGES.shape
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    window = Window(
        top, left, data.draw(st.integers(1, height - top)), data.draw(st.integers(1, width - left))
    )
    whole, volume = moved(IMAGES, (down, right)), MovedVolume(Volume(IMAGES), (down, right))
    assert np.array_equal(volume.window(1, window), whole[1][window.slices])
    levels = volume.contrasts([0, 1])
    assert all(levels[number] == contrast(whole[number]) for number in levels)


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("offset", [(0.0, 0.0), (-0.59, -0.18), (2.0, 0.5), (-3.0, 1.25)])
def test_how_far_labels_lie_off_is_found(dark, offset):
    images, membrane = scene(dark=dark)
    # Images moved the other way are labels moved this way.
    away = moved(images, (-offset[0], -offset[1]))
    found = label_offset(away, membrane)
    assert found == pytest.approx(offset, abs=0.06)
    assert all(round(part, 2) == part for part in found)
    assert label_offset(moved(away, found), membrane) == pytest.approx((0, 0), abs=0.06)


def test_sections_of_one_label_or_one_grey_say_nothing():
    images, membrane = scene()
    found = label_offset(images, membrane)
    more = np.concatenate([images, images[:1], np.full_like(images[:1], 9)])
    nothing = np.zeros_like(membrane[:1])
    assert label_offset(more, np.concatenate([membrane, nothing, membrane[:1]])) == found
    with pytest.raises(OptionError, match="no section has both labels"):
        label_offset(images, np.zeros_like(membrane))


def test_labels_of_other_images_are_refused():
    images, membrane = scene()
    with pytest.raises(
        OptionError, match=r"labels lie \+[89].. rows and .* expected at most 4 and 1"
    ):
        label_offset(images, np.roll(membrane, 9, axis=1))
    apart = np.stack([np.roll(one, 3 * (-1) ** n, axis=0) for n, one in enumerate(membrane)])
    with pytest.raises(OptionError, match=r"half of the sections more than 3\.. pixels"):
        label_offset(images, apart)


def test_a_stack_is_moved_once_and_known_by_what_was_read():
    images, membrane = scene()
    stack = make_stack(images, membrane, "x", "membrane-bright")
    offset = (0.5, -1.0)
    found = stack.moved(offset)
    assert np.array_equal(found.images, moved(images, offset)) and found.moved_px == offset
    assert found.digest == stack.digest and found.membrane is stack.membrane
    assert found.moved(offset) is found and stack.moved(None) is stack
    assert found.select([1, 2]).moved_px == offset
    with pytest.raises(InputError, match=r"moved by .* already"):
        found.moved(None)
    seen = stack.seeing(1).select([1]).moved(offset)
    assert np.array_equal(next(seen.seen()), next(found.seeing(1).select([1]).seen()))


def test_a_part_says_how_far_the_whole_is_moved():
    images, membrane = scene()
    stack = make_stack(moved(images, (1.0, 0.0)), membrane, "x", "membrane-bright")
    found = registered(stack, stack.select([0, 2]))
    assert found.moved_px == pytest.approx((-1, 0), abs=0.06) and found.n_sections == 4
    assert found.moved_px == label_offset(stack.images[[0, 2]], membrane[[0, 2]])
    without = replace(stack, labelled=(True, False, True, False))
    assert registered(without, without.select(range(4))).moved_px == found.moved_px
