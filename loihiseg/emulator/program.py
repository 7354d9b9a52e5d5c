"""A discretized nengo-loihi model flattened to arrays.

nengo-loihi keeps a model as blocks, axons and synapse groups, and walks them object by object.
Here every compartment has a list of entries, one per axon it drives; an entry names a row of
weights and the compartment the row starts at; a row is a few runs of weights for compartments that
follow each other. Rows are shared: a convolution has one per kernel position and channel, wherever
it is used.

::

    compartment ─► entries (base, row) ─► runs (offset, length) ─► weights

Synapse groups that learn are left out: their weights change, and the reference code runs them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from loihiseg.emulator.flatten import RowTable, flatten_axons

if TYPE_CHECKING:
    from nengo_loihi.block import Compartment, LoihiBlock
    from nengo_loihi.builder import Model

FORMAT = 3
"""Version of the arrays below, and of the file that holds them."""

GRID = 128
"""Compartments that are skipped together when nothing happens to any of them; a power of two."""

SEGMENT_PARAMETERS = ("keep_u", "keep_v", "vth", "vmin", "vmax", "refractory")
"""Parameters that are equal for all compartments of a segment, in the order of its columns."""


@dataclass(frozen=True, eq=False)
class Program:
    """What the kernels run.

    Attributes
    ----------
    block_start : numpy.ndarray
        int64, (n_blocks + 1,): first compartment of each block.
    segment_start : numpy.ndarray
        int64, (n_segments + 1,): first compartment of each run of equal parameters.
    segment : numpy.ndarray
        int32, (n_segments, 6): see ``SEGMENT_PARAMETERS``; ``keep`` is what a decay leaves, of
        4096.
    bias : numpy.ndarray
        int32, (n_compartments,).
    noise_multiplier, noise_offset, noise_on_current : numpy.ndarray
        float64, int32, bool, (n_compartments,): noise per step is ``(r + offset) * multiplier``,
        r uniform in -127..127; added to the input or, where so marked, to the current.
    entry_start : numpy.ndarray
        int64, (n_compartments + 1,): first entry of each compartment.
    entries : numpy.ndarray
        int32, (n_entries, 2): compartment a row is laid at, and the row.
    input_start : numpy.ndarray
        int64, (n_inputs + 1,): first neuron of each host input.
    input_entry_start, input_entries : numpy.ndarray
        Entries of the host inputs' neurons, likewise.
    row_start : numpy.ndarray
        int64, (n_rows + 1,): first run of each row.
    runs : numpy.ndarray
        int32, (n_runs, 3): compartments from the row's base to the run, its first weight, and its
        length. What is read together lies together: spikes come from all over the model.
    weights : numpy.ndarray
        int16, or int32 where a weight needs it.
    """

    block_start: np.ndarray
    segment_start: np.ndarray
    segment: np.ndarray
    bias: np.ndarray
    noise_multiplier: np.ndarray
    noise_offset: np.ndarray
    noise_on_current: np.ndarray
    entry_start: np.ndarray
    entries: np.ndarray
    input_start: np.ndarray
    input_entry_start: np.ndarray
    input_entries: np.ndarray
    row_start: np.ndarray
    runs: np.ndarray
    weights: np.ndarray

    @property
    def n_compartments(self) -> int:
        """Compartments in all blocks."""
        return len(self.bias)

    @property
    def n_blocks(self) -> int:
        """Blocks, that is cores."""
        return len(self.block_start) - 1

    @property
    def has_noise(self) -> bool:
        """Whether any compartment is noisy."""
        return bool(self.noise_multiplier.any())

    @property
    def n_bytes(self) -> int:
        """Size of all arrays, in bytes."""
        return sum(getattr(self, f.name).nbytes for f in fields(self))

    @property
    def row_events(self) -> np.ndarray:
        """int64, (n_rows,): synaptic events that one use of each row is."""
        until = np.concatenate([[0], np.cumsum(self.runs[:, 2])])
        return until[self.row_start[1:]] - until[self.row_start[:-1]]


def compile_model(model: "Model") -> Program:
    """Flatten a built, discretized model.

    Parameters
    ----------
    model : nengo_loihi.builder.Model
        As ``nengo_loihi.Simulator(net, target="sim").model``.

    Returns
    -------
    Program

    Raises
    ------
    ValueError
        If the model is not discretized.
    """
    blocks = list(model.blocks)
    if any(block.compartment.vth.dtype != np.int32 for block in blocks):
        raise ValueError("model is not discretized; build it with target='sim'")
    sizes = [block.n_neurons for block in blocks]
    block_start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    start_of = {
        id(synapse): int(start)
        for block, start in zip(blocks, block_start)
        for synapse in block.synapses
    }
    rows = RowTable()
    entries = flatten_axons([(block.axons, block.n_neurons) for block in blocks], start_of, rows)
    inputs = list(model.inputs)
    input_sizes = [source.n_neurons for source in inputs]
    input_entries = flatten_axons(
        [(source.axons, source.n_neurons) for source in inputs], start_of, rows
    )
    row_start, runs, weights = rows.arrays()
    segment_start, segment = _segments(blocks, block_start)
    return Program(
        block_start=block_start,
        segment_start=segment_start,
        segment=segment,
        bias=_joined(blocks, lambda c: c.bias, np.int32),
        **_noise(blocks),
        entry_start=entries.start,
        entries=entries.table,
        input_start=np.concatenate([[0], np.cumsum(input_sizes)]).astype(np.int64),
        input_entry_start=input_entries.start,
        input_entries=input_entries.table,
        row_start=row_start,
        runs=runs,
        weights=weights,
    )


def _joined(
    blocks: "Sequence[LoihiBlock]", value: "Callable[[Compartment], np.ndarray]", dtype: type
) -> np.ndarray:
    """One value per compartment, whether a block keeps one or one per compartment."""
    if not blocks:
        return np.zeros(0, dtype)
    return np.concatenate(
        [
            np.broadcast_to(np.asarray(value(b.compartment)).astype(dtype), b.n_neurons)
            for b in blocks
        ]
    )


def _segments(
    blocks: "Sequence[LoihiBlock]", block_start: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Cut at each compartment whose parameters differ from the one before, and between blocks."""
    full = 2**12
    columns = np.stack(
        [
            # The chip adds 1 to the decay of the current.
            full - 1 - _joined(blocks, lambda c: c.decay_u, np.int64),
            full - _joined(blocks, lambda c: c.decay_v, np.int64),
            _joined(blocks, lambda c: c.vth, np.int64),
            _joined(blocks, lambda c: c.vmin, np.int64),
            _joined(blocks, lambda c: c.vmax, np.int64),
            _joined(blocks, lambda c: c.refract_delay, np.int64),
        ],
        axis=1,
    ).astype(np.int32)
    cuts = np.flatnonzero((columns[1:] != columns[:-1]).any(axis=1)) + 1
    start = np.unique(np.concatenate([block_start, cuts])).astype(np.int64)
    return start, np.ascontiguousarray(columns[start[:-1]])


def _noise(blocks: "Sequence[LoihiBlock]") -> dict[str, np.ndarray]:
    enabled = _joined(blocks, lambda c: c.enable_noise, bool)
    exponent = _joined(blocks, lambda c: c.noise_exp, np.int32)
    return {
        "noise_multiplier": np.where(enabled, 2.0 ** (exponent - 7), 0.0),
        "noise_offset": _joined(blocks, lambda c: c.noise_offset, np.int32) * np.int32(64),
        "noise_on_current": _joined(blocks, lambda c: c.noise_at_membrane, bool),
    }
