"""Where precision is lost: every layer of a network in Loihi's fixed point, beside its floats."""

from dataclasses import dataclass, replace

import numpy as np

from loihiseg.conversion.clocks import is_clocked
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.conversion.thermometer import MEMORYLESS_TAU_S, neuron_bias
from loihiseg.quantization.fixed_point import (
    block_scale,
    decay_gain,
    quantize_bias,
    quantize_decay,
    quantize_threshold,
    quantize_weights,
)
from loihiseg.results.layers import LayerPrecision

UNFILTERED_GAIN = decay_gain(quantize_decay(1.0, current=True), current=True)
"""What a constant current settles at without a filter, of which 1/4096 is left each step."""


@dataclass(frozen=True, eq=False)
class QuantizedNetwork:
    """A network as it will behave on the chip, and the precision of each layer.

    Attributes
    ----------
    network : LoweredNetwork
        The float network with every on-chip weight, bias and threshold replaced by what its
        integers mean. Layers on the host are unchanged. Of binary neurons only the sign of the
        input counts, so theirs are the integers themselves, which float32 adds without rounding;
        the bias holds the threshold, and (without a clock) is smaller by what a constant current
        gains from the part of it that is left from step to step.
    precision : tuple of LayerPrecision
        Of the layers on the chip.
    """

    network: LoweredNetwork
    precision: tuple[LayerPrecision, ...]


def quantize_network(
    network: LoweredNetwork,
    block_shapes: dict[str, tuple[int, int, int]],
    synapse_s: float,
    dt_s: float = 0.001,
) -> QuantizedNetwork:
    """Quantize the layers on the chip as nengo-loihi will.

    Parameters
    ----------
    network : LoweredNetwork
    block_shapes : dict of str to tuple of int
        (rows, columns, channels) of the blocks of each layer. Only channels matter: blocks that
        differ in rows and columns share their kernel, and so their scale. Blocks that hear through
        part of the kernel only, such as one row at the border, may have another; see
        ``partition.core.layers.Layer.whole_kernels``.
    synapse_s : float
        Time constant in seconds of the synaptic filter, 0 for none.
    dt_s : float
        Length of a step in seconds.

    Returns
    -------
    QuantizedNetwork
    """
    scales_hz = {layer.name: layer.rate_scale_hz for layer in network.layers}
    layers, precision = [], []
    for layer in network.layers:
        if not layer.on_host:
            width = block_shapes[layer.name][2]
            layer, row = _quantize_layer(layer, scales_hz, width, synapse_s, dt_s)
            precision.append(row)
        layers.append(layer)
    return QuantizedNetwork(replace(network, layers=tuple(layers)), tuple(precision))


def chip_weights(layer: SpikingLayer, source_scale_hz, dt_s=0.001) -> list[np.ndarray]:
    """Float weights of each term in nengo-loihi's units, float32, the shape of its kernel.

    A spike carries 1 / dt times the source's amplitude; a neuron's gain is its rate scale.
    """
    weights = []
    for term, scale_hz in zip(layer.terms, source_scale_hz):
        kernel = term.kernel.astype(np.float64) / dt_s * (1.0 / scale_hz) * layer.rate_scale_hz
        weights.append(kernel.astype(np.float32))
    return weights


def layer_scales(layer, source_scale_hz, width, synapse_s, dt_s=0.001):
    """Channel slice and `BlockScale` of each block of a layer along its channels.

    Parameters
    ----------
    layer : SpikingLayer
    source_scale_hz : sequence of float
        Rate scale of each term's source.
    width : int
        Channels per block.

    Yields
    ------
    slice, BlockScale
    """
    weights = chip_weights(layer, source_scale_hz, dt_s)
    bias = neuron_bias(layer).astype(np.float32) * np.float32(layer.rate_scale_hz)
    decay = 1.0 if not synapse_s else -np.expm1(-dt_s / synapse_s)
    leaky = {}
    if layer.binary:
        leaky = {
            "decay_voltage": -np.expm1(-dt_s / MEMORYLESS_TAU_S),
            "scale_voltage": True,
        }
    for start in range(0, layer.shape[2], width):
        part = slice(start, min(start + width, layer.shape[2]))
        largest = max(float(np.abs(w[..., part]).max()) for w in weights)
        yield part, block_scale(largest, threshold_of(layer, dt_s), bias[part], decay, **leaky)


def threshold_of(layer, dt_s=0.001) -> float:
    """Threshold of a layer's neurons in nengo-loihi's units."""
    return 1.0 if layer.binary else 1.0 / dt_s


def _quantize_layer(layer, scales_hz, width, synapse_s, dt_s):
    sources_hz = [scales_hz[name] for name in layer.sources]
    weights = chip_weights(layer, sources_hz, dt_s)
    bias = neuron_bias(layer).astype(np.float32) * np.float32(layer.rate_scale_hz)
    meant = [np.zeros_like(w, np.float64) for w in weights]
    meant_bias = np.zeros(layer.shape[2])
    integers = [np.zeros_like(w) for w in weights]
    integer_bias = np.zeros(layer.shape[2])
    threshold = threshold_of(layer, dt_s)
    scales, exponents, lost, off = [], [], [], []
    for part, scale in layer_scales(layer, sources_hz, width, synapse_s, dt_s):
        vth, biases = quantize_threshold(threshold, scale), quantize_bias(bias[part], scale)
        # The neuron compares with its threshold: a threshold off by a factor scales its input.
        error = threshold * scale.voltage_scale / vth
        factor = 1.0 if layer.binary else error
        for value, quantized, exact in zip(weights, meant, integers):
            group = quantize_weights(value[..., part], scale)
            exact[..., part] = group.integers
            quantized[..., part] = group.integers / scale.current_scale * factor
            exponents.append(group.exponent)
            lost.append(group.bits_lost)
        meant_bias[part] = biases / scale.bias_scale * factor
        if layer.binary:
            meant_bias[part] += threshold - vth / scale.bias_scale
            # Of input in single steps nothing is gained from the step before.
            integer_bias[part] = (biases - vth) / (1.0 if is_clocked(layer) else UNFILTERED_GAIN)
        scales.append(scale.weight_scale)
        off.append(abs(1 - 1 / error))
    own = [number for number, term in enumerate(layer.terms) if not term.uniform]
    lossy = [weights[n] for n in own], [meant[n] for n in own]
    row = LayerPrecision(
        layer=layer.name,
        n_scales=len(scales),
        weight_scale_low=min(scales),
        weight_scale_high=max(scales),
        exponent_low=min(exponents),
        exponent_high=max(exponents),
        bits_lost=max(lost),
        zeroed_share=_zeroed_share(*lossy),
        signal_to_noise_db=_signal_to_noise_db(*lossy),
        bias_error_hz=float(np.abs(meant_bias - bias).max()) * _bias_unit(layer, weights),
        threshold_error=max(off),
    )
    if layer.binary:
        terms = tuple(replace(term, kernel=k) for term, k in zip(layer.terms, integers))
        return replace(layer, terms=terms, bias=integer_bias.astype(np.float32)), row
    terms = tuple(
        replace(term, kernel=(m * dt_s * hz / layer.rate_scale_hz).astype(np.float32))
        for term, m, hz in zip(layer.terms, meant, sources_hz)
    )
    bias = (meant_bias / layer.rate_scale_hz).astype(np.float32)
    return replace(layer, terms=terms, bias=bias), row


def _bias_unit(layer, weights):
    if not layer.binary:
        return 1.0
    return 1000.0 / max(*(float(np.abs(w).max(initial=0)) for w in weights), 1e-30)


def _zeroed_share(weights, meant):
    zeroed = sum(int(np.count_nonzero((w != 0) & (m == 0))) for w, m in zip(weights, meant))
    return zeroed / max(sum(int(np.count_nonzero(w)) for w in weights), 1)


def _signal_to_noise_db(weights, meant):
    signal = sum(float(np.square(w, dtype=np.float64).sum()) for w in weights)
    noise = sum(float(np.square(w - m).sum()) for w, m in zip(weights, meant))
    return 10.0 * float(np.log10(signal / noise)) if signal and noise else 0.0
