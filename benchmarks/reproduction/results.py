"""What finished runs came to, in the few numbers that the page is made of."""

from dataclasses import asdict, dataclass, field
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
from loihiseg.errors import InputError
from loihiseg.report.run_folder import load_results, load_simulation
from loihiseg.results import (
    EarlyExit,
    Network,
    ScoreRow,
    SimulationResults,
)
from loihiseg.results import Results as DeploymentResults

TRAINED = Network.TRAINED.title
RATE_NETWORK = Network.RATE_NETWORK.title
EIGHT_BIT = Network.EIGHT_BIT.title
NENGO_DL = Network.NENGO_DL.title
EMULATED = Network.EMULATED.title

QUANTIZED = Network.QUANTIZED.title
SIGNED, UNSIGNED = Network.SIGNED.title, Network.UNSIGNED.title
TUNED = {SIGNED: Network.SIGNED_TUNED.title, UNSIGNED: Network.UNSIGNED_TUNED.title}
"""Rows of a network simulated as Fast-SNN."""

PIXEL_SCORES = ("accuracy", "membrane_iou", "membrane_f1")
REGION_SCORES = ("v_rand", "v_info")


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
            records[name] = record(load_results(folder), made)
        elif isinstance(run, FastSnn):
            records[name] = simulation_record(load_simulation(folder), made)
        else:
            kept = read_json(folder / CHECKPOINT_FILE)["epoch"]
            trainings[name] = {"epoch": kept, "epochs": run.config.epochs, "made": _made(made)}
    return Results(protocol, records, missing, trainings)


def record(found: DeploymentResults, made: dict) -> dict:
    """The numbers of a deployment that the page shows, and what they were made with.

    Parameters
    ----------
    found : loihiseg.results.Results
    made : dict
        As in ``run.json``.

    Returns
    -------
    dict
        ``unit`` says what counts and energies are per: a section, all its overlapping tiles
        together, or a tile. Energies in uJ.
    """
    mapping, activity, rates = found.mapping, found.activity, found.rates
    whole = found.whole_sections
    n_units = len(found.sections) if whole else len(found.tiles)
    per_image = activity.n_images / n_units
    counts = ("neuron_updates", "synaptic_events", "spikes", "messages")
    return {
        "unit": "section" if whole else "tile",
        "sections": list(found.sections),
        "tiles_per_unit": per_image,
        "tile": found.network.tile,
        "steps": activity.n_steps / activity.n_images,
        "agreement": found.agreement,
        "early_exit": _exit(found.early_exit, found.scores(Network.STOPPED)),
        "scores": {row.name: _scores(row) for row in found.compared},
        "all_cell": _emulated(found).pixel.all_cell_accuracy,
        "mapping": {
            key: getattr(mapping, key)
            for key in ("n_neurons", "n_cores", "n_chips_used", "messages", "measured_messages",
                        "lower_bound")
        }
        | {"allocators": {peer.name: peer.messages for peer in mapping.others}},
        "counts": {key: getattr(activity, key) / n_units for key in counts},
        "macs": activity.macs * per_image,
        "energy_uj": {one.device: one.total_uj_per_image * per_image for one in found.energy},
        "inter_chip_uj": [
            [point.hop_factor, point.uj_per_image * per_image] for point in found.inter_chip_energy
        ],
        "rates": asdict(rates) | _target(found.layers),
        "stage_seconds": found.seconds,
        "seconds": made["seconds"],
        "peak_memory_mb": found.peak_memory_mb,
        "data": asdict(found.data),
        "made": _made(made),
    }  # fmt: skip


def _emulated(found: DeploymentResults) -> ScoreRow:
    row = found.scores(Network.EMULATED)
    if row is None:
        raise InputError("a deployment without scores of its spikes; deploy it with labels")
    return row


def simulation_record(found: SimulationResults, made: dict) -> dict:
    """The numbers of a simulation as Fast-SNN that the page shows, and what they were made with.

    Parameters
    ----------
    found : loihiseg.results.SimulationResults
    made : dict
        As in ``run.json``.
    """
    return {
        "unit": "section",
        "sections": list(found.sections),
        "tile": found.tile,
        "steps": found.steps,
        "scores": {row.name: _scores(row) for row in found.score_rows},
        "spiking": {network.title: asdict(work) for network, work in found.spiking.items()},
        "tuned_layers": {
            network.title: sum(layer.kept for layer in layers)
            for network, layers in found.tuning.items()
        },
        "seconds": made["seconds"],
        "peak_memory_mb": found.peak_memory_mb,
        "data": asdict(found.data),
        "made": _made(made),
    }


def _exit(stopped: EarlyExit | None, row: ScoreRow | None) -> dict | None:
    """Steps and scores of presentations that ended early."""
    if stopped is None or row is None:
        return None
    return {
        "mean_steps": stopped.mean_steps,
        "share_wrong": stopped.share_wrong,
        "scores": _scores(row),
    }


def _made(values):
    return {k: v for k, v in values.items() if k not in ("job", "seconds")}


def _scores(row: ScoreRow) -> dict[str, float]:
    pixel = {key: getattr(row.pixel, key) for key in PIXEL_SCORES}
    own = {key: getattr(row.challenge, key) for key in REGION_SCORES}
    return pixel | own


def _target(layers):
    first = layers[0].rates  # one range for all
    return {key: getattr(first, key) for key in ("percentile", "low_hz", "high_hz")}


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
