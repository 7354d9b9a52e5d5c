"""Commands in processes of their own, and what the system says they took."""

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Took:
    """What a command took: seconds by the clock and of all processors, peak memory in MiB."""

    seconds: float
    cpu_s: float
    peak_mib: float


def measured(command: list[str], *, quiet: bool = False) -> Took:
    """Run a command, and ask the system what it took, itself alone; ``quiet``: without output."""
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL if quiet else None)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    seconds = time.perf_counter() - start
    return Took(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
