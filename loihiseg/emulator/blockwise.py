"""A network without loops, block by block: all steps of one block before any of the next.

Where no block can hear of its own spikes, directly or through others, a block needs nothing but the
finished spikes of the blocks before it. The state of a block and its weights then stay in the first
cache for a whole presentation, instead of passing through it once per step; and the blocks of a
level, which do not hear each other, are independent and can run on several cores.
"""

from dataclasses import dataclass

import numpy as np

from loihiseg.emulator.kernels import _integrate, _step_any
from loihiseg.emulator.program import Program
from partition.core.compiled import compiled

MOST_LEVELS = 1000
"""Longest way through the blocks that is run block by block; beyond it step by step is faster."""

MOST_LINK_NEURONS = 2**25
"""Entries of the table of links: neurons of a link's source, over all links."""


@dataclass(frozen=True, eq=False)
class Order:
    """The blocks of a program in an order in which each comes after those it hears.

    A link is a pair of blocks with axons from the first to the second.

    Attributes
    ----------
    levels : tuple of numpy.ndarray
        int64: blocks by the number of blocks on the longest way to them. Those of one level do not
        hear each other.
    link_start : numpy.ndarray
        int64, (n_blocks + 1,): first link into each block.
    link_source : numpy.ndarray
        int64, (n_links,): block a link comes from.
    neuron_start : numpy.ndarray
        int64, (n_links + 1,): where in ``entry_start`` the neurons of a link's source begin.
    entry_start : numpy.ndarray
        int32: first entry of each neuron of each link's source, and one value more per link.
    entries : numpy.ndarray
        int32, (n_entries, 2): as in `Program`, in order of links and then of neurons; the
        compartment is counted from the first of the block.
    input_entry_block : numpy.ndarray
        int32, (n_input_entries,): block that each entry of the host inputs leads to.
    segment_range : numpy.ndarray
        int64, (n_blocks + 1,): first segment of each block.
    """

    levels: tuple[np.ndarray, ...]
    link_start: np.ndarray
    link_source: np.ndarray
    neuron_start: np.ndarray
    entry_start: np.ndarray
    entries: np.ndarray
    input_entry_block: np.ndarray
    segment_range: np.ndarray


def block_order(program: Program) -> Order | None:
    """Order the blocks of a program so that each comes after those it hears.

    Returns
    -------
    Order or None
        None if a block hears itself, directly or through others, or if the way through the blocks
        or the table of links would be too long (`MOST_LEVELS`, `MOST_LINK_NEURONS`).
    """
    n_blocks = program.n_blocks
    neuron = np.repeat(np.arange(program.n_compartments), np.diff(program.entry_start))
    source = _block_of(program, neuron)
    target = _block_of(program, program.entries[:, 0])
    # A link is numbered by its target, then its source; entries of a link keep their order.
    link, link_of = np.unique(target * n_blocks + source, return_inverse=True)
    link_target, link_source = np.divmod(link, max(n_blocks, 1))
    levels = _levels(n_blocks, link_source, link_target)
    if levels is None:
        return None
    sizes = np.diff(program.block_start)
    if (sizes[link_source] + 1).sum() > MOST_LINK_NEURONS:
        return None
    order = np.argsort(link_of, kind="stable")
    neuron_start = np.concatenate([[0], np.cumsum(sizes[link_source] + 1)]).astype(np.int64)
    entry_start = np.zeros(neuron_start[-1], np.int64)
    local = neuron[order] - program.block_start[source[order]]
    np.add.at(entry_start, neuron_start[link_of[order]] + local + 1, 1)
    entries = program.entries[order]
    entries[:, 0] -= program.block_start[target[order]].astype(np.int32)
    return Order(
        levels=levels,
        link_start=np.searchsorted(link_target, np.arange(n_blocks + 1)).astype(np.int64),
        link_source=link_source.astype(np.int64),
        neuron_start=neuron_start,
        # Each link begins with a zero of its own, so one sum over all numbers the entries.
        entry_start=np.cumsum(entry_start).astype(np.int32),
        entries=np.ascontiguousarray(entries),
        input_entry_block=_block_of(program, program.input_entries[:, 0]).astype(np.int32),
        segment_range=np.searchsorted(program.segment_start[:-1], program.block_start),
    )


def _block_of(program: Program, compartments: np.ndarray) -> np.ndarray:
    return np.searchsorted(program.block_start, compartments, side="right") - 1


def _levels(
    n_blocks: int, sources: np.ndarray, targets: np.ndarray
) -> tuple[np.ndarray, ...] | None:
    """Blocks by the length of the longest way to them; None if there is a loop, or it is too long.

    A block is on the level after the last of those that it hears.
    """
    unheard = np.bincount(targets, minlength=n_blocks)
    by_source = np.argsort(sources, kind="stable")
    links = np.split(targets[by_source], np.cumsum(np.bincount(sources, minlength=n_blocks))[:-1])
    levels: list[np.ndarray] = []
    level = np.flatnonzero(unheard == 0)
    while len(level) and len(levels) < MOST_LEVELS:
        levels.append(level)
        reached, n_links = np.unique(
            np.concatenate([links[block] for block in level]), return_counts=True
        )
        unheard[reached] -= n_links
        level = reached[unheard[reached] == 0]
    return tuple(levels) if sum(map(len, levels)) == n_blocks else None


@compiled
def host_messages(
    step_start: np.ndarray,
    spikes: np.ndarray,
    entry_start: np.ndarray,
    entry_block: np.ndarray,
    n_blocks: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Entries of the host's spikes, ordered by block and then by step.

    Parameters
    ----------
    step_start, spikes : numpy.ndarray
        ``spikes[step_start[t] : step_start[t + 1]]`` are the host neurons that spike at step t + 1.
    entry_start, entry_block : numpy.ndarray
        Of the host inputs.
    n_blocks : int

    Returns
    -------
    start : numpy.ndarray
        int64, (n_blocks * n_steps + 1,): first entry of each block and step.
    entries : numpy.ndarray
        int32: numbers of the entries.
    """
    n_steps = len(step_start) - 1
    start = np.zeros(n_blocks * n_steps + 1, np.int64)
    for step in range(n_steps):
        for index in range(step_start[step], step_start[step + 1]):
            neuron = spikes[index]
            for entry in range(entry_start[neuron], entry_start[neuron + 1]):
                start[entry_block[entry] * n_steps + step + 1] += 1
    for index in range(n_blocks * n_steps):
        start[index + 1] += start[index]
    entries = np.empty(start[-1], np.int32)
    place = start[:-1].copy()
    for step in range(n_steps):
        for index in range(step_start[step], step_start[step + 1]):
            neuron = spikes[index]
            for entry in range(entry_start[neuron], entry_start[neuron + 1]):
                key = entry_block[entry] * n_steps + step
                entries[place[key]] = entry
                place[key] += 1
    return start, entries


@compiled
def _lay(
    base: int,
    row: np.uintp,
    row_start: np.ndarray,
    runs: np.ndarray,
    weights: np.ndarray,
    current_in: np.ndarray,
) -> int:
    """Add a row of weights at a compartment; returns the synaptic events."""
    one = np.uintp(1)
    events = 0
    for run in range(np.uintp(row_start[row]), np.uintp(row_start[row + one])):
        start = np.uintp(base + runs[run, 0])
        first = np.uintp(runs[run, 1])
        length = np.uintp(runs[run, 2])
        events += runs[run, 2]
        for i in range(length):
            current_in[start + i] += weights[first + i]
    return events


@compiled
def run_blocks(
    blocks: np.ndarray,
    n_steps: int,
    window_start: int,
    block_start: np.ndarray,
    segment_range: np.ndarray,
    segment_start: np.ndarray,
    segment: np.ndarray,
    bias: np.ndarray,
    link_start: np.ndarray,
    link_source: np.ndarray,
    neuron_start: np.ndarray,
    entry_start: np.ndarray,
    entries: np.ndarray,
    host_start: np.ndarray,
    host_entries: np.ndarray,
    input_entries: np.ndarray,
    row_start: np.ndarray,
    runs: np.ndarray,
    weights: np.ndarray,
    spike_start: np.ndarray,
    heard: np.ndarray,
    spike_count: np.ndarray,
    window_count: np.ndarray,
    spikes_per_step: np.ndarray,
    messages_per_step: np.ndarray,
    events_per_step: np.ndarray,
) -> tuple[np.ndarray, int]:
    """Run all steps of some blocks that do not hear each other, from rest.

    Parameters
    ----------
    blocks : numpy.ndarray
        int64: numbers of the blocks.
    n_steps, window_start : int
        ``window_count`` gets the spikes from step ``window_start`` (counted from 0) on.
    block_start, segment_start, segment, bias, input_entries, row_start, runs, weights
        As in `Program`.
    segment_range, link_start, link_source, neuron_start, entry_start, entries
        As in `Order`.
    host_start, host_entries
        As `host_messages` returns them.
    spike_start : numpy.ndarray
        int64, (n_blocks, n_steps + 1): where in ``heard`` the spikes of a block's steps are, for
        blocks of lower levels; for ``blocks`` it is written, counted in what is returned.
    heard : numpy.ndarray
        int32: spikes of the blocks of lower levels, as neurons counted from their block's first.
    spike_count, window_count : numpy.ndarray
        int32, (n_compartments,); added to.
    spikes_per_step, messages_per_step, events_per_step : numpy.ndarray
        int64, (n_steps,); added to.

    Returns
    -------
    spikes : numpy.ndarray
        int32: spikes of ``blocks``, to be put behind ``heard``.
    overflow : int
        Bits that say which quantity overflowed.
    """
    one = np.uintp(1)
    largest = 0
    for block in blocks:
        largest = max(largest, block_start[block + 1] - block_start[block])
    # Room for whole words, in which spikes are looked for.
    room = (largest + 7) // 8 * 8
    current_in, current = np.empty(room, np.int32), np.empty(room, np.int32)
    voltage, refractory = np.empty(room, np.int32), np.empty(room, np.int32)
    spiked = np.zeros(room, np.uint8)
    words = spiked.view(np.uint64)
    no_noise = np.empty(0, np.int32)
    spikes = np.empty(max(4 * largest, 1), np.int32)
    n_spikes = 0
    overflow = 0
    for block in blocks:
        base, stop = block_start[block], block_start[block + 1]
        size = stop - base
        own_bias = bias[base:stop]
        current_in[:] = 0
        current[:] = 0
        voltage[:] = 0
        refractory[:] = 0
        spiked[:] = 0
        active = True
        for step in range(n_steps):
            spike_start[block, step] = n_spikes
            messages = 0
            events = 0
            if step >= 1:
                key = block * n_steps + step - 1
                for index in range(host_start[key], host_start[key + 1]):
                    entry = host_entries[index]
                    events += _lay(
                        input_entries[entry, 0] - base, np.uintp(input_entries[entry, 1]),
                        row_start, runs, weights, current_in,
                    )  # fmt: skip
                    messages += 1
                for link in range(link_start[block], link_start[block + 1]):
                    source = link_source[link]
                    of_link = np.uintp(neuron_start[link])
                    for index in range(spike_start[source, step - 1], spike_start[source, step]):
                        neuron = of_link + np.uintp(heard[np.uintp(index)])
                        first = np.uintp(entry_start[neuron])
                        behind = np.uintp(entry_start[neuron + one])
                        for entry in range(first, behind):
                            events += _lay(
                                entries[entry, 0], np.uintp(entries[entry, 1]),
                                row_start, runs, weights, current_in,
                            )  # fmt: skip
                            messages += 1
            if messages > 0:
                active = True
            if not active:
                continue
            if n_spikes + size > len(spikes):
                grown = np.empty(2 * len(spikes) + size, np.int32)
                grown[:n_spikes] = spikes[:n_spikes]
                spikes = grown
            changed = fired = np.int32(0)
            for number in range(segment_range[block], segment_range[block + 1]):
                low, high = segment_start[number] - base, segment_start[number + 1] - base
                keep_u, keep_v = segment[number, 0], segment[number, 1]
                vth, vmin, vmax = segment[number, 2], segment[number, 3], segment[number, 4]
                delay = segment[number, 5]
                if keep_v == 4096 and delay <= 1:
                    changed_here, fired_here, over = _integrate(
                        current_in[low:high], current[low:high], voltage[low:high],
                        own_bias[low:high], spiked[low:high],
                        keep_u, vth, vmin, vmax, np.int32(0),
                    )  # fmt: skip
                else:
                    changed_here, fired_here, over = _step_any(
                        current_in[low:high], current[low:high], voltage[low:high],
                        own_bias[low:high], spiked[low:high], refractory[low:high],
                        no_noise, no_noise, False,
                        keep_u, keep_v, vth, vmin, vmax, delay, np.int32(0),
                    )  # fmt: skip
                overflow |= over
                changed |= changed_here
                fired |= fired_here
            # At a fixed point nothing happens until the next message.
            active = changed != 0
            before = n_spikes
            if fired != 0:
                for word in range((size + 7) // 8):
                    if words[word] == 0:
                        continue
                    for i in range(8 * word, min(8 * word + 8, size)):
                        if spiked[i]:
                            spikes[n_spikes] = i
                            n_spikes += 1
                            spike_count[base + i] += 1
                            if step >= window_start:
                                window_count[base + i] += 1
            spikes_per_step[step] += n_spikes - before
            messages_per_step[step] += messages
            events_per_step[step] += events
        spike_start[block, n_steps] = n_spikes
    return spikes[:n_spikes].copy(), overflow
