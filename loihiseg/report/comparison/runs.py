"""Folders of runs, of whatever kind and of earlier versions too, as runs to compare."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from loihiseg.errors import InputError
from loihiseg.report.comparison.facts import ComparedRun, Value
from loihiseg.report.run_folder import CHIP_MAP, CONFIG_FILE, RESULTS_FILE
from loihiseg.results import (
    Network,
    Results,
    ScoreRow,
    SimulationResults,
    decode_results,
    decode_simulation,
)
from loihiseg.results.reading import MOST_BYTES
from loihiseg.training.checkpoint import FILE_NAME, Checkpoint, load_checkpoint
from partition.display.messages import handed_on, one_line, printable
from partition.storage.files import read_bytes
from partition.storage.strict_json import decode, peek

MOST_CONFIG_BYTES = 2**20
MOST_OPTION = 60
"""Characters of an option's value."""

UJ_PER_MJ, POINTS = 1e3, 100.0


def read_runs(folders: Sequence[Path]) -> list[ComparedRun]:
    """Read runs; their names are made different where folders have one name.

    Raises
    ------
    InputError
        Names all folders that hold no run.
    """
    found, problems = [], []
    for folder in folders:
        try:
            found.append(read_run(folder))
        except InputError as error:
            problems.append(str(error))
    if len(problems) == 1:
        raise InputError(problems[0])
    if problems:
        raise InputError(f"{len(problems)} folders hold no run that can be read", problems)
    names = [one.name for one in found]
    if len(set(names)) < len(names):
        named = [printable(folder) for folder in folders]
        found = [
            ComparedRun(name, one.options, one.facts, one.maps, one.sections)
            for name, one in zip(named, found, strict=True)
        ]
    return found


def read_run(folder: Path) -> ComparedRun:
    """Read one run.

    Parameters
    ----------
    folder : Path
        Written by ``loihiseg.deploy``, ``simulate`` or ``train``.

    Raises
    ------
    InputError
        If it holds none.
    """
    folder = Path(folder)
    path = folder / RESULTS_FILE
    try:
        data = read_bytes(path, MOST_BYTES)
    except OSError:
        if (folder / FILE_NAME).exists():
            return _of_training(folder, load_checkpoint(folder))
        raise InputError(
            f"{folder}: holds no run ({RESULTS_FILE} and {FILE_NAME} are not there); expected a "
            "folder that loihiseg.deploy, simulate or train wrote"
        ) from None
    options = _options(folder)
    try:
        is_deployment = "mapping" in peek(data, dict[str, object])
    except ValueError as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    if is_deployment:
        return _of_deployment(folder, options, decode_results(data, str(path)))
    return _of_simulation(folder, options, decode_simulation(data, str(path)))


def _name(folder: Path) -> str:
    return printable(folder.resolve().name)


def _options(folder: Path) -> dict[str, str]:
    """What a run was asked, flat and in words; nothing where no file says."""
    try:
        found = decode(read_bytes(folder / CONFIG_FILE, MOST_CONFIG_BYTES), dict[str, object])
    except (OSError, ValueError):
        return {}
    return dict(_flat(found))


def _flat(options: Mapping[str, object], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _flat({str(key): one for key, one in value.items()}, f"{name}.")
        else:
            yield f"{before}{name}", one_line(_word(value), MOST_OPTION)


def _word(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ",".join(map(_word, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _of_deployment(folder: Path, options: dict[str, str], found: Results) -> ComparedRun:
    maps = folder / CHIP_MAP
    has_maps = found.whole_sections and found.classes is None and maps.is_file()
    return ComparedRun(
        _name(folder),
        options,
        deployment_facts(found),
        str(maps) if has_maps else None,
        found.sections,
    )


def deployment_facts(found: Results) -> dict[str, Value]:
    """What a deployment came to, by `loihiseg.report.comparison.facts.Fact.key`."""
    facts: dict[str, Value] = {
        "kind": "deployment",
        "network": found.network.source,
        "data": found.data.source,
        "sections": _numbers(found.sections),
        "code": found.code.name,
        "steps": found.code.steps,
        "agreement": found.agreement,
        "mean_hz": found.rates.mean_hz,
        "share_in_range": None if found.code.has_levels else found.rates.share_in_range,
        "share_silent": found.rates.silent_share,
        "messages_per_step": found.mapping.messages,
        "n_cores": found.mapping.n_cores,
        "n_chips": found.mapping.n_chips_used,
        "seconds": sum(found.seconds.values()),
        "peak_memory_mib": found.peak_memory_mb,
    }
    facts |= _work(found)
    if found.classes is not None:
        facts |= _of_classes(found)
    else:
        spiking = found.scores(Network.EMULATED)
        facts |= _scores(found.scores(Network.TRAINED), spiking)
    return facts


def _work(found: Results) -> dict[str, Value]:
    tile = found.energy_on()
    facts: dict[str, Value] = {}
    if tile is not None:
        facts["tile_mj"] = tile.total_uj_per_image * found.orientations / UJ_PER_MJ
    if (work := found.per_section) is not None:
        facts |= {
            "spikes_per_section": work.spikes,
            "events_per_section": work.synaptic_events,
            "updates_per_section": work.neuron_updates,
            "section_mj": work.energy_uj / UJ_PER_MJ,
        }
    return facts


def _of_classes(found: Results) -> dict[str, Value]:
    assert found.classes is not None
    trained, spiking = map(found.classes.row, (Network.TRAINED, Network.EMULATED))
    if trained is None or spiking is None or trained.scores is None or spiking.scores is None:
        return {}
    before, after = trained.scores.accuracy, spiking.scores.accuracy
    return {
        "scored": spiking.name,
        "accuracy_trained": before,
        "accuracy": after,
        "accuracy_lost_points": POINTS * (before - after),
    }


def _scores(trained: ScoreRow | None, spiking: ScoreRow | None) -> dict[str, Value]:
    """Scores of a spiking network, and what is lost from the one that it was made of."""
    facts: dict[str, Value] = {}
    if spiking is not None:
        facts |= {
            "scored": spiking.name,
            "accuracy": spiking.pixel.accuracy,
            "iou": spiking.pixel.membrane_iou,
            "v_rand": spiking.challenge.v_rand,
            "v_info": spiking.challenge.v_info,
        }
    if trained is not None:
        facts |= {
            "accuracy_trained": trained.pixel.accuracy,
            "iou_trained": trained.pixel.membrane_iou,
        }
    if trained is not None and spiking is not None:
        facts |= {
            "accuracy_lost_points": POINTS * (trained.pixel.accuracy - spiking.pixel.accuracy),
            "iou_lost_points": POINTS * (trained.pixel.membrane_iou - spiking.pixel.membrane_iou),
        }
    return facts


def _of_simulation(folder: Path, options: dict[str, str], found: SimulationResults) -> ComparedRun:
    without = (Network.TRAINED, Network.QUANTIZED)
    spiking = [row for row in found.score_rows if row.network not in without]
    trained = [row for row in found.score_rows if row.network in without]
    best = max(spiking, key=lambda row: row.pixel.membrane_iou, default=None)
    facts: dict[str, Value] = {
        "kind": f"simulation, {found.method}",
        "network": _handed_on(options.get("checkpoint")),
        "data": found.data.source,
        "sections": _numbers(found.sections),
        "steps": found.steps,
        "seconds": sum(found.seconds.values()),
        "peak_memory_mib": found.peak_memory_mb,
    }
    facts |= _scores(trained[-1] if trained else None, best)
    return ComparedRun(_name(folder), options, facts)


def _handed_on(path: str | None) -> str | None:
    return None if path is None else handed_on(path)


def _of_training(folder: Path, checkpoint: Checkpoint) -> ComparedRun:
    info = checkpoint.info
    facts: dict[str, Value] = {
        "kind": "training",
        "network": _name(folder),
        "data": info.data.source,
        "scored": "validation sections",
        "accuracy": info.metrics.get("accuracy"),
        "iou": info.metrics.get("membrane_iou"),
        "epochs": info.epoch,
    }
    return ComparedRun(_name(folder), dict(_flat(asdict(info.config))), facts)


def _numbers(sections: Sequence[int]) -> str:
    """Numbers of sections, those that follow each other as a range."""
    runs: list[list[int]] = []
    for number in sections:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
