"""What the codes came to beside one another: which records belong together, and who beats whom."""

from dataclasses import dataclass

from benchmarks.reproduction.code_plan import DEPLOYED, RATE_STEPS
from benchmarks.reproduction.names import (
    OWN_TILE,
    LevelNetwork,
    exit_name,
    fast_snn_name,
    levels_name,
    seed_name,
    steps_name,
)
from benchmarks.reproduction.plan import STEPS
from benchmarks.reproduction.results import EMULATED, TRAINED, spread


@dataclass(frozen=True, eq=False)
class Entry:
    """The same run of every seed that is there.

    Attributes
    ----------
    title : str
    records : dict of int to dict
        By seed.
    stage : str
        Row of scores that is meant.
    """

    title: str
    records: dict
    stage: str = EMULATED

    def mean(self, value, seeds=None) -> float:
        """Mean of a function of a record, over some seeds."""
        chosen = self.records if seeds is None else seeds
        return spread(value(self.records[seed]) for seed in chosen).mean

    def score(self, key, seeds=None) -> float:
        """Mean of a score."""
        return self.mean(lambda one: one["scores"][self.stage][key], seeds)


@dataclass(frozen=True)
class Pair:
    """A deployment by levels beside one of the rate code.

    Attributes
    ----------
    levels, rates : Entry
    seeds : tuple of int
        That both have; all means are over them.
    """

    levels: Entry
    rates: Entry
    seeds: tuple[int, ...]

    def ratio(self, value) -> float:
        """How many times as much the rate code has of something."""
        return self.rates.mean(value, self.seeds) / self.levels.mean(value, self.seeds)


def _entry(results, title, name, stage=EMULATED):
    found = {seed: results.get(name(seed_name(seed))) for seed in results.protocol.seeds}
    return Entry(title, {seed: one for seed, one in found.items() if one is not None}, stage)


def rate_entries(results) -> list[Entry]:
    """The rate code, by steps."""
    return [
        _entry(results, f"rate code, {steps} steps", lambda f, s=steps: steps_name(f, s))
        for steps in RATE_STEPS
    ]


def level_entries(results) -> list[Entry]:
    """The thermometer code, as deployed."""
    return [level_entry(results, network, where) for network, where in DEPLOYED]


def level_entry(results, network: LevelNetwork, where, stage=EMULATED) -> Entry:
    """One deployment by the thermometer code."""
    on = "" if where == OWN_TILE else ", largest tile on 2 chips"
    title = f"thermometer, {network.title}{on}"
    return _entry(results, title, lambda f: f"{levels_name(f, network)}/{where}", stage)


def fast_snn_entry(results, network: LevelNetwork, stage) -> Entry:
    """One network simulated as Fast-SNN."""
    title = f"Fast-SNN, T = {network.levels}, {stage}"
    return _entry(results, title, lambda f: fast_snn_name(levels_name(f, network)), stage)


def exit_entries(results, network: LevelNetwork) -> list[Entry]:
    """The rate code and a network of levels where tiles may stop early."""
    return [
        _entry(results, "rate code", exit_name),
        _entry(results, f"thermometer, {network.title}, largest tile on 2 chips",
               lambda f: exit_name(levels_name(f, network))),
    ]  # fmt: skip


def float_scores(results, seed):
    """Scores of a seed's float network, the ANN of the rate code; None if it is not there."""
    for steps in sorted(STEPS, reverse=True):
        one = results.get(steps_name(seed_name(seed), steps))
        if one is not None:
            return one["scores"][TRAINED]
    return None


def lost_points(results, entry: Entry, key="membrane_iou") -> list[float]:
    """Points that each seed of an entry scores below its own float network."""
    found = []
    for seed, one in entry.records.items():
        ann = float_scores(results, seed)
        if ann is not None:
            found.append(100 * (ann[key] - one["scores"][entry.stage][key]))
    return found


def pairs_of(results, levels: Entry) -> list[Pair]:
    """A deployment by levels beside every length of the rate code, in order of IoU."""
    found = []
    for rates in rate_entries(results):
        seeds = tuple(seed for seed in levels.records if seed in rates.records)
        if seeds:
            found.append(Pair(levels, rates, seeds))
    return sorted(found, key=lambda pair: pair.rates.score("membrane_iou", pair.seeds))


def bettered(results, levels: Entry) -> Pair | None:
    """A deployment by levels beside the best rate code that it equals or betters in IoU, if any."""
    found = [pair for pair in pairs_of(results, levels) if not _falls_below(pair)]
    return found[-1] if found else None


def fallen_below(results, levels: Entry) -> Pair | None:
    """A deployment by levels beside the least rate code that is better in IoU, if any."""
    found = [pair for pair in pairs_of(results, levels) if _falls_below(pair)]
    return found[0] if found else None


def _falls_below(pair):
    ours, theirs = (entry.score("membrane_iou", pair.seeds) for entry in (pair.levels, pair.rates))
    return ours < theirs


def steps_per_unit(one) -> float:
    """Steps of all tiles of a section."""
    return one["steps"] * one["tiles_per_unit"]


def energy(one) -> float:
    """Counted energy on the chip, uJ."""
    return one["energy_uj"]["loihi"]


def work(one) -> float:
    """Neuron updates and synaptic events."""
    return one["counts"]["neuron_updates"] + one["counts"]["synaptic_events"]


def cores(one) -> int:
    """Cores in use."""
    return one["mapping"]["n_cores"]


def chips(one) -> int:
    """Chips in use."""
    return one["mapping"]["n_chips_used"]
