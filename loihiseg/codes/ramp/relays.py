"""Relays: what a gate hears of a layer, sent once more, later.

A gate (`loihiseg.codes.gates`) hears trains that end in the same step. Of two layers of which one
follows from the other, as in ``Maximum()([x, f(x)])``, the first has sent before the second has
heard all. A relay is a layer of neurons that wait, one for each unit of the first; it comes to the
same levels, and sends them when it is released, as late as the gate needs. It costs neurons, their
clock, and a spike for each level.

Relays are layers of neurons alone, as clocks are: no activation of the network is theirs.
"""

from dataclasses import replace

import numpy as np

from loihiseg.codes.ramp.schedule import schedule
from loihiseg.conversion.linear import Term
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.conversion.stepwise import Stepwise
from loihiseg.errors import InputError

SUFFIX = "_again"
"""Behind the name of a layer, the name of its relay."""

MOST_LEVELS = 100
"""That a relay tells apart: its weight is 127 of the 127.5 that its thresholds are counted in, so
that it would be half a level short at 128."""


def with_relays(network: LoweredNetwork) -> LoweredNetwork:
    """The network with as few relays as its gates need to hear all at once; often none.

    Parameters
    ----------
    network : LoweredNetwork
        Of activations of levels.

    Raises
    ------
    InputError
        If a layer has too many levels for a relay; names it.
    """
    before = _before(network)
    some = _relayed(network, before)
    try:
        schedule(some, {})
    except InputError:
        # Gates that wait for each other: nothing but the gate hears a relay, so all can wait.
        return _relayed(network, None)
    return some


def _before(network: LoweredNetwork) -> dict[str, set[str]]:
    """All layers that each follows from, by name."""
    found: dict[str, set[str]] = {}
    for layer in network.layers:
        found[layer.name] = set(layer.sources).union(*(found.get(x, set()) for x in layer.sources))
    return found


def _relayed(network: LoweredNetwork, before: dict[str, set[str]] | None) -> LoweredNetwork:
    """With relays of what gates hear of layers that others they hear follow from, or of all."""
    by_name = {layer.name: layer for layer in network.layers}
    taken, relays, layers = {*by_name, *network.inputs}, dict[str, str](), list[SpikingLayer]()
    for layer in network.layers:
        sources = set(layer.sources)
        if not layer.neuron.chooses or len(sources) == 1:
            layers.append(layer)
            continue
        early = {
            name
            for name in layer.sources
            if before is None or any(name in before[other] for other in sources)
        }
        for name in dict.fromkeys(name for name in layer.sources if name in early):
            if name not in relays:
                relays[name] = _free(name + SUFFIX, taken)
                layers.append(_relay(by_name[name], relays[name]))
        terms = tuple(
            replace(term, source=relays[term.source]) if term.source in early else term
            for term in layer.terms
        )
        layers.append(replace(layer, terms=terms))
    return replace(network, layers=tuple(layers))


def _free(name: str, taken: set[str]) -> str:
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    taken.add(found)
    return found


def _relay(layer: SpikingLayer, name: str) -> SpikingLayer:
    """A layer that comes to what another does."""
    levels, value, offset = layer.levels, layer.level_value, layer.neuron.offset
    if levels > MOST_LEVELS:
        raise InputError(
            f"layer '{layer.name}' has {levels} levels, of which the ramp code sends at most "
            f"{MOST_LEVELS} once more, to an extreme of it and of what follows from it; use fewer "
            "levels, or the thermometer code"
        )
    channels = layer.shape[2]
    thresholds = tuple((float(offset + (k + 0.5) * value),) for k in range(levels))
    return SpikingLayer(
        name=name,
        shape=layer.shape,
        terms=(Term(layer.name, np.ones((1, 1, channels, 1), np.float32), depthwise=True),),
        bias=np.zeros(channels, np.float32),
        rate_scale_hz=layer.rate_scale_hz,
        on_host=False,
        neuron=Stepwise(levels, value, offset, thresholds),
    )
