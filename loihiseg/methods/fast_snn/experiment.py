"""A network of levels simulated as Fast-SNN on whole sections, as it is and tuned."""

from collections.abc import Callable
from functools import partial

import numpy as np

from loihiseg.compilation.source import Network as TrainedNetwork
from loihiseg.compilation.source import predictor
from loihiseg.conversion.lowering import Lowering, lower
from loihiseg.data.augmentation import sample_crops
from loihiseg.errors import InputError
from loihiseg.methods.fast_snn.finetuning import fine_tune
from loihiseg.methods.fast_snn.method import NAME, Settings
from loihiseg.methods.fast_snn.quantized import check_levels, neurons_of, quantized_predictor
from loihiseg.methods.scores import Scores
from loihiseg.methods.task import Task, trained
from loihiseg.metrics.known import counted
from loihiseg.metrics.pixels import pixel_scores
from loihiseg.network.logits import membrane
from loihiseg.network.unet import round_weights
from loihiseg.progress import Reporter
from loihiseg.provenance import peak_memory_mb
from loihiseg.results import Network, SimulatedWork, SimulationResults, TunedLayer

_SPIKING = (
    (Network.SIGNED, Network.SIGNED_TUNED, True),
    (Network.UNSIGNED, Network.UNSIGNED_TUNED, False),
)
"""As it is, tuned, and whether spikes are signed."""

Score = Callable[[np.ndarray], float]
"""From the logits of all crops to a number that is to rise."""


def run(task: Task, settings: Settings, reporter: Reporter) -> SimulationResults:
    """Score the network, the quantized one, and spiking ones of signed and unsigned neurons.

    As of `loihiseg.methods.method.Method.run`.
    """
    lowering = _eight_bit(task.network)
    chip = lowering.network.chip_layers
    steps = settings.steps or max(layer.levels for layer in chip)
    scores = Scores(task, reporter)
    spiking: dict[Network, SimulatedWork] = {}
    tuning: dict[Network, tuple[TunedLayer, ...]] = {}
    with reporter.part("networks"):
        if task.start is not None:
            scores.add(Network.TRAINED, predictor(task.start.model), task.start)
        scores.add(Network.QUANTIZED, quantized_predictor(lowering), task.network)
    for plain, tuned_as, signed in _SPIKING:
        neurons = neurons_of(lowering.network, signed)
        add = partial(scores.add_spiking, steps=steps, neurons=neurons, network=task.network)
        with reporter.part(plain.title):
            spiking[plain] = add(plain, lowering)
        if settings.crops:
            with reporter.part(tuned_as.title):
                tuned, tuning[plain] = _tuned(task, settings, lowering, steps, signed, reporter)
                spiking[tuned_as] = add(tuned_as, tuned)
    return SimulationResults(
        score_rows=tuple(scores.rows),
        steps=steps,
        tile=task.network.tile,
        levels=tuple(layer.levels for layer in lowering.network.layers),
        sections=tuple(task.test.section_numbers),
        n_neurons=lowering.network.n_chip_neurons,
        spiking=spiking,
        tuning=tuning,
        data=task.data,
        seconds=dict(reporter.seconds),
        peak_memory_mb=peak_memory_mb(),
        method=NAME,
    )


def _eight_bit(network: TrainedNetwork) -> Lowering:
    """The network lowered, with weights of 8 bits as in its last stage."""
    info = trained(network)
    if info is None:
        raise InputError(
            f"{network.source}: is a Keras model, which does not say how its weights are rounded; "
            "give a checkpoint folder of loihiseg.train"
        )
    round_weights(info.config.network, network.model)
    lowering = lower(network.model)
    check_levels(lowering.network)
    return lowering


def _tuned(
    task: Task,
    settings: Settings,
    lowering: Lowering,
    steps: int,
    signed: bool,
    reporter: Reporter,
) -> tuple[Lowering, tuple[TunedLayer, ...]]:
    crops, score = _to_tune_on(task, settings.crops)
    with reporter.bar("tune", len(lowering.network.layers) - 1) as advance:
        return fine_tune(lowering, crops, score, steps, signed, on_layer=lambda record: advance())


def _to_tune_on(task: Task, n_crops: int) -> tuple[np.ndarray, Score]:
    """Crops, (n, tile, tile, 1), and the membrane IoU of logits on them."""
    rng = np.random.default_rng(task.seed)
    tile, threshold = task.network.tile, task.network.threshold
    assert threshold is not None  # A checkpoint has one.
    pixels, labels, crops_known = sample_crops(task.training, tile, n_crops, rng, augment=False)
    known = None if crops_known is None else crops_known[..., 0]
    truth = counted(known, labels[..., 0] > 0.5)

    def score(logits: np.ndarray) -> float:
        called = membrane(logits[..., 0], threshold)
        return pixel_scores(truth, counted(known, called)).membrane_iou

    return pixels, score
