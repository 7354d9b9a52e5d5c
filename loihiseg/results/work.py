"""What was counted on the chip, and energies estimated from it."""

import math
from dataclasses import dataclass

from loihiseg.errors import InputError
from loihiseg.results.ranges import Amount, Name, Positive, Sha256, Share, Work


@dataclass(frozen=True)
class ActivityCounts:
    """What happened in a run over `n_images` images; totals of the run, except `macs`.

    Attributes
    ----------
    neuron_updates : neurons times steps, over all images
    synaptic_events : spikes times the synapses each one reaches
    spikes : spikes fired
    messages : spike messages sent along axons, or None if not counted
    inter_chip_messages : those that leave their chip, or None if not counted
    n_steps : simulated steps of all images together (steps per image times `n_images`)
    n_images : images presented
    macs : multiply-accumulates of **one** forward pass of the whole source network, for devices
        that do not spike; None if not known
    activations : neurons and values of functions of one such pass; None if not known
    host_macs : those of the multiply-accumulates that are the host's beside the chip, or None
    host_neurons : neurons that the host updates in every step, before the chip, or None
    host_activations : values of functions that it computes once for an image, behind it, or None

    Raises InputError if a count is negative or not finite, or `n_steps` or `n_images` below 1.
    """

    neuron_updates: Work
    synaptic_events: Work
    spikes: Work
    messages: Work | None
    inter_chip_messages: Work | None
    n_steps: Positive
    n_images: Positive
    macs: Work | None = None
    activations: Work | None = None
    host_macs: Work | None = None
    host_neurons: Work | None = None
    host_activations: Work | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not 0 <= value < math.inf:
                raise InputError(f"{name} = {value}; a count must be finite and at least 0")
        for name in ("n_steps", "n_images"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} = {getattr(self, name)}; it must be at least 1")


@dataclass(frozen=True)
class EnergyEstimate:
    """Estimated energy per image, in uJ; `total_uj_per_image` sums the parts that are not None.

    ``host_uj`` stands beside it, for a device that spikes: what the host takes for its own layers,
    on the device named ``host``. None where that was not counted, or there is no such part.
    """

    device: Name
    total_uj_per_image: Amount
    synaptic_uj: Amount
    neuron_uj: Amount
    message_uj: Amount | None
    static_uj: Amount | None
    label: Name
    source: Name
    host_uj: Amount | None = None
    host: Name | None = None

    @property
    def with_host_uj(self) -> float:
        """Of the device and the host together."""
        return self.total_uj_per_image + (self.host_uj or 0.0)


@dataclass(frozen=True)
class SectionWork:
    """Work of one section, the mean of all; all presentations that a section takes together.

    Attributes
    ----------
    presentations : float
        Tiles that are shown, in all orientations.
    steps : float
        Of all of them together.
    neuron_updates, spikes, synaptic_events : float
    messages : float or None
        None if not counted.
    energy_uj : float
        On Loihi; an estimate.
    chip_s : float
        Seconds of these steps at 1 ms each, one tile after the other.
    emulated_s : float
        Wall time of the emulator and of the networks that it is compared with.
    """

    presentations: Amount
    steps: Amount
    neuron_updates: Work
    spikes: Work
    synaptic_events: Work
    messages: Work | None
    energy_uj: Amount
    chip_s: Amount
    emulated_s: Amount


@dataclass(frozen=True)
class InterChipPoint:
    """Energy of the inter-chip messages if one costs `hop_factor` hops on the mesh."""

    hop_factor: Amount
    energy_per_message_pj: Amount
    uj_per_image: Amount
    label: Name


@dataclass(frozen=True)
class StepScore:
    """Maps that the host would read out at a step, over all tiles by themselves.

    Attributes
    ----------
    step : int
    agreement : float
        Share of the pixels that are called as at the end.
    accuracy, membrane_iou : float or None
        None without truth.
    """

    step: Positive
    agreement: Share
    accuracy: Share | None = None
    membrane_iou: Share | None = None


@dataclass(frozen=True)
class EarlyExit:
    """What it saves to stop presentations once their map has stopped changing.

    Attributes
    ----------
    first_step, changed_pixels : int
        The rule: from which step on, and how many pixels may have changed; -1 for never.
    mean_steps : float
        Per image.
    share_wrong : float
        Of the pixels that count, called otherwise than at the end.
    activity : ActivityCounts
        Of the presentations that ended early.
    energy : EnergyEstimate
        Of the same, on Loihi.
    by_step : tuple of StepScore
        Of whole presentations, as they go on; empty in folders that were written before.
    """

    first_step: Positive
    changed_pixels: int
    mean_steps: Amount
    share_wrong: Share
    activity: ActivityCounts
    energy: EnergyEstimate
    by_step: tuple[StepScore, ...] = ()


@dataclass(frozen=True)
class SpikeDigests:
    """SHA-256 of all spikes, messages and events of the calibration tiles and of the tiles."""

    calibration: Sha256
    tiles: Sha256
