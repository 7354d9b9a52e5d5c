"""Energy estimates: counted activity times published constants. Nothing here is measured."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from loihiseg.errors import InputError
from loihiseg.results.layers import LayerWork
from loihiseg.results.work import ActivityCounts, EnergyEstimate, InterChipPoint, SectionWork

PJ_PER_UJ = 1e6
PJ_PER_NJ = 1e3

STEP_S = 1e-3
"""A step of the chip."""

ESTIMATE_LABEL = "estimate: counts x published constants"
SWEEP_LABEL = "swept parameter: no value for an inter-chip spike is published"

_DAVIES = (
    'M. Davies et al. (2018), "Loihi: a neuromorphic manycore processor with on-chip learning", '
    "IEEE Micro 38(1), Table 2 (pre-silicon, 0.75 V)"
)
_KERAS_SPIKING = "KerasSpiking 0.3.0, ModelEnergy.devices"

# Davies et al. (2018), Table 2.
SYNAPTIC_EVENT_PJ = 23.6  # stated as the minimum
NEURON_UPDATE_ACTIVE_PJ = 81.0
NEURON_UPDATE_INACTIVE_PJ = 52.0
SPIKE_WITHIN_TILE_PJ = 1.7
HOP_EAST_WEST_PJ = 3.0
HOP_NORTH_SOUTH_PJ = 4.0

# E. P. Frady et al. (2020), "Neuromorphic nearest neighbor search using Intel's Pohoiki Springs",
# NICE: 3.34 W of static power for 32 chips; the voltage is not stated.
STATIC_MW_PER_CHIP = 104.0
_STATIC = "static power: E. P. Frady et al. (2020), NICE, Pohoiki Springs, 3.34 W / 32 chips"

# From a ten-fold to a thousand-fold hop: wide enough that a conclusion which holds at both ends
# does not rest on the unknown value.
INTER_CHIP_FACTORS = (10.0, 30.0, 100.0, 300.0, 1000.0)


@dataclass(frozen=True)
class DeviceCosts:
    """Energy constants of a device, in pJ, and where they were published.

    A device that does not spike evaluates the source network once per image: a "synaptic event"
    is then one MAC and a "neuron update" one activation. None means: not published, left out.
    """

    name: str
    source: str
    energy_per_synaptic_event_pj: float
    energy_per_neuron_update_pj: float
    spiking: bool
    energy_per_message_pj: float | None = None
    static_mw_per_chip: float | None = None


# KerasSpiking takes 23.6 + 3.5 pJ for a synaptic event: the operation and a mean hop.
LOIHI = DeviceCosts("loihi", f"{_KERAS_SPIKING}; after {_DAVIES}", 27.1, 81.0, spiking=True)
SPINNAKER = DeviceCosts(
    "spinnaker", _KERAS_SPIKING, 13.3 * PJ_PER_NJ, 26.0 * PJ_PER_NJ, spiking=True
)
SPINNAKER2 = DeviceCosts("spinnaker2", _KERAS_SPIKING, 450.0, 2.19 * PJ_PER_NJ, spiking=True)
CPU = DeviceCosts(
    "cpu", f"{_KERAS_SPIKING} (Intel i7-4960X)", 8.6 * PJ_PER_NJ, 8.6 * PJ_PER_NJ, spiking=False
)
GPU = DeviceCosts(
    "gpu",
    f"{_KERAS_SPIKING} (Nvidia GTX Titan Black, full batches)",
    0.3 * PJ_PER_NJ,
    0.3 * PJ_PER_NJ,
    spiking=False,
)
ARM = DeviceCosts(
    "arm", f"{_KERAS_SPIKING} (ARM Cortex-A)", 0.9 * PJ_PER_NJ, 0.9 * PJ_PER_NJ, spiking=False
)

# What an 8-bit accelerator of today takes for a multiply-accumulate, with all that feeds it: at its
# best, and where a fifth of it is in use. Idle power and the way of the pixels are not in it.
_ACCELERATOR = "Google Coral, Edge TPU data sheet: 4 TOPS at 2 W, two operations each"
ACCELERATOR_BEST = DeviceCosts(
    "8-bit accelerator, 1 pJ per MAC", _ACCELERATOR, 1.0, 0.0, spiking=False
)
ACCELERATOR_USUAL = DeviceCosts(
    "8-bit accelerator, 5 pJ per MAC", f"{_ACCELERATOR}; a fifth in use", 5.0, 0.0, spiking=False
)
ACCELERATORS = (ACCELERATOR_BEST, ACCELERATOR_USUAL)

# Davies 2018 itself. The table does not say which updates count as inactive, so the two are
# bounds: every update active, or none. A message costs at least its way within one tile.
LOIHI_DAVIES_ACTIVE = DeviceCosts(
    "loihi, all neurons active",
    f"{_DAVIES}; {_STATIC}",
    SYNAPTIC_EVENT_PJ,
    NEURON_UPDATE_ACTIVE_PJ,
    spiking=True,
    energy_per_message_pj=SPIKE_WITHIN_TILE_PJ,
    static_mw_per_chip=STATIC_MW_PER_CHIP,
)
LOIHI_DAVIES_INACTIVE = DeviceCosts(
    "loihi, all neurons inactive",
    f"{_DAVIES}; {_STATIC}",
    SYNAPTIC_EVENT_PJ,
    NEURON_UPDATE_INACTIVE_PJ,
    spiking=True,
    energy_per_message_pj=SPIKE_WITHIN_TILE_PJ,
    static_mw_per_chip=STATIC_MW_PER_CHIP,
)

DEVICES = (
    LOIHI_DAVIES_ACTIVE, LOIHI_DAVIES_INACTIVE, LOIHI, CPU, GPU, ARM, SPINNAKER, SPINNAKER2,
    *ACCELERATORS,
)  # fmt: skip


def estimate_energy(
    counts: ActivityCounts,
    costs: DeviceCosts,
    n_chips: int | None = None,
    step_us: float | None = None,
    host: DeviceCosts = CPU,
) -> EnergyEstimate:
    """Energy per image on a device: counts times published constants.

    Parameters
    ----------
    counts : ActivityCounts
        Activity of a run.
    costs : DeviceCosts
        One of `DEVICES`, or your own.
    n_chips, step_us : int and float, optional
        Chips in use and duration of a step in microseconds: for the static part of a spiking
        device whose static power is published.
    host : DeviceCosts
        Of what computes the layers that are not on a spiking device.

    Returns
    -------
    EnergyEstimate
        In uJ per image.

    Raises
    ------
    InputError
        If a device that does not spike is asked for and `counts.macs` is None, or `n_chips` is
        below 1, or `step_us` is not above 0.

    Notes
    -----
    Spiking devices are counted by their events, others by one forward pass per image of the whole
    network. What the host has to compute beside a spiking device is no part of the total, which
    stays comparable with published ones: it stands beside it, see `EnergyEstimate`. Input, output
    and inter-chip traffic are not included; see `inter_chip_sweep`.
    """
    if n_chips is not None and n_chips < 1:
        raise InputError(f"n_chips = {n_chips}; it must be at least 1")
    if step_us is not None and not 0 < step_us < math.inf:
        raise InputError(f"step_us = {step_us}; the duration of a step must be above 0")

    if costs.spiking:
        parts = _spiking_parts(counts, costs, n_chips, step_us)
    else:
        parts = *_forward_pass_parts(counts, costs), None, None
    synaptic_uj, neuron_uj, message_uj, static_uj = parts
    return EnergyEstimate(
        device=costs.name,
        total_uj_per_image=float(sum(part for part in parts if part is not None)),
        synaptic_uj=float(synaptic_uj),
        neuron_uj=float(neuron_uj),
        message_uj=None if message_uj is None else float(message_uj),
        static_uj=None if static_uj is None else float(static_uj),
        label=ESTIMATE_LABEL,
        source=costs.source,
        **_host_part(counts, host if costs.spiking else None),
    )


class _HostPart(TypedDict, total=False):
    """What of an `EnergyEstimate` is of the host."""

    host_uj: float
    host: str


def _host_part(counts: ActivityCounts, costs: DeviceCosts | None) -> _HostPart:
    """What the host takes per image for its own layers, uJ; nothing if they were not counted.

    Layers behind the chip are computed once. So is what neurons before it are fed, which are
    updated in every step.
    """
    if counts.host_macs is None or costs is None:
        return {}
    steps = counts.n_steps / counts.n_images
    updates = (counts.host_neurons or 0) * steps + (counts.host_activations or 0)
    synaptic_pj = counts.host_macs * costs.energy_per_synaptic_event_pj
    total_pj = synaptic_pj + updates * costs.energy_per_neuron_update_pj
    return {"host_uj": float(total_pj / PJ_PER_UJ), "host": costs.name}


def _spiking_parts(
    counts: ActivityCounts, costs: DeviceCosts, n_chips: int | None, step_us: float | None
) -> tuple[float, float, float | None, float | None]:
    """Synapses, neurons, messages and static power of a device that spikes, uJ per image.

    Notes
    -----
    All divided by the number of images [1]_ [2]_::

        synaptic = synaptic_events * e_synaptic     neuron = neuron_updates * e_neuron
        message  = messages * e_message             static = n_chips * power * n_steps * step

    References
    ----------
    .. [1] M. Davies et al. (2018), IEEE Micro 38(1), Table 2.
    .. [2] KerasSpiking 0.3.0, `ModelEnergy`.
    """
    per_image = PJ_PER_UJ * counts.n_images
    synaptic_uj = counts.synaptic_events * costs.energy_per_synaptic_event_pj / per_image
    neuron_uj = counts.neuron_updates * costs.energy_per_neuron_update_pj / per_image
    message_uj = static_uj = None
    if counts.messages is not None and costs.energy_per_message_pj is not None:
        message_uj = counts.messages * costs.energy_per_message_pj / per_image
    static_mw = costs.static_mw_per_chip
    if n_chips is not None and step_us is not None and static_mw is not None:
        # mW times us is nJ
        step_uj = n_chips * static_mw * step_us * PJ_PER_NJ / PJ_PER_UJ
        static_uj = step_uj * counts.n_steps / counts.n_images
    return synaptic_uj, neuron_uj, message_uj, static_uj


def _forward_pass_parts(counts: ActivityCounts, costs: DeviceCosts) -> tuple[float, float]:
    """Synapses and neurons of a device that does not spike, uJ per image.

    One forward pass per image: macs * e_synaptic and activations * e_neuron. Where activations
    were not counted, those of the chip are taken, neuron_updates / n_steps (KerasSpiking's
    convention: one activation per neuron).
    """
    if counts.macs is None:
        raise InputError(
            f"{costs.name} does not spike: its estimate needs the MACs of one forward pass, "
            "but macs is None"
        )
    synaptic_uj = counts.macs * costs.energy_per_synaptic_event_pj / PJ_PER_UJ
    n_neurons = counts.activations
    if n_neurons is None:
        n_neurons = counts.neuron_updates / counts.n_steps
    return synaptic_uj, n_neurons * costs.energy_per_neuron_update_pj / PJ_PER_UJ


def layer_work(
    neuron_updates: int,
    spikes: int,
    synaptic_events: int,
    n_images: int,
    costs: DeviceCosts = LOIHI,
) -> LayerWork:
    """Counts of a layer in a run of so many images, and what they take on a device, per image.

    Raises
    ------
    InputError
        If there were no images.
    """
    if n_images < 1:
        raise InputError(f"n_images = {n_images}; it must be at least 1")
    total_pj = (
        synaptic_events * costs.energy_per_synaptic_event_pj
        + neuron_updates * costs.energy_per_neuron_update_pj
    )
    return LayerWork(neuron_updates, spikes, synaptic_events, total_pj / PJ_PER_UJ / n_images)


def section_work(counts: ActivityCounts, n_sections: int, emulated_s: float) -> SectionWork:
    """Work of one section, the mean of so many whose presentations were counted together.

    Parameters
    ----------
    counts : ActivityCounts
    n_sections : int
    emulated_s : float
        Seconds that all of them took.
    """
    energy = estimate_energy(counts, LOIHI).total_uj_per_image
    steps = counts.n_steps / n_sections
    return SectionWork(
        presentations=counts.n_images / n_sections,
        steps=steps,
        neuron_updates=counts.neuron_updates / n_sections,
        spikes=counts.spikes / n_sections,
        synaptic_events=counts.synaptic_events / n_sections,
        messages=None if counts.messages is None else counts.messages / n_sections,
        energy_uj=energy * counts.n_images / n_sections,
        chip_s=steps * STEP_S,
        emulated_s=emulated_s / n_sections,
    )


def overlapping_energy_uj(work: SectionWork, n_steps: int, interval: int) -> float:
    """Energy of a section on Loihi if its presentations overlap; an estimate, uJ.

    Events are the same; neurons are updated in fewer steps: ``interval`` for each presentation, and
    the rest of ``n_steps`` for the last.

    Parameters
    ----------
    work : SectionWork
        Of presentations one after the other.
    n_steps, interval : int
        Of a presentation, and from one to the next.
    """
    steps = max(work.presentations - 1, 0) * interval + n_steps
    saved = work.neuron_updates * (1 - steps / work.steps)
    return work.energy_uj - saved * LOIHI.energy_per_neuron_update_pj / PJ_PER_UJ


def inter_chip_sweep(
    counts: ActivityCounts,
    hop_factors: Sequence[float] = INTER_CHIP_FACTORS,
    hop_pj: float = HOP_NORTH_SOUTH_PJ,
) -> tuple[InterChipPoint, ...]:
    """Energy of the inter-chip messages for a range of assumed costs.

    Parameters
    ----------
    counts : ActivityCounts
        Activity of a run, with `inter_chip_messages`.
    hop_factors : sequence of float
        Assumed costs of an inter-chip message, in hops on the mesh.
    hop_pj : float
        Energy of a hop in pJ; by default the dearer direction, north to south [1]_.

    Returns
    -------
    tuple of InterChipPoint
        One per factor, in the given order, in uJ per image. None of them is an estimate: no
        energy of an inter-chip spike is published, hence the sweep.

    Raises
    ------
    InputError
        If `counts.inter_chip_messages` is None, or a factor or `hop_pj` is not above 0.

    References
    ----------
    .. [1] M. Davies et al. (2018), IEEE Micro 38(1), Table 2.
    """
    if counts.inter_chip_messages is None:
        raise InputError("inter_chip_messages is None; count them before sweeping their cost")
    for name, value in [("hop_pj", hop_pj), *(("hop factor", f) for f in hop_factors)]:
        if not 0 < value < math.inf:
            raise InputError(f"{name} = {value}; it must be finite and above 0")
    per_image = PJ_PER_UJ * counts.n_images
    return tuple(
        InterChipPoint(
            hop_factor=float(factor),
            energy_per_message_pj=float(factor * hop_pj),
            uj_per_image=float(counts.inter_chip_messages * factor * hop_pj / per_image),
            label=SWEEP_LABEL,
        )
        for factor in hop_factors
    )
