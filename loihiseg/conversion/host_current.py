"""What neurons on the host integrate or compare, with the sums of Nengo's reference simulator.

nengo-loihi runs the host on that simulator. A sum that ends at a threshold falls to one side or the
other by its last bit, so whoever computes spikes of the host, or what they stand for, adds up here.
"""

from collections.abc import Mapping

import numpy as np

from loihiseg.conversion.convolution import term_input
from loihiseg.conversion.spec import SpikingLayer


def host_current(
    layer: SpikingLayer, images: Mapping[str, np.ndarray], n_images: int
) -> np.ndarray:
    """Input current of the neurons of a layer that is fed by pixels.

    Parameters
    ----------
    layer : SpikingLayer
        On the host.
    images : mapping of str to numpy.ndarray
        (n, rows, columns, channels), normalized pixels by name of the input.
    n_images : int

    Returns
    -------
    numpy.ndarray
        float64, (n, rows, columns, neurons), Hz.
    """
    # As Nengo keeps them: biases in float32, then in float64; the gain after the sum.
    bias = (layer.bias * np.float32(layer.rate_scale_hz)).astype(np.float64)
    current = np.array(np.broadcast_to(bias, (n_images, *layer.shape)))
    for term in layer.terms:
        source = np.asarray(images[term.source], np.float64)
        current += np.float64(layer.rate_scale_hz) * term_input(term, source, layer.shape)
    return current
