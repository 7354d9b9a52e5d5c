"""The host's part of a converted network: pixels to spikes, all steps at once.

A neuron with constant input needs its input current once. It is computed with the sums, in the
order, in which Nengo's reference simulator computes it, which nengo-loihi runs the host on; the
steps of all neurons then follow by nengo-loihi's own update. Spikes equal those the host simulator
would have sent, one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loihiseg.conversion.host_current import host_current
from loihiseg.conversion.spec import LoweredNetwork


@dataclass(frozen=True, eq=False)
class HostSpikes:
    """Spikes of every host layer during one presentation.

    Attributes
    ----------
    fired : dict of str to numpy.ndarray
        bool, (n_steps, n_neurons) by layer.
    """

    fired: dict[str, np.ndarray]


def host_currents(network: LoweredNetwork, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Input current of every neuron on the host.

    Parameters
    ----------
    network : LoweredNetwork
        Of neurons; its layers on the host are fed by pixels.
    pixels : numpy.ndarray
        One image of normalized pixels, of the shape of the network's input but for its channel.

    Returns
    -------
    dict of str to numpy.ndarray
        float64, (n_neurons,), Hz.
    """
    ((name, shape),) = network.inputs.items()
    image = np.asarray(pixels, np.float64).reshape(1, *shape)
    return {
        layer.name: host_current(layer, {name: image}, 1).ravel()
        for layer in network.layers
        if layer.on_host
    }


def host_spikes(network: LoweredNetwork, pixels: np.ndarray, n_steps: int) -> HostSpikes:
    """Spikes of the host while an image is held for a number of steps, from rest.

    Parameters
    ----------
    network, pixels
        As in `host_currents`.
    n_steps : int
    """
    currents = host_currents(network, pixels)
    return HostSpikes(
        {
            name: network.layer(name).neuron.host_spikes(current, n_steps)
            for name, current in currents.items()
        }
    )


def ordered_spikes(
    input_start: np.ndarray, input_sources: Sequence[str], host: HostSpikes, n_steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Spikes of all inputs of a program, ordered by step.

    Parameters
    ----------
    input_start : numpy.ndarray
        First neuron of each input, as of `loihiseg.emulator.program.Program`.
    input_sources : sequence of str
        Layer on the host that each input carries the spikes of.
    host : HostSpikes
    n_steps : int

    Returns
    -------
    start : numpy.ndarray
        int64, (n_steps + 1,).
    neurons : numpy.ndarray
        int32; ``neurons[start[t] : start[t + 1]]`` spike in step t + 1.
    """
    steps, neurons = [], []
    for first, source in zip(input_start, input_sources):
        step, neuron = np.nonzero(host.fired[source])
        steps.append(step)
        neurons.append(neuron + first)
    step = np.concatenate(steps) if steps else np.zeros(0, np.int64)
    order = np.argsort(step, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(step, minlength=n_steps))])
    neuron = np.concatenate(neurons) if neurons else np.zeros(0, np.int64)
    return start.astype(np.int64), neuron[order].astype(np.int32)
