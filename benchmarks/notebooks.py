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


def run(notebook: nbformat.NotebookNode, environment: dict[str, str]) -> float:
    """Seconds that a notebook takes in an empty folder; outputs are put into it."""
    with tempfile.TemporaryDirectory() as folder:
        client = nbclient.NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            resources={"metadata": {"path": folder}},
            record_timing=False,
        )
        start = time.perf_counter()
        client.execute(env=environment)
        return time.perf_counter() - start


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
    total = 0.0
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        seconds = run(notebook, environment)
        total += seconds
        if options.write:
            nbformat.write(notebook, path)
        print(f"{path.stem:32} {seconds:6.1f} s {path.stat().st_size / 1000:6.0f} kB", flush=True)
    print(f"{'all':32} {total:6.1f} s")


if __name__ == "__main__":
    main()
