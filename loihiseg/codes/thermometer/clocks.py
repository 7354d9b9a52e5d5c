"""Clocks: layers of binary neurons fire only in the steps in which they are heard in time.

A layer of the thermometer code is needed in few steps of a presentation (`times_needed`), and does
as it likes in all others: it fires from its bias, or from a skip connection that arrives early.
Those spikes change no output and cost synaptic events. So the bias of every neuron is lowered, and
in the steps in which the layer is needed a clock on the host sends spikes that add up to exactly as
much again, in the chip's integers (`loihiseg.codes.thermometer.centring` chooses them, block by
block).

Any amount is exact: what a layer does in other steps reaches no output, so the amount need not
silence every sum that could occur. It is what a few spikes with the largest weight of a block add
up to. Larger weights would coarsen the layer's own; and thresholds in the middle between sums need
fine biases, which on the chip are small ones. Neurons that fire at other steps all the same, for
sums above the amount, only cost what they cost before.

All spikes of a clock share one weight per channel: a block needs one more axon, and memory for one
more weight per compartment.
"""

from dataclasses import replace

import numpy as np

from loihiseg.codes.thermometer.blind import blind_layer, blind_term
from loihiseg.codes.thermometer.levels import timed, times_needed
from loihiseg.conversion.spec import LoweredNetwork

N_SPIKES = 6
"""Spikes of a clock in a step.

On the preset `paper` with three levels, 4 to 6 give the fewest synaptic events: with 1 there are
twice as many, with 12 7 % more. The chip's biases have room for some 8.
"""

SUFFIX = "_clock"
"""Behind the name of a layer, the name of its clock."""


def clocked(network: LoweredNetwork, n_steps: int, n_spikes: int = N_SPIKES) -> LoweredNetwork:
    """Let layers on the chip fire in the steps in which they are needed, by a clock for each.

    Layers that no layer on the chip hears need none: their spikes cost nothing. Nor do those that
    are needed in two steps in a row get one: little is saved between.

    Parameters
    ----------
    network : LoweredNetwork
        Of binary neurons.
    n_steps : int
        Length of the presentation; at least `steps_needed`.
    n_spikes : int
        Spikes of a clock in a step.

    Returns
    -------
    LoweredNetwork
        With the clocks, which are layers on the host, each before its layer. The host sends in the
        steps needed only, as `timed` says. Biases are to be lowered by
        `loihiseg.codes.thermometer.centring.centred`; until then the clocks' weights stand for
        room.
    """
    times = times_needed(network, n_steps)
    heard = {source for layer in network.chip_layers for source in layer.sources}
    layers = []
    for layer in network.layers:
        in_a_row = bool((np.diff(times[layer.name]) == 1).any())
        # A gate is silent where those that it hears are.
        silent = layer.on_host or layer.neuron.chooses
        if silent or layer.name not in heard or in_a_row:
            layers.append(layer)
            continue
        clock = blind_layer(layer.name + SUFFIX, network.inputs, np.ones(n_spikes))
        layers += [
            clock,
            replace(layer, terms=(*layer.terms, blind_term(layer, clock, clock=True))),
        ]
    return timed(replace(network, layers=tuple(layers)), n_steps)
