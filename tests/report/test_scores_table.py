"""Tables of results: what stands in them, and that all results can be shown."""

from dataclasses import replace

import pytest

from loihiseg.report import tables
from loihiseg.report.tables import scores_table
from tests.results.examples import example, stopped, with_levels


def test_maps_as_they_are():
    table = scores_table(example())
    assert table.header[-2:] == ("V_Rand", "V_Info")
    assert table.rows[0][-2:] == ("0.960", "0.970") and table.note == "Whole sections."


def test_shifted_maps_stand_beside_them():
    table = scores_table(replace(example(), challenge_shift=2.4))
    assert table.header[-2:] == ("V_Rand,\nshifted", "V_Info,\nshifted")
    assert table.rows[0][-4:] == ("0.960", "0.970", "0.980", "0.990")
    assert len(table.rows[0]) == len(table.header) and "2.4 added to all logits" in table.note


RESULTS = {"rates": example(), "levels": with_levels(example()), "stopped": stopped(example())}


@pytest.mark.parametrize("results", RESULTS.values(), ids=list(RESULTS))
def test_rows_are_as_wide_as_their_headers(results):
    made = [
        scores_table(results),
        tables.layers_table(results),
        tables.precision_table(results.quantization, results.code.has_levels),
        tables.mapping_table(results),
        tables.allocators_table(results),
        tables.energy_table(results),
        tables.exit_table(results),
    ]
    assert (made.pop() is None) == (results.early_exit is None)
    for table in made:
        assert table.rows and {len(row) for row in table.rows} == {len(table.header)}


def test_what_early_exit_saves():
    rows = {name: cells for name, *cells in tables.exit_table(stopped(example())).rows}
    assert rows["steps"] == ["200.0", "8.0", "4.0%"]
    assert rows["energy, uJ, estimate"] == ["4,000.0", "1,000.0", "25.0%"]


def test_our_allocator_is_told_from_theirs_whatever_its_name():
    results = example()
    theirs, ours = results.mapping.allocators
    rows = (replace(theirs, name="partition"), replace(ours, name="ours"))
    table = tables.allocators_table(
        replace(results, mapping=replace(results.mapping, allocators=rows))
    )
    assert [row[0] for row in table.rows[:2]] == ["nengo-loihi's partition", "ours"]
