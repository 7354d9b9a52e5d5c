"""Whole processes, killed at random moments and begun again: as if nothing had happened."""

import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile

from loihiseg.data.synthetic import synthetic_stack
from loihiseg.training.checkpoint import load_checkpoint
from tests import training_runs
from tests.deaths import left_over

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
N_TRAININGS, N_DEPLOYMENTS = 30, 20
REPORT = {
    "metrics.json", "config.json", "index.html", "sections.png", "rates.png", "floor_plan.png",
    "block_graph.json", "map-chip.tif", "map-float.tif",
}  # fmt: skip


TRAIN = """
import sys
from pathlib import Path
from tests.training_runs import run
folder = Path(sys.argv[1])
run(folder, resume=(folder / "training_state.npz").exists())
"""


def start(*command):
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finished(process):
    _, err = process.communicate()
    assert process.returncode == 0, err.decode()


def killed_at(process, seconds):
    """Kill it after so long; whether it lived until then."""
    time.sleep(seconds)
    process.kill()
    process.communicate()
    assert process.returncode in (0, -9)
    return process.returncode == -9


def timed(*command):
    begin = time.perf_counter()
    finished(start(*command))
    return time.perf_counter() - begin


def kept(folder):
    """Bytes of all files of a training but its log."""
    assert not left_over(folder) and not (folder / ".lock").exists()
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.suffix != ".log"}


def write_stack(folder, n_sections, side):
    folder.mkdir()
    stack = synthetic_stack(n_sections, (side, side))
    labels = np.where(stack.membrane, 0, 255).astype(np.uint8)
    for name, images in (("volume", stack.images), ("labels", labels)):
        tifffile.imwrite(folder / f"train-{name}.tif", images, photometric="minisblack")
    return folder


def test_trainings(tmp_path):
    seconds = timed("-c", TRAIN, tmp_path / "whole")
    whole = kept(tmp_path / "whole")
    rng, n_killed, trial, n_begun = random.Random(5), 0, 0, 0
    while n_killed < N_TRAININGS:
        folder = tmp_path / f"trial-{trial}"
        trial += 1
        for _ in range(4):
            # The first part of its time goes by before anything is written.
            n_killed += killed_at(start("-c", TRAIN, folder), rng.uniform(0.4, 1) * seconds)
            if (folder / "checkpoint.json").exists():
                load_checkpoint(folder)
                n_begun += 1
        finished(start("-c", TRAIN, folder))
        assert kept(folder) == whole
    print(f"{n_killed} kills of {trial} trainings, {n_begun} after a checkpoint")


def test_deployments(tmp_path, monkeypatch):
    monkeypatch.setenv("LOIHISEG_CACHE", str(tmp_path / "cache"))
    data = write_stack(tmp_path / "stack", 6, 48)
    training_runs.run(tmp_path / "net", epochs=1)
    options = ("--data", data, "--checkpoint", tmp_path / "net", "--tiles", 2, "--steps", 20)
    options += ("--calibration-tiles", 1, "--force", "--out")
    seconds = timed("-m", "loihiseg.deploy", *options, tmp_path / "whole")
    wanted = json.loads((tmp_path / "whole" / "metrics.json").read_text())
    rng, n_killed, trial, n_pages = random.Random(6), 0, 0, 0
    while n_killed < N_DEPLOYMENTS:
        folder = tmp_path / f"trial-{trial}"
        trial += 1
        for _ in range(4):
            # What a kill has left of the cache is built again, whole or not.
            if rng.random() < 0.5:
                shutil.rmtree(tmp_path / "cache", ignore_errors=True)
            n_killed += killed_at(
                start("-m", "loihiseg.deploy", *options, folder), rng.uniform(0.3, 1) * seconds
            )
            if (folder / "index.html").exists():
                n_pages += 1
                assert {p.name for p in folder.iterdir()} >= REPORT
        finished(start("-m", "loihiseg.deploy", *options, folder))
        assert not left_over(folder) and not left_over(tmp_path / "cache")
        assert {p.name for p in folder.iterdir() if p.suffix != ".log"} == REPORT
        found = json.loads((folder / "metrics.json").read_text())
        for key in ("score_rows", "layers", "mapping", "tiles", "threshold", "readout"):
            assert found[key] == wanted[key], key
    print(f"{n_killed} kills of {trial} deployments; {n_pages} left a page")
