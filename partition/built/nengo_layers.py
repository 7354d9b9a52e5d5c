"""A Nengo network as layers, before it is built, and block shapes back into it.

Ensembles are read by their attributes: nengo_loihi is imported where shapes are set.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from partition.core.errors import PartitionError
from partition.core.layers import Layer, Projection, Shape, as_shape, dense_projection

if TYPE_CHECKING:
    from nengo import Connection, Ensemble, Network

CONVOLUTIONS = {"Convolution": False, "ConvolutionTranspose": True}
"""Transforms of Nengo that are convolutions, and whether transposed."""


def layers_of(network: "Network") -> list[Layer]:
    """Ensembles on the chip and what connects their neurons, as layers.

    Parameters
    ----------
    network : nengo.Network
        Ensembles that are named (``label``), each by another name, and connected neuron to neuron
        by convolutions with channels last, transposed ones, or full matrices. Those that
        ``nengo_loihi.add_params`` sets ``on_chip`` False for are the host's, and so are nodes.

    Returns
    -------
    list of Layer
        In the order of the ensembles. An ensemble that hears no convolution is (1, 1, n).

    Raises
    ------
    PartitionError
        Names every ensemble and connection that has no place in a layer, and says what to do.
    """
    found = _Reading(network)
    layers = [
        Layer(name, found.shapes[name], tuple(found.projections[name]))
        for name in found.names.values()
        if name not in found.on_host
    ]
    if found.problems:
        raise PartitionError("; ".join(found.problems), found.problems)
    return layers


def use_block_shapes(network: "Network", shapes: Mapping[str, Shape]) -> None:
    """Tell nengo-loihi how ensembles are cut into blocks.

    Parameters
    ----------
    network : nengo.Network
        As of `layers_of`; its configuration is changed.
    shapes : mapping of str to (int, int, int)
        Rows, columns and channels of a block by name; of `partition.choose_block_shapes`.

    Raises
    ------
    PartitionError
        If a name is none of the network's layers.
    """
    import nengo_loihi

    layers = {layer.name: layer for layer in layers_of(network)}
    unknown = sorted(shapes.keys() - layers.keys())
    if unknown:
        raise PartitionError(
            f"block shapes of {', '.join(unknown)}: no such layers; expected {', '.join(layers)}"
        )
    if not _has_params(network):
        nengo_loihi.add_params(network)
    for ensemble in network.all_ensembles:
        if str(ensemble.label) in shapes:
            layer = layers[str(ensemble.label)]
            block, whole = as_shape(shapes[layer.name]), layer.shape
            if whole[:2] == (1, 1):
                made = nengo_loihi.BlockShape(block[2:], whole[2:])
            else:
                made = nengo_loihi.BlockShape(block, whole)
            network.config[ensemble].block_shape = made


def _has_params(network: "Network") -> bool:
    """Whether ``nengo_loihi.add_params`` was called."""
    ensembles = network.all_ensembles
    return bool(ensembles) and hasattr(network.config[ensembles[0]], "block_shape")


class _Reading:
    """What a network says of itself, and what in it has no place."""

    def __init__(self, network: "Network") -> None:
        self.problems: list[str] = []
        self.names: dict[Ensemble, str] = {}
        self.on_host: set[str] = set()
        self.shapes: dict[str, Shape] = {}
        self._name(network)
        heard = [(one, *self._ends(one)) for one in network.all_connections]
        for connection, _, target in heard:
            if target is not None:
                self._shape(connection, target)
        for name, ensemble in ((name, one) for one, name in self.names.items()):
            self.shapes.setdefault(name, (1, 1, ensemble.n_neurons))
        self.projections: dict[str, list[Projection]] = {n: [] for n in self.names.values()}
        for connection, source, target in heard:
            if target is not None and target not in self.on_host:
                self._project(connection, source, target)

    def _name(self, network: "Network") -> None:
        has_params = _has_params(network)
        for ensemble in network.all_ensembles:
            name = str(ensemble.label or "")
            if not name or name in self.names.values():
                self.problems.append(
                    f"ensemble {name or ensemble}: has no label of its own; give it one"
                )
            self.names[ensemble] = name
            if has_params and network.config[ensemble].on_chip is False:
                self.on_host.add(name)

    def _ends(self, connection: "Connection") -> tuple[str | None, str | None]:
        """Names of the ensembles whose neurons send and hear; None of what is none."""
        ends = []
        for end in (connection.pre_obj, connection.post_obj):
            ensemble = getattr(end, "ensemble", None)
            ends.append(None if ensemble is None else self.names.get(ensemble))
            if end in self.names:
                self.problems.append(
                    f"{connection}: decodes or encodes; connect neurons (ensemble.neurons)"
                )
                return None, None
        return ends[0], ends[1]

    def _shape(self, connection: "Connection", target: str) -> None:
        """What a convolution says of the ensembles on both sides of it."""
        transform = connection.transform
        if type(transform).__name__ not in CONVOLUTIONS:
            return
        if not transform.channels_last or len(transform.output_shape.shape) != 3:
            self.problems.append(f"{connection}: expected two dimensions, channels last")
            return
        source = self._ends(connection)[0]
        for name, found in ((source, transform.input_shape), (target, transform.output_shape)):
            shape = as_shape(found.shape)
            if name is not None and self.shapes.setdefault(name, shape) != shape:
                self.problems.append(
                    f"{connection}: {name} is {shape} here and {self.shapes[name]} elsewhere; "
                    "give all its convolutions one shape"
                )

    def _project(self, connection: "Connection", source: str | None, target: str) -> None:
        if source is None:
            self.problems.append(
                f"{connection}: {target} hears what is no neuron; put an ensemble with on_chip "
                "False between, which turns it into spikes"
            )
            return
        transform, on_host = connection.transform, source in self.on_host
        kind = type(transform).__name__
        shape = self.shapes[source]
        if kind in CONVOLUTIONS:
            kernel, strides = tuple(transform.kernel_size), tuple(transform.strides)
            padding: Literal["same", "valid"] = transform.padding
            self.projections[target].append(
                Projection(source, kernel, strides, padding, CONVOLUTIONS[kind], shape, on_host)
            )
        elif kind == "Dense" and len(transform.shape) == 2:
            n_target = math.prod(self.shapes[target])
            if self.shapes[target] != (1, 1, n_target):
                self.problems.append(f"{connection}: {target} hears a convolution and a matrix")
            self.projections[target].append(dense_projection(source, shape, on_host))
        else:
            self.problems.append(
                f"{connection}: transform {kind}; expected a convolution or a full matrix"
            )
