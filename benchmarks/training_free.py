"""Float networks deployed without training: levels, corrections, searched quantiles, and SpiCalib.

    python benchmarks/training_free.py --data ISBI2012
    python benchmarks/training_free.py --data ISBI2012 --kinds ramp --levels 3 7 --seeds 0

Rows are of three kinds. *ramp*: the network emulated with so many levels in every layer on the chip
and 15 on the host, corrected without labels, on whole test sections. *bayes*: a quantile searched
for each resolution beside fixed ones, on validation and test sections, in floats with levels.
*stack*: the published parts of SpiCalib after numbers of steps, simulated, as published and mended.

Subjects are U-Nets with max pooling (``benchmarks/networks/textbook``) and rate networks; there may
be more of them in ``--networks``. Every row runs in a process of its own and is kept in ``--out``
as a JSON file; what was made of the same network, data and options is not made again. Tables have
the mean over the seeds.
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
from benchmarks.training_free_tables import tables_of
from loihiseg.files import sha256, write_bytes, write_json
from loihiseg.training.checkpoint import FILE_NAME as CHECKPOINT_FILE
from loihiseg.training.shipped import FOLDER

HERE = Path(__file__).resolve().parent
NETWORKS = HERE / "networks"
KINDS = ("ramp", "bayes", "stack")
SUBJECTS = ("textbook", "rates")
SEEDS = (0, 1, 2)
LEVELS = (1, 2, 3, 7, 15)
HOST_LEVELS = 15
FEWER_ON_HOST = 10
"""Where sums of the first layer on the chip, which hears the host in one step, are too large."""
MOST_CHIPS = 8
STEPS = (8, 16, 32, 64, 128, 256)
SEARCHED = ("2", "3", "7")
"""Levels for which quantiles are searched."""

ROWS, TABLE = "rows", "training-free"
FORMAT = 1
"""Of a row: those of another are made again."""


@dataclass(frozen=True)
class Row:
    """What is run: of which network. Rows of one subject, kind and variant differ in their seed."""

    name: str
    kind: str
    subject: str
    seed: int
    variant: str
    network: str


def rows_of(options: argparse.Namespace) -> tuple[list[Row], list[str]]:
    """What is to be run, and names of networks that are not there."""
    found, absent = [], set()
    for kind in options.kinds:
        for subject in options.subjects:
            for seed in options.seeds:
                network = network_of(options.networks, subject, seed)
                if network is None:
                    absent.add(f"{subject}-seed{seed}")
                    continue
                for variant in variants(kind, options.levels):
                    name = f"{kind}-{subject}-seed{seed}-{variant}"
                    found.append(Row(name, kind, subject, seed, variant, str(network)))
    return found, sorted(absent)


def variants(kind: str, levels: list[int]) -> list[str]:
    """Of a kind: levels, or how SpiCalib is simulated."""
    if kind == "stack":
        return ["mended", "divided", "as-published"]
    every = map(str, levels)
    return [one for one in every if kind == "ramp" or one in SEARCHED]


def network_of(networks: Path, subject: str, seed: int) -> Path | None:
    """Where a network lies; None where it does not."""
    if subject == "textbook":
        folder = networks / (subject if seed == 0 else f"{subject}-seed{seed}")
        return folder / "network.h5" if (folder / "network.h5").is_file() else None
    folder = FOLDER / "paper-isbi2012" if seed == 0 else networks / f"{subject}-seed{seed}"
    return folder if (folder / CHECKPOINT_FILE).is_file() else None


def ramp_numbers(row: Row, data: str, sections: str, _: list[int]) -> dict:
    """Deploy with levels, corrected, on the emulated chip."""
    from loihiseg.codes.ramp.clock import TooLargeError
    from loihiseg.results import Network

    on_host = HOST_LEVELS
    try:
        found = _deployed(row, data, sections, on_host)
    except TooLargeError:
        on_host = FEWER_ON_HOST
        found = _deployed(row, data, sections, on_host)
    work, mapping = found.per_section, found.mapping
    scores = {
        one.name: found.scores(one).pixel.membrane_iou
        for one in (Network.TRAINED, Network.WITH_LEVELS, Network.EMULATED)
        if found.scores(one) is not None
    }
    return {
        "iou": scores,
        "host_levels": on_host,
        "steps": found.code.steps,
        "chips": mapping.n_chips_used,
        "cores": mapping.n_cores,
        "events": work.synaptic_events,
        "spikes": work.spikes,
        "macs": found.activity.macs * work.presentations,
        "energy_uj": work.energy_uj,
        "agreement": found.agreement,
        "differing_layers": [
            one.layer for one in found.layers if one.level_match not in (None, 1.0)
        ],
        "layers": {one.layer: one.level_match for one in found.layers},
        "note": found.scored_note,
        "seconds": dict(found.seconds),
    }


def _deployed(row: Row, data: str, sections: str, on_host: int):
    """Results of a deployment with so many levels on the host."""
    from loihiseg import deploy_stack
    from loihiseg.data.readers import read_stack
    from loihiseg.progress import Reporter

    levels = [int(row.variant)] * n_layers(row.network)
    levels[0] = on_host
    return deploy_stack(
        row.network, read_stack(data), chips=MOST_CHIPS, code="ramp", sections=sections,
        levels=tuple(levels), corrections=True, proof_seconds=0, reporter=Reporter(),
    ).results  # fmt: skip


def n_layers(network: str) -> int:
    """Activations of a network that are no extremes of others."""
    from loihiseg.compilation.scales import own_names

    return len(own_names(lowering_of(network).network))


def lowering_of(network: str):
    """A network as Loihi sees it, without levels."""
    from loihiseg.compilation.source import load_network
    from loihiseg.conversion.lowering import lower

    return lower(load_network(network).model, levels_follow=True)


def bayes_numbers(row: Row, data: str, sections: str, _: list[int]) -> dict:
    """Fixed and searched quantiles, and corrections, on validation and test sections."""
    from benchmarks.training_free_search import compared

    return compared(row.network, int(row.variant), data, sections, row.seed, HOST_LEVELS)


def stack_numbers(row: Row, data: str, sections: str, steps: list[int]) -> dict:
    """Published parts, each added in turn, by the command that simulates them."""
    import tempfile

    more = {"mended": [], "divided": ["--divided", "--quantile", "0.995"]}
    more["as-published"] = ["--as-published"]
    with tempfile.TemporaryDirectory() as folder:
        numbers = ",".join(map(str, steps))
        command = [
            sys.executable, "-m", "loihiseg.simulate", "--method", "spicalib", "--data", data,
            "--checkpoint", row.network, "--sections", sections, "--steps", numbers,
            "--seed", "0", "--out", folder + "/run", *more[row.variant],
        ]  # fmt: skip
        subprocess.run(command, check=True, cwd=HERE.parent)
        metrics = read_json(Path(folder) / "run/metrics.json")
    rows = {one["name"]: one["pixel"]["membrane_iou"] for one in metrics["score_rows"]}
    spikes = {one["name"]: one["work"]["spikes"] for one in metrics["runs"]}
    return {"iou": rows, "spikes": spikes, "seconds": metrics["seconds"]}


NUMBERS = {"ramp": ramp_numbers, "bayes": bayes_numbers, "stack": stack_numbers}


def job_of(row: Row, data: str, sections: str, steps: list[int]) -> dict:
    """What decides a row: the network's weights, options and data."""
    path = Path(row.network)
    content = path if path.is_file() else path / CHECKPOINT_FILE
    asked = asdict(row) | {"network": sha256(content.read_bytes())}
    more = {"steps": steps} if row.kind == "stack" else {}
    return asked | {"data": Path(data).name, "sections": sections, "format": FORMAT} | more


def parse(arguments=None):
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, metavar="PATH")
    parser.add_argument("--networks", default=NETWORKS, type=Path, metavar="FOLDER")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--subjects", nargs="+", choices=SUBJECTS, default=list(SUBJECTS))
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS), metavar="N")
    parser.add_argument("--levels", type=int, nargs="+", default=list(LEVELS), metavar="L")
    parser.add_argument("--sections", default="20:24", metavar="A:B")
    parser.add_argument(
        "--steps", type=int, nargs="+", default=list(STEPS), metavar="T", help="of the stack"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/training-free"), metavar="FOLDER")
    parser.add_argument("--table", type=Path, metavar="FILE", help="write the tables there too")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw IoU against steps there")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments=None) -> int:
    """Make what is not there yet, and write the tables after each row."""
    options = parse(arguments)
    rows, absent = rows_of(options)
    folder = options.out / ROWS
    folder.mkdir(parents=True, exist_ok=True)
    if options.one is not None:
        (row,) = (row for row in rows if row.name == options.one)
        found = NUMBERS[row.kind](row, options.data, options.sections, options.steps)
        job = job_of(row, options.data, options.sections, options.steps)
        stamp = made_with("benchmarks/training_free.py")
        write_json(folder / f"{row.name}.json", {"job": job} | found | {"made": stamp})
        return 0
    failed = []
    for row in rows:
        path = folder / f"{row.name}.json"
        job = job_of(row, options.data, options.sections, options.steps)
        if (read_json(path) or {}).get("job") != job:
            print(row.name, file=sys.stderr, flush=True)
            command = [sys.executable, __file__, *(arguments or sys.argv[1:]), "--one", row.name]
            if subprocess.run(command).returncode:
                failed.append(row.name)
        # All that is there, whatever is asked for now.
        kept = [read_json(one) for one in sorted(folder.glob("*.json"))]
        text = tables_of(kept, absent)
        for target in filter(None, (options.out / f"{TABLE}.md", options.table)):
            write_bytes(target, text.encode())
    if options.picture is not None:
        from benchmarks.training_free_tables import draw

        draw([read_json(one) for one in sorted(folder.glob("*.json"))], options.picture)
    if failed:
        print(f"ended with an error: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
