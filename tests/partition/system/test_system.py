"""What stands in where an operating system lacks something; Linux alone is really asked."""

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from partition import system

ROOT = Path(__file__).parents[3]

OF_POSIX = {
    "os": (
        "O_NONBLOCK", "O_CLOEXEC", "O_DIRECTORY", "geteuid", "uname", "pread", "preadv", "pwrite",
        "memfd_create", "sched_getaffinity", "sysconf",
    ),
    "signal": ("SIGALRM", "setitimer", "SIGHUP", "SIGXCPU", "SIGKILL", "pthread_sigmask"),
}  # fmt: skip
"""What Windows' Python has not; macOS' lacks some."""

STAND_ALONE = (
    "loihiseg/conversion/keras_file/hdf5_map.py",
    "loihiseg/data/readers/hdf5/describe.py",
)
"""Files that are run by their path and import nothing of ours."""


def of_posix(tree):
    """Names of POSIX that a module uses, and modules that only POSIX has."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in OF_POSIX.get(node.value.id, ()):
                yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name in ("resource", "fcntl", "termios"))
        elif isinstance(node, ast.ImportFrom) and node.module in ("resource", "fcntl", "termios"):
            yield node.module


def test_it_is_asked_for_in_one_place():
    found = {
        str(path.relative_to(ROOT)): sorted(set(of_posix(ast.parse(path.read_bytes()))))
        for package in ("loihiseg", "partition")
        for path in (ROOT / package).rglob("*.py")
    }
    users = {path: names for path, names in found.items() if names}
    # The alarm itself is set where it is heard, once `has_alarm` says that there is one.
    assert users.pop("partition/command_line/stopping.py") == ["signal.SIGALRM", "signal.setitimer"]
    assert sorted(users) == sorted([*STAND_ALONE, "partition/system/__init__.py"])


def test_bytes_come_and_go_without_places(tmp_path, monkeypatch):
    for name in ("pread", "preadv", "pwrite"):
        monkeypatch.delattr(os, name)
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    handle = os.open(path, os.O_RDWR)
    try:
        assert system.read_at(handle, 3, 4) == b"456"
        assert system.write_at(handle, b"ab", 8) == 2
        buffer = memoryview(bytearray(4))
        assert system.read_into(handle, buffer, 7) == 3 and bytes(buffer) == b"7ab\0"
    finally:
        os.close(handle)


def test_what_is_not_said(tmp_path, monkeypatch):
    for name in ("geteuid", "sched_getaffinity", "sysconf", "memfd_create"):
        monkeypatch.delattr(os, name)
    monkeypatch.setitem(sys.modules, "resource", None)
    assert system.is_own(tmp_path.stat())
    assert system.n_cores() == os.cpu_count()
    assert system.memory_bytes() is None and system.peak_memory_bytes() == 0
    with system.file_of_no_name("x") as file:
        file.write(b"abc")
        file.seek(0)
        assert file.read() == b"abc" and file.fileno() > 2


def test_no_process_is_ended_to_see_whether_it_runs(monkeypatch):
    monkeypatch.setattr(system.os, "name", "nt")
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("would end it"))
    assert system.is_running(1)


def test_peak_is_in_bytes_everywhere(monkeypatch):
    here = system.peak_memory_bytes()
    assert 10 * 2**20 < here < 2**40
    monkeypatch.setattr(sys, "platform", "darwin")
    assert system.peak_memory_bytes() < here / 100


def test_stops_without_alarm_and_hangup(monkeypatch):
    for name in ("SIGALRM", "SIGHUP", "pthread_sigmask"):
        monkeypatch.delattr(signal, name)
    assert not system.has_alarm()
    assert list(system.stop_signals().values()) == ["interrupted", "terminated"]
    with system.stops_held_back():
        pass


LACKING = f"""
import asyncio, os, runpy, signal, subprocess, sys, tempfile  # of this system: as they are
for module, names in {OF_POSIX!r}.items():
    for name in names:
        if name != "uname":  # numpy's Linux build asks for it
            delattr(sys.modules[module], name)
sys.modules["resource"] = None
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["loihiseg", "doctor", "--no-test"],
        ["loihiseg", "synthetic", "made", "--sections", "2", "--size", "64"],
    ],
    ids=" ".join,
)
def test_commands_run_without(arguments, tmp_path):
    found = subprocess.run(
        [sys.executable, "-c", LACKING, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )
    assert found.returncode == 0, found.stderr
    if "synthetic" in arguments:
        made = tifffile.imread(tmp_path / "made" / "train-volume.tif")
        assert made.shape == (2, 64, 64) and made.dtype == np.uint8
