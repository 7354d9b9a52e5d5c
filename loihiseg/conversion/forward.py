"""A lowered network in numpy: activations of its layers, without a framework."""

import numpy as np

from loihiseg.conversion.convolution import term_input
from loihiseg.conversion.spec import LoweredNetwork

BATCH = 4
"""Images that go through a layer together; more only take memory."""


def forward(
    network: LoweredNetwork, pixels: np.ndarray, staircase: bool | None = None
) -> dict[str, np.ndarray]:
    """Activation of every layer if each neuron fired at its settled rate.

    Parameters
    ----------
    network : LoweredNetwork
        Float or quantized, of activations or of the neurons that stand for them.
    pixels : numpy.ndarray
        (n, rows, columns) or (n, rows, columns, channels), float32, normalized.
    staircase : bool, optional
        Rate staircase in all layers, or ideal ReLU in all; by default as each layer was trained.
        Quantized activations are what they are.

    Returns
    -------
    dict of str to numpy.ndarray
        (n, rows, columns, channels) float32 by layer: of binary neurons the activations that they
        stand for.
    """
    images = np.asarray(pixels, np.float32)
    images = images[..., None] if images.ndim == 3 else images
    parts = [
        _forward(network, images[start : start + BATCH], staircase)
        for start in range(0, len(images), BATCH)
    ]
    return {
        layer.name: np.concatenate([part[layer.name] for part in parts]) for layer in network.layers
    }


def _forward(
    network: LoweredNetwork, images: np.ndarray, staircase: bool | None
) -> dict[str, np.ndarray]:
    (name,) = network.inputs
    values, found = {name: images}, {}
    for layer in network.layers:
        total = np.broadcast_to(layer.bias, (len(images), *layer.shape)).astype(np.float32)
        for term in layer.terms:
            total += term_input(term, values[term.source], layer.shape)
        neuron = layer.neuron
        values[layer.name] = neuron.activation(total, layer.rate_scale_hz, staircase)
        found[layer.name] = neuron.represented(values[layer.name])
    return found
