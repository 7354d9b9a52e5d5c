"""Loops are compiled with or without a place on disk."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numba")

ROOT = Path(__file__).parents[3]
CODE = """
import sys
sys.path[:0] = {path!r}
from loops import add, twice
assert add(2, 3) == 5 and twice(2) == 4
"""
LOOPS = """
from partition.core.compiled import compiled
@compiled
def add(a, b):
    return a + b
@compiled
def twice(a):
    return 2 * a
"""


def called(folder, **variables):
    """Standard error of a process that calls two compiled functions."""
    (folder / "loops.py").write_text(LOOPS)
    code = CODE.format(path=[str(folder), str(ROOT)])
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **variables}
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return found.stderr


def test_kept_where_asked(tmp_path):
    assert called(tmp_path, NUMBA_CACHE_DIR=str(tmp_path / "kept")) == ""
    assert list((tmp_path / "kept").rglob("*.nbc"))


def test_nowhere_to_keep_them_is_said_once(tmp_path):
    said = called(tmp_path, NUMBA_CACHE_LOCATOR_CLASSES="_NoLocator", NUMBA_CACHE_DIR="")
    assert said.count("compiled loops cannot be kept on disk") == 1 and "NUMBA_CACHE_DIR" in said


@pytest.mark.parametrize("suffix, damage", [("nbi", b""), ("nbc", b"nonsense"), ("nbc", None)])
def test_damaged_files_are_replaced(tmp_path, suffix, damage):
    kept = tmp_path / "kept"
    called(tmp_path, NUMBA_CACHE_DIR=str(kept))
    for path in kept.rglob(f"*.{suffix}"):
        path.write_bytes(path.read_bytes()[:-20] if damage is None else damage)
    assert called(tmp_path, NUMBA_CACHE_DIR=str(kept)) == ""
    assert {p.stat().st_size > 100 for p in kept.rglob(f"*.{suffix}")} == {True}


def test_a_full_disk_is_said_once(tmp_path):
    """A folder in the place of the file: writing fails when it is used, not before."""
    kept = tmp_path / "kept"
    called(tmp_path, NUMBA_CACHE_DIR=str(kept))
    for path in list(kept.rglob("*.nbi")):
        path.unlink()
        path.mkdir()
    said = called(tmp_path, NUMBA_CACHE_DIR=str(kept))
    assert said.count("compiled loops cannot be kept on disk") == 1


def test_a_read_only_installation_and_a_home_that_cannot_be_written(tmp_path):
    """Of containers and batch nodes: loops are compiled, with a line that says what to set."""
    installed = tmp_path / "installed"
    without = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "partition", installed / "partition", ignore=without)
    (installed / "loops.py").write_text(LOOPS)
    command = [sys.executable, "-c", CODE.format(path=[str(installed)])]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root writes anywhere")
        command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *command]
    nowhere = {"HOME": "/proc/none", "XDG_CACHE_HOME": "/proc/none", "PYTHONDONTWRITEBYTECODE": "1"}
    folders = [path for path in installed.rglob("*") if path.is_dir()] + [installed]
    for folder in folders:
        folder.chmod(0o555)
    try:
        environment = {"PATH": os.environ["PATH"], **nowhere}
        found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert found.stderr.count("compiled loops cannot be kept on disk") == 1
    assert not list(installed.rglob("*.nbi"))
