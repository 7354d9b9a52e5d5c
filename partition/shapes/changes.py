"""Changes to a network that might make it fit: fewer channels, smaller kernels, and the like.

Each change gives a whole network anew, with every shape that follows from it, or nothing where
shapes no longer agree.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce
from typing import Literal

from partition.core.layers import (
    Layer,
    Projection,
    Shape,
    as_shape,
    dense_projection,
    output_lengths,
    targets_first,
    uniform_projection,
)

LEAST = Fraction(1, 8)
"""Share of channels, rows or columns below which a change is no longer the same network."""


@dataclass(frozen=True)
class Change:
    """A changed network.

    Attributes
    ----------
    text : str
        What was changed.
    layers : tuple of Layer
    pop_type : {32, 16}
    """

    text: str
    layers: tuple[Layer, ...]
    pop_type: int


def fewer_channels(layers: Sequence[Layer], name: str, pop_type: int) -> list[Change]:
    """Changes of the number of channels of one layer, the weakest first."""
    layer = next(layer for layer in layers if layer.name == name)
    total = layer.shape[2] // layer.levels
    found = []
    for n in _less(total):
        changed = {name: _with_channels(layer, n)}
        text = f"{n} instead of {total} {_channels(layer)} in layer {name}"
        found += _change(text, layers, changed, pop_type)
    return found


def fewer_channels_everywhere(layers: Sequence[Layer], pop_type: int) -> list[Change]:
    """Changes of the number of channels of all layers alike, the weakest first."""
    found = []
    for n in _less(16):
        share = Fraction(n, 16)
        changed = {
            layer.name: _with_channels(layer, max(1, int(layer.shape[2] // layer.levels * share)))
            for layer in layers
        }
        text = f"{share} of the channels in every layer"
        found += _change(text, layers, changed, pop_type)
    return found


def fewer_levels(layers: Sequence[Layer], pop_type: int) -> list[Change]:
    """Changes of the levels per channel of everything, the weakest first."""
    most = max(layer.levels for layer in layers)
    found = []
    for n in range(most - 1, 0, -1):
        changed, hosts = {}, {}
        for layer in layers:
            inputs = tuple(_with_levels(p, n) for p in layer.inputs)
            hosts.update({p.source: p.source_shape for p in inputs if p.on_host})
            channels, levels = layer.shape[2] // layer.levels, min(n, layer.levels)
            changed[layer.name] = replace(
                _with_channels(replace(layer, levels=levels), channels), inputs=inputs
            )
        text = f"{n} instead of {most} level{'s' * (most > 1)} per channel"
        found += _change(text, layers, changed, pop_type, hosts)
    return found


def _with_levels(projection: Projection, n: int) -> Projection:
    if projection.uniform:
        return projection
    levels = min(n, projection.levels)
    shape = (*projection.source_shape[:2], projection.n_atoms * levels)
    return replace(projection, levels=levels, source_shape=shape)


def smaller_kernel(layers: Sequence[Layer], name: str, source: str, pop_type: int) -> list[Change]:
    """Changes of the kernel of one projection, the weakest first."""

    def kernels(projection: Projection) -> list[tuple[int, int]]:
        rows, columns = projection.kernel
        return [(max(rows - n, 1), max(columns - n, 1)) for n in range(1, max(rows, columns))]

    return _projections(layers, name, source, pop_type, "kernel", kernels)


def larger_strides(layers: Sequence[Layer], name: str, source: str, pop_type: int) -> list[Change]:
    """Changes of the strides of one projection, the weakest first; not of transposed ones."""

    def strides(projection: Projection) -> list[tuple[int, int]]:
        rows, columns = projection.strides
        return [(rows + n, columns + n) for n in range(1, 0 if projection.transposed else 4)]

    return _projections(layers, name, source, pop_type, "strides", strides)


def _with_pair(
    projection: Projection, what: Literal["kernel", "strides"], value: tuple[int, int]
) -> Projection:
    if what == "kernel":
        return replace(projection, kernel=value)
    return replace(projection, strides=value)


def _projections(
    layers: Sequence[Layer],
    name: str,
    source: str,
    pop_type: int,
    what: Literal["kernel", "strides"],
    values: Callable[[Projection], list[tuple[int, int]]],
) -> list[Change]:
    layer = next(layer for layer in layers if layer.name == name)
    projection = next(p for p in layer.inputs if p.source == source)
    found = []
    fixed = projection.dense or projection.uniform or projection.links is not None
    for value in [] if fixed else values(projection):
        changed = _with_pair(projection, what, value)
        inputs = tuple(changed if p is projection else p for p in layer.inputs)
        before = "x".join(map(str, getattr(projection, what)))
        text = (
            f"{what} {'x'.join(map(str, value))} instead of {before} from {source} to layer {name}"
        )
        found += _change(text, layers, {name: replace(layer, inputs=inputs)}, pop_type)
    return found


def joined_inputs(layers: Sequence[Layer], name: str, pop_type: int) -> list[Change]:
    """The network with alike inputs of a layer from the host joined into one population."""
    layer = next(layer for layer in layers if layer.name == name)
    alike: dict[Projection, list[Projection]] = {}
    for p in layer.inputs:
        joins = p.on_host and not p.depthwise and p.links is None
        key = replace(p, source="", source_shape=(*p.source_shape[:2], 0)) if joins else p
        alike.setdefault(key, []).append(p)
    inputs = tuple(_joined(projections) for projections in alike.values())
    if len(inputs) == len(layer.inputs):
        return []
    joined = ", ".join(p.source for p in inputs if "+" in p.source)
    text = f"joined inputs of layer {name} ({joined})"
    return _change(text, layers, {name: replace(layer, inputs=inputs)}, pop_type)


def _joined(projections: Sequence[Projection]) -> Projection:
    shape = projections[0].source_shape
    return replace(
        projections[0],
        source="+".join(p.source for p in projections),
        source_shape=(*shape[:2], sum(p.source_shape[2] for p in projections)),
    )


def fewer_inputs(layers: Sequence[Layer], name: str, pop_type: int) -> list[Change]:
    """The network without the last inputs of a layer, the fewest first."""
    layer = next(layer for layer in layers if layer.name == name)
    found = []
    for n in range(len(layer.inputs) - 1, 0, -1):
        left_out = ", ".join(p.source for p in layer.inputs[n:])
        text = f"{n} instead of {len(layer.inputs)} inputs in layer {name}, without {left_out}"
        found += _change(text, layers, {name: replace(layer, inputs=layer.inputs[:n])}, pop_type)
    return found


def smaller_images(layers: Sequence[Layer], pop_type: int) -> list[Change]:
    """Changes of the rows and columns of everything, the weakest first."""
    hosts = {
        p.source: p.source_shape
        for layer in layers
        for p in layer.inputs
        if p.on_host and not p.uniform
    }
    if not hosts:
        return []
    largest = max(hosts, key=lambda name: hosts[name][0])
    total = hosts[largest][0]
    found = []
    for n in _less(total):
        exact = {
            name: (shape[0] * n / total, shape[1] * n / total, shape[2])
            for name, shape in hosts.items()
        }
        if any(size % 1 for shape in exact.values() for size in shape):
            continue
        scaled = {name: as_shape([int(size) for size in shape]) for name, shape in exact.items()}
        size, before = (
            "x".join(str(shape[largest][axis]) for axis in (0, 1)) for shape in (scaled, hosts)
        )
        text = f"a smaller image or tile, {size} instead of {before} neurons in {largest}"
        found += _change(text, layers, {}, pop_type, scaled)
    return found


def other_pop_type(layers: Sequence[Layer], pop_type: int) -> list[Change]:
    """The other format of axons."""
    other = 16 if pop_type == 32 else 32
    return [Change(f"pop_type {other}", tuple(layers), other)]


def _less(total: int) -> range:
    """Whole numbers below a total, down to the least share of it."""
    return range(total - 1, max(1, int(total * LEAST)) - 1, -1)


def _channels(layer: Layer) -> str:
    return "neurons" if layer.shape[:2] == (1, 1) else "channels"


def _with_channels(layer: Layer, n: int) -> Layer:
    n *= layer.levels
    return replace(
        layer,
        shape=(*layer.shape[:2], n),
        thresholds=layer.thresholds[:n],
        settings=layer.settings[:n],
    )


def _change(
    text: str,
    layers: Sequence[Layer],
    changed: Mapping[str, Layer],
    pop_type: int,
    hosts: Mapping[str, Shape] | None = None,
) -> list[Change]:
    """The change as a list of one, or an empty list where it is none."""
    found = rederived([changed.get(layer.name, layer) for layer in layers], hosts or {})
    return [Change(text, found, pop_type)] if found else []


def rederived(layers: Sequence[Layer], hosts: Mapping[str, Shape]) -> tuple[Layer, ...] | None:
    """The layers with all rows and columns worked out again, from the first to the last.

    Parameters
    ----------
    layers : sequence of Layer
        Channels and projections count; rows, columns and source shapes may be out of date.
    hosts : dict of str to (int, int, int)
        Shapes of populations on the host that changed.

    Returns
    -------
    tuple of Layer
        In the same order; None if inputs of a layer disagree or nothing is left of it.
    """
    shapes, done = dict(hosts), {}
    for layer in targets_first(layers)[::-1]:
        inputs = tuple(_from(p, shapes.get(p.source, p.source_shape)) for p in layer.inputs)
        rows, columns = (_length(layer, inputs, axis) for axis in (0, 1))
        if rows is None or columns is None:
            return None
        inputs = tuple(uniform_projection(p, (rows, columns)) if p.uniform else p for p in inputs)
        done[layer.name] = replace(layer, shape=(rows, columns, layer.shape[2]), inputs=inputs)
        if not all(_agrees(done[layer.name], p) for p in inputs):
            return None
        shapes[layer.name] = done[layer.name].shape
    return tuple(done[layer.name] for layer in layers)


def _agrees(layer: Layer, projection: Projection) -> bool:
    """Whether what goes from channel to channel, or neuron to neuron, still finds them all."""
    rows, columns, _ = projection.source_shape
    if projection.links is not None:
        n_atoms = rows * columns * projection.n_atoms
        found = (projection.links.n_sources, projection.links.n_targets)
        return found == (n_atoms, layer.n_neurons)
    return not projection.depthwise or layer.shape[2] % projection.n_atoms == 0


def _from(projection: Projection, shape: Shape) -> Projection:
    if projection.dense:
        return dense_projection(projection.source, shape, projection.on_host)
    return replace(projection, source_shape=as_shape(shape))


def _length(layer: Layer, inputs: Sequence[Projection], axis: int) -> int | None:
    """Length all inputs agree on, the one it had if that is among them."""
    inputs = [p for p in inputs if not p.uniform and p.links is None]
    if not inputs:
        return layer.shape[axis]
    allowed = reduce(
        set.intersection,
        (
            set(
                output_lengths(
                    p.source_shape[axis],
                    p.kernel[axis],
                    p.strides[axis],
                    p.padding,
                    p.transposed,
                    p.pads[axis] if p.pads is not None else None,
                )
            )
            for p in inputs
        ),
    ) - {0}
    if layer.shape[axis] in allowed:
        return layer.shape[axis]
    return min(allowed, default=None)
