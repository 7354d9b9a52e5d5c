"""A network simulated without a chip, as a published method makes it spike."""

from dataclasses import dataclass

from loihiseg.results.ranges import Amount, Count, Name, Positive, Work
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
