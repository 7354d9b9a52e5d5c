"""A labelled stack by a kept network, twice: by segment, as a file, and by deploy, with its report.

    python -m loihiseg.deploy --chips 2 --data ISBI2012 --checkpoint paper-isbi2012-levels2 \\
        --tile auto --save kept
    python benchmarks/whole_stack.py kept --data ISBI2012
    python benchmarks/whole_stack.py kept --data ISBI2012 --orientations 8

Says seconds and peak memory of both commands, and whether the scores of the file, which
`loihiseg.score` reads and compares with the labels, are the report's. They have to be equal to the
last digit: the maps are, and so is the rule.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # Python puts the script's folder first.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.processes import Took, measured


def segmented(options: argparse.Namespace, folder: Path) -> tuple[Took, dict[str, Any]]:
    """Segment the stack without its labels, and score the file that was written."""
    import loihiseg

    raw, labels = (
        Path(options.data).resolve() / f"train-{kind}.tif" for kind in ("volume", "labels")
    )
    target = folder / f"map.{options.format}"
    took = measured(
        [sys.executable, "-m", "loihiseg.segment", str(raw), str(target),
         "--deployed", str(Path(options.kept).resolve()), "--probability", "float32",
         "--orientations", str(options.orientations)],
        quiet=True,
    )  # fmt: skip
    threshold = json.loads(Path(f"{target}.json").read_text())["threshold"]
    return took, asdict(loihiseg.score(target, labels, threshold))


def reported(options: argparse.Namespace, folder: Path) -> tuple[Took, dict[str, Any]]:
    """Deploy on all sections, and read the report's scores of the chip."""
    out = folder / "run"
    took = measured(
        [sys.executable, "-m", "loihiseg.deploy", "--deployed", str(Path(options.kept).resolve()),
         "--data", str(Path(options.data).resolve()), "--sections", f"0:{options.sections}",
         "--orientations", str(options.orientations), "--out", str(out)],
        quiet=True,
    )  # fmt: skip
    rows = json.loads((out / "metrics.json").read_text())["score_rows"]
    return took, next(row for row in rows if row["network"] == "emulated")


def main() -> None:
    """Run both and compare."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kept", help="kept by python -m loihiseg.deploy --save")
    parser.add_argument("--data", required=True, help="folder with train-volume and train-labels")
    parser.add_argument("--sections", type=int, default=24, help="how many the stack has")
    parser.add_argument("--orientations", type=int, choices=(1, 4, 8), default=1)
    parser.add_argument("--format", choices=("tif", "zarr"), default="tif")
    parser.add_argument("--folder", help="where files are made and removed (default: the system's)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        ways = {"segment": segmented, "deploy": reported}
        found = {way: run(options, Path(name)) for way, run in ways.items()}
    for way, (took, row) in found.items():
        challenge, pixel = row["challenge"], row["pixel"]
        print(f"{way}: {took.seconds:.0f} s, {took.cpu_s:.0f} s of processors, "
              f"{took.peak_mib:.0f} MiB; V_Rand {challenge['v_rand']:.6f}, V_Info "
              f"{challenge['v_info']:.6f}, IoU {pixel['membrane_iou']:.6f}")  # fmt: skip
    file, report = (row for _, row in found.values())
    same = all(_plain(file[part]) == _plain(report[part]) for part in ("pixel", "challenge"))
    print("the same scores, to the last digit" if same else "OTHER SCORES")
    if not same:
        raise SystemExit(1)


def _plain(scores: dict[str, Any]) -> Any:
    """As they come out of a file, to be compared with those that have been in one."""
    return json.loads(json.dumps(scores))


if __name__ == "__main__":
    main()
