"""What finished runs came to, in the few numbers that the page is made of."""

from dataclasses import dataclass, field
from statistics import mean

from benchmarks.reproduction.kinds import Deployment, FastSnn, Protocol
from benchmarks.reproduction.plan import PARTS, plan
from benchmarks.reproduction.runs import (
    CHECKPOINT_FILE,
    RUN_FILE,
    Workplace,
    is_finished,
    read_json,
)

TRAINED = "trained"
RATE_NETWORK = "rate network"
EIGHT_BIT = "8-bit weights"
NENGO_DL = "spiking, float (NengoDL)"
EMULATED = "8-bit, spiking on chip"

QUANTIZED = "quantized"
SIGNED, UNSIGNED = "signed", "unsigned"
TUNED = {SIGNED: "signed, tuned", UNSIGNED: "unsigned, tuned"}
"""Rows of a network simulated as Fast-SNN."""

OURS = "partition"
"""Name of our own placement among those of the allocators."""

PIXEL_SCORES = ("accuracy", "membrane_iou", "membrane_f1")
REGION_SCORES = ("v_rand", "v_info")
SHIFTED = "_shifted"
"""Ending of the names of region scores of the map shifted for submission."""


@dataclass(frozen=True)
class Results:
    """Everything the page is made of.

    Attributes
    ----------
    protocol : Protocol
    records : dict of str to dict
        By name of deployment or simulation; see `record` and `simulation_record`.
    missing : dict of str to list of str
        By part: runs that are not finished.
    trainings : dict of str to dict
        By name of training: the epoch that was kept, and what it was made with.
    """

    protocol: Protocol
    records: dict
    missing: dict
    trainings: dict = field(default_factory=dict)

    def get(self, name: str):
        """Record of a deployment or simulation, or None."""
        return self.records.get(name)


def collect(place: Workplace, protocol: Protocol) -> Results:
    """Read what is finished of the whole plan."""
    records, missing, trainings = {}, {}, {}
    planned = plan(protocol)
    runs = {run.name: run for part in PARTS for run in planned[part]}
    finished = {name for name, run in runs.items() if is_finished(place, run)}
    for part in PARTS:
        missing[part] = [run.name for run in planned[part] if run.name not in finished]
    for name, run in runs.items():
        if name not in finished:
            continue
        folder = place.out / name
        made = read_json(folder / RUN_FILE)
        if isinstance(run, Deployment):
            records[name] = record(read_json(folder / "metrics.json"), made)
        elif isinstance(run, FastSnn):
            records[name] = simulation_record(read_json(folder / "metrics.json"), made)
        else:
            kept = read_json(folder / CHECKPOINT_FILE)["epoch"]
            trainings[name] = {"epoch": kept, "epochs": run.config.epochs, "made": _made(made)}
    return Results(protocol, records, missing, trainings)


def record(metrics: dict, made: dict) -> dict:
    """The numbers of a deployment that the page shows, and what they were made with.

    Parameters
    ----------
    metrics : dict
        As in ``metrics.json``.
    made : dict
        As in ``run.json``.

    Returns
    -------
    dict
        ``unit`` says what counts and energies are per: a section, all its overlapping tiles
        together, or a tile. Energies in uJ.
    """
    mapping, activity = metrics["mapping"], metrics["activity"]
    whole = metrics["stages"][0]["pixels"] == metrics["stages"][-1]["pixels"]
    sections = {section for section, *_ in metrics["tiles"]}
    n_units = len(sections) if whole else len(metrics["tiles"])
    per_image = activity["n_images"] / n_units
    counts = ("neuron_updates", "synaptic_events", "spikes", "messages")
    return {
        "unit": "section" if whole else "tile",
        "sections": sorted(sections),
        "tiles_per_unit": per_image,
        "tile": metrics["network"]["tile"],
        "steps": activity["n_steps"] / activity["n_images"],
        "agreement": metrics.get("agreement"),
        "early_exit": _exit(metrics.get("early_exit"), metrics["stages"]),
        # Where tiles are scored, the trained network's second row is of the same pixels.
        "scores": {row["name"]: _scores(row) for row in metrics["stages"]},
        "all_cell": metrics["stages"][-1]["pixel"]["all_cell_accuracy"],
        "mapping": {
            key: mapping[key]
            for key in ("n_neurons", "n_cores", "n_chips_used", "messages", "measured_messages")
        }
        | {
            "lower_bound": mapping.get("lower_bound"),
            "allocators": {
                peer["name"]: peer["messages"]
                for peer in mapping["allocators"]
                if peer["name"] != OURS
            },
        },
        "counts": {key: activity[key] / n_units for key in counts},
        "macs": activity["macs"] * per_image,
        "energy_uj": {
            one["device"]: one["total_uj_per_image"] * per_image for one in metrics["energy"]
        },
        "inter_chip_uj": [
            [point["hop_factor"], point["uj_per_image"] * per_image]
            for point in metrics["inter_chip_energy"]
        ],
        "rates": metrics["rates"] | _target(metrics["layers"]),
        "stage_seconds": metrics["seconds"],
        "seconds": made["seconds"],
        "peak_memory_mb": metrics["peak_memory_mb"],
        "data": metrics["data"],
        "made": _made(made),
    }


def simulation_record(metrics: dict, made: dict) -> dict:
    """The numbers of a simulation as Fast-SNN that the page shows, and what they were made with.

    Parameters
    ----------
    metrics : dict
        As ``fast_snn.simulate_levels`` writes it.
    made : dict
        As in ``run.json``.
    """
    return {
        "unit": "section",
        "sections": metrics["sections"],
        "tile": metrics["tile"],
        "steps": metrics["steps"],
        "scores": {row["name"]: _scores(row) for row in metrics["stages"]},
        "spiking": metrics["spiking"],
        "tuned_layers": {
            name: sum(layer["kept"] for layer in layers)
            for name, layers in metrics["tuning"].items()
        },
        "seconds": made["seconds"],
        "peak_memory_mb": metrics["peak_memory_mb"],
        "data": metrics["data"],
        "made": _made(made),
    }


def _exit(stopped, stages):
    """Steps and scores of presentations that ended early; the last row is theirs."""
    if stopped is None:
        return None
    return {
        "mean_steps": stopped["mean_steps"],
        "share_wrong": stopped["share_wrong"],
        "scores": _scores(stages[-1]),
    }


def _made(values):
    return {k: v for k, v in values.items() if k not in ("job", "seconds")}


def _scores(row):
    pixel = {key: row["pixel"][key] for key in PIXEL_SCORES}
    own = {key: row["challenge"][key] for key in REGION_SCORES}
    shifted = {key + SHIFTED: row["challenge_shifted"][key] for key in REGION_SCORES}
    return pixel | own | shifted


def _target(layers):
    first = layers[0]["rates"]
    return {key: first[key] for key in ("percentile", "low_hz", "high_hz")}


def lost(one: dict, key: str) -> float:
    """How much lower the emulation scores than its own trained network."""
    return one["scores"][TRAINED][key] - one["scores"][EMULATED][key]


@dataclass(frozen=True)
class Spread:
    """Mean, least and largest of values."""

    mean: float
    low: float
    high: float

    def text(self, pattern: str) -> str:
        """As text: the mean, and the range where it has one as written."""
        middle, low, high = (pattern.format(v) for v in (self.mean, self.low, self.high))
        return middle if low == high else f"{middle} ({low} to {high})"


def spread(values) -> Spread:
    """Mean and range of at least one value."""
    values = [float(value) for value in values]
    return Spread(mean(values), min(values), max(values))
