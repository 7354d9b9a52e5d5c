"""The compiled inner loops: spikes to input currents, and one step of every compartment.

The arithmetic is that of nengo-loihi's emulator [1]_, bit for bit, in 32-bit integers:

- An overflow of ``b`` bits plus sign keeps the low ``b + 1`` bits: two shifts.
- A decay is ``sign(x) * floor(|x| * keep / 4096)``. With ``|x| = 4096 * high + low`` that is
  ``high * keep + floor(low * keep / 4096)``, which never leaves 32 bits.

References
----------
.. [1] nengo-loihi 1.1.0, ``nengo_loihi/emulator/interface.py``, ``CompartmentState.update``.
"""

import numba
import numpy as np

INPUT_OVERFLOW, CURRENT_OVERFLOW, SUM_OVERFLOW = 1, 2, 4
"""Bits of what `update` returns."""

_INPUT_SHIFT = 31 - 21
_CURRENT_SHIFT = 31 - 23
_GRID_SHIFT = 6

_compiled = numba.njit(nogil=True, cache=True, boundscheck=False, error_model="numpy")


@_compiled
def scatter(
    sources, n_sources, entry_start, entry_base, entry_row,
    row_start, run_offset, run_start, weights, current_in, touched,
):  # fmt: skip
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
    for index in range(n_sources):
        source = sources[index]
        for entry in range(entry_start[source], entry_start[source + 1]):
            base = entry_base[entry]
            row = entry_row[entry]
            messages += 1
            for run in range(row_start[row], row_start[row + 1]):
                start = base + run_offset[run]
                first = run_start[run]
                length = run_start[run + 1] - first
                events += length
                target = current_in[start : start + length]
                values = weights[first : first + length]
                for i in range(length):
                    target[i] += values[i]
                for cell in range(start >> _GRID_SHIFT, ((start + length - 1) >> _GRID_SHIFT) + 1):
                    touched[cell] = 1
    return messages, events


@_compiled
def update(
    segment_start, segment, bias, noise_in, noise_sum, noisy,
    current_in, current, voltage, refractory, spiked, spike_count,
    touched, quiet, spikes, keep_input,
):  # fmt: skip
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
        for cell in range(start >> _GRID_SHIFT, ((stop - 1) >> _GRID_SHIFT) + 1):
            if touched[cell] == 0:
                continue
            low = max(start, cell << _GRID_SHIFT)
            high = min(stop, (cell + 1) << _GRID_SHIFT)
            size = high - low
            q_, u_, v_ = current_in[low:high], current[low:high], voltage[low:high]
            b_, s_, r_ = bias[low:high], spiked[low:high], refractory[low:high]
            if noisy:
                for i in range(size):
                    q_[i] += noise_in[low + i]
            changed = np.int32(0)
            over = np.int32(0)
            fired = np.int32(0)
            for i in range(size):
                q0 = q_[i]
                q = (q0 << np.int32(_INPUT_SHIFT)) >> np.int32(_INPUT_SHIFT)
                u0 = u_[i]
                magnitude = abs(u0)
                kept = (magnitude >> np.int32(12)) * keep_u + (
                    ((magnitude & np.int32(4095)) * keep_u) >> np.int32(12)
                )
                u1 = np.int32((kept if u0 >= 0 else -kept) + q)
                u = (u1 << np.int32(_CURRENT_SHIFT)) >> np.int32(_CURRENT_SHIFT)
                t1 = np.int32(u + b_[i])
                if noisy:
                    t1 = np.int32(t1 + noise_sum[low + i])
                total = (t1 << np.int32(_CURRENT_SHIFT)) >> np.int32(_CURRENT_SHIFT)
                v0 = v_[i]
                magnitude = abs(v0)
                kept = (magnitude >> np.int32(12)) * keep_v + (
                    ((magnitude & np.int32(4095)) * keep_v) >> np.int32(12)
                )
                v = np.int32((kept if v0 >= 0 else -kept) + total)
                v = min(max(v, vmin), vmax)
                r = r_[i]
                v = v if r <= 0 else np.int32(0)
                spike = np.int32(v > vth)
                v = v if spike == 0 else np.int32(0)
                r = delay if spike != 0 else r
                r1 = max(r - np.int32(1), np.int32(0))
                over |= (
                    np.int32(q != q0) * np.int32(INPUT_OVERFLOW)
                    | np.int32(u != u1) * np.int32(CURRENT_OVERFLOW)
                    | np.int32(total != t1) * np.int32(SUM_OVERFLOW)
                )
                changed |= (v ^ v0) | (u ^ u0) | q | spike | r1 | np.int32(s_[i])
                fired |= spike
                q_[i] = q & keep
                u_[i] = u
                v_[i] = v
                r_[i] = r1
                s_[i] = spike != 0
            overflow |= over
            if changed != 0:
                quiet[cell] = 0
            if fired != 0:
                for i in range(size):
                    if s_[i]:
                        spikes[n_spikes] = low + i
                        n_spikes += 1
                        spike_count[low + i] += 1
    for cell in range(len(touched)):
        touched[cell] = 0
    return n_spikes, overflow


@_compiled
def run(
    n_steps, window_start, segment_start, segment, bias,
    entry_start, entry_base, entry_row, input_entry_start, input_entry_base, input_entry_row,
    row_start, run_offset, run_start, weights,
    input_step_start, input_spikes,
    current_in, current, voltage, refractory, spiked, spike_count, window_count,
    spikes_per_step, messages_per_step, events_per_step,
):  # fmt: skip
    """Run many steps from rest, without noise, learning or probes.

    ``input_spikes[input_step_start[t] : input_step_start[t + 1]]`` are the host neurons that spike
    at step t + 1; they reach the chip a step later. ``window_count`` gets the spikes from step
    ``window_start`` (counted from 0) on. Returns the overflow bits of all steps.
    """
    n_cells = (len(bias) + 63) >> _GRID_SHIFT
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
                input_entry_start, input_entry_base, input_entry_row,
                row_start, run_offset, run_start, weights, current_in, touched,
            )  # fmt: skip
        sent, caused = scatter(
            spikes, n_spikes, entry_start, entry_base, entry_row,
            row_start, run_offset, run_start, weights, current_in, touched,
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
