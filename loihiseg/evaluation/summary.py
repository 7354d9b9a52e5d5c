"""What a deployment came to: scores where there is truth, and everything else that is known."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.compilation.mapping import Mapping, mapping_of
from loihiseg.conversion.precision import QuantizedNetwork
from loihiseg.data.selection import Chosen
from loihiseg.evaluation.counted import Counted, common_fields
from loihiseg.evaluation.emulation import Emulation
from loihiseg.evaluation.exits import exit_results, step_scores
from loihiseg.evaluation.maps import Maps, Predict, maps_of
from loihiseg.evaluation.notes import scored_note
from loihiseg.evaluation.scoring import firing_rates, score_row
from loihiseg.evaluation.timing import step_times
from loihiseg.evaluation.topology import Beside, topology_of
from loihiseg.metrics.energy import (
    LOIHI,
    estimate_energy,
    section_work,
)
from loihiseg.progress import Reporter
from loihiseg.results import (
    ActivityCounts,
    DataSource,
    EarlyExit,
    LayerRates,
    Network,
    Results,
    ScoreRow,
    SectionWork,
    SpikeDigests,
    StepTimes,
    Topology,
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
    beside : Beside or None
        Maps of other sections, to choose thresholds for cells on; None where that was not asked
        for.
    """

    deployed: DeployedNetwork
    chosen: Chosen
    quantized: QuantizedNetwork
    found: Emulation
    watched: Watched | None
    digests: SpikeDigests
    notes: tuple[str, ...]
    floats: Predict | None = None
    beside: Beside | None = None


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
        rates = firing_rates(deployed, found.firing)
        stopped = _stop_early(outcome, activity)
        rows = _rows(deployed, chosen, maps, stopped)
    with reporter.part("timing"):
        times = _times(outcome, activity)
    mapping, stack = mapping_of(deployed), chosen.sections.stack
    results = Results(
        data=DataSource(handed_on(stack.source), stack.digest, stack.polarity),
        agreement=maps.agreement(deployed.threshold, chosen.known),
        tiles=chosen.tiles.places,
        whole_sections=chosen.whole,
        scored_note=scored_note(deployed, chosen, _notes(outcome)),
        score_rows=rows,
        early_exit=stopped.results if stopped else None,
        spikes_sha256=outcome.digests,
        orientations=len(found.orientations),
        per_section=_per_section(outcome, activity, reporter),
        step_times=times,
        topology=_topology(outcome, maps, reporter),
        **common_fields(
            Counted(deployed, outcome.quantized, found, rates, mapping, between, activity),
            reporter,
        ),
    )
    return Summary(results, maps, rates, mapping)


def _topology(outcome: Outcome, maps: Maps, reporter: Reporter) -> Topology | None:
    beside = outcome.beside
    if beside is None:
        return None
    with reporter.bar("sections beside, flooded", beside.stack.n_sections) as advance:
        return topology_of(beside, outcome.chosen.sections.test, maps, advance)


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
    deployed: DeployedNetwork, chosen: Chosen, maps: Maps, stopped: _Stopped | None
) -> tuple[ScoreRow, ...]:
    """Scores of every network; none without truth."""
    truth, sections, whole = chosen.truth, chosen.sections.test.membrane, chosen.whole
    if truth is None or sections is None:
        return ()
    row = partial(score_row, threshold=deployed.threshold, known=chosen.known)
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
    truth = outcome.chosen.tiles.membrane
    saved = replace(saved, by_step=step_scores(test, line, deployed.threshold, truth))
    return _Stopped(saved, outcome.chosen.tiles.assemble(line(logits)))
