"""A small program made by hand, with everything that a program can have but noise."""

import numpy as np

from loihiseg.emulator.flatten import RowTable
from loihiseg.emulator.presenter import Deployable
from loihiseg.emulator.program import Program

SIZES = (5, 9, 4)
"""Compartments of the blocks; each hears those before it."""

N_INPUTS = (3, 2)
"""Neurons of the host inputs, which the first two blocks hear."""


def small_program(seed: int = 0) -> Deployable:
    """Three blocks in a row, all kinds of compartments, rows of one and of two runs."""
    rng = np.random.default_rng(seed)
    block_start = np.concatenate([[0], np.cumsum(SIZES)]).astype(np.int64)
    n = int(block_start[-1])
    rows = RowTable()
    speak = [block + 1 for block in (0, 1) for _ in range(SIZES[block])]
    chip = [_entry(rng, rows, block_start, block) for block in speak] + [[]] * SIZES[2]
    heard = [block for block in (0, 1) for _ in range(N_INPUTS[block])]
    host = [_entry(rng, rows, block_start, block) for block in heard]
    row_start, runs, weights = rows.arrays()
    segment = [
        [0, 4096, 6400, 0, 2**23 - 1, 1],
        [0, 4096, 6400, 0, 2**23 - 1, 1],
        [3000, 3900, 6400, -1023, 2**19 - 1, 3],
        [0, 4096, 12800, 0, 2**23 - 1, 2],
    ]
    program = Program(
        block_start=block_start,
        segment_start=np.array([0, 5, 10, 14, 18], np.int64),
        segment=np.array(segment, np.int32),
        bias=rng.integers(-500, 3000, n).astype(np.int32),
        noise_multiplier=np.zeros(n),
        noise_offset=np.zeros(n, np.int32),
        noise_on_current=np.zeros(n, bool),
        **dict(zip(("entry_start", "entries"), _flat(chip), strict=True)),
        input_start=np.concatenate([[0], np.cumsum(N_INPUTS)]).astype(np.int64),
        **dict(zip(("input_entry_start", "input_entries"), _flat(host), strict=True)),
        row_start=row_start,
        runs=runs,
        weights=weights,
    )
    places = {"first": np.arange(5)[::-1].copy(), "second/ü": np.arange(5, 14)}
    return Deployable(program, places, ("stem", "stem"))


def _entry(
    rng: np.random.Generator, rows: RowTable, block_start: np.ndarray, block: int
) -> list[tuple[int, int]]:
    """One or two entries that lead to a block."""
    first, size = int(block_start[block]), SIZES[block]
    found = []
    for _ in range(int(rng.integers(1, 3))):
        base = int(rng.integers(size))
        targets = np.flatnonzero(rng.random(size - base) < 0.7)
        weights = rng.integers(-200, 256, len(targets)).astype(np.int32) * 64
        found.append((first + base, rows.row(targets, weights)))
    return found


def _flat(entries: list[list[tuple[int, int]]]) -> tuple[np.ndarray, np.ndarray]:
    start = np.concatenate([[0], np.cumsum([len(one) for one in entries])]).astype(np.int64)
    table = [pair for one in entries for pair in one]
    return start, np.array(table, np.int32).reshape(-1, 2)
