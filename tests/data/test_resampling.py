"""Sections at another size of pixel, and maps back."""

import warnings

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from loihiseg.data import read_stack
from loihiseg.data.instances import boundaries
from loihiseg.data.readers.axes import Nanometres
from loihiseg.data.resampling import (
    Axis,
    PixelSizes,
    Resampling,
    resampling_of,
    unknown,
    weighted,
)
from loihiseg.data.warn import ReadingWarning
from loihiseg.errors import InputError

RNG = np.random.default_rng(0)
SIDES = st.integers(1, 60)


@given(SIDES, SIDES, st.data())
def test_weights_sum_to_one_and_needed_holds_them(n_from, n_to, data):
    axis = Axis(n_from, n_to)
    start = data.draw(st.integers(0, n_to - 1))
    stop = data.draw(st.integers(start + 1, n_to))
    places, weights = axis.taps(start, stop)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-12)
    assert places.min() >= 0 and places.max() < n_from and (weights >= 0).all()
    needed = axis.needed(start, stop)
    assert set(places[weights > 0].tolist()) <= set(needed)
    nearest = axis.nearest(start, stop)
    assert (abs(nearest + 0.5 - (np.arange(start, stop) + 0.5) * n_from / n_to) <= 0.5 + 1e-9).all()


@settings(deadline=None)
@given(st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES), st.data())
def test_a_window_is_that_part_of_the_whole(shape, to, data):
    pixels = np.random.default_rng(sum(shape)).integers(0, 256, shape).astype(np.uint8)
    axes = Axis(shape[0], to[0]), Axis(shape[1], to[1])
    whole = weighted(pixels, axes)
    assert whole.shape == to and whole.dtype == np.float32
    (top, bottom), (left, right) = (
        sorted((data.draw(st.integers(0, n - 1)), data.draw(st.integers(1, n)))) for n in to
    )
    rows, columns = range(top, max(bottom, top + 1)), range(left, max(right, left + 1))
    down, across = (axis.needed(part.start, part.stop) for axis, part in zip(axes, (rows, columns)))
    part = pixels[down.start : down.stop, across.start : across.stop]
    window = weighted(part, axes, rows, columns, (down.start, across.start))
    np.testing.assert_array_equal(
        window, whole[rows.start : rows.stop, columns.start : columns.stop]
    )


def test_the_same_size_is_the_same_pixels():
    pixels = RNG.integers(0, 256, (13, 9)).astype(np.uint8)
    np.testing.assert_array_equal(weighted(pixels, (Axis(13, 13), Axis(9, 9))), pixels)


def test_enlarging_by_two_is_linear_by_hand():
    found = weighted(np.array([[0, 4, 8]], np.float32), (Axis(1, 1), Axis(3, 6)))
    np.testing.assert_allclose(found, [[0, 1, 3, 5, 7, 8]])


def test_halving_is_smooth_by_hand():
    # Weights 1/8, 3/8, 3/8, 1/8, as in a tent of four pixels; the edge is repeated.
    found = weighted(np.array([[0, 8, 0, 0, 0, 0]], np.float32), (Axis(1, 1), Axis(6, 3)))
    np.testing.assert_allclose(found, [[3, 1, 0]], atol=1e-6)


def test_fine_stripes_do_not_come_out_coarse():
    stripes = np.zeros((8, 210), np.float32)
    stripes[:, ::3] = 255
    found = weighted(stripes, (Axis(8, 8), Axis(210, 84)))[:, 3:-3]
    assert found.std() < 12 < stripes[:, ::2].std()
    assert found.mean() == pytest.approx(85, abs=3)


def test_down_and_up_keeps_what_is_smooth():
    smooth = ndimage.gaussian_filter(RNG.normal(size=(60, 80)), 8)
    smooth /= abs(smooth).max()
    axes = Axis(60, 40), Axis(80, 53)
    back = weighted(weighted(smooth, axes), (Axis(40, 60), Axis(53, 80)))
    assert back.shape == smooth.shape and abs(back - smooth).max() < 0.05


@pytest.mark.parametrize(
    "file, asked, network, expected",
    [
        ((50, 4, 4), None, (4, 4), None),
        ((50, 4.19, 4), None, (4, 4), None),
        ((50, 8, 8), None, (4, 4), ((8, 8), (4, 4))),
        ((50, 4, 4.3), None, (4, 4), ((4, 4.3), (4, 4))),
        ((None, 2, 2), None, (4, 4), ((2, 2), (4, 4))),
        (None, None, (4, 4), None),
        ((50, None, None), None, (4, 4), None),
        ((50, 8, 8), None, None, None),
        (None, (None, 8, 8), (4, 4), ((8, 8), (4, 4))),
        ((50, 4, 4), (None, 4.1, 4.1), (4, 4), None),
    ],
)
def test_when_it_is_done(file, asked, network, expected):
    found, nm = resampling_of(file, PixelSizes(asked, network), "here")
    assert (found and (found.data_nm, found.network_nm)) == expected
    if asked is None:
        assert nm == file
    else:
        assert nm == (file[0] if file else None, *asked[1:])


def test_large_sections_are_resampled_in_parts():
    section = RNG.integers(0, 256, (1, 700, 30)).astype(np.uint8)
    for network_nm in (3.0, 6.1):
        resampling = Resampling((4.0, 4.0), (network_nm, network_nm))
        whole = np.rint(weighted(section[0], resampling.axes(section.shape)))
        np.testing.assert_array_equal(resampling.images(section)[0], whole)


def test_what_is_said_of_sizes():
    with pytest.warns(ReadingWarning, match="as asked for"):
        resampling_of((50, 8, 8), PixelSizes((None, 4, 4), (4, 4)), "here")
    with pytest.warns(ReadingWarning, match="cannot be"):
        found = resampling_of((50, 8000, 8000), PixelSizes(None, (4, 4)), "here")
    assert found == (None, None)
    with pytest.raises(InputError, match=r"pixel_nm.* expected at most 16 times"):
        resampling_of(None, PixelSizes((None, 8000, 8000), (4, 4)), "here")
    sizes: Nanometres = (50.0, 4.0, 4.0)
    assert unknown(sizes, (4, 4)) == "" and "data and the network" in unknown(None, None)
    assert "of the network is" in unknown(sizes, None) and "of the data is" in unknown(None, (4, 4))


def _volume(tmp_path, nm=8.0):
    ids = np.arange(1, 31).reshape(5, 6).repeat(16, 0).repeat(12, 1)
    ids = np.stack([ids, ids + 40]).astype(np.uint16)
    edges = np.stack([boundaries(one) for one in ids])
    images = RNG.normal(np.where(edges, 70, 150), 8).clip(1, 254).astype(np.uint8)
    (tmp_path / "em").mkdir()
    tifffile.imwrite(
        tmp_path / "em" / "em-volume.tif",
        images,
        imagej=True,
        resolution=(1000 / nm, 1000 / nm),
        metadata={"axes": "ZYX", "unit": "um", "spacing": 0.05},
    )
    tifffile.imwrite(tmp_path / "em" / "em-labels.tif", ids)
    return tmp_path / "em", images, ids


@pytest.mark.parametrize("nm, factor", [(8.0, 2), (2.0, 0.5), (6.0, 1.5)])
def test_a_stack_at_the_size_of_the_network(tmp_path, nm, factor):
    path, images, ids = _volume(tmp_path, nm)
    stack = read_stack(path, sizes=PixelSizes(network=(4.0, 4.0)))
    assert stack.images.shape == (2, round(80 * factor), round(72 * factor))
    assert stack.images.dtype == np.uint8 and stack.membrane.shape == stack.images.shape
    assert stack.pixel_nm == (pytest.approx(50), 4.0, 4.0)
    assert stack.polarity.endswith(f"resampled from pixels of {nm:g} nm to the network's 4 nm")
    # Boundaries are as wide as ever: drawn after the ids were resampled.
    moved = Resampling((nm, nm), (4.0, 4.0)).marks(ids)
    np.testing.assert_array_equal(stack.membrane, np.stack([boundaries(one) for one in moved]))
    own = read_stack(path)
    assert own.pixel_nm[1] == pytest.approx(nm) and own.digest != stack.digest
    np.testing.assert_array_equal(own.images, images)
    expected = ndimage.zoom(
        images[0].astype(float), factor, order=1, grid_mode=True, mode="nearest"
    )
    assert abs(stack.images[0] - expected).mean() < (4 if factor >= 1 else 25)


def test_padding_is_resampled_too(tmp_path):
    images = RNG.integers(50, 200, (1, 64, 64)).astype(np.float32)
    images[:, :, :16] = np.nan
    np.save(tmp_path / "em.npy", images)
    with pytest.warns(ReadingWarning, match="NaN"):
        stack = read_stack(tmp_path / "em.npy", sizes=PixelSizes((None, 8.0, 8.0), (4.0, 4.0)))
    assert stack.known.shape == (1, 128, 128) and stack.pixel_nm == (None, 4.0, 4.0)
    assert not stack.known[:, :, :32].any() and stack.known[:, :, 32:].all()


def test_nothing_is_said_where_sizes_are_close(tmp_path):
    path, images, _ = _volume(tmp_path, 4.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stack = read_stack(path, sizes=PixelSizes(network=(4.0, 4.0)))
    np.testing.assert_array_equal(stack.images, images)
