"""Damaged files of every format: refused in one line, or read as what they were."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.data.readers.damage import CHECKED, HANG_SECONDS, MOST_BYTES, VARIANTS

ROOT = Path(__file__).parents[3]
ALLOWED = {"refused", "same", "other pixels"}


def _read_all(format_name, n, seed):
    """Runs in a process of its own: what crashes, hangs or takes memory ends that one."""
    command = [sys.executable, "-m", "tests.data.readers.damage", format_name, str(n), str(seed)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    why = f"crash, or hang over {HANG_SECONDS} s\n{done.stderr[-3000:]}"
    assert done.returncode == 0, why
    return json.loads(done.stdout)


def _check(format_name, n, seed):
    result = _read_all(format_name, n, seed)
    counts = result["counts"]
    assert sum(sum(found.values()) for found in counts.values()) == n
    for case, found in counts.items():
        variant, kind = case.split(" ", 1)
        # "memory": more than MOST_BYTES were wanted.
        assert found.keys() <= ALLOWED, (case, MOST_BYTES, found)
        if variant in CHECKED[format_name] and kind in ("bytes", "chunk"):
            assert "other pixels" not in found, (case, found)
    return counts


@pytest.mark.parametrize("format_name", VARIANTS)
def test_200_damaged_files(format_name):
    counts = _check(format_name, 200, seed=1)
    # Damage is found, and not because nothing can be read.
    least = 50 if format_name in ("npy", "mrc") else 100  # mostly pixels stored as they are
    assert sum(found.get("refused", 0) for found in counts.values()) > least


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
@pytest.mark.parametrize("format_name", VARIANTS)
def test_2000_damaged_files(format_name, seed):
    # Of colours, as many for each of the formats that have them.
    _check(format_name, 7_700 if format_name == "colours" else 2_000, seed)
