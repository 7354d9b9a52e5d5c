"""Tables of results: what stands in them, and that all results can be shown."""

import io
from dataclasses import replace

import pytest

from loihiseg.report import tables
from loihiseg.report.baseline import below_all_cell, trained_below_all_cell
from loihiseg.report.page import page_html
from loihiseg.report.tables import Table, scores_table
from loihiseg.results import HostLayer, LayerWork
from partition.display.terminal import Console
from tests.results.examples import example, stopped, with_levels


def test_maps_as_they_are():
    table = scores_table(example())
    assert table.header[-2:] == ("V_Rand", "V_Info")
    assert table.rows[0][-2:] == ("0.960", "0.970")
    assert table.note.startswith("Whole sections. V_Rand is that of the challenge's last threshold")
    assert "in all rows" in table.note


def test_the_end_of_the_challenge_s_thresholds_is_told():
    rows = [
        replace(row, challenge=replace(row.challenge, v_rand_threshold=0.9 * (place == 0)))
        for place, row in enumerate(example().score_rows)
    ]
    note = scores_table(replace(example(), score_rows=tuple(rows))).note
    assert f"in 1 of {len(rows)} rows" in note and "0.9" in note
    none = [replace(row, challenge=replace(row.challenge, v_rand_threshold=0.5)) for row in rows]
    assert scores_table(replace(example(), score_rows=tuple(none))).note == "Whole sections."


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


def test_what_the_host_computes_is_listed():
    assert tables.host_table(example()) is None
    rows = (
        HostLayer("stem_spikes", "before", 9_216, 1_024),
        HostLayer("logit", "after", 2_048, 0),
    )
    table = tables.host_table(replace(example(), host_layers=rows))
    assert table.rows == (
        ("stem", "before the chip", "9,216", "1,024"),
        ("logit", "behind the chip", "2,048", "0"),
        ("all", "", "11,264", "1,024"),
    )
    assert table.warning == ""
    hidden = HostLayer("conv2d_2", "after", 110_592, 2_048, True)
    table = tables.host_table(replace(example(), host_layers=(*rows, hidden)))
    assert table.rows[2] == ("conv2d_2", "behind the chip, a hidden layer", "110,592", "2,048")
    assert table.warning.startswith("1 hidden layer runs on the host")


def test_what_the_host_takes_stands_beside_the_chip():
    results = example()
    (loihi, *others) = results.energy
    table = tables.energy_table(results)
    assert not any("host" in row[0] for row in table.rows)
    loihi = replace(loihi, host_uj=6000.0, host="cpu")
    table = tables.energy_table(replace(results, energy=(loihi, *others)))
    rows = {name: cell for name, cell, _ in table.rows}
    assert rows["energy, loihi"] == "4,000.0 uJ"
    assert rows["energy, loihi and what the host computes (cpu)"] == "10,000.0 uJ"


def test_work_by_layer():
    results = example()
    assert tables.work_table(results) is None
    (layer,) = results.layers
    layers = (
        replace(layer, work=LayerWork(12_800, 640, 4_000, 30.0)),
        replace(layer, layer="b", work=LayerWork(6_400, 80, 1_000, 10.0)),
    )
    table = tables.work_table(replace(results, layers=layers))
    assert table.rows == (
        ("a", "1,600", "80", "500", "30.00", "75.0%"),
        ("b", "800", "10", "125", "10.00", "25.0%"),
    )
    assert len(table.header) == 6


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


def scored(row, accuracy, all_cell, recall=0.5):
    pixel = replace(
        row.pixel, accuracy=accuracy, all_cell_accuracy=all_cell, membrane_recall=recall
    )
    return replace(row, pixel=pixel)


def test_networks_worse_than_none_are_called_so():
    results = example()
    first, *_, last = results.score_rows
    rows = (scored(first, 0.751, 0.794), scored(last, 0.794, 0.794, recall=0.0))
    table = scores_table(replace(results, score_rows=rows))
    assert table.warning == (
        "Below all cell: calling every pixel cell is right in 79.40% of the pixels (whole "
        f"sections); {first.name} in 75.10%; {last.name} in 79.40%, the same answer."
    )
    out = io.StringIO()
    tables.print_table(table, Console(file=out, width=120))
    assert table.warning in out.getvalue()


def test_networks_better_than_none_are_not():
    results = example()
    rows = (
        scored(results.score_rows[0], 0.80001, 0.8),
        scored(results.score_rows[0], 0.8, 0.8),  # As good, in other pixels.
        scored(results.score_rows[0], 1.0, 1.0, recall=0.0),  # Nothing is there to be found.
    )
    assert scores_table(replace(results, score_rows=rows)).warning == ""
    assert scores_table(replace(results, score_rows=())).warning == ""


def test_numbers_that_differ_are_told_apart():
    row = scored(example().score_rows[0], 0.79399, 0.794)
    assert "is right in 79.4000% of the pixels (whole sections); trained in 79.3990%." in (
        below_all_cell([row])
    )


def test_sections_and_tiles_have_their_own_numbers():
    row = example().score_rows[0]
    tiles = replace(scored(row, 0.5, 0.6), pixels="8 tiles")
    assert below_all_cell([scored(row, 0.7, 0.8), tiles]) == (
        "Below all cell: calling every pixel cell is right in 80.00% of the pixels (whole "
        "sections); trained in 70.00%. And calling every pixel cell is right in 60.00% of the "
        "pixels (8 tiles); trained in 50.00%."
    )


@pytest.mark.parametrize(
    "accuracy, says",
    [
        (0.9, ""),
        (0.8, ""),
        (0.7, "right in 80.00% of the pixels (validation sections); the network in 70.00%."),
    ],
)
def test_a_training_worse_than_none_is_called_so(accuracy, says):
    said = trained_below_all_cell(accuracy, 0.8)
    assert (says in said) if says else said == ""


def test_the_page_shows_a_warning():
    table = Table("Scores", ("a",), (("1",),), "A note.", warning="Below <all> cell.")
    text = page_html("A run", [table], {})
    assert '<p class="warning">Below &lt;all&gt; cell.</p>' in text
    text = page_html("A run", [replace(table, warning="")], {})
    assert '<p class="warning">' not in text
