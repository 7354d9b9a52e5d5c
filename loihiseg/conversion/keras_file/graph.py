"""A model's configuration as plain values that were checked: layers, calls, order of calls."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from loihiseg.conversion.keras_file import fields
from loihiseg.conversion.keras_file.errors import FaultyFileError, one_line
from loihiseg.conversion.keras_file.layers import LAYERS, layer_arguments
from loihiseg.conversion.keras_file.parts import CodeError, class_and_config

MOST_LAYERS = 2_000
"""Layers of a file, those of models inside models included."""

MOST_CALLS = 5_000
"""Calls of layers, those of a model inside counted for each call of it."""

MOST_DEPTH = 16
"""Models inside models."""

MODELS = ("Functional", "Model", "Sequential")


@dataclass(frozen=True)
class Reference:
    """The output of a call: layer, number of the call from 0, number of the output."""

    layer: str
    call: int
    output: int


@dataclass(frozen=True)
class Call:
    """A layer called on outputs of others; ``training`` is None where it was not said."""

    inputs: tuple[Reference, ...]
    training: bool | None = None


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer that was checked.

    Attributes
    ----------
    name, kind : str
    arguments : dict
        Of its constructor.
    calls : tuple of Call
    model : Model or None
        What it consists of, where it is a model.
    """

    name: str
    kind: str
    arguments: dict[str, Any]
    calls: tuple[Call, ...] = ()
    model: "Model | None" = None

    @property
    def is_trainable(self) -> bool:
        return self.arguments.get("trainable", True)


@dataclass(frozen=True, eq=False)
class Model:
    """A model that was checked.

    Attributes
    ----------
    name : str
    is_sequential : bool
    trainable : bool
    layers : tuple of Layer
        In the order of the file.
    inputs, outputs : tuple of Reference
        Empty where sequential.
    order : tuple of (str, int)
        Layer and number of call: an order in which all calls have their inputs.
    build_shape : tuple or None
        Shape of the input of a sequential model that has no input layer.
    """

    name: str
    is_sequential: bool
    trainable: bool
    layers: tuple[Layer, ...]
    inputs: tuple[Reference, ...] = ()
    outputs: tuple[Reference, ...] = ()
    order: tuple[tuple[str, int], ...] = ()
    build_shape: tuple[int | None, ...] | None = None

    @property
    def begins_with_input(self) -> bool:
        return bool(self.layers) and self.layers[0].kind == "InputLayer"

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)


def read_graph(config: object, keras_3: bool) -> Model:
    """Check a model's configuration.

    Parameters
    ----------
    config : object
        JSON value: the serialized model.
    keras_3 : bool
        Whether today's Keras wrote it, not tf_keras.

    Raises
    ------
    FaultyFileError
        Names every layer that is not read, and why.
    """
    reader = _Reader(keras_3)
    model = None
    try:
        kind, inner = class_and_config(config)
        if kind not in MODELS:
            raise ValueError(f"is a {one_line(kind, 60)}; expected a functional model")
        model = reader.model(kind, inner, 0)
    except ValueError as error:
        reader.faults.append(f"the model {error}")
    if reader.faults or model is None:
        raise FaultyFileError(reader.faults)
    _check_calls(model)
    return model


def _check_calls(model: Model) -> None:
    if _calls_of(model) > MOST_CALLS:
        raise FaultyFileError([f"calls layers more than {MOST_CALLS:,} times"])


def _calls_of(model: Model) -> int:
    """Calls of layers in one call of a model."""
    total = 0
    for layer in model:
        each = 1 if layer.model is None else _calls_of(layer.model)
        total += each * max(1, len(layer.calls))
    return total


@dataclass
class _Reader:
    """Reads models, and gathers what is wrong with their layers."""

    keras_3: bool
    faults: list[str] = field(default_factory=list)
    n_layers: int = 0

    def model(self, kind: str, config: dict, depth: int) -> Model:
        """A model of a configuration; faults of its layers are gathered."""
        if depth > MOST_DEPTH:
            raise ValueError(f"has models more than {MOST_DEPTH} deep inside it")
        known = _SEQUENTIAL_KEYS if kind == "Sequential" else _FUNCTIONAL_KEYS
        unknown = [k for k, v in config.items() if k not in known and v is not None]
        if unknown:
            raise ValueError(
                f"has the setting {one_line(repr(min(unknown)), 60)}, which is not read"
            )
        name = fields.name(config.get("name", kind.lower()))
        trainable = fields.flag(config.get("trainable", True))
        entries = config.get("layers")
        if type(entries) is not list or not entries:
            raise ValueError("has no list of layers")
        self.n_layers += len(entries)
        if self.n_layers > MOST_LAYERS:
            raise ValueError(f"has more than {MOST_LAYERS:,} layers")
        n_before = len(self.faults)
        layers = [self.layer(entry, kind, depth) for entry in entries]
        found = [layer for layer in layers if layer is not None]
        names = [layer.name for layer in found]
        for twice in sorted({each for each in names if names.count(each) > 1}):
            self.faults.append(f"two layers are named '{twice}'")
        if len(self.faults) > n_before:  # what refers to faulty layers says nothing more
            return Model(name, True, trainable, tuple(found))
        if kind == "Sequential":
            shape = fields.maybe(_SHAPE)(config.get("build_input_shape"))
            return Model(name, True, trainable, tuple(found), build_shape=shape)
        return _wired(name, trainable, found, config, self.keras_3)

    def layer(self, entry: object, model_kind: str, depth: int) -> Layer | None:
        """A layer of a model's list; None where it is faulty."""
        shown = f"layer '{one_line(_name_of(entry), 100)}'"
        try:
            return self._layer(entry, model_kind, depth)
        except CodeError as error:
            self.faults.append(f"{shown} {error}; replace it by a Keras layer")
        except ValueError as error:
            self.faults.append(f"{shown} {error}")
        return None

    def _layer(self, entry: object, model_kind: str, depth: int) -> Layer:
        kind, config = class_and_config(entry)
        assert isinstance(entry, dict)
        n_before = len(self.faults)
        calls = () if model_kind == "Sequential" else self.calls(entry.get("inbound_nodes"))
        if kind in MODELS:
            inner = self.model(kind, config, depth + 1)
            arguments = {"name": inner.name, "trainable": inner.trainable}
            layer = Layer(inner.name, kind, arguments, calls, inner)
        elif kind not in LAYERS:
            raise ValueError(
                f"({one_line(kind, 60)}) is none of the layers that are read; replace it by one "
                "that can be deployed"
            )
        else:
            try:
                arguments = layer_arguments(kind, config, self.keras_3)
            except CodeError:
                raise
            except ValueError as error:
                raise ValueError(f"({kind}): {error}") from None
            layer = Layer(arguments.get("name", ""), kind, arguments, calls)
        name = entry.get("name", layer.name)
        if len(self.faults) == n_before and (not layer.name or name != layer.name):
            raise ValueError(f"({kind}) is named {one_line(repr(layer.name), 60)} in its settings")
        return layer

    def calls(self, nodes: object) -> tuple[Call, ...]:
        """Calls of a layer, with references as the file counts them."""
        if type(nodes) is not list:
            raise ValueError("has no list 'inbound_nodes'")
        return tuple(_call_of_today(n) if type(n) is dict else _call(n) for n in nodes)


_SHAPE = fields.some(fields.maybe(fields.whole(1, 1 << 16)), 1, 8)
_FUNCTIONAL_KEYS = {"name", "trainable", "layers", "input_layers", "output_layers", "dtype"}
_SEQUENTIAL_KEYS = {"name", "trainable", "layers", "build_input_shape", "dtype"}


def _name_of(entry: object) -> str:
    if isinstance(entry, dict):
        config = entry.get("config")
        inner = config.get("name") if isinstance(config, dict) else None
        return str(inner or entry.get("name") or "?")
    return "?"


def _call(node: object) -> Call:
    """A call as tf_keras writes it: a list of [layer, call, output, further arguments]."""
    if type(node) is not list or not node:
        raise ValueError("has an inbound node that is no list")
    entries = [node] if type(node[0]) is str else node
    references, trainings = [], set()
    for entry in entries:
        if type(entry) is not list or len(entry) not in (3, 4):
            raise ValueError("has an inbound node that is not [layer, call, output, arguments]")
        references.append(_reference(entry[:3]))
        trainings.add(_training(entry[3] if len(entry) == 4 else {}))
    if len(trainings) > 1:
        raise ValueError("is called with unlike arguments")
    return Call(tuple(references), trainings.pop())


def _call_of_today(node: dict) -> Call:
    """A call as today's Keras writes it: positional and named arguments."""
    match node:
        case {"args": [first], "kwargs": kwargs, **rest} if not rest:
            tensors = first if type(first) is list else [first]
            return Call(tuple(_tensor(t) for t in tensors), _training(kwargs))
    raise ValueError("is called with arguments that are not read")


def _tensor(value: object) -> Reference:
    match value:
        case {"class_name": "__keras_tensor__", "config": {"keras_history": list(history)}}:
            return _reference(history)
    raise ValueError("is called on something that is no output of a layer")


def _training(kwargs: object) -> bool | None:
    if type(kwargs) is not dict:
        raise ValueError("is called with arguments that are no object")
    unknown = {k for k, v in kwargs.items() if k not in ("mask", "training") and v is not None}
    if unknown or kwargs.get("mask") is not None:
        shown = one_line(repr(min(unknown, default="mask")), 60)
        raise ValueError(f"is called with the argument {shown}, which is not read")
    training = kwargs.get("training")
    if training not in (None, False) or type(training) is int:
        raise ValueError("is called with training=True; call it without")
    return training


def _reference(value: object) -> Reference:
    match value:
        case [str(layer), int(call), int(output)] if type(call) is int and type(output) is int:
            return Reference(layer, call, output)
    raise ValueError(f"refers to {one_line(repr(value), 60)}; expected [layer, call, output]")


def _wired(name: str, trainable: bool, layers: list[Layer], config: dict, keras_3: bool) -> Model:
    """A functional model whose references all lead somewhere.

    Raises
    ------
    ValueError
        If one does not, or calls wait for each other.
    """
    by_name = {layer.name: layer for layer in layers}
    wiring = _Wiring(by_name, config, keras_3)
    wired = [wiring.layer(layer) for layer in layers]
    inputs = wiring.ends("input_layers")
    outputs = wiring.ends("output_layers")
    for reference in inputs:
        if by_name[reference.layer].kind != "InputLayer":
            raise ValueError(f"has the input '{reference.layer}', which is no InputLayer")
    if len(set(inputs)) < len(inputs):
        raise ValueError("has one input twice")
    for layer in layers:
        if layer.kind == "InputLayer" and layer.name not in {r.layer for r in inputs}:
            raise ValueError(f"has the InputLayer '{layer.name}', which is none of its inputs")
    return Model(name, False, trainable, tuple(wired), inputs, outputs, _order(wired))


class _Wiring:
    """Turns references of a file into references that lead to a call."""

    def __init__(self, layers: dict[str, Layer], config: dict, keras_3: bool) -> None:
        self.layers = layers
        self.config = config
        self.keras_3 = keras_3

    def layer(self, layer: Layer) -> Layer:
        is_input = layer.kind == "InputLayer"
        if is_input == bool(layer.calls):
            what = "is called on others" if is_input else "is not called"
            raise ValueError(f"has layer '{layer.name}' ({layer.kind}), which {what}")
        calls = []
        for call in layer.calls:
            references = tuple(self.resolved(r, f"layer '{layer.name}'") for r in call.inputs)
            self.check_count(layer, len(references))
            calls.append(Call(references, call.training))
        return Layer(layer.name, layer.kind, layer.arguments, tuple(calls), layer.model)

    def check_count(self, layer: Layer, count: int) -> None:
        if layer.model is None:
            fits = count >= 1 if LAYERS[layer.kind].joins else count == 1
        else:
            fits = count == (1 if layer.model.is_sequential else len(layer.model.inputs))
        if not fits:
            raise ValueError(f"calls layer '{layer.name}' ({layer.kind}) on {count} inputs")

    def resolved(self, reference: Reference, who: str) -> Reference:
        target = self.layers.get(reference.layer)
        if target is None:
            shown = one_line(repr(reference.layer), 60)
            raise ValueError(f"has {who}, which refers to {shown}; there is no such layer")
        first = self.first_call(target)
        n_calls = 1 if target.kind == "InputLayer" else len(target.calls)
        n_outputs = 1
        if target.model is not None and not target.model.is_sequential:
            n_outputs = len(target.model.outputs)
        call = reference.call - first
        if not 0 <= call < n_calls or not 0 <= reference.output < n_outputs:
            raise ValueError(
                f"has {who}, which refers to call {reference.call}, output {reference.output} of "
                f"'{reference.layer}'; there is none"
            )
        return Reference(reference.layer, call, reference.output)

    def first_call(self, target: Layer) -> int:
        """tf_keras counts the call with which a model inside was made."""
        if target.model is None or self.keras_3:
            return 0
        return int(target.model.begins_with_input)

    def ends(self, key: str) -> tuple[Reference, ...]:
        value = self.config.get(key)
        if type(value) is not list or not value:
            raise ValueError(f"has no list {key!r}")
        entries = [value] if type(value[0]) is str else value
        return tuple(self.resolved(_reference(entry), f"{key!r}") for entry in entries)


def _order(layers: list[Layer]) -> tuple[tuple[str, int], ...]:
    """Calls after those they need, calls of one layer in their order.

    Raises
    ------
    ValueError
        If calls wait for each other.
    """
    waiting: dict[tuple[str, int], int] = {}
    waited_for: dict[tuple[str, int], list[tuple[str, int]]] = {}
    ready = [(layer.name, 0) for layer in layers if layer.kind == "InputLayer"]
    for layer in layers:
        for number, call in enumerate(layer.calls):
            needed = {(r.layer, r.call) for r in call.inputs}
            if number:
                needed.add((layer.name, number - 1))
            waiting[layer.name, number] = len(needed)
            for each in needed:
                waited_for.setdefault(each, []).append((layer.name, number))
    inputs = set(ready)
    order = []
    while ready:
        done = ready.pop(0)
        if done not in inputs:
            order.append(done)
        for each in waited_for.get(done, ()):
            waiting[each] -= 1
            if not waiting[each]:
                ready.append(each)
    if len(order) < len(waiting):
        stuck = min(set(waiting) - set(order))
        raise ValueError(f"has layer '{stuck[0]}' in a cycle: it waits for its own output")
    return tuple(order)


def kinds(config: object) -> Iterator[str]:
    """Class names of every layer and other object, nested ones included."""
    open_values = [config]
    while open_values:
        value = open_values.pop()
        if isinstance(value, dict):
            if isinstance(value.get("class_name"), str):
                yield value["class_name"]
            open_values += value.values()
        elif isinstance(value, list):
            open_values += value
