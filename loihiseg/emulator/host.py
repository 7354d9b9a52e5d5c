"""The host's part of a converted network: pixels to spikes, all steps at once.

A neuron with constant input needs its input current once. It is computed with the sums, in the
order, in which Nengo's reference simulator computes it, which nengo-loihi runs the host on; the
steps of all neurons then follow by nengo-loihi's own update. Spikes equal those the host simulator
would have sent, one by one.
"""

from dataclasses import dataclass

import numpy as np

from loihiseg.conversion.over_time import host_current
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
        layer.name: host_current(layer, {name: image}) for layer in network.layers if layer.on_host
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
