"""A block graph comes back as it was written, or is refused in one line."""

import json
import zipfile

import networkx as nx
import pytest

from partition.built.graph_file import graph_text, load_graph, save_graph
from partition.core.block_limits import NOT_COMPARTMENTS, CoreUse, unchecked
from partition.core.errors import PartitionError
from partition.storage.strict_json import sealed


@pytest.fixture
def path(tmp_path):
    save_graph(small(), tmp_path / "graph.json")
    return tmp_path / "graph.json"


def small():
    """Two blocks that hear each other, and one input."""
    graph = nx.DiGraph()
    graph.add_node(0, label="a", n_compartments=3, use=CoreUse(7, 4, 640))
    graph.add_node(1, label="b", n_compartments=4, use=CoreUse(3, largest_base=9, dense=False))
    graph.add_weighted_edges_from([(0, 1, 2.0), (1, 1, 0.1)])
    graph.graph["host_inputs"] = [{"label": "in", "n_neurons": 5, "messages": {0: 7}}]
    return graph


def refused(path, says):
    with pytest.raises(PartitionError, match=says) as error:
        load_graph(path)
    assert "\n" not in str(error.value) and str(path) in str(error.value)


def rewritten(path, change, seal=True):
    """Change the document in a file, its digest made right again if so wanted."""
    document = json.loads(path.read_text())
    change(document)
    document = sealed(document, "sha256") if seal and "sha256" in document else document
    path.write_text(json.dumps(document))


def test_round_trip(path):
    loaded = load_graph(path)
    assert nx.utils.graphs_equal(small(), loaded)
    assert loaded.graph == small().graph


CHANGES = [
    (lambda d: d.update(version=4), "version 4, this program reads versions 1 to 3"),
    (lambda d: d.update(version=True), "version True"),
    (lambda d: d.update(format="other"), "is not a block graph"),
    (lambda d: d.pop("edges"), "damaged.*edges"),
    (lambda d: d.update(edges=[[0, 9, 1.0]]), "no block"),
    (lambda d: d.update(edges=[[0, -1, 1.0]]), "damaged"),
    (lambda d: d.update(edges=[[0, 1, -1.0]]), "damaged"),
    (lambda d: d.update(edges=[[0, 1, 1e30]]), "damaged"),
    (lambda d: d.update(edges=[[0, 1]]), "damaged"),
    (lambda d: d.update(edges=[[0, 0.5, 1.0]]), "damaged"),
    (lambda d: d.update(edges=[[0, 1, 1.0], [0, 1, 2.0]]), "0 to 1 is there more than once"),
    (lambda d: d.update(nodes=3), "damaged"),
    (lambda d: d.update(nodes=[["a", -1], ["b", 1]]), "damaged"),
    (lambda d: d.update(nodes=[["a" * 2000, 1], ["b", 1]]), "damaged"),
    (lambda d: d.update(host_inputs=[{}]), "damaged"),
    (lambda d: d["host_inputs"][0].update(messages=[[2, 1]]), "not there"),
    (lambda d: d["host_inputs"][0].update(messages=[[0, 1], [0, 2]]), "more than once"),
    (lambda d: d["host_inputs"][0].update(n_neurons=-1), "damaged"),
    (lambda d: d.update(more=1), "damaged.*more"),
]


@pytest.mark.parametrize("change, says", CHANGES)
@pytest.mark.parametrize("version", [1, 2, 3])
def test_damage_under_a_right_digest(path, change, says, version):
    if version < 3:
        rewritten(path, as_version_1 if version == 1 else as_version_2)
    rewritten(path, change)
    refused(path, says)


@pytest.mark.parametrize(
    "change, says",
    [
        (lambda d: d.pop("uses"), "damaged.*uses"),
        (lambda d: d["uses"].pop(), "what 1 blocks use is given, there are 2"),
        (lambda d: d["uses"][0].pop(), "damaged"),
        (lambda d: d["uses"][0].append(1), "damaged"),
        (lambda d: d["uses"][0].__setitem__(2, -1), "damaged"),
        (lambda d: d["uses"][0].__setitem__(7, -2), "damaged"),
        (lambda d: d["uses"][1].__setitem__(8, 1), "damaged"),
    ],
)
def test_damaged_uses_under_a_right_digest(path, change, says):
    rewritten(path, change)
    refused(path, says)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["nodes"][0].__setitem__(0, "other"),
        lambda d: d["edges"][0].__setitem__(2, 3.0),
        lambda d: d["uses"][0].__setitem__(0, 3),
        lambda d: d["host_inputs"][0].update(n_neurons=6),
        lambda d: d.pop("sha256"),
        lambda d: d.update(version=1),
    ],
)
def test_values_that_are_possible_but_others(path, change):
    rewritten(path, change, seal=False)
    refused(path, "damaged")


def as_version_2(document):
    document["version"] = 2
    del document["uses"]


def as_version_1(document):
    as_version_2(document)
    document["version"] = 1
    del document["sha256"]


@pytest.mark.parametrize("older", [as_version_1, as_version_2])
def test_older_versions_are_read_and_say_what_cannot_be_checked(path, older):
    rewritten(path, older)
    loaded = load_graph(path)
    for block in loaded:
        assert "use" not in loaded.nodes[block]
        loaded.nodes[block]["use"] = small().nodes[block]["use"]
    assert nx.utils.graphs_equal(small(), loaded)
    rewritten(path, lambda d: d)
    assert "synapse bits" in unchecked(load_graph(path))


def test_every_use_comes_back(path):
    # No two alike, so that none can take another's place.
    use = CoreUse(1, 2, 3, 4, 5, 6, 7, 8, True, False, True, False)
    graph = small()
    graph.nodes[1]["use"] = use
    save_graph(graph, path)
    assert load_graph(path).nodes[1]["use"] == use
    assert unchecked(load_graph(path)) == ()
    del graph.nodes[0]["use"]
    save_graph(graph, path)
    assert unchecked(load_graph(path)) == NOT_COMPARTMENTS


def test_spaces_and_order_do_not_matter(path):
    document = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(document.items())), indent=3))
    assert nx.utils.graphs_equal(small(), load_graph(path))


@pytest.mark.parametrize(
    "data, says",
    [
        (b"[" * 10**6, "nested more than 32 deep"),
        (b'{"format": ' + b"1" * 400 + b"}", "more than 40 characters"),
        (b'{"format": NaN}', "not JSON"),
        (b'{"format": 1e999}', "not JSON"),
        (b'{"format": "partition-bl', "not JSON"),
        (b'["format"]', "not JSON text of an object"),
        (b'"' + b'\\"' * 10**6, "not JSON"),
    ],
)
def test_hostile_text(tmp_path, data, says):
    (tmp_path / "graph").write_bytes(data)
    refused(tmp_path / "graph", says)


def test_key_given_twice(path):
    path.write_text(path.read_text().replace('{"format"', '{"version": 7, "format"', 1))
    refused(path, "given more than once")


def test_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr("partition.built.graph_file.MOST_GRAPH_BYTES", 50)
    with pytest.raises(PartitionError, match="at most 50"):
        save_graph(small(), tmp_path / "graph")
    (tmp_path / "graph").write_text(graph_text(small()))
    refused(tmp_path / "graph", "at most 50")


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
    refused(path, "damaged, not JSON")
