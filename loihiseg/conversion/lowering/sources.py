"""Where graphs come from: a Keras file, or a Keras model in memory. Both are read alike.

A model in memory is never asked what it computes: its layers' settings and weights are read, as
those of a file are, and through the same checks.
"""

import json
from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np

from loihiseg.conversion.keras_file import read_unchecked
from loihiseg.conversion.keras_file.graph import MODELS
from loihiseg.conversion.keras_file.layers import LAYERS, layer_arguments
from loihiseg.conversion.keras_file.parts import ACTIVATIONS, OURS, Activation
from loihiseg.conversion.keras_file.weights import Weights, weights_of
from loihiseg.conversion.keras_file.wiring import Call, Layer, Model, Reference, ordered
from loihiseg.conversion.lowering.graph import Graph, flat
from loihiseg.errors import InputError


def graph_of(model: Any) -> Graph:
    """The graph of a Keras file, by its path, or of a ``tf.keras.Model``.

    Layers that cannot be read are part of it, each with its fault.

    Raises
    ------
    InputError
        If the file is no Keras model, or the model has no graph of layers.
    """
    if isinstance(model, Graph):
        return model
    if isinstance(model, str | PathLike):
        return flat(*read_unchecked(model))
    if not getattr(model, "inputs", None) or not getattr(model, "_is_graph_network", False):
        raise InputError("model has no functional graph; build it with tf.keras.Input")
    weights: Weights = {}
    return flat(_model(model, weights), weights)


def _model(model: Any, weights: Weights) -> Model:
    """A model in memory, as one of a file would be."""
    inputs = {id(tensor): tensor.node.layer.name for tensor in model.inputs}
    nodes = _nodes(model, set(inputs))
    by_layer: dict[int, list[Any]] = {}
    for node in nodes:
        by_layer.setdefault(id(node.layer), []).append(node)
    call_of: dict[int, int] = {}
    for calls in by_layer.values():
        # In the order in which they were made, which is that of a file.
        made = {id(node): number for number, node in enumerate(calls[0].layer.inbound_nodes)}
        calls.sort(key=lambda node: made.get(id(node), 0))
        call_of |= {id(node): number for number, node in enumerate(calls)}

    def reference(tensor: Any) -> Reference:
        if id(tensor) in inputs:
            return Reference(inputs[id(tensor)], 0, 0)
        history = tensor._keras_history
        return Reference(history.layer.name, call_of[id(tensor.node)], int(history.tensor_index))

    layers = [
        Layer(t.node.layer.name, "InputLayer", {"batch_input_shape": tuple(t.shape)})
        for t in model.inputs
    ]
    for calls in by_layer.values():
        heard = tuple(Call(tuple(reference(t) for t in node.keras_inputs)) for node in calls)
        layer = _layer(calls[0].layer, heard, weights)
        layers.append(replace(layer, shape=_shape(calls[0])) if layer.fault else layer)
    return Model(
        model.name,
        False,
        True,
        tuple(layers),
        tuple(reference(tensor) for tensor in model.inputs),
        tuple(reference(tensor) for tensor in model.outputs),
        ordered(layers),
    )


def _shape(node: Any) -> tuple[int, ...] | None:
    """Shape of what a call gives, where that is one value of fixed size."""
    shape = getattr(node.outputs, "shape", None)
    if shape is None or None in tuple(shape)[1:]:
        return None
    return tuple(int(n) for n in tuple(shape)[1:])


def _nodes(model: Any, inputs: set[int]) -> list[Any]:
    """Calls that a model's outputs need, sources first."""
    found: dict[int, Any] = {}
    waiting = [(tensor, False) for tensor in reversed(model.outputs)]
    while waiting:
        tensor, is_done = waiting.pop()
        if id(tensor) in inputs or id(tensor.node) in found:
            continue
        if is_done:
            found[id(tensor.node)] = tensor.node
            continue
        waiting.append((tensor, True))
        waiting += [(source, False) for source in reversed(tensor.node.keras_inputs)]
    return list(found.values())


def _layer(layer: Any, calls: tuple[Call, ...], weights: Weights) -> Layer:
    kind = type(layer).__name__
    module = type(layer).__module__
    is_known = module.split(".")[0] in ("keras", "tf_keras", "loihiseg")
    if is_known and kind in MODELS and getattr(layer, "_is_graph_network", False):
        return Layer(layer.name, kind, {}, calls, _model(layer, weights))
    if not is_known or kind not in LAYERS:
        return Layer(layer.name, kind, {}, calls, fault="cannot be read")
    if kind in OURS and OURS[kind] != module:
        return Layer(layer.name, kind, {}, calls, fault="cannot be read")
    try:
        made = Layer(layer.name, kind, _arguments(kind, layer), calls)
        weights[made] = _arrays(made, layer)
    except ValueError as error:
        return Layer(layer.name, kind, {}, calls, fault=str(error))
    return made


def _arguments(kind: str, layer: Any) -> dict[str, object]:
    """Settings of a layer but those that only training asks for."""
    settings = {
        key: value
        for key, value in layer.get_config().items()
        if not key.endswith(("_initializer", "_regularizer", "_constraint")) and key != "dtype"
    }
    name = None
    if "activation" in settings:
        name = _function_name(layer.activation)
        settings["activation"] = name if name in ACTIVATIONS else "linear"
    plain = json.loads(json.dumps(settings, default=_plain))
    arguments = layer_arguments(kind, plain, False)
    if name is not None:
        arguments["activation"] = Activation(name)
    return arguments


def _function_name(function: Any) -> str:
    """Name of an activation; of one that is not Keras', TensorFlow's or ours the module too."""
    if function is None:
        return "linear"
    name = str(getattr(function, "__name__", None) or type(function).__name__)
    module = str(getattr(function, "__module__", None))
    is_known = module.split(".")[0] in ("keras", "tf_keras", "tensorflow", "loihiseg")
    return name if is_known else f"{module}.{name}"


def _plain(value: Any) -> object:
    """Numbers of numpy and TensorFlow as those of Python."""
    return np.asarray(value).tolist()


def _arrays(layer: Layer, made: Any) -> list[np.ndarray]:
    by_name = {
        weight.name.rsplit("/", 1)[-1].split(":", 1)[0]: np.asarray(weight.numpy())
        for weight in made.weights
    }
    expected = [weight.name for weight in weights_of(layer)]
    if set(by_name) != set(expected):
        raise ValueError(f"has the weights {', '.join(by_name)}, expected {', '.join(expected)}")
    return [by_name[name] for name in expected]
