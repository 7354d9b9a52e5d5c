"""Scores and rates of a deployment: every stage on the same pixels."""

from dataclasses import asdict, dataclass, replace
from functools import partial

import numpy as np

from loihiseg import deployment as stages
from loihiseg import source_network
from loihiseg.conversion.codes import RATE
from loihiseg.evaluation.isbi import challenge_scores
from loihiseg.evaluation.metrics import best_threshold, pixel_scores
from loihiseg.evaluation.rates import layer_rates
from loihiseg.evaluation.submission import choose_shift, submitted_scores
from loihiseg.inference import predict_sections, sigmoid


@dataclass(frozen=True, eq=False)
class Inputs:
    """What a deployment works on.

    ``test`` and ``validation`` are stacks, ``tiles`` and ``calibration`` tiles of them;
    ``n_asked`` is how many tiles were asked for, None for whole sections.
    """

    network: source_network.Network
    test: object
    validation: object | None
    tiles: stages.Tiles
    calibration: stages.Tiles | None
    source: str
    polarity: str
    digest: str
    n_asked: int | None = None

    @property
    def shortage(self) -> str:
        """A sentence where there is no room for as many tiles as were asked for, else nothing."""
        there, tile = len(self.tiles.places), self.network.tile
        if self.n_asked is None or there >= self.n_asked:
            return ""
        return (
            f"{self.n_asked} tiles were asked for; {there} of {tile} x {tile} pixels fit side by "
            "side on these sections."
        )


@dataclass(frozen=True, eq=False)
class Scored:
    """Scores of every stage, and the answers they are of.

    Attributes
    ----------
    rows : list of dict
        One per stage, as in ``metrics.json``.
    note : str
        Which pixels were scored.
    threshold : float
    challenge_shift : float
        See ``loihiseg.evaluation.submission``; 0 but for whole sections with validation sections.
    readout : loihiseg.deployment.Readout
    trained, spiking : numpy.ndarray
        (n, rows, columns) probability of membrane.
    quantized_errors, spiking_errors : dict of str to float
        Root-mean-square error of each layer against the float network, relative.
    agreement : float
        Share of the pixels that the spikes call as the network with 8-bit weights does.
    level_matches : dict of str to float
        Share of each layer's units that are at the level they have in the network with 8-bit
        weights; empty where there are no levels.
    """

    rows: list
    note: str
    threshold: float
    challenge_shift: float
    readout: stages.Readout
    trained: np.ndarray
    spiking: np.ndarray
    quantized_errors: dict
    spiking_errors: dict
    agreement: float
    level_matches: dict


def score(inputs, lowering, quantized, calibration, test, settled, reporter, code=RATE) -> Scored:
    """Score the trained network, the 8-bit one, and the spikes.

    Parameters
    ----------
    inputs : Inputs
    lowering : loihiseg.conversion.lowering.Lowering
    quantized : LoweredNetwork
        Of neurons, with the chip's weights.
    calibration, test : list of Presentation
    settled : dict of str to numpy.ndarray
        Activations of the float network on the test tiles.
    reporter : loihiseg.progress.Reporter
    code : loihiseg.conversion.codes.NeuralCode
    """
    network, tile = lowering.network, inputs.network.tile
    predict = source_network.predictor(inputs.network.model)

    def logits_of(activations):
        return stages.readout_logits(lowering.readout, network.outputs, activations, tile)

    tiles = inputs.tiles
    with reporter.bar("trained network", len(inputs.test.images)) as advance:
        sections = predict_sections(predict, inputs.test.images, tile, progress=advance)
    threshold, shift = _validated(inputs, predict, tile)
    readout = stages.Readout()
    if calibration:
        raw = logits_of(stages.spiking_activations(network, calibration, code))
        readout = stages.fit_readout(raw, predict(inputs.calibration.pixels[..., None])[..., 0])
    fired = stages.spiking_activations(network, test, code)
    spiking = tiles.assemble(readout(logits_of(fired)))
    eight_bit = stages.settled_activations(quantized, tiles.pixels)
    quantized_logits = tiles.assemble(logits_of(eight_bit))
    truth = inputs.test.membrane if tiles.grid else tiles.membrane
    size = "whole sections" if tiles.grid else f"{len(truth)} tiles"
    row = partial(score_row, threshold=threshold, shift=shift)
    rows = [row("trained", "whole sections", inputs.test.membrane, sections)]
    trained = sections
    if not tiles.grid:
        trained = predict(tiles.pixels[..., None])[..., 0]
        rows.append(row("trained", size, truth, trained))
    rows.append(row("8-bit weights", size, truth, quantized_logits))
    rows.append(row("8-bit, spiking on chip", size, truth, spiking))
    called = (stages.membrane(logits, threshold) for logits in (spiking, quantized_logits))
    agreement = float(np.mean(np.equal(*called)))
    all_levels = all(layer.levels for layer in network.layers)
    matches = stages.level_matches(network, fired, eight_bit) if all_levels else {}
    # Without held input only the outputs are right in the end.
    shown = settled if code.held else network.outputs
    return Scored(
        rows,
        _scored_note(inputs, tile, code),
        threshold,
        shift,
        readout,
        sigmoid(trained),
        sigmoid(spiking),
        stages.relative_errors(eight_bit, settled),
        stages.relative_errors(fired, {name: settled[name] for name in shown}),
        agreement,
        {name: m for name, m in matches.items() if name in shown},
    )


def _scored_note(inputs, tile, code):
    """Which pixels the scores are of, and what they cannot say."""
    notes = [_pixels_note(inputs, tile), inputs.shortage, *_warnings(inputs, code)]
    return " ".join(note for note in notes if note)


def _warnings(inputs, code):
    """Sections that were trained on, and a threshold or read-out that nothing was there to fit."""
    info, found = inputs.network.info, []
    if info is not None and info.data.digest == inputs.digest:
        trained = set(info.data.split.train_sections) & set(inputs.test.section_numbers)
        if trained:
            found.append(f"{len(trained)} of these sections were trained on: scores flatter.")
    if inputs.validation is None:
        if code.fits_readout:
            found.append("No validation sections beside these: the read-out is not calibrated.")
        if inputs.network.threshold is None:
            found.append("The threshold is 0.5 for want of them.")
    return found


def _pixels_note(inputs, tile):
    if inputs.tiles.grid:
        numbers = inputs.test.section_numbers
        return (
            f"Whole sections {', '.join(map(str, numbers))}, each from "
            f"{len(inputs.tiles.grid.origins)} overlapping tiles of {tile} x {tile} pixels."
        )
    shown = inputs.tiles.places[:8]
    places = ", ".join(f"section {s} at ({y}, {x})" for s, y, x in shown)
    more = len(inputs.tiles.places) - len(shown)
    rest = f" and {more} more" if more else ""
    return (
        f"Tiles of {tile} x {tile} pixels: {places}{rest}. V scores of tiles are of cells cut at "
        "the tiles' borders."
    )


def _validated(inputs, predict, tile):
    """Threshold and shift of the map, what is not known of them chosen on validation sections."""
    threshold, whole = inputs.network.threshold, inputs.tiles.grid is not None
    if inputs.validation is None or (threshold is not None and not whole):
        return 0.5 if threshold is None else threshold, 0.0
    truth = inputs.validation.membrane
    logits = predict_sections(predict, inputs.validation.images, tile)
    if threshold is None:
        threshold = best_threshold(truth, sigmoid(logits))
    return threshold, choose_shift(truth, logits) if whole else 0.0


def score_row(name, pixels, truth, logits, threshold, shift=0.0) -> dict:
    """Scores of logits (n, rows, columns) of membrane, as a row of ``metrics.json``.

    ``challenge`` are the scores of the probability as it is, ``challenge_shifted`` those of the map
    shifted for submission, see ``loihiseg.evaluation.submission``.
    """
    probability = sigmoid(logits)
    # A tile without a cell has no regions to find.
    scored = [i for i in range(len(truth)) if not truth[i].all()]
    own = asdict(challenge_scores(~truth[scored], 1.0 - probability[scored]))
    shifted = asdict(submitted_scores(truth[scored], logits[scored], shift)) if shift else own
    return {
        "name": name,
        "pixels": pixels,
        "pixel": asdict(pixel_scores(truth, probability > threshold)),
        "challenge": own,
        "challenge_shifted": shifted,
    }


def settled_rates(inputs, network, settled, code=RATE):
    """Firing rates of every layer over the test tiles, as `LayerRates`, neuron by neuron.

    ``settled`` are the activations of the float network on ``inputs.tiles``, by layer. Binary
    neurons fire in every step or in none: their rate is the mean over the tiles.
    """
    target = {}
    if inputs.network.info is not None:
        wanted = inputs.network.info.config.network.rates
        target = {
            "percentile": wanted.percentile,
            "low_hz": wanted.low_hz,
            "high_hz": wanted.high_hz,
        }

    def rates_hz(layer):
        rates = 1000 * code.spikes_per_step(layer, settled[layer.name])
        if layer.levels:
            rates = rates.mean(axis=0, keepdims=True)
        return rates.reshape(len(rates), -1)

    return tuple(layer_rates(layer.name, rates_hz(layer), **target) for layer in network.layers)


def layer_rows(network, tiling, rates, scored, test) -> list:
    """One dict per on-chip layer: size, cores, rates, errors. Mean rates are of the spikes."""
    usage = {row.layer: asdict(row) for row in tiling.usage}
    found = []
    rate_of = {rate.layer: rate for rate in rates}
    for layer in network.chip_layers:
        rate = rate_of[layer.name]
        fired_hz = np.mean([one.rates_hz(layer.name).mean() for one in test])
        measured = asdict(replace(rate, mean_hz=float(fired_hz)))
        found.append(
            {
                "layer": layer.name,
                "n_neurons": layer.n_neurons,
                "n_blocks": usage[layer.name]["n_blocks"],
                "block_shape": list(usage[layer.name]["shape"]),
                "usage": {
                    k: v for k, v in usage[layer.name].items() if k not in ("layer", "shape")
                },
                "rates": measured,
                "quantized_error": scored.quantized_errors[layer.name],
                "spiking_error": scored.spiking_errors.get(layer.name),
                "level_match": scored.level_matches.get(layer.name),
            }
        )
    return found


def pooled_rates(rows: list) -> dict[str, float]:
    """Rates of all neurons on the chip together, from what `layer_rows` returned.

    ``share_in_range`` is of the neurons that ever fire; ``silent_share`` and ``mean_hz`` of all.
    """
    neurons = np.array([row["n_neurons"] for row in rows], float)
    silent, in_range, mean_hz = (
        np.array([row["rates"][key] for row in rows])
        for key in ("silent_share", "share_in_range_of_active", "mean_hz")
    )
    active = neurons * (1 - silent)
    return {
        "share_in_range": float(in_range @ active / max(active.sum(), 1.0)),
        "silent_share": float(1 - active.sum() / neurons.sum()),
        "mean_hz": float(mean_hz @ neurons / neurons.sum()),
    }
