"""The reproduction: what is planned, what is skipped, and the page made of what is there."""

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from benchmarks import reproduce
from benchmarks.reproduction import cells, chips, kinds, page, plan, results, runs, tables, work
from loihiseg.data.record import SplitRecord
from loihiseg.data.splits import Split
from loihiseg.errors import InputError
from loihiseg.report.run_folder import load_results
from loihiseg.results import Network
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
from tests.results.examples import example, score_row

ROOT = Path(__file__).parents[1]


# --- the plan ---------------------------------------------------------------------------------


def test_each_part_trains_a_network_before_it_is_deployed(protocol):
    for part, planned in plan.plan(protocol).items():
        trained = set()
        for run in planned:
            assert trained.issuperset(run.networks.values()), (part, run.name)
            if isinstance(run, plan.Training):
                trained.add(run.name)


def test_runs_that_parts_share_are_planned_once(protocol):
    planned = plan.chosen_runs(protocol, plan.PARTS)
    names = [run.name for run in planned]
    assert len(names) == len(set(names))
    trainings = [run for run in planned if isinstance(run, plan.Training)]
    # Three seeds, seven variants, five folds; five networks of levels for each seed.
    assert len(trainings) == 3 + 7 + 5 + 3 * 5
    steps = {r.steps for r in planned if isinstance(r, plan.Deployment)
             and r.training == "seed-1/train"}  # fmt: skip
    assert steps == {*plan.STEPS, *plan.RATE_STEPS}


def test_a_name_stands_for_one_run_in_every_part(protocol):
    found = {}
    for planned in plan.plan(replace(protocol, ablation_epochs=4)).values():
        for run in planned:
            assert found.setdefault(run.name, run) == run


@pytest.mark.parametrize("n_sections", [24, 30, 7])
def test_folds_test_each_section_once_and_train_on_none_of_it(protocol, n_sections):
    planned = plan.plan(replace(protocol, n_sections=n_sections))["folds"]
    splits = [run.split for run in planned if isinstance(run, plan.Training)]
    assert len(splits) == 5
    assert sorted(z for split in splits for z in split.test) == list(range(n_sections))
    for split in splits:
        together = [*split.train, *split.validation, *split.test]
        assert sorted(together) == list(range(n_sections))
        # Validation lies beside the test block.
        assert {split.test.stop, split.test.start - 1} & set(split.validation)


def test_each_variant_changes_one_thing(protocol):
    base = protocol.ablation_base
    variants = plan.variants(base)
    assert set(variants) == set(plan.ABLATIONS)

    def flat(config):
        values = asdict(config)
        network = values.pop("network")
        return values | network.pop("rates") | network

    changed = {
        name: {key for key, value in flat(config).items() if value != flat(base)[key]}
        for name, config in variants.items()
    }
    assert changed.pop("range-25-100") == {"low_hz", "high_hz"}
    # Patience matters only without tuning epochs; there it keeps training from stopping early.
    assert changed.pop("no-tuning") - {"patience"} == {"tuning_epochs"}
    assert variants["no-tuning"].patience >= base.epochs
    assert changed == {
        "no-regularizer": {"weight"},
        "percentile-99": {"percentile"},
        "percentile-99.9": {"percentile"},
        "float-weights": {"eight_bit"},
        "exact-rates": {"window_steps"},
    }


def test_a_recipe_without_tuning_epochs_has_no_variants_of_them(protocol):
    variants = plan.variants(replace(protocol.base, tuning_epochs=0))
    assert "no-regularizer" in variants and "float-weights" not in variants


def test_fewer_ablation_epochs_train_the_recipe_for_as_long(protocol):
    short = replace(protocol, ablation_epochs=4)
    planned = plan.plan(short)["ablation"]
    trainings = [run for run in planned if isinstance(run, plan.Training)]
    assert trainings[0].name == "ablation/recipe/train"
    assert {run.config.epochs for run in trainings} == {4}
    assert trainings[0].config.tuning_epochs == 1  # 2 of 10, of 4
    assert plan.ablation_base_name(protocol) == "seed-0"


def test_a_quick_run_trains_two_variants_of_the_recipe_only():
    quick = plan.quick_protocol(24)
    trained = [run.name for run in plan.plan(quick)["ablation"] if isinstance(run, plan.Training)]
    assert trained == [
        "seed-0/train", "ablation/no-regularizer/train", "ablation/float-weights/train",
    ]  # fmt: skip
    rows = tables.ablation_table(results.Results(quick, {}, {})).rows
    assert [row[0] for row in rows][1:] == [plan.ABLATIONS[v] for v in quick.ablations]


def test_fewer_fold_epochs_train_the_folds_only_for_so_long(protocol):
    short = replace(protocol, fold_epochs=4)
    assert "4 epochs each, the last 1" in tables.folds_table(results.Results(short, {}, {})).note
    for part, planned in plan.plan(short).items():
        epochs = {run.config.epochs for run in planned if type(run) is plan.Training}
        assert epochs == ({4} if part == "folds" else {10}), part


# --- running ----------------------------------------------------------------------------------


class Runs:
    """Stands in for the processes: writes what a run leaves behind."""

    def __init__(self, monkeypatch, stop_at=None, fails=()):
        self.done, self.stop_at, self.fails = [], stop_at, fails
        monkeypatch.setattr(runs, "execute", self.execute)
        monkeypatch.setattr(page, "draw", lambda folder, results, prefix="": {})

    def execute(self, place, run, lock):
        if len(self.done) == self.stop_at:
            raise KeyboardInterrupt
        if run.name in self.fails:
            return 1
        self.done.append(run.name)
        folder = place.out / run.name
        folder.mkdir(parents=True, exist_ok=True)
        job = runs.job_of(place, run)
        if isinstance(run, plan.Training):
            write(folder / runs.CHECKPOINT_FILE, {"sha256": run.name, "epoch": 9})
        elif isinstance(run, kinds.FastSnn):
            write(folder / "metrics.json", simulated(run))
        else:
            values = deployed(run)
            more = (score_row(one) for one in (Network.RATE_NETWORK, Network.NENGO_DL))
            values = replace(values, score_rows=(*values.score_rows, *more))
            write(folder / "metrics.json", values)
        write(folder / runs.JOB_FILE, job)
        write(folder / runs.RUN_FILE, {"job": job, "seconds": 1.0} | MADE)
        return 0


def all_of(place, protocol):
    protocol = replace(protocol, seeds=(0, 1))  # fewer runs, of which there are many
    chosen = plan.chosen_runs(protocol, plan.PARTS)
    return [run.name for run in chosen], reproduce.run_all(place, protocol, chosen, 0)


def test_what_is_finished_is_not_run_again(monkeypatch, place, protocol):
    first = Runs(monkeypatch)
    names, failed = all_of(place, protocol)
    assert first.done == names and not failed
    again = Runs(monkeypatch)
    all_of(place, protocol)
    assert again.done == []
    text = (place.out / page.PAGE).read_text()
    assert cells.NOT_RUN not in text and "Not complete" not in text


def test_a_field_added_to_the_configuration_since_does_not_train_anew(monkeypatch, place, protocol):
    Runs(monkeypatch)
    all_of(place, protocol)
    for name in (runs.JOB_FILE, runs.RUN_FILE):
        path = place.out / "seed-0/train" / name
        record = json.loads(path.read_text())
        config = record.get("job", record)["config"]
        del config["window_steps"], config["network"]["rates"]["aim"]  # both at their defaults
        write(path, record)
    again = Runs(monkeypatch)
    all_of(place, protocol)
    assert again.done == []


def test_an_interrupted_reproduction_goes_on_where_it_was(monkeypatch, place, protocol):
    first = Runs(monkeypatch, stop_at=5)
    with pytest.raises(KeyboardInterrupt):
        all_of(place, protocol)
    text = (place.out / page.PAGE).read_text()
    assert cells.NOT_RUN in text and "Not complete" in text
    second = Runs(monkeypatch)
    names, _ = all_of(place, protocol)
    assert first.done + second.done == names


def test_a_run_that_fails_stops_what_needs_it_only(monkeypatch, place, protocol):
    work_done = Runs(monkeypatch, fails=("seed-1/train",))
    names, failed = all_of(place, protocol)
    assert {name for name in names if "seed-1" in name} == set(failed)
    assert set(work_done.done) == set(names) - set(failed)
    assert "Ended with an error: seed-1/train" in (place.out / page.PAGE).read_text()


def test_a_network_trained_anew_is_deployed_anew(monkeypatch, place, protocol):
    Runs(monkeypatch)
    names, _ = all_of(place, protocol)
    write(place.out / "seed-0/train" / runs.CHECKPOINT_FILE, {"sha256": "other", "epoch": 9})
    again = Runs(monkeypatch)
    all_of(place, protocol)
    needing = [n for n in names if n.startswith("seed-0/") and n != "seed-0/train"]
    # Deployments of rates; of levels the trainings, which start from it, and simulations beside it.
    again_of_levels = {n for n in needing if "levels" in n and n.endswith(("train", "fast-snn"))}
    assert set(again.done) == {n for n in needing if "levels" not in n} | again_of_levels
    assert len(again_of_levels) == 5 + 3


def test_a_network_of_another_configuration_is_not_trained_over(monkeypatch, place, protocol):
    Runs(monkeypatch)
    all_of(place, protocol)
    longer = replace(protocol, base=replace(protocol.base, epochs=11))
    with pytest.raises(InputError, match=r"config.epochs 10 -> 11"):
        runs.check_folders(place, plan.chosen_runs(longer, plan.PARTS))
    other = replace(place, digest="other")
    with pytest.raises(InputError, match="data d1g3st -> other"):
        runs.check_folders(other, plan.chosen_runs(protocol, plan.PARTS))
    runs.check_folders(place, plan.chosen_runs(protocol, plan.PARTS))


def test_two_at_a_time_are_refused(tmp_path):
    with runs.locked(tmp_path), pytest.raises(InputError, match="at work"):
        with runs.locked(tmp_path):
            pass
    with runs.locked(tmp_path):
        pass


def test_differences_are_named_by_their_path():
    before = {"a": {"b": 1, "c": [1, 2]}, "d": 0}
    assert runs.differences(before, {"a": {"b": 2, "c": [1, 2]}}) == ["a.b 1 -> 2", "d 0 -> None"]


def test_commands_are_shown_without_folders():
    command = page.short_command(["benchmarks/reproduce.py", "--data", "/some/where/ISBI2012"])
    assert command == "python benchmarks/reproduce.py --data ISBI2012"


def test_options_become_the_protocol():
    quick = reproduce.protocol_of(reproduce.parse(["--quick", "--seeds", "4", "4", "5"]), 24)
    assert quick.quick and quick.seeds == (4, 5) and quick.tiles is not None
    full = reproduce.protocol_of(reproduce.parse(["--ablation-epochs", "12"]), 24)
    assert full.base == PRESETS["paper"] and full.tiles is None and full.seeds == (0, 1, 2)
    assert full.ablation_base.epochs == 12


# --- the page ---------------------------------------------------------------------------------


def test_a_record_counts_per_section():
    one = results.record(example(), DONE)
    assert one["unit"] == "section" and one["sections"] == [20, 21]
    assert one["tiles_per_unit"] == 4
    assert one["counts"]["spikes"] == 4e6  # 8 million over two sections
    assert one["energy_uj"]["loihi"] == 16000.0  # 4000 a tile
    assert one["inter_chip_uj"] == [[10.0, 4.0], [1000.0, 400.0]]
    assert one["macs"] == 20e6
    assert results.lost(one, "accuracy") == pytest.approx(0.01)


def test_a_record_of_tiles_counts_per_tile():
    values = example()
    tiles = tuple(replace(row, whole_sections=False) for row in values.score_rows)
    whole = score_row(Network.TRAINED, accuracy=0.5)
    for rows in ((whole, *tiles), (*tiles, whole)):
        one = results.record(replace(values, score_rows=rows, whole_sections=False), DONE)
        assert one["scores"]["trained"]["accuracy"] == 0.92  # of the tiles
    assert one["unit"] == "tile" and one["counts"]["spikes"] == 1e6
    assert one["energy_uj"]["loihi"] == 4000.0


def by_first_cell(table):
    return {row[0]: row[1:] for row in table.rows}


def seeds_change(run, values):
    """Seed 0 loses 1 point at 200 steps, seed 1 nothing, seed 2 gains one; more at 100."""
    if run.name.startswith("seed-") and run.steps is not None:
        seed = int(run.name[5])
        chip = 0.92 + 0.01 * (seed - 1) - (0.02 if run.steps == 100 else 0)
        return example(accuracy=(0.92, chip))
    return values


def test_tables_give_mean_and_range_over_seeds(protocol):
    found = results.Results(protocol, records_of(protocol, seeds_change), {})
    scores = by_first_cell(tables.scores_table(found))
    assert scores["all cell"][0] == "80.00%"
    assert scores["ANN, float"][0] == "92.00%"
    assert scores["spiking, 8-bit, Loihi emulation"][0] == "92.00% (91.00% to 93.00%)"
    assert scores["rate network, float"][0] == cells.NOT_RUN
    drop = by_first_cell(tables.drop_table(found))
    assert [drop[f"seed {s}"][2] for s in range(3)] == ["1.00", "0.00", "-1.00"]
    assert float(drop["mean"][2]) == 0
    hardware = by_first_cell(chips.hardware_table(found))
    assert hardware["the same, nengo-loihi's Greedy"][0].startswith("140.0")
    assert hardware["the same, lower bound"][0].startswith("65.0")
    assert not any("partition" in name for name in hardware)
    assert hardware["energy per section, cpu"][0].startswith("36.0 mJ")
    time = by_first_cell(tables.time_table(found))
    assert time["100 steps"][len(cells.SCORE_HEADER)] == "2.00 (1.00 to 3.00)"


def test_aims_say_whether_they_are_met(protocol):
    found = results.Results(protocol, records_of(protocol, seeds_change), {})
    aims = {row[0]: row[2:] for row in chips.aims_table(found).rows}
    assert aims["accuracy lost at 200 steps, mean"][1] == "yes"
    assert aims["accuracy lost at 100 steps, mean"] == ("2.00 points", "no")
    assert aims["membrane IoU lost at 200 steps, mean"] == ("1.00 points", "no")
    assert aims["neurons on chip"] == ("239,616", "yes")
    assert aims["peak memory of that"] == ("2.10 GB", "yes")


def test_missing_runs_are_said_in_their_rows(protocol):
    records = records_of(protocol)
    kept = {name: one for name, one in records.items()
            if name not in ("seed-2/steps-200", "folds/fold-3/steps-200", "seed-0/nengo-dl")
            and "steps-50" not in name}  # fmt: skip
    found = results.Results(protocol, kept, {})
    assert by_first_cell(tables.drop_table(found))["seed 2"][0] == cells.NOT_RUN
    assert "2 of 3 seeds" in tables.scores_table(found).note
    assert by_first_cell(tables.folds_table(found))["fold 4"][1] == cells.NOT_RUN
    assert by_first_cell(tables.time_table(found))["50 steps"][0] == cells.NOT_RUN
    for row in tables.nengo_dl_table(found).rows:
        assert row[1] == cells.NOT_RUN


def test_every_table_is_rectangular_with_all_and_with_nothing(protocol):
    for records in ({}, records_of(protocol)):
        for table in tables.all_tables(results.Results(protocol, records, {})):
            assert {len(row) for row in table.rows} == {len(table.header)}, table.title


def test_page_holds_pictures_and_what_it_was_made_with(tmp_path, protocol):
    found = results.Results(protocol, records_of(protocol, seeds_change), {"seeds": []})
    also = tmp_path / "docs" / "reproduction.md"
    path = page.write_results(tmp_path, found, MADE, also=also)
    text = path.read_text()
    for name in (page.TIME_PICTURE, page.ENERGY_PICTURE):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG") and f"]({name})" in text
        assert (also.parent / f"reproduction-{name}").exists()
        assert f"](reproduction-{name})" in also.read_text()
    for part in ("a machine, 2 cores", "numpy 1.24.3", "0123456789", MADE["date"]):
        assert part in text
    assert "no results" not in text
    saved = json.loads((tmp_path / page.DATA).read_text())
    assert saved["runs"]["seed-0/steps-200"]["counts"]["spikes"] == 4e6


def test_page_of_a_quick_run_says_that_it_is_no_result(protocol):
    quick = results.Results(replace(protocol, quick=True), {}, {})
    assert "no results" in page.page(quick, MADE)


# --- the runs themselves ----------------------------------------------------------------------


def interrupt(*_):
    raise KeyboardInterrupt


def test_a_fold_is_trained_deployed_and_scored_beside_nengo_dl(here, monkeypatch):
    from loihiseg.commands.deploy.configuration import configuration
    from loihiseg.commands.deploy.options import parse
    from loihiseg.report import training
    from loihiseg.training.checkpoint import load_checkpoint
    from tests.training_runs import CONFIG

    place, execute = here
    split = Split(train=(0, 1, 5), validation=range(4, 5), test=range(2, 4))
    config = replace(CONFIG, epochs=2, tuning_epochs=1)
    run = plan.Training("fold/train", config, split)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(training, "draw_history", interrupt)
        execute(run)
    first = runs.read_json(place.out / run.name / "history.json")
    execute(run)
    history = runs.read_json(place.out / run.name / "history.json")
    assert len(first) == 1 and len(history) == 2 and history[0] == first[0]
    record = load_checkpoint(place.out / "fold/train").info.data.split
    assert record == SplitRecord((0, 6), (4, 5), (2, 4)) and record.train_sections == (0, 1, 5)
    run = plan.Deployment(
        "fold/steps-20", "fold/train", steps=20, calibration_tiles=1, rate_network=True,
        nengo_dl=True,
    )  # fmt: skip
    execute(run)
    found = load_results(place.out / run.name)
    assert "trained on" not in found.scored_note
    # As the command would have kept it.
    typed = parse(
        ["--data", place.data, "--checkpoint", str(place.out / "fold/train"), "--steps", "20",
         "--calibration-tiles", "1", "--chips", "2", "--input", "held"]
    )  # fmt: skip
    config = runs.read_json(place.out / run.name / "config.json")
    assert list(config.items()) == list(asdict(configuration(typed)).items())
    one = results.record(found, {"job": {}, "seconds": 1.0} | MADE)
    assert one["sections"] == [2, 3] and one["unit"] == "section"
    # The rate network is the trained one, lowered.
    ann, rates = found.scores(Network.TRAINED), found.scores(Network.RATE_NETWORK)
    assert ann.pixel.accuracy == pytest.approx(rates.pixel.accuracy, abs=0.01)
    assert results.NENGO_DL in one["scores"] and results.RATE_NETWORK in one["scores"]
    assert runs.is_finished(place, run)


def test_nengo_dl_fires_at_the_settled_rates():
    import numpy as np

    from loihiseg.commands.deploy.configuration import configuration
    from loihiseg.commands.deploy.options import parse
    from loihiseg.compilation.activations import settled_activations
    from loihiseg.progress import Reporter
    from tests.deployed import image, lowered

    network = lowered()
    pixels = image()[None]
    config = configuration(parse(["--steps", "400", "--synapse-ms", "5", "--window", "0.5"]))
    fired = work.nengo_dl_activations(network, pixels, config, Reporter(quiet=True))
    settled = settled_activations(network, pixels)
    for name, activation in fired.items():
        assert activation.shape == settled[name].shape
        error = np.sqrt(np.mean((activation - settled[name]) ** 2))
        # A staircase fed by spikes instead of steady input is off by some tenth; another scale
        # would be off by far more.
        assert error < 0.15 * settled[name].std()
        slope = np.polyfit(settled[name].ravel(), activation.ravel(), 1)[0]
        assert 0.9 < slope < 1.1


@pytest.mark.slow
def test_quick_runs_everything_and_then_nothing(tmp_path):
    command = [sys.executable, "benchmarks/reproduce.py", "--quick", "--out", str(tmp_path)]
    first = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert first.returncode == 0, first.stderr
    text = (tmp_path / page.PAGE).read_text()
    assert cells.NOT_RUN not in text and "no results" in text
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert again.returncode == 0
    asked = plan.chosen_runs(plan.quick_protocol(24), plan.PARTS)
    assert again.stderr.count("done before") == len(asked)
    listed = subprocess.run(
        [*command, "--list"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "left" not in listed.stdout
