"""A deployment that scores cells by thresholds chosen on the sections beside."""

import json
from dataclasses import replace

import numpy as np
import pytest

import loihiseg
from loihiseg.compilation.artifact import save_deployed
from loihiseg.data.stack import make_stack
from loihiseg.data.synthetic import synthetic_stack
from loihiseg.errors import InputError
from loihiseg.evaluation.topology import DEPTHS, chosen
from loihiseg.metrics.choosing import choose_threshold
from loihiseg.metrics.topology import rand_curve, section_topology
from loihiseg.report.topology import topology_table
from loihiseg.results import Readout, decode_results, plain
from loihiseg.running.basins import basins
from tests.commands import in_process, refused, write_stack
from tests.small_deployed import small_deployed

N_SECTIONS = 6


@pytest.fixture(scope="module")
def stack():
    whole = synthetic_stack(N_SECTIONS, (40, 40))
    return make_stack(whole.images, whole.membrane, "em", "membrane-bright")


@pytest.fixture(scope="module")
def deployed():
    return replace(small_deployed(), line=Readout(40.0, -1.5, 4))


@pytest.fixture(scope="module")
def results(deployed, stack):
    return loihiseg.deploy_stack(deployed, stack, sections="4:6", topology=True).results


def test_thresholds_are_chosen_on_the_other_sections(results, deployed, stack):
    found = results.topology
    assert found.chosen_on == (0, 1, 2, 3) and found.sections == (4, 5)
    for on, one in (("float", found.floats), ("chip", found.chip)):
        logits = np.stack([run.logits for run in loihiseg.run(deployed, stack.images, on)])
        assert one.threshold == chosen(stack.select(range(4)), logits[:4])
        for place, section in zip(found.sections, one.sections, strict=True):
            limit = one.threshold.logit
            assert section == section_topology(stack.membrane[place], logits[place], limit)


def test_flooded_from_the_depth_that_is_best_on_the_others(results, deployed, stack):
    found = results.topology
    logits = [run.logits for run in loihiseg.run(deployed, stack.images)]
    depth = found.flooded.threshold.logit
    assert depth in DEPTHS
    curves = [
        [
            rand_curve(stack.membrane[z], np.where(basins(logits[z], d) > 0, -1.0, 1.0), [0])[0]
            for d in DEPTHS
        ]
        for z in range(4)
    ]
    assert found.flooded.threshold == choose_threshold(np.array(curves), DEPTHS)
    for place, section in zip(found.sections, found.flooded.sections, strict=True):
        lines = np.where(basins(logits[place], depth) > 0, -1.0, 1.0)
        assert section == section_topology(stack.membrane[place], lines, 0.0)
    less = found.flooded_less_chip["voi_merge"].mean
    assert less == pytest.approx(
        found.flooded.means["voi_merge"].mean - found.chip.means["voi_merge"].mean
    )


def test_means_and_differences_are_of_the_sections(results):
    found = results.topology
    for name, interval in found.chip.means.items():
        values = [getattr(one, name) for one in found.chip.sections]
        assert interval.mean == pytest.approx(np.mean(values)) and interval.n == 2
        assert interval.low <= interval.mean <= interval.high
        apart = found.chip_less_floats[name].mean
        assert apart == pytest.approx(interval.mean - found.floats.means[name].mean)


def test_they_come_back_from_their_file_and_stand_in_a_table(results):
    data = json.dumps(plain(results)).encode()
    assert decode_results(data, "metrics.json") == results
    table = topology_table(results)
    assert table.header[:4] == ("", "trained", "8-bit, spiking on chip", "difference")
    assert table.header[4:] == ("the same, flooded", "flooded less threshold")
    before = replace(
        results, topology=replace(results.topology, flooded=None, flooded_less_chip=None)
    )
    short = topology_table(before)
    assert [row[:4] for row in table.rows] == [row for row in short.rows]
    assert short.header == table.header[:4] and "looded" not in short.note
    rows = {row[0]: row[1:] for row in table.rows}
    v_rand = results.topology.chip.means["v_rand"]
    assert rows["V_Rand"][1] == f"{v_rand.mean:.3f} ({v_rand.low:.3f} to {v_rand.high:.3f})"
    assert "4 other sections" in table.note
    assert topology_table(replace(results, topology=None)) is None


def test_pixels_that_count_for_nothing_are_in_no_cell(deployed, stack):
    known = np.ones(stack.images.shape, bool)
    known[:, :, 20:] = False
    found = loihiseg.deploy_stack(
        deployed, replace(stack, known=known), sections="4:6", topology=True
    ).results.topology
    assert found.floats.means["n_cells"].mean < 0.75 * 1600 / 50
    whole = loihiseg.deploy_stack(deployed, stack, sections="4:6", topology=True).results.topology
    assert found.floats.means["n_cells"].mean < whole.floats.means["n_cells"].mean


def test_the_command_has_it_on_its_page(capfd, deployed, stack, tmp_path):
    save_deployed(tmp_path / "net", deployed)
    write_stack(tmp_path / "em", stack.images, (~stack.membrane * 255).astype(np.uint8))
    code, out, err = in_process(
        capfd, "deploy", "--deployed", tmp_path / "net", "--data", tmp_path / "em", "--sections",
        "4:6", "--label-polarity", "cell-bright", "--topology", "--out", tmp_path / "run",
    )  # fmt: skip
    assert code == 0, err
    assert "cells joined to another" in out
    assert "cells joined to another" in (tmp_path / "run/index.html").read_text()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"sections": "4:6", "tiles": 2}, "topology is of whole sections; leave tiles out"),
        ({"sections": "1:6"}, "topology: 1 labelled sections beside these, expected 3 at least"),
    ],
)
def test_what_cannot_be_chosen_on_is_refused(deployed, stack, given, expected):
    with pytest.raises(InputError, match=expected):
        loihiseg.deploy_stack(deployed, stack, topology=True, **given)


def test_without_labels_it_is_refused(capfd, deployed, stack, tmp_path):
    unlabelled = replace(stack, membrane=None)
    with pytest.raises(InputError, match="topology: these sections have no labels"):
        loihiseg.deploy_stack(deployed, unlabelled, sections="4:6", topology=True)
    refused(
        capfd, "--topology is of whole sections; leave --tiles out",
        "deploy", "--deployed", "no/such/folder", "--topology", "--tiles", 4,
    )  # fmt: skip
