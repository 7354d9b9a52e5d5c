"""The codes side by side in the reproduction: what is planned, run, and said of it."""

from dataclasses import replace

from benchmarks.reproduction import code_plan, kinds, plan, results, runs
from loihiseg.data.splits import Split
from tests.test_reproduce import here, stack_folder  # noqa: F401 - fixtures

# --- the runs themselves ----------------------------------------------------------------------


def test_levels_are_trained_deployed_and_simulated(here):  # noqa: F811
    from loihiseg.checkpoint import load_checkpoint
    from tests.training_runs import CONFIG

    place, execute = here
    split = Split(train=(0, 1, 5), validation=range(4, 5), test=range(2, 4))
    execute(plan.Training("seed-0/train", replace(CONFIG, epochs=1), split))
    config = code_plan.level_config(CONFIG, 1, (1, 1))
    run = kinds.StagedTraining("seed-0/levels-1/train", config, split, "seed-0/train")
    execute(run)
    assert runs.is_finished(place, run)
    info = load_checkpoint(place.out / run.name).info
    levels = info.config.network.levels
    assert levels[0] == code_plan.STEM_LEVELS and set(levels[1:]) == {1}
    assert [stage.batch_norm for stage in info.config.stages] == [True, False]
    assert info.config.start and info.epoch == 2  # of the last stage
    common = {"steps": None, "calibration_tiles": 1, "input": "timed"}
    deployed = plan.Deployment("seed-0/levels-1/two-chips", run.name, tile="auto", **common)
    execute(deployed)
    one = record(place, deployed)
    assert one["tile"] == 48  # the whole section
    assert one["agreement"] > 0.995 and one["mapping"]["n_chips_used"] <= 2
    assert one["steps"] == 6 and one["early_exit"] is None
    fast = kinds.FastSnn("seed-0/levels-1/fast-snn", run.name, "seed-0/train", 1, 2)
    execute(fast)
    metrics = runs.read_json(place.out / fast.name / "metrics.json")
    simulated = results.simulation_record(metrics, {"seconds": 1.0, "job": {}})
    assert set(simulated["spiking"]) == set(results.TUNED) | set(results.TUNED.values())


def record(place, run):
    metrics = runs.read_json(place.out / run.name / "metrics.json")
    return results.record(metrics, {"job": {}, "seconds": 1.0})
