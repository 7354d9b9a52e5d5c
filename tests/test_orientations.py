"""A deployment that shows each tile turned and mirrored: the maps of segment, all of it counted."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import tifffile

import loihiseg
from loihiseg.compilation.artifact import save_deployed
from loihiseg.data.stack import make_stack
from loihiseg.data.synthetic import synthetic_stack
from loihiseg.errors import InputError
from loihiseg.report import tables
from loihiseg.results import Network, Readout, decode_results, plain
from tests.commands import in_process, refused, write_stack
from tests.small_deployed import small_deployed

N_SECTIONS = 2


@pytest.fixture(scope="module")
def stack():
    whole = synthetic_stack(N_SECTIONS, (40, 40))
    return make_stack(whole.images[:, 9:21, 5:15], whole.membrane[:, 9:21, 5:15], "em",
                      "membrane-bright")  # fmt: skip


@pytest.fixture(scope="module")
def deployed(stack):
    """A network with grey maps, whose threshold has pixels on both sides."""
    small = replace(small_deployed(), line=Readout(40.0, -1.5, 4))
    found = [one.probability for one in loihiseg.run(small, stack.images)]
    return replace(small, threshold=float(np.median(found)))


@pytest.fixture(scope="module")
def deployments(deployed, stack):
    return {
        count: loihiseg.deploy_stack(deployed, stack, sections="0:2", orientations=count)
        for count in (1, 4, 8)
    }


@pytest.mark.parametrize("count", [1, 4, 8])
def test_maps_are_those_of_running_sections_to_the_bit(deployments, deployed, stack, count):
    found = deployments[count]
    for on, ours in (("chip", found.spiking), ("float", found.trained)):
        runs = list(loihiseg.run(deployed, stack.images, on, orientations=count))
        np.testing.assert_array_equal(ours, [one.probability for one in runs])
        assert len(np.unique(ours)) > 30
    assert found.threshold == deployed.threshold and found.results.readout == deployed.line
    row = loihiseg.score(loihiseg.run(deployed, stack.images, orientations=count), stack.membrane)
    assert row == found.results.scores(Network.EMULATED)


def test_the_mean_is_another_map(deployments):
    for one, other in itertools.combinations(deployments.values(), 2):
        assert not np.array_equal(one.spiking, other.spiking)
        assert not np.array_equal(one.trained, other.trained)


def test_files_are_those_of_segment_byte_for_byte(capfd, deployed, stack, tmp_path):
    save_deployed(tmp_path / "net", deployed)
    write_stack(tmp_path / "em", stack.images, (~stack.membrane * 255).astype(np.uint8))
    tifffile.imwrite(tmp_path / "raw.tif", stack.images, photometric="minisblack")
    code, _, err = in_process(
        capfd, "deploy", "--deployed", tmp_path / "net", "--data", tmp_path / "em", "--sections",
        "0:2", "--out", tmp_path / "run", "--quiet", "--orientations", 8,
        "--label-polarity", "cell-bright",
    )  # fmt: skip
    assert code == 0, err
    for on in ("chip", "float"):
        code, _, err = in_process(
            capfd, "segment", tmp_path / "raw.tif", tmp_path / f"map-{on}.tif", "--deployed",
            tmp_path / "net", "--orientations", 8, "--on", on, "--quiet",
        )  # fmt: skip
        assert code == 0, err
        ours, theirs = (folder / f"map-{on}.tif" for folder in (tmp_path / "run", tmp_path))
        assert ours.read_bytes() == theirs.read_bytes()
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert config["orientations"] == metrics["orientations"] == 8
    record = json.loads((tmp_path / "map-chip.tif.json").read_text())
    assert metrics["activity"] == record["activity"]
    page = (tmp_path / "run" / "index.html").read_text()
    assert "Work per tile, shown in 8 orientations" in page
    assert "Each tile is shown turned four ways, as it is and mirrored, and the mean" in page


def test_all_presentations_are_counted(deployments):
    one, four, eight = (found.results for found in deployments.values())
    n_tiles = len(one.tiles)
    for results, count in ((one, 1), (four, 4), (eight, 8)):
        activity, work = results.activity, results.per_section
        assert results.orientations == count and len(results.tiles) == n_tiles
        assert activity.n_images == count * n_tiles
        assert activity.n_steps == count * one.activity.n_steps
        assert activity.neuron_updates == count * one.activity.neuron_updates
        assert work.presentations * N_SECTIONS == count * n_tiles
        assert work.steps * N_SECTIONS == activity.n_steps
        assert work.synaptic_events * N_SECTIONS == activity.synaptic_events
        assert work.chip_s == work.steps / 1000
        energy = results.energy_on().total_uj_per_image
        assert work.energy_uj == pytest.approx(energy * activity.n_images / N_SECTIONS)
        assert work.emulated_s * N_SECTIONS == results.seconds["emulate"]
        loaded = decode_results(json.dumps(plain(results)).encode(), "here")
        assert loaded == results
    # Each turn sends other spikes.
    assert eight.activity.spikes not in (8 * one.activity.spikes, 2 * four.activity.spikes)


def test_tables_are_of_a_tile_in_all_its_orientations(deployments):
    one, _, eight = (tables.energy_table(found.results) for found in deployments.values())
    assert one.title == "Work per tile" and eight.title.endswith(", shown in 8 orientations")
    updates, macs = (
        {name: int(value.replace(",", "")) for name, value, kind in table.rows if not kind}
        for table in (one, eight)
    )
    for name in ("neuron updates per tile", "multiply-accumulates of the ANN per tile"):
        assert macs[name] == 8 * updates[name] > 0
    rows = dict(tables.section_table(deployments[8].results).rows)
    n_tiles = len(deployments[8].results.tiles) // N_SECTIONS
    assert rows["presentations"] == f"{n_tiles} tiles in 8 orientations, {8 * n_tiles} in all"


def test_tiles_by_themselves(deployed, stack):
    found = loihiseg.deploy_stack(deployed, stack, sections="0:2", orientations=4, tiles=3)
    assert len(found.spiking) == 3 and found.results.activity.n_images == 12
    assert found.results.per_section is None
    tile = stack.images[found.tiles.places[0][0]]
    assert tile.shape == (12, 10)
    alone = loihiseg.deploy_stack(deployed, stack, sections="0:2", tiles=3)
    assert not np.array_equal(alone.spiking, found.spiking)
    # Of the float network whole sections are scored beside them, shown as often.
    rows = [row for row in found.results.score_rows if row.whole_sections]
    whole = loihiseg.deploy_stack(deployed, stack, sections="0:2", orientations=4)
    assert rows == [row for row in whole.results.score_rows if row.network is Network.TRAINED]


def test_early_exit_is_refused_at_once(capfd, stack, deployed):
    line = refused(
        capfd, "--early-exit stops by the map of one presentation, and with --orientations 4",
        "deploy", "--deployed", "no/such/folder", "--early-exit", "0.01", "--orientations", 4,
    )  # fmt: skip
    assert line.endswith("leave one of the two out")
    with pytest.raises(InputError, match=r"early_exit stops by .* with orientations 8 the mean"):
        loihiseg.deploy_stack(deployed, stack, early_exit=0.01, orientations=8)


@pytest.mark.parametrize("count", [0, 2, 16, True, "8", 8.0])
def test_no_other_number(capfd, stack, deployed, count):
    with pytest.raises(InputError, match=r"orientations: .*: expected one of 1, 4, 8"):
        loihiseg.deploy_stack(deployed, stack, orientations=count)
    with pytest.raises(InputError, match=r"orientations: .*: expected one of 1, 4, 8"):
        loihiseg.run(deployed, stack.images, orientations=count)


def test_no_other_number_is_typed(capfd):
    refused(capfd, "--orientations: 2: expected one of 1, 4, 8", "deploy", "--orientations", "2")
