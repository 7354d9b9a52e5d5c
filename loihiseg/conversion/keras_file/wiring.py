"""Layers, the calls of layers on outputs of others, and an order in which to make them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from loihiseg.conversion.keras_file.errors import one_line
from loihiseg.conversion.keras_file.layers import LAYERS


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
    fault : str
        Why it cannot be read, where that is so and was asked for; see `read_graph`.
    shape : tuple of int or None
        Of what one gives that is not read, without the batch, where that is known.
    """

    name: str
    kind: str
    arguments: dict[str, Any]
    calls: tuple[Call, ...] = ()
    model: "Model | None" = None
    fault: str = ""
    shape: tuple[int, ...] | None = None

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


def reference(value: object) -> Reference:
    """A reference as the file counts calls."""
    match value:
        case [str(layer), int(call), int(output)] if type(call) is int and type(output) is int:
            return Reference(layer, call, output)
    raise ValueError(f"refers to {one_line(repr(value), 60)}; expected [layer, call, output]")


def wired(
    name: str, trainable: bool, layers: list[Layer], config: dict[str, object], keras_3: bool
) -> Model:
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
    return Model(name, False, trainable, tuple(wired), inputs, outputs, ordered(wired))


class _Wiring:
    """Turns references of a file into references that lead to a call."""

    def __init__(self, layers: dict[str, Layer], config: dict[str, object], keras_3: bool) -> None:
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
            inputs = call.inputs
            if layer.fault:  # what looks like a reference may be none
                inputs = tuple(r for r in inputs if r.layer in self.layers)
            references = tuple(self.resolved(r, f"layer '{layer.name}'") for r in inputs)
            self.check_count(layer, len(references))
            calls.append(Call(references, call.training))
        return replace(layer, calls=tuple(calls))

    def check_count(self, layer: Layer, count: int) -> None:
        if layer.fault:
            fits = count >= 1
        elif layer.model is None:
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
        return tuple(self.resolved(reference(entry), f"{key!r}") for entry in entries)


def ordered(layers: Sequence[Layer]) -> tuple[tuple[str, int], ...]:
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
