"""Programs that a kernel must not see: each thing that it relies on, broken by itself."""

from dataclasses import replace

import numpy as np
import pytest

from loihiseg.emulator.blockwise import block_order
from loihiseg.emulator.validation import PROGRAM_SCHEMA, check_fits, check_places, check_program
from loihiseg.errors import InputError
from tests.programs import SIZES, small_program


@pytest.fixture
def program():
    return small_program().program


def test_good_ones(program):
    check_program(program)
    n = program.n_compartments
    check_places(small_program().places, n)


def broken(program, name, change):
    array = getattr(program, name).copy()
    return replace(program, **{name: change(array)})


def put(index, value):
    def change(array):
        array[index] = value
        return array

    return change


CASES = [
    ("block_start", put(1, 99), "block_start: .2. is 14, below 99"),
    ("block_start", put(1, 0), "block_start, lengths: .0. is 0"),
    ("block_start", put(1, 6), "no segment starts at 6, where block 1 does"),
    ("segment_start", put(1, 0), "segment_start, lengths"),
    ("segment", put((1, 0), 4097), "segment, column 0: .1. is 4097"),
    ("segment", put((1, 1), -1), "segment, column 1: .1. is -1"),
    ("segment", put((1, 2), -1), "threshold"),
    ("segment", put((1, 3), 1), "lowest voltage"),
    ("segment", put((1, 3), -(2**31)), "lowest voltage"),
    ("segment", put((1, 4), 2**23), "highest voltage"),
    ("segment", put((1, 5), 64), "refractory"),
    ("bias", put(3, 2**20), "bias: .3. is 1048576"),
    ("noise_multiplier", put(3, np.nan), "noise_multiplier: .3. is nan"),
    ("noise_offset", put(3, 2**20), "noise_offset"),
    ("entry_start", put(3, -1), "entry_start: .3. is -1, below"),
    ("entry_start", put(-1, 2**40), "entry_start"),
    ("entries", put((2, 0), -1), "entries, column 0: .2. is -1"),
    ("entries", put((2, 0), 18), "entries, column 0: .2. is 18, expected 0 to 17"),
    ("entries", put((2, 1), -1), "entries, column 1"),
    ("entries", put((2, 1), 10**6), "entries, column 1"),
    ("input_entries", put((1, 0), 99), "input_entries, column 0"),
    ("input_start", put(1, 77), "input_start"),
    ("input_entry_start", put(1, 77), "input_entry_start"),
    ("row_start", put(1, 77), "row_start"),
    ("runs", put((0, 0), -1), "runs, column 0"),
    ("runs", put((0, 1), -1), "runs, column 1"),
    ("runs", put((0, 2), 0), "runs, column 2: .0. is 0, expected 1"),
    ("runs", put((0, 2), 2**31 - 1), "runs, column 2"),
    ("runs", put((-1, 2), 5000), "runs, last weight"),
    ("runs", lambda a: np.repeat(a, 2, axis=0)[: len(a)], "begins before"),
    ("weights", lambda a: a.astype(np.int32) * 1000, "weights: .* expected -2097152 to 2097152"),
    ("weights", lambda a: a[:-1], "expected 0 to "),
    ("weights", lambda a: a.astype(np.float32), "weights has type float32"),
    ("bias", lambda a: a[:-1], "has shape"),
]


@pytest.mark.parametrize("name, change, says", CASES)
def test_each_rule(program, name, change, says):
    with pytest.raises(ValueError, match=says) as error:
        check_program(broken(program, name, change))
    assert "\n" not in str(error.value)


def test_each_array_has_a_case():
    assert {name for name, *_ in CASES} >= set(PROGRAM_SCHEMA) - {"noise_on_current"}


@pytest.mark.parametrize("name", ["entries", "input_entries"])
def test_no_row_reaches_out_of_its_block(program, name):
    """The last compartment of a block is no place for a row of two, nor is that of the last."""
    long_rows = np.flatnonzero(program.row_events > 1)
    for block_end in np.cumsum(SIZES):
        table = getattr(program, name).copy()
        table[0] = block_end - 1, long_rows[0]
        with pytest.raises(ValueError, match="its block ends at"):
            check_program(replace(program, **{name: table}))


def test_places(program):
    with pytest.raises(ValueError, match=r"\[1\] is 18"):
        check_places({"a": np.array([0, 18])}, 18)
    with pytest.raises(ValueError, match="compartment 3 is the place of more than one"):
        check_places({"a": np.array([0, 3]), "b": np.array([3])}, 18)
    check_places({}, 0)


def test_program_of_another_network():
    deployable = small_program()
    shapes = {"first": (1, 1, 5), "second/ü": (3, 3, 1), "stem": (1, 1, 3)}
    with pytest.raises(InputError, match="layer 'stem' of 2 neurons, the network has 3"):
        check_fits(deployable, shapes)
    one = replace(deployable, input_sources=("stem", "other"))
    check_fits(one, shapes | {"other": (1, 2, 1)})
    with pytest.raises(InputError, match="no such layer"):
        check_fits(one, shapes)


def chain(n_blocks):
    """Blocks of one compartment, each hearing the one before."""
    program = small_program().program
    n = np.arange(n_blocks, dtype=np.int64)
    entries = np.stack([n[1:], np.zeros(n_blocks - 1, int)], axis=1).astype(np.int32)
    return replace(
        program,
        block_start=np.arange(n_blocks + 1, dtype=np.int64),
        bias=np.zeros(n_blocks, np.int32),
        entry_start=np.minimum(np.arange(n_blocks + 1), n_blocks - 1),
        entries=entries,
        segment_start=np.arange(n_blocks + 1, dtype=np.int64),
        input_entries=np.zeros((0, 2), np.int32),
    )


def test_long_chains_run_step_by_step():
    """Block by block they would take one turn per block, and tables that grow with the links."""
    assert len(block_order(chain(900)).levels) == 900
    assert block_order(chain(30_000)) is None


def test_tables_of_links_have_a_limit(monkeypatch):
    monkeypatch.setattr("loihiseg.emulator.blockwise.MOST_LINK_NEURONS", 5)
    assert block_order(small_program().program) is None
