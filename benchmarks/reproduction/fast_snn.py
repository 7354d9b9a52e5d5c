"""One run: a network of levels simulated as Fast-SNN, as it is and tuned. No chip can run it."""

import resource
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.reproduction.results import QUANTIZED, SIGNED, TRAINED, TUNED, UNSIGNED
from loihiseg.cli import read_data
from loihiseg.data.augmentation import sample_crops
from loihiseg.evaluation.metrics import pixel_scores
from loihiseg.evaluation.submission import choose_shift
from loihiseg.files import write_json
from loihiseg.inference import predict_sections, sigmoid
from loihiseg.progress import Reporter
from loihiseg.scoring import score_row


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

    from loihiseg.fast_snn.simulation import predictor as levels_predictor
    from loihiseg.source_network import load_network, predictor

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
        score_of(TRAINED, predictor(start.model), start)
        score_of(QUANTIZED, levels_predictor(lowering, 0), network)
    spiking, tuning = {}, {}
    for name, signed in ((SIGNED, True), (UNSIGNED, False)):
        with reporter.stage(name):
            spiking[name] = _spiking(score_of, name, lowering, job["steps"], signed, network)
        with reporter.stage(TUNED[name]):
            tuned, records = _tuned(lowering, crops, score, job["steps"], signed, reporter)
            tuning[name] = [asdict(one) for one in records]
            spiking[TUNED[name]] = _spiking(
                score_of, TUNED[name], tuned, job["steps"], signed, network
            )
    chip = [layer for layer in lowering.network.layers if not layer.on_host]
    metrics = {
        "stages": score_of.rows,
        "steps": job["steps"],
        "tile": network.tile,
        "levels": [layer.levels for layer in lowering.network.layers],
        "sections": list(test.section_numbers),
        "n_neurons": sum(layer.n_neurons for layer in chip),
        "spiking": spiking,
        "tuning": tuning,
        "data": {"source": stack.source, "sha256": stack.digest, "polarity": stack.polarity},
        "seconds": dict(reporter.seconds),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    write_json(Path(asked.folder) / "metrics.json", metrics)


class _Scores:
    """Rows of scores on the test sections, the shift of the maps chosen on the validation ones."""

    def __init__(self, test, validation, reporter):
        self.test, self.validation, self.reporter = test, validation, reporter
        self.rows, self.shifts = [], {}

    def __call__(self, name, predict, network):
        """Score what a function from pixels to logits makes, by a network's threshold."""
        # As in a deployment, the shift is chosen for the network without spikes.
        if network.source not in self.shifts:
            seen = predict_sections(predict, self.validation.images, network.tile)
            self.shifts[network.source] = choose_shift(self.validation.membrane, seen)
        with self.reporter.bar(name, len(self.test.images)) as advance:
            logits = predict_sections(predict, self.test.images, network.tile, progress=advance)
        shift = self.shifts[network.source]
        truth = self.test.membrane
        self.rows.append(score_row(name, "whole sections", truth, logits, network.threshold, shift))


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


def _spiking(score_of, name, lowering, steps, signed, network):
    """Score the spiking network and return its work per section, on the chip's layers."""
    count = _Counted(lowering, steps, signed)
    score_of(name, count, network)
    n_sections = len(score_of.test.images)
    return {
        "spikes": count.spikes / n_sections,
        "neuron_updates": count.updates / n_sections,
        "tiles": count.tiles / n_sections,
    }


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
