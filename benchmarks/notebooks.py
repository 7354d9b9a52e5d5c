"""Runs the notebooks from top to bottom and says how long each takes.

    python benchmarks/notebooks.py [NUMBER ...] [--write]

With ``--write`` outputs are kept in the notebooks, as they are committed: of synthetic sections,
whatever stack is at hand. Without it LOIHISEG_ISBI2012 may name the folder of ISBI 2012.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import nbclient
import nbformat

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "notebooks"
CELL_SECONDS = 600


def run(notebook: nbformat.NotebookNode, environment: dict[str, str]) -> tuple[float, float]:
    """Seconds by the clock and of CPU that a notebook takes; outputs are put into it.

    It runs in an empty folder, and finds nothing that another run compiled if there is an empty
    LOIHISEG_CACHE.
    """
    with tempfile.TemporaryDirectory() as folder:
        client = nbclient.NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            resources={"metadata": {"path": folder}},
            record_timing=False,
        )
        start, before = time.perf_counter(), os.times()
        client.execute(env=environment)
        seconds, after = time.perf_counter() - start, os.times()
        user = after.children_user - before.children_user
        return seconds, user + after.children_system - before.children_system


def main() -> None:
    """Run those that are asked for, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("numbers", nargs="*", help="first digits of their names (default: all)")
    parser.add_argument("--write", action="store_true", help="keep the outputs")
    options = parser.parse_args()
    paths = [
        path
        for path in sorted(FOLDER.glob("*.ipynb"))
        if not options.numbers or path.name.startswith(tuple(options.numbers))
    ]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    }
    if options.write:
        environment.pop("LOIHISEG_ISBI2012", None)
    totals = [0.0, 0.0]
    print(f"{'':32} {'seconds':>8} {'of CPU':>8} {'kB':>6}")
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        seconds = run(notebook, environment)
        totals = [a + b for a, b in zip(totals, seconds, strict=True)]
        if options.write:
            nbformat.write(notebook, path)
        size = path.stat().st_size / 1000
        print(f"{path.stem:32} {seconds[0]:8.1f} {seconds[1]:8.1f} {size:6.0f}", flush=True)
    print(f"{'all':32} {totals[0]:8.1f} {totals[1]:8.1f}")


if __name__ == "__main__":
    main()
