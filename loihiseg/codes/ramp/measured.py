"""Margins from calibration images, for layers of which the largest sums that could be do not fit.

The margin of a layer keeps it silent until all of its input is there: it is the largest sum of
input that can be there before. For every image there is a bound, of the weights alone; where the
chip has no room for that one, the largest sum on calibration images has to do, with room to spare.
It is then no theorem that nothing fires early: whoever runs such a network counts spikes outside of
the steps in which a layer may fire, and there must be none (`NeuralCode.windows`).
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from loihiseg.codes.ramp.integers import IntegerLayer
from loihiseg.codes.ramp.schedule import Times
from loihiseg.conversion.convolution import layer_total
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer

ROOM = 1.5
"""How much more than the largest sum of the calibration images a margin holds."""


def early_sum(
    layer: SpikingLayer,
    integers: IntegerLayer,
    times: Mapping[str, Times],
    reached: Mapping[str, np.ndarray],
) -> int:
    """The largest sum of input that a layer has before its release, on images.

    Parameters
    ----------
    layer : SpikingLayer
        Of activations.
    integers : IntegerLayer
        Of it.
    times : mapping of str to Times
    reached : mapping of str to numpy.ndarray
        int, (n, rows, columns, channels): levels of its sources on the images.

    Returns
    -------
    int
        In the integers of the chip's voltages; at least 0.
    """
    terms = tuple(
        replace(term.with_values(weights.astype(np.float32)), levels=1)
        for term, weights in zip(layer.terms, integers.weights, strict=True)
    )
    summing = replace(layer, terms=terms, bias=np.zeros(layer.shape[2], np.float32))
    own, largest = times[layer.name], 0
    n_images = len(reached[layer.sources[0]])
    for step in range(own.hears, own.released):
        sent = {
            name: sent_until(step, times[name], reached[name]).astype(np.float32)
            for name in layer.sources
        }
        # Sums are multiples of 64 below 2^24 of them: exact in float32, whatever their order.
        largest = max(largest, int(layer_total(summing, sent, n_images).max()))
    return largest


def sent_until(step: int, times: Times, reached: np.ndarray) -> np.ndarray:
    """Spikes that each unit of a source has sent up to and with a step.

    Parameters
    ----------
    step : int
        From 1.
    times : Times
        Of the source.
    reached : numpy.ndarray
        int: its levels. All are sent in one step if ``times.fires`` is one; else level m in the
        last m steps of it.
    """
    first, last = times.fires
    if first == last:
        return reached * (step >= first)
    return np.clip(step - (last - reached), 0, reached)


def levels_of(network: LoweredNetwork, settled: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Levels of all layers, int32, for the activations that stand for them."""
    found = {}
    for layer in network.layers:
        if layer.name in settled:
            above = settled[layer.name] - np.float32(layer.neuron.offset)
            found[layer.name] = np.rint(above / np.float32(layer.level_value)).astype(np.int32)
    return found
