"""The floor plan of a page: every block once, its messages, and names as text."""

import re
from xml.etree import ElementTree

import networkx as nx

from partition.places import plan_svg
from partition.places.floorplan import Plan
from partition.places.placement import place_blocks


def drawn(labels, edges, chips):
    graph = nx.DiGraph()
    graph.add_nodes_from((number, {"label": label}) for number, label in enumerate(labels))
    graph.add_weighted_edges_from(edges)
    return plan_svg.plan_svg(graph, Plan("A plan", chips, place_blocks(graph, chips)))


def says(html):
    return re.findall(r'data-says="([^"]*)"', html)


def test_every_core_says_what_it_carries():
    html = drawn(["a[0]", "a[1]", "b[0]"], [(0, 1, 2.0), (0, 2, 30.5), (2, 0, 1.0)], [0, 0, 1])
    cores = sorted(said for said in says(html) if "core" in said)
    assert [re.sub(r"core \d", "core N", said) for said in cores if "b[0]" in said] == [
        "chip 1, core N: b[0]; sends 1.0 messages a step, 1.0 of them to other chips; hears 30.5, "
        "30.5 of them from other chips"
    ]
    assert any(
        "a[0]; sends 32.5 messages a step, 30.5 of them to other chips; hears 1.0, 1.0 of" in said
        for said in cores
    )
    assert any("a[1]; sends 0.0 messages a step, 0.0 of them to other" in said for said in cores)
    links = {said for said in says(html) if "core" not in said}
    assert links == {
        "chip 0 to chip 1: 30.5 messages a step", "chip 1 to chip 0: 1.0 messages a step"
    }  # fmt: skip
    assert "chip 0: 2 cores" in html and "1 a, 2 cores" in html and "2 b, 1 core<" in html
    assert html.count('class="free"') == 2 * 128 - 3


def test_it_is_well_formed_whatever_the_names():
    html = drawn(['<script>"a&', "\x1b[31m"], [(0, 1, 1.0)], [0, 0])
    ElementTree.fromstring(f"<div>{html}</div>")
    assert "<script" not in html and "\x1b" not in html


def test_blocks_lie_apart():
    html = drawn([f"a[{number}]" for number in range(128)], [], [0] * 128)
    at = set(re.findall(r'class="core" x="([\d.]+)" y="([\d.]+)"', html))
    assert len(at) == 128 and 'class="free"' not in html


def test_too_many_blocks_have_no_plan(monkeypatch):
    monkeypatch.setattr(plan_svg, "MOST_BLOCKS", 1)
    assert drawn(["a", "b"], [], [0, 0]) == ""
    assert plan_svg.plan_svg(nx.DiGraph(), Plan("none", [], place_blocks(nx.DiGraph(), []))) == ""
