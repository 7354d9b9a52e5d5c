"""Which cells networks join and cut: thresholds chosen by blocks of sections, test sections once.

    python benchmarks/topology.py --data ISBI2012 --out runs/topology
    python benchmarks/topology.py --data ISBI2012 --checkpoints paper-isbi2012-levels2 runs/mine
    python benchmarks/topology.py --data ISBI2012 --checkpoints runs/mine-seed0 runs/mine-seed1 \\
        paper-isbi2012-levels3 --beside paper-isbi2012-levels3

Each network is deployed with ``--topology`` (docs/topology.md), and its scores of cells put into a
table of all: in floats, on the emulated chip, and their difference, paired by section. Runs are
kept in ``--out`` and not made again. Networks whose names end in ``-seedN`` have a row of their
mean, and with ``--beside`` every one on the chip a row of what it has more than that one in one
look, section by section.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

if __name__ == "__main__":
    # Python puts the script's folder first.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np

from loihiseg.metrics.choosing import interval

ROOT = Path(__file__).resolve().parents[1]
CHECKPOINTS = ("paper-isbi2012-levels2", "paper-isbi2012-levels3", "paper-isbi2012")
WAYS = {"floats": "in floats", "chip": "on the chip"}
SHOWN = {
    "v_rand": "V_Rand", "v_info": "V_Info", "voi_split": "VOI split", "voi_merge": "VOI merge",
    "adapted_rand_error": "adapted Rand error", "merges": "merges", "splits": "splits",
    "merged_length_px": "merged, px", "split_length_px": "split, px",
    "membrane_iou": "membrane IoU", "cell_iou": "cell IoU",
}  # fmt: skip

PIXELS = {"accuracy, %": 2, "IoU of pixels": 3, "mJ a section": 1}
"""Columns of what no threshold for cells is chosen for, and their digits."""


def run_of(checkpoint: str, options: argparse.Namespace) -> Path:
    """The folder of a deployment, made where it is not there."""
    name = Path(checkpoint).stem if Path(checkpoint).suffix else Path(checkpoint).name
    folder = options.out / f"{name}-x{options.orientations}"
    if not (folder / "metrics.json").exists():
        command = [
            sys.executable, "-m", "loihiseg.deploy", "--checkpoint", checkpoint, "--data",
            options.data, "--chips", options.chips, "--tile", options.tile, "--topology",
            "--orientations", options.orientations, "--out", folder, "--force",
        ]  # fmt: skip
        subprocess.run([str(part) for part in command], check=True, cwd=ROOT)
    return folder


def table_of(runs: list[Path], beside: str | None = None) -> str:
    """All networks in Markdown: means of the test sections, intervals in brackets."""
    header = ("network", "map", "looks", "threshold, logit (by block)", "V_Rand, left out",
              *SHOWN.values(), *PIXELS)  # fmt: skip
    body = [header, ("---",) * len(header)]
    every = {folder.name: json.loads((folder / "metrics.json").read_text()) for folder in runs}
    for run, metrics in every.items():
        found, looks = metrics["topology"], str(metrics["orientations"])
        name = run.rpartition("-x")[0]
        for way, title in WAYS.items():
            one = found[way]
            chosen = (_chosen(one["threshold"]), f"{one['threshold']['score']:.3f}")
            body.append(
                (name, title, looks, *chosen, *_scores(one["means"]), *_pixels(metrics, way))
            )
        apart = _scores(found["chip_less_floats"], "+")
        body.append((name, "difference", looks, "", "", *apart, *_none(PIXELS)))
    against = _sections([every[f"{beside}-x1"]]) if beside else None
    for (name, looks), same in _alike(every).items():
        sections = _sections(same)
        if len(same) > 1:
            pixels = np.array([[float(x) for x in _pixels(m, "chip")] for m in same])
            means = [f"{x:.{digits}f}" for x, digits in zip(pixels.mean(0), PIXELS.values())]
            scores = _scores(_intervals(sections))
            body.append((name, f"on the chip, mean of {len(same)}", looks, "", "", *scores, *means))
        if against is not None and f"{name}-x{looks}" != f"{beside}-x1":
            more = [
                {key: ours[key] - theirs[key] for key in SHOWN}
                for ours, theirs in zip(sections, against, strict=True)
            ]
            title = f"on the chip, more than {beside}"
            scores = _scores(_intervals(more), "+")
            body.append((name, title, looks, "", "", *scores, *_none(PIXELS)))
    return "".join("| " + " | ".join(cells) + " |\n" for cells in body)


def _alike(every: dict[str, dict]) -> dict[tuple[str, str], list[dict]]:
    """Runs of the same looks of networks that differ by their seed alone."""
    found: dict[tuple[str, str], list[dict]] = {}
    for run, metrics in every.items():
        name, _, looks = run.rpartition("-x")
        found.setdefault((re.sub(r"-seed\d+$", "", name), looks), []).append(metrics)
    return found


def _sections(runs: list[dict]) -> list[dict[str, float]]:
    """Scores on the chip by section, means over runs."""
    by_run = [metrics["topology"]["chip"]["sections"] for metrics in runs]
    return [
        {key: float(np.mean([one[key] for one in same])) for key in SHOWN}
        for same in zip(*by_run, strict=True)
    ]


def _intervals(sections: list[dict[str, float]]) -> dict[str, dict]:
    return {key: asdict(interval([one[key] for one in sections])) for key in SHOWN}


def _pixels(metrics: dict, way: str) -> list[str]:
    """Accuracy and IoU by the threshold of pixels, and energy of all looks at a section."""
    network = {"floats": "trained", "chip": "emulated"}[way]
    row = next(row for row in metrics["score_rows"] if row["network"] == network)
    accuracy, iou = row["pixel"]["accuracy"], row["pixel"]["membrane_iou"]
    values = (100 * accuracy, iou, metrics["per_section"]["energy_uj"] / 1000)
    return [f"{x:.{digits}f}" for x, digits in zip(values, PIXELS.values(), strict=True)]


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
    parser.add_argument("--beside", metavar="NAME", help="network that others are compared with")
    parser.add_argument("--chips", type=int, default=2)
    parser.add_argument("--tile", default="auto")
    parser.add_argument("--orientations", type=int, choices=(1, 4, 8), default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/topology"), metavar="FOLDER")
    options = parser.parse_args()
    options.out = options.out.resolve()
    for checkpoint in sorted(options.checkpoints, key=lambda name: name != options.beside):
        run_of(checkpoint, options)
        runs = sorted(path.parent for path in options.out.glob("*-x*/metrics.json"))
        write_bytes(options.out / "topology.md", table_of(runs, options.beside).encode())
    print((options.out / "topology.md").read_text())


if __name__ == "__main__":
    main()
