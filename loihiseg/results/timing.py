"""How long steps of the chip would take, tiles and sections after them: estimates from counts."""

from dataclasses import dataclass

from loihiseg.results.ranges import Amount, Count, Name, Positive, Share


@dataclass(frozen=True)
class InjectedSpikes:
    """Spikes that the host sends to the chips, each counted for every core that it reaches.

    Attributes
    ----------
    per_tile, per_step : float
        Means, per step over all steps of a tile.
    most_in_step : int
        In any step of any tile that was looked at.
    """

    per_tile: Amount
    per_step: Amount
    most_in_step: Count


@dataclass(frozen=True)
class StepPart:
    """What may take a step its time.

    Attributes
    ----------
    name : str
    mean_us, most_us : float
        Over all steps, microseconds.
    share : float
        Of the steps, those in which nothing else takes longer.
    """

    name: Name
    mean_us: Amount
    most_us: Amount
    share: Share


@dataclass(frozen=True)
class Latency:
    """Time of a tile and of a section, if steps are as long as is assumed.

    Attributes
    ----------
    name : str
        How long they are assumed to be.
    step_us : float
        Mean.
    tile_ms : float
        From a tile's first step to its answer.
    interval_ms : float or None
        From one tile to the next, if the next follows as soon as it may; None where a tile has to
        wait for the end of the one before.
    section_s, overlapped_s : float or None
        Of a section, one tile after the other, and with tiles that overlap; None where no whole
        sections were made.
    energy_delay_uj_s : float
        Energy of a tile on Loihi, as it is counted, times its latency.
    static_uj : float
        What chips in use take in this time whatever they do; not in the counted energy.
    """

    name: Name
    step_us: Amount
    tile_ms: Amount
    interval_ms: Amount | None
    section_s: Amount | None
    overlapped_s: Amount | None
    energy_delay_uj_s: Amount
    static_uj: Amount


@dataclass(frozen=True)
class StepTimes:
    """Estimated times.

    Attributes
    ----------
    n_tiles : int
        That were looked at step by step.
    interval_steps : int or None
        Steps after which the next tile may follow; None where it has to wait for the end.
    pixels, clocks, injected : InjectedSpikes
        Of layers that pixels feed, of clocks, and of both.
    parts : tuple of StepPart
    latencies : tuple of Latency
    label, source : str
    """

    n_tiles: Positive
    interval_steps: Positive | None
    pixels: InjectedSpikes
    clocks: InjectedSpikes
    injected: InjectedSpikes
    parts: tuple[StepPart, ...]
    latencies: tuple[Latency, ...]
    label: Name
    source: Name
