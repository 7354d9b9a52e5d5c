"""Tiles that follow each other on the chip before the first has ended.

Deployments and volumes show one tile after the other: their counts are then those of a tile, and
their times are worked out from them. Here the same tiles overlap, with the same answers.
"""

import numpy as np

from loihiseg.compilation.calibration import logits_of
from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.errors import InputError
from loihiseg.running.runners import compiled_presenter


def overlapping_tiles(deployed: DeployedNetwork, pixels: np.ndarray) -> np.ndarray:
    """Present tiles as soon after each other as the code allows, and read them out.

    Parameters
    ----------
    deployed : DeployedNetwork
    pixels : numpy.ndarray
        (n, tile, tile) float32, normalized by section. All are in memory at once.

    Returns
    -------
    numpy.ndarray
        (n, tile, tile) float32: logits of membrane, as of tiles one after the other.

    Raises
    ------
    InputError
        If tiles have to wait for the end of the one before.
    """
    code, network = deployed.code, deployed.network
    apart = code.steps_between_images(network)
    if apart is None:
        raise InputError(
            f"the {code.name} code with {code.input} input: a tile waits for the end of the one "
            "before; use the ramp code, or the thermometer code with clocked input"
        )
    with compiled_presenter(deployed) as presenter:
        found = presenter.overlapping(list(pixels), code.n_steps, apart, code.answers(network))
    window = np.float32(code.n_window_steps)
    activations = {
        name: np.stack(
            [
                code.activation(network.layer(name), one[name].astype(np.float32) / window)
                for one in found
            ]
        )
        for name in network.outputs
    }
    return np.asarray(deployed.line(logits_of(deployed, activations)), np.float32)
