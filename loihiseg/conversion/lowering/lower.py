"""From a graph of layers to neurons, what feeds them, and what the host does behind them.

The model's layers fall into three parts: layers fed by pixels run on the host and turn them into
spikes; every other activation is a layer of neurons on the chip; what follows the last activations
(a linear read-out, upsampling, a sigmoid) runs on the host again, as it is.
"""

from dataclasses import dataclass, field
from typing import Any

from loihiseg.conversion.host_graph import HostGraph
from loihiseg.conversion.lowering import tail
from loihiseg.conversion.lowering.graph import Graph
from loihiseg.conversion.lowering.settings import KerasShape, image
from loihiseg.conversion.lowering.sources import graph_of
from loihiseg.conversion.lowering.walk import Stage, Walk
from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.errors import InputError


@dataclass(frozen=True, eq=False)
class Lowering:
    """A lowered model.

    Attributes
    ----------
    network : LoweredNetwork
        What runs up to the last spiking layers.
    graph : HostGraph
        From the activations of ``network.outputs`` to the model's output.
    stages : dict of str to Stage
        Where every layer runs that the output needs, by the name of its call.
    """

    network: LoweredNetwork
    graph: HostGraph
    stages: dict[str, Stage] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Verdicts:
    """What became of every layer.

    Attributes
    ----------
    graph : Graph
    shapes : dict of str to tuple of int
        Of inputs and calls, without the batch, as far as they are known.
    refusals : tuple of (str, str)
        Name of the call, or "" of the model as a whole; one line that names the layer.
    stages : dict of str to Stage
    lowering : Lowering or None
        None where anything is refused.
    """

    graph: Graph
    shapes: dict[str, KerasShape]
    refusals: tuple[tuple[str, str], ...]
    stages: dict[str, Stage]
    lowering: Lowering | None


def lower(
    model: Any,
    rate_scale_hz: float = 100.0,
    output: str | None = None,
    levels_follow: bool = False,
) -> Lowering:
    """Rewrite a Keras model as layers of neurons and the linear terms that feed them.

    Parameters
    ----------
    model : tf.keras.Model, path-like or Graph
        Functional or sequential, channels last; a model in memory, an .h5 or .keras file, or what
        `loihiseg.conversion.lowering.sources.graph_of` made of either. What may stand between two
        activations is in `loihiseg.conversion.lowering.rules`; what follows the last one runs on
        the host, see `loihiseg.conversion.lowering.tail`.
    rate_scale_hz : float
        Firing rate in Hz that stands for an activation of 1, for layers that do not say.
    output : str, optional
        Of a model with several outputs, the name of the layer that gives the one to be computed.
    levels_follow : bool
        Whether activations without levels are given some afterwards, or stay floats, so that their
        maxima and minima can be placed too, see `loihiseg.conversion.neuron_kinds.Extremum`, and
        so can all functions that never fall, see `loihiseg.conversion.stepwise`.

    Raises
    ------
    InputError
        Names every layer that cannot be placed, with what to use instead, and every layer whose
        weights are not finite or carry nothing on.
    """
    found = verdicts(model, rate_scale_hz, output, levels_follow)
    if found.lowering is None:
        texts = [text for _, text in found.refusals]
        raise InputError("; ".join(texts), texts)
    return found.lowering


def verdicts(
    model: Any,
    rate_scale_hz: float = 100.0,
    output: str | None = None,
    levels_follow: bool = False,
) -> Verdicts:
    """The same, with what is refused said and not raised; see `lower`.

    Raises
    ------
    InputError
        If there is no graph, or no such output.
    """
    graph = graph_of(model)
    end = _chosen(graph, output)
    walk = Walk(graph, rate_scale_hz, levels_follow)
    walk.check_weights(graph.behind([end]))
    walk.check_inputs()
    boundary = walk.boundary(end)
    walk.body(graph.behind(boundary))
    behind = [name for name in graph.behind([end], boundary) if name in graph.steps]
    walk.behind(behind)
    network = LoweredNetwork(
        {name: image(walk.shapes[name]) for name in graph.inputs if name in walk.used}
        if not walk.refusals
        else {},
        tuple(walk.layers.values()),
        walk.outputs(boundary),
    )
    if not walk.refusals and not network.chip_layers:
        walk.refuse(
            "",
            "model leaves no layer for the chip: every activation is fed by pixels; add a "
            "convolution with an activation behind the first",
        )
    lowering = None
    if not walk.refusals:
        readout = tail.host_graph(graph, boundary, behind, end, walk.shapes, walk.above)
        lowering = Lowering(network, readout, walk.stages)
    return Verdicts(graph, walk.shapes, tuple(walk.refusals), walk.stages, lowering)


def _chosen(graph: Graph, output: str | None) -> str:
    """Name of the step that gives the output."""
    named = ", ".join(graph.outputs)
    if output is not None:
        if output not in graph.outputs:
            raise InputError(f"model has no output {output!r}; it has {named}")
        return graph.outputs[output]
    if len(graph.outputs) != 1:
        raise InputError(
            f"model has {len(graph.outputs)} outputs, {named}; choose one of them by its name"
        )
    return next(iter(graph.outputs.values()))
