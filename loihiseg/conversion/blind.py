"""Neurons on the host that do the same whatever the pixels are."""

import numpy as np

from loihiseg.conversion.linear import Term
from loihiseg.conversion.spec import SpikingLayer
from loihiseg.conversion.thermometer import SPIKE_RATE_HZ


def blind_layer(name: str, inputs: dict[str, tuple[int, int, int]], biases) -> SpikingLayer:
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
        staircase=False,
        levels=biases.size,
        binary=True,
    )
