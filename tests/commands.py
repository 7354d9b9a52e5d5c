"""Commands called as a user calls them, and stacks to give them."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import tifffile

from loihiseg.commands.common import run

ROOT = Path(__file__).parents[1]


def command(name, *arguments, cwd=ROOT):
    """Run a command in a process of its own, with a home that cannot be written."""
    return subprocess.run(
        [sys.executable, "-m", f"loihiseg.{name}", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": "/proc/none"},
    )


def write_stack(folder, images, labels):
    folder.mkdir(parents=True, exist_ok=True)
    # Left to itself tifffile takes four sections for the channels of a colour image.
    tifffile.imwrite(folder / "train-volume.tif", images, photometric="minisblack")
    tifffile.imwrite(folder / "train-labels.tif", labels, photometric="minisblack")
    return folder


def in_process(capfd, name, *arguments):
    """Exit code, standard output and error of a command, without a process of its own."""
    try:
        code = run(import_module(f"loihiseg.{name}").main, list(map(str, arguments)))
    except SystemExit as leave:
        code = leave.code
    captured = capfd.readouterr()
    return code, captured.out, captured.err


def refused(capfd, says, name, *arguments, code=2):
    """The command ends in one line of error and nothing on standard output."""
    found, out, err = in_process(capfd, name, *arguments)
    lines = [line for line in err.splitlines() if line.strip()]
    assert (found, out) == (code, ""), err
    assert len(lines) == 1, err
    assert says in lines[0] and "error: " in lines[0]
    return lines[0]
