"""Maps of the networks that a deployment compares: tiles put together, and the float network's."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.conversion.forward import forward
from loihiseg.conversion.logits import readout_logits
from loihiseg.data.selection import Chosen
from loihiseg.data.tiles import predict_sections
from loihiseg.evaluation.emulation import Emulation
from loihiseg.evaluation.scoring import chosen_shift
from loihiseg.metrics.known import counted
from loihiseg.network.logits import membrane
from loihiseg.progress import Reporter


@dataclass(frozen=True, eq=False)
class Maps:
    """Logits of membrane, (n, rows, columns) float32: of the pixels that spikes are judged on.

    Attributes
    ----------
    spiking, eight_bit, trained : numpy.ndarray
        Of the spikes, of the network with the chip's weights, of the float network.
    sections : numpy.ndarray
        Of the float network, on whole sections.
    """

    spiking: np.ndarray
    eight_bit: np.ndarray
    trained: np.ndarray
    sections: np.ndarray

    def agreement(self, threshold: float, known: np.ndarray | None = None) -> float:
        """Share of the pixels that the spikes call as the network with the chip's weights does.

        Of those that are ``known``, bool of the maps' shape, where not all count.
        """
        called = (
            counted(known, membrane(logits, threshold)) for logits in (self.spiking, self.eight_bit)
        )
        return float(np.mean(np.equal(*called)))


def maps_of(
    deployed: DeployedNetwork, chosen: Chosen, found: Emulation, reporter: Reporter
) -> Maps:
    """Tiles put together, and whole sections through the float network."""
    tiles, images = chosen.tiles, chosen.sections.test.images
    spiking, eight_bit, trained = (
        tiles.assemble(np.stack(part)) for part in (found.spiking, found.eight_bit, found.trained)
    )
    if chosen.whole:
        return Maps(spiking, eight_bit, trained, trained)
    with reporter.bar("trained network", len(images)) as advance:
        sections = predict_sections(
            float_network(deployed), images, deployed.tile, progress=advance
        )
    return Maps(spiking, eight_bit, trained, sections)


def shift_of(deployed: DeployedNetwork, chosen: Chosen) -> float:
    """Of the maps for submission: chosen on validation sections with labels, 0 without."""
    validation = chosen.sections.validation
    if not chosen.whole or validation is None or validation.membrane is None:
        return 0.0
    if chosen.truth is None:
        return 0.0
    logits = predict_sections(float_network(deployed), validation.images, deployed.tile)
    return chosen_shift(validation.membrane, logits, validation.known)


def float_network(deployed: DeployedNetwork) -> Callable[[np.ndarray], np.ndarray]:
    """Pixels (n, tile, tile, 1) to logits of the float network, the same shape."""

    def predict(pixels: np.ndarray) -> np.ndarray:
        activations = forward(deployed.network, pixels)
        return readout_logits(deployed.readout, activations, deployed.tile)[..., None]

    return predict
