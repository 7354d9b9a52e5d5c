"""Running what is planned: each run in a process of its own and a folder of its own.

A run's folder holds ``job.json``, what it is asked to do, and, once it is done, ``run.json``: the
same, and what it was made with. TensorFlow gives no memory back between networks, hence processes.
"""

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from benchmarks.reproduction.kinds import StagedTraining, Training
from loihiseg.errors import InputError
from loihiseg.files import write_json
from loihiseg.provenance import versions
from loihiseg.training.checkpoint import FILE_NAME as CHECKPOINT_FILE
from loihiseg.training.presets import TrainingConfig

JOB_FILE = "job.json"
RUN_FILE = "run.json"
LOCK_FILE = ".lock"
PROGRAMS = "programs"
"""Folder below the output's for compiled programs."""

WORKER = Path(__file__).with_name("work.py")
INTERRUPTED = (130, -signal.SIGINT, -signal.SIGTERM)


@dataclass(frozen=True)
class Workplace:
    """Where runs are made and of which data.

    Attributes
    ----------
    out : Path
        Folder of all runs.
    data, labels : str or None
        As the options of that name; None for synthetic sections.
    label_polarity : str
    digest : str
        SHA-256 of the stack.
    command : str
        That began it all, for the record.
    label_threshold : float or None
    boundary_width : int
    ignore_label : int, float or None
    pixel_nm : tuple of float or None
        How labels and sizes are read, as the options of that name.
    """

    out: Path
    data: str | None
    labels: str | None
    label_polarity: str
    digest: str
    command: str
    label_threshold: float | None = None
    boundary_width: int = 2
    ignore_label: float | None = None
    pixel_nm: tuple | None = None


def job_of(place: Workplace, run) -> dict | None:
    """What a run is asked to do, as in ``job.json``; None if it lacks a trained network."""
    settings = run.settings() | {"data": place.digest}
    for key, training in run.networks.items():
        settings[key] = weights_digest(place.out / training)
        if settings[key] is None:
            return None
    # Tuples become lists, as they do in the file.
    return json.loads(json.dumps(settings))


def weights_digest(folder: Path) -> str | None:
    """SHA-256 of a finished training's weights, or None."""
    if read_json(folder / RUN_FILE) is None:
        return None
    return (read_json(folder / CHECKPOINT_FILE) or {}).get("sha256")


def read_json(path: Path):
    """Content of a JSON file, or None if it is not there or damaged."""
    try:
        return json.loads(Path(path).read_bytes())
    except (OSError, ValueError):
        return None


def is_finished(place: Workplace, run) -> bool:
    """Whether a run is done, with what it is asked for now.

    What needs a trained network is not if that has been trained anew since.
    """
    job = job_of(place, run)
    done = read_json(place.out / run.name / RUN_FILE)
    return job is not None and done is not None and _filled(done.get("job")) == job


_TRAININGS = (Training.kind, StagedTraining.kind)


def _filled(job):
    """A job with what has been added to configurations since it was written, by default."""
    if not isinstance(job, dict) or job.get("kind") not in _TRAININGS:
        return job
    try:
        config = msgspec.convert(job["config"], TrainingConfig)
    except (msgspec.ValidationError, InputError, KeyError):
        return job
    return job | {"config": json.loads(json.dumps(asdict(config)))}


def check_folders(place: Workplace, runs) -> None:
    """Refuse to train over a network of another configuration.

    Raises
    ------
    InputError
        Names the folder and what differs.
    """
    for run in runs:
        before, wanted = read_json(place.out / run.name / JOB_FILE), job_of(place, run)
        if not isinstance(run, Training) or None in (before, wanted):
            continue
        # From another start it is trained anew.
        differing = differences(_filled(before), wanted | _starts(before))
        if differing:
            raise InputError(
                f"{place.out / run.name}: holds a network of another configuration "
                f"({'; '.join(differing[:3])}); choose another --out, or remove the folder"
            )


def _starts(job):
    return {key: job[key] for key in ("start_weights",) if key in job}


def differences(before, after, path="") -> list[str]:
    """Where two values of JSON differ, as ``key before -> after``."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            text
            for key in sorted({*before, *after})
            for text in differences(before.get(key), after.get(key), f"{path}.{key}".strip("."))
        ]
    return [] if before == after else [f"{path} {before} -> {after}"]


@contextmanager
def locked(out: Path):
    """Hold a folder for this process and the runs it starts; yields what they must inherit.

    A lock of `loihiseg.locks` ends with the process that took it; this one is to last as long as
    any run that has its descriptor.

    Raises
    ------
    InputError
        If another process holds it, such as a run that outlived the command that began it.
    """
    import fcntl

    with open(out / LOCK_FILE, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(
                f"{out}: another reproduction is at work there; wait for it, end it, or choose "
                "another --out"
            ) from None
        yield lock.fileno()


def asked_of(place: Workplace, run) -> dict:
    """Where a run's process finds what it needs; what it is to do is in ``job.json``."""
    return {
        "folder": str(place.out / run.name),
        "programs": str(place.out / PROGRAMS),
        "checkpoint": _folder_of(place, run, "weights"),
        "start": _folder_of(place, run, "start_weights"),
        "data": place.data,
        "labels": place.labels,
        "label_polarity": place.label_polarity,
        "label_threshold": place.label_threshold,
        "boundary_width": place.boundary_width,
        "ignore_label": place.ignore_label,
        "pixel_nm": place.pixel_nm,
    }


def _folder_of(place, run, key):
    training = run.networks.get(key)
    return training and str(place.out / training)


def forget(folder: Path, job: dict) -> None:
    """Remove a training that was begun from another start than is asked for now."""
    before = read_json(folder / JOB_FILE)
    if (
        before is not None
        and job["kind"] == StagedTraining.kind
        and _starts(before) != _starts(job)
    ):
        shutil.rmtree(folder)


def execute(place: Workplace, run, lock: int) -> int:
    """Run one to its end and return its exit code.

    Raises
    ------
    KeyboardInterrupt
        If it was interrupted.
    """
    folder, job = place.out / run.name, job_of(place, run)
    forget(folder, job)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RUN_FILE).unlink(missing_ok=True)
    write_json(folder / JOB_FILE, job)
    start = time.perf_counter()
    command = [sys.executable, str(WORKER), json.dumps(asked_of(place, run))]
    with subprocess.Popen(command, pass_fds=(lock,)) as process:
        try:
            code = process.wait()
        except BaseException:
            # All that it has finished is in whole files; the rest it does again.
            process.kill()
            raise
    if code in INTERRUPTED:
        raise KeyboardInterrupt
    if code == 0:
        seconds = time.perf_counter() - start
        record = {"job": job, "seconds": seconds} | made_with(place.command)
        write_json(folder / RUN_FILE, record)
    return code


def made_with(command: str) -> dict:
    """What a number stands with: command, machine, versions and date."""
    return {
        "command": command,
        "machine": machine(),
        "versions": versions(),
        "commit": commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def machine() -> str:
    """Processor and cores that may be used."""
    cores = len(os.sched_getaffinity(0))
    return f"{platform.system()} {platform.machine()}, {_processor()}, {cores} cores"


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"


def commit() -> str | None:
    """Commit of the sources, if they are in a repository; "-dirty" if they were changed since."""
    command = ["git", "-C", str(WORKER.parent), "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip() or None
