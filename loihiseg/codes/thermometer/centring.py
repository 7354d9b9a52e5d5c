"""Thresholds of binary neurons in the middle between the sums that can occur.

Weights on the chip are multiples of 64 or more in the integers in which currents are added, so the
sum of any spikes is too; biases are finer. A bias that puts the threshold halfway between two
multiples leaves every sum at least 32 away from it, so that nothing depends on how the threshold
was rounded. The bias moves by half a step of the weights at most, and past no sum: a neuron is on
for the sums of rounded weights for which it is with its float bias. As nothing is left of a step's
current in the next, that is so for every input.

Layers with a clock (`loihiseg.codes.thermometer.clocks`) then have their biases lowered by what
their clock sends: spikes of the largest weight of the block, or of less where the bias would else
be too large for steps so fine. The clock's weights and the biases are integers of the chip that add
up to the bias without a clock.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from loihiseg.codes.code import BlockShapes
from loihiseg.conversion.linear import Term
from loihiseg.conversion.neuron import THRESHOLD
from loihiseg.conversion.precision import chip_weights, layer_scales
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer, neuron_bias
from loihiseg.conversion.term_channels import values_of
from loihiseg.quantization.fixed_point import (
    BIAS_MANTISSA_MAX,
    BIAS_MAX,
    WEIGHT_MANTISSA_MAX,
    BlockScale,
    quantize_bias,
    quantize_threshold,
    quantize_weights,
)


def centred(network: LoweredNetwork, block_shapes: BlockShapes) -> LoweredNetwork:
    """Move the biases of binary neurons on the chip so that no sum is at a threshold.

    Parameters
    ----------
    network : LoweredNetwork
        Other neurons are left as they are.
    block_shapes : mapping of str to tuple of int
        (rows, columns, channels) of the blocks of each layer on the chip, which have a scale each.

    Returns
    -------
    LoweredNetwork
    """
    scales_hz = {layer.name: layer.rate_scale_hz for layer in network.layers}

    def of(layer: SpikingLayer) -> SpikingLayer:
        if layer.on_host or not layer.neuron.compares:
            return layer
        width = block_shapes[layer.name][2]
        plain = replace(layer, terms=tuple(term for term in layer.terms if not term.clock))
        plain = _centred(plain, [scales_hz[name] for name in plain.sources], width)
        for clock in (term for term in layer.terms if term.clock and isinstance(term, Term)):
            sources_hz = [scales_hz[name] for name in (*plain.sources, clock.source)]
            plain = _lowered(plain, clock, sources_hz, width)
        return plain

    return replace(network, layers=tuple(of(layer) for layer in network.layers))


def _lowered(layer: SpikingLayer, clock: Term, sources_hz: list[float], width: int) -> SpikingLayer:
    """A centred layer with its clock, and biases lowered by what the clock sends."""
    *own_hz, clock_hz = sources_hz
    wanted = neuron_bias(layer).astype(np.float32) * np.float32(layer.rate_scale_hz)
    weight, bias = np.zeros(layer.shape[2], np.float32), layer.bias.copy()
    pixels = tuple(range(bias.ndim - 1))
    per_kernel = 1000.0 * layer.rate_scale_hz / clock_hz
    for part, scale in layer_scales(layer, own_hz, width, 0.0):
        held = quantize_bias(wanted[..., part], scale)
        # All pixels of a channel hear the clock alike.
        sent = _room(held, clock.levels, scale).min(axis=pixels)
        group = quantize_weights((sent / scale.current_scale).astype(np.float32), scale)
        lowered = held - clock.levels * group.integers
        weight[part] = sent / scale.current_scale / per_kernel
        bias[..., part] = lowered / scale.bias_scale / layer.rate_scale_hz - THRESHOLD
    kernel = np.broadcast_to(weight, clock.kernel.shape)
    terms = (*layer.terms, replace(clock, kernel=np.ascontiguousarray(kernel)))
    found = replace(layer, terms=terms, bias=bias)
    return found if _adds_up(layer, found, own_hz, clock_hz, width) else _unclocked(layer, clock)


def _room(held: np.ndarray, n_spikes: int, scale: BlockScale) -> np.ndarray:
    """Weights of a clock, in the chip's integers, for which lowered biases need no rounding."""
    step = 2 ** (7 + scale.exponent)
    # Centred biases are odd multiples of half a step, or of 32 where some source has finer weights.
    finest = np.where(held % 64 == 0, 64, 32)
    room = (BIAS_MANTISSA_MAX * finest + held) // (n_spikes * step)
    return np.clip(room, 0, WEIGHT_MANTISSA_MAX) * step


def _adds_up(
    layer: SpikingLayer, found: SpikingLayer, own_hz: list[float], clock_hz: float, width: int
) -> bool:
    """Whether scales are what they were, and bias and clock add up to the bias that was."""
    before = neuron_bias(layer).astype(np.float32) * np.float32(layer.rate_scale_hz)
    after = neuron_bias(found).astype(np.float32) * np.float32(found.rate_scale_hz)
    term = found.terms[-1]
    (sent,) = chip_weights(replace(found, terms=(term,)), [clock_hz])
    blocks = zip(
        layer_scales(layer, own_hz, width, 0.0),
        layer_scales(found, [*own_hz, clock_hz], width, 0.0),
    )
    return all(
        scale == own
        and np.array_equal(
            quantize_bias(before[..., part], own),
            quantize_bias(after[..., part], scale)
            + term.levels * quantize_weights(sent[0, 0, 0, part], scale).integers,
        )
        for (part, own), (_, scale) in blocks
    )


def _unclocked(layer: SpikingLayer, clock: Term) -> SpikingLayer:
    """A layer that its clock has no weight in: it fires as it likes."""
    silent = replace(clock, kernel=np.zeros_like(clock.kernel))
    return replace(layer, terms=(*layer.terms, silent))


def _centred(layer: SpikingLayer, sources_hz: list[float], width: int) -> SpikingLayer:
    weights = chip_weights(layer, sources_hz)
    bias = layer.bias.copy()
    wanted = neuron_bias(layer).astype(np.float64) * layer.rate_scale_hz
    threshold = layer.neuron.membrane().threshold
    for part, scale in layer_scales(layer, sources_hz, width, 0.0):
        groups = [
            quantize_weights(values_of(term, w, part, layer.shape[2]), scale)
            for term, w in zip(layer.terms, weights, strict=True)
        ]
        step = min(weight_step(group.exponent) for group in groups)
        # What the sum of spikes must reach, in the units of weights: neither the threshold's own
        # rounding nor what the chip's biases gain over weights moves it to another multiple.
        excess = (of_a_pixel(wanted)[part] - threshold) * scale.current_scale
        moved = middle(excess, step) + quantize_threshold(threshold, scale)
        if wanted.ndim > 1:
            apart = deviation(wanted, layer.levels, scale.current_scale, step)
            moved = moved + apart[..., part]
        # A bias too large for so fine a step is rounded by nengo-loihi as it would have been.
        fits = np.abs(moved) <= min(BIAS_MANTISSA_MAX * step // 2, BIAS_MAX)
        change = (moved / scale.bias_scale - wanted[..., part]) / layer.rate_scale_hz
        bias[..., part] += np.where(fits, change, 0.0).astype(np.float32)
    return replace(layer, bias=bias)


def of_a_pixel(bias: np.ndarray) -> np.ndarray:
    """Biases of the pixel in the middle, (channels,), which those of all others are held against.

    Parameters
    ----------
    bias : numpy.ndarray
        (channels,) or (rows, columns, channels).
    """
    return bias if bias.ndim == 1 else bias[bias.shape[0] // 2, bias.shape[1] // 2]


def deviation(bias: np.ndarray, levels: int, scale: float, step: int) -> np.ndarray:
    """By how many steps of the weights biases differ from those of the pixel in the middle.

    Parameters
    ----------
    bias : numpy.ndarray
        (rows, columns, neurons), of which runs of ``levels`` stand for one channel and differ
        alike.
    levels : int
    scale : float
        From bias to the chip's integers.
    step : int

    Returns
    -------
    numpy.ndarray
        float64, (rows, columns, neurons): multiples of ``step``.
    """
    own = (bias - of_a_pixel(bias))[..., ::levels] * scale
    return np.repeat(np.rint(own / step) * step, levels, axis=2)


def weight_step(exponent: int) -> int:
    """What all weights of a synapse group are multiples of, in the chip's integers."""
    return 2 ** (6 + max(1 + exponent, 0))


def middle(values: ArrayLike, step: int) -> np.ndarray:
    """The nearest odd multiple of half a step, for each value."""
    return (np.floor(np.asarray(values) / step) + 0.5) * step
