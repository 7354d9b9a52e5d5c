"""Integers of a network of levels: weights of one scale per layer, and what each level needs.

They are those of the thermometer code (`loihiseg.codes.thermometer`), of which a neuron is on if
the sum of its integer weights reaches a threshold. Both codes are so the same function of the same
integers, unit for unit. (Biases that differ from pixel to pixel are
rounded to steps of the sums, which are of one size in both where one of the weights is odd.)
Here a layer's integers are divided by what they have in common, so that
one step of its sums is `GRID`: small sums leave room for the clock.
"""

from dataclasses import dataclass

import numpy as np

from loihiseg.codes.thermometer.centring import deviation, of_a_pixel, weight_step
from loihiseg.codes.thermometer.levels import neurons_of
from loihiseg.conversion.linear import AnyTerm, SparseTerm
from loihiseg.conversion.neuron import SPIKE_RATE_HZ
from loihiseg.conversion.precision import chip_weights
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer, neuron_bias
from loihiseg.errors import InputError
from loihiseg.quantization.fixed_point import (
    WEIGHT_MANTISSA_MAX,
    BlockScale,
    quantize_weights,
)

GRID = 64
"""What all of the chip's weights are multiples of."""

MOST_SUM = 2**23 - 1
"""Largest sum that a voltage holds."""

LEAST_APART = 2 * GRID
"""Thresholds of levels are so far apart: a neuron that was reset crosses its own again."""


@dataclass(frozen=True, eq=False)
class IntegerLayer:
    """A layer on the chip in integers.

    Attributes
    ----------
    weights : tuple of numpy.ndarray
        int64, of each term, the shape of its kernel: multiples of `GRID`.
    thresholds : numpy.ndarray
        int64, (levels, channels): what a sum must reach for each level, the lowest first.
    bias : numpy.ndarray or None
        int64, (rows, columns, channels): added to every sum; None for nothing. Biases that are of
        a channel alone are in its thresholds.
    """

    weights: tuple[np.ndarray, ...]
    thresholds: np.ndarray
    bias: np.ndarray | None = None


def integer_layers(network: LoweredNetwork) -> dict[str, IntegerLayer]:
    """The layers on the chip of a network of levels in integers, by name.

    Parameters
    ----------
    network : LoweredNetwork
        Of quantized activations.

    Raises
    ------
    InputError
        If a layer has no levels, or two of them need the same sum; names it.
    """
    neurons = neurons_of(network)
    return {
        layer.name: _integers(layer) for layer in neurons.chip_layers if not layer.neuron.chooses
    }


def _integers(layer: SpikingLayer) -> IntegerLayer:
    """Of a layer of the thermometer code."""
    levels, channels = layer.levels, layer.shape[2] // layer.levels
    sources_hz = [SPIKE_RATE_HZ] * len(layer.terms)
    floats = chip_weights(layer, sources_hz)
    # A layer without weights has levels all the same.
    largest = max(float(np.abs(w).max(initial=0)) for w in floats) or 1.0
    # What the thermometer code has where its biases have room.
    scale = BlockScale(largest, 2.0 * (WEIGHT_MANTISSA_MAX + 0.5) / largest, 0, 1.0, 1.0)
    groups = [quantize_weights(w, scale) for w in floats]
    step = min(weight_step(group.exponent) for group in groups)
    # All levels of a channel have its weights.
    weights = [
        _of_channels(term.with_values(group.integers), levels).astype(np.int64)
        for term, group in zip(layer.terms, groups, strict=True)
    ]
    wanted = neuron_bias(layer).astype(np.float64) * layer.rate_scale_hz
    excess = (of_a_pixel(wanted) - layer.neuron.membrane().threshold) * scale.current_scale
    needed = (-np.floor(excess / step)).astype(np.int64) * step
    thresholds = needed.reshape(channels, levels).T
    common = _common_step(weights)
    thresholds = -(-thresholds // common) * common
    bias = None
    if not layer.channel_bias:
        apart = deviation(wanted, levels, scale.current_scale, common)
        bias = apart[..., ::levels].astype(np.int64)
    return _on_grid(layer.name, weights, thresholds, common, bias)


def _of_channels(term: AnyTerm, levels: int) -> np.ndarray:
    """Values of a term of which the levels of a channel hear alike, for one level each."""
    if isinstance(term, SparseTerm):
        return np.asarray(term.weights[::levels].data)
    return term.kernel[..., ::levels]


def _common_step(weights: list[np.ndarray]) -> int:
    """The largest power of 2 that divides all weights."""
    bits = int(np.bitwise_or.reduce([int(np.bitwise_or.reduce(w, axis=None)) for w in weights]))
    return bits & -bits if bits else GRID


def _on_grid(
    name: str,
    weights: list[np.ndarray],
    thresholds: np.ndarray,
    common: int,
    bias: np.ndarray | None,
) -> IntegerLayer:
    """Integers of which one step is the grid, or more where levels are close to each other."""
    apart = int(np.diff(thresholds // common, axis=0).min(initial=LEAST_APART // GRID))
    if apart < 1:
        raise InputError(
            f"layer '{name}': two of its levels need the same sum of the chip's weights; the ramp "
            "code tells them apart by their sums: use fewer levels, or the thermometer code"
        )
    unit = GRID * -(-LEAST_APART // (GRID * apart))
    return IntegerLayer(
        tuple(w // common * unit for w in weights),
        thresholds // common * unit,
        None if bias is None else bias // common * unit,
    )


def largest_sums(
    term: AnyTerm, weights: np.ndarray, channels: int
) -> tuple[np.ndarray, np.ndarray]:
    """Largest sum of a term's positive weights, and of its negative ones, that one neuron hears.

    Parameters
    ----------
    term : Term or SparseTerm
    weights : numpy.ndarray
        Of its values' shape.
    channels : int
        Of the layer.

    Returns
    -------
    positive, negative : numpy.ndarray
        (channels,); both at least 0.
    """
    if isinstance(term, SparseTerm):
        matrix = term.with_values(weights).weights
        own = (matrix.maximum(0), (-matrix).maximum(0))
        sums = [np.asarray(part.sum(axis=1)).reshape(-1, channels).max(axis=0) for part in own]
        return sums[0].astype(np.int64), sums[1].astype(np.int64)
    if term.depthwise:
        # Each channel hears one of the source: as a kernel of one source channel.
        weights = weights.reshape(*weights.shape[:2], 1, channels)
    strides = term.strides if term.transposed else (1, 1)
    found = []
    for part in (np.maximum(weights, 0), np.maximum(-weights, 0)):
        # Of a transposed convolution a neuron hears every stride-th weight of the kernel.
        classes = [
            part[row :: strides[0], column :: strides[1]].sum(axis=(0, 1, 2))
            for row in range(strides[0])
            for column in range(strides[1])
        ]
        found.append(np.max(classes, axis=0))
    return found[0], found[1]
