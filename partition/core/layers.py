"""A convolutional network as the chip sees it, in no library's terms."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from partition.core.errors import PartitionError
from partition.core.links import Links

Shape = tuple[int, int, int]
"""(rows, columns, channels); neurons are numbered with the channel fastest."""

Pads = tuple[tuple[int, int], tuple[int, int]]
"""((top, bottom), (left, right))."""


@dataclass(frozen=True)
class Projection:
    """One convolution, or dense matrix of weights, into a layer.

    Attributes
    ----------
    source : str
        Name of a layer, or of a population of neurons on the host when ``on_host``.
    kernel, strides : (int, int)
        Rows and columns.
    padding : {"same", "valid"}
    transposed : bool
        A transposed convolution (``nengo.ConvolutionTranspose``).
    source_shape : (int, int, int)
        Rows, columns and channels of the source.
    on_host : bool
        The source's spikes come from the host and need no output axons.
    dense : bool
        All to all (``nengo.Dense``): the kernel covers the whole source, and every source neuron
        has an axon of its own. See `dense_projection`.
    levels : int
        Source channels, one after the other, that share an atom and so one copy of the weights.
    uniform : bool
        One pixel that reaches every neuron of a channel with the same weight: a transposed
        convolution whose kernel is as large as the layer, whatever size that has.
    pads : ((int, int), (int, int)) or None
        Where given, rows and columns of zeros around the source, top, bottom, left and right; of a
        transposed convolution those that are cut off the result. ``padding`` is "valid" then.
    depthwise : bool
        Every channel of the layer hears one atom of the source alone: of n atoms and n * m
        channels, atom c is heard by channels c * m to c * m + m - 1.
    links : Links or None
        Where no kernel says what reaches what: which atoms reach which neurons. Kernel, strides
        and padding say nothing then.
    """

    source: str
    kernel: tuple[int, int]
    strides: tuple[int, int]
    padding: Literal["same", "valid"]
    transposed: bool = False
    source_shape: Shape = (1, 1, 1)
    on_host: bool = False
    dense: bool = False
    levels: int = 1
    uniform: bool = False
    pads: Pads | None = None
    depthwise: bool = False
    links: Links | None = None

    @property
    def n_atoms(self) -> int:
        """Source channels that the weights tell apart."""
        return self.source_shape[2] // self.levels


@dataclass(frozen=True)
class Layer:
    """A population of neurons on the chip and the convolutions into it.

    Attributes
    ----------
    name : str
    shape : (int, int, int)
        Rows, columns, channels. A dense layer of n neurons is (1, 1, n).
    inputs : tuple of Projection
    thresholds, settings : tuple
        Per channel anything that tells its firing threshold, or its settings (decays, refractory
        period, noise), from other channels'; empty when all neurons share one. A core holds few
        different ones.
    levels : int
        Channels, one after the other, that stand for one channel of what the network was made of;
        changes of the network change them together. Blocks may be cut between them.
    whole_kernels : bool
        Only blocks are used that hear through every weight of their channels. Others, such as one
        row at the border, may lack the largest weight, and then get a scale of their own.
    used_axons : bool
        Whether a layer in one block has axons for those source pixels alone that reach it. Those
        that nengo-loihi builds have one for every pixel.
    """

    name: str
    shape: Shape
    inputs: tuple[Projection, ...] = ()
    thresholds: tuple[Hashable, ...] = ()
    settings: tuple[Hashable, ...] = ()
    levels: int = 1
    whole_kernels: bool = False
    used_axons: bool = False

    @property
    def n_neurons(self) -> int:
        rows, columns, channels = self.shape
        return rows * columns * channels


Target = tuple[Layer, Projection, Shape]
"""A layer that another projects to, by which projection, and its block shape."""


def as_shape(sizes: Sequence[int]) -> Shape:
    """Three sizes as a tuple."""
    rows, columns, channels = sizes
    return rows, columns, channels


def dense_projection(source: str, source_shape: Shape, on_host: bool = False) -> Projection:
    """All to all from a source of any shape into a layer of shape (1, 1, n)."""
    whole = as_shape(source_shape)
    return Projection(source, whole[:2], (1, 1), "valid", False, whole, on_host, True)


def uniform_projection(projection: Projection, shape: Sequence[int]) -> Projection:
    """A uniform projection into a layer of that shape, else as it is."""
    rows, columns = shape[:2]
    return replace(
        projection,
        kernel=(rows, columns),
        strides=(1, 1),
        padding="valid",
        transposed=True,
        source_shape=(1, 1, projection.source_shape[2]),
    )


def output_lengths(
    length: int,
    kernel: int,
    stride: int,
    padding: str,
    transposed: bool,
    pads: tuple[int, int] | None = None,
) -> range:
    """Output pixels one axis may have, by the formulas of ``nengo.transforms``.

    A convolution has one, and so has what is padded or cut explicitly. A transposed convolution has
    every length whose convolution gives ``length``; nengo takes the smallest unless told otherwise.
    """
    if pads is not None:
        if transposed:
            found = max((length - 1) * stride + kernel - sum(pads), 0)
        else:
            found = max((length + sum(pads) - kernel) // stride + 1, 0)
        return range(found, found + 1)
    if not transposed:
        if padding == "valid":
            length = max(length - kernel + 1, 0)
        n_outputs = -(-length // stride)
        return range(n_outputs, n_outputs + 1)
    smallest = (length - 1) * stride + (kernel if padding == "valid" else 1)
    return range(smallest, smallest + stride)


def check_layers(layers: Sequence[Layer]) -> None:
    """Check that a network is complete and its shapes agree.

    Parameters
    ----------
    layers : sequence of Layer

    Raises
    ------
    PartitionError
        Naming everything that is wrong, or a loop among the layers.
    """
    by_name = {layer.name: layer for layer in layers}
    problems = []
    if not layers:
        problems.append("there is no layer on the chip")
    if len(by_name) != len(layers):
        names = [layer.name for layer in layers]
        twice = sorted({name for name in names if names.count(name) > 1})
        problems.append(f"layer names are used more than once: {', '.join(twice)}")
    for layer in layers:
        if len(layer.shape) != 3 or min(layer.shape) < 1:
            problems.append(f"layer {layer.name}: shape {layer.shape} is not three positive sizes")
            continue
        if layer.levels < 1 or layer.shape[2] % layer.levels:
            problems.append(
                f"layer {layer.name}: {layer.shape[2]} channels are no multiple of {layer.levels} "
                "levels"
            )
        for what in ("thresholds", "settings"):
            given = len(getattr(layer, what))
            if given not in (0, layer.shape[2]):
                problems.append(f"layer {layer.name}: {given} {what} for {layer.shape[2]} channels")
        for projection in layer.inputs:
            problems += [
                f"layer {layer.name}: input from {projection.source}: {problem}"
                for problem in _projection_problems(layer, projection, by_name)
            ]
    if problems:
        raise PartitionError("; ".join(problems), problems)
    targets_first(layers)


def _projection_problems(
    layer: Layer, projection: Projection, by_name: Mapping[str, Layer]
) -> list[str]:
    if projection.padding not in ("same", "valid"):
        return [f"padding {projection.padding!r} is neither 'same' nor 'valid'"]
    if min(projection.kernel + projection.strides + projection.source_shape) < 1:
        return ["kernel, strides and source shape must be positive"]
    if projection.levels < 1 or projection.source_shape[2] % projection.levels:
        return [
            f"{projection.source_shape[2]} channels are no multiple of {projection.levels} levels"
        ]
    whole = dense_projection(projection.source, projection.source_shape, projection.on_host)
    if projection.dense and projection != whole:
        return [
            "a dense projection has the source's rows and columns as its kernel, and no padding"
        ]
    if projection.uniform and projection != uniform_projection(projection, layer.shape):
        return [
            "a uniform projection is of one pixel, transposed, its kernel as large as the layer"
        ]
    if projection.links is not None:
        return _link_problems(layer, projection, by_name)
    if projection.pads is not None and projection.padding != "valid":
        return ["explicit pads go with padding 'valid'"]
    if projection.depthwise and layer.shape[2] % projection.n_atoms:
        return [
            f"{layer.shape[2]} channels are no multiple of the {projection.n_atoms} of a depthwise "
            "source"
        ]
    problems = _source_problems(projection, by_name)
    for axis, label in enumerate(("rows", "columns")):
        allowed = output_lengths(
            projection.source_shape[axis],
            projection.kernel[axis],
            projection.strides[axis],
            projection.padding,
            projection.transposed,
            projection.pads[axis] if projection.pads is not None else None,
        )
        if layer.shape[axis] not in allowed:
            problems.append(f"gives {allowed[0]} {label}, the layer has {layer.shape[axis]}")
    return problems


def _link_problems(layer: Layer, projection: Projection, by_name: Mapping[str, Layer]) -> list[str]:
    assert projection.links is not None
    rows, columns, _ = projection.source_shape
    n_units = rows * columns * projection.n_atoms
    if (projection.links.n_sources, projection.links.n_targets) != (n_units, layer.n_neurons):
        return [
            f"links are of {projection.links.n_sources} atoms and {projection.links.n_targets} "
            f"neurons, expected {n_units} and {layer.n_neurons}"
        ]
    return _source_problems(projection, by_name)


def _source_problems(projection: Projection, by_name: Mapping[str, Layer]) -> list[str]:
    problems = []
    source = by_name.get(projection.source)
    if projection.on_host:
        pass
    elif source is None:
        problems.append("is no layer on the chip (a source on the host needs on_host=True)")
    elif source.shape != projection.source_shape:
        problems.append(
            f"source_shape {projection.source_shape} differs from the layer's {source.shape}"
        )
    return problems


def targets_first(layers: Sequence[Layer]) -> list[Layer]:
    """Order layers so that each comes after every layer it projects to.

    Raises
    ------
    PartitionError
        When layers form a loop.
    """
    by_name = {layer.name: layer for layer in layers}
    order: list[Layer] = []
    state: dict[str, str] = {}

    def visit(layer: Layer) -> None:
        if state.get(layer.name) == "open":
            raise PartitionError(
                f"layer {layer.name} reaches itself: block shapes are only chosen for networks "
                "without loops"
            )
        if layer.name in state:
            return
        state[layer.name] = "open"
        for projection in layer.inputs:
            if not projection.on_host:
                visit(by_name[projection.source])
        state[layer.name] = "done"
        order.append(layer)

    for layer in layers:
        visit(layer)
    return order[::-1]
