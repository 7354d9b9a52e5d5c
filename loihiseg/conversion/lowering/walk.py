"""From a graph of layers to layers of neurons, sources first; what cannot be placed is named."""

from dataclasses import replace
from typing import Literal

import numpy as np

from loihiseg.conversion.linear import AnyTerm
from loihiseg.conversion.lowering import rules, tail
from loihiseg.conversion.lowering.functions import (
    LAYERS,
    ROUNDED,
    function_of,
    highest_values,
    inner_functions,
    rounded,
    taken_by_levels,
)
from loihiseg.conversion.lowering.graph import Graph, Step
from loihiseg.conversion.lowering.linear_map import LinearMap, add, identity, scale
from loihiseg.conversion.lowering.neurons import neuron_of, passes_on, rate_of_one_hz, spikes
from loihiseg.conversion.lowering.settings import KerasShape, image
from loihiseg.conversion.lowering.shapes import output_shape
from loihiseg.conversion.lowering.terms import terms_of
from loihiseg.conversion.lowering.weights import shape_faults, weight_faults
from loihiseg.conversion.lowering.windows import NotPlacedError, NoWeightsError
from loihiseg.conversion.monotone import Monotone
from loihiseg.conversion.neuron import Neuron
from loihiseg.conversion.neuron_kinds import Rectified
from loihiseg.conversion.spec import SpikingLayer
from loihiseg.conversion.stepwise import FloatActivation

Stage = Literal["host before", "chip", "composed", "host after"]
"""Where a layer runs; "composed" are those that become weights and biases of the next neurons."""


class Walk:
    """Collects spiking layers, sources first, and what cannot be placed."""

    def __init__(self, graph: Graph, rate_scale_hz: float, levels_follow: bool) -> None:
        self.graph = graph
        self.steps = dict(graph.steps)
        self.rate_scale_hz = rate_scale_hz
        self.levels_follow = levels_follow
        self.taken = taken_by_levels(graph)
        inner = inner_functions(graph) - self.taken
        self.inner = inner if levels_follow else set()
        self.cut_off = {} if levels_follow else highest_values(graph, inner)
        self.functions: dict[str, Monotone] = {}
        self.above: dict[str, str] = {}
        self.layers: dict[str, SpikingLayer] = {}
        self.shapes: dict[str, KerasShape] = {}
        self.maps: dict[str, LinearMap] = {}
        self.stages: dict[str, Stage] = {}
        self.refusals: list[tuple[str, str]] = []
        self.used: set[str] = set()
        self.misshapen: set[str] = set()
        for fault in graph.faults:
            self.refuse("", fault)

    def refuse(self, name: str, text: str) -> None:
        """Note what cannot be placed, once for all calls of a layer."""
        if text not in {seen for _, seen in self.refusals}:
            self.refusals.append((name, text))

    def refuse_step(self, step: Step, error: object) -> None:
        """Note a layer that cannot be placed."""
        if step.name in self.misshapen:
            return  # its weights were refused, and nothing can be made of it
        is_open = bool(self.graph.faults) or any(s.fault for s in self.steps.values())
        if isinstance(error, NoWeightsError) and is_open:
            return  # they were not looked for behind layers that are not read
        self.refuse(step.name, f"{step.called} {error}")

    def is_neurons(self, step: Step) -> bool:
        """Whether a layer's output is the activation of neurons."""
        of_functions = step.name in self.inner or step.name in self.cut_off
        return step.name not in self.taken and (spikes(step) or of_functions)

    def check_weights(self, names: list[str]) -> None:
        """Note weights that cannot be; what follows is looked at as if they were ones."""
        for name in names:
            step = self.steps.get(name)
            if step is None:
                continue
            faults = list(shape_faults(step))
            if step.weight_fault or faults:
                self.misshapen.add(name)
            if step.weight_fault:
                self.refuse(name, step.weight_fault)
            faults += weight_faults(step)
            for fault in faults:
                self.refuse(name, f"{step.called}: {fault}")
            if faults:
                ones = {key: np.ones_like(value) for key, value in step.weights.items()}
                self.steps[name] = replace(step, weights=ones)

    def check_inputs(self) -> None:
        """Note inputs of open size; take the others as sources."""
        for name, shape in self.graph.inputs.items():
            if not shape or None in shape or len(shape) > 3:
                self.refuse(
                    name,
                    f"input '{name}' has shape {shape}; rows, columns and channels must be fixed",
                )
                continue
            self.shapes[name] = tuple(int(n) for n in shape if n is not None)
            self.maps[name] = identity(name, image(self.shapes[name]))

    def boundary(self, end: str) -> list[str]:
        """The spiking layers nearest an output, in order of first use."""
        found: dict[str, None] = {}
        passed: list[Step] = []
        reached: list[str] = []
        waiting, seen = [end], set()
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            step = self.steps.get(name)
            if step is None:
                reached.append(name)
            elif self.is_neurons(step):
                found[name] = None
            else:
                passed.append(step)
                waiting += reversed(step.sources)
        if reached:
            self.refuse_reached(reached[0], passed)
        return list(found)

    def outputs(self, boundary: list[str]) -> tuple[str, ...]:
        """Layers of neurons that the last activations are."""
        above = [self.above[name] for name in boundary if name in self.above]
        return (*boundary, *above)

    def refuse_reached(self, name: str, passed: list[Step]) -> None:
        """Note that an input is not seen by any neurons: for want of them, or for another kind."""
        n_before = len(self.refusals)
        for step in reversed(passed):
            is_active = step.kind in (*LAYERS, *rules.INSTEAD) or step.fault
            if is_active or (step.kind == "Activation" and found_inside(self.graph, step)):
                try:
                    rules.check_step(step)
                except NotPlacedError as error:
                    self.refuse_step(step, error)
        if len(self.refusals) == n_before:
            self.refuse(
                "",
                f"input '{name}' reaches the output past every activation; "
                "send it through a Conv2D with an activation first",
            )

    def body(self, names: list[str]) -> None:
        """Lower all that the last activations need."""
        for name in names:
            step = self.steps.get(name)
            if step is None:
                self.used.add(name)
                continue
            self.stages[name] = "composed"
            try:
                self._infer(step)
                if not self.is_neurons(step) and name not in self.taken:
                    rules.check_step(step)
                elif step.arguments.get("data_format", "channels_last") != "channels_last":
                    raise NotPlacedError("is channels-first; use channels_last")
                is_known = all(source in self.maps for source in step.sources)
                if is_known and name not in self.misshapen:
                    self.maps[name] = self._mapped(step)
            except NotPlacedError as error:
                self.refuse_step(step, error)
            if name not in self.maps and name in self.shapes:
                # What follows is looked at as if these were neurons.
                self.maps[name] = identity(name, image(self.shapes[name]))

    def behind(self, names: list[str]) -> None:
        """Check all that runs behind the last activations."""
        for name in names:
            step = self.steps[name]
            self.stages[name] = "host after"
            try:
                self._infer(step)
                tail.check_step(step)
                is_known = all(source in self.shapes for source in step.sources)
                if is_known and name not in self.misshapen:
                    tail.operations_of(step, [self.shapes[source] for source in step.sources])
            except NotPlacedError as error:
                if not any(place == name for place, _ in self.refusals):
                    self.refuse_step(step, error)

    def _infer(self, step: Step) -> None:
        if step.fault:
            if step.shape is not None:
                self.shapes[step.name] = step.shape
        elif all(source in self.shapes for source in step.sources):
            shapes = [self.shapes[source] for source in step.sources]
            self.shapes[step.name] = output_shape(step, shapes)

    def _mapped(self, step: Step) -> LinearMap:
        """The value of a layer: a linear map of what was lowered before, or its own neurons."""
        maps = [self.maps[source] for source in step.sources]
        shapes = [self.shapes[source] for source in step.sources]
        function = self.functions.get(step.sources[0])
        if step.name in self.taken or (function is not None and step.kind != ROUNDED):
            # Its value is the argument of a function, until levels are made of it.
            own = function or function_of(step, self.shapes[step.name])
            self.functions[step.name] = own
        elif self.is_neurons(step):
            neuron = self._neuron(step, function)
            one = rules.lowered(step, maps, shapes, self) if step.kind in rules.RULES else maps[0]
            shape = image(self.shapes[step.name])
            self._add(step, step.name, shape, terms_of(one), one, neuron)
            whole = identity(step.name, shape)
            return self._cut_off(step, one, whole) if step.name in self.cut_off else whole
        return rules.lowered(step, maps, shapes, self) if _is_linear(step) else maps[0]

    def _neuron(self, step: Step, function: Monotone | None) -> Neuron:
        """What a layer of neurons is, behind a function that waits for its levels."""
        if step.kind == ROUNDED:
            return rounded(step, function or Monotone())
        if step.name in self.cut_off:
            return Rectified()
        if step.name in self.inner:
            return FloatActivation(function_of(step, self.shapes[step.name]))
        return neuron_of(step)

    def _cut_off(self, step: Step, one: LinearMap, whole: LinearMap) -> LinearMap:
        """A rectified sum less what of it is above the highest, which other neurons rectify.

        ``min(relu(z), m) = relu(z) - relu(z - m)``. The others hear z too, of many spikes; heard of
        the first neurons, which send them one by one, their rate would be another.
        """
        ones = np.ones(whole.shape[2])
        above = scale(one, ones, -self.cut_off[step.name] * ones)
        name = self._free_name(step, f"{step.name}_above")
        self._add(step, name, whole.shape, terms_of(above), above, Rectified())
        self.above[step.name] = name
        return add([whole, scale(identity(name, whole.shape), -ones, 0 * ones)])

    def neuron(self, name: str) -> Neuron | None:
        """See `loihiseg.conversion.lowering.levels.Layers`."""
        return self.layers[name].neuron if name in self.layers else None

    def add(
        self,
        step: Step,
        name: str,
        shape: tuple[int, int, int],
        terms: tuple[AnyTerm, ...],
        neuron: Neuron,
    ) -> str:
        """See `loihiseg.conversion.lowering.levels.Layers`."""
        found = self._free_name(step, name)
        self._add(step, found, shape, terms, None, neuron)
        return found

    def _free_name(self, step: Step, name: str) -> str:
        found, number = name, 1
        while found in self.layers or (found != step.name and found in self.graph.steps):
            number += 1
            found = f"{name}_{number}"
        return found

    def _add(
        self,
        step: Step,
        name: str,
        shape: tuple[int, int, int],
        terms: tuple[AnyTerm, ...],
        one: LinearMap | None,
        neuron: Neuron,
    ) -> None:
        from_pixels = [term.source in self.graph.inputs for term in terms]
        if any(from_pixels) and not all(from_pixels):
            raise NotPlacedError(
                "is fed by pixels and by spikes at once; give the pixels a Conv2D with an "
                "activation of their own"
            )
        if not terms:
            raise NotPlacedError("is fed by nothing: all its weights are 0; leave it out")
        self.layers[name] = SpikingLayer(
            name=name,
            shape=shape,
            terms=terms,
            bias=np.zeros(shape[2], np.float32) if one is None else one.offset,
            rate_scale_hz=rate_of_one_hz(step, self.rate_scale_hz),
            on_host=all(from_pixels),
            neuron=neuron,
        )
        self.stages[step.name] = "host before" if all(from_pixels) else "chip"


def found_inside(graph: Graph, step: Step) -> bool:
    """Whether a layer's value is heard by others of the graph, so that it is no read-out's end."""
    return any(step.name in other.sources for other in graph.steps.values())


def _is_linear(step: Step) -> bool:
    """Whether a rule or nothing becomes of a layer, apart from an activation of its own."""
    return step.kind in rules.RULES or passes_on(step)
