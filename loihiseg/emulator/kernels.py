"""The compiled inner loops: spikes to input currents, and one step of every compartment.

The arithmetic is that of nengo-loihi's emulator [1]_, bit for bit, in 32-bit integers:

- An overflow of ``b`` bits plus sign keeps the low ``b + 1`` bits: two shifts.
- A decay is ``sign(x) * floor(|x| * keep / 4096)``. With ``|x| = 4096 * high + low`` that is
  ``high * keep + floor(low * keep / 4096)``, which never leaves 32 bits.

A program's arrays are handed over one by one, up to 26 to a function: in NamedTuples they made a
presentation 5 to 12 % slower.

References
----------
.. [1] nengo-loihi 1.1.0, ``nengo_loihi/emulator/interface.py``, ``CompartmentState.update``.
"""

import numpy as np

from loihiseg.emulator.program import GRID
from partition.core.compiled import compiled

INPUT_OVERFLOW, CURRENT_OVERFLOW, SUM_OVERFLOW = 1, 2, 4
"""Bits of what `update` returns."""

_NAMES = {INPUT_OVERFLOW: "q0", CURRENT_OVERFLOW: "current", SUM_OVERFLOW: "u2"}


def overflow_names(bits: int) -> list[str]:
    """nengo-loihi's names of the quantities whose bits are set in what `update` returns."""
    return [name for bit, name in _NAMES.items() if bits & bit]


_INPUT_SHIFT = 31 - 21
_CURRENT_SHIFT = 31 - 23
_GRID_SHIFT = GRID.bit_length() - 1


@compiled
def scatter(
    sources: np.ndarray,
    n_sources: int,
    entry_start: np.ndarray,
    entries: np.ndarray,
    row_start: np.ndarray,
    runs: np.ndarray,
    weights: np.ndarray,
    current_in: np.ndarray,
    touched: np.ndarray,
) -> tuple[int, int]:
    """Add the weights of every entry of the spiking neurons to the input currents.

    Parameters
    ----------
    sources : numpy.ndarray
        int32; the first ``n_sources`` are the numbers of the neurons that spiked.
    entry_start, ..., weights
        As in `Program`.
    current_in : numpy.ndarray
        int32, (n_compartments,); added to.
    touched : numpy.ndarray
        uint8, one per grid cell of compartments; set where something was added.

    Returns
    -------
    int, int
        Messages sent and synaptic events.
    """
    messages = 0
    events = 0
    # Unsigned indices cannot count from the end, so the innermost loop has no branch and becomes
    # vector instructions.
    one = np.uintp(1)
    for index in range(np.uintp(n_sources)):
        source = np.uintp(sources[index])
        for entry in range(np.uintp(entry_start[source]), np.uintp(entry_start[source + one])):
            base = entries[entry, 0]
            row = np.uintp(entries[entry, 1])
            messages += 1
            for run in range(np.uintp(row_start[row]), np.uintp(row_start[row + one])):
                start = np.uintp(base + runs[run, 0])
                first = np.uintp(runs[run, 1])
                length = np.uintp(runs[run, 2])
                events += runs[run, 2]
                for i in range(length):
                    current_in[start + i] += weights[first + i]
                last = (start + length - one) >> np.uintp(_GRID_SHIFT)
                for cell in range(start >> np.uintp(_GRID_SHIFT), last + one):
                    touched[cell] = 1
    return messages, events


@compiled
def _integrate(
    current_in: np.ndarray,
    current: np.ndarray,
    voltage: np.ndarray,
    bias: np.ndarray,
    spiked: np.ndarray,
    keep_u: np.int32,
    vth: np.int32,
    vmin: np.int32,
    vmax: np.int32,
    keep_input: np.int32,
) -> tuple[np.int32, np.int32, int]:
    """One step of a few compartments without voltage decay, refractory period or noise.

    This is `_step_any` with everything left out that such compartments do not have, and without
    branches, so that it compiles to vector instructions.
    """
    changed = fired = np.int32(0)
    input_over = current_over = sum_over = np.int32(0)
    for i in range(len(current)):
        q0 = current_in[i]
        q = (q0 << np.int32(_INPUT_SHIFT)) >> np.int32(_INPUT_SHIFT)
        u0 = current[i]
        magnitude = abs(u0)
        kept = (magnitude >> np.int32(12)) * keep_u + (
            ((magnitude & np.int32(4095)) * keep_u) >> np.int32(12)
        )
        sign = u0 >> np.int32(31)
        u1 = np.int32(((kept ^ sign) - sign) + q)
        u = (u1 << np.int32(_CURRENT_SHIFT)) >> np.int32(_CURRENT_SHIFT)
        t1 = np.int32(u + bias[i])
        total = (t1 << np.int32(_CURRENT_SHIFT)) >> np.int32(_CURRENT_SHIFT)
        v0 = voltage[i]
        v = min(max(np.int32(v0 + total), vmin), vmax)
        spike = np.int32(v > vth)
        v = v & (spike - np.int32(1))
        input_over |= q ^ q0
        current_over |= u ^ u1
        sum_over |= total ^ t1
        changed |= (v ^ v0) | (u ^ u0) | q | spike
        fired |= spike
        current_in[i] = q & keep_input
        current[i] = u
        voltage[i] = v
        spiked[i] = spike
    return changed, fired, _overflow_bits(input_over, current_over, sum_over)


@compiled
def _step_any(
    current_in: np.ndarray,
    current: np.ndarray,
    voltage: np.ndarray,
    bias: np.ndarray,
    spiked: np.ndarray,
    refractory: np.ndarray,
    noise_in: np.ndarray,
    noise_sum: np.ndarray,
    noisy: bool,
    keep_u: np.int32,
    keep_v: np.int32,
    vth: np.int32,
    vmin: np.int32,
    vmax: np.int32,
    delay: np.int32,
    keep_input: np.int32,
) -> tuple[np.int32, np.int32, int]:
    """One step of a few compartments of any kind."""
    changed = fired = np.int32(0)
    input_over = current_over = sum_over = np.int32(0)
    for i in range(len(current)):
        q0 = current_in[i]
        if noisy:
            q0 = np.int32(q0 + noise_in[i])
        q = (q0 << np.int32(_INPUT_SHIFT)) >> np.int32(_INPUT_SHIFT)
        u0 = current[i]
        u1 = np.int32(_decayed(u0, keep_u) + q)
        u = (u1 << np.int32(_CURRENT_SHIFT)) >> np.int32(_CURRENT_SHIFT)
        t1 = np.int32(u + bias[i])
        if noisy:
            t1 = np.int32(t1 + noise_sum[i])
        total = (t1 << np.int32(_CURRENT_SHIFT)) >> np.int32(_CURRENT_SHIFT)
        v0 = voltage[i]
        v = min(max(np.int32(_decayed(v0, keep_v) + total), vmin), vmax)
        wait = refractory[i]
        v = v if wait <= 0 else np.int32(0)
        spike = np.int32(v > vth)
        v = v & (spike - np.int32(1))
        wait = max((delay if spike != 0 else wait) - np.int32(1), np.int32(0))
        input_over |= q ^ q0
        current_over |= u ^ u1
        sum_over |= total ^ t1
        # A neuron that has just waited out its refraction goes on by itself.
        changed |= (v ^ v0) | (u ^ u0) | q | spike | refractory[i]
        fired |= spike
        current_in[i] = q & keep_input
        current[i] = u
        voltage[i] = v
        refractory[i] = wait
        spiked[i] = spike
    return changed, fired, _overflow_bits(input_over, current_over, sum_over)


@compiled
def _decayed(x: np.int32, keep: np.int32) -> np.int32:
    magnitude = abs(x)
    kept = (magnitude >> np.int32(12)) * keep + (
        ((magnitude & np.int32(4095)) * keep) >> np.int32(12)
    )
    sign = x >> np.int32(31)
    return (kept ^ sign) - sign


@compiled
def _overflow_bits(input_over: np.int32, current_over: np.int32, sum_over: np.int32) -> int:
    return (
        int(input_over != 0) * INPUT_OVERFLOW
        + int(current_over != 0) * CURRENT_OVERFLOW
        + int(sum_over != 0) * SUM_OVERFLOW
    )


@compiled
def update(
    segment_start: np.ndarray,
    segment: np.ndarray,
    bias: np.ndarray,
    noise_in: np.ndarray,
    noise_sum: np.ndarray,
    noisy: bool,
    current_in: np.ndarray,
    current: np.ndarray,
    voltage: np.ndarray,
    refractory: np.ndarray,
    spiked: np.ndarray,
    spike_count: np.ndarray,
    touched: np.ndarray,
    quiet: np.ndarray,
    spikes: np.ndarray,
    keep_input: int,
) -> tuple[int, int]:
    """Advance every compartment by one step.

    A grid cell of compartments is skipped when its last update changed nothing and nothing has
    been added to it since: it is at a fixed point.

    Parameters
    ----------
    segment_start, segment, bias
        As in `Program`.
    noise_in, noise_sum : numpy.ndarray
        int32, (n_compartments,) added to the input and to the sum of current and bias; looked at
        only if ``noisy``.
    noisy : bool
    current_in, current, voltage, refractory, spiked, spike_count : numpy.ndarray
        State, (n_compartments,): int32 but for ``spiked``, which is bool.
    touched, quiet : numpy.ndarray
        uint8, one per grid cell; ``touched`` is cleared.
    spikes : numpy.ndarray
        int32, (n_compartments,); the compartments that spike are written to its front.
    keep_input : int
        -1 to leave the input as the reference does, 0 to clear it for the next step.

    Returns
    -------
    int, int
        Number of spikes, and bits that say which quantity overflowed.
    """
    n_spikes = 0
    overflow = 0
    for cell in range(len(touched)):
        # From here on: 1 to update, 0 to skip; a skipped cell stays quiet.
        active = (quiet[cell] == 0) | (touched[cell] != 0) | noisy
        touched[cell] = active
        quiet[cell] = 1
    keep = np.int32(keep_input)
    for number in range(len(segment)):
        start, stop = segment_start[number], segment_start[number + 1]
        keep_u, keep_v = segment[number, 0], segment[number, 1]
        vth, vmin, vmax = segment[number, 2], segment[number, 3], segment[number, 4]
        delay = segment[number, 5]
        if start == stop:
            continue
        integrators = keep_v == 4096 and delay <= 1 and not noisy
        for cell in range(start >> _GRID_SHIFT, ((stop - 1) >> _GRID_SHIFT) + 1):
            if touched[cell] == 0:
                continue
            low = max(start, cell << _GRID_SHIFT)
            high = min(stop, (cell + 1) << _GRID_SHIFT)
            fired_here = spiked[low:high]
            if integrators:
                changed, fired, over = _integrate(
                    current_in[low:high], current[low:high], voltage[low:high], bias[low:high],
                    fired_here, keep_u, vth, vmin, vmax, keep,
                )  # fmt: skip
            else:
                changed, fired, over = _step_any(
                    current_in[low:high], current[low:high], voltage[low:high], bias[low:high],
                    fired_here, refractory[low:high], noise_in[low:high], noise_sum[low:high],
                    noisy, keep_u, keep_v, vth, vmin, vmax, delay, keep,
                )  # fmt: skip
            overflow |= over
            if changed != 0:
                quiet[cell] = 0
            if fired != 0:
                for i in range(high - low):
                    if fired_here[i]:
                        spikes[n_spikes] = low + i
                        n_spikes += 1
                        spike_count[low + i] += 1
    touched[:] = 0
    return n_spikes, overflow


@compiled
def run(
    n_steps: int,
    window_start: int,
    segment_start: np.ndarray,
    segment: np.ndarray,
    bias: np.ndarray,
    entry_start: np.ndarray,
    entries: np.ndarray,
    input_entry_start: np.ndarray,
    input_entries: np.ndarray,
    row_start: np.ndarray,
    runs: np.ndarray,
    weights: np.ndarray,
    input_step_start: np.ndarray,
    input_spikes: np.ndarray,
    current_in: np.ndarray,
    current: np.ndarray,
    voltage: np.ndarray,
    refractory: np.ndarray,
    spiked: np.ndarray,
    spike_count: np.ndarray,
    window_count: np.ndarray,
    spikes_per_step: np.ndarray,
    messages_per_step: np.ndarray,
    events_per_step: np.ndarray,
) -> int:
    """Run many steps from rest, without noise, learning or probes.

    ``input_spikes[input_step_start[t] : input_step_start[t + 1]]`` are the host neurons that spike
    at step t + 1; they reach the chip a step later. ``window_count`` gets the spikes from step
    ``window_start`` (counted from 0) on. Returns the overflow bits of all steps.
    """
    n_cells = (len(bias) + GRID - 1) >> _GRID_SHIFT
    touched = np.zeros(n_cells, np.uint8)
    quiet = np.zeros(n_cells, np.uint8)
    spikes = np.empty(len(bias), np.int32)
    nothing = np.empty(0, np.int32)
    n_spikes = 0
    overflow = 0
    for step in range(n_steps):
        messages, events = 0, 0
        if step >= 1:
            first, stop = input_step_start[step - 1], input_step_start[step]
            messages, events = scatter(
                input_spikes[first:stop], stop - first,
                input_entry_start, input_entries, row_start, runs, weights, current_in, touched,
            )  # fmt: skip
        sent, caused = scatter(
            spikes, n_spikes, entry_start, entries, row_start, runs, weights, current_in, touched,
        )  # fmt: skip
        n_spikes, over = update(
            segment_start, segment, bias, nothing, nothing, False,
            current_in, current, voltage, refractory, spiked, spike_count,
            touched, quiet, spikes, 0,
        )  # fmt: skip
        overflow |= over
        spikes_per_step[step] = n_spikes
        messages_per_step[step] = messages + sent
        events_per_step[step] = events + caused
        if step >= window_start:
            for index in range(n_spikes):
                window_count[spikes[index]] += 1
    return overflow
