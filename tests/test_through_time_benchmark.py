"""Benchmarks of networks over time: their configurations and tables; nothing is trained."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from benchmarks import through_time_digits as digits
from benchmarks import through_time_rates as rates_of
from benchmarks.kept_rows import read_rows
from benchmarks.through_time import NORMALIZATIONS, RESIDUALS, Case, Row, configuration, table
from loihiseg.files import write_json


@pytest.mark.parametrize("name", NORMALIZATIONS + RESIDUALS)
def test_cases_are_configurations(name):
    config = configuration(Case(name, "tiny", 8, 1, 3))
    blocks = name in RESIDUALS
    assert config.time.steps == 8 and (config.epochs, config.seed) == (3, 1)
    assert config.time.normalization == ("shift" if blocks else name)
    assert config.time.residual == (name if blocks and name != "plain" else "none")
    assert config.network.convs_down == ((3, 2) if blocks else (1, 1))


def test_tables_are_of_kept_rows(tmp_path):
    for seed, iou in enumerate((0.5, 0.6)):
        case = Case("shift", "tiny", 4, seed, 5)
        row = Row(case, iou, 0.9, 0.2, 0.7, 5, 60.0, {"numpy": "1"})
        write_json(tmp_path / case.file, asdict(row))
    found = read_rows(tmp_path, Row)
    assert len(found) == 2
    last = table(found).splitlines()[-1]
    assert last == "| tiny | shift | 0 | 4 | 5 | 2 | 0.550 (0.500 to 0.600) | 90.00% | 0.70 | 60 |"


def test_more_blocks_are_a_case_of_their_own():
    one, two = (Case("membrane", "tiny", 4, 0, 5, blocks) for blocks in (1, 2))
    assert one.file == "tiny-membrane-T4-5epochs-seed0.json"
    assert two.file == "tiny-membrane-2blocks-T4-5epochs-seed0.json"
    assert configuration(two).network.convs_down == (5, 4)


@pytest.mark.parametrize("name", digits.CASES)
def test_digits_are_read_out_look_by_look(name):
    images = np.random.default_rng(0).random((3, 8, 8, 1)).astype(np.float32)
    model = digits.network(name, 3)
    expected = model(images).numpy()
    assert expected.shape == (3, 10)
    if name != "relu":
        classes, events = digits.by_look(model, images, 3)
        assert classes.shape == (3, 3) and events > 0
        np.testing.assert_array_equal(classes[-1], expected.argmax(axis=-1))


def test_tables_of_digits_have_a_mean_of_seeds():
    found = [
        digits.Row(digits.Case("bntt", 2, seed, 5), (0.5, last), 0.5, 2 - seed, 3.0, {})
        for seed, last in enumerate((0.7, 0.9))
    ]
    expected = "| bntt | 2 | 5 | 2 | 80.0% (70.0% to 90.0%) | 50.0% | 50.0% | 1.5 | 0.50 | 3 |"
    assert digits.table(found).splitlines()[-1] == expected


def test_rates_and_spikes_have_the_same_batches_and_steps():
    rates, spikes = (rates_of.Case(name, "tiny", 8, 1, 5) for name in ("rates", "spikes"))
    ours, theirs = rates_of.configuration(rates), rates_of.configuration(spikes)
    for name in ("crop", "batch", "steps_per_epoch", "epochs", "learning_rate", "seed"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert ours.time is None and ours.network.rates.weight > 0
    neurons = theirs.time.dynamics
    assert (neurons.decay, neurons.reset, theirs.time.normalization) == (0, "hard", "none")
    # A stem and five layers behind one another.
    assert rates_of.chip_steps(rates) == rates_of.chip_steps(spikes) == 8 + 5
    assert rates_of.chip_steps(replace(rates, steps=200)) == 200


def test_tables_of_rates_have_a_mean_of_seeds():
    case = rates_of.Case("rates", "tiny", 200, 0, 5)
    row = rates_of.Row(case, 200, 0.5, 0.4, 0.9, 2.0, 30.0, 60.0, {})
    found = [row, replace(row, case=replace(case, seed=1), emulated_iou=0.6)]
    last = rates_of.table(found).splitlines()[-1]
    assert last.startswith("| tiny | rates | 80 | 200 | 2 | 0.500 | 0.500 (0.400 to 0.600) | 90.0%")
