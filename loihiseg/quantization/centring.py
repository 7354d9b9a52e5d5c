"""Thresholds of binary neurons in the middle between the sums that can occur.

Weights on the chip are multiples of 64 or more in the integers in which currents are added, so the
sum of any spikes is too; biases are finer. A bias that puts the threshold halfway between two
multiples leaves every sum at least 32 away from it. What is left of the current of the step before,
1/4096 of it, then tips no neuron unless that current was above 4096 times as much: eight times the
largest weight, or sixteen where all sources have the largest exponent. The bias moves by half a
step of the weights at most.
"""

from dataclasses import replace

import numpy as np

from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.conversion.thermometer import neuron_bias
from loihiseg.quantization.fixed_point import (
    BIAS_MANTISSA_MAX,
    BIAS_MAX,
    quantize_threshold,
    quantize_weights,
)
from loihiseg.quantization.layers import chip_weights, layer_scales, threshold_of


def centred(network: LoweredNetwork, block_shapes) -> LoweredNetwork:
    """Move the biases of binary neurons on the chip so that no sum is at a threshold.

    Parameters
    ----------
    network : LoweredNetwork
        Other neurons are left as they are.
    block_shapes : dict of str to tuple of int
        (rows, columns, channels) of the blocks of each layer on the chip, which have a scale each.

    Returns
    -------
    LoweredNetwork
    """
    scales_hz = {layer.name: layer.rate_scale_hz for layer in network.layers}
    layers = tuple(
        _centred(layer, [scales_hz[name] for name in layer.sources], block_shapes[layer.name][2])
        if layer.binary and not layer.on_host
        else layer
        for layer in network.layers
    )
    return replace(network, layers=layers)


def _centred(layer, sources_hz, width):
    weights = chip_weights(layer, sources_hz)
    bias = layer.bias.copy()
    wanted = neuron_bias(layer).astype(np.float64) * layer.rate_scale_hz
    for part, scale in layer_scales(layer, sources_hz, width, 0.0):
        step = min(weight_step(quantize_weights(w[..., part], scale).exponent) for w in weights)
        threshold = quantize_threshold(threshold_of(layer), scale)
        moved = middle(wanted[part] * scale.bias_scale - threshold, step) + threshold
        # A bias too large for so fine a step is rounded by nengo-loihi as it would have been.
        fits = np.abs(moved) <= min(BIAS_MANTISSA_MAX * step // 2, BIAS_MAX)
        change = (moved / scale.bias_scale - wanted[part]) / layer.rate_scale_hz
        bias[part] += np.where(fits, change, 0.0).astype(np.float32)
    return replace(layer, bias=bias)


def weight_step(exponent: int) -> int:
    """What all weights of a synapse group are multiples of, in the chip's integers."""
    return 2 ** (6 + max(1 + exponent, 0))


def middle(values, step: int):
    """The nearest odd multiple of half a step, for each value."""
    return (np.floor(np.asarray(values) / step) + 0.5) * step
