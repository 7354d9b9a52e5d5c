"""What of a network the host computes, and whether hidden layers are among it.

Layers that are fed by pixels run before the chip, read-outs behind it. A hidden layer behind the
last neurons is a part of the network that was to be on the chip and is not: nobody should learn of
it from an energy that leaves it out.
"""

import math

import numpy as np

from loihiseg.conversion.host_graph import Convolution, Function, HostGraph, Join, Node, Pooling
from loihiseg.conversion.linear import AnyTerm, SparseTerm, Term
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.conversion.validation import result_shape
from loihiseg.errors import Option, OptionError
from loihiseg.results.layers import HostLayer

Shape = tuple[int, int, int]


def layer_of(node: Node) -> str:
    """Name of the layer that an operation is of; see `loihiseg.conversion.lowering.tail`."""
    number, colon, name = node.name.partition(":")
    return name if colon and number.isdigit() else node.name


def is_nonlinear(node: Node) -> bool:
    """Whether an operation is no sum of what it takes, so that layers cannot be joined over it."""
    operation = node.operation
    if isinstance(operation, Pooling):
        return operation.kind == "max"
    if isinstance(operation, Join):
        return operation.name in ("multiply", "maximum", "minimum")
    return isinstance(operation, Function)


def hidden_layers(graph: HostGraph) -> tuple[str, ...]:
    """Layers of weights whose activations other layers of weights behind the chip take, in order.

    Parameters
    ----------
    graph : HostGraph

    Returns
    -------
    tuple of str
        Each once, with the layer of its activation behind it where that is one of its own.
    """
    by_name = {node.name: node for node in graph.nodes}
    # What stands between an operation and the next weights behind it: found from the output back.
    feeds_weights = {name: False for name in (*graph.inputs, *by_name)}
    hidden_activation = dict(feeds_weights)
    for node in reversed(graph.nodes):
        takes_weights = feeds_weights[node.name] or isinstance(node.operation, Convolution)
        is_hidden = hidden_activation[node.name] or (
            is_nonlinear(node) and feeds_weights[node.name]
        )
        for source in node.sources:
            feeds_weights[source] |= takes_weights
            hidden_activation[source] |= is_hidden
    behind: set[str] = set()
    found: dict[str, None] = {}
    for node in graph.nodes:
        has_weights = isinstance(node.operation, Convolution)
        if has_weights or any(source in behind for source in node.sources):
            behind.add(node.name)
        if node.name not in behind:
            continue
        if has_weights and hidden_activation[node.name]:
            found[layer_of(node)] = None
        elif is_nonlinear(node) and feeds_weights[node.name]:
            found[layer_of(node)] = None
    return tuple(found)


def check_tail(graph: HostGraph, allow_host_tail: bool) -> None:
    """Refuse hidden layers behind the last layer of the chip, unless they are allowed.

    Raises
    ------
    OptionError
        Names all of them.
    """
    hidden = hidden_layers(graph)
    if not hidden or allow_host_tail:
        return
    kinds = _kinds(graph)
    named = ", ".join(f"'{name}' ({kinds[name]})" for name in hidden)
    raise OptionError(
        f"{len(hidden)} hidden layer{'s' * (len(hidden) != 1)} behind the last neurons of the chip "
        f"would run on the host: {named}; give them activations that the chip has, such as ReLU, "
        "or allow it with ",
        Option("allow_host_tail"),
        violations=[f"layer '{name}' ({kinds[name]}) would run on the host" for name in hidden],
    )


def _kinds(graph: HostGraph) -> dict[str, str]:
    """What the operations of each layer are, in words."""
    found: dict[str, str] = {}
    for node in graph.nodes:
        operation = node.operation
        kind = type(operation).__name__.lower()
        if isinstance(operation, Function | Join):
            kind = operation.name
        elif isinstance(operation, Pooling):
            kind = f"{operation.kind} pooling"
        name = layer_of(node)
        found[name] = f"{found[name]}, {kind}" if name in found else kind
    return found


def host_layers(network: LoweredNetwork, graph: HostGraph) -> tuple[HostLayer, ...]:
    """Every layer on the host, in order, with its work for one image.

    Parameters
    ----------
    network : LoweredNetwork
        Of activations.
    graph : HostGraph
        From its outputs on.
    """
    shapes = dict(network.inputs) | {layer.name: layer.shape for layer in network.layers}
    found = []
    macs = _macs_of_layers(network, shapes)
    for layer in network.layers:
        if layer.on_host:
            found.append(HostLayer(layer.name, "before", macs[layer.name], layer.n_neurons))
    return (*found, *_behind(graph, {name: shapes[name] for name in graph.inputs}))


def _behind(graph: HostGraph, shapes: dict[str, Shape]) -> list[HostLayer]:
    hidden = set(hidden_layers(graph))
    known = dict(shapes)
    work: dict[str, tuple[int, int]] = {}
    for node in graph.nodes:
        sources = [known[source] for source in node.sources]
        known[node.name] = result_shape(node, sources)
        macs, activations = work.get(layer_of(node), (0, 0))
        if isinstance(node.operation, Convolution):
            macs += _macs(node.operation, sources[0], known[node.name])
        elif isinstance(node.operation, Function):
            activations += math.prod(known[node.name])
        work[layer_of(node)] = macs, activations
    return [
        HostLayer(name, "after", macs, activations, name in hidden)
        for name, (macs, activations) in work.items()
        if macs or activations or name in hidden
    ]


def _macs(operation: Convolution, source: Shape, result: Shape) -> int:
    """One for each weight and output position; of a transposed convolution, input position.

    Taps and pairs of channels that have no weight at all, as in dilated and depthwise kernels,
    do not count.
    """
    rows, columns, _ = source if operation.transposed else result
    taps = np.any(operation.kernel, axis=(2, 3)).sum()
    pairs = np.any(operation.kernel, axis=(0, 1)).sum()
    return rows * columns * int(taps) * int(pairs)


def count_macs(network: LoweredNetwork, readout: HostGraph) -> int:
    """Multiply-accumulates of one forward pass of a whole network, wherever it runs.

    A convolution has one per output position and kernel entry; a transposed one, per input
    position. Borders count like the rest. Of an activation that is cut off, which two layers
    of the same sums stand for (`loihiseg.conversion.lowering.walk`), what comes in and goes out
    counts once.
    """
    shapes = dict(network.inputs) | {layer.name: layer.shape for layer in network.layers}
    own = sum(_macs_of_layers(network, shapes).values())
    behind = _behind(readout, {name: shapes[name] for name in readout.inputs})
    return own + sum(layer.macs for layer in behind)


def _macs_of_layers(network: LoweredNetwork, shapes: dict[str, Shape]) -> dict[str, int]:
    """Of every layer; 0 of one that has all terms of a layer before it, and of what hears it."""
    found: dict[str, int] = {}
    rests: set[str] = set()
    seen: list[SpikingLayer] = []
    # What is chosen is neither multiplied nor added.
    for layer in network.layers:
        if not layer.neuron.chooses and any(_same_terms(layer, one) for one in seen):
            rests.add(layer.name)
        seen.append(layer)
        terms = [term for term in layer.terms if term.source not in rests]
        is_counted = layer.name not in rests and not layer.neuron.chooses
        found[layer.name] = _macs_of_terms(terms, shapes, layer.shape) if is_counted else 0
    return found


def _same_terms(one: SpikingLayer, other: SpikingLayer) -> bool:
    if one.shape != other.shape or one.sources != other.sources or other.neuron.chooses:
        return False
    return all(_same(a, b) for a, b in zip(one.terms, other.terms, strict=True))


def _same(one: AnyTerm, other: AnyTerm) -> bool:
    if isinstance(one, SparseTerm) or isinstance(other, SparseTerm):
        return (
            isinstance(one, SparseTerm)
            and isinstance(other, SparseTerm)
            and np.array_equal(one.weights.indptr, other.weights.indptr)
            and np.array_equal(one.weights.indices, other.weights.indices)
            and np.array_equal(one.values, other.values)
        )
    return _places(one) == _places(other) and np.array_equal(one.kernel, other.kernel)


def _places(term: Term) -> tuple[object, ...]:
    """What a kernel is laid on."""
    return term.strides, term.padding, term.transposed, term.pads, term.depthwise


def _macs_of_terms(terms: list[AnyTerm], shapes: dict[str, Shape], shape: Shape) -> int:
    total = 0
    for term in terms:
        if isinstance(term, SparseTerm):
            total += int(term.values.size)
            continue
        rows, columns, _ = shapes[term.source] if term.transposed else shape
        total += rows * columns * int(term.kernel.size)
    return total
