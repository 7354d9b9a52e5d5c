"""The picture, looked at as pixels: as many squares as cores, thick where the load is."""

import subprocess
import sys
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from matplotlib.image import imread

from partition.core.errors import PartitionError
from partition.places.floorplan import Plan, _Legend, draw_floor_plan, layer_names
from partition.places.placement import place_blocks, place_in_order


def layered(sizes, load=1.0):
    """Layers of so many blocks, each block sending to one of the next layer."""
    graph = nx.DiGraph()
    first = 0
    for number, size in enumerate(sizes):
        for index in range(size):
            graph.add_node(first + index, label=f"conv{number}[{index}]")
            if number:
                graph.add_edge(first - 1 - index % sizes[number - 1], first + index, weight=load)
        first += size
    return graph


def plan_of(graph, chips, title="plan", board="line"):
    return Plan(title, chips, place_in_order(graph, chips, board=board))


def drawn(graph, plans, path):
    draw_floor_plan(graph, plans, path)
    return imread(path)[..., :3]


def area(image, colour):
    """Pixels of a colour."""
    return int((np.abs(image - np.array(colour[:3])).max(axis=2) < 0.5 / 255).sum())


def test_layers_by_label():
    graph = nx.DiGraph()
    labels = ["<Ensemble 'conv1'>[0:288:1]", "<Ensemble 'conv1'>[288:576:1]"]
    labels += ["conv2[0]", "conv2[1]", "b [x]y", ""]
    for index, label in enumerate(labels):
        graph.add_node(index, label=label)
    graph.add_node(6)
    expected = ["conv1", "conv1", "conv2", "conv2", "b [x]y", "block 5", "block 6"]
    assert layer_names(graph) == expected


@pytest.mark.parametrize("n_chips", [1, 2, 3])
def test_a_square_for_every_core(tmp_path, n_chips):
    sizes = (30, 10, 5)
    graph = layered(sizes)
    chips = [block % n_chips for block in range(45)]
    image = drawn(graph, [plan_of(graph, chips)], tmp_path / "plan.png")
    legend = _Legend(graph)
    assert (legend.by_layer, legend.names, legend.sizes) == (
        True,
        ["conv0", "conv1", "conv2"],
        [*sizes],
    )
    areas = [area(image, legend.colour(first)) for first in (0, 30, 40)]
    # Each layer has its squares and one in the legend; numbers take a little of each.
    per_square = [found / (size + 1) for found, size in zip(areas, sizes)]
    assert min(per_square) > 100
    assert max(per_square) < 1.15 * min(per_square)


@pytest.mark.parametrize("n_chips", [1, 2, 3])
@pytest.mark.parametrize("n_layers", [1, 3, 40])
def test_nothing_is_cut_at_the_edges(tmp_path, n_chips, n_layers):
    """Nor is what is written below, which is as wide as two chips where there is the room."""
    graph = layered([2] * n_layers)
    chips = [block % n_chips for block in range(2 * n_layers)]
    image = drawn(graph, [plan_of(graph, chips)], tmp_path / "plan.png")
    for edge in (image[:4], image[-4:], image[:, :4], image[:, -4:]):
        assert (edge == 1).all()


def test_plans_have_the_same_scales(tmp_path):
    """Between the chips, twice the messages are drawn about twice as thick."""
    graph = layered((4, 4), load=3.0)
    graph.add_edge(0, 4, weight=3.0)
    # One block on the second chip, or two.
    some, more = [0, 0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 1, 1]
    plans = [plan_of(graph, some), plan_of(graph, more)]
    assert [plan.placement.messages for plan in plans] == [3.0, 6.0]
    image = drawn(graph, plans, tmp_path / "plan.png")
    dark = np.abs(image - np.array([0x39, 0x42, 0x4E]) / 255).max(axis=2) < 0.5 / 255
    middle = slice(int(0.46 * image.shape[1]), int(0.48 * image.shape[1]))
    thickness = dark[:, middle].sum(axis=0).max(), dark[:, middle].sum(axis=0).min()
    assert thickness[0] == thickness[1]
    rows = np.flatnonzero(dark[:, middle].any(axis=1))
    upper, lower = np.split(rows, np.flatnonzero(np.diff(rows) > 5) + 1)
    assert len(lower) == pytest.approx(2 * len(upper), abs=2)


def test_many_layers_are_coloured_by_block(tmp_path):
    graph = layered((2,) * 40)
    assert not _Legend(graph).by_layer
    assert drawn(graph, [plan_of(graph, [0] * 80)], tmp_path / "plan.png").std() > 0.05


def test_long_names_take_the_room_they_need():
    graph = layered((2, 2, 2))
    short = _Legend(graph)._columns(48.0)
    for block in graph:
        name = f"Connection from <Ensemble layer {block // 2}> to <Ensemble layer 2>"
        graph.nodes[block]["label"] = f"{name}[{block % 2}]"
    legend = _Legend(graph)
    assert short == 4 and legend._columns(48.0) < 4
    assert legend._columns(1.0) == 1
    assert 48.0 / legend._columns(48.0) > 0.37 * max(map(len, legend.texts))


@pytest.mark.parametrize("board", ["line", "grid"])
@pytest.mark.parametrize("n_chips", [2, 5, 9])
def test_every_board_can_be_drawn(tmp_path, board, n_chips):
    graph = layered((20, 20))
    chips = [block % n_chips for block in range(40)]
    found = place_blocks(graph, chips, board=board)
    image = drawn(graph, [Plan("found", chips, found)], tmp_path / "plan.png")
    height, width, _ = image.shape
    assert max(height, width) <= 24 * 120 + 1
    # No chip hides another: all squares are there, as large as those of the legend.
    plain = [plan_of(graph, [0] * 40)]
    one_chip = drawn(graph, plain, tmp_path / "one.png")
    for first in (0, 20):
        colour = _Legend(graph).colour(first)
        assert area(image, colour) == pytest.approx(area(one_chip, colour), rel=0.1)


def test_empty_graph(tmp_path):
    graph = nx.DiGraph()
    assert drawn(graph, [plan_of(graph, ())], tmp_path / "plan.png").size


def test_same_plan_same_file(tmp_path):
    graph = layered((6, 6))
    plans = [plan_of(graph, [0, 1] * 6)]
    for name in "ab":
        draw_floor_plan(graph, plans, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    draw_floor_plan(graph, [replace(plans[0], title="other")], tmp_path / "b")
    assert (tmp_path / "a").read_bytes() != (tmp_path / "b").read_bytes()


def test_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    graph = layered((2, 2))
    with pytest.raises(PartitionError, match="cannot be written"):
        draw_floor_plan(graph, [plan_of(graph, [0] * 4)], tmp_path / "file" / "plan.png")


def test_matplotlib_is_imported_when_drawing():
    code = "import sys, partition.places.floorplan; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
