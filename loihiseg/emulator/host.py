"""The host's part of a converted network: pixels to spikes, all steps at once.

A neuron with constant input needs its input current once. It is computed with the sums, in the
order, in which Nengo's reference simulator computes it, which nengo-loihi runs the host on; the
steps of all neurons then follow by nengo-loihi's own update. Spikes equal those the host simulator
would have sent, one by one.
"""

from dataclasses import dataclass

import numpy as np

from loihiseg.conversion.convolution import term_input
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer

DT_S = 0.001


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
    return {layer.name: _current(layer, {name: image}) for layer in network.layers if layer.on_host}


def _current(layer: SpikingLayer, sources: dict[str, np.ndarray]) -> np.ndarray:
    # As Nengo keeps them: biases in float32, then in float64; the gain after the sum.
    bias = (layer.bias * np.float32(layer.rate_scale_hz)).astype(np.float64)
    current = np.tile(bias, layer.shape[0] * layer.shape[1])
    for term in layer.terms:
        found = term_input(term, sources[term.source], layer.shape)
        current += np.float64(layer.rate_scale_hz) * found.reshape(-1)
    return current


def host_spikes(network: LoweredNetwork, pixels: np.ndarray, n_steps: int) -> HostSpikes:
    """Spikes of the host while an image is held for a number of steps, from rest.

    Parameters
    ----------
    network, pixels
        As in `host_currents`.
    n_steps : int
    """
    fired = {}
    for name, current in host_currents(network, pixels).items():
        layer = network.layer(name)
        if layer.binary:
            fired[name] = binary_spikes(current, n_steps, layer.active_steps)
        else:
            fired[name] = rectified_spikes(current, n_steps)
    return HostSpikes(fired)


def rectified_spikes(current: np.ndarray, n_steps: int, dt_s: float = DT_S) -> np.ndarray:
    """Spikes of ``nengo_loihi.neurons.LoihiSpikingRectifiedLinear`` at constant input.

    Parameters
    ----------
    current : numpy.ndarray
        float64, (n,), in Hz.
    n_steps : int
    dt_s : float

    Returns
    -------
    numpy.ndarray
        bool, (n_steps, n).
    """
    voltage = np.zeros_like(current)
    step = current * dt_s
    fired = np.empty((n_steps, len(current)), bool)
    for t in range(n_steps):
        voltage += step
        np.greater(voltage, 1, out=fired[t])
        voltage[voltage < 0] = 0
        voltage[fired[t]] = 0
    return fired


def binary_spikes(current: np.ndarray, n_steps: int, active_steps=None) -> np.ndarray:
    """Spikes of ``loihiseg.conversion.neurons.Binary`` at constant input; bool, (n_steps, n)."""
    fired = np.repeat((current > 0)[None], n_steps, axis=0)
    if active_steps is not None:
        fired[~np.isin(np.arange(1, n_steps + 1), active_steps)] = False
    return fired
