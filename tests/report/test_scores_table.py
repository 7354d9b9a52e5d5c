import pytest

from loihiseg.report.tables import scores_table


@pytest.fixture
def metrics():
    stage = {
        "name": "trained",
        "pixels": "whole sections",
        "pixel": {
            "accuracy": 0.92,
            "all_cell_accuracy": 0.79,
            "membrane_iou": 0.68,
            "membrane_f1": 0.81,
        },
        "challenge": {"v_rand": 0.97, "v_info": 0.975},
        "challenge_shifted": {"v_rand": 0.96, "v_info": 0.965},
    }
    return {"stages": [stage], "scored_note": "Whole sections.", "challenge_shift": 0.0}


def test_maps_as_they_are(metrics):
    table = scores_table(metrics)
    assert table.header[-2:] == ("V_Rand", "V_Info")
    assert table.rows[0][-2:] == ("0.970", "0.975") and table.note == "Whole sections."


def test_shifted_maps_stand_beside_them(metrics):
    table = scores_table(metrics | {"challenge_shift": 2.4})
    assert table.header[-2:] == ("V_Rand,\nshifted", "V_Info,\nshifted")
    assert table.rows[0][-4:] == ("0.970", "0.975", "0.960", "0.965")
    assert len(table.rows[0]) == len(table.header) and "2.4 added to all logits" in table.note
