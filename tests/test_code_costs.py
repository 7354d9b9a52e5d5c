"""The table of what codes cost: what it runs, what it keeps, what stands in it."""

from dataclasses import replace

import pytest

from benchmarks import code_costs
from loihiseg.files import write_json
from loihiseg.metrics.energy import section_work
from loihiseg.results import EnergyEstimate
from tests.results.examples import example, timed, with_levels


def results():
    found = with_levels(timed(example()))
    accelerators = tuple(
        EnergyEstimate(name, uj, uj, 0.0, None, None, "estimate", "a page")
        for name, uj in (("best", 50.0), ("usual", 250.0))
    )
    times = replace(found.step_times, latencies=found.step_times.latencies * 2)
    work = section_work(found.activity, 2, 8.0)
    return replace(found, per_section=work, accelerators=accelerators, step_times=times)


@pytest.fixture
def networks(tmp_path):
    folder = tmp_path / "networks"
    for name in ("levels2-seed1", "levels3-seed1"):
        (folder / name).mkdir(parents=True)
        write_json(folder / name / code_costs.CHECKPOINT_FILE, {"sha256": name})
    return folder


def test_networks_that_are_there_by_every_code(networks):
    rows, absent = code_costs.rows_of(networks, list(code_costs.CODES), [1])
    assert absent == ["levels1-sparse-seed1", "levels15-seed1", "levels7-seed1", "rates-seed1"]
    assert [row.title for row in rows] == [
        "L = 2, ramp", "L = 3, ramp", "L = 2, thermometer", "L = 3, thermometer",
    ]  # fmt: skip
    rows, _ = code_costs.rows_of(networks, ["ramp"], [1])
    assert [row.code for row in rows] == ["ramp", "ramp"]


def test_networks_of_all_seeds_come_along():
    rows, absent = code_costs.rows_of(code_costs.NETWORKS, list(code_costs.CODES), [0, 1, 2])
    assert absent == ["levels15-seed1", "levels15-seed2", "levels7-seed1", "levels7-seed2"]
    assert len(rows) == 3 * 3 + 2 + 3 * 3 + 3 * 3
    assert len({row.network for row in rows}) == 3 * 4 + 2


def test_means_by_hand():
    ones = [
        {"iou": 0.5, "n_chips": 1, "sections": [20, 21], "times": {"us": 2}, "none": None},
        {"iou": 0.7, "n_chips": 2, "sections": [20, 21], "times": {"us": 4}, "none": None},
    ]
    assert code_costs.over_seeds(ones) == {
        "iou": 0.6, "n_chips": 2, "sections": [20, 21], "times": {"us": 3}, "none": None,
    }  # fmt: skip


def test_table_by_hand():
    one = code_costs.numbers(results()) | {"overlapping_pixels_that_differ": 0}
    text = code_costs.table_of([("L = 2, ramp", one)], ["levels3-seed0"])
    header, _, row = text.splitlines()[:3]
    found = dict(zip(header.split(" | "), row.split(" | ")))
    assert found["steps"] == "10" and found["next tile after"] == "150"
    # Totals of two sections: 40 and 400 million.
    assert (found["million events"], found["million updates"]) == ("20", "200")
    energy_mj = (20e6 * 27.1 + 200e6 * 81) / 1e9
    assert found["mJ"] == f"{energy_mj:.1f}"
    assert one["overlapping_uj"] < one["energy_uj"]
    assert found["mJ, overlapping"] == f"{one['overlapping_uj'] / 1000:.1f}"
    assert (found["injected a tile"], found["most in a step"]) == ("40,000", "4,100")
    assert (found["us a step"], found["ms a tile"], found["s a section"]) == (
        "50",
        "10.00",
        "4.500",
    )
    assert found["mJ s"] == f"{energy_mj * 4.5:.2f}"
    assert "Of section 20, 21, 4 tiles of 64 pixels a section" in text
    assert "takes 0.2 to 1.0 mJ" in text and "0 pixels differ" in text
    assert text.endswith("Not there: levels3-seed0.\n")


def test_rows_that_are_made_are_not_made_again(networks, tmp_path, monkeypatch, capsys):
    started = []

    class Run:
        def __init__(self, command):
            name = command[-1]
            started.append(name)
            self.returncode = int(name == "levels3-seed1-ramp")
            if not self.returncode:
                (row,) = (
                    r for r in code_costs.rows_of(networks, ["ramp"], [1])[0] if r.name == name
                )
                one = code_costs.numbers(results()) | {"overlapping_pixels_that_differ": None}
                job = {"job": code_costs.job_of(row, "stack", "20:21")}
                write_json(tmp_path / "out" / code_costs.ROWS / f"{name}.json", job | one)

    monkeypatch.setattr(code_costs.subprocess, "run", Run)
    asked = ["--data", "stack", "--networks", str(networks), "--sections", "20:21", "--seeds", "1"]
    asked += ["--codes", "ramp", "--out", str(tmp_path / "out"), "--table", str(tmp_path / "t.md")]
    assert code_costs.main(asked) == 1
    assert started == ["levels2-seed1-ramp", "levels3-seed1-ramp"]
    assert "ended with an error: levels3-seed1-ramp" in capsys.readouterr().err
    assert code_costs.main(asked) == 1 and started[2:] == ["levels3-seed1-ramp"]
    assert "L = 2, ramp" in (tmp_path / "t.md").read_text()
    # Another network of the same name is another row.
    write_json(networks / "levels2-seed1" / code_costs.CHECKPOINT_FILE, {"sha256": "other"})
    code_costs.main(asked)
    assert started[3:] == ["levels2-seed1-ramp", "levels3-seed1-ramp"]
