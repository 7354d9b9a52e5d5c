"""A Keras model as one list of calls, whatever models were inside each other.

It is what a file or a model in memory is turned into (`loihiseg.conversion.lowering.sources`), as
plain values and arrays; no framework is needed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from loihiseg.conversion.keras_file.weights import WeightFaults, Weights, weights_of
from loihiseg.conversion.keras_file.wiring import Layer, Model


@dataclass(frozen=True, eq=False)
class Step:
    """One call of one layer.

    Attributes
    ----------
    name : str
        Of the layer; of a layer called more than once, or whose name another has in another model,
        with what makes it unlike all others.
    layer : str
        Name of the layer.
    kind : str
        Name of its class.
    arguments : dict
        Of its constructor, those that were said.
    sources : tuple of str
        Names of steps or inputs.
    weights : dict of str to numpy.ndarray
        float32, by name; a shared layer's calls have the same.
    fault : str
        Why the layer cannot be read, where that is so; starts behind its name.
    shape : tuple of int or None
        Of what such a layer gives, without the batch, where it is known.
    weight_fault : str
        Why the layer has no weights, where it should; names it.
    """

    name: str
    layer: str
    kind: str
    arguments: dict[str, Any]
    sources: tuple[str, ...]
    weights: dict[str, np.ndarray] = field(default_factory=dict)
    fault: str = ""
    shape: tuple[int, ...] | None = None
    weight_fault: str = ""

    @property
    def called(self) -> str:
        """What messages call it."""
        kind = self.kind
        activation = self.arguments.get("activation")
        if kind == "Activation" and activation is not None:
            kind = f"Activation {activation.name!r}"
        return f"layer '{self.layer}' ({kind})"


@dataclass(frozen=True, eq=False)
class Graph:
    """A model.

    Attributes
    ----------
    inputs : dict of str to tuple
        Shape of each without the batch; None where it is open.
    steps : dict of str to Step
        By name, sources first.
    outputs : dict of str to str
        What each is called, and the name of the step or input that gives it.
    faults : tuple of str
        What is wrong with the weights of no step alone.
    """

    inputs: dict[str, tuple[int | None, ...]]
    steps: dict[str, Step]
    outputs: dict[str, str]
    faults: tuple[str, ...] = ()

    def behind(self, ends: Iterable[str], stop: Iterable[str] = ()) -> list[str]:
        """Names of the steps and inputs that ends need, sources first.

        Parameters
        ----------
        ends : iterable of str
        stop : iterable of str
            Names whose own sources are not needed, and that are left out.
        """
        found: dict[str, None] = {}
        left_out = set(stop)
        waiting = [(name, False) for name in reversed(list(ends))]
        while waiting:
            name, is_done = waiting.pop()
            if name in found or name in left_out:
                continue
            if is_done:
                found[name] = None
                continue
            waiting.append((name, True))
            if name in self.steps:
                waiting += [(source, False) for source in reversed(self.steps[name].sources)]
        return list(found)


def flat(model: Model, weights: Weights, faults: WeightFaults | None = None) -> Graph:
    """A model as one list of calls."""
    faults = faults or WeightFaults()
    made = _Flat(model, weights, faults)
    inputs = made.inputs(model)
    names = list(inputs)
    outputs = made.called(model, names, "")
    called = [reference.layer for reference in model.outputs] or [outputs[0]]
    by_name: dict[str, str] = {}
    for name, step in zip(called, outputs, strict=True):
        by_name[name if name not in by_name else step] = step
    return Graph(inputs, made.steps, by_name, faults.of_file)


class _Flat:
    """Collects the calls of a model and of those inside it."""

    def __init__(self, model: Model, weights: Weights, faults: WeightFaults) -> None:
        self.weights = weights
        self.weight_faults = faults.of_layers
        self.steps: dict[str, Step] = {}
        self.taken: set[str] = set()
        self.reserved = {layer.name for layer in model if layer.model is None}

    def inputs(self, model: Model) -> dict[str, tuple[int | None, ...]]:
        """Inputs of the outermost model."""
        if not model.is_sequential:
            by_name = {layer.name: layer for layer in model}
            found = {r.layer: _shape(by_name[r.layer]) for r in model.inputs}
        else:
            first = model.layers[0]
            shape = first.arguments.get("batch_input_shape") or model.build_shape or ()
            while not shape and first.model is not None and first.model.layers:
                first = first.model.layers[0]
                shape = first.arguments.get("batch_input_shape") or ()
            own = first.kind == "InputLayer"
            found = {first.name if own else f"{first.name}_input": tuple(shape)[1:]}
        self.taken.update(found)
        return found

    def called(self, model: Model, sources: list[str], within: str) -> list[str]:
        """Names of the outputs of a model called on sources."""
        if model.is_sequential:
            (last,) = sources
            for layer in model:
                if layer.kind != "InputLayer":
                    (last,) = self.step(layer, 0, (last,), within)
            return [last]
        values = {
            (reference.layer, 0, 0): source
            for reference, source in zip(model.inputs, sources, strict=True)
        }
        by_name = {layer.name: layer for layer in model}
        for name, number in model.order:
            call = by_name[name].calls[number]
            heard = tuple(values[r.layer, r.call, r.output] for r in call.inputs)
            outputs = self.step(by_name[name], number, heard, within)
            values |= {(name, number, n): output for n, output in enumerate(outputs)}
        return [values[r.layer, r.call, r.output] for r in model.outputs]

    def step(self, layer: Layer, call: int, sources: tuple[str, ...], within: str) -> list[str]:
        """Names of the outputs of a layer called on sources."""
        if layer.model is not None:
            return self.called(layer.model, list(sources), layer.name)
        name = self.own_name(layer.name, call, within)
        names = [weight.name for weight in ([] if layer.fault else weights_of(layer))]
        arrays = self.weights.get(layer, [])
        self.steps[name] = Step(
            name,
            layer.name,
            layer.kind,
            layer.arguments,
            sources,
            {n: np.asarray(a, np.float32) for n, a in zip(names, arrays, strict=False)},
            layer.fault,
            layer.shape,
            self.weight_faults.get(layer, ""),
        )
        return [name]

    def own_name(self, name: str, call: int, within: str) -> str:
        """A name that no other step has."""
        is_own = not within and not call

        def is_free(found: str) -> bool:
            return found not in self.taken and (
                found not in self.reserved or (is_own and found == name)
            )

        base = name
        if within and not is_free(name):
            base = f"{within}_{name}"
        found, number = base, max(call, 1)
        while not is_free(found) or (call and found == base):
            number += 1
            found = f"{base}_{number}"
        self.taken.add(found)
        return found


def _shape(layer: Layer) -> tuple[int | None, ...]:
    return tuple(layer.arguments.get("batch_input_shape", ()))[1:]
