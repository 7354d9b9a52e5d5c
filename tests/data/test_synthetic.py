"""Synthetic sections: statistics within the bounds of ISBI 2012, and the command."""

import time

import numpy as np
import pytest
import skimage.measure

from loihiseg.data import read_stack, synthetic_stack
from loihiseg.data.synthetic.__main__ import main
from loihiseg.errors import InputError


@pytest.fixture(scope="module")
def stack():
    return synthetic_stack(6, (256, 256), seed=0)


def _correlation(one, two):
    return np.corrcoef(one.ravel(), two.ravel())[0, 1]


def test_form(stack):
    assert stack.images.shape == stack.membrane.shape == (6, 256, 256)
    assert stack.images.dtype == np.uint8 and stack.membrane.dtype == bool
    assert stack.source == "synthetic(seed=0)"
    assert stack.polarity.startswith("labels: 255 = cell, 0 = membrane")


def test_deterministic_per_seed(stack):
    assert synthetic_stack(6, (256, 256), seed=0).digest == stack.digest
    assert synthetic_stack(6, (256, 256), seed=1).digest != stack.digest


def test_sections_do_not_depend_on_how_many_follow(stack):
    short = synthetic_stack(2, (256, 256), seed=0)
    assert short.digest == stack.select(range(2)).digest


@pytest.mark.parametrize("seed", range(4))
def test_grey_levels_and_membrane_fraction(seed):
    # ISBI 2012 sections 0-23: membrane 16.8-27 %, mean 99-143, deviation 34-51, membrane pixels
    # 52 grey levels darker than the rest.
    stack = synthetic_stack(4, (256, 256), seed)
    assert 0.16 < stack.membrane.mean() < 0.28
    assert 100 < stack.images.mean() < 150
    assert np.all((stack.images.std(axis=(1, 2)) > 30) & (stack.images.std(axis=(1, 2)) < 55))
    contrast = stack.images[~stack.membrane].mean() - stack.images[stack.membrane].mean()
    assert 25 < contrast < 70
    assert np.mean((stack.images == 0) | (stack.images == 255)) < 0.02


def test_neighbours_correlate_and_distant_sections_do_not():
    stack = synthetic_stack(10, (256, 256), seed=2)
    near = np.mean([_correlation(*stack.membrane[z : z + 2]) for z in range(9)])
    far = np.mean([_correlation(stack.membrane[z], stack.membrane[z + 8]) for z in range(2)])
    assert 0.2 < near < 0.65
    assert far < near / 2


def test_cells_of_all_sizes(stack):
    areas = np.concatenate(
        [
            [region.area for region in skimage.measure.regionprops(skimage.measure.label(~mask))]
            for mask in stack.membrane
        ]
    )
    assert 10 < np.sum(areas > 100) / len(stack.images) < 70
    assert np.percentile(areas, 90) > 6 * np.median(areas[areas > 20])


def test_power_falls_as_in_real_sections(stack):
    # Radial power at 4, 32 and 100 cycles per 512 pixels; the ratios of ISBI 2012 are about 23
    # and 13.
    power = np.mean([np.abs(np.fft.fft2(s - s.mean())) ** 2 for s in stack.images], axis=0)
    frequency = 512 * np.hypot(np.fft.fftfreq(256)[:, np.newaxis], np.fft.fftfreq(256))
    low, middle, high = (
        power[np.abs(frequency - centre) < width].mean()
        for centre, width in ((4, 2.5), (32, 4), (100, 6))
    )
    assert 5 < low / middle < 60
    assert 6 < middle / high < 30


def test_other_shapes_and_speed():
    assert synthetic_stack(1, (32, 75), seed=3).images.shape == (1, 32, 75)
    start = time.perf_counter()
    synthetic_stack(2, (256, 256), seed=4)
    # 0.1 s in practice; the bound leaves room for a busy machine.
    assert time.perf_counter() - start < 3


@pytest.mark.parametrize(
    "n_sections, shape, seed", [(0, (64, 64), 0), (2, (31, 64), 0), (2, (64, 64), -1)]
)
def test_impossible_stacks(n_sections, shape, seed):
    with pytest.raises(InputError, match="synthetic stack"):
        synthetic_stack(n_sections, shape, seed)


def test_command_writes_the_challenge_form(tmp_path, capsys):
    out = tmp_path / "made" / "here"
    assert main([str(out), "--n-sections", "3", "--size", "64", "--seed", "7"]) == 0
    assert sorted(p.name for p in out.iterdir()) == ["train-labels.tif", "train-volume.tif"]
    assert read_stack(out).digest == synthetic_stack(3, (64, 64), seed=7).digest
    output = capsys.readouterr()
    assert output.out == "" and "train-volume.tif" in output.err


def test_command_refuses_in_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main([str(tmp_path / "file"), "--n-sections", "1", "--size", "32"]) == 2
    assert main([str(tmp_path / "out"), "--size", "16"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and all("error: " in line for line in lines)
    assert not (tmp_path / "out").exists()


def test_command_help(capsys):
    assert main(["--help"]) == 0
    assert "default: 24" in capsys.readouterr().out
