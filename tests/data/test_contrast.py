import numpy as np
import pytest

from loihiseg.data.contrast import contrast, contrast_of, grey_counts, normalize


def test_by_hand():
    """Mean 2, deviation sqrt(((1 - 2)^2 * 2 + (4 - 2)^2) / 3) = sqrt 2."""
    found = contrast(np.array([[1, 1, 4]], np.uint8))
    assert found.mean == 2 and found.scale == np.float32(1 / np.sqrt(2))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.uint16])
def test_mean_and_deviation(dtype):
    rng = np.random.default_rng(0)
    for _ in range(100):
        section = rng.integers(0, 256, rng.integers(2, 70, 2)).astype(dtype)
        out = normalize(section)
        assert out.dtype == np.float32 and out.shape == section.shape
        assert abs(out.mean(dtype=np.float64)) < 1e-6
        assert out.std(dtype=np.float64) == pytest.approx(1, abs=1e-6)


def test_grey_levels_are_counted_and_give_what_floats_give():
    rng = np.random.default_rng(1)
    for _ in range(200):
        section = rng.integers(0, 256, rng.integers(2, 70, 2), dtype=np.uint8)
        assert np.array_equal(grey_counts(section), np.bincount(section.ravel(), minlength=256))
        assert contrast(section) == contrast(section.astype(np.float32))


def test_no_overflow_in_large_sections():
    """Counts times squares of 4e8 white pixels are past 2^63 when they are multiplied."""
    counts = np.zeros(256, np.int64)
    counts[255] = 20_000 * 20_000
    found = contrast_of(counts)
    assert found.mean == 255 and found.scale == 0


def test_parts_are_as_the_whole():
    section = np.random.default_rng(2).integers(0, 256, (40, 30), dtype=np.uint8)
    found = contrast(section)
    assert np.array_equal(found.applied(section[7:19, 3:8]), normalize(section)[7:19, 3:8])


def test_a_section_without_contrast_is_zero():
    assert not normalize(np.full((3, 4, 5), 7, np.uint8)).any()
