"""Thermometer code: L memoryless binary neurons for an activation of L levels, one step per layer.

A quantized activation of L levels of value h is ``h`` times the number of levels k with
``x >= t(k)``: ``(k - 1/2) h`` of a rectified one, where the function comes that far of any other
(`loihiseg.conversion.stepwise`). Each of these comparisons is a neuron of its own, which fires in
every step in which its input is above its threshold and keeps nothing from one step to the next.
The L neurons of a channel share their weights and differ in their bias, ``b - t(k)``; the value of
a level goes into the weights of the layers that hear it, what level 0 is worth into their biases.
So the network of neurons is again a lowered network, of L times the channels, the levels of a
channel following each other.

While an image is held at the input, a layer whose longest way from the pixels has d layers, itself
included, is right from step d on: a spike takes a step to the next layer. `steps_needed` is d of
the last layer. Skip connections arrive before the deeper branch they are joined with, so the layers
of a U-Net are right together only while the input is held. That makes every layer fire in every
step, though it is heard in few of them: `timed` lets the host send only in those steps that matter,
and the clocks of `loihiseg.codes.thermometer.clocks` keep layers silent in all others.
The steps between can serve other images: the network can take a new one every
`steps_between_images` steps, every step where all ways to a layer are equally long. Deployments
present one image after the other.

On the chip, compartments that forget are ``nengo.LIF`` neurons with a time constant far below a
step. Of a voltage that stays below threshold 1/4096 is left in the next step; `neurons_of` scales
every layer so that thresholds are below 4096 in the chip's integers, and nothing is left. Nor
is anything of the synaptic current (`loihiseg.conversion.exact_blocks`): a neuron compares the
spikes of one step, and no others.
"""

from dataclasses import replace

import numpy as np

from loihiseg.codes.gates import gate_layer
from loihiseg.conversion.convolution import term_input
from loihiseg.conversion.linear import AnyTerm, SparseTerm
from loihiseg.conversion.neuron import SPIKE_RATE_HZ, summed
from loihiseg.conversion.neuron_kinds import ActivationOfLevels, Memoryless
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.conversion.stepwise import FAR, heard_offset
from loihiseg.errors import InputError
from loihiseg.network.ways import steps_before_end

INTEGER_THRESHOLD = 512
"""Threshold of a layer's neurons in the chip's integers, where the block holds its largest weight.

Blocks of smaller weights have it higher; up to eight times smaller, it stays below 4096.
"""

_LARGEST_WEIGHT = 255 * 64
"""The largest weight of a block in the chip's integers."""

_LARGEST_BIAS = 4095 * 2**7
"""The largest bias in the chip's integers."""


def neurons_of(network: LoweredNetwork) -> LoweredNetwork:
    """The network of binary neurons that stands for a network of quantized activations.

    Parameters
    ----------
    network : LoweredNetwork
        Every layer has levels.

    Returns
    -------
    LoweredNetwork
        Of the same layers, of `Memoryless` neurons, with L times the channels; of gates
        (`loihiseg.codes.gates`) for extremes. A spike in every step stands for 1. On the chip,
        kernels and biases of a layer are scaled by a common factor, which changes no spike.

    Raises
    ------
    InputError
        If a layer has no levels; names it.
    """
    for layer in network.layers:
        if not layer.levels:
            raise InputError(
                f"layer '{layer.name}' has no levels: the thermometer code needs QuantizedReLU "
                "activations, or EqualLevels behind others, in every layer"
            )
    by_name = {layer.name: layer for layer in network.layers}
    shapes = {layer.name: layer.shape for layer in network.layers}
    layers = tuple(
        gate_layer(layer, shapes, per_unit=False)
        if layer.neuron.chooses
        else _neurons(layer, by_name)
        for layer in network.layers
    )
    return replace(network, layers=layers)


def _neurons(layer: SpikingLayer, by_name: dict[str, SpikingLayer]) -> SpikingLayer:
    terms = []
    for term in layer.terms:
        source = by_name.get(term.source)
        value, levels = (source.level_value, source.levels) if source else (1.0, 1)
        heard = term.with_values(term.values * np.float64(value))
        terms.append(replace(repeated(heard, layer.levels), levels=levels))
    bias = _bias(layer, by_name)[..., None] - _thresholds(layer, by_name)
    bias = bias.reshape(*bias.shape[:-2], -1)
    factor = 1.0 if layer.on_host else _chip_factor(terms, bias)
    rows, columns, channels = layer.shape
    return replace(
        layer,
        shape=(rows, columns, channels * layer.levels),
        terms=tuple(t.with_values((t.values * factor).astype(np.float32)) for t in terms),
        bias=(bias * factor).astype(np.float32),
        rate_scale_hz=SPIKE_RATE_HZ,
        neuron=Memoryless(layer.levels, layer.level_value, offset=layer.neuron.offset),
    )


def _bias(layer: SpikingLayer, by_name: dict[str, SpikingLayer]) -> np.ndarray:
    """Biases, and what sources are worth at level 0, where none of their neurons is on."""
    bias, offset = layer.bias.astype(np.float64), heard_offset(layer, by_name)
    return bias if offset is None else bias + offset


def _thresholds(layer: SpikingLayer, by_name: dict[str, SpikingLayer]) -> np.ndarray:
    """What the input must reach for each level, (channels, levels): those out of reach as near as
    they can be, so that biases stay small."""
    assert isinstance(layer.neuron, ActivationOfLevels), layer.name
    found = layer.neuron.crossings(layer.shape[2])
    far = np.abs(found) >= FAR
    if not far.any() or layer.on_host:
        return found
    largest = np.abs(_bias(layer, by_name)).max()
    apart = 0.0
    for term in layer.terms:
        source = by_name[term.source]
        most = np.full((1, *source.shape), source.levels * source.level_value)
        size = term.with_values(np.abs(term.values))
        largest += term_input(size, most, layer.shape).max()
        apart = max(apart, float(size.values.max(initial=0)) * source.level_value)
    # Rounding at most doubles a weight; a step of the largest weight tells any two sums apart.
    order = np.arange(layer.levels)
    below = -2 * largest - (layer.levels - order) * apart
    above = 2 * largest + (order + 1) * apart
    return np.where(far, np.where(found < 0, below, above), found)


def repeated(term: AnyTerm, n: int) -> AnyTerm:
    """A term for n times the channels, of which each run of n hears alike."""
    if isinstance(term, SparseTerm):
        return replace(term, weights=term.weights[np.repeat(np.arange(term.weights.shape[0]), n)])
    return replace(term, kernel=np.repeat(term.kernel, n, axis=3))


def _chip_factor(terms: list[AnyTerm], bias: np.ndarray) -> float:
    """Factor that brings the threshold of 1 to ``INTEGER_THRESHOLD``.

    The scale of a block follows from its largest weight, and is halved until its biases fit.
    """
    weight = max(float(np.abs(term.values).max(initial=0)) for term in terms)
    if weight == 0:
        return 1.0
    relative_bias = float(np.abs(bias).max()) / weight * _LARGEST_WEIGHT / _LARGEST_BIAS
    halvings = max(0, int(np.ceil(np.log2(max(relative_bias, 1e-30)))))
    largest = _LARGEST_WEIGHT / INTEGER_THRESHOLD / SPIKE_RATE_HZ / 2**halvings
    return largest / weight


def steps_needed(network: LoweredNetwork) -> int:
    """Steps after which all outputs are right: layers on the longest way, the host's included."""
    depth = dict.fromkeys(network.inputs, 0)
    for layer in network.layers:
        depth[layer.name] = 1 + max(depth[source] for source in layer.sources)
    return max(depth[name] for name in network.outputs)


def times_needed(network: LoweredNetwork, n_steps: int) -> dict[str, tuple[int, ...]]:
    """Steps at which each layer must be right for the outputs to be right at the last.

    See `loihiseg.network.ways.steps_before_end`.

    Returns
    -------
    dict of str to tuple of int
        By layer, ascending, counted from 1.
    """
    sources = {layer.name: layer.sources for layer in network.layers}
    return {
        name: tuple(sorted(n_steps - steps for steps in found))
        for name, found in steps_before_end(sources, network.outputs).items()
    }


def steps_between_images(network: LoweredNetwork) -> int:
    """Steps after which the next image may follow, with input as `timed` sends it.

    The fewest with which no layer is needed for two images in the same step. Two images that far
    apart do not meet anywhere: what a layer hears when it is needed for one is of that one.
    """
    times = times_needed(network, steps_needed(network)).values()
    steps = 1
    while any(len({time % steps for time in found}) < len(found) for found in times):
        steps += 1
    return steps


def timed(network: LoweredNetwork, n_steps: int) -> LoweredNetwork:
    """Let the host send spikes only in the steps from which they reach the outputs at the last.

    Memoryless neurons are right whenever those they hear were right a step before; at all other
    steps they may do as they like. The outputs at the last step are what they are while the input
    is held, with fewer spikes on the way.

    Parameters
    ----------
    network : LoweredNetwork
        Of binary neurons.
    n_steps : int
        Length of the presentation; at least `steps_needed`.
    """
    times = times_needed(network, n_steps)
    layers = tuple(
        _active(layer, times[layer.name]) if layer.on_host else layer for layer in network.layers
    )
    return replace(network, layers=layers)


def _active(layer: SpikingLayer, steps: tuple[int, ...]) -> SpikingLayer:
    neuron = Memoryless(layer.levels, layer.level_value, steps, layer.neuron.offset)
    return replace(layer, neuron=neuron)


def levels_on(layer: SpikingLayer, on: np.ndarray) -> np.ndarray:
    """Levels of each channel that are on.

    Parameters
    ----------
    layer : SpikingLayer
        Of which the neurons stand for levels.
    on : numpy.ndarray
        (..., neurons), the last axis channels times levels.

    Returns
    -------
    numpy.ndarray
        (..., channels), of the same type.
    """
    return summed(on, layer.levels)


def neurons_on(layer: SpikingLayer, activation: np.ndarray) -> np.ndarray:
    """Which neurons are on for a quantized activation.

    Parameters
    ----------
    layer : SpikingLayer
    activation : numpy.ndarray
        (..., channels), of an offset and multiples of ``layer.level_value``.

    Returns
    -------
    numpy.ndarray
        bool, (..., channels * levels).
    """
    # Halfway between levels, so that rounding of a multiple does not matter.
    above = (np.arange(layer.levels) + 0.5) * layer.level_value + layer.neuron.offset
    on = activation[..., None] > above.astype(activation.dtype)
    return on.reshape(*activation.shape[:-1], -1)
