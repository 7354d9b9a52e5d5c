"""What a deployment of a network that tells classes apart came to."""

from dataclasses import dataclass

import numpy as np

from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.compilation.mapping import Mapping, mapping_of
from loihiseg.conversion.logits import called
from loihiseg.conversion.precision import QuantizedNetwork
from loihiseg.data.class_images import ChosenImages
from loihiseg.evaluation.counted import Counted, common_fields
from loihiseg.evaluation.emulation import Emulation
from loihiseg.evaluation.scoring import firing_rates
from loihiseg.evaluation.timing import step_times
from loihiseg.metrics.classes import class_counts, class_scores
from loihiseg.metrics.energy import LOIHI, estimate_energy
from loihiseg.progress import Reporter
from loihiseg.results import (
    ClassResults,
    ClassRow,
    DataSource,
    LayerRates,
    Network,
    Results,
    SpikeDigests,
    Task,
)
from partition.display.messages import handed_on, how_many


@dataclass(frozen=True, eq=False)
class ClassOutcome:
    """What came out of the chip or its emulator.

    Attributes
    ----------
    deployed : DeployedNetwork
    task : Task
    chosen : ChosenImages
        Those that were shown.
    quantized : QuantizedNetwork
    found : Emulation
    floats : numpy.ndarray or None
        Logits of the network as it was trained, where it was given levels after that.
    digests : SpikeDigests
    notes : tuple of str
        What is to be said of how the network was made.
    """

    deployed: DeployedNetwork
    task: Task
    chosen: ChosenImages
    quantized: QuantizedNetwork
    found: Emulation
    floats: np.ndarray | None
    digests: SpikeDigests
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class ClassSummary:
    """Results, and the classes that are in no table.

    Attributes
    ----------
    results : Results
    called : dict of Network to numpy.ndarray
        int64, (n,) or (n, rows, columns), by network.
    logits : numpy.ndarray
        Of the spikes.
    rates : tuple of LayerRates
    mapping : Mapping
    """

    results: Results
    called: dict[Network, np.ndarray]
    logits: np.ndarray
    rates: tuple[LayerRates, ...]
    mapping: Mapping


def class_summary(outcome: ClassOutcome, reporter: Reporter) -> ClassSummary:
    """Sum up a deployment.

    Parameters
    ----------
    outcome : ClassOutcome
    reporter : Reporter
        Knows the seconds of every step.
    """
    deployed, found, shown = outcome.deployed, outcome.found, outcome.chosen.shown
    between = found.tally.messages_between_chips()
    activity = found.tally.counts(between)
    with reporter.part("score"):
        classes = _called(outcome)
        rates = firing_rates(deployed, found.firing)
        rows = tuple(_row(network, one, outcome) for network, one in classes.items())
        agreement = float(np.mean(classes[Network.EMULATED] == classes[Network.EIGHT_BIT]))
    with reporter.part("timing"):
        energy_uj = estimate_energy(activity, LOIHI).total_uj_per_image
        times = step_times(deployed, shown.pixels, energy_uj, None)
    mapping = mapping_of(deployed)
    results = Results(
        data=DataSource(handed_on(shown.source), shown.digest, "labels are numbers of classes"),
        agreement=agreement,
        tiles=shown.places,
        whole_sections=False,
        scored_note=_note(outcome),
        score_rows=(),
        early_exit=None,
        spikes_sha256=outcome.digests,
        step_times=times,
        classes=ClassResults(outcome.task, rows),
        **common_fields(
            Counted(deployed, outcome.quantized, found, rates, mapping, between, activity), reporter
        ),
    )
    spiking = shown.assembled(found.spiking.maps())
    return ClassSummary(results, classes, spiking, rates, mapping)


def _called(outcome: ClassOutcome) -> dict[Network, np.ndarray]:
    """Classes by network, in the order in which they are shown."""
    found, whole = outcome.found, outcome.chosen.shown.assembled
    trained = whole(found.trained.maps())
    logits = {Network.TRAINED: trained}
    if outcome.floats is not None:
        logits = {Network.TRAINED: outcome.floats, Network.QUANTIZED: trained}
    logits[Network.EIGHT_BIT] = whole(found.eight_bit.maps())
    logits[Network.EMULATED] = whole(found.spiking.maps())
    return {network: called(one, outcome.task) for network, one in logits.items()}


def _row(network: Network, classes: np.ndarray, outcome: ClassOutcome) -> ClassRow:
    n_classes, labels = outcome.task.n_classes, outcome.chosen.shown.labels
    scores = None if labels is None else class_scores(labels, classes, n_classes)
    return ClassRow(network, network.title, class_counts(classes, n_classes), scores)


def _note(outcome: ClassOutcome) -> str:
    """Which images, then every warning."""
    shown, task = outcome.chosen.shown, outcome.task
    first, last = shown.numbers[0], shown.numbers[-1]
    notes = [
        f"{how_many(len(shown.images), 'image')} from {first} to {last}, pixels as they are: "
        f"{task.words}."
    ]
    if shown.grid is not None:
        rows, columns = shown.grid.shape
        tiles = how_many(len(shown.grid.origins), "tile")
        notes.append(
            f"Images of {rows} x {columns} in {tiles} each that overlap by {shown.grid.overlap} "
            "pixels."
        )
    if shown.labels is None:
        notes.append("There are no labels: nothing is scored.")
    return " ".join([*notes, *outcome.notes])
