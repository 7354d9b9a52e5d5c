"""What a chain of Keras layers of levels calls, in the chip's integers; of the layers alone.

Nothing of the lowering or of emulators is used, so that what these give can be held against it. A
layer's activation is a whole number n of levels of value h, and its input is a sum of whole weights
m, which have one scale in a layer (ramp code) or in each block of its neurons (thermometer code)::

    m = round(127.5 * W / max|W|), of -127 .. 127
    n = number of levels k of 1..L with  sum(m * n_source) >= c * ((k - 1/2) * h - b)

with c the value of 1 in such a sum, ``127.5 / (max|W| * h_source)``. Means of pools are sums
of levels that are worth less each, maxima those of levels. The first layer counts levels of sums of
pixels in floats, and the last Dense adds levels up in floats, as the host does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from loihiseg.quantization.fixed_point import (
    BIAS_MANTISSA_MAX,
    BIAS_MAX,
    BlockScale,
    block_scale,
    quantize_bias,
    quantize_threshold,
    quantize_weights,
)

SPIKE_HZ = 1000.0
"""Rate of a neuron that fires in every step, as which nengo-loihi counts a level."""

_LARGEST_WEIGHT = 255 * 64
"""That of a block, in steps of the sums, before it is rounded."""

_THRESHOLD = 1.0
"""Of these neurons, which need as much besides what their level needs."""


@dataclass(frozen=True)
class Levels:
    """How many levels an activation has, and what one is worth."""

    count: int
    value: float


@dataclass(frozen=True, eq=False)
class _Value:
    """Of a layer: whole numbers of what one is worth, or floats that are worth what they are."""

    numbers: np.ndarray
    worth: float
    is_whole: bool


@dataclass(frozen=True, eq=False)
class _Sum:
    """Of a linear layer on the chip: its layer, what it hears, and its weights for that."""

    layer: Any
    kind: str
    heard: np.ndarray
    weights: np.ndarray
    bias: np.ndarray


def levels_of(model: Any) -> dict[str, Levels]:
    """Levels of a model that was trained with `QuantizedReLU`, by layer."""
    found = [one for one in model.layers if type(one).__name__ == "QuantizedReLU"]
    return {
        one.name: Levels(one.levels, float(np.float32(one.scale.numpy())) / one.levels)
        for one in found
    }


def percentile_levels(
    model: Any, pixels: np.ndarray, count: int, share: float
) -> dict[str, Levels]:
    """Levels of a model of ReLU layers, of which the highest is a quantile of the activation.

    Parameters
    ----------
    model : tf.keras.Model
    pixels : numpy.ndarray
        (n, rows, columns, channels) float32, to calibrate on.
    count : int
    share : float
        Of all values of an activation that its highest level reaches.
    """
    value: np.ndarray = pixels
    found = {}
    for layer in model.layers[1:]:
        value = np.asarray(layer(value))
        if type(layer).__name__ == "ReLU":
            found[layer.name] = Levels(count, float(np.quantile(value, share)) / count)
    return found


def integer_logits(
    model: Any,
    pixels: np.ndarray,
    levels: Mapping[str, Levels],
    widths: Mapping[str, int] | None = None,
) -> np.ndarray:
    """Logits of a chain of layers in the chip's integers.

    Parameters
    ----------
    model : tf.keras.Model
        Conv2D and Dense without activations of their own, ReLU or QuantizedReLU, MaxPooling2D and
        AveragePooling2D, Flatten; one behind the other, the last a Dense.
    pixels : numpy.ndarray
        (n, rows, columns, channels).
    levels : mapping of str to Levels
        By activation.
    widths : mapping of str to int, optional
        By activation on the chip: neurons, L to a channel, that lie in one block along the
        channels and share a scale; all of a layer by default.

    Returns
    -------
    numpy.ndarray
        float64, (n, classes).
    """
    value: _Value | _Sum = _Value(np.asarray(pixels, np.float64), 1.0, False)
    for layer in model.layers[1:]:
        kind = type(layer).__name__
        if kind in ("ReLU", "QuantizedReLU"):
            width = None if widths is None else widths.get(layer.name)
            value = _counted(value, levels[layer.name], width)
        elif kind in ("Conv2D", "Dense"):
            assert isinstance(value, _Value)
            value = _linear(layer, kind, value, is_last=layer is model.layers[-1])
        else:
            assert isinstance(value, _Value)
            value = _moved(layer, kind, value)
    assert isinstance(value, _Value)
    return value.numbers


def _counted(value: _Value | _Sum, levels: Levels, width: int | None) -> _Value:
    """Levels that a sum reaches."""
    if isinstance(value, _Value):
        numbers = np.floor(value.numbers / levels.value + 0.5).clip(0, levels.count)
        return _Value(numbers.astype(np.int64), levels.value, True)
    n_channels, n_neurons = len(value.bias), len(value.bias) * levels.count
    steps = (np.arange(levels.count) + 0.5) * levels.value
    unit = _unit(value.weights, steps - value.bias[:, None])
    parts = []
    for start in range(0, n_neurons, width or n_neurons):
        # The levels of a channel follow each other, and may lie in two blocks.
        own = np.arange(start, min(start + (width or n_neurons), n_neurons))
        channels, level = np.divmod(own, levels.count)
        first, end = channels[0], channels[-1] + 1
        above = (steps[level] - value.bias[channels]) * unit * SPIKE_HZ
        held = _held(value.weights[..., first:end], unit)
        scale = _one_scale(held) if width is None else _scale_of_block(held, above)
        group = quantize_weights(held, scale)
        integers = group.integers.astype(np.int64)
        sums = _convolved(value.layer, value.kind, value.heard, integers)[..., channels - first]
        needed = above * scale.current_scale
        if width is not None:
            needed = np.where(_fit(needed, group.exponent, scale), needed, _coarse(above, scale))
        parts.append(sums >= needed)
    reached = np.concatenate(parts, axis=-1)
    numbers = reached.reshape(*reached.shape[:-1], n_channels, levels.count).sum(axis=-1)
    return _Value(numbers, levels.value, True)


def _linear(layer: Any, kind: str, value: _Value, is_last: bool) -> _Value | _Sum:
    kernel = layer.kernel.numpy().astype(np.float64)
    bias = layer.bias.numpy().astype(np.float64)
    if is_last or not value.is_whole:
        numbers = value.numbers * value.worth
        return _Value(_convolved(layer, kind, numbers, kernel) + bias, 1.0, False)
    return _Sum(layer, kind, value.numbers, kernel * value.worth, bias)


def _unit(weights: np.ndarray, above: np.ndarray) -> float:
    """Factor of weights and biases with which the threshold of a neuron is 512 steps of the sums.

    As often twice as many as it takes for the largest bias of the chip to be as large as any here.
    """
    largest = float(np.abs(weights).max())
    too_large = np.abs(above).max() / largest * _LARGEST_WEIGHT / BIAS_MAX
    halvings = max(0, int(np.ceil(np.log2(too_large))))
    return float(_LARGEST_WEIGHT / 512 / SPIKE_HZ / largest / 2**halvings)


def _held(weights: np.ndarray, unit: float) -> np.ndarray:
    """Weights in single precision, as nengo-loihi holds them before it rounds them."""
    held = (weights * unit).astype(np.float32).astype(np.float64) * SPIKE_HZ
    return held.astype(np.float32)


def _one_scale(held: np.ndarray) -> BlockScale:
    """With which the largest weight has the largest mantissa."""
    largest = float(np.abs(held).max())
    return BlockScale(largest, 255.0 / largest, 0, 1.0, 1.0)


def _scale_of_block(held: np.ndarray, above: np.ndarray) -> BlockScale:
    """The same with the exponent that the biases of a block need; a small one costs bits."""
    return block_scale(float(np.abs(held).max()), _THRESHOLD, _THRESHOLD - above, None)


def _fit(needed: np.ndarray, exponent: int, scale: BlockScale) -> np.ndarray:
    """Which neurons have a bias so small that the chip holds half a step of the weights."""
    step = 2 ** (6 + max(1 + exponent, 0))
    most = min(BIAS_MANTISSA_MAX * step // 2, BIAS_MAX)
    middle = (np.floor(-needed / step) + 0.5) * step
    return np.abs(middle + quantize_threshold(_THRESHOLD, scale)) <= most


def _coarse(above: np.ndarray, scale: BlockScale) -> np.ndarray:
    """What sums must reach where threshold and bias are rounded, each by itself."""
    bias = quantize_bias(_THRESHOLD - above, scale)
    # Voltages must be above the threshold.
    return quantize_threshold(_THRESHOLD, scale) - bias.astype(np.float64) + 1


def _convolved(layer: Any, kind: str, numbers: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    if kind == "Dense":
        return numbers @ kernel
    rows, columns = kernel.shape[:2]
    step_rows, step_columns = layer.strides
    if layer.padding == "same":
        numbers = np.pad(
            numbers,
            (
                (0, 0),
                _around(numbers.shape[1], rows, step_rows),
                _around(numbers.shape[2], columns, step_columns),
                (0, 0),
            ),
        )
    windows = np.lib.stride_tricks.sliding_window_view(numbers, (rows, columns), axis=(1, 2))
    windows = windows[:, ::step_rows, ::step_columns]
    return np.einsum("nyxcij,ijcf->nyxf", windows, kernel, optimize=True)


def _around(length: int, size: int, stride: int) -> tuple[int, int]:
    """Zeros before and behind, with padding "same"."""
    more = max((-(-length // stride) - 1) * stride + size - length, 0)
    return more // 2, more - more // 2


def _moved(layer: Any, kind: str, value: _Value) -> _Value:
    """Pools of levels, or levels in another order."""
    numbers = value.numbers
    if kind == "Flatten":
        return _Value(numbers.reshape(len(numbers), -1), value.worth, value.is_whole)
    rows, columns = layer.pool_size
    n, height, width, channels = numbers.shape
    assert layer.strides == layer.pool_size and not height % rows and not width % columns
    pools = numbers.reshape(n, height // rows, rows, width // columns, columns, channels)
    if kind == "MaxPooling2D":
        return _Value(pools.max(axis=(2, 4)), value.worth, value.is_whole)
    assert kind == "AveragePooling2D", kind
    return _Value(pools.sum(axis=(2, 4)), value.worth / (rows * columns), value.is_whole)
