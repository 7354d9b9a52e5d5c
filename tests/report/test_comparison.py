"""Runs side by side: what differs, what is lost, and nothing that a name could break."""

import csv
import io
import json
import re
import shutil

import pytest

from loihiseg.commands.common import run
from loihiseg.commands.program import main
from loihiseg.errors import InputError
from loihiseg.report.comparison.facts import FACTS, ComparedRun
from loihiseg.report.comparison.index import write_index
from loihiseg.report.comparison.page import common_section, comparison_page
from loihiseg.report.comparison.runs import read_run, read_runs
from loihiseg.report.comparison.tables import as_csv, as_markdown, facts_table, options_table
from loihiseg.training.shipped import FOLDER
from tests.commands import ROOT

OLD = ROOT / "tests" / "fixtures" / "metrics-format-1.json"


@pytest.fixture
def deployment(tmp_path):
    """A run folder of the first format, with a configuration."""
    folder = tmp_path / "before"
    folder.mkdir()
    shutil.copy(OLD, folder / "metrics.json")
    options = {"chips": 2, "code": "rate", "levels": None, "code_options": {"window": 0.4}}
    (folder / "config.json").write_text(json.dumps(options))
    return folder


def altered(folder, name, **options):
    """The same run with other options."""
    other = folder.parent / name
    shutil.copytree(folder, other)
    found = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(found | options))
    return other


def test_old_folders_are_read(deployment):
    found, plain = read_run(deployment), json.loads(OLD.read_text())
    assert found.facts["kind"] == "deployment"
    assert found.facts["n_cores"] == plain["mapping"]["n_cores"]
    spiking = [row for row in plain["stages"] if row["name"].startswith("8-bit, spiking")][-1]
    assert found.facts["iou"] == spiking["pixel"]["membrane_iou"]
    lost = found.facts["iou_trained"] - found.facts["iou"]
    assert found.facts["iou_lost_points"] == pytest.approx(100 * lost)
    assert found.facts.keys() <= {fact.key for fact in FACTS}


def test_only_options_that_differ_are_shown(deployment):
    other = altered(deployment, "after", chips=3, levels=[3, 7])
    table = options_table(read_runs([deployment, other]))
    assert table.header == ("option", "before", "after")
    assert table.rows == (("chips", "2", "3"), ("levels", "", "3,7"))
    assert options_table(read_runs([deployment, deployment])) is None


def test_places_on_a_machine_are_not_shown(deployment):
    """Of paths that begin at the root the last names are, as many as tell them apart."""
    before = altered(deployment, "a", data="/secret/one/stack", checkpoint="/secret/mine/net")
    after = altered(deployment, "b", data="/secret/two/stack", checkpoint="theirs/net")
    runs = read_runs([before, after])
    rows = {row[0]: row[1:] for row in options_table(runs).rows}
    assert rows == {"data": ("one/stack", "two/stack"), "checkpoint": ("net", "theirs/net")}
    for text in (as_csv(runs), as_markdown(runs), comparison_page(runs)):
        assert "secret" not in text and "two/stack" in text


def test_trainings_and_deployments_mix(deployment):
    runs = read_runs([deployment, FOLDER / "tiny-synthetic", FOLDER / "paper-isbi2012-levels2"])
    table = facts_table(runs)
    row = {row[0]: row[1:] for row in table.rows}
    assert row["kind"] == ("deployment", "training", "training")
    assert row["cores"][1:] == ("", "") and row["epochs"][0] == ""
    asked = {row[0]: row[1:] for row in options_table(runs).rows}
    assert asked["network.levels"] == ("", "0", "2") and "chips" not in asked


def test_runs_of_one_name_are_told_apart(deployment, tmp_path):
    (tmp_path / "else").mkdir()
    twin = shutil.copytree(deployment, tmp_path / "else" / "before")
    names = [one.name for one in read_runs([deployment, twin])]
    assert names == [str(deployment), str(twin)]


def test_all_folders_without_a_run_are_named(tmp_path):
    with pytest.raises(InputError, match="2 folders hold no run") as error:
        read_runs([tmp_path / "a", tmp_path / "b"])
    assert len(error.value.violations) == 2
    with pytest.raises(InputError, match=re.escape(str(tmp_path))):
        read_run(tmp_path)


def test_a_damaged_run_is_refused_by_its_file(deployment):
    (deployment / "metrics.json").write_text('{"mapping": 3}')
    with pytest.raises(InputError, match=re.escape(str(deployment / "metrics.json"))):
        read_run(deployment)


def test_csv_has_numbers_in_full(deployment):
    other = altered(deployment, "after", chips=3)
    found = list(csv.DictReader(io.StringIO(as_csv(read_runs([deployment, other])))))
    assert [row["run"] for row in found] == ["before", "after"]
    assert [row["option chips"] for row in found] == ["2", "3"]
    spiking = read_run(deployment).facts
    assert float(found[0]["iou"]) == spiking["iou"]
    assert float(found[0]["seconds"]) == spiking["seconds"]


def test_what_a_spreadsheet_would_compute_is_text():
    runs = [ComparedRun(name, {}, {"network": "@x"}) for name in ("=1+1", "+2")]
    found = list(csv.reader(io.StringIO(as_csv(runs))))
    assert [row[0] for row in found[1:]] == ["'=1+1", "'+2"]
    assert all(row[2] == "'@x" for row in found[1:])


def test_markdown_keeps_its_columns():
    runs = [ComparedRun("a|b", {}, {"network": "x | y"}), ComparedRun("c", {}, {"iou": 0.5})]
    lines = [line for line in as_markdown(runs).splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {4}


def test_names_are_text_on_the_page():
    script = "<script>alert(1)</script>"
    runs = [
        ComparedRun(script, {"data": script}, {"network": script, "iou": 0.5}),
        ComparedRun("b", {"data": "x"}, {}),
    ]
    page = comparison_page(runs)
    assert "<script" not in page and page.count("&lt;script&gt;") >= 3


def test_the_section_that_all_have_is_shown(tmp_path):
    runs = [
        ComparedRun("a", {}, {}, "a.tif", (3, 4, 5)),
        ComparedRun("b", {}, {}),
        ComparedRun("c", {}, {}, "c.tif", (4, 5)),
    ]
    section, drawn = common_section(runs)
    assert section == 4 and [one.name for one in drawn] == ["a", "c"]
    assert common_section(runs[:1] + [ComparedRun("d", {}, {}, "d.tif", (9,))]) == (None, [])
    assert common_section(runs[1:2]) == (None, [])


def test_all_runs_of_a_folder_are_listed(deployment, tmp_path):
    runs = tmp_path / "runs"
    for name, source in (("deploy-1", deployment), ("<b>", FOLDER / "tiny-synthetic")):
        shutil.copytree(source, runs / name)
    (runs / "deploy-1" / "index.html").write_text("its page")
    (runs / "broken").mkdir()
    (runs / "broken" / "metrics.json").write_text("{")
    (runs / "notes.txt").write_text("not a run")
    page = write_index(runs).read_text()
    assert '<a href="deploy-1/index.html">deploy-1</a>' in page
    assert "&lt;b&gt;" in page and "<b>" not in page
    assert "broken" not in page and page.count("<tr>") == 3


def test_a_run_is_not_written_over(capfd, deployment):
    for verb in ("deploy", "simulate"):
        more = ["--method", "spicalib"] if verb == "simulate" else []
        code = run(main, [verb, *more, "--out", str(deployment)])
        out, err = capfd.readouterr()
        assert (code, out) == (2, "") and "holds a run already" in err and "--force" in err


def test_the_command_writes_what_its_file_is_named_for(capfd, deployment, tmp_path):
    other = altered(deployment, "after", chips=3)
    for suffix, begins in ((".html", "<!doctype html>"), (".csv", "run,kind,"), (".md", "## ")):
        path = tmp_path / "new" / f"compared{suffix}"
        code = run(main, ["compare", str(deployment), str(other), "--out", str(path)])
        out, err = capfd.readouterr()
        assert (code, err) == (0, "") and f"written: {path}" in out
        assert path.read_text().startswith(begins)
        lines = [line.split() for line in out.splitlines()]
        assert ["chips", "2", "3"] in lines
    code = run(main, ["compare", str(deployment), "--out", "x.pdf"])
    assert code == 2 and "expected a name that ends in" in capfd.readouterr().err
