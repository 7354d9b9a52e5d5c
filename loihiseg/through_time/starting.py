"""A network over time that begins as a trained one without: its kernels, its currents scaled.

A layer's currents are divided by ``a``, a percentile of its pre-activations on training crops, so
that the threshold of 1 is where few are above. Spikes then stand for activations over ``a`` of
their layer, by which the kernels that hear them are multiplied.
"""

from collections.abc import Mapping

from loihiseg.frameworks import tf

import numpy as np

from loihiseg.errors import InputError
from loihiseg.network.config import UNetConfig
from loihiseg.through_time.structure import wires
from loihiseg.through_time.weight_shapes import NORM

PERCENTILE = 90.0
"""Of pre-activations; 95 leaves deep layers silent in their first step."""

LEAST = 1e-2
"""Scales stay above it."""


def start_over_time(
    before: tf.keras.Model, after: tf.keras.Model, config: UNetConfig, crops: np.ndarray
) -> None:
    """Put a trained network without steps into one over time.

    Parameters
    ----------
    before : tf.keras.Model
        Of `loihiseg.network.unet.build_unet`, in the size of the crops.
    after : tf.keras.Model
        Of `loihiseg.through_time.unet.build_through_time`, in the normalized form; changed.
    config : UNetConfig
        Of both.
    crops : numpy.ndarray
        float32, (batch, rows, columns, 1).

    Raises
    ------
    InputError
        If the network has batch normalizations.
    """
    if any(name.name.endswith(NORM) for name in before.layers):
        raise InputError(
            "network to start from: has batch normalizations; start from one in which they are "
            "folded, as its last stage has them"
        )
    names = config.activations
    inner = tf.keras.Model(before.inputs, [before.get_layer(name).output for name in names])
    values = dict(zip(names, inner.predict(crops, verbose=0)))
    scales: dict[str, float] = {}
    for wire in wires(config):
        scales[wire.name] = max(float(np.percentile(values[wire.name], PERCENTILE)), LEAST)
        kernel, bias = before.get_layer(wire.name).get_weights()
        layer = after.get_layer(wire.name)
        transposed = isinstance(layer, tf.keras.layers.Conv2DTranspose)
        factors = [
            np.full(before.get_layer(source).bias.shape, scales[source]) for source in wire.sources
        ]
        heard = np.concatenate(factors) if factors else np.ones(1)
        kernel = kernel * (heard if transposed else heard[:, None])
        _set_norm(after.get_layer(wire.name + NORM), values[wire.name], bias, scales[wire.name])
        if after.get_layer(wire.name + NORM).kind == "none":
            kernel = kernel / scales[wire.name]
        layer.kernel.assign(kernel)
    kernel, bias = before.get_layer("readout").get_weights()
    readout = after.get_layer("readout")
    for weight, value in zip(readout.weights, (kernel * scales[names[-1]], bias), strict=True):
        # Heads, where there are several, begin alike.
        weight.assign(np.broadcast_to(value, weight.shape))


def _set_norm(
    norm: tf.keras.layers.Layer, values: np.ndarray, bias: np.ndarray, scale: float
) -> None:
    """Normalize by what was there, and scale and shift it back to what was there over a scale."""
    if norm.kind == "none":
        norm.beta.assign((bias / scale)[None])
        return
    axes = (0, 1, 2)
    mean, variance = values.mean(axes, dtype=np.float64), values.var(axes, dtype=np.float64)
    found: Mapping[str, np.ndarray] = {
        "gamma": np.sqrt(variance + 1e-4) / scale,
        "beta": mean / scale,
        "moving_mean": mean - bias,
        "moving_variance": variance,
    }
    for name, value in found.items():
        weight = getattr(norm, name)
        if weight is not None:
            weight.assign(np.broadcast_to(value, weight.shape))
