"""What every core does in every step of a presentation, from the spikes of all neurons.

A step of the chip ends when its busiest core has ended: means over a presentation do not say how
long it takes. Layers that fire one after the other keep a few cores busy at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from loihiseg.emulator.program import Program


@dataclass(frozen=True, eq=False)
class StepLoads:
    """Work of the cores in each step of one presentation.

    Attributes
    ----------
    synaptic_events : numpy.ndarray
        int64, (n_steps, n_blocks): synapses that are driven in each block.
    pairs : numpy.ndarray
        int64, (n_pairs, 2): blocks between which messages go, from the first to the second.
    messages : numpy.ndarray
        int64, (n_steps, n_pairs): that arrive, a step after their spikes.
    injected : dict of str to numpy.ndarray
        int64, (n_steps,) by layer on the host: messages that it sends in each step, one for each
        core that a spike reaches.
    """

    synaptic_events: np.ndarray
    pairs: np.ndarray
    messages: np.ndarray
    injected: dict[str, np.ndarray]


def step_loads(
    program: Program,
    input_sources: tuple[str, ...],
    sent: Mapping[str, np.ndarray],
    fired: np.ndarray,
) -> StepLoads:
    """Follow every spike of a presentation.

    Parameters
    ----------
    program : Program
    input_sources : tuple of str
        Layer on the host that each of its inputs carries the spikes of.
    sent : mapping of str to numpy.ndarray
        bool, (n_steps, n_neurons) by layer on the host.
    fired : numpy.ndarray
        bool, (n_steps, n_compartments).
    """
    n_steps, n_blocks = len(fired), program.n_blocks
    targets = _blocks_of(program, program.entries[:, 0])
    neurons = np.repeat(np.arange(program.n_compartments), np.diff(program.entry_start))
    keys, pair_of = np.unique(
        _blocks_of(program, neurons) * max(n_blocks, 1) + targets, return_inverse=True
    )
    events = np.zeros((n_steps, n_blocks), np.int64)
    messages = np.zeros((n_steps, len(keys)), np.int64)
    driven = program.row_events[program.entries[:, 1]]
    for step in range(n_steps - 1):
        used = _entries_of(program.entry_start, np.flatnonzero(fired[step]))
        events[step + 1] += _summed(targets[used], driven[used], n_blocks)
        messages[step + 1] += np.bincount(pair_of[used], minlength=len(keys))
    injected = {name: np.zeros(n_steps, np.int64) for name in dict.fromkeys(input_sources)}
    targets = _blocks_of(program, program.input_entries[:, 0])
    driven = program.row_events[program.input_entries[:, 1]]
    for first, name in zip(program.input_start, input_sources):
        for step in range(n_steps):
            used = _entries_of(program.input_entry_start, first + np.flatnonzero(sent[name][step]))
            injected[name][step] += len(used)
            if step + 1 < n_steps:
                events[step + 1] += _summed(targets[used], driven[used], n_blocks)
    pairs = np.stack(np.divmod(keys, max(n_blocks, 1)), axis=1)
    return StepLoads(events, pairs, messages, injected)


def _blocks_of(program: Program, compartments: np.ndarray) -> np.ndarray:
    return np.searchsorted(program.block_start, compartments, side="right") - 1


def _entries_of(start: np.ndarray, neurons: np.ndarray) -> np.ndarray:
    """Entries of some neurons, those of one after those of another."""
    counts = start[neurons + 1] - start[neurons]
    behind = np.cumsum(counts)
    return np.arange(counts.sum()) + np.repeat(start[neurons] - (behind - counts), counts)


def _summed(targets: np.ndarray, driven: np.ndarray, n_blocks: int) -> np.ndarray:
    # Sums of whole numbers below 2**53 are exact as floats.
    return np.bincount(targets, driven, n_blocks).astype(np.int64)
