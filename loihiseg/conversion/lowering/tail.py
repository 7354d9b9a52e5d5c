"""What follows the last neurons, as operations of `loihiseg.conversion.host_graph`.

One function per kind of layer, found by the name of its class.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

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
from loihiseg.conversion.lowering.convolutions import bias, grouped, spread, weight
from loihiseg.conversion.lowering.graph import Graph, Step
from loihiseg.conversion.lowering.images import normalization
from loihiseg.conversion.lowering.neurons import passes_on
from loihiseg.conversion.lowering.settings import (
    INSIDE,
    KerasShape,
    activation,
    borders,
    image,
    pair,
    same_before,
)
from loihiseg.conversion.lowering.shapes import joined_axis, output_shape, pool_settings
from loihiseg.conversion.lowering.weights import shape_faults
from loihiseg.conversion.lowering.windows import NotPlacedError

Shapes = Sequence[KerasShape]
Rule = Callable[[Step, Shapes], list[Operation]]


def host_graph(
    graph: Graph, boundary: Sequence[str], order: Sequence[str], output: str,
    shapes: Mapping[str, KerasShape], above: Mapping[str, str],
) -> HostGraph:  # fmt: skip
    """The operations between the last activations and an output.

    Parameters
    ----------
    graph : Graph
    boundary : sequence of str
        The last activations.
    order : sequence of str
        Steps behind them, sources first, all of which `operations_of` knows.
    output : str
    shapes : mapping of str to tuple of int
        Of all steps.
    above : mapping of str to str
        Of activations that are two layers of neurons, the layer that is to be subtracted.
    """
    names = {name: name for name in boundary}
    nodes: list[Node] = []
    inputs = (*boundary, *(above[name] for name in boundary if name in above))
    for name in boundary:
        if name in above:
            names[name] = f"{len(nodes)}:{name}"
            nodes.append(Node(names[name], (name, above[name]), Join("subtract")))
    for own in order:
        step = graph.steps[own]
        sources = tuple(names[source] for source in step.sources)
        names[own] = sources[0]
        for operation in operations_of(step, [shapes[source] for source in step.sources]):
            names[own] = f"{len(nodes)}:{own}"
            nodes.append(Node(names[own], sources, operation))
            sources = (names[own],)
    return HostGraph(inputs, tuple(nodes), names[output])


def operations_of(step: Step, shapes: Shapes) -> list[Operation]:
    """What a layer does, one operation after the other; none for one that does nothing.

    Raises
    ------
    NotPlacedError
        If there is no counterpart.
    """
    check_step(step)
    for fault in shape_faults(step):
        raise NotPlacedError(f"cannot be computed: {fault}")
    return [] if passes_on(step) else RULES[step.kind](step, shapes)


def check_step(step: Step) -> None:
    """Refuse a layer that no read-out has, whatever it is fed by.

    Raises
    ------
    NotPlacedError
    """
    if step.arguments.get("data_format", "channels_last") != "channels_last":
        raise NotPlacedError("is channels-first; save the model channels last")
    if passes_on(step):
        return
    if step.fault or step.kind not in RULES:
        what = step.fault or "cannot run in a read-out"
        raise NotPlacedError(f"{what}; use {', '.join(sorted(RULES))}")
    if step.kind == "ReLU":
        raise NotPlacedError("has a maximum, slope or threshold; use a plain ReLU")
    if step.kind in (*INSIDE, "Activation"):
        _active(step)


def _active(step: Step) -> list[Operation]:
    name = activation(step)
    if name == "linear":
        return []
    for known in _ACTIVATIONS:
        if name == known:
            return [Function(known)]
    if name in ("elu", "celu"):
        return [Function("elu", 1.0)]
    if name == "leaky_relu":
        return [Function("leaky_relu", 0.2)]
    raise NotPlacedError(
        f"has activation {name!r}, which a read-out lacks; use linear, elu, sigmoid, "
        "hard_sigmoid, tanh, softplus, exponential or softmax"
    )


def _convolution(step: Step, shapes: Shapes) -> list[Operation]:
    kernel = grouped(weight(step, "kernel"), int(step.arguments.get("groups", 1)))
    return [*_slid(step, kernel, bias(step, kernel.shape[3])), *_active(step)]


def _slid(step: Step, kernel: np.ndarray, constant: np.ndarray) -> list[Operation]:
    kernel = _dilated(kernel, pair(step, "dilation_rate", 1))
    padding: Literal["valid", "same"] = (
        "same" if step.arguments.get("padding", "valid") == "same" else "valid"
    )
    return [Convolution(kernel, constant, pair(step, "strides", 1), padding)]


def _dilated(kernel: np.ndarray, dilation: tuple[int, int]) -> np.ndarray:
    """A kernel with zeros between its rows and columns."""
    if dilation == (1, 1):
        return kernel
    size = [(n - 1) * d + 1 for n, d in zip(kernel.shape[:2], dilation, strict=True)]
    whole = np.zeros((*size, *kernel.shape[2:]), kernel.dtype)
    whole[:: dilation[0], :: dilation[1]] = kernel
    return whole


def _depthwise(step: Step, shapes: Shapes) -> list[Operation]:
    kernel = spread(weight(step, "depthwise_kernel"))
    return [*_slid(step, kernel, bias(step, kernel.shape[3])), *_active(step)]


def _separable(step: Step, shapes: Shapes) -> list[Operation]:
    kernel, pointwise = (spread(weight(step, "depthwise_kernel")), weight(step, "pointwise_kernel"))
    nothing = np.zeros(kernel.shape[3], np.float32)
    constant = bias(step, pointwise.shape[3])
    return [*_slid(step, kernel, nothing), Convolution(pointwise, constant), *_active(step)]


def _dense(step: Step, shapes: Shapes) -> list[Operation]:
    kernel = weight(step, "kernel")
    constant = bias(step, kernel.shape[1])
    return [Convolution(kernel[None, None], constant), *_active(step)]


def _transposed(step: Step, shapes: Shapes) -> list[Operation]:
    kernel = np.ascontiguousarray(np.swapaxes(weight(step, "kernel"), 2, 3))
    kernel = _dilated(kernel, pair(step, "dilation_rate", 1))
    strides, result = pair(step, "strides", 1), output_shape(step, shapes)
    is_same = step.arguments.get("padding", "valid") == "same"
    cut, more = [], []
    for n in (0, 1):
        size, length = int(kernel.shape[n]), shapes[0][n]
        before = same_before(result[n], length, size, strides[n]) if is_same else 0
        # Behind the last pixel stand zeros up to the stride already.
        full = (length - 1) * strides[n] + max(size, strides[n])
        after = full - before - result[n]
        cut += [before, max(after, 0)]
        more += [0, max(-after, 0)]
    own: list[Operation] = [
        Convolution(kernel, bias(step, kernel.shape[3]), strides, "valid", transposed=True)
    ]
    if any(more):
        # Zeros first, the bias on top.
        first = Convolution(kernel, np.zeros(kernel.shape[3], np.float32), strides, "valid", True)
        constant = bias(step, kernel.shape[3])
        own = [first, Padding((more[0], more[1], more[2], more[3]))]
        own.append(Affine(np.ones(1, np.float32), constant))
    if any(cut):
        own.append(Cropping((cut[0], cut[1], cut[2], cut[3])))
    return [*own, *_active(step)]


def _normalized(step: Step, shapes: Shapes) -> list[Operation]:
    every = step.arguments.get("axis", -1)
    every = (every,) if isinstance(every, int) else tuple(every)
    if every not in ((-1,), (len(shapes[0]),)):
        raise NotPlacedError("normalizes other axes than channels; normalize the channels")
    return [Affine(*normalization(step))]


def _rescaled(step: Step, shapes: Shapes) -> list[Operation]:
    values = step.arguments.get("scale", 1.0), step.arguments.get("offset", 0.0)
    factor, offset = (np.atleast_1d(np.float32(value)) for value in values)
    return [Affine(factor, offset)]


def _softmax(step: Step, shapes: Shapes) -> list[Operation]:
    every = step.arguments.get("axis", -1)
    if every not in (-1, len(shapes[0]), (-1,), (len(shapes[0]),)):
        raise NotPlacedError(f"is over axis {every}; use the channels (axis -1)")
    return [Function("softmax")]


def _pooled(step: Step, shapes: Shapes) -> list[Operation]:
    kind: Literal["max", "mean"] = "max" if "Max" in step.kind else "mean"
    if step.kind.startswith("Global"):
        rows, columns, _ = image(shapes[0])
        return [Pooling(kind, (rows, columns), (rows, columns), "valid")]
    size, strides = pool_settings(step)
    is_same = step.arguments.get("padding", "valid") == "same"
    return [Pooling(kind, size, strides, "same" if is_same else "valid")]


def _enlarged(step: Step, shapes: Shapes) -> list[Operation]:
    interpolation = step.arguments.get("interpolation", "nearest")
    if interpolation not in ("nearest", "bilinear"):
        raise NotPlacedError(f"interpolates by {interpolation}; use nearest or bilinear")
    return [Upsampling(pair(step, "size", 2), interpolation == "bilinear")]


def _bordered(step: Step, shapes: Shapes) -> list[Operation]:
    make, name = (Padding, "padding") if step.kind == "ZeroPadding2D" else (Cropping, "cropping")
    (top, bottom), (left, right) = borders(step, name)
    return [make((top, bottom, left, right))]


def _reshaped(step: Step, shapes: Shapes) -> list[Operation]:
    if image(output_shape(step, shapes)) != image(shapes[0]):
        raise NotPlacedError(
            "cannot run in a read-out; use a Conv2D as large as the image, or put an activation "
            "behind it"
        )
    return []


def _joined(step: Step, shapes: Shapes) -> list[Operation]:
    if step.kind == "Concatenate" and joined_axis(step, shapes) != len(shapes[0]) - 1:
        axis = step.arguments.get("axis", -1)
        raise NotPlacedError(f"joins axis {axis}; join the channels (axis -1)")
    return [Join(_JOINING[step.kind])]


_JOINING = {name.capitalize(): name for name in JOINS}

_ACTIVATIONS: tuple[FunctionName, ...] = (
    "sigmoid", "hard_sigmoid", "tanh", "softplus", "exponential", "softmax",
)  # fmt: skip

RULES: dict[str, Rule] = {
    "Conv2D": _convolution,
    "Conv2DTranspose": _transposed,
    "DepthwiseConv2D": _depthwise,
    "SeparableConv2D": _separable,
    "Dense": _dense,
    "BatchNormalization": _normalized,
    "Rescaling": _rescaled,
    "Activation": lambda step, shapes: _active(step),
    "LeakyReLU": lambda step, shapes: [
        Function("leaky_relu", float(step.arguments.get("alpha", 0.3)))
    ],
    "ELU": lambda step, shapes: [Function("elu", float(step.arguments.get("alpha", 1.0)))],
    "ReLU": lambda step, shapes: [],
    "Softmax": _softmax,
    "MaxPooling2D": _pooled,
    "AveragePooling2D": _pooled,
    "GlobalMaxPooling2D": _pooled,
    "GlobalAveragePooling2D": _pooled,
    "UpSampling2D": _enlarged,
    "ZeroPadding2D": _bordered,
    "Cropping2D": _bordered,
    "Flatten": _reshaped,
    "Reshape": _reshaped,
    **dict.fromkeys(_JOINING, _joined),
}
"""How each kind of layer runs in a read-out."""
