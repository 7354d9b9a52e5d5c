"""What a deployment came to: scores where there is truth, and everything else that is known."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np

from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.compilation.mapping import Mapping, mapping_of
from loihiseg.conversion.host_work import host_layers
from loihiseg.conversion.precision import QuantizedNetwork
from loihiseg.data.selection import Chosen
from loihiseg.evaluation.emulation import Emulation
from loihiseg.evaluation.exits import exit_results
from loihiseg.evaluation.maps import Maps, Predict, maps_of, shift_of
from loihiseg.evaluation.notes import scored_note
from loihiseg.evaluation.scoring import firing_rates, layer_results, pooled_rates, score_row
from loihiseg.evaluation.timing import step_times
from loihiseg.metrics.energy import (
    ACCELERATORS,
    CPU,
    GPU,
    LOIHI,
    estimate_energy,
    inter_chip_sweep,
    section_work,
)
from loihiseg.progress import Reporter
from loihiseg.provenance import peak_memory_mb, versions
from loihiseg.results import (
    ActivityCounts,
    Code,
    DataSource,
    EarlyExit,
    LayerRates,
    LayerResults,
    Network,
    NetworkSource,
    QuantizedLayer,
    Results,
    ScoreRow,
    SectionWork,
    SpikeDigests,
    StepTimes,
)
from loihiseg.running.looks import Looks, early_exit
from partition.display.messages import handed_on


@dataclass(frozen=True, eq=False)
class Watched:
    """What the host saw of tiles while they were presented, and what early exit may get wrong."""

    most_wrong: float
    calibration: Looks
    test: Looks


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came out of the chip or its emulator.

    Attributes
    ----------
    deployed : DeployedNetwork
    chosen : Chosen
        Tiles that were shown.
    quantized : QuantizedNetwork
    found : Emulation
    watched : Watched or None
        None without early exit.
    digests : SpikeDigests
    notes : tuple of str
        What is to be said of how the network was made.
    floats : callable or None
        The network before it was given levels, where it was given some without training.
    """

    deployed: DeployedNetwork
    chosen: Chosen
    quantized: QuantizedNetwork
    found: Emulation
    watched: Watched | None
    digests: SpikeDigests
    notes: tuple[str, ...]
    floats: Predict | None = None


@dataclass(frozen=True, eq=False)
class Summary:
    """Results, and what pictures are drawn from."""

    results: Results
    maps: Maps
    rates: tuple[LayerRates, ...]
    mapping: Mapping


@dataclass(frozen=True, eq=False)
class _Stopped:
    """Presentations that ended early: what they came to, and their logits put together."""

    results: EarlyExit
    logits: np.ndarray


def summary(outcome: Outcome, reporter: Reporter) -> Summary:
    """Sum up a deployment.

    Parameters
    ----------
    outcome : Outcome
    reporter : Reporter
        Knows the seconds of every step.

    Returns
    -------
    Summary
    """
    deployed, chosen, found = outcome.deployed, outcome.chosen, outcome.found
    between = found.tally.messages_between_chips()
    activity = found.tally.counts(between)
    with reporter.part("score"):
        maps = maps_of(deployed, chosen, found, reporter, outcome.floats)
        shift = shift_of(deployed, chosen, found.orientations)
        rates = firing_rates(deployed, found.firing)
        stopped = _stop_early(outcome, activity)
        rows = _rows(deployed, chosen, maps, shift, stopped)
    with reporter.part("timing"):
        times = _times(outcome, activity)
    layers = _layers(deployed, rates, found)
    mapping, stack = mapping_of(deployed), chosen.sections.stack
    results = Results(
        versions=versions(),
        data=DataSource(handed_on(stack.source), stack.digest, stack.polarity),
        network=NetworkSource(handed_on(deployed.provenance.source), deployed.tile),
        code=_code(deployed),
        agreement=maps.agreement(deployed.threshold, chosen.known),
        threshold=deployed.threshold,
        challenge_shift=shift,
        readout=deployed.line,
        tiles=chosen.tiles.places,
        whole_sections=chosen.whole,
        scored_note=scored_note(deployed, chosen, _notes(outcome)),
        score_rows=rows,
        layers=layers,
        rates=pooled_rates(layers),
        quantization=_quantization(outcome),
        mapping=mapping.results(deployed.neurons.n_chip_neurons, deployed.places.n_chips, between),
        activity=activity,
        early_exit=stopped.results if stopped else None,
        energy=tuple(estimate_energy(activity, device) for device in (LOIHI, CPU, GPU)),
        inter_chip_energy=inter_chip_sweep(activity),
        seconds=dict(reporter.seconds),
        code_rows=deployed.code.rows(deployed.network),
        spikes_sha256=outcome.digests,
        peak_memory_mb=peak_memory_mb(),
        orientations=len(found.orientations),
        per_section=_per_section(outcome, activity, reporter),
        accelerators=tuple(estimate_energy(activity, device) for device in ACCELERATORS),
        step_times=times,
        host_layers=host_layers(deployed.network, deployed.readout),
    )
    return Summary(results, maps, rates, mapping)


def _notes(outcome: Outcome) -> tuple[str, ...]:
    shown = len(outcome.found.orientations)
    if shown == 1:
        return outcome.notes
    how = "turned four ways" + ", as it is and mirrored," * (shown == 8)
    mean = f"Each tile is shown {how} and the mean probability taken: {shown} presentations, all "
    return (*outcome.notes, f"{mean}of which are counted.")


def _per_section(
    outcome: Outcome, activity: ActivityCounts, reporter: Reporter
) -> SectionWork | None:
    """Work of a section, all its presentations together; None of tiles by themselves."""
    if not outcome.chosen.whole:
        return None
    return section_work(
        activity, len(outcome.chosen.sections.test.images), reporter.seconds["emulate"]
    )


def _times(outcome: Outcome, activity: ActivityCounts) -> StepTimes | None:
    chosen = outcome.chosen
    n_sections = len(chosen.sections.test.images)
    return step_times(
        outcome.deployed,
        chosen.tiles.pixels,
        estimate_energy(activity, LOIHI).total_uj_per_image,
        activity.n_images / n_sections if chosen.whole else None,
    )


def _rows(
    deployed: DeployedNetwork, chosen: Chosen, maps: Maps, shift: float, stopped: _Stopped | None
) -> tuple[ScoreRow, ...]:
    """Scores of every network; none without truth."""
    truth, sections, whole = chosen.truth, chosen.sections.test.membrane, chosen.whole
    if truth is None or sections is None:
        return ()
    row = partial(score_row, threshold=deployed.threshold, shift=shift, known=chosen.known)
    known = chosen.sections.test.known
    floats = [(Network.TRAINED, maps.sections, maps.trained)]
    if (before := maps.before) is not None:
        floats = [
            (Network.TRAINED, before.sections, before.tiles),
            (Network.WITH_LEVELS, maps.sections, maps.trained),
        ]
    rows = []
    for network, of_sections, of_tiles in floats:
        rows.append(row(network, sections, of_sections, whole_sections=True, known=known))
        if not whole:
            rows.append(row(network, truth, of_tiles, whole_sections=False))
    rows.append(row(Network.EIGHT_BIT, truth, maps.eight_bit, whole_sections=whole))
    rows.append(row(Network.EMULATED, truth, maps.spiking, whole_sections=whole))
    if stopped is not None:
        name = f"the same, stopped after {stopped.results.mean_steps:.1f} steps"
        rows.append(row(Network.STOPPED, truth, stopped.logits, whole_sections=whole, name=name))
    return tuple(rows)


def _stop_early(outcome: Outcome, activity: ActivityCounts) -> _Stopped | None:
    """What presentations come to that end early; if that was asked for."""
    watched, deployed = outcome.watched, outcome.deployed
    if watched is None:
        return None
    test, line = watched.test, deployed.line
    rule, exits = early_exit(
        watched.most_wrong, watched.calibration, test, line, deployed.threshold
    )
    logits = test.logits[np.arange(len(test.logits)), exits.look]
    steps, n_neurons = outcome.found.steps, deployed.neurons.n_chip_neurons
    saved = exit_results(rule, exits, steps, activity, n_neurons)
    return _Stopped(saved, outcome.chosen.tiles.assemble(line(logits)))


def _layers(
    deployed: DeployedNetwork, rates: Iterable[LayerRates], found: Emulation
) -> tuple[LayerResults, ...]:
    return layer_results(
        deployed,
        rates,
        found.mean_hz,
        found.quantized_errors.relative(),
        found.spiking_errors.relative(),
        found.matches.shares() if found.matches else {},
        found.tally.work_by_layer(),
    )


def _quantization(outcome: Outcome) -> tuple[QuantizedLayer, ...]:
    errors = outcome.found.quantized_errors.relative()
    return tuple(
        QuantizedLayer(**asdict(row), quantized_error=errors[row.layer])
        for row in outcome.quantized.precision
    )


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
