"""Convolutions of all kinds, and dense layers, as linear maps."""

import numpy as np

from loihiseg.conversion.lowering import taps as axis
from loihiseg.conversion.lowering.graph import Step
from loihiseg.conversion.lowering.linear_map import LinearMap, apply
from loihiseg.conversion.lowering.settings import KerasShape, image, pair, same_before
from loihiseg.conversion.lowering.shapes import output_shape
from loihiseg.conversion.lowering.windows import (
    NotPlacedError,
    NoWeightsError,
    Plain,
    Windows,
    mixture,
)


def convolution(step: Step, one: LinearMap) -> LinearMap:
    """Conv2D, grouped and dilated ones too."""
    groups = int(step.arguments.get("groups", 1))
    kernel = weight(step, "kernel")
    filters = int(step.arguments["filters"])
    size, channels = pair(step, "kernel_size", 1), one.shape[2]
    if channels % groups or filters % groups:
        raise NotPlacedError(f"has {groups} groups for {channels} channels and {filters} filters")
    _check(step, "kernel", kernel, (*size, channels // groups, filters))
    return apply(one, _windows(step, one, grouped(kernel, groups)), bias(step, filters))


def grouped(kernel: np.ndarray, groups: int) -> np.ndarray:
    """A grouped kernel with zeros where a channel is not heard."""
    if groups == 1:
        return kernel
    high, wide, own, filters = kernel.shape
    each = filters // groups
    whole = np.zeros((high, wide, own * groups, filters), kernel.dtype)
    for n in range(groups):
        part = slice(n * each, (n + 1) * each)
        whole[:, :, n * own : (n + 1) * own, part] = kernel[..., part]
    return whole


def depthwise(step: Step, one: LinearMap) -> LinearMap:
    """DepthwiseConv2D."""
    windows = _depthwise(step, one)
    return apply(one, windows, bias(step, windows.channels))


def separable(step: Step, one: LinearMap) -> LinearMap:
    """SeparableConv2D: a depthwise convolution, and one of 1 x 1 behind it."""
    between = apply(one, _depthwise(step, one))
    kernel = weight(step, "pointwise_kernel")
    filters = int(step.arguments["filters"])
    _check(step, "pointwise_kernel", kernel, (1, 1, between.shape[2], filters))
    return apply(between, mixture(kernel[0, 0], between.shape), bias(step, filters))


def spread(kernel: np.ndarray) -> np.ndarray:
    """A depthwise kernel (rows, columns, channels, multiplier) as one of all channels."""
    high, wide, channels, multiplier = kernel.shape
    whole = np.zeros((high, wide, channels, channels, multiplier), kernel.dtype)
    every = np.arange(channels)
    whole[:, :, every, every] = kernel
    return whole.reshape(high, wide, channels, channels * multiplier)


def transposed(step: Step, one: LinearMap) -> LinearMap:
    """Conv2DTranspose, of any kernel, strides and padding."""
    size, strides = pair(step, "kernel_size", 1), pair(step, "strides", 1)
    dilation = pair(step, "dilation_rate", 1)
    filters = int(step.arguments["filters"])
    if int(step.arguments.get("groups", 1)) != 1:
        raise NotPlacedError("is grouped; use groups=1")
    kernel = weight(step, "kernel")
    _check(step, "kernel", kernel, (*size, filters, one.shape[2]))
    rows, columns, _ = output_shape(step, [one.shape])
    is_same = step.arguments.get("padding", "valid") == "same"
    along = []
    for n, result in enumerate((rows, columns)):
        window = (size[n] - 1) * dilation[n] + 1
        before = same_before(result, one.shape[n], window, strides[n]) if is_same else 0
        along.append(
            axis.transposed(one.shape[n], result, size[n], strides[n], before, dilation[n])
        )
    # Where it crops nothing and puts no zeros, it is one of Nengo as it is.
    tight = all(
        result == (one.shape[n] - 1) * strides[n] + size[n]
        for n, result in enumerate((rows, columns))
    )
    plain = Plain(strides, "valid", True) if tight and dilation == (1, 1) else None
    kernel = np.swapaxes(kernel, 2, 3).astype(np.float64)
    return apply(one, Windows(along[0], along[1], kernel, False, plain), bias(step, filters))


def dense(step: Step, one: LinearMap, shape: KerasShape) -> LinearMap:
    """Dense, over the last axis."""
    if len(shape) > 3:
        raise NotPlacedError(f"takes values of shape {shape}; flatten them before")
    units = int(step.arguments["units"])
    kernel = weight(step, "kernel")
    _check(step, "kernel", kernel, (image(shape)[2], units))
    return apply(one, mixture(kernel, one.shape), bias(step, units))


def weight(step: Step, name: str) -> np.ndarray:
    """A weight of a layer."""
    if name not in step.weights:
        raise NoWeightsError(f"has no {name} in the file")
    return step.weights[name]


def bias(step: Step, channels: int) -> np.ndarray:
    """The bias of a layer, or zeros."""
    if not step.arguments.get("use_bias", True):
        return np.zeros(channels, np.float32)
    found = weight(step, "bias")
    _check(step, "bias", found, (channels,))
    return found


def _check(step: Step, name: str, array: np.ndarray, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise NotPlacedError(
            f"has a {name} of shape {array.shape}; {shape} belongs to its settings and its input"
        )


def _windows(step: Step, one: LinearMap, kernel: np.ndarray, own: bool = False) -> Windows:
    """Windows of a kernel by a layer's settings."""
    strides, dilation = pair(step, "strides", 1), pair(step, "dilation_rate", 1)
    padding = str(step.arguments.get("padding", "valid"))
    rows, columns, _ = output_shape(step, [one.shape])
    along = []
    for n, result in enumerate((rows, columns)):
        size = int(kernel.shape[n])
        window = (size - 1) * dilation[n] + 1
        before = same_before(one.shape[n], result, window, strides[n]) if padding == "same" else 0
        along.append(axis.sliding(one.shape[n], result, size, strides[n], before, dilation[n]))
    plain = Plain(strides, padding) if dilation == (1, 1) else None
    return Windows(along[0], along[1], kernel.astype(np.float64), own, plain)


def _depthwise(step: Step, one: LinearMap) -> Windows:
    kernel = weight(step, "depthwise_kernel")
    size, channels = pair(step, "kernel_size", 1), one.shape[2]
    multiplier = int(step.arguments.get("depth_multiplier", 1))
    _check(step, "depthwise_kernel", kernel, (*size, channels, multiplier))
    if multiplier == 1:
        return _windows(step, one, kernel, own=True)
    return _windows(step, one, spread(kernel))
