"""The network of neurons of the direct code: the trained one, and a clock for each layer.

A layer has steps of its own (`loihiseg.conversion.over_time`). The clock sends, in each of them,
the shift that the layer was trained with. In all other steps in which something is heard, such as
a skip connection that arrives early or goes on, it sends what silences the layer whatever is heard:
at least the largest positive sum, the threshold and the depth of the floor together. So no layer
fires outside of its own steps, and after an early step every voltage is at the floor. From there
the shift of the first own step is larger by what the leak leaves of the floor, to the next multiple
of 64; the rest, below 64, is the neurons' ``start``, which they were trained with.

A layer that hears nothing before its first own step is at rest in it, as the chip is in the
beginning: nothing has to be sent. So is every neuron behind the last own step of all that it hears.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from loihiseg.codes.ramp.clock import MOST_INPUT, Pulse, digits, joined
from loihiseg.codes.ramp.integers import GRID, largest_sums
from loihiseg.codes.ramp.network import clock_layers, clock_term
from loihiseg.conversion.leaky import Leaky
from loihiseg.conversion.over_time import check_steps, own_steps, steps_needed
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.errors import InputError, Option, OptionError
from loihiseg.quantization.fixed_point import DECAY_BITS

Steps = Mapping[str, tuple[int, int]]
"""The first and the last step in which each layer on the chip may fire."""


@dataclass(frozen=True, eq=False)
class Sums:
    """Largest sums of a layer's positive and of its negative weights, each (channels,) int64."""

    positive: np.ndarray
    negative: np.ndarray


def sums_of(layer: SpikingLayer) -> Sums:
    """Sums of a layer if everything that it hears fires at once, or what hurts most of it."""
    positive, negative = np.zeros((2, layer.shape[2]), np.int64)
    for term in layer.terms:
        own = largest_sums(term, np.rint(term.values).astype(np.int64), layer.shape[2])
        positive, negative = positive + own[0], negative + own[1]
    return Sums(positive, negative)


def heard_steps(layer: SpikingLayer, network: LoweredNetwork, steps: Steps) -> set[int]:
    """Steps in which a layer may hear something; the host fires all the time."""
    n_steps, found = steps_needed(network), set[int]()
    for source in layer.sources:
        first, last = steps.get(source, (1, n_steps))
        found |= set(range(first + 1, min(last + 1, n_steps) + 1))
    return found


def silencing(layer: SpikingLayer) -> int:
    """What a clock takes from a layer that is not to fire: a multiple of 64."""
    neuron = _leaky(layer)
    needed = int(sums_of(layer).positive.max(initial=0)) + neuron.threshold - neuron.floor
    return -(-needed // GRID) * GRID


def pulses(layer: SpikingLayer, network: LoweredNetwork, steps: Steps) -> tuple[Pulse, ...]:
    """The neurons of a layer's clock.

    Parameters
    ----------
    layer : SpikingLayer
    network : LoweredNetwork
        Of it.
    steps : mapping of str to (int, int)
        Of its layers.

    Raises
    ------
    InputError
        If a sum of a step could be larger than the chip adds up; names the layer.
    """
    neuron = _leaky(layer)
    first, last = steps[layer.name]
    heard = heard_steps(layer, network, steps)
    outside = heard - set(range(first, last + 1))
    shifts = np.array(neuron.shifts, np.int64)
    early = {step for step in outside if step < first}
    if bool(early) != neuron.is_flushed:
        raise InputError(
            f"layer '{layer.name}': was trained {'with' if neuron.is_flushed else 'without'} "
            "something left of what it hears before its first step, which is not so here; train it "
            "again"
        )
    if early:
        kept = -neuron.floor * (2**DECAY_BITS - neuron.decay) >> DECAY_BITS
        shifts[0] += kept + neuron.start
    taken = silencing(layer)
    _check_sums(layer, shifts, taken if outside else 0)
    sent = [
        (part, step - 1)
        for step in sorted(outside)
        for part in digits(np.full(layer.shape[2], -taken))
    ]
    for number, shift in enumerate(shifts):
        sent += [(part, first + number - 1) for part in digits(shift)]
    return joined(sent)


def _check_sums(layer: SpikingLayer, shifts: np.ndarray, taken: int) -> None:
    sums = sums_of(layer)
    largest = max(
        int((sums.positive + shifts).max()),
        int((sums.negative - shifts).max()),
        int(sums.negative.max()) + taken,
    )
    if largest > MOST_INPUT:
        raise InputError(
            f"layer '{layer.name}': its sums need {largest:,} in a step, the chip adds up to "
            f"{MOST_INPUT:,}; train it with fewer channels or smaller shifts"
        )


def clocked(network: LoweredNetwork) -> LoweredNetwork:
    """The network of neurons that stands for one that was trained step by step.

    Parameters
    ----------
    network : LoweredNetwork
        Its layers on the chip have own steps.

    Returns
    -------
    LoweredNetwork
        With a clock before each layer on the chip.

    Raises
    ------
    InputError
        If a layer has no own steps, or hears what was sent too early or late for them, or could be
        sent more than the chip adds up; names it.
    """
    _check_kinds(network)
    steps = own_steps(network)
    try:
        check_steps(network)
    except ValueError as error:
        raise InputError(f"{error}; train it again") from None
    names, layers = {layer.name for layer in network.layers}, list[SpikingLayer]()
    for layer in network.layers:
        if layer.on_host:
            layers.append(layer)
            continue
        clock = clock_layers(layer.name, network, pulses(layer, network, steps))
        taken = names & {one.name for one, _ in clock}
        if taken:
            raise InputError(f"layer '{min(taken)}' has the name of a clock: call it otherwise")
        terms = (*layer.terms, *(clock_term(one, own, layer.shape) for one, own in clock))
        layers += [*(one for one, _ in clock), replace(layer, terms=terms)]
    return replace(network, layers=tuple(layers))


def _check_kinds(network: LoweredNetwork) -> None:
    wrong = [layer.name for layer in network.chip_layers if not layer.neuron.over_time]
    if wrong:
        raise OptionError(
            Option("code"),
            f" direct: layer '{wrong[0]}' was not trained step by step; use ",
            Option("code"),
            " rate, thermometer or ramp",
        )


def _leaky(layer: SpikingLayer) -> Leaky:
    assert isinstance(layer.neuron, Leaky), layer.name
    return layer.neuron
