"""Where precision is lost: every layer of a network in Loihi's fixed point, beside its floats."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from loihiseg.conversion.neuron import ChipLayer
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer, neuron_bias
from loihiseg.conversion.term_channels import channels_of, put_values, values_of
from loihiseg.errors import InputError, LoihisegError
from loihiseg.quantization.fixed_point import (
    BlockScale,
    block_scale,
    integer_exponent,
    quantize_bias,
    quantize_threshold,
    quantize_weights,
)
from loihiseg.results.layers import LayerPrecision


@dataclass(frozen=True, eq=False)
class QuantizedNetwork:
    """A network as it will behave on the chip, and the precision of each layer.

    Attributes
    ----------
    network : LoweredNetwork
        The float network with every on-chip weight, bias and threshold replaced by what its
        integers mean to its neurons. Layers on the host are unchanged.
    precision : tuple of LayerPrecision
        Of the layers on the chip.
    """

    network: LoweredNetwork
    precision: tuple[LayerPrecision, ...]


def quantize_network(
    network: LoweredNetwork,
    block_shapes: Mapping[str, tuple[int, int, int]],
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
        part of the kernel only, such as one row at the border, may have another, see
        ``partition.core.layers.Layer.whole_kernels``; not those of layers that are built by
        `loihiseg.conversion.own_synapses`.
    synapse_s : float
        Time constant in seconds of the synaptic filter, 0 for none.
    dt_s : float
        Length of a step in seconds.

    Returns
    -------
    QuantizedNetwork

    Raises
    ------
    InputError
        Names every layer whose weights, biases and threshold fit no scale of the chip.
    """
    scales_hz = {layer.name: layer.rate_scale_hz for layer in network.layers}
    layers, precision, faults = [], [], []
    for layer in network.layers:
        if not layer.on_host:
            width = block_shapes[layer.name][2]
            try:
                layer, row = _quantize_layer(layer, scales_hz, width, synapse_s, dt_s)
                precision.append(row)
            except LoihisegError as error:
                faults.append(f"layer '{layer.name}': {error}")
        layers.append(layer)
    if faults:
        raise InputError("; ".join(faults), faults)
    return QuantizedNetwork(replace(network, layers=tuple(layers)), tuple(precision))


def chip_weights(
    layer: SpikingLayer, source_scale_hz: Sequence[float], dt_s: float = 0.001
) -> list[np.ndarray]:
    """Float weights of each term in nengo-loihi's units, float32, the shape of its values.

    A spike carries 1 / dt times the source's amplitude; a neuron's gain is its rate scale.
    """
    weights = []
    for term, scale_hz in zip(layer.terms, source_scale_hz):
        values = term.values.astype(np.float64) / dt_s * (1.0 / scale_hz) * layer.rate_scale_hz
        weights.append(values.astype(np.float32))
    return weights


def layer_scales(
    layer: SpikingLayer,
    source_scale_hz: Sequence[float],
    width: int,
    synapse_s: float,
    dt_s: float = 0.001,
) -> Iterator[tuple[slice, BlockScale]]:
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
    membrane = layer.neuron.membrane(dt_s)
    decay = 1.0 if not synapse_s else -np.expm1(-dt_s / synapse_s)
    decay = None if membrane.forgets_current else decay
    for start in range(0, layer.shape[2], width):
        part = slice(start, min(start + width, layer.shape[2]))
        largest = _largest(layer, weights, part)
        scale = block_scale(
            largest, membrane.threshold, bias[..., part], decay, membrane.decay,
            scale_voltage=membrane.undo_gain,
        )  # fmt: skip
        yield part, scale


def _largest(layer: SpikingLayer, weights: Sequence[np.ndarray], part: slice) -> float:
    """The largest weight by which a run of channels hears."""
    channels = layer.shape[2]
    return max(
        float(np.abs(values_of(term, w, part, channels)).max(initial=0))
        for term, w in zip(layer.terms, weights, strict=True)
    )


@dataclass(eq=False)
class _Notes:
    """What a row of the report says of a layer's blocks."""

    scales: list[float] = field(default_factory=list)
    exponents: list[int] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    threshold_errors: list[float] = field(default_factory=list)


def _quantize_layer(
    layer: SpikingLayer,
    scales_hz: dict[str, float],
    width: int,
    synapse_s: float,
    dt_s: float,
) -> tuple[SpikingLayer, LayerPrecision]:
    if layer.neuron.integers:
        return _exact(layer)
    sources_hz = [scales_hz[name] for name in layer.sources]
    weights = chip_weights(layer, sources_hz, dt_s)
    bias = neuron_bias(layer).astype(np.float32) * np.float32(layer.rate_scale_hz)
    notes = _Notes()
    blocks = layer_scales(layer, sources_hz, width, synapse_s, dt_s)
    chip = _integers(layer, weights, bias, blocks, sources_hz, dt_s, notes)
    meant, meant_bias = layer.neuron.meant(chip)
    own = [number for number, term in enumerate(layer.terms) if not term.uniform]
    lossy = [weights[n] for n in own], [meant[n] for n in own]
    bias_error = float(np.abs(meant_bias - bias).max())
    row = LayerPrecision(
        layer=layer.name,
        n_scales=len(notes.scales),
        weight_scale_low=min(notes.scales),
        weight_scale_high=max(notes.scales),
        exponent_low=min(notes.exponents),
        exponent_high=max(notes.exponents),
        bits_lost=max(notes.lost),
        zeroed_share=_zeroed_share(*lossy),
        signal_to_noise_db=_signal_to_noise_db(*lossy),
        bias_error_hz=bias_error * layer.neuron.bias_unit(weights),
        threshold_error=max(notes.threshold_errors),
    )
    return layer.neuron.quantized(layer, chip), row


def _exact(layer: SpikingLayer) -> tuple[SpikingLayer, LayerPrecision]:
    """A layer of integers: it computes what its own terms say, its clock's are no input."""
    terms = tuple(term for term in layer.terms if not term.uniform)
    exponents = [integer_exponent(term.values) for term in terms]
    found = [exponent for exponent in exponents if exponent is not None]
    assert len(found) == len(terms), layer.name
    row = LayerPrecision(
        layer=layer.name,
        n_scales=1,
        weight_scale_low=1.0,
        weight_scale_high=1.0,
        exponent_low=min(found),
        exponent_high=max(found),
        bits_lost=0,
        zeroed_share=0.0,
        signal_to_noise_db=0.0,
        bias_error_hz=0.0,
        threshold_error=0.0,
    )
    return replace(layer, terms=terms), row


def _integers(
    layer: SpikingLayer,
    weights: list[np.ndarray],
    bias: np.ndarray,
    blocks: Iterable[tuple[slice, BlockScale]],
    sources_hz: list[float],
    dt_s: float,
    notes: _Notes,
) -> ChipLayer:
    """The integers of all blocks of a layer."""
    threshold = layer.neuron.membrane(dt_s).threshold
    integers = tuple(np.zeros_like(w) for w in weights)
    bias_of = np.zeros(bias.shape)
    threshold_of, *scale_of = np.zeros((4, layer.shape[2]))
    channels = layer.shape[2]
    for part, scale in blocks:
        vth = quantize_threshold(threshold, scale)
        if vth == 0:
            largest = _largest(layer, weights, part)
            largest_bias = float(np.abs(bias[..., part]).max())
            raise InputError(
                f"weights up to {largest:g} and biases up to {largest_bias:g} leave nothing of the "
                f"threshold of {threshold:g}: its neurons would fire in every step; scale the "
                "layer's activations down"
            )
        for term, value, exact in zip(layer.terms, weights, integers, strict=True):
            group = quantize_weights(values_of(term, value, part, channels), scale)
            put_values(term, exact, part, channels, group.integers)
            notes.exponents.append(group.exponent)
            notes.lost.append(group.bits_lost)
        bias_of[..., part] = quantize_bias(bias[..., part], scale)
        threshold_of[part] = vth
        for column, factor in zip(
            scale_of, (scale.current_scale, scale.bias_scale, scale.voltage_scale), strict=True
        ):
            column[part] = factor
        notes.scales.append(scale.weight_scale)
        # The neuron compares with its threshold: one that is off by a factor scales its input.
        notes.threshold_errors.append(abs(1 - 1 / (threshold * scale.voltage_scale / vth)))
    current_scale, bias_scale, voltage_scale = scale_of
    return ChipLayer(
        weights=integers,
        channels=tuple(channels_of(term, channels) for term in layer.terms),
        bias=bias_of,
        threshold=threshold_of,
        current_scale=current_scale,
        bias_scale=bias_scale,
        voltage_scale=voltage_scale,
        sources_hz=tuple(sources_hz),
        dt_s=dt_s,
    )


def _zeroed_share(weights: list[np.ndarray], meant: list[np.ndarray]) -> float:
    zeroed = sum(int(np.count_nonzero((w != 0) & (m == 0))) for w, m in zip(weights, meant))
    return zeroed / max(sum(int(np.count_nonzero(w)) for w in weights), 1)


def _signal_to_noise_db(weights: list[np.ndarray], meant: list[np.ndarray]) -> float:
    signal = sum(float(np.square(w, dtype=np.float64).sum()) for w in weights)
    noise = sum(float(np.square(w - m).sum()) for w, m in zip(weights, meant))
    return 10.0 * float(np.log10(signal / noise)) if signal and noise else 0.0
