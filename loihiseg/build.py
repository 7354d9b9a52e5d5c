"""The block model of a network: built by nengo-loihi once, then kept as a compiled program."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata

import msgspec
import numpy as np

import loihiseg
from loihiseg.cache import Entry
from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.emulator.presenter import Deployable
from loihiseg.emulator.program import FORMAT
from loihiseg.emulator.validation import check_fits
from loihiseg.errors import InputError
from loihiseg.files import sha256

_DECIDING = ("nengo", "nengo-dl", "nengo-loihi", "numpy")
"""Packages whose version can change the integers of a block model."""


@dataclass(frozen=True, eq=False)
class Built:
    """A network's block model.

    Attributes
    ----------
    deployable : Deployable
        The compiled program.
    peers : dict of str to dict
        Where nengo-loihi's own allocators put the blocks, see
        ``partition.allocator.peer_placements``.
    presenter : loihiseg.emulator.reference.Presenter or None
        nengo-loihi's model and emulator; None if the program was kept from an earlier run.
    """

    deployable: Deployable
    peers: dict[str, dict[str, list[int]]]
    presenter: object | None


def signature(network: LoweredNetwork, block_shapes, synapse_s: float, seed: int) -> str:
    """SHA-256 of everything that decides the integers of the block model."""
    layers = [
        {
            "name": layer.name,
            "shape": layer.shape,
            "bias": sha256(layer.bias.tobytes()),
            "rate_scale_hz": layer.rate_scale_hz,
            "on_host": layer.on_host,
            "binary": layer.binary,
            "terms": [
                [t.source, t.kernel.shape, sha256(np.ascontiguousarray(t.kernel).tobytes()),
                 t.strides, t.padding, t.transposed, t.levels]
                for t in layer.terms
            ],
        }
        for layer in network.layers
    ]  # fmt: skip
    versions = {name: metadata.version(name) for name in _DECIDING}
    everything = [
        FORMAT,
        loihiseg.__version__,
        network.inputs,
        layers,
        block_shapes,
        synapse_s,
        seed,
        versions,
    ]
    return sha256(msgspec.json.encode(everything))


def build(
    network: LoweredNetwork,
    block_shapes: dict[str, tuple[int, ...]],
    synapse_s: float,
    seed: int,
    n_chips: int,
    expected_rates: dict[str, np.ndarray],
    fresh: bool = False,
    say: Callable[[str], None] = warnings.warn,
) -> Built:
    """Build a network's block model, or take it from an earlier run.

    Parameters
    ----------
    network : LoweredNetwork
    block_shapes : dict of str to tuple of int
    synapse_s : float
        0 for none.
    seed : int
    n_chips : int
        For the placement by nengo-loihi's allocators.
    expected_rates : dict of str to numpy.ndarray
        Spikes per step of each neuron by layer, likewise.
    fresh : bool
        Build in any case, because nengo-loihi's model itself is needed.
    say : callable
        Told in one line of whatever keeps earlier runs' programs from being used or this one from
        being kept.

    Returns
    -------
    Built
    """
    entry = Entry(signature(network, block_shapes, synapse_s, seed), say)
    with entry.held():
        kept, known = _kept(entry, network)
        if kept and not fresh and str(n_chips) in known:
            return Built(kept, known[str(n_chips)], None)
        presenter = _reference(network, block_shapes, synapse_s, seed)
        deployable = presenter.deployable
        rates = deployable.compartment_values(expected_rates)
        peers = _peers(presenter.model, n_chips, rates)
        entry.store(deployable, known | {str(n_chips): peers})
    return Built(deployable, peers, presenter)


def converted_network(network, block_shapes, synapse_s):
    """The Nengo network, its ensembles told where they run and how they are cut."""
    from loihiseg.conversion.converter import convert
    from loihiseg.mapping import apply_block_shapes

    converted = convert(network, synapse_s=synapse_s or None)
    apply_block_shapes(converted, network, block_shapes)
    return converted


def _reference(network, block_shapes, synapse_s, seed):
    from loihiseg.emulator.reference import Presenter

    converted = converted_network(network, block_shapes, synapse_s)
    (input_node,) = converted.inputs.values()
    shapes = {layer.name: layer.shape for layer in network.layers}
    return Presenter(converted.net, input_node, converted.ensembles, shapes, seed)


def _kept(entry, network):
    """The program in the cache and its peers, if it is one of this network; else None and none."""
    found = entry.load()
    if found is None:
        return None, {}
    deployable, kept = found
    try:
        check_fits(deployable, {layer.name: layer.shape for layer in network.layers})
    except InputError:
        return None, {}  # It is made again.
    return deployable, _known_peers(kept.peers, deployable.program.n_blocks)


def _known_peers(known, n_blocks):
    """Peers by number of chips, as they were kept; none if they are not of this program."""
    placed = [
        (n_chips.isdecimal() and range(int(n_chips[:6])), placement)
        for n_chips, peers in known.items()
        for placement in peers.values()
    ]
    for chips, placement in placed:
        if set(placement) != {"chips", "cores"} or not chips:
            return {}
        inside = all(chip in chips for chip in placement["chips"])
        inside &= all(0 <= core < n_blocks for core in placement["cores"])
        if not inside or {len(part) for part in placement.values()} != {n_blocks}:
            return {}
    return known


def _peers(model, n_chips, rates):
    """Placements by nengo-loihi's allocators, after a check of every limit of a core."""
    from partition.allocator import peer_placements
    from partition.blocks import block_violations
    from partition.errors import DoesNotFitError

    found = block_violations(model)
    if found:
        raise DoesNotFitError("blocks exceed a core", found)
    return peer_placements(model, n_chips, rates)
