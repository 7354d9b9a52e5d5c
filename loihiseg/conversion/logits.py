"""Logits from what a network's last layers put out: the host's part."""

import numpy as np

from loihiseg.conversion.host_graph import HostGraph, upsampled
from loihiseg.network.logits import to_logits


def readout_logits(readout: HostGraph, activations: dict[str, np.ndarray], tile: int) -> np.ndarray:
    """Logits that the host computes from the last layers' activations.

    Parameters
    ----------
    readout : HostGraph
    activations : dict of str to numpy.ndarray
        (n, rows, columns, channels) float32 by layer; others than the read-out's are left alone.
    tile : int
        Rows and columns of a map; one of fewer is enlarged bilinearly.

    Returns
    -------
    numpy.ndarray
        (n, tile, tile) float32.
    """
    output = to_logits(readout(activations), readout.ends_in_sigmoid)
    return upsampled(output, tile, tile)[..., 0]
