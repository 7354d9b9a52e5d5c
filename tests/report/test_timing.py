"""Tables of time."""

from loihiseg.report import tables, timing
from tests.results.examples import example, timed


def test_what_was_not_worked_out_is_not_shown():
    assert timing.times_table(example()) is None
    assert timing.injection_table(example()) is None


def test_times():
    table = timing.times_table(timed(example()))
    assert table.rows == (
        ("by counts", "50.0", "10.00", "7.50", "4.500", "3.250", "40.00", "2,080"),
    )
    assert len(table.header) == len(table.rows[0])
    assert "busiest core 40.0 us (at most 90.0), the longest in 75% of the steps" in table.note
    assert "has 200 steps; the next may follow every 150." in table.note
    alone = timing.times_table(timed(example(), None))
    assert alone.rows[0][3:6] == ("-", "4.500", "-") and "waits for the end" in alone.note


def test_injected_spikes():
    table = timing.injection_table(timed(example()))
    assert table.rows[1] == ("clocks", "10,000", "50", "4,000")
    assert table.rows[2] == ("both", "40,000", "200", "4,100")


def test_accelerators_stand_beside_the_chip():
    rows = tables.energy_table(timed(example())).rows
    assert rows[-1] == ("energy, accelerator", "20.0 uJ", "estimate")
