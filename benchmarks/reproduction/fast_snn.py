"""One run: a network of levels simulated as Fast-SNN, as it is and tuned. No chip can run it."""

from pathlib import Path

import numpy as np

from loihiseg.cli import read_data
from loihiseg.conversion.logits import sigmoid
from loihiseg.data.augmentation import sample_crops
from loihiseg.data.tiles import predict_sections
from loihiseg.evaluation.metrics import pixel_scores
from loihiseg.evaluation.scoring import score_row
from loihiseg.evaluation.submission import choose_shift
from loihiseg.progress import Reporter
from loihiseg.provenance import peak_memory_mb
from loihiseg.report.run_folder import write_results
from loihiseg.results import DataSource, Network, SimulatedWork, SimulationResults

_SPIKING = (
    (Network.SIGNED, Network.SIGNED_TUNED, True),
    (Network.UNSIGNED, Network.UNSIGNED_TUNED, False),
)
"""As it is, tuned, and whether spikes are signed."""


def simulate_levels(asked, job):
    """Score the networks of a job on whole test sections and write ``metrics.json``.

    Parameters
    ----------
    asked : Namespace
        As from ``runs.asked_of``.
    job : dict
        As from ``runs.job_of``.
    """
    import loihiseg.frameworks  # noqa: F401
    from loihiseg.frameworks import tf

    from loihiseg.compilation.source import load_network, predictor
    from loihiseg.fast_snn.simulation import predictor as levels_predictor

    # Every layer and every tuning is a function of its own.
    tf.get_logger().setLevel("ERROR")
    reporter, stack = Reporter(), read_data(asked)
    network, start = load_network(asked.checkpoint), load_network(asked.start)
    split = network.info.data.split
    training = stack.select(split.train_sections)
    validation, test = (stack.select(range(*part)) for part in (split.validation, split.test))
    lowering = _eight_bit(network)
    crops, score = _to_tune_on(training, network, job)
    score_of = _Scores(test, validation, reporter)
    with reporter.stage("networks"):
        score_of(Network.TRAINED, predictor(start.model), start)
        score_of(Network.QUANTIZED, levels_predictor(lowering, 0), network)
    spiking, tuning = {}, {}
    for plain, tuned_as, signed in _SPIKING:
        with reporter.stage(plain.title):
            spiking[plain] = _spiking(score_of, plain, lowering, job["steps"], signed, network)
        with reporter.stage(tuned_as.title):
            tuned, tuning[plain] = _tuned(lowering, crops, score, job["steps"], signed, reporter)
            spiking[tuned_as] = _spiking(score_of, tuned_as, tuned, job["steps"], signed, network)
    chip = [layer for layer in lowering.network.layers if not layer.on_host]
    results = SimulationResults(
        stages=tuple(score_of.rows),
        steps=job["steps"],
        tile=network.tile,
        levels=tuple(layer.levels for layer in lowering.network.layers),
        sections=tuple(test.section_numbers),
        n_neurons=sum(layer.n_neurons for layer in chip),
        spiking=spiking,
        tuning=tuning,
        data=DataSource(stack.source, stack.digest, stack.polarity),
        seconds=dict(reporter.seconds),
        peak_memory_mb=peak_memory_mb(),
    )
    write_results(Path(asked.folder), results)


class _Scores:
    """Rows of scores on the test sections, the shift of the maps chosen on the validation ones."""

    def __init__(self, test, validation, reporter):
        self.test, self.validation, self.reporter = test, validation, reporter
        self.rows, self.shifts = [], {}

    def __call__(self, shown, predict, network):
        """Score what a function from pixels to logits makes, by a network's threshold."""
        # As in a deployment, the shift is chosen for the network without spikes.
        if network.source not in self.shifts:
            seen = predict_sections(predict, self.validation.images, network.tile)
            self.shifts[network.source] = choose_shift(self.validation.membrane, seen)
        with self.reporter.bar(shown.title, len(self.test.images)) as advance:
            logits = predict_sections(predict, self.test.images, network.tile, progress=advance)
        shift = self.shifts[network.source]
        row = score_row(
            shown, self.test.membrane, logits, network.threshold, shift, whole_sections=True
        )
        self.rows.append(row)


def _eight_bit(network):
    """The network lowered, with weights of 8 bits as in its last stage."""
    from loihiseg.conversion.lowering import lower
    from loihiseg.network.unet import round_weights

    round_weights(network.info.config.network, network.model)
    return lower(network.model)


def _to_tune_on(training, network, job):
    """Crops of the training sections, and the membrane IoU of logits on them."""
    rng = np.random.default_rng(network.info.config.seed)
    pixels, membrane = sample_crops(training, network.tile, job["crops"], rng, augment=False)
    truth = membrane[..., 0] > 0.5

    def score(logits):
        called = sigmoid(logits[..., 0]) > network.threshold
        return pixel_scores(truth, called).membrane_iou

    return pixels, score


def _tuned(lowering, crops, score, steps, signed, reporter):
    from loihiseg.fast_snn.finetuning import fine_tune

    with reporter.bar("tune", len(lowering.network.layers) - 1) as advance:
        return fine_tune(lowering, crops, score, steps, signed, on_layer=lambda record: advance())


def _spiking(score_of, shown, lowering, steps, signed, network) -> SimulatedWork:
    """Score the spiking network and return its work per section, on the chip's layers."""
    count = _Counted(lowering, steps, signed)
    score_of(shown, count, network)
    n_sections = len(score_of.test.images)
    return SimulatedWork(
        spikes=count.spikes / n_sections,
        neuron_updates=count.updates / n_sections,
        tiles=count.tiles / n_sections,
    )


class _Counted:
    """A function from pixels to logits that counts what the layers on the chip do."""

    def __init__(self, lowering, steps, signed):
        self.lowering, self.steps, self.signed = lowering, steps, signed
        self.spikes = self.updates = self.tiles = 0

    def __call__(self, pixels):
        """Logits of tiles, (n, tile, tile, 1)."""
        from loihiseg.fast_snn.simulation import simulate

        network = self.lowering.network
        runs = simulate(network, pixels, self.steps, self.signed)
        self.tiles += len(pixels)
        for layer in network.layers:
            if not layer.on_host:
                run = runs[layer.name]
                self.spikes += run.positive + run.negative
                self.updates += layer.n_neurons * self.steps * len(pixels)
        return np.asarray(self.lowering.readout([runs[n].activation for n in network.outputs]))
