"""Floats and chip over folds: the table from rows that are made up, and what a row refuses."""

from dataclasses import asdict

import pytest

from benchmarks.kept_rows import keep, read_rows
from benchmarks.topology_folds import Case, Maps, Row, configuration, row_of, table
from loihiseg.data.splits import z_block_folds
from loihiseg.files import write_json
from loihiseg.results.topology import ChosenThreshold, SectionTopology


def maps(v_rand, logit, accuracy, iou):
    """Maps whose scores are alike in all but V_Rand, which is given by section."""
    rest = [0.9, 0.2, 0.1, 0.05, 3, 4, 30, 40, 1000, 90, 0.6, 0.7]
    sections = tuple(SectionTopology(value, *rest) for value in v_rand)
    return Maps(accuracy, iou, ChosenThreshold(logit, 0.9, 0.95, (logit,) * 5, False), sections)


def row(fold, floats, chip, sections, **case):
    return Row(Case(fold, **case), sections, (9, 10, 11), floats, chip, 6, 1.0, 2.0, {}, {})


ROWS = [
    row(0, maps([0.90, 0.92], -2.0, 0.92, 0.60), maps([0.91, 0.93], -2.5, 0.93, 0.62), (0, 1)),
    row(1, maps([0.80], -1.0, 0.89, 0.54), maps([0.77], -1.5, 0.90, 0.53), (2,)),
]  # fmt: skip


def cells(text):
    lines = [line[2:-2].split(" | ") for line in text.splitlines()]
    return {(row[0], row[1], row[2]): dict(zip(lines[0], row)) for row in lines[2:]}


def test_means_of_folds_and_of_all_sections():
    found = cells(table(ROWS))
    first = found["10", "0–1", "in floats"]
    assert (first["V_Rand"], first["threshold, logit"]) == ("0.910", "-2.0")
    assert found["10", "0–1", "on the chip"]["V_Rand"] == "0.920"
    both = found["10", "all 3", "on the chip"]
    # (0.91 + 0.93 + 0.77) / 3; pixels count by sections: (2 * 93 + 90) / 3, (2 * 0.62 + 0.53) / 3.
    assert (both["V_Rand"], both["threshold, logit"]) == ("0.870", "-2.5 -1.5")
    assert (both["accuracy, %"], both["IoU of pixels"]) == ("92.00", "0.590")


def test_differences_are_chip_less_floats_by_section():
    found = cells(table(ROWS))
    # Both sections differ by 0.01: nothing is uncertain.
    assert found["10", "0–1", "difference"]["V_Rand"] == "+0.010 (+0.010 to +0.010)"
    assert found["10", "2–2", "difference"]["V_Rand"] == "-0.030 (-0.030 to -0.030)"
    # +0.01, +0.01, -0.03: of 27 draws one is of the last alone, 8 are without it.
    every = found["10", "all 3", "difference"]
    assert every["V_Rand"] == "-0.003 (-0.030 to +0.010)"
    assert every["V_Info"] == "+0.000 (+0.000 to +0.000)"
    # 92 - (2 * 92 + 89) / 3, and 0.59 - (2 * 0.60 + 0.54) / 3.
    assert (every["accuracy, %"], every["IoU of pixels"]) == ("+1.00", "+0.010")


def test_other_trainings_are_not_mixed():
    other = row(0, maps([0.5], -1.0, 0.9, 0.6), maps([0.5], -1.0, 0.9, 0.6), (0,), epochs=20)
    found = cells(table([*ROWS, other]))
    assert found["20", "all 1", "in floats"]["V_Rand"] == "0.500"
    assert found["10", "all 3", "in floats"]["V_Rand"] == "0.873"


def test_rows_are_read_as_they_were_kept(tmp_path):
    for one in ROWS:
        keep(tmp_path / f"{one.case.name}.json", lambda one=one: one)
    assert read_rows(tmp_path, Row) == ROWS


def test_names_tell_trainings_apart():
    cases = [Case(0), Case(1), Case(0, epochs=6), Case(0, tuning_epochs=1), Case(0, steps=100)]
    assert len({case.name for case in cases}) == len(cases)
    assert len({case.training for case in cases}) == len(cases) - 1  # steps are of the deployment


def test_networks_see_neighbours_and_keep_the_mean_of_weights():
    config = configuration(Case(0, epochs=6))
    assert (config.network.neighbours, config.average, config.crop) == (1, 0.99, 128)
    assert (config.epochs, config.tuning_epochs, config.network.levels) == (6, 2, 0)


def metrics(judged, chosen_on):
    """As a deployment writes them."""
    pixel = {"accuracy": 0.92, "membrane_iou": 0.6}
    one = asdict(maps([0.9] * len(judged), -2.0, 0.0, 0.0))
    way = {"threshold": one["threshold"], "sections": one["sections"]}
    found = {"sections": judged, "chosen_on": chosen_on, "floats": way, "chip": way}
    rows = [{"network": name, "pixel": pixel} for name in ("trained", "emulated")]
    return {"topology": found, "score_rows": rows, "versions": {"loihiseg": "0.1.0"}}


def test_a_row_is_of_the_folds_test_sections_by_thresholds_of_all_others(tmp_path):
    split = z_block_folds(24)[1]
    kept = row_of(Case(1), split, metrics([4, 5, 6, 7, 8], [*range(4), *range(9, 24)]), 6,
                  (1.0, 2.0), asdict(configuration(Case(1))))  # fmt: skip
    assert kept.sections == (4, 5, 6, 7, 8) and len(kept.chosen_on) == 19
    assert (kept.chip.accuracy, kept.chip.threshold.logit) == (0.92, -2.0)
    write_json(tmp_path / "row.json", asdict(kept))
    assert read_rows(tmp_path, Row)[0].floats == kept.floats


@pytest.mark.parametrize(
    "judged, chosen_on",
    [([20, 21, 22, 23], range(20)), ([4, 5, 6, 7, 8], [*range(3), *range(8, 24)])],
)
def test_a_row_of_other_sections_is_refused(judged, chosen_on):
    with pytest.raises(ValueError, match=r"fold1-.*: judged sections .*expected \(4, 5, 6, 7, 8\)"):
        row_of(Case(1), z_block_folds(24)[1], metrics(judged, [*chosen_on]), 6, (1.0, 2.0), {})
