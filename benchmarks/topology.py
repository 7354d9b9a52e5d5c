"""Which cells networks join and cut: thresholds chosen by blocks of sections, test sections once.

    python benchmarks/topology.py --data ISBI2012 --out runs/topology
    python benchmarks/topology.py --data ISBI2012 --checkpoints paper-isbi2012-levels2 runs/mine

Every section is segmented by the network in floats and on the emulated chip, whole, as
`loihiseg.segment` does. Thresholds are tried by tenths of a logit; that of the best mean V_Rand on
training and validation sections is applied once to the test sections, of either map its own. What
choosing is worth is told by cross-validation over blocks of sections. Intervals are of the test
sections, bootstrapped; those of differences are paired by section.

Maps are kept in ``--out`` and not made again; so is a JSON file for each network, with all scores
by section, and a table of all.
"""

import argparse
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

if __name__ == "__main__":
    # Python puts the script's folder first.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
CHECKPOINTS = ("paper-isbi2012-levels2", "paper-isbi2012-levels3", "paper-isbi2012")
WAYS = ("float", "chip")
SHOWN = {
    "v_rand": "V_Rand", "v_info": "V_Info", "voi_split": "VOI split", "voi_merge": "VOI merge",
    "adapted_rand_error": "adapted Rand error", "merges": "merges", "splits": "splits",
    "merged_length_px": "merged, px", "split_length_px": "split, px",
    "membrane_iou": "membrane IoU", "cell_iou": "cell IoU",
}  # fmt: skip
LEAST = 1e-7
"""Of a probability and of what is left of it, so that its logit is finite."""


def command(*arguments: object) -> None:
    """A command of the program, in a process of its own."""
    subprocess.run([sys.executable, "-m", *map(str, arguments)], check=True, cwd=ROOT)


def maps_of(checkpoint: str, options: argparse.Namespace, folder: Path) -> dict[str, np.ndarray]:
    """Logits of membrane of all sections, float32 (sections, rows, columns), in both ways."""
    import tifffile

    raw = Path(options.data).resolve() / "train-volume.tif"
    folder.mkdir(parents=True, exist_ok=True)
    paths = {way: folder / f"{way}-x{options.orientations}.tif" for way in WAYS}
    more = ["--probability", "float32", "--orientations", options.orientations]
    if not paths["float"].exists():
        command("loihiseg.segment", raw, paths["float"], "--checkpoint", checkpoint, "--on",
                "float", *more)  # fmt: skip
    if not paths["chip"].exists():
        if not (folder / "kept").exists():
            command("loihiseg.deploy", "--checkpoint", checkpoint, "--data", options.data,
                    "--chips", options.chips, "--tile", options.tile, "--tiles", 1, "--out",
                    folder / "run", "--save", folder / "kept")  # fmt: skip
        command("loihiseg.segment", raw, paths["chip"], "--deployed", folder / "kept", *more)
    return {way: _logits(tifffile.imread(path)) for way, path in paths.items()}


def _logits(probability: np.ndarray) -> np.ndarray:
    sure = np.clip(probability.astype(np.float64), LEAST, 1 - LEAST)
    return np.log(sure / (1 - sure))


def measured(checkpoint: str, options: argparse.Namespace) -> dict:
    """All scores of one network, in both ways, and their differences."""
    from loihiseg.data.readers import read_stack
    from loihiseg.data.sections import parse_sections
    from loihiseg.metrics.choosing import LOGITS, choose_threshold, interval
    from loihiseg.metrics.topology import rand_curve, section_topology

    stack = read_stack(options.data)
    test = list(parse_sections(options.test, stack.n_sections))
    others = [number for number in range(stack.n_sections) if number not in test]
    maps = maps_of(checkpoint, options, options.out / _name(checkpoint))
    found: dict = {"checkpoint": _name(checkpoint), "test": test, "orientations":
                   options.orientations, "ways": {}}  # fmt: skip
    rows: dict[str, list[dict]] = {}
    for way, logits in maps.items():
        by_section = [rand_curve(stack.membrane[one], logits[one], LOGITS) for one in others]
        chosen = choose_threshold(np.array(by_section))
        rows[way] = [
            asdict(section_topology(stack.membrane[one], logits[one], chosen.logit)) for one in test
        ]
        found["ways"][way] = {
            "threshold": asdict(chosen),
            "sections": rows[way],
            "means": {
                name: asdict(interval([row[name] for row in rows[way]])) for name in rows[way][0]
            },
        }
    found["chip_less_float"] = {
        name: asdict(
            interval(
                [chip[name] - float_[name] for chip, float_ in zip(rows["chip"], rows["float"])]
            )
        )
        for name in rows["chip"][0]
    }
    return found


def _name(checkpoint: str) -> str:
    return Path(checkpoint).stem if Path(checkpoint).suffix else Path(checkpoint).name


def table_of(rows: list[dict]) -> str:
    """All networks in Markdown: means of the test sections, intervals in brackets."""
    header = ("network", "map", "looks", "threshold, logit (by block)", "V_Rand, left out",
              *SHOWN.values())  # fmt: skip
    body = [header, ("---",) * len(header)]
    for row in rows:
        of_row = (row["checkpoint"], str(row["orientations"]))
        for way in WAYS:
            one = row["ways"][way]
            chosen = (_chosen(one["threshold"]), f"{one['threshold']['score']:.3f}")
            body.append((of_row[0], way, of_row[1], *chosen, *_scores(one["means"])))
        apart = _scores(row["chip_less_float"], "+")
        body.append((of_row[0], "chip less float", of_row[1], "", "", *apart))
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
    """Measure all networks, and write what was found after each."""
    from loihiseg.files import write_bytes, write_json

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, metavar="PATH")
    parser.add_argument("--checkpoints", nargs="+", default=list(CHECKPOINTS), metavar="PATH")
    parser.add_argument("--test", default="20:24", metavar="A:B")
    parser.add_argument("--chips", type=int, default=2)
    parser.add_argument("--tile", default="auto")
    parser.add_argument("--orientations", type=int, choices=(1, 4, 8), default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/topology"), metavar="FOLDER")
    options = parser.parse_args()
    options.out = options.out.resolve()
    for checkpoint in options.checkpoints:
        name = f"{_name(checkpoint)}-x{options.orientations}.json"
        found = measured(checkpoint, options)
        (options.out / "rows").mkdir(parents=True, exist_ok=True)
        write_json(options.out / "rows" / name, found)
        rows = [_read(path) for path in sorted((options.out / "rows").glob("*.json"))]
        write_bytes(options.out / "topology.md", table_of(rows).encode())
    print((options.out / "topology.md").read_text())


def _read(path: Path) -> dict:
    import json

    return json.loads(path.read_text())


if __name__ == "__main__":
    main()
