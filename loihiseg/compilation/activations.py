"""Activations of a lowered network in Keras: what choices of a compilation rest on."""

import numpy as np

from loihiseg.codes.code import Calibration, NeuralCode
from loihiseg.conversion.spec import LoweredNetwork


def settled_activations(network: LoweredNetwork, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Activation of every spiking layer if each neuron fired at its settled rate.

    Parameters
    ----------
    network : LoweredNetwork
        Float or quantized, of activations or of the neurons that stand for them.
    pixels : numpy.ndarray
        (n, tile, tile) normalized.

    Returns
    -------
    dict of str to numpy.ndarray
        (n, rows, columns, channels) float32 by layer. `loihiseg.conversion.forward` gives the same
        up to rounding, which the steps of firing rates make larger.
    """
    from loihiseg.conversion.converter import keras_network

    outputs = keras_network(network, staircase=True, channels=True).predict(
        pixels[..., None], verbose=0
    )
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
