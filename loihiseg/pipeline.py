"""A deployment from end to end: compile or load, run on chosen tiles, score, sum up."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from loihiseg.compilation.calibration import Presenter
from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.compilation.mapping import Mapping
from loihiseg.compilation.options import CompileOptions
from loihiseg.conversion.precision import quantize_network
from loihiseg.data.orientations import orientations
from loihiseg.data.readers.axes import complete
from loihiseg.data.resampling import Plane, unknown
from loihiseg.data.selection import Chosen, Selection, select_sections
from loihiseg.data.stack import Stack
from loihiseg.data.tiles import (
    LEVEL_TILES,
    Tiles,
    default_overlap,
    predict_sections,
    spread_tiles,
    tile_grid,
)
from loihiseg.emulator.activity import SpikesDigest
from loihiseg.errors import Option, OptionError
from loihiseg.evaluation.emulation import emulate
from loihiseg.evaluation.maps import Predict
from loihiseg.evaluation.scoring import check_cells, chosen_threshold
from loihiseg.evaluation.summary import Outcome, Watched, summary
from loihiseg.evaluation.topology import beside_of, check_beside
from loihiseg.network.logits import sigmoid
from loihiseg.progress import Reporter
from loihiseg.results import LayerRates, Results, SpikeDigests
from loihiseg.results.task import moved_by, sees
from loihiseg.running.looks import watch
from loihiseg.running.options import RunOptions, check_held, check_target
from loihiseg.running.runners import compiled_presenter
from loihiseg.starting import start_frameworks
from partition.display.messages import handed_on

if TYPE_CHECKING:
    from loihiseg.compilation.prepared import Calibration
    from loihiseg.compilation.source import Network, TrainedNetwork
    from loihiseg.compilation.steps import Made


@dataclass(frozen=True, eq=False)
class Deployment:
    """What a deployment came to.

    Attributes
    ----------
    results : Results
        As written to ``metrics.json``.
    deployed : DeployedNetwork
    tiles : loihiseg.data.tiles.Tiles
        That were emulated.
    trained, spiking : numpy.ndarray
        (n, rows, columns) probability of membrane, of whole sections or of the tiles.
    raw : numpy.ndarray
        Images of the same.
    membrane : numpy.ndarray or None
        Truth of the same, where there are labels.
    known : numpy.ndarray or None
        bool, which pixels of the same count; None where all do.
    titles : tuple of str
        What each of them is.
    threshold : float
    pixel_nm : tuple of float or None
        Nanometres between sections, rows and columns; None unless the data say all three.
    rates : tuple of LayerRates
    mapping : loihiseg.compilation.mapping.Mapping
    compiling : CompileOptions or None
        That the network was compiled with, none left open; None of a kept one.
    running : RunOptions
    """

    results: Results
    deployed: DeployedNetwork
    tiles: Tiles
    trained: np.ndarray
    spiking: np.ndarray
    raw: np.ndarray
    membrane: np.ndarray | None
    known: np.ndarray | None
    titles: tuple[str, ...]
    threshold: float
    pixel_nm: tuple[float, float, float] | None
    rates: tuple[LayerRates, ...]
    mapping: Mapping
    compiling: CompileOptions | None
    running: RunOptions

    @property
    def maps(self) -> np.ndarray:
        """(n, rows, columns) bool: which pixels the spikes call membrane."""
        return self.spiking > self.threshold


@dataclass(frozen=True, eq=False)
class _Ready:
    """A deployed network, and the tiles it is to run on.

    ``reference`` is nengo-loihi's model of it, None where nothing has needed that yet; ``digest``
    is of the presentations that the read-out was fitted on; ``floats`` is the network before it was
    given levels, where it was given some without training.
    """

    deployed: DeployedNetwork
    chosen: Chosen
    reference: Any
    digest: SpikesDigest
    compiling: CompileOptions | None
    notes: tuple[str, ...]
    floats: Predict | None = None


def deploy(
    load: "Callable[[], TrainedNetwork | DeployedNetwork]",
    read: Callable[[Plane | None], Stack],
    compiling: CompileOptions,
    running: RunOptions,
    reporter: Reporter,
) -> Deployment:
    """Run every step.

    Parameters
    ----------
    load : callable
        Returns the trained network, or a deployed one, of which nothing is compiled.
    read : callable
        Takes the size of a pixel that the network was trained on, None where that is not known;
        returns the stack, resampled to it where its own is another. It needs no labels.
    compiling : CompileOptions
        Not looked at for a deployed network.
    running : RunOptions
    reporter : Reporter

    Returns
    -------
    Deployment

    Raises
    ------
    InputError
        If data, network or options cannot be used; before anything is emulated.
    partition.core.errors.DoesNotFitError
        If the network needs more than there is.
    """
    from loihiseg.compilation.source import check_membrane, neighbours_of, pixel_nm_of, seen_by

    if running.early_exit is not None:
        compiling = replace(compiling, input=compiling.input or "held")
    with reporter.part("load") as note:
        check_target(running.target)
        network = load()
        check_membrane(network)
        network_nm = pixel_nm_of(network)
        stack = seen_by(network, read(network_nm))
        sections = _sections(network, stack, compiling, running)
        sight = sees(neighbours_of(network), "; the network ") + moved_by(stack.moved_px, "; ")
        note.detail = f"{handed_on(stack.source)}; {stack.polarity}{sight}"
    if text := unknown(stack.pixel_nm, network_nm):
        reporter.say(text)
    if isinstance(network, DeployedNetwork):
        chosen = _chosen(sections, network.tile, running, reporter)
        ready = _Ready(network, chosen, None, SpikesDigest(), None, ())
    else:
        ready = _compiled(network, sections, compiling, running, reporter)
    if running.check:
        pixels = ready.chosen.tiles.pixels[0]
        reference = checked_reference(
            ready.deployed, ready.reference, pixels, running.check, reporter
        )
        ready = replace(ready, reference=reference)
    outcome = _emulated(ready, running, reporter)
    return _deployment(ready, outcome, running, reporter)


def _sections(
    network: "TrainedNetwork | DeployedNetwork",
    stack: Stack,
    compiling: CompileOptions,
    running: RunOptions,
) -> Selection:
    """The sections that are asked for, once all is refused that can be without building."""
    tile: int | None
    if isinstance(network, DeployedNetwork):
        sent, tile, trained_on = network.code.input, network.tile, network.trained_on
    else:
        from loihiseg.compilation import source

        source.check_tile(network, compiling.tile)
        sent, trained_on = compiling.input or "held", source.trained_on(network)
        tile = source.known_tile(network, compiling.tile)
    found = select_sections(stack, running.sections, trained_on)
    if running.topology:
        check_beside(found)
    if running.early_exit is not None:
        check_held(sent)
        if found.fitted_on is None or found.fitted_on is found.test:
            raise OptionError(
                Option("early_exit"),
                ": there are no validation sections beside these to choose it on",
            )
    if tile is not None:
        tile_grid(found.test.images.shape[1:], tile, default_overlap(tile))
    return found


def _chosen(sections: Selection, tile: int, running: RunOptions, reporter: Reporter) -> Chosen:
    """Tiles of the sections; says where there is no room for as many as are asked for."""
    chosen = sections.choose(tile, running.tiles, running.calibration_tiles)
    if chosen.truth is not None:
        check_cells(chosen.truth, chosen.known)
    for text in (chosen.sections.note, chosen.short):
        if text:
            reporter.say(text)
    return chosen


def _compiled(
    network: "TrainedNetwork",
    sections: Selection,
    compiling: CompileOptions,
    running: RunOptions,
    reporter: Reporter,
) -> _Ready:
    """A network compiled now, for the sections, and tiles of them."""
    start_frameworks(reporter)
    from loihiseg.compilation.compile import prepare
    from loihiseg.compilation.fit import settled
    from loihiseg.compilation.source import predictor
    from loihiseg.compilation.steps import compile_calibrated

    prepared = prepare(network, compiling, sections.side, reporter)
    compiling = settled(replace(compiling, code=prepared.code.name), prepared.network)
    source = prepared.source
    chosen = _chosen(sections, source.tile, running, reporter)
    threshold = _threshold(source, sections)
    made = compile_calibrated(
        prepared,
        compiling,
        _expected_on(chosen, compiling.finds_levels),
        0.5 if threshold is None else threshold,
        lambda deployed, reference: presenter_of(deployed, reference, running),
        reporter,
        # Only the compiled emulator can do without nengo-loihi's model.
        fresh=running.emulator == "nengo-loihi" or running.check > 0,
    )
    notes = (*_made_notes(made, sections, threshold), *made.notes)
    floats = None if compiling.levels is None else predictor(source.model)
    return _Ready(made.deployed, chosen, made.reference, made.digest, compiling, notes, floats)


def _expected_on(chosen: Chosen, finds_levels: bool) -> "Calibration":
    """Pixels that rates are expected from; the read-out is fitted on them if nothing else is.

    Levels are found on sections that the network was trained on, where there are such.
    """
    from loihiseg.compilation.prepared import Calibration

    tiles, kind = chosen.calibration, "validation sections"
    if chosen.sections.validation is None:
        kind = "sections of other data than the network was trained on"
    if tiles is None:
        tiles, kind = chosen.tiles, "the sections that were deployed on"
    words = f"{len(tiles.places)} tiles of {kind}"
    training, for_levels = chosen.sections.training, None
    if finds_levels and training is not None:
        for_levels = spread_tiles(training, tiles.pixels.shape[1], LEVEL_TILES).pixels
    fits = chosen.calibration is not None
    return Calibration(tiles.pixels, words, fits, tiles.known, for_levels)


def _threshold(source: "Network", sections: Selection) -> float | None:
    """Of the network, else chosen on validation sections with labels; None without them."""
    from loihiseg.compilation.source import predictor

    validation = sections.validation
    if source.threshold is not None:
        return source.threshold
    if validation is None or validation.membrane is None:
        return None
    logits = predict_sections(predictor(source.model), validation.seen(), source.tile)
    return chosen_threshold(validation.membrane, logits, validation.known)


def _made_notes(made: "Made", sections: Selection, threshold: float | None) -> tuple[str, ...]:
    """What a network lacks for want of validation sections or their labels."""
    found, without = [], sections.fitted_on is None
    if without and made.deployed.code.fits_readout:
        found.append("No validation sections beside these: the read-out is not calibrated.")
    elif made.deployed.code.fits_readout and sections.validation is None:
        which = "these sections" if sections.fitted_on is sections.test else "sections beside these"
        found.append(f"The read-out is fitted on {which}, to the network in floats.")
    if threshold is None:
        why = "for want of them" if without else "for want of validation sections with labels"
        found.append(f"The threshold is 0.5 {why}.")
    return tuple(found)


def checked_reference(
    deployed: DeployedNetwork, reference: Any, pixels: np.ndarray, n_steps: int, reporter: Reporter
) -> Any:
    """nengo-loihi's model of a network, once both emulators have been found equal on an image."""
    from loihiseg.emulator.check import check_equality

    with reporter.part("check") as note:
        reference = reference or reference_of(deployed)
        n_spikes = check_equality(reference, deployed.neurons, pixels, n_steps)
        note.detail = f"{n_steps} steps equal in every integer, {n_spikes:,} spikes"
    return reference


def reference_of(deployed: DeployedNetwork) -> Any:
    """nengo-loihi's model and emulator of a network, `loihiseg.emulator.reference.Presenter`."""
    from loihiseg.compilation.block_model import reference

    return reference(
        deployed.neurons, deployed.block_shapes, deployed.code.synapse_s, deployed.provenance.seed
    )


def presenter_of(
    deployed: DeployedNetwork, reference: Any, running: RunOptions
) -> AbstractContextManager[Any]:
    """What images are presented to: the compiled program, nengo-loihi's emulator, or a chip."""
    emulator: AbstractContextManager[Presenter] = compiled_presenter(deployed)
    if running.emulator == "nengo-loihi":
        emulator = nullcontext(reference or reference_of(deployed))
    if running.target == "loihi":
        from loihiseg.compilation.board import on_board

        return on_board(deployed, emulator)
    return emulator


def _emulated(ready: _Ready, running: RunOptions, reporter: Reporter) -> Outcome:
    """Show the tiles."""
    deployed, chosen = ready.deployed, ready.chosen
    pixels = chosen.tiles.pixels
    watched, beside = None, None
    with presenter_of(deployed, ready.reference, running) as presenter:
        with reporter.part("emulate") as note:
            quantized = quantize_network(
                deployed.neurons, deployed.block_shapes, deployed.code.synapse_s
            )
            shown = orientations(running.orientations)
            with reporter.bar("emulate", len(pixels) * len(shown)) as advance:
                found = emulate(
                    deployed, quantized.network, presenter, pixels, advance, shown,
                    chosen.tiles.grid,
                )  # fmt: skip
            if running.early_exit is not None and chosen.calibration is not None:
                looks = []
                for tiles in (chosen.calibration, chosen.tiles):
                    with reporter.bar("watch", len(tiles.pixels)) as advance:
                        looks.append(watch(deployed, presenter, tiles.pixels, advance, tiles.known))
                watched = Watched(running.early_exit, *looks)
            turned = f" in {len(shown)} orientations" if len(shown) > 1 else ""
            note.detail = f"{len(pixels)} tiles{turned} of {deployed.code.n_steps} steps"
        if running.topology:
            with reporter.part("beside") as note:
                beside = beside_of(
                    deployed, chosen.sections, presenter, running.orientations, reporter
                )
                note.detail = f"{beside.stack.n_sections} sections to choose thresholds on"
    digests = SpikeDigests(ready.digest.hexdigest(), found.digest.hexdigest())
    notes, floats = ready.notes, ready.floats
    return Outcome(deployed, chosen, quantized, found, watched, digests, notes, floats, beside)


def _deployment(
    ready: _Ready, outcome: Outcome, running: RunOptions, reporter: Reporter
) -> Deployment:
    """Sum up."""
    found, deployed, chosen = summary(outcome, reporter), ready.deployed, ready.chosen
    return Deployment(
        results=found.results,
        deployed=deployed,
        tiles=chosen.tiles,
        trained=sigmoid(found.maps.trained),
        spiking=sigmoid(found.maps.spiking),
        raw=chosen.images,
        membrane=chosen.truth,
        known=chosen.known,
        titles=chosen.titles,
        threshold=deployed.threshold,
        pixel_nm=complete(chosen.sections.stack.pixel_nm),
        rates=found.rates,
        mapping=found.mapping,
        compiling=ready.compiling,
        running=running,
    )
