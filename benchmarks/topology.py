"""Which cells networks join and cut: thresholds chosen by blocks of sections, test sections once.

    python benchmarks/topology.py --data ISBI2012 --out runs/topology
    python benchmarks/topology.py --data ISBI2012 --checkpoints paper-isbi2012-levels2 runs/mine
    python benchmarks/topology.py --data ISBI2012 --checkpoints runs/seed0 runs/seed1 \\
        paper-isbi2012-levels3 --beside paper-isbi2012-levels3 --mean

Each network is deployed with ``--topology`` (docs/topology.md), and its scores of cells put into a
table of all: in floats, on the emulated chip, and their difference, paired by section. Runs are
kept in ``--out`` and not made again. With ``--beside`` every network on the chip has a row of what
it has more than that one in one look, or than the mean of those, section by section; with
``--mean`` there are rows of the mean of the other networks, such as those of several seeds.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

if __name__ == "__main__":
    # Python puts the script's folder first.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np

from loihiseg.metrics.choosing import interval

ROOT = Path(__file__).resolve().parents[1]
CHECKPOINTS = (
    "paper-isbi2012-levels2", "paper-isbi2012-levels3", "paper-isbi2012", "pooled-isbi2012-levels3",
)  # fmt: skip
WAYS = {"floats": "in floats", "chip": "on the chip", "flooded": "on the chip, flooded"}
ON_CHIP = ("chip", "flooded")
SHOWN = {
    "v_rand": "V_Rand", "v_info": "V_Info", "voi": "VOI", "voi_split": "VOI split",
    "voi_merge": "VOI merge",
    "adapted_rand_error": "adapted Rand error", "merges": "merges", "splits": "splits",
    "merged_length_px": "merged, px", "split_length_px": "split, px",
    "membrane_iou": "membrane IoU", "cell_iou": "cell IoU",
}  # fmt: skip

PIXELS = {"accuracy, %": 2, "IoU of pixels": 3, "mJ a section": 1}
"""Columns of what no threshold for cells is chosen for, and their digits."""


def _name(checkpoint: str) -> str:
    """Of a network, whose file ends in a suffix and whose folder does not."""
    return Path(checkpoint).stem if Path(checkpoint).suffix else Path(checkpoint).name


def run_of(checkpoint: str, options: argparse.Namespace) -> Path:
    """The folder of a deployment, made where it is not there."""
    folder = options.out / f"{_name(checkpoint)}-x{options.orientations}"
    if not (folder / "metrics.json").exists():
        command = [
            sys.executable, "-m", "loihiseg.deploy", "--checkpoint", checkpoint, "--data",
            options.data, "--chips", options.chips, "--tile", options.tile, "--topology",
            "--orientations", options.orientations, "--out", folder, "--force",
        ]  # fmt: skip
        subprocess.run([str(part) for part in command], check=True, cwd=ROOT)
    return folder


def table_of(runs: list[Path], beside: Sequence[str] = (), mean_of: Sequence[str] = ()) -> str:
    """All networks in Markdown: means of the test sections, intervals in brackets.

    ``beside`` and ``mean_of`` are names of networks.
    """
    header = ("network", "map", "looks", "threshold, logit (by block)", "V_Rand, left out",
              *SHOWN.values(), *PIXELS)  # fmt: skip
    every: dict[tuple[str, str], dict] = {}
    for folder in runs:
        name, _, looks = folder.name.rpartition("-x")
        every[name, looks] = json.loads((folder / "metrics.json").read_text())
    body = [header, ("---",) * len(header)]
    for (name, looks), metrics in every.items():
        body += _by_itself(name, looks, metrics)
    alike = {key: [metrics] for key, metrics in every.items()}
    for looks in sorted({looks for _, looks in every}):
        same = [every[name, looks] for name in mean_of if (name, looks) in every]
        if len(same) > 1:
            alike[MEAN.format(len(same)), looks] = same
            body += [_mean(looks, same, way) for way in _ways(same)]
    if beside:
        against = [alike.pop((name, "1"))[0] for name in beside]
        title = beside[0] if len(beside) == 1 else f"the mean of {', '.join(beside)}"
        for (name, looks), same in alike.items():
            body += [_more(name, looks, same, way, title, against) for way in _ways(same)]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in body)


MEAN = "mean of {}"


def _by_itself(name: str, looks: str, metrics: dict) -> list[tuple[str, ...]]:
    found, rows = metrics["topology"], []
    for way, title in WAYS.items():
        one = found.get(way)
        if one is None:
            continue
        chosen = (_chosen(one["threshold"]), f"{one['threshold']['score']:.3f}")
        pixels = _written(_pixels(metrics, way))
        scores = _scores(_intervals(_sections([metrics], way)))
        rows.append((name, title, looks, *chosen, *scores, *pixels))
    for way, other in (("chip", "floats"), ("flooded", "chip")):
        if found.get(way):
            apart = _scores(_less([metrics], way, [metrics], other), "+")
            title = f"{WAYS[way]}, more than {WAYS[other]}"
            rows.append((name, title, looks, "", "", *apart, *_none(PIXELS)))
    return rows


def _ways(same: list[dict]) -> list[str]:
    """Those of all these runs that are of the chip."""
    return [way for way in ON_CHIP if all(metrics["topology"].get(way) for metrics in same)]


def _mean(looks: str, same: list[dict], way: str) -> tuple[str, ...]:
    pixels = np.mean([_pixels(metrics, way) for metrics in same], axis=0)
    scores = _scores(_intervals(_sections(same, way)))
    return (MEAN.format(len(same)), WAYS[way], looks, "", "", *scores, *_written(pixels))


def _more(
    name: str, looks: str, same: list[dict], way: str, than: str, against: list[dict]
) -> tuple[str, ...]:
    title = f"{WAYS[way]}, more than {than}"
    more = _scores(_less(same, way, against, "chip"), "+")
    return (name, title, looks, "", "", *more, *_none(PIXELS))


def _sections(runs: list[dict], way: str) -> list[dict[str, float]]:
    """Scores by section, means over runs."""
    by_run = [metrics["topology"][way]["sections"] for metrics in runs]
    every = [[one | {"voi": one["voi_split"] + one["voi_merge"]} for one in run] for run in by_run]
    return [
        {key: float(np.mean([one[key] for one in same])) for key in SHOWN}
        for same in zip(*every, strict=True)
    ]


def _less(ours: list[dict], way: str, theirs: list[dict], other: str) -> dict[str, dict]:
    """Intervals of differences by section, of means over runs."""
    pairs = zip(_sections(ours, way), _sections(theirs, other), strict=True)
    return _intervals([{key: one[key] - two[key] for key in SHOWN} for one, two in pairs])


def _intervals(sections: list[dict[str, float]]) -> dict[str, dict]:
    return {key: asdict(interval([one[key] for one in sections])) for key in SHOWN}


def _pixels(metrics: dict, way: str) -> tuple[float, ...]:
    """Accuracy and IoU by the threshold of pixels, and energy of all looks at a section."""
    network = "trained" if way == "floats" else "emulated"
    row = next(row for row in metrics["score_rows"] if row["network"] == network)
    accuracy, iou = row["pixel"]["accuracy"], row["pixel"]["membrane_iou"]
    return 100 * accuracy, iou, metrics["per_section"]["energy_uj"] / 1000


def _written(pixels: Iterable[float]) -> list[str]:
    return [f"{x:.{digits}f}" for x, digits in zip(pixels, PIXELS.values(), strict=True)]


def _none(columns: Iterable[str]) -> list[str]:
    return ["" for _ in columns]


def _chosen(threshold: dict) -> str:
    by_block = sorted(threshold["by_block"])
    found = f"{threshold['logit']:.1f} ({by_block[0]:.1f} to {by_block[-1]:.1f})"
    return found + (", end of the grid" if threshold["is_at_end"] else "")


def _scores(means: dict, sign: str = "") -> list[str]:
    return [_said(means, name, sign) for name in SHOWN]


def _said(means: dict, name: str, sign: str = "") -> str:
    """A mean and its interval."""
    digits = ".0f" if name.endswith("_px") else ".1f" if name in ("merges", "splits") else ".3f"
    mean, low, high = (f"{means[name][key]:{sign}{digits}}" for key in ("mean", "low", "high"))
    return f"{mean} ({low} to {high})"


def main() -> None:
    """Deploy what is not there yet, and write the table after each."""
    from loihiseg.files import write_bytes

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, metavar="PATH")
    parser.add_argument("--checkpoints", nargs="+", default=list(CHECKPOINTS), metavar="PATH")
    parser.add_argument(
        "--beside", nargs="+", default=[], metavar="NAME", help="networks to compare others with"
    )
    parser.add_argument("--mean", action="store_true", help="a row of the mean of the networks")
    parser.add_argument("--chips", type=int, default=2)
    parser.add_argument("--tile", default="auto")
    parser.add_argument("--orientations", type=int, choices=(1, 4, 8), default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/topology"), metavar="FOLDER")
    options = parser.parse_args()
    options.out = options.out.resolve()
    names = [_name(checkpoint) for checkpoint in options.checkpoints]
    together = [name for name in names if name not in options.beside] if options.mean else []
    for checkpoint in options.checkpoints:
        run_of(checkpoint, options)
        runs = sorted(path.parent for path in options.out.glob("*-x*/metrics.json"))
        there = {f"{name}-x1" for name in options.beside} <= {run.name for run in runs}
        beside = options.beside if there else ()
        write_bytes(options.out / "topology.md", table_of(runs, beside, together).encode())
    print((options.out / "topology.md").read_text())


if __name__ == "__main__":
    main()
