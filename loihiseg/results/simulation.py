"""A network simulated without a chip, as a published method makes it spike."""

from dataclasses import dataclass

from loihiseg.results.ranges import Amount, Count, Name, Positive, Share, Work
from loihiseg.results.run import DataSource
from loihiseg.results.scores import Network, ScoreRow


@dataclass(frozen=True)
class SimulatedWork:
    """Work per section of the layers that would be on the chip."""

    spikes: Work
    neuron_updates: Work
    tiles: Work


@dataclass(frozen=True)
class TunedLayer:
    """What tuning did to one layer.

    Attributes
    ----------
    layer : str
    error_before, error_after : float
        Mean squared difference between what the spiking layer sends and what the quantized one
        gives, in units of its scale.
    score_before, score_after : float
        Of the whole spiking network on the crops.
    kept : bool
        Whether the score rose; else the layer is as before.
    """

    layer: Name
    error_before: Amount
    error_after: Amount
    score_before: float
    score_after: float
    kept: bool


@dataclass(frozen=True)
class SimulatedRun:
    """Work of one of several spiking networks, after some of several numbers of steps.

    Attributes
    ----------
    name : str
        Of its row of scores.
    steps : int
    work : SimulatedWork
    """

    name: Name
    steps: Positive
    work: SimulatedWork


@dataclass(frozen=True)
class TriedQuantiles:
    """Quantiles of activations that were tried for thresholds, and what came of them.

    Attributes
    ----------
    quantiles : dict of str to float
        By the layers that have it: their resolution, or their name.
    error : float
        Mean squared distance of logits from those of the float network, on calibration crops.
    searched : bool
        Whether an optimizer proposed them; else they are one fixed value everywhere.
    membrane_iou : float
        On the calibration crops.
    validation_iou : float or None
        On the validation sections, where they were tried there.
    disagreement : float or None
        1 - IoU of what this and the float network call membrane, on the calibration crops: what a
        search makes least. Searches that went by ``error`` alone do not have it.
    """

    quantiles: dict[Name, Share]
    error: Amount
    searched: bool
    membrane_iou: Share
    validation_iou: Share | None = None
    disagreement: Share | None = None


@dataclass(frozen=True)
class SimulationResults:
    """What a simulation came to.

    Attributes
    ----------
    score_rows : tuple of ScoreRow
        On whole sections.
    steps : int
        Of a presentation.
    tile : int
        Side in pixels.
    levels : tuple of int
        By layer; 0 for activations without.
    sections : tuple of int
    n_neurons : int
        That would be on the chip.
    spiking : dict of Network to SimulatedWork
    tuning : dict of Network to tuple of TunedLayer
        By the network before it was tuned; none where nothing was tuned.
    data : DataSource
    seconds : dict of str to float
    peak_memory_mb : float
        MiB.
    method : str
        As ``--method``. The first simulations, which do not say theirs, were of Fast-SNN.
    runs : tuple of SimulatedRun
        Where several networks, or numbers of steps, are of one kind; ``steps`` is the largest.
    tried : tuple of TriedQuantiles
        In the order in which they were; none where nothing was searched.
    """

    score_rows: tuple[ScoreRow, ...]
    steps: Positive
    tile: Positive
    levels: tuple[Count, ...]
    sections: tuple[Count, ...]
    n_neurons: Count
    spiking: dict[Network, SimulatedWork]
    tuning: dict[Network, tuple[TunedLayer, ...]]
    data: DataSource
    seconds: dict[str, Amount]
    peak_memory_mb: Amount
    method: Name = "fast-snn"
    runs: tuple[SimulatedRun, ...] = ()
    tried: tuple[TriedQuantiles, ...] = ()
