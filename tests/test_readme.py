"""The README is short, and each of its doors ends in what it says."""

import re
import shlex
import subprocess
import sys

import numpy as np
import tifffile

from tests.documents import ROOT, blocks, section

README = ROOT / "README.md"
MOST_BYTES = 8000


def test_is_short():
    assert len(README.read_bytes()) <= MOST_BYTES


def typed(line, folder):
    """Run a command line of ours as the installed program would."""
    words = shlex.split(line, comments=True)
    assert words[0] in ("loihiseg", "partition"), line
    found = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        env={
            "PYTHONPATH": str(ROOT),
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "OMP_NUM_THREADS": "1",
        },
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_a_stack_ends_in_maps(tmp_path):
    (block,) = blocks(section(README, "A stack of your own"), "")
    lines = block.splitlines()
    assert len(lines) <= 5
    for line in lines:
        typed(line, tmp_path)
    probability = tifffile.imread(tmp_path / "map.tif")
    cells = tifffile.imread(tmp_path / "map-cells.tif")
    assert probability.shape == cells.shape == (8, 256, 256)
    assert probability.std() > 1 and cells.max() > 8


def run(title, folder, monkeypatch, capsys):
    """The names and the output of a section's Python."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LOIHISEG_CACHE", str(folder / "cache"))
    (block,) = blocks(section(README, title), "python")
    names: dict = {}
    exec(compile(block, str(README), "exec"), names)
    return names, capsys.readouterr().out


def test_a_keras_network_is_called_alike(tmp_path, monkeypatch, capsys):
    names, shown = run("A Keras network of your own", tmp_path, monkeypatch, capsys)
    (share,) = re.findall(r"(\d+)% called as by Keras", shown)
    assert len(names["called"]) == 100
    # Three classes: a third by chance.
    assert int(share) > 70


def test_a_nengo_network_ends_in_a_plan(tmp_path, monkeypatch, capsys):
    names, _ = run("A Nengo network", tmp_path, monkeypatch, capsys)
    assert names["sim"].activity.n_steps == 100
    (line,) = blocks(section(README, "A Nengo network"), "")
    said = typed(line, tmp_path)
    assert "proved" in said
    assert (tmp_path / "plan.png").read_bytes().startswith(b"\x89PNG")
    assert np.any(names["sim"].activity.compartment_spikes)
