"""A lowered network in numpy: activations of its layers, without a framework."""

from collections.abc import Mapping

import numpy as np

from loihiseg.conversion.convolution import layer_total
from loihiseg.conversion.host_current import host_current
from loihiseg.conversion.over_time import is_over_time, shares_over_time
from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.errors import InputError

BATCH = 4
"""Images that go through a layer together; more only take memory."""


def forward(
    network: LoweredNetwork,
    pixels: np.ndarray | Mapping[str, np.ndarray],
    staircase: bool | None = None,
) -> dict[str, np.ndarray]:
    """Activation of every layer if each neuron fired at its settled rate.

    Parameters
    ----------
    network : LoweredNetwork
        Float or quantized, of activations or of the neurons that stand for them.
    pixels : numpy.ndarray or mapping of str to numpy.ndarray
        (n, rows, columns) or (n, rows, columns, channels), float32, normalized; of a network with
        several inputs one by name.
    staircase : bool, optional
        Rate staircase in all layers, or ideal ReLU in all; by default as each layer was trained.
        Quantized activations are what they are.

    Returns
    -------
    dict of str to numpy.ndarray
        (n, rows, columns, channels) float32 by layer: of binary neurons the activations that they
        stand for; of layers with own steps the spikes per own step.
    """
    images = _by_name(network, pixels)
    if is_over_time(network):
        return shares_over_time(network, next(iter(images.values())))
    n_images = len(next(iter(images.values())))
    parts = [
        _forward(
            network,
            {name: part[start : start + BATCH] for name, part in images.items()},
            staircase,
        )
        for start in range(0, n_images, BATCH)
    ]
    return {
        layer.name: np.concatenate([part[layer.name] for part in parts]) for layer in network.layers
    }


def _by_name(
    network: LoweredNetwork, pixels: np.ndarray | Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    names = tuple(network.inputs)
    if not isinstance(pixels, Mapping):
        if len(names) != 1:
            raise InputError(f"network has the inputs {', '.join(names)}; give images by name")
        pixels = {names[0]: pixels}
    found = {name: np.asarray(pixels[name], np.float32) for name in names}
    return {name: part[..., None] if part.ndim == 3 else part for name, part in found.items()}


def _forward(
    network: LoweredNetwork, images: dict[str, np.ndarray], staircase: bool | None
) -> dict[str, np.ndarray]:
    values, found = dict(images), {}
    n_images = len(next(iter(images.values())))
    for layer in network.layers:
        neuron = layer.neuron
        if layer.on_host and neuron.compares:
            # Only its sign counts, and it is the sign that the host finds, to the last bit.
            total = np.sign(host_current(layer, values, n_images)).astype(np.float32)
        else:
            total = layer_total(layer, values, n_images)
        values[layer.name] = neuron.activation(total, layer.rate_scale_hz, staircase)
        found[layer.name] = neuron.represented(values[layer.name])
    return found
