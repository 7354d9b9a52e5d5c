"""One output of a Keras model that has several."""

from os import PathLike
from typing import TYPE_CHECKING

from loihiseg.compilation.source import (
    IN_MEMORY,
    Network,
    TrainedNetwork,
    read_network,
    trained_network,
)
from loihiseg.compilation.tasks import KerasModel
from loihiseg.conversion.keras_file import load_keras_model
from loihiseg.conversion.lowering.sources import graph_of
from loihiseg.errors import Option, OptionError
from loihiseg.training import shipped

if TYPE_CHECKING:
    from loihiseg.frameworks import tf


def network_of_output(
    network: str | PathLike[str] | KerasModel, output: str | None
) -> TrainedNetwork:
    """A trained network, up to one of its outputs.

    Parameters
    ----------
    network : path-like or tf.keras.Model
        As of `loihiseg.compilation.source.trained_network`.
    output : str or None
        Name of the layer that gives it; None for a network of one output.

    Raises
    ------
    InputError
        If there is no such network or output, or it takes more than one image.
    """
    if output is None:
        return trained_network(network)
    if not isinstance(network, str | PathLike):
        return _up_to(network, output, IN_MEMORY)
    path, checkpoint = read_network(shipped.resolve(str(network), None))
    if checkpoint is not None:
        raise OptionError(
            Option("output"), f" {output}: {path} is a checkpoint, which has one; leave it out"
        )
    return _up_to(load_keras_model(path), output, str(path))


def _up_to(model: "tf.keras.Model", output: str, source: str) -> Network:
    from loihiseg.frameworks import tf

    graph = graph_of(model)
    if output not in graph.outputs:
        raise OptionError(
            Option("output"), f" {output}: {source} has no such output; it has "
            f"{', '.join(graph.outputs)}",
        )  # fmt: skip
    needed = set(graph.behind([graph.outputs[output]]))
    inputs = [tensor for tensor, name in zip(model.inputs, graph.inputs) if name in needed]
    number = list(graph.outputs).index(output)
    found = Network(tf.keras.Model(inputs, model.outputs[number]), None, source, None)
    assert found.task  # or it is refused
    return found
