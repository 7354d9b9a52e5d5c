"""A deployment from end to end: compile or load, run on chosen tiles, score, sum up."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np

from loihiseg.compilation.artifact import load_deployed
from loihiseg.compilation.calibration import Presenter, calibrated
from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.compilation.mapping import Mapping, mapping_of
from loihiseg.conversion.forward import forward
from loihiseg.conversion.host_graph import HostGraph
from loihiseg.conversion.logits import membrane, readout_logits, sigmoid
from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.data.selection import Selection, select_sections, shortage
from loihiseg.data.stack import Stack
from loihiseg.data.tiles import Tiles, predict_sections
from loihiseg.errors import InputError
from loihiseg.evaluation.emulation import Emulation, emulate
from loihiseg.evaluation.energy import CPU, GPU, LOIHI, estimate_energy, inter_chip_sweep
from loihiseg.evaluation.exits import exit_results
from loihiseg.evaluation.scoring import (
    chosen_shift,
    chosen_threshold,
    firing_rates,
    layer_results,
    pooled_rates,
    score_row,
)
from loihiseg.progress import Reporter
from loihiseg.provenance import peak_memory_mb, versions
from loihiseg.quantization.layers import QuantizedNetwork, quantize_network
from loihiseg.results import (
    Code,
    DataSource,
    EarlyExit,
    LayerRates,
    Network,
    NetworkSource,
    QuantizedLayer,
    Results,
    ScoreRow,
    SpikeDigests,
)
from loihiseg.running.looks import Looks, check_held, early_exit, watch
from loihiseg.running.runners import compiled_presenter
from partition.command_line.command import doing
from partition.display.messages import handed_on


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
    titles : tuple of str
        What each of them is.
    threshold : float
    rates : tuple of LayerRates
    mapping : loihiseg.compilation.mapping.Mapping
    """

    results: Results
    deployed: DeployedNetwork
    tiles: Tiles
    trained: np.ndarray
    spiking: np.ndarray
    raw: np.ndarray
    membrane: np.ndarray | None
    titles: tuple[str, ...]
    threshold: float
    rates: tuple[LayerRates, ...]
    mapping: Mapping


@dataclass(frozen=True, eq=False)
class _Chosen:
    """A deployed network, the sections and tiles it is to run on, and nengo-loihi's model of it.

    ``presenter`` is None where nothing has needed nengo-loihi's model yet; ``trained`` are the
    trained network's logits of the calibration tiles, where the read-out is to be fitted to them.
    """

    deployed: DeployedNetwork
    sections: Selection
    tiles: Tiles
    calibration: Tiles | None
    presenter: object | None
    trained: np.ndarray | None
    notes: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether tiles make up whole sections."""
        return self.tiles.grid is not None

    @property
    def truth(self) -> np.ndarray | None:
        """Of the sections or tiles that maps are of."""
        return self.sections.test.membrane if self.whole else self.tiles.membrane


def deploy(config, read: Callable[[], Stack], reporter: Reporter) -> Deployment:
    """Run every step.

    Parameters
    ----------
    config : loihiseg.deploy.DeployConfig
    read : callable
        Returns the stack; it needs no labels.
    reporter : Reporter

    Returns
    -------
    Deployment

    Raises
    ------
    InputError
        If data, network or options cannot be used.
    partition.core.errors.DoesNotFitError
        If the network needs more than there is.
    """
    chosen = _loaded(config, read, reporter) if config.deployed else _made(config, read, reporter)
    if config.check:
        _check(config, chosen, reporter)
    looks = None
    with reporter.stage("emulate") as note, _presenter(config, chosen) as presenter:
        deployed, calibration_digest = chosen.deployed, None
        n_calibrated = 0
        if chosen.trained is not None and chosen.calibration is not None:
            pixels, n_calibrated = chosen.calibration.pixels, len(chosen.trained)
            with reporter.bar("calibrate", n_calibrated) as advance:
                deployed, calibration_digest = calibrated(
                    deployed, presenter, pixels, chosen.trained, advance
                )
        quantized = quantize_network(
            deployed.neurons, deployed.block_shapes, deployed.code.synapse_s
        )
        with reporter.bar("emulate", len(chosen.tiles.pixels)) as advance:
            found = emulate(deployed, quantized.network, presenter, chosen.tiles.pixels, advance)
        if config.early_exit is not None:
            looks = _watch(chosen, deployed, presenter, reporter)
        n_tiles, n_steps = len(chosen.tiles.pixels), deployed.code.n_steps
        note.detail = f"{n_calibrated} + {n_tiles} tiles of {n_steps} steps"
    digests = SpikeDigests(
        (calibration_digest or type(found.digest)()).hexdigest(), found.digest.hexdigest()
    )
    return _summed_up(config, chosen, deployed, quantized, found, looks, digests, reporter)


def _loaded(config, read: Callable[[], Stack], reporter: Reporter) -> _Chosen:
    """A kept network, and the stack."""
    with reporter.stage("load") as note:
        deployed = load_deployed(config.deployed)
        stack = read()
        sections = select_sections(stack, config.sections, deployed.trained_on)
        if config.early_exit is not None:
            check_held(deployed.code.input)
        chosen = _with_tiles(config, deployed, sections, None)
        note.detail = _said(stack, chosen, config.tiles)
    return chosen


def _made(config, read: Callable[[], Stack], reporter: Reporter) -> _Chosen:
    """A network compiled now, for the stack."""
    from loihiseg.compilation.compile import Calibration, compile_network, prepare
    from loihiseg.compilation.source import predictor, read_network
    from loihiseg.training import shipped

    with reporter.stage("load") as note:
        with doing(f"reading {config.checkpoint}"):
            source = read_network(shipped.resolve(config.checkpoint, config.data))
        stack = read()
        note.detail = "; ".join([handed_on(stack.source), stack.polarity])
    options = config.compile_options
    prepared = prepare(source, options, min(stack.images.shape[1:]), reporter)
    info = prepared.source.info
    sections = select_sections(stack, config.sections, info.data if info else None)
    tile = prepared.source.tile
    tiles = sections.tiles(tile, config.tiles)
    calibration = sections.calibration(tile, config.calibration_tiles)
    short = shortage(tiles, tile, config.tiles)
    if short:
        reporter.say(short)
    expected_on = tiles if calibration is None else calibration
    compiled = compile_network(
        prepared,
        options,
        Calibration(expected_on.pixels, _words(expected_on, calibration is not None)),
        _threshold(prepared.source, sections),
        reporter,
        # Only the compiled emulator can do without nengo-loihi's model.
        fresh=config.emulator == "nengo-loihi" or config.check > 0,
    )
    notes = []
    if sections.validation is None and prepared.source.threshold is None:
        notes.append("The threshold is 0.5 for want of them.")
    trained = None
    if calibration is not None and prepared.code.fits_readout:
        trained = predictor(prepared.source.model)(calibration.pixels[..., None])[..., 0]
    return _Chosen(
        compiled.deployed, sections, tiles, calibration, compiled.presenter, trained, tuple(notes)
    )


def _with_tiles(config, deployed: DeployedNetwork, sections: Selection, presenter) -> _Chosen:
    tiles = sections.tiles(deployed.tile, config.tiles)
    calibration = sections.calibration(deployed.tile, config.calibration_tiles)
    return _Chosen(deployed, sections, tiles, calibration, presenter, None, ())


def _said(stack: Stack, chosen: _Chosen, asked: int | None) -> str:
    short = shortage(chosen.tiles, chosen.deployed.tile, asked)
    return "; ".join(text for text in (handed_on(stack.source), stack.polarity, short) if text)


def _words(tiles: Tiles, are_validation: bool) -> str:
    kind = "validation sections" if are_validation else "the sections that were deployed on"
    return f"{len(tiles.places)} tiles of {kind}"


def _predict(network: LoweredNetwork, readout: HostGraph, tile: int):
    """Pixels (n, tile, tile, 1) to logits of the float network."""

    def predict(pixels: np.ndarray) -> np.ndarray:
        return readout_logits(readout, forward(network, pixels), tile)[..., None]

    return predict


def _threshold(source, sections: Selection) -> float:
    """Of the network; chosen on validation sections where it has none and there are labels."""
    from loihiseg.compilation.source import predictor

    validation = sections.validation
    if source.threshold is not None:
        return source.threshold
    if validation is None or validation.membrane is None:
        return 0.5
    logits = predict_sections(predictor(source.model), validation.images, source.tile)
    return chosen_threshold(validation.membrane, logits)


def _check(config, chosen: _Chosen, reporter: Reporter) -> None:
    from loihiseg.emulator.check import check_equality

    with reporter.stage("check") as note:
        presenter = chosen.presenter or _reference(chosen.deployed)
        pixels = chosen.tiles.pixels[0]
        n_spikes = check_equality(presenter, chosen.deployed.neurons, pixels, config.check)
        note.detail = f"{config.check} steps equal in every integer, {n_spikes:,} spikes"


def _reference(deployed: DeployedNetwork):
    from loihiseg.compilation.block_model import reference

    return reference(
        deployed.neurons, deployed.block_shapes, deployed.code.synapse_s, deployed.provenance.seed
    )


def _presenter(config, chosen: _Chosen) -> AbstractContextManager[Presenter]:
    """What images are presented to: the compiled program, nengo-loihi's emulator, or a chip."""
    deployed = chosen.deployed
    if config.emulator == "nengo-loihi":
        emulator = chosen.presenter or _reference(deployed)
    else:
        emulator = compiled_presenter(deployed)
    if config.target == "loihi":
        from loihiseg.compilation.board import on_board

        return on_board(deployed, emulator)
    return emulator if config.emulator != "nengo-loihi" else nullcontext(emulator)


def _watch(
    chosen: _Chosen, deployed: DeployedNetwork, presenter, reporter: Reporter
) -> tuple[Looks, Looks]:
    """What the host sees of the calibration tiles and of the test tiles."""
    if chosen.calibration is None:
        raise InputError(
            "--early-exit: there are no validation sections beside these to choose it on"
        )
    found = []
    for tiles in (chosen.calibration, chosen.tiles):
        with reporter.bar("watch", len(tiles.pixels)) as advance:
            found.append(watch(deployed, presenter, tiles.pixels, advance))
    return found[0], found[1]


def _summed_up(
    config,
    chosen: _Chosen,
    deployed: DeployedNetwork,
    quantized: QuantizedNetwork,
    found: Emulation,
    looks: tuple[Looks, Looks] | None,
    digests: SpikeDigests,
    reporter: Reporter,
) -> Deployment:
    """Scores where there is truth; and everything else that is known."""
    tiles, sections = chosen.tiles, chosen.sections
    activity = found.tally.counts()
    with reporter.stage("score"):
        maps = _Maps.of(chosen, deployed, found, reporter)
        shift = _shift(chosen, deployed)
        rates = firing_rates(deployed, found.firing)
        stopped, stopped_logits = _stop_early(config, chosen, deployed, found, looks, activity)
        rows = _rows(chosen, deployed, maps, shift, stopped, stopped_logits)
    layers = layer_results(
        deployed,
        rates,
        found.mean_hz,
        found.quantized_errors.relative(),
        found.spiking_errors.relative(),
        found.matches.shares() if found.matches else {},
    )
    mapping = mapping_of(deployed)
    called = (membrane(logits, deployed.threshold) for logits in (maps.spiking, maps.eight_bit))
    between = found.tally.messages_between_chips()
    results = Results(
        versions=versions(),
        data=DataSource(
            handed_on(sections.stack.source), sections.stack.digest, sections.stack.polarity
        ),
        network=NetworkSource(handed_on(deployed.provenance.source), deployed.tile),
        code=_code(deployed),
        agreement=float(np.mean(np.equal(*called))),
        threshold=deployed.threshold,
        challenge_shift=shift,
        readout=deployed.line,
        tiles=tiles.places,
        whole_sections=chosen.whole,
        scored_note=_note(config, chosen, deployed),
        stages=rows,
        layers=layers,
        rates=pooled_rates(layers),
        quantization=tuple(
            QuantizedLayer(
                **asdict(row),
                quantized_error=found.quantized_errors.relative()[row.layer],
            )
            for row in quantized.precision
        ),
        mapping=mapping.results(deployed.neurons.n_chip_neurons, deployed.places.n_chips, between),
        activity=activity,
        early_exit=stopped,
        energy=tuple(estimate_energy(activity, device) for device in (LOIHI, CPU, GPU)),
        inter_chip_energy=inter_chip_sweep(activity),
        seconds=dict(reporter.seconds),
        spikes_sha256=digests,
        peak_memory_mb=peak_memory_mb(),
    )
    titles = [f"section {n}" for n in sections.test.section_numbers]
    if not chosen.whole:
        titles = [f"section {s}, ({y}, {x})" for s, y, x in tiles.places]
    return Deployment(
        results,
        deployed,
        tiles,
        sigmoid(maps.trained),
        sigmoid(maps.spiking),
        sections.test.images if chosen.whole else tiles.raw,
        chosen.truth,
        tuple(titles),
        deployed.threshold,
        rates,
        mapping,
    )


@dataclass(frozen=True, eq=False)
class _Maps:
    """Logits of membrane, (n, rows, columns): of the pixels that the spikes are judged on.

    ``sections`` are those of the float network on whole sections.
    """

    spiking: np.ndarray
    eight_bit: np.ndarray
    trained: np.ndarray
    sections: np.ndarray

    @classmethod
    def of(
        cls, chosen: _Chosen, deployed: DeployedNetwork, found: Emulation, reporter: Reporter
    ) -> "_Maps":
        """Tiles put together."""
        tiles, images = chosen.tiles, chosen.sections.test.images
        spiking, eight_bit, trained = (
            tiles.assemble(np.stack(part))
            for part in (found.spiking, found.eight_bit, found.trained)
        )
        if chosen.whole:
            return cls(spiking, eight_bit, trained, trained)
        predict = _predict(deployed.network, deployed.readout, deployed.tile)
        with reporter.bar("trained network", len(images)) as advance:
            sections = predict_sections(predict, images, deployed.tile, progress=advance)
        return cls(spiking, eight_bit, trained, sections)


def _shift(chosen: _Chosen, deployed: DeployedNetwork) -> float:
    """Of the maps for submission: chosen on validation sections with labels, 0 without."""
    validation = chosen.sections.validation
    if not chosen.whole or validation is None or validation.membrane is None:
        return 0.0
    if chosen.truth is None:
        return 0.0
    predict = _predict(deployed.network, deployed.readout, deployed.tile)
    logits = predict_sections(predict, validation.images, deployed.tile)
    return chosen_shift(validation.membrane, logits)


def _rows(
    chosen: _Chosen,
    deployed: DeployedNetwork,
    maps: _Maps,
    shift: float,
    stopped: EarlyExit | None,
    stopped_logits: np.ndarray | None,
) -> tuple[ScoreRow, ...]:
    """Scores of every network; none without truth."""
    truth, sections = chosen.truth, chosen.sections.test.membrane
    if truth is None or sections is None:
        return ()
    whole = chosen.whole
    row = partial(score_row, threshold=deployed.threshold, shift=shift)
    rows = [row(Network.TRAINED, sections, maps.sections, whole_sections=True)]
    if not whole:
        rows.append(row(Network.TRAINED, truth, maps.trained, whole_sections=False))
    rows.append(row(Network.EIGHT_BIT, truth, maps.eight_bit, whole_sections=whole))
    rows.append(row(Network.EMULATED, truth, maps.spiking, whole_sections=whole))
    if stopped is not None and stopped_logits is not None:
        name = f"the same, stopped after {stopped.mean_steps:.1f} steps"
        rows.append(row(Network.STOPPED, truth, stopped_logits, whole_sections=whole, name=name))
    return tuple(rows)


def _stop_early(
    config,
    chosen: _Chosen,
    deployed: DeployedNetwork,
    found: Emulation,
    looks: tuple[Looks, Looks] | None,
    activity,
) -> tuple[EarlyExit | None, np.ndarray | None]:
    """What presentations that ended early came to, and their maps; if asked for."""
    if looks is None:
        return None, None
    calibration, test = looks
    line, threshold = deployed.line, deployed.threshold
    rule, exits = early_exit(config.early_exit, calibration, test, line, threshold)
    logits = test.logits[np.arange(len(test.logits)), exits.look]
    saved = exit_results(rule, exits, found.steps, activity, deployed.neurons.n_chip_neurons)
    return saved, chosen.tiles.assemble(line(logits))


def _code(deployed: DeployedNetwork) -> Code:
    code, network = deployed.code, deployed.network
    return Code(
        name=code.name,
        steps=code.n_steps,
        window_steps=code.n_window_steps,
        held=code.held,
        input=code.input,
        levels=tuple(layer.levels for layer in network.layers),
        chip_levels=tuple(layer.levels for layer in network.chip_layers),
    )


def _note(config, chosen: _Chosen, deployed: DeployedNetwork) -> str:
    """Which pixels were looked at, and what the scores cannot say."""
    notes = [
        _pixels_note(chosen, deployed.tile),
        shortage(chosen.tiles, deployed.tile, config.tiles),
        *_warnings(config, chosen, deployed),
    ]
    return " ".join(note for note in notes if note)


def _warnings(config, chosen: _Chosen, deployed: DeployedNetwork) -> list[str]:
    """Sections that were trained on, and a threshold or read-out that nothing was there to fit."""
    known, sections, found = deployed.trained_on, chosen.sections, []
    if chosen.truth is None:
        found.append("There are no labels: nothing is scored.")
    elif known is not None and known.digest == sections.stack.digest:
        trained = set(known.split.train_sections) & set(sections.test.section_numbers)
        if trained:
            found.append(f"{len(trained)} of these sections were trained on: scores flatter.")
    if not config.deployed and sections.validation is None and deployed.code.fits_readout:
        found.append("No validation sections beside these: the read-out is not calibrated.")
    return found + list(chosen.notes)


def _pixels_note(chosen: _Chosen, tile: int) -> str:
    tiles = chosen.tiles
    if tiles.grid:
        numbers = chosen.sections.test.section_numbers
        return (
            f"Whole sections {', '.join(map(str, numbers))}, each from "
            f"{len(tiles.grid.origins)} overlapping tiles of {tile} x {tile} pixels."
        )
    shown = tiles.places[:8]
    places = ", ".join(f"section {s} at ({y}, {x})" for s, y, x in shown)
    more = len(tiles.places) - len(shown)
    rest = f" and {more} more" if more else ""
    note = f"Tiles of {tile} x {tile} pixels: {places}{rest}."
    if chosen.truth is not None:
        note += " V scores of tiles are of cells cut at the tiles' borders."
    return note
