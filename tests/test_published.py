"""What stands beside the code for others: how to cite, issue forms, what opens what."""

import re

import pytest

import loihiseg
from loihiseg.compilation import artifact
from loihiseg.emulator import golden, program
from loihiseg.results import run
from loihiseg.running import journal
from loihiseg.training import checkpoint, state
from tests.documents import ROOT

yaml = pytest.importorskip("yaml", reason="needs PyYAML, which the extra cluster brings")

FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def test_it_is_cited_in_its_version():
    found = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert found["cff-version"] == "1.2.0"
    assert found["version"] == loihiseg.__version__ and found["license"] == "Apache-2.0"
    assert found["message"] and found["title"] and found["authors"]
    (paper,) = found["references"]
    assert paper["url"].endswith("2106.08921")


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_forms_have_what_a_form_needs(path):
    found = yaml.safe_load(path.read_text())
    if path.stem == "config":
        assert found["blank_issues_enabled"] is True
        return
    assert found["name"] and found["description"]
    assert {one["type"] for one in found["body"]} <= {
        "markdown", "textarea", "input", "dropdown", "checkboxes"
    }  # fmt: skip
    asked = [one for one in found["body"] if one["type"] != "markdown"]
    assert asked and all(one["attributes"]["label"] for one in asked)
    assert len({one["id"] for one in asked}) == len(asked)


def opened():
    """What the changelog's first table says is written and opened, by its first words."""
    text = (ROOT / "CHANGELOG.md").read_text().partition("## Unreleased")[2]
    rows = re.findall(r"^\| ([^|]*) \| ([^|]*) \| ([^|]*) \|$", text, re.MULTILINE)
    return {
        name.partition(" (")[0]: tuple(
            tuple(map(int, re.findall(r"\d", cell))) for cell in (written, read)
        )
        for name, written, read in rows
    }


def test_what_opens_what_is_true():
    found = opened()
    assert found["checkpoint of a training"] == ((checkpoint.FORMAT,), (1, 2))
    assert found["state of a training"] == ((state.FORMAT,), (1, 2))
    kept = (*artifact.OLD_FORMATS, artifact.FORMAT)
    assert found["kept network"] == ((artifact.FORMAT,), kept)
    assert found["compiled program"] == ((program.FORMAT,), (program.FORMAT,))
    assert found["results of a run"] == ((run.FORMAT,), tuple(range(1, run.FORMAT + 1)))
    graphs = (ROOT / "partition/built/graph_file.py").read_text()
    assert found["block graph"] == ((3,), (1, 2, 3)) and "versions 1 to 3" in graphs
    golden_formats = (golden.GOLDEN_FORMAT, golden.SPARSE_FORMAT)
    assert found["golden network"] == (golden_formats, golden_formats)
    assert found["output of `segment` that was begun"] == ((journal._FORMAT,), (journal._FORMAT,))
