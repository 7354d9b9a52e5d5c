"""The benchmark of networks over time: its configurations and its table; nothing is trained."""

from dataclasses import asdict

import pytest

from benchmarks.through_time import NORMALIZATIONS, RESIDUALS, Case, Row, configuration, rows, table
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
    found = rows(tmp_path)
    assert len(found) == 2
    last = table(found).splitlines()[-1]
    assert last == "| tiny | shift | 0 | 4 | 5 | 2 | 0.550 (0.500 to 0.600) | 90.00% | 0.70 | 60 |"


def test_more_blocks_are_a_case_of_their_own():
    one, two = (Case("membrane", "tiny", 4, 0, 5, blocks) for blocks in (1, 2))
    assert one.file == "tiny-membrane-T4-5epochs-seed0.json"
    assert two.file == "tiny-membrane-2blocks-T4-5epochs-seed0.json"
    assert configuration(two).network.convs_down == (5, 4)
