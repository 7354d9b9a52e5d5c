"""Bursts, and spikes that are taken back: neurons in normalized units, compiled."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from loihiseg.conversion.spec import SpikingLayer
from loihiseg.simulation.pooling import Pooling
from partition.core.compiled import compiled

NEVER = -1
"""An allowance that takes no spikes back."""


@dataclass
class BurstState:
    """What the neurons of a layer remember, of each: (neurons,).

    Attributes
    ----------
    voltage : numpy.ndarray
        float32, in thresholds.
    number, last, total : numpy.ndarray
        int32: steps in which it spiked, the last of them (from 0), and the running sum S by which
        spikes are kept or dropped.
    step : int
        The next one, from 0.
    """

    voltage: np.ndarray
    number: np.ndarray
    last: np.ndarray
    total: np.ndarray
    step: int = 0


@dataclass(frozen=True, eq=False)
class Bursts:
    """Burst neurons with soft reset and, if asked for, spike calibration; see `burst_spikes`.

    As of `loihiseg.simulation.stepping.SteppedNeurons`.

    Attributes
    ----------
    thresholds : mapping of str to numpy.ndarray
        float32, () or (channels,), above 0, by layer: what a spike is worth. A layer that chooses
        an extreme has that of its sources.
    most_spikes : int
        In one step.
    allowance : int
        As of `calibrate`; `NEVER` for no spike calibration.
    as_published : bool
        As of `calibrate`.
    pooling : Pooling
    """

    thresholds: Mapping[str, np.ndarray]
    most_spikes: int = 1
    allowance: int = NEVER
    as_published: bool = False
    pooling: Pooling = "lateral"

    def amplitude(self, layer: SpikingLayer) -> np.ndarray:
        """The threshold."""
        return self.thresholds[layer.name]

    def start(self, layer: SpikingLayer, n_images: int) -> BurstState:
        """Everything 0: neurons of one batch know nothing of another.

        The published code forgets to reset the calibration between batches.
        """
        return started(layer.n_neurons * n_images)

    def spikes(self, layer: SpikingLayer, state: BurstState, currents: np.ndarray) -> np.ndarray:
        """As of `loihiseg.simulation.stepping.SteppedNeurons.spikes`."""
        share = currents / self.thresholds[layer.name]
        flat = np.ascontiguousarray(share.reshape(len(share), -1), np.float32)
        found = burst_spikes(flat, state.voltage, self.most_spikes)
        if self.allowance != NEVER:
            calibrate(found, state, self.allowance, self.as_published)
        return found.reshape(currents.shape)


def started(n_neurons: int) -> BurstState:
    """What so many neurons remember before the first step."""
    voltage = np.zeros(n_neurons, np.float32)
    number, last, total = (np.zeros(n_neurons, np.int32) for _ in range(3))
    return BurstState(voltage, number, last, total)


def burst_spikes(currents: np.ndarray, voltage: np.ndarray, most_spikes: int) -> np.ndarray:
    """Spikes of neurons without leak that send up to so many in a step, and lose them.

    Parameters
    ----------
    currents : numpy.ndarray
        float32, (steps, neurons), in thresholds.
    voltage : numpy.ndarray
        float32, (neurons,), before the first step; goes on.
    most_spikes : int

    Returns
    -------
    numpy.ndarray
        float32, (steps, neurons).

    Notes
    -----
    In every step ``v += x; n = clip(floor(v), 0, most_spikes); v -= n``.
    """
    spikes = np.empty(currents.shape, np.float32)
    _bursts(currents, voltage, np.float32(most_spikes), spikes)
    return spikes


def calibrate(
    spikes: np.ndarray, state: BurstState, allowance: int, as_published: bool = False
) -> None:
    """Take spikes back of neurons that have become silent.

    Parameters
    ----------
    spikes : numpy.ndarray
        float32, (steps, neurons), whole numbers from 0; replaced by those that are left.
    state : BurstState
        Goes on by as many steps.
    allowance : int
        Steps, from 0 on, by which a neuron may be silent for longer than it uses to be.
    as_published : bool
        With the drift of the published code.

    Notes
    -----
    A neuron that spiked in m steps, the last of them t', has a mean interval of t'/m, since the
    first counts from step 0. It is late in step t where ``t - t' > t'/m + allowance`` (t'/m is 0 if
    m is), and a spike less is sent, unless all that were sent are taken back: S, what was sent so
    far, never falls below 0.

    As published, S also counts what was not sent: of a neuron that is silent for long it falls step
    by step, and by as many spikes more are lost when the neuron begins to spike, which are dropped
    while S is below 0. With an ``allowance`` of 0 the published code calibrates nothing at all:
    that is `NEVER` here.
    """
    _calibrate(spikes, state.number, state.last, state.total, state.step, allowance, as_published)
    state.step += len(spikes)


@compiled
def _bursts(
    currents: np.ndarray, voltage: np.ndarray, most: np.float32, spikes: np.ndarray
) -> None:
    for t in range(currents.shape[0]):
        for i in range(currents.shape[1]):
            v = voltage[i] + currents[t, i]
            n = min(max(np.floor(v), np.float32(0)), most)
            voltage[i] = v - n
            spikes[t, i] = n


@compiled
def _calibrate(
    spikes: np.ndarray,
    number: np.ndarray,
    last: np.ndarray,
    total: np.ndarray,
    first: int,
    allowance: int,
    as_published: bool,
) -> None:
    for k in range(spikes.shape[0]):
        t = first + k
        for i in range(spikes.shape[1]):
            n = int(spikes[k, i])
            if n > 0:
                number[i] += 1
                last[i] = t
            # t - last > last / number + allowance, in whole numbers.
            late = (t - last[i] - allowance) * max(number[i], 1) > last[i]
            sent = n - 1 if late else n
            if as_published:
                total[i] += sent
                if total[i] <= -1:
                    sent = 0
            else:
                if total[i] + sent < 0:
                    sent = 0
                total[i] += sent
            spikes[k, i] = sent
