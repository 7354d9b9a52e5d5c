"""Which cells networks join and cut: thresholds chosen by blocks of sections, test sections once.

    python benchmarks/topology.py --data ISBI2012 --out runs/topology
    python benchmarks/topology.py --data ISBI2012 --checkpoints paper-isbi2012-levels2 runs/mine

Each network is deployed with ``--topology`` (docs/topology.md), and its scores of cells put into a
table of all: in floats, on the emulated chip, and their difference, paired by section. Runs are
kept in ``--out`` and not made again.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    # Python puts the script's folder first.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

ROOT = Path(__file__).resolve().parents[1]
CHECKPOINTS = ("paper-isbi2012-levels2", "paper-isbi2012-levels3", "paper-isbi2012")
WAYS = {"floats": "in floats", "chip": "on the chip"}
SHOWN = {
    "v_rand": "V_Rand", "v_info": "V_Info", "voi_split": "VOI split", "voi_merge": "VOI merge",
    "adapted_rand_error": "adapted Rand error", "merges": "merges", "splits": "splits",
    "merged_length_px": "merged, px", "split_length_px": "split, px",
    "membrane_iou": "membrane IoU", "cell_iou": "cell IoU",
}  # fmt: skip


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


def table_of(runs: list[Path]) -> str:
    """All networks in Markdown: means of the test sections, intervals in brackets."""
    header = ("network", "map", "looks", "threshold, logit (by block)", "V_Rand, left out",
              *SHOWN.values())  # fmt: skip
    body = [header, ("---",) * len(header)]
    for folder in runs:
        metrics = json.loads((folder / "metrics.json").read_text())
        found, looks = metrics["topology"], str(metrics["orientations"])
        name = folder.name.rpartition("-x")[0]
        for way, title in WAYS.items():
            one = found[way]
            chosen = (_chosen(one["threshold"]), f"{one['threshold']['score']:.3f}")
            body.append((name, title, looks, *chosen, *_scores(one["means"])))
        apart = _scores(found["chip_less_floats"], "+")
        body.append((name, "difference", looks, "", "", *apart))
    return "".join("| " + " | ".join(cells) + " |\n" for cells in body)


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
    parser.add_argument("--chips", type=int, default=2)
    parser.add_argument("--tile", default="auto")
    parser.add_argument("--orientations", type=int, choices=(1, 4, 8), default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/topology"), metavar="FOLDER")
    options = parser.parse_args()
    options.out = options.out.resolve()
    for checkpoint in options.checkpoints:
        run_of(checkpoint, options)
        runs = sorted(path.parent for path in options.out.glob("*-x*/metrics.json"))
        write_bytes(options.out / "topology.md", table_of(runs).encode())
    print((options.out / "topology.md").read_text())


if __name__ == "__main__":
    main()
