"""Layers: sizes, firing rates, and where precision goes."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from loihiseg.results.ranges import Amount, Count, Name, Percentile, Positive, Shape, Share, Work


@dataclass(frozen=True)
class LayerRates:
    """Firing rates of one layer.

    "The rate" of a neuron is its own percentile over the samples. `share_in_range` is the share
    of neurons whose rate lies within `low_hz`..`high_hz`, `share_in_range_of_active` the same
    among the neurons that fire in any sample (0 if none does), and `silent_share` the share of
    neurons that never do. `mean_hz` and `percentile_hz` pool all neurons and samples.
    `histogram_counts[k]` neurons have a rate from `histogram_edges_hz[k]` up to, but not
    including, the next edge; the last bin also holds everything above.
    """

    layer: Name
    percentile: Percentile
    n_neurons: Positive
    mean_hz: Amount
    percentile_hz: Amount
    share_in_range: Share
    share_in_range_of_active: Share
    silent_share: Share
    low_hz: Amount
    high_hz: Amount
    histogram_counts: Annotated[tuple[Count, ...], Meta(max_length=1000)]
    histogram_edges_hz: Annotated[tuple[Amount, ...], Meta(max_length=1000)]


@dataclass(frozen=True)
class PooledRates:
    """Rates of all neurons on the chip together.

    ``share_in_range`` is of the neurons that ever fire; ``silent_share`` and ``mean_hz`` of all.
    """

    share_in_range: Share
    silent_share: Share
    mean_hz: Amount


@dataclass(frozen=True)
class BlockUsage:
    """What the blocks of a layer take of a core, at worst; one block per core.

    ``messages`` are messages per step into the layer, expected from rates.
    """

    n_blocks: Positive
    compartments: Count
    in_axons: Count
    out_axon_slots: Count
    synapse_bits: Count
    messages: Amount


@dataclass(frozen=True)
class LayerWork:
    """What was counted of a layer on the chip; totals of a run, energy per image.

    Attributes
    ----------
    neuron_updates, spikes : int
    synaptic_events : int
        Of what arrives at the layer, wherever it was sent: they happen on its cores.
    energy_uj : float
        Of these updates and events on Loihi, per image; an estimate, of which the sum over all
        layers is the network's.
    """

    neuron_updates: Work
    spikes: Work
    synaptic_events: Work
    energy_uj: Amount


@dataclass(frozen=True)
class LayerResults:
    """A layer on the chip: all its neurons on all tiles, padded pixels of these among them.

    Attributes
    ----------
    layer : str
    n_neurons, n_blocks : int
    block_shape : tuple of int
        (rows, columns, channels).
    usage : BlockUsage
    rates : LayerRates
        The mean of the spikes; all else of the float network.
    quantized_error, spiking_error : float
        Root-mean-square error against the float network, relative: of 8-bit weights alone, and of
        the spikes; None where these are not to be right.
    level_match : float or None
        Share of the units at the level they have with 8-bit weights, where there are levels.
    work : LayerWork or None
        None in folders that were written before it was counted by layer.
    """

    layer: Name
    n_neurons: Positive
    n_blocks: Positive
    block_shape: Shape
    usage: BlockUsage
    rates: LayerRates
    quantized_error: Amount
    spiking_error: Amount | None = None
    level_match: Share | None = None
    work: LayerWork | None = None


@dataclass(frozen=True)
class EarlyFirings:
    """What a layer fired outside of the steps in which it may: answers to such tiles are not exact.

    Attributes
    ----------
    layer : str
    spikes : int
        Over all presentations.
    presentations : int
        Tiles that were shown, in any orientation, on which it did.
    """

    layer: Name
    spikes: Positive
    presentations: Positive


@dataclass(frozen=True)
class HostLayer:
    """A layer on the host.

    Attributes
    ----------
    layer : str
    stage : {"before", "after"}
        Before the chip, where pixels become spikes, or behind it.
    macs : int
        Multiply-accumulates of one forward pass.
    activations : int
        Neurons before the chip, which are updated in every step; values of functions behind it,
        which are computed once for an image.
    is_hidden : bool
        Whether it is a hidden layer behind the chip.
    """

    layer: Name
    stage: Literal["before", "after"]
    macs: Count
    activations: Count
    is_hidden: bool = False


@dataclass(frozen=True)
class LayerPrecision:
    """What quantization did to one layer. Its blocks along the channels have a scale each.

    Attributes
    ----------
    layer : str
    n_scales : int
        Blocks along the channels.
    weight_scale_low, weight_scale_high : float
        Smallest and largest factor from float weights to -255..255.
    exponent_low, exponent_high : int
        Smallest and largest exponent of a synapse group; sources of small weights get small ones.
    bits_lost : int
        Most bits shifted out of a group because its exponent cannot go lower.
    zeroed_share : float
        Share of the weights that were not zero and are now.
    signal_to_noise_db : float
        ``10 log10(sum w**2 / sum (w - quantized w)**2)`` over all weights of the layer;
        0 where nothing is lost, as of weights that were integers.
    bias_error_hz : float
        Largest change of a bias, in Hz of an ideal rectified-linear neuron; of binary neurons, of
        bias less threshold, in thousandths of the layer's largest weight.
    threshold_error : float
        Largest relative change of a threshold.
    """

    layer: Name
    n_scales: Positive
    weight_scale_low: Amount
    weight_scale_high: Amount
    exponent_low: int
    exponent_high: int
    bits_lost: Count
    zeroed_share: Share
    signal_to_noise_db: float
    bias_error_hz: Amount
    threshold_error: Amount


@dataclass(frozen=True)
class QuantizedLayer(LayerPrecision):
    """The same, and what it comes to.

    ``quantized_error`` is the root-mean-square error of the layer's activations against the float
    network, relative, with the errors of the layers before it.
    """

    quantized_error: Amount
