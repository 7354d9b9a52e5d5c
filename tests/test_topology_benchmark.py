"""The table of what networks join and cut, from runs that are there."""

import json

import pytest

from benchmarks.topology import SHOWN, table_of


def run(folder, name, v_rand, iou=0.7, flooded=False):
    """A run whose scores are the same number in all but V_Rand, which is given by section.

    What is flooded has the same scores.
    """
    sections = [dict.fromkeys(SHOWN, 0.25) | {"v_rand": value} for value in v_rand]
    threshold = {"logit": -1.0, "score": 0.9, "by_block": [-2.0, -1.0], "is_at_end": False}
    one = {"threshold": threshold, "sections": sections}
    rows = [
        {"network": network, "pixel": {"accuracy": 0.925, "membrane_iou": iou}}
        for network in ("trained", "emulated")
    ]
    metrics = {
        "topology": {"floats": one, "chip": one} | ({"flooded": one} if flooded else {}),
        "orientations": int(name.rpartition("-x")[2]),
        "score_rows": rows,
        "per_section": {"energy_uj": 61_000.0},
    }
    (folder / name).mkdir()
    (folder / name / "metrics.json").write_text(json.dumps(metrics))
    return folder / name


def cells(table):
    lines = [line[2:-2].split(" | ") for line in table.splitlines()]
    return {(row[0], row[1], row[2]): dict(zip(lines[0], row)) for row in lines[2:]}


def test_means_of_seeds_and_differences_by_section(tmp_path):
    runs = [
        run(tmp_path, "old-x1", [0.9, 0.8]),
        run(tmp_path, "new-seed0-x1", [0.94, 0.86], 0.70),
        run(tmp_path, "new-seed1-x1", [0.96, 0.88], 0.72),
        run(tmp_path, "new-seed1-x4", [0.99, 0.99]),
    ]
    found = cells(table_of(runs, ["old"], ("new-seed0", "new-seed1")))
    mean = found["mean of 2", "on the chip", "1"]
    # 0.95 and 0.87 by section.
    assert mean["V_Rand"].startswith("0.910 (0.870 to 0.950)")
    assert mean["IoU of pixels"] == "0.710" and mean["mJ a section"] == "61.0"
    more = found["mean of 2", "on the chip, more than old", "1"]
    assert more["V_Rand"].startswith("+0.060 (+0.050 to +0.070)")
    assert mean["VOI"].startswith("0.500") and mean["VOI split"].startswith("0.250")
    assert more["membrane IoU"].startswith("+0.000") and more["mJ a section"] == ""
    turned = found["new-seed1", "on the chip, more than old", "4"]
    assert turned["V_Rand"].startswith("+0.140")
    assert ("mean of 2", "on the chip", "4") not in found
    assert not any(name == "old" and "more than old" in way for name, way, _ in found)


def test_what_is_flooded_has_rows_of_its_own(tmp_path):
    runs = [
        run(tmp_path, "old-x1", [0.8, 0.8]),
        run(tmp_path, "a-x1", [0.9, 0.9], flooded=True),
        run(tmp_path, "b-x1", [0.7, 0.7], flooded=True),
    ]
    found = cells(table_of(runs, ["old"], ["a", "b"]))
    assert found["mean of 2", "on the chip, flooded", "1"]["V_Rand"].startswith("0.800")
    assert found["a", "on the chip, flooded, more than old", "1"]["V_Rand"].startswith("+0.100")
    less = "on the chip, flooded, more than on the chip"
    assert ("a", less, "1") in found and ("old", less, "1") not in found


def test_less_than_the_mean_of_several(tmp_path):
    runs = [run(tmp_path, f"{name}-x1", [v, v]) for name, v in (("a", 0.8), ("b", 0.9), ("c", 0.9))]
    found = cells(table_of(runs, ["a", "b"]))
    assert found["c", "on the chip, more than the mean of a, b", "1"]["V_Rand"].startswith("+0.050")


@pytest.mark.parametrize("beside", [(), ("old",)])
def test_a_network_by_itself(tmp_path, beside):
    found = cells(table_of([run(tmp_path, "old-x1", [0.9, 0.8])], beside))
    assert set(found) == {
        ("old", way, "1")
        for way in ("in floats", "on the chip", "on the chip, more than in floats")
    }
