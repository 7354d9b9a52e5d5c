"""The codes side by side in the reproduction: what is planned, run, and said of it."""

from dataclasses import replace

import pytest

from benchmarks import reproduce
from benchmarks.reproduction import (
    cells,
    code_picture,
    code_plan,
    code_tables,
    codes,
    kinds,
    names,
    page,
    plan,
    results,
    runs,
)
from benchmarks.reproduction.names import LevelNetwork
from loihiseg.data.record import DataRecord, SplitRecord
from loihiseg.data.splits import Split
from loihiseg.errors import InputError
from loihiseg.report.run_folder import load_results, load_simulation
from loihiseg.results import plain
from loihiseg.training.checkpoint import (
    Checkpoint,
    CheckpointInfo,
    load_checkpoint,
    model_weights,
    save_checkpoint,
)
from loihiseg.training.presets import PRESETS
from tests.reproduction import (  # noqa: F401 - fixtures among them
    DONE,
    MADE,
    deployed,
    here_fixture,
    place_fixture,
    protocol_fixture,
    records_of,
    simulated,
    stack_folder_fixture,
    write,
)

OWN, TWO = code_plan.OWN_TILE, code_plan.TWO_CHIPS
ONE, TWO_LEVELS, THREE = (LevelNetwork(n) for n in (1, 2, 3))
SPARSE = LevelNetwork(1, sparse=True)


def by_first_cell(table):
    return {row[0]: row[1:] for row in table.rows}


# --- the plan ---------------------------------------------------------------------------------


def test_levels_start_from_the_rates_of_their_own_seed(protocol):
    planned = plan.plan(protocol)["codes"]
    trainings = [run for run in planned if isinstance(run, kinds.StagedTraining)]
    assert len(trainings) == len(code_plan.NETWORKS) * len(protocol.seeds)
    order = [run.name for run in planned]
    for run in trainings:
        seed, network, _ = run.name.split("/")
        assert run.start == f"{seed}/train" and run.config.seed == int(seed[5:])
        assert (run.config.event_weight > 0) == ("sparse" in network)
        assert order.index(run.start) < order.index(run.name)
    simulations = [run for run in planned if isinstance(run, kinds.FastSnn)]
    assert {(run.name[-10:-9], run.steps) for run in simulations} == {("1", 1), ("3", 3), ("7", 7)}
    stopped = [run for run in planned if getattr(run, "early_exit", None) is not None]
    assert [run.input for run in stopped] == ["held", "held"]


def test_networks_of_equal_levels_come_together(protocol):
    planned = plan.plan(protocol)["codes"]
    folders = [run.name.split("/")[1] for run in planned if isinstance(run, kinds.StagedTraining)]
    assert folders == [
        names.levels_name("", one)[1:] for one in code_plan.NETWORKS for _ in protocol.seeds
    ]


def test_epochs_of_levels_can_be_chosen():
    options = reproduce.parse(["--level-epochs", "6", "2"])
    planned = plan.plan(reproduce.protocol_of(options, 24))["codes"]
    configs = [run.config for run in planned if isinstance(run, kinds.StagedTraining)]
    assert {tuple(s.epochs for s in config.stages) for config in configs} == {(6, 2)}


def test_stages_of_levels_fold_before_weights_are_rounded():
    config = code_plan.level_config(PRESETS["paper"], THREE, (15, 5))
    assert [(s.levels, s.epochs, s.batch_norm, s.eight_bit) for s in config.stages] == [
        (3, 15, True, False), (3, 5, False, True)
    ]  # fmt: skip
    assert config.network.levels == 3 and config.epochs == 20 and config.tuning_epochs == 0
    binary = code_plan.level_config(PRESETS["paper"], ONE, (15, 5)).network
    assert binary.layer_levels == {name: 3 if name == "stem" else 1 for name in binary.activations}


def test_deployments_of_rates_have_the_job_they_had_before():
    job = plan.Deployment("seed-0/steps-200", "seed-0/train").settings()
    assert set(job) == {
        "kind", "format", "name", "training", "steps", "sections", "tiles", "calibration_tiles",
        "rate_network", "nengo_dl", "cold",
    }  # fmt: skip
    other = plan.Deployment("a", "b", None, chips=8, tile="auto", input="timed", early_exit=0.1)
    given = {"chips": 8, "tile": "auto", "input": "timed", "early_exit": 0.1}
    assert given.items() <= other.settings().items()


# --- running ----------------------------------------------------------------------------------


@pytest.fixture
def staged(place, protocol):
    """A training of levels, and its folder with what a finished one holds."""
    run = next(r for r in plan.plan(protocol)["codes"] if isinstance(r, kinds.StagedTraining))
    for name, digest in ((run.start, "one"), (run.name, "levels")):
        folder = place.out / name
        folder.mkdir(parents=True)
        write(folder / runs.CHECKPOINT_FILE, {"sha256": digest, "epoch": 1})
        write(folder / runs.RUN_FILE, {"job": {}})
    folder = place.out / run.name
    job = runs.job_of(place, run)
    write(folder / runs.JOB_FILE, job)
    write(folder / runs.RUN_FILE, {"job": job} | MADE)
    return run, folder


def test_levels_are_trained_anew_from_another_start(place, staged):
    run, folder = staged
    assert runs.is_finished(place, run)
    runs.forget(folder, runs.job_of(place, run))
    assert (folder / runs.CHECKPOINT_FILE).exists()
    write(place.out / run.start / runs.CHECKPOINT_FILE, {"sha256": "other", "epoch": 1})
    assert not runs.is_finished(place, run)
    runs.check_folders(place, [run])
    runs.forget(folder, runs.job_of(place, run))
    assert not folder.exists()


def test_levels_of_other_stages_are_not_trained_over(place, staged):
    run, _ = staged
    longer = code_plan.level_config(PRESETS["tiny"], THREE, (2, 1))
    with pytest.raises(InputError, match="another configuration"):
        runs.check_folders(place, [replace(run, config=longer)])
    # The start may be trained anew itself: nothing can be said until it is.
    (place.out / run.start / runs.RUN_FILE).unlink()
    assert runs.job_of(place, run) is None
    runs.check_folders(place, [run])


# --- the page ---------------------------------------------------------------------------------

IOU = {25: 0.20, 50: 0.30, 100: 0.64, 110: 0.205, 125: 0.21, 150: 0.22, 200: 0.66}
"""Of the rate code by steps. The float ANN has 0.66."""

LEVEL_IOU = {
    (ONE, OWN): 0.58,
    (TWO_LEVELS, OWN): 0.648,
    (SPARSE, OWN): 0.57,
    (THREE, OWN): 0.656,
    (TWO_LEVELS, TWO): 0.635,
    (THREE, TWO): 0.645,
}


def found_of(protocol, change=lambda run, values: None):
    """Results whose rate code takes work by its steps, levels a 20th of that at 200."""

    def changed(run, values):
        values = plain(deployed(run))
        iou, chips = IOU.get(run.steps, 0.66), 2
        if run.steps is None and run.early_exit is None:
            levels, where = run.name.split("/")[1:]
            network = next(n for n, _ in LEVEL_IOU if names.levels_name("", n) == f"/{levels}")
            iou = LEVEL_IOU[network, where]
            chips = 6 if (levels, where) == ("levels-3", OWN) else 2
        elif run.steps is not None:
            for key in ("neuron_updates", "synaptic_events", "spikes"):
                values["activity"][key] *= run.steps / 200
            values["energy"][0]["total_uj_per_image"] *= run.steps / 200
        values["score_rows"][2]["pixel"]["membrane_iou"] = iou
        values["mapping"]["n_chips_used"] = chips
        change(run, values)
        return values

    return results.Results(protocol, records_of(protocol, changed), {})


def test_codes_are_paired_with_the_rate_code_that_is_as_good(protocol):
    found = found_of(protocol)
    entry = codes.level_entry(found, THREE, TWO)
    below, above = codes.bettered(found, entry), codes.fallen_below(found, entry)
    assert below.rates.title == "rate code, 100 steps"
    assert above.rates.title == "rate code, 200 steps"
    assert below.ratio(lambda one: one["steps"]) == pytest.approx(10)  # 100 to 10
    # A 20th of 200 steps' is a 10th of 100 steps'.
    assert below.ratio(codes.energy) == pytest.approx(10)
    assert below.ratio(codes.work) == pytest.approx(10)
    assert codes.bettered(found, codes.level_entry(found, ONE, OWN)).rates.title.endswith(
        "50 steps"
    )
    rows = code_tables.pairs_table(found).rows
    assert len(rows) == 2 * len(code_plan.DEPLOYED)
    assert rows[0][6:] == ("5.0x", "5.0x", "5.0x", "5.0x")


def test_a_deployment_below_every_rate_code_betters_none(protocol):
    def change(run, values):
        if run.steps is None:
            values["score_rows"][2]["pixel"]["membrane_iou"] = 0.1

    found = found_of(protocol, change)
    assert codes.bettered(found, codes.level_entry(found, THREE, TWO)) is None
    assert {row[2] for row in code_tables.pairs_table(found).rows} == {"rate code, 25 steps"}
    rows = [row for row in code_tables.code_aims_table(found).rows if "equal or better" in row[0]]
    assert [row[3] for row in rows] == ["no", "no"]


def aims_of(found):
    return {row[0]: row[2:] for row in code_tables.code_aims_table(found).rows}


def one_aim(aims, *parts):
    (found,) = (value for what, value in aims.items() if all(part in what for part in parts))
    return found


def test_aims_of_codes_say_whether_they_are_met(protocol):
    aims = aims_of(found_of(protocol))
    assert one_aim(aims, "pixels as", "18 of 18") == ("99.900%", "yes")
    assert one_aim(aims, "L = 3 (6 chips") == ("0.40 points", "yes")
    assert one_aim(aims, "L = 3, largest tile") == ("1.50 points", "yes")
    assert one_aim(aims, "L = 2, largest tile") == ("2.50 points", "no")
    assert one_aim(aims, "lost", "L = 1 (2 chips") == ("8.00 points", "no")
    assert one_aim(aims, "better IoU, therm", "100 steps", "steps per tile")[1] == "yes"
    assert one_aim(aims, "as many chips", "100 steps", "counted energy") == ("10.0x fewer", "yes")
    assert one_aim(aims, "signed below its") == ("0.90 points of IoU", "yes")
    assert one_aim(aims, "unsigned below signed") == ("4.10 points of IoU", "yes")
    assert one_aim(aims, "adds to unsigned") == ("2.00 points of IoU", "")


def test_missed_aims_of_codes_are_said(protocol):
    def change(run, values):
        if run.steps is not None:
            values["energy"][0]["total_uj_per_image"] /= 4
        elif run.name == "seed-1/levels-2/two-chips":
            values["agreement"] = 0.99

    aims = aims_of(found_of(protocol, change))
    assert one_aim(aims, "pixels as", "18 of 18") == ("99.000%", "no")
    assert one_aim(aims, "as many chips", "counted energy") == ("2.5x fewer", "no")
    assert one_aim(aims, "as many chips", "steps per tile") == ("10.0x fewer", "yes")


def test_codes_stand_in_one_table(protocol):
    table = code_tables.codes_table(found_of(protocol))
    rows = by_first_cell(table)
    column = {name: i - 1 for i, name in enumerate(table.header)}
    at = rows["thermometer, L = 3, largest tile on 2 chips"]
    assert at[column["IoU lost, points"]] == "1.50"
    assert at[column["pixels as the 8-bit ANN"]] == "99.90%"
    # 400 million updates over two sections, a 20th of them; 4000 uJ x 4 tiles, a 20th.
    assert at[column["million neuron updates"]] == "10.0"
    assert at[column["mJ per section"]] == "0.8"
    assert rows["rate code, 50 steps"][column["million neuron updates"]] == "50.0"
    simulation = rows["Fast-SNN, T = 7, signed"]
    assert simulation[column["cores"]] == "simulation only"
    assert simulation[column["million spikes"]] == "3.0"
    assert simulation[column["IoU lost, points"]] == "1.90"
    assert rows["8-bit ANN, L = 3"][column["cores"]] == ""


def test_missing_codes_are_said_in_their_rows(protocol):
    records = found_of(protocol).records
    kept = {name: one for name, one in records.items()
            if "levels-3" not in name and "early-exit" not in name
            and name != "seed-2/levels-2/two-chips"}  # fmt: skip
    found = results.Results(protocol, kept, {})
    rows = by_first_cell(code_tables.codes_table(found))
    assert rows["thermometer, L = 3"][0] == cells.NOT_RUN
    assert rows["Fast-SNN, T = 3, signed"][0] == cells.NOT_RUN
    assert rows["thermometer, L = 2, largest tile on 2 chips"][0] != cells.NOT_RUN
    aims = aims_of(found)
    assert one_aim(aims, "pixels as", "11 of 18")[1] == "yes"
    assert one_aim(aims, "float ANN, mean: thermometer, L = 3, largest") == (cells.NOT_RUN, "")
    assert {row[1] for row in code_tables.exit_table(found).rows} == {cells.NOT_RUN}
    for table in code_tables.code_tables(found):
        assert {len(row) for row in table.rows} == {len(table.header)}, table.title


def test_early_exit_is_set_beside_whole_presentations(protocol):
    rows = by_first_cell(code_tables.exit_table(found_of(protocol)))
    assert rows["rate code"][:4] == ("200", "8.0", "96.0%", "0.40%")
    assert rows["thermometer, L = 3, largest tile on 2 chips"][:3] == ("10", "8.0", "20.0%")


def test_a_quick_run_has_no_aims_of_codes(protocol):
    quick = results.Results(replace(protocol, quick=True), {}, {})
    assert not any("aimed" in table.title for table in code_tables.code_tables(quick))


def test_codes_are_drawn_where_there_are_some(tmp_path, protocol):
    found = found_of(protocol)
    text = page.write_results(tmp_path, found, MADE).read_text()
    assert (tmp_path / code_picture.CODES_PICTURE).read_bytes().startswith(b"\x89PNG")
    assert text.index("## Codes") < text.index("](codes.png)") < text.index("## Thermometer")
    rates = {name: one for name, one in found.records.items() if "levels" not in name}
    alone = results.Results(protocol, rates, {})
    assert not code_picture.draw_codes(tmp_path / "none.png", alone)
    assert not (tmp_path / "none.png").exists()


def test_a_simulation_counts_layers_that_were_tuned():
    run = kinds.FastSnn("a", "b", "c", 7, 4)
    one = results.simulation_record(simulated(run), DONE)
    assert one["tuned_layers"] == {"signed": 1, "unsigned": 1} and one["seconds"] == 60.0


# --- the runs themselves ----------------------------------------------------------------------


def test_levels_are_trained_deployed_and_simulated(here):
    from tests.training_runs import CONFIG

    place, execute = here
    split = Split(train=(0, 1, 5), validation=range(4, 5), test=range(2, 4))
    # Two layers after the stem and no skips: these are tested elsewhere.
    network = replace(CONFIG.network, channels=(2,), convs_down=(2,), convs_up=())
    config = replace(CONFIG, network=network, epochs=1)
    keep_untrained(place, "seed-0/train", config)
    config = code_plan.level_config(config, ONE, (1, 1))
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
    assert one["steps"] == 3 and one["early_exit"] is None
    fast = kinds.FastSnn("seed-0/levels-1/fast-snn", run.name, "seed-0/train", 1, 2)
    execute(fast)
    simulated = results.simulation_record(load_simulation(place.out / fast.name), DONE)
    assert set(simulated["spiking"]) == set(results.TUNED) | set(results.TUNED.values())


def keep_untrained(place, name, config):
    """Stands in for a training of rates."""
    from loihiseg.network.unet import build_unet

    split = SplitRecord((0, 6), (4, 5), (2, 4))
    data = DataRecord("somewhere", place.digest, "labels", split)
    info = CheckpointInfo(config, data, 0.5, 1, {"accuracy": 0.8, "membrane_iou": 0.1})
    folder = place.out / name
    folder.mkdir(parents=True)
    save_checkpoint(folder, Checkpoint(info, model_weights(build_unet(config.network))))
    write(folder / runs.RUN_FILE, DONE)


def record(place, run):
    return results.record(load_results(place.out / run.name), DONE)
