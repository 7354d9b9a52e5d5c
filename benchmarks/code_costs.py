"""What each neural code costs: networks of levels by ramp and by thermometer, beside firing rates.

    python benchmarks/code_costs.py --data ISBI2012
    python benchmarks/code_costs.py --data ISBI2012 --seeds 0 --sections 20:21 --codes ramp

Networks of seed 0 come with the package, the others lie in ``benchmarks/networks``. All rows are
of the same sections and tile. Every row runs in a process of its own and is kept in ``--out`` as a
JSON file; what was made of the same network, data and options is not made again. Beside its counts,
each code that lets tiles overlap is run so on a few tiles, and compared with the same tiles one
after the other. The table has the mean over the seeds of each network and code.
"""

import argparse
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

if __name__ == "__main__":
    # Python puts the script's folder first, where its modules would be found under other names.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.reproduction.runs import made_with, read_json
from loihiseg.files import write_bytes, write_json
from loihiseg.metrics.energy import overlapping_energy_uj
from loihiseg.results import Network
from loihiseg.training.checkpoint import FILE_NAME as CHECKPOINT_FILE
from loihiseg.training.shipped import FOLDER

HERE = Path(__file__).resolve().parent
NETWORKS = HERE / "networks"
"""Of what does not come with the package; there may be more, by the same names."""

LEVELS = {
    "levels1-sparse": "L = 1, sparse",
    "levels2": "L = 2",
    "levels3": "L = 3",
    "levels7": "L = 7",
    "levels15": "L = 15",
}
"""Names of networks of levels, and what tables call them."""

BY_THERMOMETER = ("levels1-sparse", "levels2", "levels3")
"""More levels want a compartment each: more chips than are on hand."""

RATES = "paper-isbi2012"
RATE_STEPS = (100, 110, 200)
SEEDS = (0, 1, 2)
CODES = ("ramp", "thermometer", "rate")
MOST_CHIPS = 8
"""On hand; each takes the fewest that hold it."""

OVERLAPPING_TILES = 4
MILLION, UJ_PER_MJ = 1e6, 1e3
ROWS, TABLE = "rows", "code-costs"
FORMAT = 2
"""Of a row: those of another are made again."""

HEADER = (
    "network and code", "steps", "next tile after", "million events", "million updates", "mJ",
    "mJ, overlapping",
    "cores", "chips", "injected a tile", "most in a step", "us a step", "ms a tile", "s a section",
    "s, overlapping", "mJ s", "membrane IoU", "pixels as the 8-bit network",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A deployment: of which network, by which code. Rows of one title differ in their seed."""

    name: str
    title: str
    network: str
    code: str
    steps: int | None = None


def rows_of(networks: Path, codes: list[str], seeds: list[int]) -> tuple[list[Row], list[str]]:
    """What is to be run, and names of networks that are not there."""
    found, absent = [], []
    for code in CODES:
        if code not in codes:
            continue
        for name in LEVELS if code == "ramp" else BY_THERMOMETER if code == "thermometer" else ():
            for seed in seeds:
                network = folder_of(networks, name, seed)
                if network is not None:
                    title = f"{LEVELS[name]}, {code}"
                    found.append(Row(f"{name}-seed{seed}-{code}", title, str(network), code))
                else:
                    absent.append(f"{name}-seed{seed}")
        for steps in RATE_STEPS if code == "rate" else ():
            for seed in seeds:
                network = folder_of(networks, "rates", seed)
                if network is not None:
                    name, title = f"rates-seed{seed}-{steps}", f"rates, {steps} steps"
                    found.append(Row(name, title, str(network), code, steps=steps))
                else:
                    absent.append(f"rates-seed{seed}")
    return found, sorted(set(absent))


def folder_of(networks: Path, name: str, seed: int) -> Path | None:
    """Where a network lies; None where it does not."""
    shipped = RATES if name == "rates" else f"{RATES}-{name}"
    for folder in (networks / f"{name}-seed{seed}", *[FOLDER / shipped] * (seed == 0)):
        if (folder / CHECKPOINT_FILE).is_file():
            return folder
    return None


def made(row: Row, data: str, sections: str) -> dict:
    """Deploy, in this process; the numbers of a row."""
    import numpy as np

    from loihiseg import deploy_stack
    from loihiseg.data.readers import read_stack
    from loihiseg.progress import Reporter
    from loihiseg.running.overlapping import overlapping_tiles
    from loihiseg.running.runners import chip_tiles, compiled_presenter

    stack, reporter = read_stack(data), Reporter()
    options = {} if row.steps is None else {"steps": row.steps}
    chips = 2 if row.code == "rate" else MOST_CHIPS
    result = deploy_stack(
        row.network, stack, chips=chips, code=row.code, sections=sections, reporter=reporter,
        **options,
    )  # fmt: skip
    assert not result.results.early_firings, "answers that are not exact are not compared"
    deployed, differ = result.deployed, None
    if deployed.code.steps_between_images(deployed.network) is not None:
        pixels = result.tiles.pixels[:OVERLAPPING_TILES]
        with compiled_presenter(deployed) as presenter:
            alone = [one.logits for one in chip_tiles(deployed, presenter, pixels)]
        differ = int((overlapping_tiles(deployed, pixels) != np.stack(alone)).sum())
    return numbers(result.results) | {"overlapping_pixels_that_differ": differ}


def numbers(found) -> dict:
    """What the table shows of a deployment's results, counts per section."""
    work, times, row = found.per_section, found.step_times, found.scores(Network.EMULATED)
    assert work is not None and times is not None and row is not None
    return {
        "sections": list(found.sections),
        "tile": found.network.tile,
        "tiles": work.presentations,
        "steps": found.code.steps,
        "n_cores": found.mapping.n_cores,
        "n_chips": found.mapping.n_chips_used,
        "events": work.synaptic_events,
        "updates": work.neuron_updates,
        "spikes": work.spikes,
        "messages": work.messages,
        "energy_uj": work.energy_uj,
        "overlapping_uj": _overlapping_uj(found),
        "accelerators_uj": {
            one.device: one.total_uj_per_image * work.presentations for one in found.accelerators
        },
        "macs": found.activity.macs,
        "step_times": asdict(times),
        "iou": row.pixel.membrane_iou,
        "accuracy": row.pixel.accuracy,
        "agreement": found.agreement,
        "level_match": [layer.level_match for layer in found.layers],
        "emulated_s": work.emulated_s,
        "data": asdict(found.data),
    }


def _overlapping_uj(found) -> float | None:
    interval = found.step_times.interval_steps
    if interval is None:
        return None
    return overlapping_energy_uj(found.per_section, found.code.steps, interval)


def job_of(row: Row, data: str, sections: str) -> dict:
    """What decides a row: the network's weights, options and data."""
    checkpoint = read_json(Path(row.network) / CHECKPOINT_FILE) or {}
    asked = asdict(row) | {"network": checkpoint.get("sha256", row.network)}
    return asked | {"data": Path(data).name, "sections": sections, "format": FORMAT}


def cells(title: str, one: dict) -> tuple[str, ...]:
    """A row of the table; times by busiest core, link and injection."""
    times = one["step_times"]
    modelled = times["latencies"][1]
    energy_mj = one["energy_uj"] / UJ_PER_MJ
    overlapped, interval = modelled["overlapped_s"], times["interval_steps"]
    overlapping_uj = one["overlapping_uj"]
    return (
        title,
        f"{one['steps']:.0f}",
        "-" if interval is None else f"{interval:.0f}",
        f"{one['events'] / MILLION:,.0f}",
        f"{one['updates'] / MILLION:,.0f}",
        f"{energy_mj:,.1f}",
        "-" if overlapping_uj is None else f"{overlapping_uj / UJ_PER_MJ:,.1f}",
        f"{one['n_cores']:.0f}",
        str(one["n_chips"]),
        f"{times['injected']['per_tile']:,.0f}",
        f"{times['injected']['most_in_step']:,.0f}",
        f"{modelled['step_us']:.0f}",
        f"{modelled['tile_ms']:.2f}",
        f"{modelled['section_s']:.3f}",
        "-" if overlapped is None else f"{overlapped:.3f}",
        f"{energy_mj * modelled['section_s']:.2f}",
        f"{one['iou']:.3f}",
        f"{one['agreement']:.3%}",
    )


def over_seeds(ones: list[dict]) -> dict:
    """Numbers of rows that differ in their seed, as one row: means, but the most chips."""
    return _mean(ones) | {"n_chips": max(one["n_chips"] for one in ones)}


def _mean(values: list):
    """Of numbers, and within what holds numbers; of all else the first."""
    first = values[0]
    if isinstance(first, dict):
        return {key: _mean([value[key] for value in values]) for key in first}
    if isinstance(first, list) and all(len(value) == len(first) for value in values):
        return [_mean(list(parts)) for parts in zip(*values)]
    if isinstance(first, bool) or not all(isinstance(value, int | float) for value in values):
        return first
    return sum(values) / len(values)


def table_of(kept: list[tuple[str, dict]], absent: list[str]) -> str:
    """The table in Markdown, with what it says nothing of."""
    together: dict[str, list[dict]] = {}
    for title, one in kept:
        together.setdefault(title, []).append(one)
    lines = ["| " + " | ".join(HEADER) + " |", "|---" + "|---:" * (len(HEADER) - 1) + "|"]
    for title, ones in together.items():
        seeds = f" (mean of {len(ones)} seeds)" * (len(ones) > 1)
        found = [*cells(title + seeds, over_seeds(ones))]
        if len(ones) > 1:
            iou = [one["iou"] for one in ones]
            found[HEADER.index("membrane IoU")] += f" ({min(iou):.3f} to {max(iou):.3f})"
        lines.append("| " + " | ".join(found) + " |")
    if kept:
        one = kept[0][1]
        sections = ", ".join(map(str, one["sections"]))
        least, most = one["accelerators_uj"].values()
        lines += [
            "",
            f"Of section {sections}, {one['tiles']:.0f} tiles of {one['tile']} pixels a section; "
            "counts, energy and times per section. An 8-bit accelerator takes "
            f"{least / UJ_PER_MJ:,.1f} to {most / UJ_PER_MJ:,.1f} mJ for the same.",
        ]
    differ = [one["overlapping_pixels_that_differ"] for _, one in kept]
    compared = [n for n in differ if n is not None]
    if compared:
        lines.append(
            f"{OVERLAPPING_TILES} tiles of each overlapping: {sum(compared)} pixels differ from "
            "those one after the other."
        )
    if absent:
        lines.append(f"Not there: {', '.join(absent)}.")
    return "\n".join(lines) + "\n"


def parse(arguments=None):
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, metavar="PATH")
    parser.add_argument("--networks", default=NETWORKS, type=Path, metavar="FOLDER")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS), metavar="N")
    parser.add_argument("--sections", default="20:24", metavar="A:B")
    parser.add_argument("--codes", nargs="+", choices=CODES, default=list(CODES))
    parser.add_argument("--out", type=Path, default=Path("runs/code-costs"), metavar="FOLDER")
    parser.add_argument("--table", type=Path, metavar="FILE", help="write the table there too")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments=None) -> int:
    """Make what is not there yet, and write the table after each row."""
    options = parse(arguments)
    rows, absent = rows_of(options.networks, options.codes, options.seeds)
    folder = options.out / ROWS
    folder.mkdir(parents=True, exist_ok=True)
    if options.one is not None:
        (row,) = (row for row in rows if row.name == options.one)
        job = job_of(row, options.data, options.sections)
        found = made(row, options.data, options.sections)
        stamp = made_with("benchmarks/code_costs.py")
        write_json(folder / f"{row.name}.json", {"job": job} | found | {"made": stamp})
        return 0
    failed, kept = [], []
    for row in rows:
        path = folder / f"{row.name}.json"
        if (read_json(path) or {}).get("job") != job_of(row, options.data, options.sections):
            print(row.name, file=sys.stderr, flush=True)
            command = [sys.executable, __file__, *(arguments or sys.argv[1:]), "--one", row.name]
            if subprocess.run(command).returncode:
                failed.append(row.name)
                continue
        kept.append((row.title, read_json(path)))
        text = table_of(kept, absent)
        for target in filter(None, (options.out / f"{TABLE}.md", options.table)):
            write_bytes(target, text.encode())
    print(table_of(kept, absent))
    if failed:
        print(f"ended with an error: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
