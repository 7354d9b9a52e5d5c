"""The benchmark of deployments without training: what it runs, and its tables by hand."""

import argparse

import pytest

from benchmarks import training_free, training_free_tables


def asked(tmp_path, **given):
    options = {
        "kinds": list(training_free.KINDS), "subjects": list(training_free.SUBJECTS),
        "seeds": [0], "levels": [1, 3], "networks": tmp_path,
    }  # fmt: skip
    return argparse.Namespace(**options | given)


def test_rows_of_what_is_there(tmp_path):
    rows, absent = training_free.rows_of(asked(tmp_path))
    assert absent == ["textbook-seed0"]
    assert [row.name for row in rows] == [
        "ramp-rates-seed0-1", "ramp-rates-seed0-3", "bayes-rates-seed0-3",
        "stack-rates-seed0-mended", "stack-rates-seed0-divided", "stack-rates-seed0-as-published",
    ]  # fmt: skip
    there = training_free.NETWORKS
    rows, absent = training_free.rows_of(asked(there, subjects=["textbook"], kinds=["ramp"]))
    assert len(rows) == 2 and not absent


def ramp(seed, trained, emulated):
    return {
        "job": {
            "kind": "ramp", "subject": "textbook", "variant": "3", "sections": "20:24",
            "seed": seed,
        },
        "iou": {"TRAINED": trained, "WITH_LEVELS": emulated, "EMULATED": emulated},
        "steps": 35, "chips": 2, "events": 46e6, "macs": 9e6, "energy_uj": 2500.0,
        "agreement": 1.0,
    }  # fmt: skip


def test_ramp_rows_by_hand():
    # 46 million additions of 0.9 pJ, 9 million multiply-accumulates of 4.6 pJ: equal.
    assert training_free_tables.relative_energy(ramp(0, 0.7, 0.6)) == pytest.approx(1.0)
    text = training_free_tables.tables_of([ramp(0, 0.7, 0.6), ramp(1, 0.6, 0.54)], ["rates-seed1"])
    assert (
        "| max pooling | 20:24 | 0, 1 | 3 | 0.650 (0.600–0.700) | 0.570 (0.540–0.600) | "
        "0.570 (0.540–0.600) | 8.0 | 100.000% | 35 | 2 | 46 | 2.5 | 1.00 |"
    ) in text
    assert "Not there: rates-seed1." in text


def test_the_best_fixed_quantile_is_that_of_the_validation_sections(tmp_path):
    ways = {
        "floats": {"validation": 0.7, "test": 0.69},
        "fixed 0.95": {"validation": 0.5, "test": 0.68},
        "fixed 0.99": {"validation": 0.6, "test": 0.55},
    }
    for name, iou in (("searched", 0.61), ("corrected", 0.62), ("corrected, searched", 0.63)):
        ways[name] = {"validation": iou, "test": iou, "seconds": 12.0}
    row = {"job": ramp(0, 0, 0)["job"] | {"kind": "bayes"}, "ways": ways}
    assert training_free_tables.best_fixed(row) == "fixed 0.99"
    text = training_free_tables.tables_of([row], [])
    assert "| test | 0.690 | 0.550 | 0.610 | 0.620 | 0.630 | 12 to 12 |" in text


def test_seeds_that_were_simulated_for_fewer_steps_are_told_apart():
    rows = [
        {
            "job": ramp(seed, 0, 0)["job"] | {"kind": "stack", "variant": "divided"},
            "iou": {"trained": 0.7} | {f"rates, T = {n}": iou for n, iou in values.items()},
            "spikes": {f"rates, T = {n}": 1e6 for n in values},
        }
        for seed, values in enumerate(({8: 0.4, 128: 0.7}, {8: 0.6}))
    ]
    text = training_free_tables.tables_of(rows, [])
    assert "| how | part | T = 8 | T = 128 |" in text
    assert "| 0, 1 | divided | rates | 0.500 | 0.700 (1 of 2) |" in text


def test_a_picture_is_drawn(tmp_path):
    names = [f"spike calibration, A = 16, mended, T = {steps}" for steps in (8, 16)]
    stack = {
        "job": ramp(0, 0, 0)["job"] | {"kind": "stack", "variant": "mended"},
        "iou": {"trained": 0.7} | dict(zip(names, (0.5, 0.6), strict=True)),
        "spikes": dict.fromkeys(names, 1e6),
    }
    rows = [ramp(0, 0.7, 0.6), stack]
    assert "| mended | spike calibration, A = 16, mended | 0.500 | 0.600 |" in (
        training_free_tables.tables_of(rows, [])
    )
    training_free_tables.draw(rows, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 5000
