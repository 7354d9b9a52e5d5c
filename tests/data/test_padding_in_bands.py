"""Padding that is counted band by band is that of the whole section."""

import numpy as np
import pytest

from loihiseg.data.padding import padding_of, without_nan
from loihiseg.data.padding_in_bands import CandidateScan, RegionScan, VoidScan


def in_bands(section, cuts):
    bands = [band for band in np.split(section, cuts) if len(band)]
    looks = CandidateScan(section.shape)
    for band in bands:
        looks.add(band)
    regions = RegionScan(section.shape, looks.candidates())
    for band in bands:
        regions.add(band)
    return regions.padding()


def whole(section):
    mask = padding_of(section)
    if mask is None:
        return {}
    values, counts = np.unique(section[mask], return_counts=True)
    return {value.item(): int(count) for value, count in zip(values, counts)}


def drawn(rng, dtype):
    """Borders, corners, voids and steps, over tissue of few or many values."""
    height, width = rng.integers(1, 90, 2)
    section = rng.integers(0, rng.choice([2, 4, 250]), (height, width)).astype(dtype)
    for _ in range(rng.integers(0, 4)):
        y, x, value = rng.integers(0, height), rng.integers(0, width), rng.integers(0, 3)
        kind = rng.integers(0, 3)
        if kind == 0:
            section[y : y + rng.integers(1, 60), x : x + rng.integers(1, 60)] = value
        elif kind == 1:
            section[:y] = value
        else:
            rows, columns = np.mgrid[:height, :width]
            section[rows + columns < rng.integers(0, height + width)] = value
    if section.dtype.kind == "f":
        section[rng.random(section.shape) < 0.3] *= dtype(-1)  # there are two zeros
    return section


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
def test_bands_are_as_the_whole(dtype):
    rng, n_padded = np.random.default_rng(0), 0
    for _ in range(120):
        section = drawn(rng, dtype)
        cuts = np.sort(rng.integers(0, len(section) + 1, rng.integers(0, 6)))
        wanted = whole(section)
        assert in_bands(section, cuts) == wanted
        n_padded += bool(wanted)
    assert 30 < n_padded < 120


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_voids_in_bands_are_as_those_of_the_whole(dtype):
    rng, n_void, n_astray = np.random.default_rng(2), 0, 0
    for _ in range(60):
        section = drawn(rng, dtype)
        section[section == 1] = np.nan
        if rng.random() < 0.1:
            section[...] = np.nan
        scan = VoidScan(section.shape)
        for band in np.split(section, np.sort(rng.integers(0, len(section) + 1, 4))):
            if len(band):
                scan.add(band)
        found, (filled, missing) = scan.void(), without_nan(section)
        assert found.n_missing == np.isnan(section).sum()
        assert found.n_bad == np.isnan(filled).sum()
        if missing is not None:
            assert (filled[missing] == dtype(found.fill)).all()
        n_void += missing is not None
        n_astray += found.n_bad > 0
    assert n_void > 10 and n_astray > 10


def test_a_comb_is_one_region():
    """Arms that meet only in the last rows; single rows at a time."""
    section = np.random.default_rng(1).integers(1, 250, (64, 64), np.uint8)
    for column in range(0, 40, 4):
        section[:60, column] = 0
    section[60:, :] = 0
    assert in_bands(section, range(64)) == whole(section) == {0: 4 * 64 + 60 * 10}
