"""One presentation of an image to a program: the kernels called in the right order.

Programs whose blocks hear no echo of themselves run block by block (`loihiseg.emulator.blockwise`),
all others step by step (`loihiseg.emulator.kernels.run`). Both give the same integers.
"""

from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from loihiseg.emulator import kernels
from loihiseg.emulator.blockwise import Order, host_messages, run_blocks
from loihiseg.emulator.program import Program


@dataclass(frozen=True, eq=False)
class Counts:
    """What a presentation counted.

    Attributes
    ----------
    spikes, window_spikes : numpy.ndarray
        int32, (n_compartments,): over all steps, and over the window at the end.
    spikes_per_step, messages_per_step, synaptic_events_per_step : numpy.ndarray
        int64, (n_steps,).
    overflow : int
        Bits that say which quantity overflowed; see `kernels.overflow_names`.
    raster : numpy.ndarray or None
        bool, (n_steps, n_recorded): spikes of the compartments that were asked for.
    block_spikes : numpy.ndarray or None
        int64, (n_blocks, n_steps): spikes of each block; None of a program that runs step by step.
    """

    spikes: np.ndarray
    window_spikes: np.ndarray
    spikes_per_step: np.ndarray
    messages_per_step: np.ndarray
    synaptic_events_per_step: np.ndarray
    overflow: int
    raster: np.ndarray | None = None
    block_spikes: np.ndarray | None = None


def present(
    program: Program,
    order: Order | None,
    step_start: np.ndarray,
    input_spikes: np.ndarray,
    n_window_steps: int,
    pool: Executor | None = None,
    n_parts: int = 1,
    recorded: np.ndarray | None = None,
) -> Counts:
    """Run a program without noise from rest.

    Parameters
    ----------
    program : Program
    order : Order or None
        As ``block_order(program)`` returns it.
    step_start : numpy.ndarray
        int64, (n_steps + 1,).
    input_spikes : numpy.ndarray
        int32; ``input_spikes[step_start[t] : step_start[t + 1]]`` are the host neurons that spike
        at step t + 1, and reach the chip a step later.
    n_window_steps : int
        The last so many steps are the window.
    pool : concurrent.futures.Executor, optional
        Runs blocks of one level side by side, in ``n_parts`` parts.
    n_parts : int
    recorded : numpy.ndarray, optional
        int64: compartments whose spikes are wanted step by step.

    Returns
    -------
    Counts

    Raises
    ------
    ValueError
        If compartments of a program that runs step by step are to be recorded.
    """
    if order is None:
        if recorded is not None:
            raise ValueError("spikes of a program with loops are not recorded")
        return _step_by_step(program, step_start, input_spikes, n_window_steps)
    return _block_by_block(
        program, order, step_start, input_spikes, n_window_steps, pool, max(n_parts, 1), recorded
    )


def _step_by_step(
    program: Program, step_start: np.ndarray, input_spikes: np.ndarray, n_window_steps: int
) -> Counts:
    n, n_steps = program.n_compartments, len(step_start) - 1
    spikes, window = np.zeros(n, np.int32), np.zeros(n, np.int32)
    current_in, current, voltage, refractory = np.zeros((4, n), np.int32)
    n_spikes, n_messages, n_events = np.zeros((3, n_steps), np.int64)
    overflow = kernels.run(
        n_steps,
        n_steps - n_window_steps,
        program.segment_start,
        program.segment,
        program.bias,
        program.entry_start,
        program.entries,
        program.input_entry_start,
        program.input_entries,
        program.row_start,
        program.runs,
        program.weights,
        step_start,
        input_spikes,
        current_in,
        current,
        voltage,
        refractory,
        np.zeros(n, bool),
        spikes,
        window,
        n_spikes,
        n_messages,
        n_events,
    )
    return Counts(spikes, window, n_spikes, n_messages, n_events, overflow)


def _block_by_block(
    program: Program,
    order: Order,
    step_start: np.ndarray,
    input_spikes: np.ndarray,
    n_window_steps: int,
    pool: Executor | None,
    n_parts: int,
    recorded: np.ndarray | None,
) -> Counts:
    n, n_steps = program.n_compartments, len(step_start) - 1
    spikes, window = np.zeros(n, np.int32), np.zeros(n, np.int32)
    per_step = np.zeros((3, n_steps), np.int64)
    spike_start = np.zeros((program.n_blocks, n_steps + 1), np.int64)
    host = host_messages(
        step_start, input_spikes, program.input_entry_start, order.input_entry_block,
        program.n_blocks,
    )  # fmt: skip

    def run(blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray, int, np.ndarray]:
        counted = np.zeros((3, n_steps), np.int64)
        fired, bits = run_blocks(
            blocks, n_steps, n_steps - n_window_steps,
            program.block_start, order.segment_range, program.segment_start, program.segment,
            program.bias, order.link_start, order.link_source, order.neuron_start,
            order.entry_start, order.entries, *host, program.input_entries,
            program.row_start, program.runs, program.weights,
            spike_start, heard, spikes, window, *counted,
        )  # fmt: skip
        return blocks, fired, bits, counted

    heard = np.zeros(0, np.int32)
    overflow = 0
    for level in order.levels:
        parts = np.array_split(level, min(n_parts, len(level)))
        heard_here = [heard]
        n_heard = len(heard)
        for blocks, fired, bits, counted in (pool.map if pool else map)(run, parts):
            spike_start[blocks] += n_heard
            n_heard += len(fired)
            heard_here.append(fired)
            overflow |= bits
            per_step += counted
        heard = np.concatenate(heard_here)
    raster = None if recorded is None else _raster(program, spike_start, heard, recorded)
    n_spikes, n_messages, n_events = per_step
    each = np.diff(spike_start, axis=1)
    return Counts(spikes, window, n_spikes, n_messages, n_events, overflow, raster, each)


def _raster(
    program: Program, spike_start: np.ndarray, heard: np.ndarray, recorded: np.ndarray
) -> np.ndarray:
    """Spikes of some compartments by step, from those of their blocks."""
    fired = np.zeros((spike_start.shape[1] - 1, program.n_compartments), bool)
    block_of = np.searchsorted(program.block_start, recorded, side="right") - 1
    for block in np.unique(block_of):
        bounds = spike_start[block]
        step = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
        fired[step, program.block_start[block] + heard[bounds[0] : bounds[-1]]] = True
    return fired[:, recorded]
