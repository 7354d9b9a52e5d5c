"""What notebooks show: tables and pictures of what is there, and text of strangers stays text."""

from dataclasses import replace
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest

import partition
from loihiseg.compilation.checking import CheckedModel, LayerVerdict
from loihiseg.emulator.traces import Trace
from loihiseg.errors import InputError
from loihiseg.report import show
from loihiseg.results import NetworkSource
from tests.results.examples import example, simulation

PNG = b"\x89PNG"
SCRIPT = "<script>alert(1)</script>"


def test_tables_of_a_deployment_by_name():
    text = show.tables(example(), "layers", "mapping", "classes")._repr_html_()
    assert "<b>Layers</b>" in text and "<b>Mapping</b>" in text and "<b>Classes" not in text
    with pytest.raises(InputError, match="'nothing': no such table; there are scores, classes"):
        show.tables(example(), "nothing")
    for name in show.TABLES:
        show.tables(example(), name)


def test_text_is_text():
    hostile = replace(example(), network=NetworkSource(SCRIPT, 4))
    layer = LayerVerdict(SCRIPT, "ReLU", "refused", None, (f"{SCRIPT} cannot run",))
    for shown in (
        show.table(SCRIPT, (SCRIPT, "a"), [(SCRIPT, 1)], SCRIPT),
        show.compared({SCRIPT: hostile}),
        show.checked(CheckedModel((layer,), layer.reasons, None)),
    ):
        assert "<script" not in shown.text and "&lt;script&gt;" in shown.text


def test_a_table_of_anything():
    text = show.table("Rows", ("what", "how\nmany"), [("a", 1), ("b", 2.5)], "A note.").text
    assert '<td style="text-align:left">a</td><td>1</td>' in text
    assert "<th>how many</th>" in text and "<small>A note.</small>" in text


def test_a_simulation_has_scores_and_work():
    text = show.tables(simulation()).text
    assert "<b>Scores</b>" in text and "<b>Work per section</b>" in text
    assert "Below all cell" not in text


def test_a_verdict_begins_with_its_line():
    assert show.verdict(example()).text.startswith("<p><b>Fits: 2 cores")


def test_deployments_and_folders_beside_each_other(tmp_path):
    text = show.compared({"one": example(), "two": example()}).text
    assert text.count("<th>") == 2 and "deployment" in text
    text = show.compared({"one": example()}, "n_cores", "steps").text
    assert text.count("<tr>") == 3 and "steps a tile" in text and "deployment" not in text
    assert (
        "Lost:" not in text and "Lost:" in show.compared({"one": example()}, "iou_lost_points").text
    )
    with pytest.raises(InputError, match="'nothing': no such fact; there are kind, network"):
        show.compared({}, "nothing")
    with pytest.raises(InputError, match="holds no run"):
        show.compared({"one": tmp_path})


def test_images_of_every_kind():
    ids = np.arange(16, dtype=np.uint32).reshape(4, 4)
    grey, colour = np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3))
    shown = show.images({"ids": ids, "grey": grey, "mask": grey > 0, "colour": colour}, 3)
    assert shown._repr_png_().startswith(PNG) and str(len(shown.png))[0] in repr(shown)
    colours = show._coloured(ids)
    assert (colours[0, 0] == 0).all() and colours.reshape(-1, 3)[1:].max(axis=1).min() >= 178
    assert len(np.unique(colours.reshape(-1, 3), axis=0)) == 16


def test_answers_are_drawn_without_a_file():
    maps = np.full((1, 8, 8), 0.4)
    found = SimpleNamespace(
        raw=maps, trained=maps, spiking=maps, membrane=maps > 0.3, known=None, titles=("a",),
        threshold=0.5,
    )  # fmt: skip
    assert show.answers(found).png.startswith(PNG)


@pytest.mark.parametrize("forgets", [False, True])
@pytest.mark.parametrize("lowest", [-1, -(2**20)])
def test_traces_are_drawn_near_and_far_from_0(lowest, forgets):
    voltage = np.array([lowest, 10, 70, 0], np.int32).reshape(4, 1, 1, 1)
    found = Trace(voltage, voltage > 64, np.full((1, 1, 1), 64, np.int32), forgets)
    assert show.trace(found, [(0, 0, 0), (0, 0, 0)], "a title").png.startswith(PNG)


def test_a_floor_plan_of_any_graph():
    graph = nx.DiGraph([(0, 1, {"weight": 2.0}), (1, 2, {"weight": 1.0})])
    solution = partition.solve(graph, 2, cores_per_chip=2)
    assert solution.assignment.messages == 1.0 and solution.assignment.proved
    assert show.floor_plan(graph, solution).png.startswith(PNG)


def test_a_model_that_fits_says_so():
    fit = SimpleNamespace(
        violations=(), remedies=(), fits=True, n_cores=3, n_chips=1, n_neurons=12, code="rate"
    )
    found = CheckedModel((LayerVerdict("a", "ReLU", "chip", (2, 2, 3)),), (), fit)
    text = show.checked(found).text
    assert "2 x 2 x 3" in text and "Fits: 12 neurons on 3 cores, 1 chip; rate code." in text
