"""From a trained network to a deployed one: lower, fit, cut into blocks, quantize, build, place."""

from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import loihiseg
from loihiseg.codes.ramp.clock import TooLargeError
from loihiseg.compilation import artifact
from loihiseg.compilation.activations import check_alive, expected_rates, settled_activations
from loihiseg.compilation.block_model import build
from loihiseg.compilation.cache import Entry
from loihiseg.compilation.deployed import DeployedNetwork, FloatNetwork, Places, Provenance
from loihiseg.compilation.finding_levels import with_values
from loihiseg.compilation.fit import check_fit, largest_tile, neural_code
from loihiseg.compilation.levels import with_counts, with_levels
from loihiseg.compilation.lowered import lowered
from loihiseg.compilation.mapping import partition_layers, solve_places
from loihiseg.compilation.options import AUTO, CompileOptions
from loihiseg.compilation.prepared import Calibration, Compiled, Prepared
from loihiseg.compilation.scales import own_names
from loihiseg.compilation.source import (
    Network,
    TrainedNetwork,
    build_network,
    check_tile,
)
from loihiseg.conversion.host_work import check_tail
from loihiseg.conversion.neuron import BLOCKS_VERSION
from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.emulator.program import FORMAT as PROGRAM_FORMAT
from loihiseg.files import sha256
from loihiseg.progress import Reporter
from loihiseg.provenance import versions
from loihiseg.results.run import Readout
from loihiseg.results.task import sees
from loihiseg.storage.records import signature
from partition.display.messages import handed_on, how_many

if TYPE_CHECKING:
    from partition.chips.cut import Assignment

_DECIDING = ("nengo", "nengo-dl", "nengo-loihi", "numpy")
"""Packages whose version can change the integers of a block model."""


@dataclass(frozen=True, eq=False)
class _Recipe:
    """All that decides the blocks of a network and their places."""

    program_format: int
    artifact_format: int
    blocks_version: int
    versions: dict[str, str]
    neurons: LoweredNetwork
    expected: dict[str, np.ndarray]
    code: str
    synapse_s: float
    chips: int
    proof_seconds: float
    seed: int


def prepare(
    source: TrainedNetwork, options: CompileOptions, side: int, reporter: Reporter
) -> Prepared:
    """Lower a trained network, choose its code, and see that it fits.

    Parameters
    ----------
    source : TrainedNetwork
        As from `loihiseg.compilation.source.trained_network`.
    options : CompileOptions
    side : int
        Pixels of the shorter side of a section, for the tile "auto".
    reporter : Reporter

    Returns
    -------
    Prepared

    Raises
    ------
    InputError
        If network or options cannot be used.
    partition.core.errors.DoesNotFitError
        If the network needs more than there is.
    """
    with reporter.part("lower") as note:
        check_tile(source, options.tile)
        built = _network(source, options, side)
        follow = options.levels is not None
        lowering = lowered(built, options.rate_scale_hz, follow)
        check_tail(lowering.graph, options.allow_host_tail)
        network = with_levels(lowering.network, options)
        try:
            code = neural_code(options, network, built.info)
            neurons = code.neurons(network)
        except TooLargeError:
            if not follow:
                raise
            # Nobody knows yet what levels are worth: their sums are judged when they are found.
            one_each = dict.fromkeys(own_names(lowering.network), 1)
            code = neural_code(options, with_counts(lowering.network, one_each), built.info)
            neurons = code.neurons(with_counts(lowering.network, one_each))
        note.detail = (
            f"{len(neurons.chip_layers)} layers, {neurons.n_chip_neurons:,} neurons on chip, "
            f"{sum(layer.on_host for layer in neurons.layers)} on the host, {code.name} code"
            f"{sees(built.neighbours, ', ')}"
        )
    with reporter.part("fit") as note:
        other_tiles = (Path(built.source), None) if isinstance(source, Network) else source
        fewest = check_fit(options, neurons, other_tiles, built.tile)
        note.detail = f"{how_many(fewest, 'core')} of {options.chips * 128}"
    floats = None if options.levels is None else lowering.network
    return Prepared(built, network, lowering.graph, code, neurons, floats)


def float_network(
    source: TrainedNetwork, options: CompileOptions, side: int, threshold: float | None
) -> FloatNetwork:
    """A trained network in floats: lowered and no more, so that no chip has to have room for it.

    Parameters
    ----------
    source, options, side
        As of `prepare`.
    threshold : float, optional
        Probability above which a pixel is called membrane; the network's, or 0.5, by default.

    Raises
    ------
    InputError
        If network or options cannot be used.
    """
    check_tile(source, options.tile)
    built = _network(source, options, side)
    lowering = lowered(built, options.rate_scale_hz, levels_follow=True)
    limit = threshold_of(built, threshold)
    return FloatNetwork(lowering.network, lowering.graph, limit, built.neighbours)


def threshold_of(source: Network, asked: float | None) -> float:
    """The threshold that was asked for, else the network's own, else 0.5."""
    if asked is not None:
        return asked
    return 0.5 if source.threshold is None else source.threshold


def _network(source: TrainedNetwork, options: CompileOptions, side: int) -> Network:
    """For the tile that is asked for."""
    if isinstance(source, Network):
        return source
    if options.tile == AUTO:
        return build_network(source, largest_tile(options, source, side))
    return build_network(source, None if options.tile is None else int(options.tile))


def compile_network(
    prepared: Prepared,
    options: CompileOptions,
    calibration: Calibration,
    threshold: float,
    reporter: Reporter,
    fresh: bool = False,
) -> Compiled:
    """Cut a network into blocks, quantize, build and place it; or take it from an earlier run.

    Parameters
    ----------
    prepared : Prepared
    options : CompileOptions
    calibration : Calibration
    threshold : float
        Probability above which a pixel is called membrane.
    reporter : Reporter
    fresh : bool
        Build in any case, because nengo-loihi's model itself is needed.

    Returns
    -------
    Compiled

    Raises
    ------
    InputError
        If it answers alike to every pixel of the calibration tiles.
    partition.core.errors.DoesNotFitError
        If the network needs more than there is.
    """
    prepared, notes = with_values(prepared, options, calibration, threshold, reporter)
    with reporter.part("rates"):
        settled = settled_activations(prepared.network, calibration.pixels)
        check_alive(prepared.network, settled)
        code = prepared.code.calibrated(prepared.network, settled)
        neurons = code.neurons(prepared.network, settled)
        prepared = replace(prepared, code=code, neurons=neurons)
        expected = expected_rates(prepared.network, neurons, prepared.code, settled)
    entry = Entry(signature(recipe(prepared, options, expected)), reporter.say)
    with entry.held():
        kept = None if fresh else entry.load()
        presenter = None
        if kept is None:
            kept, presenter = _built(prepared, options, expected, reporter)
            entry.store(kept)
        else:
            with reporter.part("build") as note:
                n_blocks = kept.deployable.program.n_blocks
                note.detail = f"{n_blocks} blocks, kept from an earlier run"
    provenance = Provenance(
        source=handed_on(prepared.source.source),
        seed=options.seed,
        calibration=calibration.words,
        calibration_sha256=sha256(np.ascontiguousarray(calibration.pixels).tobytes()),
        versions=versions(),
        recipe=entry.signature,
    )
    return Compiled(_of_source(kept, prepared, threshold, provenance), presenter, notes)


def _of_source(
    kept: DeployedNetwork, prepared: Prepared, threshold: float, provenance: Provenance
) -> DeployedNetwork:
    """Blocks and places, as the cache keeps them, with what is not decided by their recipe."""
    info = prepared.source.info
    return replace(
        kept,
        network=prepared.network,
        readout=prepared.readout,
        code=prepared.code,
        threshold=threshold,
        rate_target=info.config.network.rates if info is not None else None,
        trained_on=info.data if info is not None else None,
        provenance=provenance,
    )


def recipe(prepared: Prepared, options: CompileOptions, expected: dict[str, np.ndarray]) -> _Recipe:
    """What decides the blocks and their places; its signature names them in the cache."""
    found = {name: metadata.version(name) for name in _DECIDING}
    return _Recipe(
        program_format=PROGRAM_FORMAT,
        artifact_format=artifact.FORMAT,
        blocks_version=BLOCKS_VERSION,
        versions=found | {"loihiseg": loihiseg.__version__},
        neurons=prepared.neurons,
        expected=expected,
        code=prepared.code.name,
        synapse_s=prepared.code.synapse_s,
        chips=options.chips,
        proof_seconds=options.proof_seconds,
        seed=options.seed,
    )


def _built(
    prepared: Prepared,
    options: CompileOptions,
    expected: dict[str, np.ndarray],
    reporter: Reporter,
) -> tuple[DeployedNetwork, object]:
    """The network with its blocks and places, and nengo-loihi's model of it."""
    from partition.joint.choose import choose_tiling_and_chips

    with reporter.part("tile") as note:
        layers = partition_layers(prepared.neurons)
        planned = choose_tiling_and_chips(layers, options.chips, rates=expected, seed=options.seed)
        tiling = planned.tiling
        note.detail = f"{how_many(tiling.n_cores, 'core')}, cut where chips meet"
    neurons = prepared.code.settled(prepared.neurons, tiling.shapes)
    with reporter.part("build") as note:
        built = build(
            neurons, tiling.shapes, prepared.code.synapse_s, options.seed, options.chips, expected
        )
        note.detail = f"{built.deployable.program.n_blocks} blocks"
    with reporter.part("partition") as note, reporter.waiting("partition"):
        rates = built.deployable.compartment_values(expected)
        found = solve_places(
            built.deployable, rates, options.chips, options.seed, options.proof_seconds, planned
        )
        note.detail = crossing(found.assignment)
    places = Places(
        n_chips=options.chips,
        chip_of_block=tuple(found.assignment.chip_of_block),
        core_of_block=tuple(found.placement.core_of_block),
        lower_bound=found.assignment.lower_bound,
        method=found.assignment.method,
        peers=built.peers,
    )
    deployed = DeployedNetwork(
        network=prepared.network,
        neurons=neurons,
        readout=prepared.readout,
        line=Readout(),
        threshold=0.5,
        code=prepared.code,
        deployable=built.deployable,
        blocks=tiling.usage,
        expected=rates,
        places=places,
        rate_target=None,
        trained_on=None,
        provenance=Provenance("", options.seed, "", "", {}, ""),
        neighbours=prepared.source.neighbours,
    )
    return deployed, built.presenter


def crossing(found: "Assignment") -> str:
    """An assignment to chips in words.

    Parameters
    ----------
    found : partition.chips.cut.Assignment
    """
    if found.n_chips_used < 2:
        return "all on one chip"
    bound = f"lower bound {found.lower_bound:.1f}" if found.lower_bound else "no lower bound"
    proof = "proved least" if found.proved else bound
    return f"{found.messages:.1f} messages per step between {found.n_chips_used} chips, {proof}"
