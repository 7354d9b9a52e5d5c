"""Sections larger than memory: seconds and peak memory of segment, and a run that is killed.

    python benchmarks/large_sections.py
    python benchmarks/large_sections.py --format tif --dtype uint8
    python -m loihiseg.deploy --checkpoint tiny-synthetic --chips 2 --tiles 4 --save kept
    python benchmarks/large_sections.py --killed kept

The volume is made in bands, synthetic tissue over and over with noise of its own, and is segmented
by the network in floats in a process whose peak memory the system counts. With ``--killed``, four
sections of 1024 x 1024 are segmented on the chip instead, by processes that are killed at random
and begun again; what comes out is compared byte by byte with a run that was left in peace.
"""

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

if __name__ == "__main__":
    # Python puts the script's folder first.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np

from benchmarks.processes import measured

ROOT = Path(__file__).resolve().parents[1]
BAND = 512
"""Rows that are made together; whole chunks."""
CHUNK = 512


def bands_of(shape: tuple[int, int], dtype: str, seed: int):
    """Bands of a section, (BAND, width): the first row of each and its pixels."""
    from loihiseg.data.synthetic import synthetic_stack

    tissue = synthetic_stack(1, (BAND, BAND)).images[0]
    rng = np.random.default_rng(seed)
    n_across = -(-shape[1] // BAND)
    for top in range(0, shape[0], BAND):
        band = np.tile(np.roll(tissue, int(rng.integers(BAND)), 1), (1, n_across))[:, : shape[1]]
        noise = rng.normal(0, 6, band.shape).astype(np.float32)
        values = np.clip(band + noise, 0, 255)[: shape[0] - top]
        yield top, (np.rint(values) if dtype == "uint8" else values).astype(dtype)


def write_volume(path: Path, shape: tuple[int, int, int], dtype: str) -> None:
    """A Zarr in chunks of 512 x 512, or a TIFF without compression, by the name."""
    target = _zarr(path, shape, dtype) if path.suffix == ".zarr" else _tiff(path, shape, dtype)
    for number in range(shape[0]):
        for top, band in bands_of(shape[1:], dtype, number):
            target[number, top : top + len(band)] = band


def _zarr(path: Path, shape: tuple[int, int, int], dtype: str):
    import zarr

    return zarr.create_array(
        path, shape=shape, dtype=dtype, chunks=(1, CHUNK, CHUNK), zarr_format=2
    )


def _tiff(path: Path, shape: tuple[int, int, int], dtype: str):
    import tifffile

    return tifffile.memmap(path, shape=shape, dtype=dtype, photometric="minisblack")


def segment_command(*arguments: object) -> list[str]:
    """The command line of a segmentation."""
    return [sys.executable, "-m", "loihiseg.segment", *map(str, arguments)]


def large(options: argparse.Namespace, folder: Path) -> None:
    """Segment a volume of the size that is asked for."""
    side = 1024 if options.quick else options.side
    n_bytes = 2**24 if options.quick else int(options.gigabytes * 1e9)
    n_sections = max(n_bytes // (side * side * np.dtype(options.dtype).itemsize), 1)
    raw, out = folder / f"raw.{options.format}", folder / "map.zarr"
    start = time.perf_counter()
    write_volume(raw, (n_sections, side, side), options.dtype)
    print(f"{n_sections} sections of {side} x {side}, {options.dtype} {options.format}, "
          f"written in {time.perf_counter() - start:.0f} s", flush=True)  # fmt: skip
    more = ["--scheduler", options.scheduler] if options.scheduler else []
    took = measured(
        segment_command(raw, out, "--on", "float", "--checkpoint", options.checkpoint, *more)
    )
    seconds, peak = took.seconds, took.peak_mib
    parts = json.loads((folder / "map.zarr.json").read_text())["seconds"]
    n_pixels = n_sections * side * side
    print(f"seconds {seconds:.0f} ({', '.join(f'{k} {v:.0f}' for k, v in parts.items())}), "
          f"{n_pixels / 1e6 / seconds:.2f} megapixels per second, peak {peak:.0f} MiB")  # fmt: skip


def killed(options: argparse.Namespace, folder: Path) -> None:
    """Kill a segmentation on the chip at random, go on, and compare."""
    side, n_kills = (128, 3) if options.quick else (1024, options.kills)
    raw = folder / "raw.zarr"
    write_volume(raw, (4, side, side), "uint8")

    def command(name: str) -> list[str]:
        (folder / name).mkdir(exist_ok=True)
        kept = Path(options.killed).resolve()
        return segment_command(raw, folder / name / "map.zarr", "--deployed", kept, "--quiet",
                               "--probability", "float32", "--cells", "--link")  # fmt: skip

    took = measured(command("peace"))
    seconds, peak = took.seconds, took.peak_mib
    print(f"4 sections of {side} x {side} on the chip: {seconds:.0f} s, peak {peak:.0f} MiB")
    n_done = _killed(lambda: command("killed"), folder / "killed", n_kills, seconds, options.seed)
    same = contents(folder / "peace" / "map.zarr") == contents(folder / "killed" / "map.zarr")
    print(f"killed {n_kills} times and gone on with, at last with {n_done} windows and sections "
          f"of cells done: {'the same bytes' if same else 'OTHER BYTES'}")  # fmt: skip
    if not same:
        raise SystemExit(1)


def _killed(
    command: Callable[[], list[str]], folder: Path, n_kills: int, seconds: float, seed: int
) -> int:
    """Kill a command so often at random, then let it end; how much was gone on with at last."""
    rng, left = random.Random(seed), n_kills
    output, journal = folder / "map.zarr", folder / "map.zarr.journal"
    while left:
        process = subprocess.Popen(command(), cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            process.wait(rng.uniform(0, 0.5) * seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if output.exists():
            # It was done before all kills had come: from the beginning.
            shutil.rmtree(folder)
        elif process.returncode == -signal.SIGKILL:
            left -= 1
        else:
            raise SystemExit(f"{' '.join(command())} ended with {process.returncode}")
    n_done = journal.read_bytes().count(b"\n") - 1 if journal.exists() else 0
    measured(command())
    return n_done


def contents(folder: Path) -> dict[str, bytes]:
    """Of all files below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def main() -> None:
    """Make a volume, segment it, say what it took."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--side", type=int, default=8192, help="rows and columns of a section")
    parser.add_argument("--gigabytes", type=float, default=2.15, help="of the volume")
    parser.add_argument("--dtype", choices=("float32", "uint8"), default="float32")
    parser.add_argument("--format", choices=("zarr", "tif"), default="zarr")
    parser.add_argument("--checkpoint", default="tiny-synthetic")
    parser.add_argument("--scheduler", metavar="ADDRESS|local:N")
    parser.add_argument("--killed", metavar="FOLDER", help="a kept network: kill it instead")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="of the kills")
    parser.add_argument("--quick", action="store_true", help="small ones")
    parser.add_argument(
        "--folder", help="where files are made and removed (default: of the system)"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        (killed if options.killed else large)(options, Path(folder))


if __name__ == "__main__":
    main()
