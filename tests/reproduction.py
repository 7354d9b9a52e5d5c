"""Workplaces and records of the reproduction that several tests share."""

import json
from dataclasses import fields, replace

import pytest

from benchmarks import reproduce
from benchmarks.reproduction import kinds, plan, results, runs, work
from loihiseg.results import Results, SimulationResults, decode_results, plain
from loihiseg.training.presets import PRESETS
from tests.results.examples import example, simulation, stopped

MADE = {
    "command": "python benchmarks/reproduce.py",
    "machine": "a machine, 2 cores",
    "versions": {"numpy": "1.24.3"},
    "commit": "0123456789",
    "date": "2026-01-01 00:00 UTC",
}
DONE = {"job": {}, "seconds": 60.0} | MADE
"""As in ``run.json`` of a run of a minute."""


@pytest.fixture(name="protocol")
def protocol_fixture():
    base = replace(PRESETS["tiny"], epochs=10, tuning_epochs=2)
    return plan.Protocol(base, 24, seeds=(0, 1, 2))


@pytest.fixture(name="place")
def place_fixture(tmp_path):
    return runs.Workplace(tmp_path, None, None, "auto", "d1g3st", "python benchmarks/reproduce.py")


def deployed(run):
    """As a deployment comes out: networks of levels take 10 steps and 20 times less of all."""
    values = example()
    activity = values.activity
    if run.steps is None:
        counts = {f.name: getattr(activity, f.name) for f in fields(activity)}
        less = {name: n / 20 for name, n in counts.items() if n is not None}
        less |= {"n_steps": activity.n_steps // 20, "n_images": activity.n_images}
        loihi, *others = values.energy
        loihi = replace(loihi, total_uj_per_image=loihi.total_uj_per_image / 20)
        values = replace(
            values,
            activity=replace(activity, **less),
            energy=(loihi, *others),
            agreement=0.999,
        )
    else:
        values = replace(values, activity=replace(activity, n_steps=run.steps * activity.n_images))
    return values if run.early_exit is None else stopped(values)


def simulated(run, **scores):
    """As a simulation comes out."""
    return simulation(run.steps, **scores)


def typed(values):
    """Results, whether they are typed already or plain values."""
    if isinstance(values, Results):
        return values
    return decode_results(json.dumps(values).encode(), "metrics.json")


def records_of(protocol, change=lambda name, values: values):
    """A record for every deployment of the plan."""
    found = {}
    for part in plan.plan(protocol).values():
        for run in part:
            if isinstance(run, kinds.FastSnn):
                found[run.name] = results.simulation_record(simulated(run), DONE)
            elif isinstance(run, plan.Deployment):
                found[run.name] = results.record(typed(change(run, deployed(run))), DONE)
    return found


def write(path, value):
    if isinstance(value, Results | SimulationResults):
        value = plain(value)
    path.write_text(json.dumps(value))


@pytest.fixture(name="stack_folder", scope="module")
def stack_folder_fixture(tmp_path_factory):
    import tifffile

    from loihiseg.data.synthetic import synthetic_stack

    folder = tmp_path_factory.mktemp("stack")
    stack = synthetic_stack(6, (48, 48))
    tifffile.imwrite(folder / "train-volume.tif", stack.images)
    tifffile.imwrite(folder / "train-labels.tif", (~stack.membrane * 255).astype("uint8"))
    return folder


@pytest.fixture(name="here")
def here_fixture(monkeypatch, tmp_path, stack_folder):
    """A workplace on a small stack, where runs are made in this process."""
    from loihiseg.commands.common import read_data

    monkeypatch.setenv("LOIHISEG_CACHE", str(tmp_path / "programs"))
    options = reproduce.parse(["--data", str(stack_folder)])
    digest = read_data(options).digest
    place = runs.Workplace(tmp_path, str(stack_folder), None, "auto", digest, "a command")

    def execute(run):
        folder = place.out / run.name
        folder.mkdir(parents=True, exist_ok=True)
        job = runs.job_of(place, run)
        write(folder / runs.JOB_FILE, job)
        asked = runs.asked_of(place, run)
        work.main([json.dumps(asked)])
        assert runs.read_json(folder / runs.RUN_FILE) is None
        write(folder / runs.RUN_FILE, {"job": job, "seconds": 1.0} | MADE)

    return place, execute
