"""Augmentation, normalisation and random crops."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from loihiseg.data import augment, make_stack, normalize, sample_crops, synthetic_stack
from loihiseg.data.augmentation import _read_at
from loihiseg.data.fields import smooth_field
from loihiseg.errors import InputError


@pytest.fixture(scope="module")
def stack():
    return synthetic_stack(3, (160, 144), seed=5)


def test_normalize_by_hand():
    # Mean 3, deviation sqrt(5) for 0 2 4 6.
    result = normalize(np.array([[0, 2], [4, 6]], np.uint8))
    np.testing.assert_allclose(result, np.array([[-3, -1], [1, 3]]) / np.sqrt(5), rtol=1e-6)
    assert result.dtype == np.float32


def test_normalize_is_per_section(stack):
    result = normalize(stack.images)
    np.testing.assert_allclose(result.mean(axis=(1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(result.std(axis=(1, 2)), 1, atol=1e-5)
    np.testing.assert_array_equal(result[1], normalize(stack.images[1]))


def test_normalize_of_a_blank_section_is_zero():
    assert not normalize(np.full((4, 4), 9, np.uint8)).any()


@pytest.mark.parametrize("seed", range(12))
def test_turns_keep_image_and_mask_exactly_aligned(seed):
    rng = np.random.default_rng(seed)
    mask = rng.random((32, 32)) < 0.3
    image, turned = augment(mask.astype(np.float32), mask, rng, elastic=0, intensity=0)
    np.testing.assert_array_equal(image, turned)
    assert turned.dtype == bool and turned.sum() == mask.sum()


def test_all_eight_turns_occur():
    image = np.arange(16, dtype=np.float32).reshape(4, 4)
    rng = np.random.default_rng(0)
    seen = {augment(image, image > 3, rng, elastic=0, intensity=0)[0].tobytes() for _ in range(99)}
    assert len(seen) == 8


@pytest.mark.parametrize("seed", range(6))
def test_elastic_moves_image_and_mask_together(seed, stack):
    mask = stack.membrane[0, :128, :128]
    rng = np.random.default_rng(seed)
    image, moved = augment(mask.astype(np.float32), mask, rng, elastic=6, intensity=0)
    # Linear and nearest reading differ on the outline only.
    assert ((image > 0.5) == moved).mean() > 0.97
    assert (moved != mask).mean() > 0.05


def test_non_square_and_float_masks_keep_shape_dtype_and_values():
    rng = np.random.default_rng(3)
    mask = (rng.random((40, 64)) < 0.2).astype(np.float32)
    for _ in range(8):
        image, moved = augment(rng.normal(size=(40, 64)), mask, rng)
        assert image.shape == moved.shape == (40, 64)
        assert image.dtype == moved.dtype == np.float32
        assert set(np.unique(moved)) <= {0.0, 1.0}
        assert np.isfinite(image).all() and image.flags.c_contiguous


def test_intensity_alone_keeps_the_mask_and_the_order_of_grey_levels():
    rng = np.random.default_rng(8)
    image = rng.normal(size=(64, 64)).astype(np.float32)
    mask = image > 0
    varied, turned = augment(image, mask, rng, elastic=0, intensity=1)
    assert varied[turned].mean() > varied[~turned].mean() + 0.5
    assert not np.array_equal(np.sort(varied.ravel()), np.sort(image.ravel()))


def test_same_generator_state_same_result(stack):
    image, mask = normalize(stack.images[0]), stack.membrane[0]
    one = augment(image, mask, np.random.default_rng(11))
    two = augment(image, mask, np.random.default_rng(11))
    other = augment(image, mask, np.random.default_rng(12))
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])
    assert not np.array_equal(one[0], other[0])


def test_inputs_are_left_alone(stack):
    image, mask = normalize(stack.images[0]), stack.membrane[0].copy()
    before = image.copy()
    augment(image, mask, np.random.default_rng(1))
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(mask, stack.membrane[0])


def test_shapes_that_differ():
    with pytest.raises(ValueError, match="must be equal"):
        augment(np.zeros((4, 4), np.float32), np.zeros((4, 5), bool), np.random.default_rng(0))


def test_reading_between_pixels_equals_scipy():
    rng = np.random.default_rng(2)
    image = rng.normal(size=(50, 70)).astype(np.float32)
    mask = image > 0.5
    places = np.stack([rng.uniform(-20, 69, (90, 30)), rng.uniform(-20, 89, (90, 30))])
    places = places.astype(np.float32)
    moved, nearest = _read_at(image, mask, places)
    scipys = map_coordinates(image, places, order=1, mode="mirror")
    np.testing.assert_allclose(moved, scipys, atol=1e-4)
    scipys = map_coordinates(mask.view(np.uint8), places, order=0, mode="mirror")
    np.testing.assert_array_equal(nearest, scipys.view(bool))


@pytest.mark.parametrize("shape", [(1, 9), (9, 1), (1, 1), (6, 6)])
def test_tiny_crops_do_not_leave_the_image(shape):
    rng = np.random.default_rng(4)
    image, mask = augment(np.ones(shape, np.float32), np.ones(shape, bool), rng, intensity=0)
    assert mask.all() and np.allclose(image, 1) and image.shape == shape


def test_smooth_fields_are_smooth_and_of_unit_variance():
    field = smooth_field((300, 200), 20, np.random.default_rng(0), n_fields=4)
    assert field.shape == (4, 300, 200) and field.dtype == np.float32
    assert 0.85 < field.std() < 1.15
    assert np.abs(np.diff(field, axis=1)).max() < 0.3


def test_crops_without_augmentation_are_pieces_of_normalised_sections(stack):
    images, membrane, _ = sample_crops(stack, 48, 5, np.random.default_rng(0), augment=False)
    assert images.shape == membrane.shape == (5, 48, 48, 1)
    assert images.dtype == membrane.dtype == np.float32
    sections = normalize(stack.images)
    for image, mask in zip(images[..., 0], membrane[..., 0]):
        z, y, x = (int(i[0]) for i in np.nonzero(_windows_equal_to(image, sections)))
        np.testing.assert_array_equal(mask, stack.membrane[z, y : y + 48, x : x + 48])


def _windows_equal_to(crop, sections):
    windows = np.lib.stride_tricks.sliding_window_view(sections, crop.shape, axis=(1, 2))
    # The first row is enough to tell windows apart.
    return (windows[..., 0, :] == crop[0]).all(axis=-1)


def test_augmented_crops(stack):
    images, membrane, _ = sample_crops(stack, 96, 12, np.random.default_rng(1))
    assert images.shape == membrane.shape == (12, 96, 96, 1)
    assert set(np.unique(membrane)) == {0.0, 1.0}
    assert abs(images.mean()) < 0.5 and 0.6 < images.std() < 1.5
    # Membranes stay dark where the mask says membrane.
    assert images[membrane == 1].mean() < images[membrane == 0].mean() - 0.7
    again = sample_crops(stack, 96, 12, np.random.default_rng(1))
    np.testing.assert_array_equal(images, again[0])


def test_a_crop_as_large_as_the_section(stack):
    square = make_stack(stack.images[:, :144], stack.membrane[:, :144], "square", "membrane-bright")
    assert sample_crops(square, 144, 2, np.random.default_rng(0))[0].shape == (2, 144, 144, 1)


def test_crops_that_cannot_be_taken(stack):
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="no labels"):
        sample_crops(make_stack(stack.images, None, "here"), 32, 2, rng)
    with pytest.raises(InputError, match="at most 144"):
        sample_crops(stack, 145, 2, rng)


def test_neighbouring_sections_move_together():
    """Three sections alike but for their grey levels stay alike where none is shaded."""
    stack = synthetic_stack(3, (64, 64))
    section = stack.images[1]
    images = np.stack([255 - section, section, section // 2])
    whole = make_stack(images, stack.membrane.astype(np.uint8), "stack", "membrane-bright")
    middle = whole.seeing(1).select([1])
    pixels, membrane, _ = sample_crops(middle, 24, 3, np.random.default_rng(0), augment=False)
    assert pixels.shape == (3, 24, 24, 3) and membrane.shape == (3, 24, 24, 1)
    np.testing.assert_allclose(pixels[..., 0], -pixels[..., 1], atol=1e-4)
    np.testing.assert_allclose(pixels[..., 2], pixels[..., 1], atol=0.05)
    plain, marks, _ = sample_crops(
        whole.select([1]), 24, 3, np.random.default_rng(0), augment=False
    )
    np.testing.assert_array_equal(pixels[..., 1:2], plain)
    np.testing.assert_array_equal(membrane, marks)
    moved, _, _ = sample_crops(middle, 24, 8, np.random.default_rng(1))
    for one in moved:
        # Gain, offset and grain are each section's own.
        assert np.corrcoef(one[..., 0].ravel(), one[..., 1].ravel())[0, 1] < -0.6
        assert np.corrcoef(one[..., 2].ravel(), one[..., 1].ravel())[0, 1] > 0.6
        assert np.abs(one[..., 2] - one[..., 1]).std() > 0.05
