"""Where 8 bits cost something: a layer by itself in integers of the chip, the others in floats."""

from dataclasses import dataclass, replace

import numpy as np

from loihiseg.compilation.calibration import logits_of
from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.conversion.forward import forward
from loihiseg.conversion.logits import called
from loihiseg.conversion.precision import quantize_network
from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.network.logits import membrane

ALL = "all"
"""Stands for all layers at once."""


@dataclass(frozen=True)
class EightBitLoss:
    """What the chip's integers in a layer come to at the output.

    Attributes
    ----------
    layer : str
        The only one with 8-bit weights; `ALL` for all of them together.
    logit_error : float
        Root mean square by which logits differ, relative to that of the float network's logits.
    called_otherwise : float
        Share of the pixels, or images, that are called otherwise than by the float network.
    """

    layer: str
    logit_error: float
    called_otherwise: float


def eight_bit_losses(deployed: DeployedNetwork, pixels: np.ndarray) -> tuple[EightBitLoss, ...]:
    """What each layer's 8-bit weights do to the output by themselves, and all of them.

    Every neuron fires at its settled rate, or has its level: no spike is emulated.

    Parameters
    ----------
    deployed : DeployedNetwork
    pixels : numpy.ndarray
        (n, rows, columns) or (n, rows, columns, channels) float32, as they go into the network;
        labels are not needed.

    Returns
    -------
    tuple of EightBitLoss
        Of the layers on the chip in their order, then of all.
    """
    floats = deployed.neurons
    quantized = quantize_network(floats, deployed.block_shapes, deployed.code.synapse_s).network
    before = _logits(deployed, floats, pixels)
    names = [layer.name for layer in deployed.network.chip_layers]
    found = []
    for name in (*names, ALL):
        network = quantized if name == ALL else _with_one(floats, quantized, name)
        logits = _logits(deployed, network, pixels)
        size = float(np.sqrt(np.square(before, dtype=np.float64).mean()))
        off = float(np.sqrt(np.square(logits - before, dtype=np.float64).mean()))
        otherwise = float(np.mean(_called(deployed, logits) != _called(deployed, before)))
        found.append(EightBitLoss(name, off / max(size, 1e-12), otherwise))
    return tuple(found)


def _with_one(floats: LoweredNetwork, quantized: LoweredNetwork, name: str) -> LoweredNetwork:
    """The network in floats with one layer of the quantized one."""
    layers = (
        eight_bit if layer.name == name else layer
        for layer, eight_bit in zip(floats.layers, quantized.layers, strict=True)
    )
    return replace(floats, layers=tuple(layers))


def _logits(deployed: DeployedNetwork, network: LoweredNetwork, pixels: np.ndarray) -> np.ndarray:
    activations = forward(network, pixels, staircase=True)
    return logits_of(deployed, {name: activations[name] for name in deployed.network.outputs})


def _called(deployed: DeployedNetwork, logits: np.ndarray) -> np.ndarray:
    if deployed.task.kind == "membrane":
        return membrane(logits, deployed.threshold)
    return called(logits, deployed.task)
