"""Scores and rates of a deployment: every stage on the same pixels."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from loihiseg.results import (
    BlockUsage,
    LayerRates,
    LayerResults,
    Network,
    PooledRates,
    ScoreRow,
)


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
    rows : tuple of ScoreRow
        One per network and pixels.
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

    rows: tuple[ScoreRow, ...]
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
    whole = tiles.grid is not None
    truth = inputs.test.membrane if whole else tiles.membrane
    row = partial(score_row, threshold=threshold, shift=shift)
    rows = [row(Network.TRAINED, inputs.test.membrane, sections, whole_sections=True)]
    trained = sections
    if not whole:
        trained = predict(tiles.pixels[..., None])[..., 0]
        rows.append(row(Network.TRAINED, truth, trained, whole_sections=False))
    rows.append(row(Network.EIGHT_BIT, truth, quantized_logits, whole_sections=whole))
    rows.append(row(Network.EMULATED, truth, spiking, whole_sections=whole))
    called = (stages.membrane(logits, threshold) for logits in (spiking, quantized_logits))
    agreement = float(np.mean(np.equal(*called)))
    all_levels = all(layer.levels for layer in network.layers)
    matches = stages.level_matches(network, fired, eight_bit) if all_levels else {}
    # Without held input only the outputs are right in the end.
    shown = settled if code.held else network.outputs
    return Scored(
        tuple(rows),
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


def score_row(
    network: Network,
    truth: np.ndarray,
    logits: np.ndarray,
    threshold: float,
    shift: float = 0.0,
    *,
    whole_sections: bool,
    name: str | None = None,
) -> ScoreRow:
    """Scores of a network's logits of membrane.

    Parameters
    ----------
    network : Network
    truth : numpy.ndarray
        bool, (n, rows, columns).
    logits : numpy.ndarray
        The same shape.
    threshold : float
        Probability above which a pixel is called membrane.
    shift : float
        See ``loihiseg.evaluation.submission``; 0 for none.
    whole_sections : bool
        Whether they are whole sections, or tiles.
    name : str, optional
        The network in words; its title by default.

    Returns
    -------
    ScoreRow
    """
    probability = sigmoid(logits)
    # A tile without a cell has no regions to find.
    scored = [i for i in range(len(truth)) if not truth[i].all()]
    own = challenge_scores(~truth[scored], 1.0 - probability[scored])
    shifted = submitted_scores(truth[scored], logits[scored], shift) if shift else own
    return ScoreRow(
        network=network,
        whole_sections=whole_sections,
        name=name or network.title,
        pixels="whole sections" if whole_sections else f"{len(truth)} tiles",
        pixel=pixel_scores(truth, probability > threshold),
        challenge=own,
        challenge_shifted=shifted,
    )


def settled_rates(inputs, network, settled, code=RATE) -> tuple[LayerRates, ...]:
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


def layer_results(network, tiling, rates, scored, test) -> tuple[LayerResults, ...]:
    """Every layer on the chip: size, cores, rates, errors. Mean rates are of the spikes."""
    usage = {row.layer: row for row in tiling.usage}
    rate_of = {rate.layer: rate for rate in rates}
    found = []
    for layer in network.chip_layers:
        own = usage[layer.name]
        fired_hz = np.mean([one.rates_hz(layer.name).mean() for one in test])
        found.append(
            LayerResults(
                layer=layer.name,
                n_neurons=layer.n_neurons,
                n_blocks=own.n_blocks,
                block_shape=tuple(own.shape),
                usage=BlockUsage(
                    own.n_blocks, own.compartments, own.in_axons, own.out_axon_slots,
                    own.synapse_bits, own.messages,
                ),
                rates=replace(rate_of[layer.name], mean_hz=float(fired_hz)),
                quantized_error=scored.quantized_errors[layer.name],
                spiking_error=scored.spiking_errors.get(layer.name),
                level_match=scored.level_matches.get(layer.name),
            )
        )  # fmt: skip
    return tuple(found)


def pooled_rates(layers: Sequence[LayerResults]) -> PooledRates:
    """Rates of all neurons on the chip together."""
    neurons = np.array([layer.n_neurons for layer in layers], float)
    silent = np.array([layer.rates.silent_share for layer in layers])
    in_range = np.array([layer.rates.share_in_range_of_active for layer in layers])
    mean_hz = np.array([layer.rates.mean_hz for layer in layers])
    active = neurons * (1 - silent)
    return PooledRates(
        share_in_range=float(in_range @ active / max(active.sum(), 1.0)),
        silent_share=float(1 - active.sum() / neurons.sum()),
        mean_hz=float(mean_hz @ neurons / neurons.sum()),
    )
