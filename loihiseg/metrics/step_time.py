"""Time of the chip's steps: counted work times published constants. Nothing here is measured.

All cores wait for each other in every step. So a step takes what its busiest core, its busiest link
or the host takes, whichever is longest, and the barrier behind them::

    core       synaptic events of the step * 3.5 ns + neurons * 8.4 ns, of the busiest core
    link       messages of the step on the busiest link of a mesh, or between two chips
    injection  messages of the host, all through one link of a chip, or as long as is assumed
    step       max(core, link, injection) + barrier, but no less than the shortest published

It is a bound from below: waiting of messages for each other, reading of axons and synapse lists,
management of the chip's own processors are not in it. Of a spike that the host injects no duration
is published; that it takes a microsecond is an assumption, which shows what hangs on it. Beside
these stand steps of the shortest and of the longest published duration.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from loihiseg.errors import InputError
from loihiseg.metrics.energy import STATIC_MW_PER_CHIP
from loihiseg.results.timing import InjectedSpikes, Latency, StepPart

US_PER_NS = 1e-3
MS_PER_US = 1e-3
S_PER_US = 1e-6

MODEL_LABEL = "estimate: counts x published constants; a bound from below"
CORE, LINK, INJECTION = "busiest core", "busiest link", "injection"
MODELLED = "by busiest core, link, injection"

ASSUMED_INJECTION_US = 1.0
"""Of a spike that the host injects: an assumption, no value is published."""

ASSUMED = f"the same, {ASSUMED_INJECTION_US:g} us a spike injected"

SHORTEST_STEP_US = 10.0
"""E. P. Frady et al. (2020), Pohoiki Springs: steps of 5.8 to 13 us, several chips, unthrottled."""

LONGEST_STEP_US = 850.0
"""B. Rueckauer et al. (2021), NxTF, arXiv 2101.04261: MobileNet, 14 chips, 340 ms in 400 steps."""


@dataclass(frozen=True)
class StepCosts:
    """Durations of a chip's events, and where they were published.

    Attributes
    ----------
    name, source : str
    synaptic_event_ns, neuron_update_ns : float
        One after the other in a core.
    mesh_message_ns, chip_message_ns : float
        On a link between two tiles, and between two chips.
    injected_message_ns : float
        From the host.
    barrier_us : float
        Until all cores know that all have ended.
    shortest_us : float
        No step takes less.
    """

    name: str
    source: str
    synaptic_event_ns: float
    neuron_update_ns: float
    mesh_message_ns: float
    chip_message_ns: float
    injected_message_ns: float
    barrier_us: float
    shortest_us: float

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not isinstance(value, str) and not 0 <= value < math.inf:
                raise InputError(f"{name} = {value}; it must be finite and at least 0")


LOIHI_STEP = StepCosts(
    "loihi",
    'M. Davies et al. (2018), "Loihi", IEEE Micro 38(1), Table 2: synaptic operation 3.5 ns '
    "(maximum), active neuron 8.4 ns, 3.44 Gspike/s across a tile, barrier 465 ns (32 tiles); "
    "M. Davies et al. (2021), Proc. IEEE 109(5): links between chips about 30 times narrower; "
    "E. P. Frady et al. (2020), NICE: shortest step",
    synaptic_event_ns=3.5,
    neuron_update_ns=8.4,
    mesh_message_ns=1 / 3.44,
    chip_message_ns=30 / 3.44,
    injected_message_ns=30 / 3.44,
    barrier_us=0.465,
    shortest_us=SHORTEST_STEP_US,
)


@dataclass(frozen=True, eq=False)
class StepWork:
    """Work of a presentation, step by step.

    Attributes
    ----------
    synaptic_events : numpy.ndarray
        (n_steps, n_cores).
    neurons : numpy.ndarray
        (n_cores,): updated in every step.
    mesh, board : numpy.ndarray
        (n_steps, n_links): messages on each link between tiles, and between chips.
    injected : numpy.ndarray
        (n_steps,): messages of the host.
    """

    synaptic_events: np.ndarray
    neurons: np.ndarray
    mesh: np.ndarray
    board: np.ndarray
    injected: np.ndarray

    def overlapped(self, interval: int) -> "StepWork":
        """The same of presentations that follow each other every so many steps, once they do.

        Parameters
        ----------
        interval : int

        Returns
        -------
        StepWork
            Of ``interval`` steps: each has what all presentations that are under way do in it.
        """
        return replace(
            self,
            **{
                name: _folded(getattr(self, name), interval)
                for name in ("synaptic_events", "mesh", "board", "injected")
            },
        )


def _folded(values: np.ndarray, interval: int) -> np.ndarray:
    found = np.zeros((interval, *values.shape[1:]), values.dtype)
    np.add.at(found, np.arange(len(values)) % interval, values)
    return found


@dataclass(frozen=True, eq=False)
class StepDurations:
    """Microseconds of each step, (n_steps,) float64 each."""

    core: np.ndarray
    link: np.ndarray
    injection: np.ndarray
    step: np.ndarray


def step_durations(work: StepWork, costs: StepCosts = LOIHI_STEP) -> StepDurations:
    """How long each step takes, and what of it takes how long.

    Parameters
    ----------
    work : StepWork
    costs : StepCosts
    """
    cores = work.synaptic_events * costs.synaptic_event_ns + work.neurons * costs.neuron_update_ns
    mesh = work.mesh.max(axis=1, initial=0) * costs.mesh_message_ns
    board = work.board.max(axis=1, initial=0) * costs.chip_message_ns
    core = cores.max(axis=1, initial=0) * US_PER_NS
    link = np.maximum(mesh, board) * US_PER_NS
    injection = work.injected * costs.injected_message_ns * US_PER_NS
    longest = np.maximum(np.maximum(core, link), injection) + costs.barrier_us
    return StepDurations(core, link, injection, np.maximum(longest, costs.shortest_us))


def step_parts(durations: Sequence[StepDurations]) -> tuple[StepPart, ...]:
    """What steps take their time by, over some presentations.

    A step that nothing fills counts for the core.
    """
    parts = np.stack([np.concatenate([d.core, d.link, d.injection]) for d in durations])
    by_part = parts.reshape(len(durations), 3, -1).swapaxes(0, 1).reshape(3, -1)
    longest = by_part.argmax(axis=0)
    return tuple(
        StepPart(name, float(own.mean()), float(own.max()), float((longest == number).mean()))
        for number, (name, own) in enumerate(zip((CORE, LINK, INJECTION), by_part))
    )


@dataclass(frozen=True)
class Presented:
    """What latencies are worked out for.

    Attributes
    ----------
    n_steps : int
        Of a presentation.
    interval : int or None
        Steps from one presentation to the next, where they may overlap.
    energy_uj : float
        Of a presentation.
    per_section : float or None
        Presentations of a section.
    n_chips : int
        In use.
    """

    n_steps: int
    interval: int | None
    energy_uj: float
    per_section: float | None
    n_chips: int


def latency(name: str, tile_us: float, interval_us: float | None, presented: Presented) -> Latency:
    """Times of a tile and of a section.

    Parameters
    ----------
    name : str
    tile_us, interval_us : float
        Of all steps of a presentation, and of those from one to the next.
    presented : Presented

    Notes
    -----
    A section of n presentations takes ``n * tile`` one after the other, and ``(n - 1) * interval +
    tile`` where they overlap.
    """
    n = presented.per_section
    overlapped = None
    if n is not None and interval_us is not None:
        overlapped = (max(n - 1, 0) * interval_us + tile_us) * S_PER_US
    return Latency(
        name=name,
        step_us=tile_us / presented.n_steps,
        tile_ms=tile_us * MS_PER_US,
        interval_ms=None if interval_us is None else interval_us * MS_PER_US,
        section_s=None if n is None else n * tile_us * S_PER_US,
        overlapped_s=overlapped,
        energy_delay_uj_s=presented.energy_uj * tile_us * S_PER_US,
        # mW times us is nJ
        static_uj=presented.n_chips * STATIC_MW_PER_CHIP * tile_us / 1000,
    )


def latencies(
    work: Sequence[StepWork], presented: Presented, costs: StepCosts = LOIHI_STEP
) -> tuple[Latency, ...]:
    """By published steps, the shortest and the longest, and by the model.

    Parameters
    ----------
    work : sequence of StepWork
        Of presentations of equal length; means are over them.
    presented : Presented
    costs : StepCosts

    Returns
    -------
    tuple of Latency
        With steps of the shortest published duration; by the model; by the model with the time that
        is assumed for spikes of the host; with steps of the longest duration.
    """
    slow = replace(costs, injected_message_ns=ASSUMED_INJECTION_US / US_PER_NS)
    return (
        _of_steps(costs.shortest_us, presented),
        _by_model(MODELLED, work, presented, costs),
        _by_model(ASSUMED, work, presented, slow),
        _of_steps(LONGEST_STEP_US, presented),
    )


def _of_steps(step_us: float, presented: Presented) -> Latency:
    interval = presented.interval
    interval_us = None if interval is None else interval * step_us
    return latency(f"at {step_us:g} us a step", presented.n_steps * step_us, interval_us, presented)


def _by_model(
    name: str, work: Sequence[StepWork], presented: Presented, costs: StepCosts
) -> Latency:
    interval, interval_us = presented.interval, None
    if interval is not None:
        shared = [one.overlapped(interval) for one in work]
        interval_us = float(np.mean([step_durations(one, costs).step.sum() for one in shared]))
    tile_us = float(np.mean([step_durations(one, costs).step.sum() for one in work]))
    return latency(name, tile_us, interval_us, presented)


def injected_spikes(sent: Sequence[np.ndarray]) -> InjectedSpikes:
    """Means of messages that a host sends, and the most in a step.

    Parameters
    ----------
    sent : sequence of numpy.ndarray
        (n_steps,) of each presentation.
    """
    counted = np.stack(sent)
    return InjectedSpikes(
        per_tile=float(counted.sum(axis=1).mean()),
        per_step=float(counted.mean()),
        most_in_step=int(counted.max(initial=0)),
    )
