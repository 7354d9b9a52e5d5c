"""Scoring a large map: seconds and peak memory to read map and labels from files and score them.

    python benchmarks/scoring.py --quick
    python benchmarks/scoring.py --side 4096 8192
    python benchmarks/scoring.py --side 20000

Map (uint8) and labels are one section each, made band by band from synthetic sections laid side by
side, each turned, mirrored and with noise of its own. They are read and scored in a process of
its own: nothing of how they were made counts.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

if __name__ == "__main__":
    # Python puts the script's folder first.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

BLOCK = 512
"""Rows and columns of a synthetic section, pixels."""

N_BLOCKS = 4
"""Synthetic sections there are."""

QUICK = (1024, 2048)


def write(folder: Path, side: int, seed: int = 0) -> tuple[Path, Path]:
    """Write a map and labels of so many rows and columns; returns their paths."""
    import numpy as np

    from loihiseg.data.writers import open_output

    sections = _blocks()
    rng = np.random.default_rng(seed)
    paths = folder / f"map-{side}.tif", folder / f"labels-{side}.tif"
    with (
        open_output(paths[0], shape=(1, side, side), dtype="uint8", pixel_nm=None) as maps,
        open_output(paths[1], shape=(1, side, side), dtype="uint8", pixel_nm=None) as labels,
    ):
        for top in range(0, side, BLOCK):
            height = min(BLOCK, side - top)
            band = np.empty((2, BLOCK, -(-side // BLOCK) * BLOCK), np.uint8)
            for left in range(0, side, BLOCK):
                band[:, :, left : left + BLOCK] = _turned(sections, rng)
            for output, rows in zip((maps, labels), band):
                output.write_window(0, top, 0, np.ascontiguousarray(rows[:height, :side]))
    return paths


def _blocks():
    """Probability of membrane, float32, and truth, of each synthetic section."""
    from scipy.ndimage import gaussian_filter

    from loihiseg.data.synthetic import synthetic_stack

    truth = synthetic_stack(N_BLOCKS, (BLOCK, BLOCK)).membrane
    return [(gaussian_filter(one.astype("float32"), 1.5), one) for one in truth]


def _turned(sections, rng):
    """(2, BLOCK, BLOCK) uint8: a map and labels, 255 for cell, of a block."""
    import numpy as np
    from scipy.ndimage import gaussian_filter

    from loihiseg.data.orientations import orientations

    probability, truth = sections[rng.integers(len(sections))]
    noise = gaussian_filter(rng.normal(size=probability.shape).astype(np.float32), 2.0)
    noisy = np.clip(1.6 * probability + 1.5 * noise, 0, 1)
    orientation = orientations(8)[rng.integers(8)]
    block = np.stack([np.rint(noisy * 255), np.where(truth, 0, 255)]).astype(np.uint8)
    return np.stack([orientation.shown(one) for one in block])


def measured(maps: str, labels: str) -> dict[str, float]:
    """Read and score, in this process; seconds, MiB and scores."""
    start = time.perf_counter()
    import loihiseg
    from loihiseg.data.maps import read_map, read_truth

    imported = time.perf_counter()
    before = _peak_mb()
    probability = read_map(maps)
    truth = read_truth(labels).membrane
    read = time.perf_counter()
    read_mb = _peak_mb()
    row = loihiseg.score(probability, truth)
    return {
        "import_s": imported - start,
        "read_s": read - imported,
        "score_s": time.perf_counter() - read,
        "before_mb": before,
        "read_mb": read_mb,
        "peak_mb": _peak_mb(),
        "accuracy": row.pixel.accuracy,
        "v_rand": row.challenge.v_rand,
        "v_info": row.challenge.v_info,
    }


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--side", type=int, nargs="+", default=[4096], metavar="PIXELS")
    parser.add_argument("--quick", action="store_true", help=f"sides of {QUICK} instead")
    parser.add_argument("--folder", help="where the files are made (default: a temporary one)")
    parser.add_argument("--alone", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        print(json.dumps(measured(*options.alone)))
        return
    print(
        "    side  read s  score s  us per pixel  before MiB  after reading  peak MiB  accuracy  "
        "V_Rand  V_Info",
        flush=True,
    )
    for side in QUICK if options.quick else options.side:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            paths = map(str, write(Path(folder), side))
            command = [sys.executable, __file__, "--alone", *paths]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        one = json.loads(done.stdout)
        pixel_us = (one["read_s"] + one["score_s"]) / side**2 * 1e6
        print(
            f"{side:8d}  {one['read_s']:6.1f}  {one['score_s']:7.1f}  {pixel_us:12.2f}  "
            f"{one['before_mb']:10.0f}  {one['read_mb']:13.0f}  {one['peak_mb']:8.0f}  "
            f"{one['accuracy']:8.4f}  {one['v_rand']:6.4f}  {one['v_info']:6.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
