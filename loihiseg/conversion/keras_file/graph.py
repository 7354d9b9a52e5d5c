"""A model's configuration as plain values that were checked."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from loihiseg.conversion.keras_file import fields
from loihiseg.conversion.keras_file.errors import FaultyFileError, one_line
from loihiseg.conversion.keras_file.layers import LAYERS, layer_arguments
from loihiseg.conversion.keras_file.parts import CodeError, class_and_config
from loihiseg.conversion.keras_file.wiring import Call, Layer, Model, Reference, reference, wired

MOST_LAYERS = 2_000
"""Layers of a file, those of models inside models included."""

MOST_CALLS = 5_000
"""Calls of layers, those of a model inside counted for each call of it."""

MOST_DEPTH = 16
"""Models inside models."""

MODELS = ("Functional", "Model", "Sequential")


def read_graph(config: object, keras_3: bool, keep_faulty: bool = False) -> Model:
    """Check a model's configuration.

    Parameters
    ----------
    config : object
        JSON value: the serialized model.
    keras_3 : bool
        Whether today's Keras wrote it, not tf_keras.
    keep_faulty : bool
        Keep layers that are not read, each with its fault, as long as it is known what they are
        called on.

    Raises
    ------
    FaultyFileError
        Names every layer that is not read, those that were kept too, and why.
    """
    reader = _Reader(keras_3, keep_faulty)
    model = None
    try:
        kind, inner = class_and_config(config)
        if kind not in MODELS:
            raise ValueError(f"is a {one_line(kind, 60)}; expected a functional model")
        model = reader.model(kind, inner, 0)
    except ValueError as error:
        reader.faults.append(f"the model {error}")
    if reader.faults or model is None:
        raise FaultyFileError(reader.kept + reader.faults)
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
    keep_faulty: bool = False
    faults: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    n_layers: int = 0

    def model(self, kind: str, config: dict[str, object], depth: int) -> Model:
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
        return wired(name, trainable, found, config, self.keras_3)

    def layer(self, entry: object, model_kind: str, depth: int) -> Layer | None:
        """A layer of a model's list; None where it is faulty."""
        shown = f"layer '{one_line(_name_of(entry), 100)}'"
        try:
            return self._layer(entry, model_kind, depth)
        except CodeError as error:
            fault = f"{error}; replace it by a Keras layer"
        except ValueError as error:
            fault = str(error)
        if self.keep_faulty:
            try:
                layer = self._faulty(entry, model_kind, fault)
            except ValueError:
                pass
            else:
                self.kept.append(f"{shown} {fault}")
                return layer
        self.faults.append(f"{shown} {fault}")
        return None

    def _faulty(self, entry: object, model_kind: str, fault: str) -> Layer:
        """A layer of which only its name, its class and its calls are known."""
        if not isinstance(entry, dict):
            raise ValueError("is no object")
        name, kind = fields.name(_name_of(entry)), entry.get("class_name")
        calls: tuple[Call, ...] = ()
        if model_kind != "Sequential":
            calls = tuple(_any_call(node) for node in _nodes_of(entry))
        return Layer(name, one_line(kind, 60), {}, calls, fault=_behind_class(fault, kind))

    def _layer(self, entry: object, model_kind: str, depth: int) -> Layer:
        kind, config = class_and_config(entry)
        assert isinstance(entry, dict)
        n_before = len(self.faults)
        calls = () if model_kind == "Sequential" else tuple(map(_read_call, _nodes_of(entry)))
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
            layer = Layer(str(arguments.get("name", "")), kind, arguments, calls)
        name = entry.get("name", layer.name)
        if len(self.faults) == n_before and (not layer.name or name != layer.name):
            raise ValueError(f"({kind}) is named {one_line(repr(layer.name), 60)} in its settings")
        return layer


_SHAPE = fields.some(fields.maybe(fields.whole(1, 1 << 16)), 1, 8)
_FUNCTIONAL_KEYS = {"name", "trainable", "layers", "input_layers", "output_layers", "dtype"}
_SEQUENTIAL_KEYS = {"name", "trainable", "layers", "build_input_shape", "dtype"}


def _name_of(entry: object) -> str:
    if isinstance(entry, dict):
        config = entry.get("config")
        inner = config.get("name") if isinstance(config, dict) else None
        return str(inner or entry.get("name") or "?")
    return "?"


def _behind_class(fault: str, kind: object) -> str:
    """A fault as it is said behind the name and the class of a layer."""
    behind = fault.removeprefix(f"({one_line(kind, 60)})").lstrip(": ")
    if not behind.startswith(("has ", "is ", "carries ", "refers ", "calls ")):
        behind = f"has a setting that is not read: {behind}"
    return one_line(behind)


def _nodes_of(entry: dict[str, object]) -> list[object]:
    nodes = entry.get("inbound_nodes")
    if type(nodes) is not list:
        raise ValueError("has no list 'inbound_nodes'")
    return nodes


def _read_call(node: object) -> Call:
    """A call, with references as the file counts them."""
    return _call_of_today(node) if type(node) is dict else _call(node)


def _any_call(node: object) -> Call:
    """A call of a layer that is not read: all that looks like an output of a layer, in order."""
    found: list[Reference] = []
    waiting = [node]
    while waiting:
        match waiting.pop():
            case {"class_name": "__keras_tensor__"} as tensor:
                found.append(_tensor(tensor))
            case [str(), int(), int(), *more] as history:
                found.append(reference(history[:3]))
                waiting += reversed(more)
            case list(values):
                waiting += reversed(values)
            case dict(values):
                waiting += reversed(values.values())
    return Call(tuple(found))


def _call(node: object) -> Call:
    """A call as tf_keras writes it: a list of [layer, call, output, further arguments]."""
    if type(node) is not list or not node:
        raise ValueError("has an inbound node that is no list")
    entries = [node] if type(node[0]) is str else node
    references, trainings = [], set()
    for entry in entries:
        if type(entry) is not list or len(entry) not in (3, 4):
            raise ValueError("has an inbound node that is not [layer, call, output, arguments]")
        references.append(reference(entry[:3]))
        trainings.add(_training(entry[3] if len(entry) == 4 else {}))
    if len(trainings) > 1:
        raise ValueError("is called with unlike arguments")
    return Call(tuple(references), trainings.pop())


def _call_of_today(node: dict[str, object]) -> Call:
    """A call as today's Keras writes it: positional and named arguments."""
    match node:
        case {"args": [first], "kwargs": kwargs, **rest} if not rest:
            tensors = first if type(first) is list else [first]
            return Call(tuple(_tensor(t) for t in tensors), _training(kwargs))
    raise ValueError("is called with arguments that are not read")


def _tensor(value: object) -> Reference:
    match value:
        case {"class_name": "__keras_tensor__", "config": {"keras_history": list(history)}}:
            return reference(history)
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
