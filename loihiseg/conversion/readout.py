"""A read-out of Keras layers as the operations of `loihiseg.conversion.host_graph`.

One function per kind of layer, found by the name of its class.
"""

from collections.abc import Callable
from typing import Literal

from loihiseg.frameworks import KerasTensor, tf

import numpy as np

from loihiseg.conversion.host_graph import (
    JOINS,
    Affine,
    Convolution,
    Cropping,
    Function,
    FunctionName,
    HostGraph,
    Join,
    Node,
    Operation,
    Padding,
    Pooling,
    Upsampling,
)
from loihiseg.errors import InputError

PASSED_ON = (
    "Dropout", "SpatialDropout2D", "AlphaDropout", "GaussianDropout", "GaussianNoise",
    "ActivityRegularization",
)  # fmt: skip
"""Layers that do nothing once a network is trained."""


def readout_graph(boundary: list[KerasTensor], output: KerasTensor) -> HostGraph:
    """The operations between the last activations and an output of a functional model.

    Parameters
    ----------
    boundary : list of KerasTensor
        Activations of the last spiking layers.
    output : KerasTensor

    Returns
    -------
    HostGraph
        Its inputs are called as the layers of ``boundary``.

    Raises
    ------
    InputError
        If a layer has no counterpart; names it, and what there is.
    """
    walk = _Walk({id(tensor): tensor.node.layer.name for tensor in boundary})
    name = walk.visit(output)
    return HostGraph(tuple(walk.names[id(t)] for t in boundary), tuple(walk.nodes), name)


class _Walk:
    """Collects operations from the output back, sources first."""

    def __init__(self, names: dict[int, str]) -> None:
        self.names = dict(names)
        self.nodes: list[Node] = []

    def visit(self, tensor: KerasTensor) -> str:
        """Name of what carries a tensor's value."""
        if id(tensor) in self.names:
            return self.names[id(tensor)]
        layer = tensor.node.layer
        if isinstance(layer, tf.keras.layers.InputLayer):
            raise InputError(
                f"input '{layer.name}' reaches the read-out past every activation; send it "
                "through a Conv2D with an activation first"
            )
        name = ""
        sources = tuple(self.visit(source) for source in tensor.node.keras_inputs)
        for operation in operations_of(layer):
            name = f"{len(self.nodes)}:{layer.name}"
            self.nodes.append(Node(name, sources, operation))
            sources = (name,)
        self.names[id(tensor)] = name or sources[0]
        return self.names[id(tensor)]


def operations_of(layer: tf.keras.layers.Layer) -> list[Operation]:
    """What a Keras layer does, one operation after the other; none for one that does nothing.

    Raises
    ------
    InputError
        If there is no counterpart.
    """
    kind = type(layer).__name__
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise _refused(layer, "is channels-first", "save the model channels last")
    if kind in PASSED_ON:
        return []
    if kind in _JOINING:
        if kind == "Concatenate" and layer.axis not in (-1, 3):
            raise _refused(layer, f"joins axis {layer.axis}", "join the channels (axis -1)")
        return [Join(_JOINING[kind])]
    if kind not in _KINDS:
        known = ", ".join(sorted({*_KINDS, *_JOINING}))
        raise _refused(layer, "cannot run in a read-out", f"use {known}")
    return _KINDS[kind](layer)


def _refused(layer: tf.keras.layers.Layer, what: str, remedy: str) -> InputError:
    return InputError(f"layer '{layer.name}' ({type(layer).__name__}) {what}; {remedy}")


def _activation(
    layer: tf.keras.layers.Layer, function: Callable[[tf.Tensor], tf.Tensor]
) -> list[Operation]:
    name = getattr(function, "__name__", str(function))
    if name == "linear":
        return []
    for known in _ACTIVATIONS:
        if name == known:
            return [Function(known)]
    if name == "elu":
        return [Function("elu", 1.0)]
    raise _refused(
        layer, f"has activation {name!r}, which a read-out lacks",
        "use linear, elu, sigmoid, hard_sigmoid, tanh, softplus, exponential or softmax",
    )  # fmt: skip


def _convolution(layer: tf.keras.layers.Conv2D) -> list[Operation]:
    if tuple(layer.dilation_rate) != (1, 1) or layer.groups != 1:
        raise _refused(layer, "is dilated or grouped", "use a plain convolution")
    transposed = isinstance(layer, tf.keras.layers.Conv2DTranspose)
    kernel, strides = layer.kernel.numpy(), tuple(layer.strides)
    crop: list[Operation] = []
    if transposed:
        kernel = np.ascontiguousarray(np.swapaxes(kernel, 2, 3))
        if layer.output_padding is not None:
            raise _refused(layer, "has output padding", "leave it out")
        crop = _cropped_same(layer, tuple(layer.kernel_size), strides)
    bias = layer.bias.numpy() if layer.use_bias else np.zeros(kernel.shape[-1], np.float32)
    padding: Literal["valid", "same"] = "valid" if transposed else layer.padding
    own = Convolution(kernel, bias, strides, padding, transposed)
    return [own, *crop, *_activation(layer, layer.activation)]


def _cropped_same(
    layer: tf.keras.layers.Conv2DTranspose, size: tuple[int, int], strides: tuple[int, int]
) -> list[Operation]:
    """What padding "same" takes off the borders of a transposed convolution."""
    if layer.padding != "same":
        return []
    borders: list[int] = []
    for window, stride in zip(size, strides, strict=True):
        over = max(window - stride, 0)
        borders += [over // 2, over - over // 2]
    top, bottom, left, right = borders
    return [Cropping((top, bottom, left, right))] if any(borders) else []


def _batch_normalization(layer: tf.keras.layers.BatchNormalization) -> list[Operation]:
    if tuple(layer.axis) not in ((3,), (-1,)):
        raise _refused(layer, "normalizes other axes than channels", "normalize the channels")
    mean, variance = layer.moving_mean.numpy(), layer.moving_variance.numpy()
    factor = 1.0 / np.sqrt(variance + layer.epsilon)
    if layer.scale:
        factor = factor * layer.gamma.numpy()
    offset = -mean * factor + (layer.beta.numpy() if layer.center else 0.0)
    return [Affine(factor.astype(np.float32), offset.astype(np.float32))]


def _rescaling(layer: tf.keras.layers.Rescaling) -> list[Operation]:
    factor, offset = (np.atleast_1d(np.float32(value)) for value in (layer.scale, layer.offset))
    return [Affine(factor, offset)]


def _softmax(layer: tf.keras.layers.Softmax) -> list[Operation]:
    if layer.axis not in (-1, 3):
        raise _refused(layer, f"is over axis {layer.axis}", "use the channels (axis -1)")
    return [Function("softmax")]


def _pooling(
    layer: tf.keras.layers.MaxPooling2D | tf.keras.layers.AveragePooling2D,
) -> list[Operation]:
    kind: Literal["max", "mean"] = (
        "max" if isinstance(layer, tf.keras.layers.MaxPooling2D) else "mean"
    )
    return [Pooling(kind, tuple(layer.pool_size), tuple(layer.strides), layer.padding)]


def _upsampling(layer: tf.keras.layers.UpSampling2D) -> list[Operation]:
    if layer.interpolation not in ("nearest", "bilinear"):
        raise _refused(layer, f"interpolates by {layer.interpolation}", "use nearest or bilinear")
    return [Upsampling(tuple(layer.size), layer.interpolation == "bilinear")]


def _borders(pairs: tuple[tuple[int, int], tuple[int, int]]) -> tuple[int, int, int, int]:
    (top, bottom), (left, right) = pairs
    return int(top), int(bottom), int(left), int(right)


_ACTIVATIONS: tuple[FunctionName, ...] = (
    "sigmoid", "hard_sigmoid", "tanh", "softplus", "exponential", "softmax",
)  # fmt: skip

_KINDS: dict[str, Callable[[tf.keras.layers.Layer], list[Operation]]] = {
    "Conv2D": _convolution,
    "Conv2DTranspose": _convolution,
    "BatchNormalization": _batch_normalization,
    "Rescaling": _rescaling,
    "Activation": lambda layer: _activation(layer, layer.activation),
    "LeakyReLU": lambda layer: [Function("leaky_relu", float(layer.alpha))],
    "ELU": lambda layer: [Function("elu", float(layer.alpha))],
    "Softmax": _softmax,
    "MaxPooling2D": _pooling,
    "AveragePooling2D": _pooling,
    "UpSampling2D": _upsampling,
    "ZeroPadding2D": lambda layer: [Padding(_borders(layer.padding))],
    "Cropping2D": lambda layer: [Cropping(_borders(layer.cropping))],
}

_JOINING = {name.capitalize(): name for name in JOINS}
