"""The block model of a network, built by nengo-loihi and compiled."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from loihiseg.compilation.deployed import Peers
from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.emulator.presenter import Deployable

if TYPE_CHECKING:
    from nengo_loihi.builder import Model

    from loihiseg.conversion.converter import ConvertedNetwork
    from loihiseg.emulator.reference import Presenter

Shapes = dict[str, tuple[int, int, int]]
"""(rows, columns, channels) of the blocks of each layer on the chip."""


@dataclass(frozen=True, eq=False)
class Built:
    """A network's block model.

    Attributes
    ----------
    deployable : Deployable
        The compiled program.
    peers : Peers
        Where nengo-loihi's own allocators put the blocks, see
        ``partition.built.allocator.peer_placements``.
    presenter : loihiseg.emulator.reference.Presenter
        nengo-loihi's model and emulator.
    """

    deployable: Deployable
    peers: Peers
    presenter: "Presenter"


def build(
    network: LoweredNetwork,
    block_shapes: Shapes,
    synapse_s: float,
    seed: int,
    n_chips: int,
    expected_rates: dict[str, np.ndarray],
) -> Built:
    """Build a network's block model.

    Parameters
    ----------
    network : LoweredNetwork
        Of neurons.
    block_shapes : dict of str to tuple of int
    synapse_s : float
        0 for none.
    seed : int
    n_chips : int
        For the placement by nengo-loihi's allocators.
    expected_rates : dict of str to numpy.ndarray
        Spikes per step of each neuron by layer, likewise.

    Returns
    -------
    Built
    """
    presenter = reference(network, block_shapes, synapse_s, seed)
    deployable = presenter.deployable
    rates = deployable.compartment_values(expected_rates)
    return Built(deployable, _peers(presenter.model, n_chips, rates), presenter)


def converted_network(
    network: LoweredNetwork, block_shapes: Shapes, synapse_s: float
) -> "ConvertedNetwork":
    """The Nengo network, its ensembles told where they run and how they are cut."""
    from loihiseg.compilation.mapping import apply_block_shapes
    from loihiseg.conversion.converter import convert

    converted = convert(network, synapse_s=synapse_s or None)
    apply_block_shapes(converted, network, block_shapes)
    return converted


def reference(
    network: LoweredNetwork, block_shapes: Shapes, synapse_s: float, seed: int
) -> "Presenter":
    """nengo-loihi's emulator of a network, `loihiseg.emulator.reference.Presenter`."""
    from loihiseg.emulator.reference import Presenter

    converted = converted_network(network, block_shapes, synapse_s)
    (input_node,) = converted.inputs.values()
    shapes = {layer.name: layer.shape for layer in network.layers}
    return Presenter(converted.net, input_node, converted.ensembles, shapes, seed)


def _peers(model: "Model", n_chips: int, rates: np.ndarray) -> Peers:
    """Placements by nengo-loihi's allocators, after a check of every limit of a core."""
    from partition.built.allocator import peer_placements
    from partition.built.blocks import block_violations
    from partition.core.block_limits import exceeded

    found = block_violations(model)
    if found:
        raise exceeded(found, len(model.blocks))
    return peer_placements(model, n_chips, rates)
