"""Neurons on the host that do the same whatever the pixels are."""

import numpy as np
from numpy.typing import ArrayLike

from loihiseg.conversion.linear import Term
from loihiseg.conversion.neuron import SPIKE_RATE_HZ
from loihiseg.conversion.neuron_kinds import Memoryless
from loihiseg.conversion.spec import SpikingLayer


def blind_term(
    layer: SpikingLayer, source: SpikingLayer, *, clock: bool = False, ruler: bool = False
) -> Term:
    """What reaches all neurons of a layer from a blind one, with the layer's largest weight.

    A transposed convolution of one pixel; ``clock`` and ``ruler`` say which kind it is of.
    """
    rows, columns, channels = layer.shape
    largest = max(float(np.abs(term.values).max(initial=0)) for term in layer.terms)
    kernel = np.full((rows, columns, 1, channels), largest, np.float32)
    return Term(
        source.name, kernel, transposed=True, levels=source.levels, clock=clock, ruler=ruler
    )


def blind_layer(
    name: str, inputs: dict[str, tuple[int, int, int]], biases: ArrayLike
) -> SpikingLayer:
    """A layer of binary neurons with biases and no weights.

    Parameters
    ----------
    name : str
    inputs : dict of str to tuple of int
        Of the network; the first is connected, as a layer must have a source.
    biases : array_like
        One per neuron: those above 0 fire in every step they may fire in, others never.

    Returns
    -------
    SpikingLayer
        (1, 1, neurons), all of them levels of one channel.
    """
    pixels, (rows, columns, channels) = next(iter(inputs.items()))
    biases = np.asarray(biases, np.float32)
    kernel = np.zeros((1, 1, channels, biases.size), np.float32)
    return SpikingLayer(
        name,
        (1, 1, biases.size),
        (Term(pixels, kernel, (rows, columns)),),
        biases,
        SPIKE_RATE_HZ,
        on_host=True,
        neuron=Memoryless(biases.size),
    )
