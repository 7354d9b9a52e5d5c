"""The network of neurons of the ramp code.

Prior art: Quartz (Lenz et al. 2023, arXiv 2309.16795) waits too, for the time of one spike, and
integrates the current for it; SDANN (Chen et al. 2025, arXiv 2505.12221) is exact by shifting sums
from bit to bit; Whetstone (Severa et al. 2019) is what one level comes to. That the chip's hard
reset is the latch of a train of spikes we found nowhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from loihiseg.codes.gates import gate_layer
from loihiseg.codes.ramp.clock import (
    Bounds,
    Margins,
    Pulse,
    Sent,
    TooLargeError,
    bounds,
    check_steps,
    margins,
    pulses,
    within_reach,
)
from loihiseg.codes.ramp.integers import IntegerLayer, integer_layers
from loihiseg.codes.ramp.neuron import Pulsed, Ramp, Train
from loihiseg.codes.ramp.schedule import Times, heard_by_gates, schedule
from loihiseg.codes.thermometer.blind import blind_layer
from loihiseg.codes.thermometer.levels import neurons_of
from loihiseg.conversion.linear import Term
from loihiseg.conversion.neuron import SPIKE_RATE_HZ, Neuron
from loihiseg.conversion.neuron_kinds import Memoryless
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.errors import InputError

COARSE_SUFFIX, FINE_SUFFIX = "_clock", "_fine_clock"
"""Behind the name of a layer, the names of the two parts of its clock."""


@dataclass(frozen=True, eq=False)
class Plan:
    """All that is decided of a network before it is made.

    Attributes
    ----------
    integers : dict of str to IntegerLayer
        With thresholds within reach.
    bounds : dict of str to Bounds
    margins : dict of str to Margins
        All three of the layers on the chip.
    times : dict of str to Times
    to_measure : tuple of str
        Layers whose largest sums that could be do not fit, and of which none was measured: their
        margins are none yet.
    """

    integers: dict[str, IntegerLayer]
    bounds: dict[str, Bounds]
    margins: dict[str, Margins]
    times: dict[str, Times]
    to_measure: tuple[str, ...] = ()

    @property
    def prepared(self) -> dict[str, int]:
        """Steps of each layer's clock before it hears; see `schedule`."""
        return {name: found.prepared for name, found in self.margins.items()}


def plan(
    network: LoweredNetwork,
    measured: Mapping[str, int] | None = None,
    to_be_measured: bool = False,
) -> Plan:
    """Integers, margins and times of a network of levels.

    Parameters
    ----------
    network : LoweredNetwork
        Of quantized activations.
    measured : mapping of str to int, optional
        Sums by layer that take the place of the largest that could be there before its release;
        see `loihiseg.codes.ramp.measured`.
    to_be_measured : bool
        Whether layers that do not fit without are left for later, with margins that are too small:
        to see how many neurons there will be, and not for running them.

    Raises
    ------
    InputError
        If there are no such neurons; names the layer.
    """
    integers = integer_layers(network)
    # Nobody knows yet how long clocks take, but when layers start after each other.
    times = schedule(network, {})
    sums: dict[str, Bounds] = {}
    found: dict[str, Margins] = {}
    to_measure = []
    for layer in network.chip_layers:
        if layer.neuron.chooses:
            continue
        name = layer.name
        sent = {source: _sent(network.layer(source), times, name) for source in layer.sources}
        largest = bounds(layer, integers[name], sent)
        near = within_reach(integers[name].thresholds, largest.total)
        integers[name] = replace(integers[name], thresholds=near)
        if measured is not None and name in measured:
            sums[name] = _at_most(largest, measured[name])
            found[name] = margins(name, integers[name], sums[name])
            continue
        try:
            sums[name], found[name] = largest, margins(name, integers[name], largest)
            check_steps(name, integers[name], largest, found[name])
        except TooLargeError:
            if not to_be_measured:
                raise
            # What will be measured is not less than nothing: what fails now, fails for good.
            sums[name] = _at_most(largest, 0)
            found[name] = margins(name, integers[name], sums[name])
            check_steps(name, integers[name], sums[name], found[name])
            to_measure.append(name)
    prepared = {name: one.prepared for name, one in found.items()}
    return Plan(integers, sums, found, schedule(network, prepared), tuple(to_measure))


def _at_most(found: Bounds, early: int) -> Bounds:
    """Bounds of which positive sums before the release are no larger than what was measured."""
    positive, negative = found.early
    return replace(found, early=np.stack([np.minimum(positive, early), negative]))


def _sent(source: SpikingLayer, times: dict[str, Times], to: str) -> Sent:
    """What a source sends to a layer. Of the host all in one step, else a spike in each.

    So does the host where its levels are a train.
    """
    first, last = times[source.name].fires
    at_once = source.levels if first == last else 1
    is_last = times[source.name].fires[1] == times[to].released
    return Sent(source.levels, source.levels - at_once * is_last, at_once)


def neurons_that_wait(network: LoweredNetwork, plan: Plan) -> LoweredNetwork:
    """The network of neurons that stands for a network of levels.

    Parameters
    ----------
    network : LoweredNetwork
        Of quantized activations.
    plan : Plan
        Of it.

    Returns
    -------
    LoweredNetwork
        Layers on the host as the thermometer code has them, a neuron for each level, sent all in
        one step; those on the chip of as many neurons as units. Before each its clock, neurons on
        the host in layers of their own.

    Raises
    ------
    InputError
        If a step's input could be too large for the chip; names the layer.
    """
    by_name = {layer.name: layer for layer in network.layers}
    shapes = {layer.name: layer.shape for layer in network.layers}
    in_trains = heard_by_gates(network)
    layers: list[SpikingLayer] = []
    for layer in neurons_of(network).layers:
        activation, times = by_name[layer.name], plan.times[layer.name]
        if layer.on_host:
            sent: Neuron = Memoryless(
                layer.levels, layer.level_value, (times.fires[0],), activation.neuron.offset
            )
            if layer.name in in_trains:
                sent = Train(
                    layer.levels, layer.level_value, times.fires[0], activation.neuron.offset
                )
            layers.append(replace(layer, neuron=sent))
            continue
        if activation.neuron.chooses:
            layers.append(_sharing(gate_layer(activation, shapes, per_unit=True), by_name))
            continue
        integers, found = plan.integers[layer.name], plan.margins[layer.name]
        own_pulses = pulses(layer.name, integers, plan.bounds[layer.name], found, times)
        clock = clock_layers(layer.name, network, own_pulses)
        taken = by_name.keys() & {one.name for one, _ in clock}
        if taken:
            raise InputError(f"layer '{min(taken)}' has the name of a clock: call it otherwise")
        layers += [one for one, _ in clock]
        layers.append(_waiting(activation, integers, found, by_name, clock))
    return replace(network, layers=tuple(layers))


def clock_layers(
    name: str, network: LoweredNetwork, pulses: Sequence[Pulse]
) -> list[tuple[SpikingLayer, list[Pulse]]]:
    """The clock of a layer: of coarse and of fine weights, each a layer on the host if there are.

    Parameters
    ----------
    name : str
        Of the layer.
    network : LoweredNetwork
    pulses : sequence of Pulse

    Returns
    -------
    list of (SpikingLayer, list of Pulse)
        Each with its neurons.
    """
    parts = (
        (COARSE_SUFFIX, [pulse for pulse in pulses if pulse.coarse]),
        (FINE_SUFFIX, [pulse for pulse in pulses if not pulse.coarse]),
    )
    return [(_clock(name + suffix, network, own), own) for suffix, own in parts if own]


def clock_term(clock: SpikingLayer, pulses: Sequence[Pulse], shape: tuple[int, int, int]) -> Term:
    """What a layer of some shape hears of a part of its clock."""
    weights = [np.broadcast_to(pulse.weights, shape) for pulse in pulses]
    kernel = np.stack(weights, axis=2).astype(np.float32)
    return Term(clock.name, kernel, transposed=True, clock=True)


def _clock(name: str, network: LoweredNetwork, pulses: list[Pulse]) -> SpikingLayer:
    layer = blind_layer(name, network.inputs, np.ones(len(pulses)))
    return replace(layer, neuron=Pulsed(tuple(pulse.steps for pulse in pulses)))


def _sharing(layer: SpikingLayer, by_name: dict[str, SpikingLayer]) -> SpikingLayer:
    """A layer that hears all levels of a unit on the host by one weight."""
    levels = {name: one.levels if one.on_host else 1 for name, one in by_name.items()}
    terms = tuple(replace(term, levels=levels[term.source]) for term in layer.terms)
    return replace(layer, terms=terms)


def _waiting(
    layer: SpikingLayer,
    integers: IntegerLayer,
    found: Margins,
    by_name: dict[str, SpikingLayer],
    clock: list[tuple[SpikingLayer, list[Pulse]]],
) -> SpikingLayer:
    heard = [
        term.with_values(weights.astype(np.float32))
        for term, weights in zip(layer.terms, integers.weights, strict=True)
    ]
    terms = list(_sharing(replace(layer, terms=tuple(heard)), by_name).terms)
    terms += [clock_term(one, own, layer.shape) for one, own in clock]
    thresholds = tuple(tuple(int(value) for value in row) for row in integers.thresholds)
    return replace(
        layer,
        terms=tuple(terms),
        bias=np.zeros(layer.shape[2], np.float32)
        if integers.bias is None
        else integers.bias.astype(np.float32),
        rate_scale_hz=SPIKE_RATE_HZ,
        neuron=Ramp(
            layer.levels, layer.level_value, thresholds, found.floor_exponent, layer.neuron.offset
        ),
    )
