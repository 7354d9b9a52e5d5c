"""What a lowered network from a file must be before anything computes with it.

Shapes follow from the kernels, layer by layer; here they are held against what is said. So nothing
is ever made larger than the file's own arrays and the sizes checked here allow.
"""

import math

import numpy as np

from loihiseg.conversion.host_graph import (
    Affine,
    Convolution,
    Cropping,
    HostGraph,
    Join,
    Node,
    Padding,
    Pooling,
    Upsampling,
)
from loihiseg.conversion.linear import AnyTerm, Pads, SparseTerm, Term
from loihiseg.conversion.over_time import check_steps, is_over_time
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.storage.schema import check_range

MOST_LAYERS = 1_000
MOST_SIDE = 2**16
MOST_NEURONS = 2**26
"""Of a layer, or values of an image in a read-out: a quarter of a gigabyte each."""

Shape = tuple[int, int, int]


def check_network(network: LoweredNetwork, what: str) -> None:
    """That a network's arrays are of the shapes that follow from each other.

    Parameters
    ----------
    network : LoweredNetwork
    what : str
        What errors call it.

    Raises
    ------
    ValueError
        In one line: the layer, what it is and what was expected.
    """
    if len(network.inputs) != 1:
        raise ValueError(f"{what} has {len(network.inputs)} inputs, expected 1")
    if not 1 <= len(network.layers) <= MOST_LAYERS:
        raise ValueError(f"{what} has {len(network.layers)} layers, expected 1 to {MOST_LAYERS}")
    known: dict[str, SpikingLayer | None] = dict.fromkeys(network.inputs)
    shapes = dict(network.inputs)
    for name, shape in shapes.items():
        _check_size(f"{what}: input {name[:60]!a}", shape)
    for layer in network.layers:
        label = f"{what}: layer {layer.name[:60]!a}"
        if layer.name in known:
            raise ValueError(f"{label} stands twice")
        _check_layer(label, layer, known, shapes)
        known[layer.name] = layer
        shapes[layer.name] = layer.shape
    for name in network.outputs:
        if known.get(name) is None:
            raise ValueError(f"{what}: output {name[:60]!a} is no layer of neurons")
    if all(layer.on_host for layer in network.layers):
        raise ValueError(f"{what} has no layer on the chip")
    if is_over_time(network):
        try:
            check_steps(network)
        except ValueError as error:
            raise ValueError(f"{what}: {error}") from None
    if not network.outputs or len(set(network.outputs)) < len(network.outputs):
        raise ValueError(f"{what}: expected outputs, each once")


def _check_size(label: str, shape: Shape) -> None:
    if len(shape) != 3 or not all(1 <= n <= MOST_SIDE for n in shape):
        raise ValueError(f"{label} has shape {shape}, expected three sizes of 1 to {MOST_SIDE}")
    if math.prod(shape) > MOST_NEURONS:
        raise ValueError(f"{label} has {math.prod(shape):,} values, at most {MOST_NEURONS:,}")


def _check_layer(
    label: str,
    layer: SpikingLayer,
    known: dict[str, SpikingLayer | None],
    shapes: dict[str, Shape],
) -> None:
    _check_size(label, layer.shape)
    wanted = (layer.shape[2],) if layer.bias.ndim == 1 else layer.shape
    _check_array(f"{label}, bias", layer.bias, wanted)
    if not 0 < layer.rate_scale_hz <= 1e6:
        raise ValueError(
            f"{label}: rate_scale_hz is {layer.rate_scale_hz}, expected above 0, to 1e+06"
        )
    try:
        layer.neuron.check(layer.shape[2])
    except ValueError as error:
        raise ValueError(f"{label}: {error}") from None
    if not 1 <= len(layer.terms) <= MOST_LAYERS:
        raise ValueError(f"{label} has {len(layer.terms)} terms, expected 1 to {MOST_LAYERS}")
    for term in layer.terms:
        if term.source not in known:
            raise ValueError(f"{label}: source {term.source[:60]!a} is none before it")
        if (known[term.source] is None) != layer.on_host:
            raise ValueError(f"{label}: the host's layers hear pixels, the chip's hear layers")
        _check_term(f"{label}, kernel of {term.source[:60]!a}", term, layer, shapes)
    if layer.neuron.chooses:
        _check_choice(label, layer, known)


def _check_choice(label: str, layer: SpikingLayer, known: dict[str, SpikingLayer | None]) -> None:
    """A layer that chooses among what others, like itself, come to."""
    if layer.on_host:
        raise ValueError(f"{label} chooses, which neurons on the host do not")
    for term in layer.terms:
        source = known[term.source]
        if not isinstance(term, Term) or not term.depthwise or term.transposed:
            raise ValueError(f"{label} chooses, but not from windows on each channel")
        if term.kernel.shape[3] != 1 or (term.kernel < 0).any():
            raise ValueError(f"{label} chooses, with weights that say more than where to look")
        own, other = layer.neuron, source.neuron if source else layer.neuron
        alike = own.levels, own.level_value, own.offset
        if alike != (other.levels, other.level_value, other.offset):
            raise ValueError(f"{label} chooses among levels that are not like its own")


def _check_term(label: str, term: AnyTerm, layer: SpikingLayer, shapes: dict[str, Shape]) -> None:
    rows, columns, channels = shapes[term.source]
    if not 1 <= term.levels <= channels or channels % term.levels:
        raise ValueError(f"{label}: {channels} neurons are not of {term.levels} levels")
    if isinstance(term, SparseTerm):
        _check_sparse(label, term, layer, rows * columns * channels // term.levels)
        return
    kernel = term.kernel
    if kernel.ndim != 4:
        raise ValueError(f"{label} has shape {kernel.shape}, expected four axes")
    high, wide = kernel.shape[:2]
    heard = channels // term.levels
    filters = layer.shape[2]
    if term.depthwise:
        if filters % heard:
            raise ValueError(
                f"{label}: {filters} channels are not of {heard} of a depthwise source"
            )
        filters //= heard
    _check_array(label, kernel, (high, wide, heard, filters))
    found = window_shape(
        (rows, columns), (high, wide), term.strides, term.padding, term.transposed, term.pads
    )
    if found != layer.shape[:2]:
        raise ValueError(f"{label} makes {found} rows and columns, the layer has {layer.shape[:2]}")


def _check_sparse(label: str, term: SparseTerm, layer: SpikingLayer, n_values: int) -> None:
    if term.weights.shape != (layer.n_neurons, n_values):
        raise ValueError(
            f"{label} has shape {term.weights.shape}, expected ({layer.n_neurons}, {n_values})"
        )
    _check_array(label, term.values, term.values.shape)


def window_shape(
    shape: tuple[int, int],
    size: tuple[int, int],
    strides: tuple[int, int],
    padding: str,
    transposed: bool,
    pads: Pads | None = None,
) -> tuple[int, int]:
    """Rows and columns of a convolution's result; ValueError where there is none.

    With ``pads`` see `loihiseg.conversion.linear.Term`.
    """
    if padding not in ("valid", "same") or (transposed and padding == "same"):
        raise ValueError(f"padding is {padding[:60]!a}, expected valid, or same and not transposed")
    if pads is not None and padding != "valid":
        raise ValueError("explicit pads stand in place of padding, which is valid then")
    for pad in (one for pair in pads or () for one in pair):
        if abs(pad) > MOST_SIDE:
            raise ValueError(f"pads of {pad} pixels, at most {MOST_SIDE}")
    borders = pads or ((0, 0), (0, 0))
    found = []
    for length, window, stride, around in zip(shape, size, strides, borders, strict=True):
        if not (1 <= stride <= MOST_SIDE and 1 <= window <= MOST_SIDE):
            raise ValueError(f"strides of {strides} and windows of {size} are none")
        if transposed:
            found.append((length - 1) * stride + window - sum(around))
        elif padding == "same":
            found.append(-(-length // stride))
        else:
            there = length + sum(around)
            found.append((there - window) // stride + 1 if window <= there else 0)
    if not all(1 <= n <= MOST_SIDE for n in found):
        raise ValueError(f"windows of {size} on {shape} pixels make {tuple(found)}")
    return found[0], found[1]


def _check_array(label: str, array: np.ndarray, shape: tuple[int, ...]) -> None:
    if array.dtype != np.float32 or array.shape != shape:
        raise ValueError(
            f"{label} has type {array.dtype} and shape {array.shape}, expected float32 {shape}"
        )
    check_range(label, array, -1e30, 1e30)


def check_stands_for(neurons: LoweredNetwork, network: LoweredNetwork) -> None:
    """That a network of neurons has a layer for every layer of activations, of its size.

    Raises
    ------
    ValueError
        Names the first that does not.
    """
    if neurons.inputs != network.inputs or neurons.outputs != network.outputs:
        raise ValueError("neurons and activations have other inputs or outputs")
    by_name = {layer.name: layer for layer in neurons.layers}
    for layer in network.layers:
        if not layer.neuron.is_activation:
            raise ValueError(f"layer {layer.name[:60]!a} of the activations is one of neurons")
        own = by_name.get(layer.name)
        if own is None:
            raise ValueError(f"layer {layer.name[:60]!a} has no neurons of its size")
        if own.on_host != layer.on_host or not own.neuron.stands_for(layer.neuron):
            raise ValueError(f"layer {layer.name[:60]!a} has neurons of another kind")
        if own.shape != (*layer.shape[:2], layer.shape[2] * own.neuron.per_channel):
            raise ValueError(f"layer {layer.name[:60]!a} has no neurons of its size")


def graph_shape(graph: HostGraph, shapes: dict[str, Shape]) -> Shape:
    """Shape of what a read-out makes of images of these shapes.

    Parameters
    ----------
    graph : HostGraph
    shapes : dict of str to tuple of int
        (rows, columns, channels) of its inputs, in their order.

    Raises
    ------
    ValueError
        If it cannot run on them; names the operation and what is wrong.
    """
    if graph.inputs != tuple(shapes):
        raise ValueError("read-out: its inputs are not the outputs of the network")
    if len(graph.nodes) > MOST_LAYERS:
        raise ValueError(f"read-out of {len(graph.nodes)} operations, at most {MOST_LAYERS}")
    known = dict(shapes)
    for node in graph.nodes:
        label = f"read-out: {node.name[:60]!a}"
        if node.name in known or any(source not in known for source in node.sources):
            raise ValueError(f"{label} stands twice, or takes what is none before it")
        try:
            known[node.name] = result_shape(node, [known[source] for source in node.sources])
        except ValueError as error:
            raise ValueError(f"{label}: {error}") from None
        _check_size(label, known[node.name])
    if graph.output not in known:
        raise ValueError(f"read-out: {graph.output[:60]!a} is no output of any operation")
    return known[graph.output]


def result_shape(node: Node, shapes: list[Shape]) -> Shape:
    """Shape of what an operation makes."""
    operation = node.operation
    if isinstance(operation, Join):
        return _joined(operation, shapes)
    if len(shapes) != 1:
        raise ValueError(f"takes {len(shapes)} images, expected 1")
    ((rows, columns, channels),) = shapes
    if isinstance(operation, Convolution):
        kernel = operation.kernel
        if kernel.ndim != 4:
            raise ValueError(f"kernel has shape {kernel.shape}, expected four axes")
        high, wide = kernel.shape[:2]
        _check_array("kernel", kernel, (high, wide, channels, kernel.shape[3]))
        _check_array("bias", operation.bias, (kernel.shape[3],))
        found = window_shape(
            (rows, columns),
            (high, wide),
            operation.strides,
            operation.padding,
            operation.transposed,
        )
        return (*found, kernel.shape[3])
    if isinstance(operation, Affine):
        for part in (operation.factor, operation.offset):
            _check_array("factor or offset", part, (channels if len(part) > 1 else 1,))
        return rows, columns, channels
    if isinstance(operation, Pooling):
        found = window_shape(
            (rows, columns), operation.size, operation.strides, operation.padding, False
        )
        return (*found, channels)
    if isinstance(operation, Upsampling):
        return rows * operation.size[0], columns * operation.size[1], channels
    if isinstance(operation, Padding | Cropping):
        top, bottom, left, right = operation.borders
        sign = 1 if isinstance(operation, Padding) else -1
        return rows + sign * (top + bottom), columns + sign * (left + right), channels
    return rows, columns, channels


def _joined(operation: Join, shapes: list[Shape]) -> Shape:
    if not 1 <= len(shapes) <= MOST_LAYERS:
        raise ValueError(f"takes {len(shapes)} images")
    if operation.name == "concatenate":
        if len({shape[:2] for shape in shapes}) > 1:
            raise ValueError(f"images of {shapes} do not lie beside each other")
        return (*shapes[0][:2], sum(shape[2] for shape in shapes))
    if len(set(shapes)) > 1:
        raise ValueError(f"images are of unlike shapes {shapes}")
    return shapes[0]
