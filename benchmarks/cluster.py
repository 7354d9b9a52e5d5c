"""A volume by one process, and by workers of Dask: seconds, peak memory, the same bytes.

    python -m loihiseg.deploy --chips 2 --save kept
    python benchmarks/cluster.py kept
    python benchmarks/cluster.py kept --data ISBI2012/train-volume.tif --cpus 2

Every way runs in a process of its own, held to so many processors: one process of one thread and of
all, and as many workers of one thread each. Seconds are those of the segmentation, without starting
anything, and of the command from end to end; memory is that of this command and of its largest
worker, as the system counts it. Workers segment the first third by itself, too: what that leaves of
the seconds is without what starts them, and the last line is of these.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    # Python puts the script's folder first.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
POLL_S = 0.1
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Way:
    """How the volume is segmented: by so many threads of one process, or by so many workers."""

    name: str
    n_processors: int
    scheduler: str | None = None


@dataclass(frozen=True)
class Took:
    """What a way took."""

    segment_s: float
    whole_s: float
    peak_mib: float
    worker_mib: float


def ways(n_processors: int) -> list[Way]:
    """Those that are compared."""
    found = [Way("one process, 1 thread", 1), Way(f"one process, {n_processors} threads",
             n_processors)]  # fmt: skip
    counts = sorted({1, n_processors})
    return found + [Way(f"local:{n}", n_processors, f"local:{n}") for n in counts]


def peak_mib(process: int) -> float:
    """Largest memory of a process so far; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    found = [line.split()[1] for line in lines if line.startswith("VmHWM")]
    return int(found[0]) / 1024 if found else 0.0


def children(process: int) -> list[int]:
    """Processes below one, at any depth."""
    try:
        text = Path(f"/proc/{process}/task/{process}/children").read_text()
        threads = list(Path(f"/proc/{process}/task").iterdir())
        text = " ".join((thread / "children").read_text() for thread in threads)
    except OSError:
        return []
    direct = [int(one) for one in text.split()]
    return direct + [below for one in direct for below in children(one)]


def run(
    way: Way, raw: Path, folder: Path, options: argparse.Namespace, sections: str | None = None
) -> Took:
    """Segment in a process of its own, all sections or some."""
    folder.mkdir()
    command = [sys.executable, "-m", "loihiseg.segment", str(raw), str(folder / "map.zarr"),
               "--deployed", str(Path(options.kept).resolve()), "--on", options.on, "--quiet",
               *(["--scheduler", way.scheduler] if way.scheduler else []),
               *(["--sections", sections] if sections else [])]  # fmt: skip
    allowed = sorted(os.sched_getaffinity(0))[: way.n_processors]
    threads = 1 if way.n_processors == 1 or options.on == "float" else way.n_processors
    environment = os.environ | dict.fromkeys(THREADS, str(threads))
    start, of_workers = time.perf_counter(), 0.0
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, allowed),
    )
    while not os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        of_workers = max([of_workers, *map(peak_mib, children(process.pid))])
        time.sleep(POLL_S)
    whole_s = time.perf_counter() - start
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    seconds = json.loads((folder / "map.zarr.json").read_text())["seconds"]["segment"]
    return Took(seconds, whole_s, usage.ru_maxrss / 1024, of_workers)


def contents(folder: Path) -> dict[str, bytes]:
    """Of all files below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def n_sections(path: Path) -> int:
    """Of a volume."""
    from loihiseg.data.volume import open_volume

    with open_volume(path) as volume:
        return volume.n_sections


def write_volume(path: Path, n_sections: int, side: int) -> None:
    """Synthetic sections, as Zarr."""
    import zarr

    from loihiseg.data.synthetic import synthetic_stack

    images = synthetic_stack(n_sections, (side, side)).images
    zarr.create_array(path, data=np.ascontiguousarray(images), chunks=(1, 512, 512), zarr_format=2)


def main() -> None:
    """Measure, compare and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kept", help="folder kept by python -m loihiseg.deploy --save")
    parser.add_argument("--data", metavar="PATH", help="stack; synthetic sections if not given")
    parser.add_argument("--sections", type=int, default=12, help="synthetic ones")
    parser.add_argument("--side", type=int, default=512, help="their rows and columns")
    parser.add_argument("--on", choices=("chip", "float"), default="chip")
    parser.add_argument("--cpus", type=int, default=2, help="processors to use")
    parser.add_argument("--quick", action="store_true", help="4 sections of 128 x 128")
    options = parser.parse_args()
    if options.quick:
        options.sections, options.side = 4, 128
    took: dict[str, Took] = {}
    steady: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        raw = Path(options.data).resolve() if options.data else folder / "raw.zarr"
        if options.data is None:
            write_volume(raw, options.sections, options.side)
        print("way                       segment s  command s  peak MiB  largest worker MiB")
        first: dict[str, bytes] | None = None
        for number, way in enumerate(ways(options.cpus)):
            one = took[way.name] = run(way, raw, folder / str(number), options)
            print(f"{way.name:24s}  {one.segment_s:9.1f}  {one.whole_s:9.1f}  {one.peak_mib:8.0f}"
                  f"  {one.worker_mib:18.0f}", flush=True)  # fmt: skip
            found = contents(folder / str(number) / "map.zarr")
            first = first or found
            if found != first:
                raise SystemExit(f"{way.name}: OTHER BYTES than one process of one thread")
            third = n_sections(raw) // 3 // options.cpus * options.cpus
            if way.scheduler and third:
                part = run(way, raw, folder / f"{number}-part", options, f"0:{third}")
                steady[way.name] = one.segment_s - part.segment_s
                print(f"  of it, without sections 0:{third}: {steady[way.name]:.1f} s", flush=True)
    print("the same bytes by all")
    n, here = options.cpus, took[f"one process, {options.cpus} threads"].segment_s
    many, one_worker = took[f"local:{n}"].segment_s, took["local:1"].segment_s
    print(f"local:{n} is {one_worker / many:.2f} times as fast as local:1, and takes "
          f"{many / here:.2f} times as long as one process of {n} threads")  # fmt: skip
    if len(steady) > 1:
        ratio = steady["local:1"] / steady[f"local:{n}"]
        print(f"apart from what starts, local:{n} is {ratio:.2f} times as fast as local:1")


if __name__ == "__main__":
    main()
