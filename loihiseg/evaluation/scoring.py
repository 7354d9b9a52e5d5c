"""Scores of a deployment's maps against the truth, and its layers in numbers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.errors import InputError
from loihiseg.evaluation.comparison import LayerFiring
from loihiseg.metrics.isbi import challenge_scores
from loihiseg.metrics.known import closed, counted
from loihiseg.metrics.pixels import best_threshold, probability_scores
from loihiseg.metrics.rates import layer_rates
from loihiseg.network.logits import sigmoid
from loihiseg.results import (
    BlockUsage,
    LayerRates,
    LayerResults,
    LayerWork,
    Network,
    PooledRates,
    ScoreRow,
)


def score_row(
    network: Network,
    truth: np.ndarray,
    logits: np.ndarray,
    threshold: float,
    *,
    whole_sections: bool,
    name: str | None = None,
    known: np.ndarray | None = None,
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
    whole_sections : bool
        Whether they are whole sections, or tiles.
    name : str, optional
        The network in words; its title by default.
    known : numpy.ndarray, optional
        bool, the same shape: which pixels count, see ``loihiseg.metrics.known``; all by default.

    Returns
    -------
    ScoreRow
    """
    return probability_row(
        network,
        truth,
        sigmoid(logits),
        threshold,
        whole_sections=whole_sections,
        name=name,
        known=known,
    )


def probability_row(
    network: Network,
    truth: np.ndarray,
    probability: np.ndarray,
    threshold: float,
    *,
    whole_sections: bool,
    name: str | None = None,
    known: np.ndarray | None = None,
) -> ScoreRow:
    """Scores of a network's probability of membrane; see `score_row`."""
    check_cells(truth, known)
    most = 255 if probability.dtype == np.uint8 else 1
    cells, proposal = closed(known, truth, probability, most)
    scored = _with_cells(cells)
    if len(scored) < len(cells):
        cells, proposal = cells[scored], proposal[scored]
    return ScoreRow(
        network=network,
        whole_sections=whole_sections,
        name=name or network.title,
        pixels="whole sections" if whole_sections else f"{len(truth)} tiles",
        pixel=probability_scores(counted(known, truth), counted(known, probability), threshold),
        challenge=challenge_scores(cells, proposal, "membrane"),
    )


def check_cells(truth: np.ndarray, known: np.ndarray | None = None) -> None:
    """Refuse labels without a cell: the scores of regions would be undefined.

    Parameters
    ----------
    truth : numpy.ndarray
        bool, (n, rows, columns), True for membrane.
    known : numpy.ndarray, optional
        bool, the same shape: which pixels count.

    Raises
    ------
    InputError
    """
    if counted(known, truth).all():
        raise InputError(
            f"truth: all of {len(truth)} sections or tiles is membrane, expected a cell in one at "
            "least; check which of the labels is membrane, choose others, or leave labels out"
        )


def _with_cells(truth: np.ndarray) -> list[int]:
    """Numbers of the images with a cell; in others there are no regions to find."""
    return [i for i in range(len(truth)) if not truth[i].all()]


def chosen_threshold(
    truth: np.ndarray, logits: np.ndarray, known: np.ndarray | None = None
) -> float:
    """Threshold on the probability with which most pixels of validation sections are right."""
    return best_threshold(counted(known, truth), sigmoid(counted(known, logits)))


def firing_rates(deployed: DeployedNetwork, firing: LayerFiring) -> tuple[LayerRates, ...]:
    """Firing rates of every layer, neuron by neuron, against what the network was trained for."""
    target, wanted = {}, deployed.rate_target
    if wanted is not None:
        target = {
            "percentile": wanted.percentile,
            "low_hz": wanted.low_hz,
            "high_hz": wanted.high_hz,
        }
    return tuple(
        layer_rates(layer.name, firing.rates_hz(layer.name), **target)
        for layer in deployed.network.layers
    )


def layer_results(
    deployed: DeployedNetwork,
    rates: Iterable[LayerRates],
    mean_hz: Mapping[str, float],
    quantized_errors: Mapping[str, float],
    spiking_errors: Mapping[str, float],
    level_matches: Mapping[str, float],
    work: Mapping[str, LayerWork],
) -> tuple[LayerResults, ...]:
    """Every layer on the chip: size, cores, rates, errors.

    Parameters
    ----------
    deployed : DeployedNetwork
    rates : iterable of LayerRates
        Of the float network.
    mean_hz : mapping of str to float
        Of the spikes, by layer.
    quantized_errors, spiking_errors, level_matches : mapping of str to float
        By layer, see `LayerResults`; what is not known is left out.
    work : mapping of str to LayerWork
        By layer.
    """
    usage, of_whom = {row.layer: row for row in deployed.blocks}, shown_activations(deployed)
    rate_of = {rate.layer: rate for rate in rates}
    found = []
    for layer in deployed.neurons.chip_layers:
        own, shown = usage[layer.name], of_whom[layer.name]
        rows, columns, channels = own.shape
        found.append(
            LayerResults(
                layer=layer.name,
                n_neurons=layer.n_neurons,
                n_blocks=own.n_blocks,
                block_shape=(rows, columns, channels),
                usage=BlockUsage(
                    own.n_blocks, own.compartments, own.in_axons, own.out_axon_slots,
                    own.synapse_bits, own.messages,
                ),
                rates=replace(
                    rate_of[shown], layer=layer.name, mean_hz=mean_hz[layer.name]
                ),
                quantized_error=quantized_errors[shown],
                spiking_error=spiking_errors.get(layer.name),
                level_match=level_matches.get(layer.name),
                work=work[layer.name],
            )
        )  # fmt: skip
    return tuple(found)


def shown_activations(deployed: DeployedNetwork) -> dict[str, str]:
    """Name of the activation that each layer on the chip shows: its own, or what a relay repeats.

    See `loihiseg.codes.ramp.relays`.
    """
    own = {layer.name for layer in deployed.network.layers}
    return {
        layer.name: layer.name
        if layer.name in own
        else next(term.source for term in layer.terms if not term.clock)
        for layer in deployed.neurons.chip_layers
    }


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
