"""A lowered network in numpy: activations of its layers, without a framework."""

import numpy as np

from loihiseg.conversion.convolution import term_input
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.conversion.thermometer import levels_on

DT_S = 0.001

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
        own = layer.staircase if staircase is None else staircase
        values[layer.name] = activation_of(layer, total, own)
        found[layer.name] = values[layer.name]
        if layer.binary:
            on = levels_on(layer, values[layer.name])
            found[layer.name] = on * np.float32(layer.level_value)
    return found


def activation_of(layer: SpikingLayer, total: np.ndarray, staircase: bool) -> np.ndarray:
    """Activation of a layer for its input, float32, the same shape."""
    if layer.binary:
        return (total > 0).astype(np.float32)
    if layer.levels:
        step = np.float32(layer.level_value)
        return step * np.clip(np.floor(total / step + np.float32(0.5)), 0, np.float32(layer.levels))
    scale = np.float32(layer.rate_scale_hz)
    current_hz = total * scale
    rates_hz = loihi_rate(current_hz) if staircase else np.maximum(current_hz, 0)
    return rates_hz / scale


def loihi_rate(current_hz: np.ndarray) -> np.ndarray:
    """Firing rate, Hz, float32, of the chip's neuron at constant input.

    ``1 / (dt * ceil(1 / (dt * current)))``, 0 where the current is not positive; see
    `loihiseg.network.activations.loihi_rate`.
    """
    positive = current_hz > 0
    safe = np.where(positive, current_hz, np.float32(1))
    dt_s, one = np.float32(DT_S), np.float32(1)
    return np.where(positive, one / (dt_s * np.ceil(one / (dt_s * safe))), np.float32(0))
