import json
import subprocess
import sys
import zipfile

import networkx as nx
import numpy as np
import pytest

from partition.errors import PartitionError
from partition.graph import block_graph, graph_text, load_graph, save_graph
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


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda d: d.update(version=2), "version 2, this program reads version 1"),
        (lambda d: d.update(format="other"), "is not a block graph"),
        (lambda d: d.pop("edges"), "damaged"),
        (lambda d: d.update(edges=[[0, 9, 1.0]]), "no block"),
        (lambda d: d.update(edges=[[0, 1, -1.0]]), "weight -1"),
        (lambda d: d.update(edges=[[0, 1]]), "damaged"),
        (lambda d: d.update(nodes=3), "damaged"),
        (lambda d: d.update(host_inputs=[{}]), "damaged"),
    ],
)
def test_damaged_files(tmp_path, change, words):
    graph = nx.DiGraph()
    graph.add_edge(0, 1, weight=2.0)
    path = tmp_path / "graph.json"
    save_graph(graph, path)
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(PartitionError, match=words):
        load_graph(path)


@pytest.fixture
def archive(tmp_path):
    """A graph inside an archive, after other bytes, as a compiled program has it."""
    graph = nx.DiGraph()
    graph.add_edge(0, 1, weight=2.0)
    path = tmp_path / "net.program"
    with path.open("wb") as file:
        file.write(b"some header\n")
        with zipfile.ZipFile(file, "w") as packed:
            packed.writestr("weights.npy", b"x" * 1000)
            packed.writestr("block_graph.json", graph_text(graph))
    return path


def test_graph_in_an_archive(archive):
    assert load_graph(archive).edges[0, 1]["weight"] == 2.0


def test_damaged_archives(archive):
    data = archive.read_bytes()
    where = data.index(b"partition-block-graph")
    archive.write_bytes(data[:where] + b"P" + data[where + 1 :])
    with pytest.raises(PartitionError, match="archive is damaged"):
        load_graph(archive)
    archive.write_bytes(data[:-30])
    with pytest.raises(PartitionError, match="not JSON text"):
        load_graph(archive)
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("weights.npy", b"x")
    with pytest.raises(PartitionError, match="is an archive without"):
        load_graph(archive)


def test_same_graph_same_text():
    graph, other = nx.DiGraph(), nx.DiGraph()
    graph.add_weighted_edges_from([(0, 1, 2.0), (1, 2, 3.0)])
    other.add_nodes_from(range(3))
    other.add_weighted_edges_from([(1, 2, 3.0), (0, 1, 2.0)])
    assert graph_text(graph) == graph_text(other)


def test_saving_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(PartitionError, match="cannot be written"):
        save_graph(nx.DiGraph(), tmp_path / "file" / "graph.json")


def test_unreadable_files(tmp_path):
    with pytest.raises(PartitionError, match="cannot be read"):
        load_graph(tmp_path / "missing.json")
    path = tmp_path / "cut.json"
    path.write_text('{"format": "partition-bl')
    with pytest.raises(PartitionError, match="damaged, not JSON"):
        load_graph(path)


def test_imports_are_light():
    code = (
        "import sys, partition.tiling, partition.cut, partition.graph, partition.report;"
        "heavy = {'nengo', 'nengo_loihi', 'tensorflow', 'loihiseg'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
