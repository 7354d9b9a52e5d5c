import subprocess
import sys

import networkx as nx
import numpy as np
import pytest

from partition.built.graph import block_graph
from partition.built.graph_file import load_graph, save_graph
from partition.core.errors import PartitionError
from tests.partition.networks import build, pair, skip_net

SHAPES = {"a": (6, 12, 4), "b": (6, 6, 8), "c": (6, 12, 5)}


@pytest.fixture(scope="module")
def model():
    import nengo_loihi

    net, _, _ = build(skip_net(), SHAPES)
    return nengo_loihi.Simulator(net, target="sim", progress_bar=False).model


def test_counts_by_hand(model):
    graph = block_graph(model)
    assert [graph.nodes[n]["n_compartments"] for n in range(5)] == [288, 288, 288, 360, 360]
    # Blocks 0 and 1 are rows 0-5 and 6-11 of layer a (12 columns, 4 channels), block 2 is layer
    # b, blocks 3 and 4 are the halves of layer c. A 3x3 kernel reaches one row further.
    assert graph.edges[0, 3]["weight"] == 6 * 12 * 4
    assert graph.edges[0, 4]["weight"] == 1 * 12 * 4
    assert graph.edges[1, 3]["weight"] == 1 * 12 * 4
    assert graph.edges[0, 2]["weight"] == 6 * 12 * 4
    # The transposed convolution gives each row of b two rows of c of its own.
    assert graph.edges[2, 3]["weight"] == graph.edges[2, 4]["weight"] == 3 * 6 * 8
    (host,) = graph.graph["host_inputs"]
    # The image has one channel; each half of layer a sees seven of its rows.
    assert host["messages"] == {0: 7 * 12, 1: 7 * 12}
    assert host["n_neurons"] == 144


def test_rates_weigh_messages(model):
    rates = np.zeros(288 * 3 + 360 * 2)
    rates[:288] = 0.25
    graph = block_graph(model, rates)
    assert graph.edges[0, 3]["weight"] == 72
    # Silent edges stay visible.
    assert graph.edges[1, 3]["weight"] == 0


@pytest.mark.parametrize("rates", [np.ones(3), np.full(1584, -1.0), np.full(1584, np.nan)])
def test_bad_rates(model, rates):
    with pytest.raises(PartitionError, match="rates"):
        block_graph(model, rates)


def test_unused_pixels_send_no_messages():
    import nengo_loihi

    layers = pair((8, 8, 3), 1, 2, "same", False, 5)
    net, _, _ = build(layers, {"a": (8, 8, 3), "b": (4, 4, 5)})
    model = nengo_loihi.Simulator(net, target="sim", progress_bar=False).model
    assert block_graph(model).edges[0, 1]["weight"] == 4 * 4 * 3


def test_save_and_load(model, tmp_path):
    graph = block_graph(model)
    path = tmp_path / "graph.json"
    save_graph(graph, path)
    loaded = load_graph(path)
    assert nx.utils.graphs_equal(graph, loaded)
    assert loaded.graph == graph.graph


def test_imports_are_light():
    code = (
        "import sys, partition.shapes.tiling, partition.chips.cut;"
        "import partition.built.graph, partition.built.graph_file;"
        "import partition.built.usage;"
        "heavy = {'nengo', 'nengo_loihi', 'tensorflow', 'loihiseg'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
