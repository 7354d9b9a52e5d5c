"""What a program from a file must be before a kernel sees it.

The kernels are compiled without bounds checks: an index that points outside is a crash, or another
program's memory. So everything that they rely on is checked here, value by value, and the numbers
of the chip's registers besides: parameters beyond them are no chip's, and 32-bit sums of what lies
within them wrap only where nengo-loihi's own do. The work is a few passes over the arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from loihiseg.emulator.program import Program
from loihiseg.errors import InputError
from loihiseg.storage.schema import ArraySchema, Values, check_arrays, check_range

if TYPE_CHECKING:
    from loihiseg.emulator.presenter import Deployable

MOST_BLOCKS = 2**15
"""Cores of 256 chips; a presentation keeps one number per block and step."""

MOST_PER_BLOCK = 2**13
"""Compartments of a block. A core of Loihi 1 has 1,024, one of Loihi 2 8,192."""

_MOST = {"n_blocks": MOST_BLOCKS, "n_inputs": 10_000}
"""Other sizes are those of arrays that are there."""

# Registers as nengo_loihi.builder.discretize and nengo_loihi.hardware.nxsdk_objects have them.
_DECAY = 2**12
_THRESHOLD = (2**17 - 1) * 2**6
_LOWEST_VOLTAGE, _HIGHEST_VOLTAGE = -(2**31) + 1, 2**23 - 1
_REFRACTORY = 63
_BIAS = (2**12 - 1) * 2**7
_WEIGHT = 2**8 * 2**13
_NOISE, _NOISE_OFFSET = 2.0**16, 2**13

_SEGMENT = (
    Values(0, _DECAY, what="what a decay leaves of the current, of 4096"),
    Values(0, _DECAY, what="what a decay leaves of the voltage, of 4096"),
    Values(0, _THRESHOLD, what="threshold"),
    Values(_LOWEST_VOLTAGE, 0, what="lowest voltage"),
    Values(0, _HIGHEST_VOLTAGE, what="highest voltage"),
    Values(0, _REFRACTORY, what="refractory steps"),
)
_ENTRY = (Values(index_into="n_compartments"), Values(index_into="n_rows"))
_RUN = (
    Values(0, MOST_PER_BLOCK - 1, what="compartments from a row's base"),
    Values(index_into="n_weights"),
    Values(1, MOST_PER_BLOCK, what="length"),
)

PROGRAM_SCHEMA = {
    "block_start": ArraySchema(("int64",), ("n_blocks + 1",), starts_of="n_compartments"),
    "segment_start": ArraySchema(("int64",), ("n_segments + 1",), starts_of="n_compartments"),
    "segment": ArraySchema(("int32",), ("n_segments", 6), _SEGMENT),
    "bias": ArraySchema(("int32",), ("n_compartments",), Values(-_BIAS, _BIAS)),
    "noise_multiplier": ArraySchema(("float64",), ("n_compartments",), Values(0, _NOISE)),
    "noise_offset": ArraySchema(
        ("int32",), ("n_compartments",), Values(-_NOISE_OFFSET, _NOISE_OFFSET)
    ),
    "noise_on_current": ArraySchema(("bool",), ("n_compartments",)),
    "entry_start": ArraySchema(("int64",), ("n_compartments + 1",), starts_of="n_entries"),
    "entries": ArraySchema(("int32",), ("n_entries", 2), _ENTRY),
    "input_start": ArraySchema(("int64",), ("n_inputs + 1",), starts_of="n_input_neurons"),
    "input_entry_start": ArraySchema(
        ("int64",), ("n_input_neurons + 1",), starts_of="n_input_entries"
    ),
    "input_entries": ArraySchema(("int32",), ("n_input_entries", 2), _ENTRY),
    "row_start": ArraySchema(("int64",), ("n_rows + 1",), starts_of="n_runs"),
    "runs": ArraySchema(("int32",), ("n_runs", 3), _RUN),
    "weights": ArraySchema(("int16", "int32"), ("n_weights",), Values(-_WEIGHT, _WEIGHT)),
}
"""Every array of a `Program`."""

assert tuple(PROGRAM_SCHEMA) == tuple(field.name for field in fields(Program))


def check_program(program: Program) -> None:
    """That the kernels can run a program: every index, length, kind of number and parameter.

    Raises
    ------
    ValueError
        In one line: the array, the first index at which it is wrong, and what was expected.
    """
    arrays = {name: getattr(program, name) for name in PROGRAM_SCHEMA}
    check_arrays(arrays, PROGRAM_SCHEMA, _MOST)
    check_range(
        "block_start, lengths", np.diff(program.block_start), 1, MOST_PER_BLOCK, "compartments"
    )
    _check_segments(program)
    extent = _row_extents(program)
    for name in ("entries", "input_entries"):
        _check_rows_fit(name, getattr(program, name), program.block_start, extent)


def check_places(places: dict[str, np.ndarray], n_compartments: int) -> None:
    """That each neuron has a compartment of its own.

    Raises
    ------
    ValueError
        As `check_program`.
    """
    schema = ArraySchema(("int64",), ("n_neurons",), Values(0, n_compartments - 1, what="place"))
    for name, array in places.items():
        label = f"place of {name[:60]!a}"
        check_arrays({label: array}, {label: schema})
    taken = np.bincount(np.concatenate([np.zeros(0, np.int64), *places.values()]))
    if taken.max(initial=0) > 1:
        raise ValueError(f"compartment {int(taken.argmax())} is the place of more than one neuron")


def check_fits(deployable: Deployable, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """That a program is one of a network: its layers and inputs are the network's, size by size.

    Parameters
    ----------
    deployable : Deployable
    shapes : dict of str to tuple of int
        (rows, columns, channels) of every layer of the network.

    Raises
    ------
    InputError
        Names the first layer that differs.
    """
    sizes = {name: int(np.prod(shape)) for name, shape in shapes.items()}
    parts = {name: len(places) for name, places in deployable.places.items()}
    inputs = zip(deployable.input_sources, np.diff(deployable.program.input_start), strict=True)
    for name, size in (*parts.items(), *inputs):
        if sizes.get(name) != size:
            raise InputError(
                f"program: layer {name[:60]!a} of {size} neurons, the network has "
                f"{sizes.get(name, 'no such layer')}; compile the program again"
            )


def _check_segments(program: Program) -> None:
    lengths = np.diff(program.segment_start)
    check_range("segment_start, lengths", lengths, 1, np.inf, "compartments")
    starts = program.segment_start
    found = starts[np.minimum(np.searchsorted(starts, program.block_start), len(starts) - 1)]
    if not np.array_equal(found, program.block_start):
        block = int((found != program.block_start).argmax())
        raise ValueError(
            f"array segment_start: no segment starts at {program.block_start[block]}, where block "
            f"{block} does"
        )


def _row_extents(program: Program) -> np.ndarray:
    """Compartments from the base of each row to behind its last; rows' runs are checked on the way.

    Within a row runs go up and do not overlap, so that no message costs more than its block.
    """
    offset, first, length = program.runs.astype(np.int64).T
    check_range("runs, last weight", first + length, 0, len(program.weights), "weights")
    end = offset + length
    row = np.repeat(np.arange(len(program.row_start) - 1), np.diff(program.row_start))
    overlaps = (row[1:] == row[:-1]) & (offset[1:] < end[:-1])
    if overlaps.any():
        at = int(overlaps.argmax()) + 1
        raise ValueError(f"array runs: [{at}] of row {row[at]} begins before the one before ends")
    extent = np.zeros(len(program.row_start) - 1, np.int64)
    filled = np.diff(program.row_start) > 0
    # Runs go up: the last of a row reaches furthest.
    extent[filled] = end[program.row_start[1:][filled] - 1]
    return extent


def _check_rows_fit(
    name: str, entries: np.ndarray, block_start: np.ndarray, extent: np.ndarray
) -> None:
    """That no row reaches out of the block that it is laid in."""
    if not len(entries):
        return
    # The block's end of every compartment: faster than a search for every entry.
    end_of = np.repeat(block_start[1:], np.diff(block_start))
    base, row = entries[:, 0], entries[:, 1]
    outside = base + extent[row] > end_of[base]
    if outside.any():
        at = int(outside.argmax())
        raise ValueError(
            f"array {name}: [{at}] lays row {row[at]}, {extent[row[at]]} compartments, at "
            f"{base[at]}; its block ends at {end_of[base[at]]}"
        )
