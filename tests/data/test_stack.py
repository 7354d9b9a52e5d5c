"""The Stack value: checks, label polarity, rescaling, selection and digest."""

import hashlib

import numpy as np
import pytest

from loihiseg.data import make_stack
from loihiseg.errors import InputError


def _images(n=3, shape=(4, 5)):
    return np.arange(n * shape[0] * shape[1], dtype=np.uint8).reshape(n, *shape)


def _labels(images, n_zero):
    """255 everywhere but in n_zero pixels, the first ones of each section."""
    flat = np.full(images.size, 255, np.uint8)
    flat[:n_zero] = 0
    return np.ascontiguousarray(flat.reshape(-1, len(images)).T.reshape(images.shape))


def _one_line(error):
    assert "\n" not in str(error.value)
    return str(error.value)


def test_uint8_is_kept_and_zero_is_membrane():
    images = _images()
    stack = make_stack(images, _labels(images, 15), "here")
    np.testing.assert_array_equal(stack.images, images)
    assert stack.membrane.sum() == 15 and stack.membrane.dtype == bool
    assert stack.polarity == "labels: 255 = cell, 0 = membrane (membrane 25.0 % of pixels)"
    assert stack.section_numbers == (0, 1, 2)


def test_majority_zero_is_read_as_inverted():
    images = _images()
    stack = make_stack(images, _labels(images, 45), "here")
    assert stack.membrane.sum() == 15
    assert "inverted" in stack.polarity and "0 = cell, 255 = membrane" in stack.polarity


@pytest.mark.parametrize(
    "polarity, n_membrane", [("cell-bright", 45), ("membrane-bright", 15), ("auto", 15)]
)
def test_explicit_polarity_wins(polarity, n_membrane):
    images = _images()
    stack = make_stack(images, _labels(images, 45), "here", polarity)
    assert stack.membrane.sum() == n_membrane


@pytest.mark.filterwarnings("ignore:.*too near one half")
def test_exactly_half_is_not_inverted():
    images = _images()
    assert "inverted" not in make_stack(images, _labels(images, 30), "here").polarity


def test_bool_and_one_two_labels():
    images = _images()
    cell = _labels(images, 15) > 0
    for labels in (cell, cell + 1, cell.astype(np.float32)):
        assert make_stack(images, labels, "here").membrane.sum() == 15


def test_single_section():
    image = _images()[0]
    stack = make_stack(image, np.where(image < 4, 0, 1), "here")
    assert stack.images.shape == stack.membrane.shape == (1, 4, 5)


def test_no_labels():
    stack = make_stack(_images(), None, "here")
    assert stack.membrane is None and stack.polarity == "labels: none"


def test_rescaling_by_percentiles():
    # 0 .. 1000: the 0.5th percentile is 5, the 99.5th is 995.
    images = np.arange(1001, dtype=np.uint16).reshape(1, 7, 143)
    pixels = make_stack(images, None, "here").images.ravel()
    assert pixels.dtype == np.uint8
    assert pixels[5] == 0 and pixels[0] == 0 and pixels[995] == 255 and pixels[1000] == 255
    assert pixels[500] == round(495 * 255 / 990)


def test_float_in_unit_range_and_nearly_blank_stack():
    images = np.linspace(0, 1, 2001).reshape(1, 23, 87)
    assert make_stack(images, None, "here").images.std() > 70
    nearly_blank = np.zeros((1, 64, 64), np.float32)
    nearly_blank[0, 0, 0] = 0.5
    assert make_stack(nearly_blank, None, "here").images.max() == 255


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_inf_are_refused(value):
    images = _images().astype(np.float32)
    images[1, 2, 3] = value
    with pytest.raises(InputError, match="here: images have 1 NaN or infinite") as error:
        make_stack(images, None, "here")
    _one_line(error)


@pytest.mark.parametrize(
    "images, words",
    [
        (np.zeros((2, 3, 4, 5), np.uint8), "(2, 3, 4, 5)"),
        (np.zeros(7, np.uint8), "(7,)"),
        (np.zeros((0, 4, 4), np.uint8), "(0, 4, 4)"),
        (np.full((2, 4, 4), 7, np.uint8), "the value 7"),
        (np.full((2, 4, 4), "a"), "expected numbers"),
        (np.ones((2, 4, 4), complex), "complex"),
    ],
)
def test_images_that_are_no_stack(images, words):
    with pytest.raises(InputError) as error:
        make_stack(images, None, "here")
    assert words in _one_line(error) and "here" in str(error.value)


def test_labels_of_another_shape_name_both():
    with pytest.raises(InputError) as error:
        make_stack(_images(3), _labels(_images(2), 10), "here")
    assert "(2, 4, 5)" in _one_line(error) and "(3, 4, 5)" in str(error.value)


@pytest.mark.parametrize(
    "values, words", [([0, 128, 255], "3 values (0, 128, 255)"), ([255], "1 value (255)")]
)
def test_labels_without_two_values(values, words):
    images = _images()
    labels = np.resize(np.array(values, np.uint8), images.shape)
    with pytest.raises(InputError) as error:
        make_stack(images, labels, "here")
    assert words in _one_line(error)


def test_many_label_values_are_cut_short():
    with pytest.raises(InputError, match=r"60 values \(0, 1, 2, 3, 4, 5, 6, 7, \.\.\.\)"):
        make_stack(_images(), _images(), "here")


def test_unknown_polarity():
    images = _images()
    with pytest.raises(InputError, match="membrane-bright"):
        make_stack(images, _labels(images, 5), "here", "upside-down")


def test_digest_is_sha256_of_shape_dtype_and_bytes():
    images = _images()
    sha = hashlib.sha256(b"(3, 4, 5) |u1" + images.tobytes() + b"no labels")
    assert make_stack(images, None, "a").digest == make_stack(images, None, "b").digest
    assert make_stack(images, None, "a").digest == sha.hexdigest()


def test_digest_sees_pixels_shape_and_labels():
    images = _images()
    digests = {
        make_stack(images, None, "a").digest,
        make_stack(images[::-1], None, "a").digest,
        make_stack(images.reshape(3, 5, 4), None, "a").digest,
        make_stack(images, _labels(images, 5), "a").digest,
        make_stack(images, _labels(images, 6), "a").digest,
    }
    assert len(digests) == 5


def test_select_keeps_the_numbering():
    images = _images(8)
    stack = make_stack(images, _labels(images, 40), "here")
    part = stack.select(range(2, 6))
    assert part.first_section == 2 and part.section_numbers == (2, 3, 4, 5)
    np.testing.assert_array_equal(part.images, images[2:6])
    assert part.select(range(1, 3)).section_numbers == (3, 4)
    assert part.digest != stack.digest and stack.select(range(8)).digest == stack.digest


def test_select_of_scattered_sections():
    stack = make_stack(_images(8), None, "here").select(range(1, 8))
    part = stack.select((0, 1, 5))
    assert part.section_numbers == (1, 2, 6) and part.first_section == 1
    assert part.select((2,)).section_numbers == (6,)


@pytest.mark.parametrize("sections", [range(0), range(2, 9), (-1, 0), range(8, 9)])
def test_select_outside_the_stack(sections):
    with pytest.raises(InputError, match="the stack has 8"):
        make_stack(_images(8), None, "here").select(sections)
