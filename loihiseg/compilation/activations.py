"""Activations of a lowered network in Keras: what choices of a compilation rest on."""

import numpy as np

from loihiseg.codes.code import Calibration, NeuralCode
from loihiseg.conversion.over_time import is_over_time, shares_over_time
from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.errors import InputError


def settled_activations(network: LoweredNetwork, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Activation of every spiking layer if each neuron fired at its settled rate.

    Parameters
    ----------
    network : LoweredNetwork
        Float or quantized, of activations or of the neurons that stand for them.
    pixels : numpy.ndarray
        (n, tile, tile) normalized, or (n, rows, columns, channels).

    Returns
    -------
    dict of str to numpy.ndarray
        (n, rows, columns, channels) float32 by layer. `loihiseg.conversion.forward` gives the same
        up to rounding, which the steps of firing rates make larger.
    """
    images = pixels[..., None] if pixels.ndim == 3 else pixels
    if is_over_time(network):
        return shares_over_time(network, images)
    from loihiseg.conversion.converter import keras_network

    outputs = keras_network(network, staircase=True, channels=True).predict(images, verbose=0)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    return {layer.name: out for layer, out in zip(network.layers, outputs, strict=True)}


def expected_rates(
    network: LoweredNetwork, neurons: LoweredNetwork, code: NeuralCode, settled: Calibration
) -> dict[str, np.ndarray]:
    """Rate of every neuron, from which shapes of blocks and their chips are chosen.

    Parameters
    ----------
    network, neurons : LoweredNetwork
        Of activations, and of the neurons that stand for them.
    code : NeuralCode
    settled : mapping of str to numpy.ndarray
        As from `settled_activations` of the activations' network.

    Returns
    -------
    dict of str to numpy.ndarray
        (rows, columns, neurons) spikes per step by layer of neurons, those on the host included.
    """
    rates = {
        layer.name: code.spikes_per_step(layer, settled[layer.name]).mean(axis=0)
        for layer in network.layers
    }
    return code.rates(neurons, rates)


def check_alive(network: LoweredNetwork, settled: Calibration) -> None:
    """That a network answers to what it is shown.

    Parameters
    ----------
    network : LoweredNetwork
    settled : mapping of str to numpy.ndarray
        As from `settled_activations`; of no tile nothing can be said.

    Raises
    ------
    InputError
        If every output is the same for all pixels; names the layers that are silent, or constant.
    """
    shown = {layer.name: settled[layer.name] for layer in network.layers}
    if not all(len(values) for values in shown.values()):
        return

    def is_constant(values: np.ndarray) -> bool:
        return not np.ptp(values, axis=(0, 1, 2)).any()

    if not all(is_constant(shown[name]) for name in network.outputs):
        return
    constant = [name for name, values in shown.items() if is_constant(values)]
    silent = [name for name in constant if not shown[name].any()]
    named = silent or constant
    names = ", ".join(f"'{name}'" for name in named[:5]) + ", ..." * (len(named) > 5)
    n_tiles = len(shown[constant[0]])
    raise InputError(
        f"network answers alike to every pixel of {n_tiles} calibration "
        f"tile{'s' * (n_tiles != 1)}: {'nothing fires in' if silent else 'all fire alike in'} "
        f"layer{'s' * (len(named) != 1)} {names}; train it anew"
    )
