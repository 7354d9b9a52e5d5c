"""Workplaces and records of the reproduction that several tests share."""

import json
from dataclasses import replace

import pytest

from benchmarks import reproduce
from benchmarks.reproduction import kinds, plan, results, runs, work
from loihiseg.network.presets import PRESETS

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


def metrics(accuracy=(0.92, 0.91), iou=(0.66, 0.65), spikes=8e6, n_images=8, n_sections=2):
    """As a deployment writes them: two sections, each of four tiles."""

    def stage(name, accuracy, iou):
        pixel = {
            "accuracy": accuracy, "all_cell_accuracy": 0.8, "membrane_iou": iou,
            "membrane_f1": 0.8,
        }  # fmt: skip
        challenge = {"v_rand": iou + 0.3, "v_info": iou + 0.31}
        return {"name": name, "pixels": "whole sections", "pixel": pixel, "challenge": challenge,
                "challenge_shifted": {"v_rand": iou + 0.32, "v_info": iou + 0.33}}  # fmt: skip

    return {
        "stages": [
            stage("trained", accuracy[0], iou[0]),
            stage("8-bit weights", accuracy[0], iou[0]),
            stage("8-bit, spiking on chip", accuracy[1], iou[1]),
        ],
        "tiles": [[20 + i * n_sections // n_images, i, 0] for i in range(n_images)],
        "network": {"source": "somewhere", "tile": 64},
        "data": {"source": "somewhere", "sha256": "0123456789abcdef" * 4, "polarity": "labels"},
        "mapping": {
            "n_neurons": 239616, "n_cores": 240, "n_chips_used": 2, "messages": 70.0,
            "measured_messages": 72.5, "lower_bound": 65.0,
            "allocators": [
                {"name": "Greedy", "messages": 140.0}, {"name": "partition", "messages": 70.0},
            ],
        },
        "activity": {
            "n_images": n_images, "n_steps": 200 * n_images, "neuron_updates": 400e6,
            "synaptic_events": 40e6, "spikes": spikes, "messages": 16e6, "macs": 5e6,
        },
        "energy": [
            {"device": "loihi", "total_uj_per_image": 4000.0},
            {"device": "cpu", "total_uj_per_image": 9000.0},
            {"device": "gpu", "total_uj_per_image": 300.0},
        ],
        "inter_chip_energy": [
            {"hop_factor": 10.0, "uj_per_image": 1.0}, {"hop_factor": 1000.0, "uj_per_image": 100.0}
        ],
        "rates": {"share_in_range": 0.96, "silent_share": 0.1, "mean_hz": 20.0},
        "layers": [{"rates": {"percentile": 99.5, "low_hz": 50.0, "high_hz": 200.0}}],
        "seconds": {"load": 1.0},
        "peak_memory_mb": 2000.0,
    }  # fmt: skip


def deployed(run):
    """As a deployment writes them: networks of levels take 10 steps and 20 times less of all."""
    values = metrics()
    if run.steps is None:
        activity = values["activity"]
        activity |= {key: value / 20 for key, value in activity.items() if key != "n_images"}
        values["energy"][0]["total_uj_per_image"] /= 20
        values["agreement"] = 0.999
    else:
        values["activity"]["n_steps"] = run.steps * values["activity"]["n_images"]
    if run.early_exit is not None:
        last = values["stages"][-1]
        values["stages"].append(last | {"name": "stopped"})
        values["early_exit"] = {"mean_steps": 8.0, "share_wrong": 0.004}
    return values


def simulated(run, iou=(0.66, 0.65, 0.641, 0.60, 0.645, 0.62)):
    """As a simulation writes it."""
    names = (
        results.TRAINED, results.QUANTIZED, results.SIGNED, results.UNSIGNED,
        *results.TUNED.values(),
    )  # fmt: skip
    row = metrics()["stages"][0]
    stages = [
        row | {"name": name, "pixel": row["pixel"] | {"membrane_iou": value}}
        for name, value in zip(names, iou)
    ]
    work = {"spikes": 3e6, "neuron_updates": 50e6, "tiles": 4}
    return {
        "stages": stages, "steps": run.steps, "tile": 64, "sections": [20, 21],
        "spiking": {name: work for name in names[2:]},
        "tuning": {name: [{"kept": True}, {"kept": False}] for name in names[2:4]},
        "data": metrics()["data"], "peak_memory_mb": 2000.0,
    }  # fmt: skip


def records_of(protocol, change=lambda name, values: values):
    """A record for every deployment of the plan."""
    found = {}
    for part in plan.plan(protocol).values():
        for run in part:
            if isinstance(run, kinds.FastSnn):
                found[run.name] = results.simulation_record(simulated(run), DONE)
            elif isinstance(run, plan.Deployment):
                found[run.name] = results.record(change(run, deployed(run)), DONE)
    return found


def write(path, value):
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
    from loihiseg.cli import read_data

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
