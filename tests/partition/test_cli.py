"""``python -m partition`` as a user meets it: what it says, writes, and ends with."""

import json
import subprocess
import sys

import networkx as nx
import pytest

from partition.built.graph_file import graph_text, save_graph
from partition.cli import run
from partition.core.block_limits import CoreUse
from partition.core.checks import check_placement, message_count
from partition.places.placement import place_in_order


@pytest.fixture
def graph():
    """Two triples of blocks that talk among themselves, dealt out in turn, and one thread."""
    graph = nx.DiGraph(host_inputs=[{"label": "image", "n_neurons": 10, "messages": {0: 8, 1: 7}}])
    for block in range(6):
        graph.add_node(block, label=f"conv{block % 2}[{block // 2}]", n_compartments=100)
    for a in range(4):
        graph.add_edge(a, a + 2, weight=10.0)
    graph.add_edge(2, 3, weight=1.5)
    return graph


@pytest.fixture
def path(graph, tmp_path):
    save_graph(graph, tmp_path / "graph.json")
    return tmp_path / "graph.json"


def called(capsys, *arguments):
    """Exit code, standard output and error."""
    try:
        code = run([str(argument) for argument in arguments])
    except SystemExit as leave:
        code = leave.code
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_json(path, graph, capsys):
    code, out, err = called(capsys, path, "--chips", 2, "--cores-per-chip", 3, "--json")
    assert (code, err, out.count("\n")) == (0, "", 1)
    found = json.loads(out)
    assert (found["n_blocks"], found["n_chips_used"], found["cores_used"]) == (6, 2, [3, 3])
    chips = found["chip_of_block"]
    assert found["messages"] == message_count(graph, chips) == 1.5
    assert found["proved"] and found["lower_bound"] == pytest.approx(1.5) and found["gap"] < 1e-9
    assert found["links"] == [[chips[2], chips[3], 1.5]]
    assert found["board_links"] == found["links"] and found["max_link_load"] == 1.5
    assert found["messages_within_chips"] == 40.0
    # In order, blocks 0 to 2 share a chip: 1 to 3 and 2 to 4 cross, and so does 2 to 3.
    assert found["in_block_order"]["messages"] == 21.5
    assert found["host_inputs"] == [
        {"label": "image", "n_neurons": 10, "messages_if_all_spike": 15}
    ]
    assert found["mesh"].startswith("assumed")
    placement = place_in_order(graph, chips, found["core_of_block"])
    check_placement(graph, chips, placement)
    assert placement.mean_hops == found["mean_hops"]


def test_without_time_for_a_proof_no_bound_is_shown(tmp_path, capsys):
    # A ring of 30 blocks on 3 chips: too large for exhaustion, and no time for a bound.
    graph = nx.DiGraph()
    for block in range(30):
        graph.add_edge(block, (block + 1) % 30, weight=1.0 + block % 3)
    save_graph(graph, tmp_path / "ring.json")
    options = (tmp_path / "ring.json", "--chips", 3, "--cores-per-chip", 10)
    _, without, _ = called(capsys, *options, "--proof-seconds", 0)
    assert "no lower bound: give --proof-seconds" in without and "gap" not in without
    _, given, _ = called(capsys, *options, "--proof-seconds", 5)
    assert "no lower bound" not in given


def test_as_many_chips_as_it_takes(path, capsys):
    for cores, used in ((6, 1), (4, 2), (2, 3), (1, 6)):
        _, out, _ = called(capsys, path, "--cores-per-chip", cores, "--json")
        found = json.loads(out)
        assert found["n_chips_used"] == used
        assert sum(found["cores_used"]) == 6 and max(found["cores_used"]) <= cores


def test_tables(path, capsys):
    code, out, err = called(capsys, path, "--cores-per-chip", 3)
    assert (code, err) == (0, "")
    assert out.startswith("fits: 6 blocks on 2 chips of 3 cores; in use: 3, 3\n")
    lines = [line.split() for line in out.splitlines()]
    assert ["messages", "per", "step", "between", "chips", "1.50", "21.5"] in lines
    assert ["proved:", "fewer", "are", "impossible", "1.50"] in lines
    assert ["0", "to", "1", "1.50"] in lines
    assert "image, 10 neurons, 15 messages when each spikes" in out
    assert "mesh assumed: 4 rows of 8 tiles with 4 cores" in out


def test_what_is_written(path, tmp_path, capsys):
    out, picture = tmp_path / "new" / "out", tmp_path / "pictures" / "plan.png"
    code, printed, _ = called(
        capsys, path, "--cores-per-chip", 3, "--json", "--out", out, "--picture", picture,
        "--board", "grid",
    )  # fmt: skip
    assert code == 0
    assert json.loads((out / "assignment.json").read_text()) == json.loads(printed)
    assert [p.name for p in out.iterdir()] == ["assignment.json"]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert [p.name for p in picture.parent.iterdir()] == ["plan.png"]


def test_same_seed_same_answer(path, capsys):
    first, second = (called(capsys, path, "--cores-per-chip", 2, "--json") for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["--chips", "1", "--cores-per-chip", "4"], "needs 6 cores = 2 chips of 4 cores"),
        (["--chips", "5", "--cores-per-chip", "1"], "needs 6 cores = 6 chips of 1 core,"),
    ],
)
def test_too_few_chips(path, capsys, tmp_path, arguments, says):
    code, out, err = called(capsys, path, *arguments, "--out", tmp_path / "out")
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert err.startswith("does not fit: ") and says in err
    assert not (tmp_path / "out").exists()


def test_block_larger_than_a_core(graph, path, capsys):
    graph.nodes[3]["n_compartments"] = 1025
    save_graph(graph, path)
    code, out, err = called(capsys, path)
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert "block 3 (conv1[1]): 1025 compartments, the limit is 1024 (over by 1): split" in err


def test_blocks_larger_than_a_core_are_all_listed(graph, path, capsys):
    graph.nodes[1]["n_compartments"] = 1030
    graph.nodes[3]["n_compartments"] = 1025
    graph.nodes[4]["use"] = CoreUse(in_axons=4100, dense=False)
    save_graph(graph, path)
    code, out, err = called(capsys, path)
    assert (code, out) == (4, "")
    assert err.splitlines() == [
        "does not fit: 3 of 6 blocks exceed a core: 3 problems",
        "  block 1 (conv1[0]): 1030 compartments, the limit is 1024 (over by 6): split the "
        "ensemble",
        "  block 3 (conv1[1]): 1025 compartments, the limit is 1024 (over by 1): split the "
        "ensemble",
        "  block 4 (conv0[2]): 4100 in-axons, the limit is 4096 (over by 4): use blocks of fewer "
        "pixels",
        "  conv1: 2 blocks, compartments, at most 6 too many",
    ]


def test_what_a_file_says_nothing_of_is_said(graph, path, capsys):
    _, out, _ = called(capsys, path)
    assert "not checked, for the graph does not say: in axons, out axon slots" in out
    _, out, _ = called(capsys, path, "--json")
    assert "synapse bits" in json.loads(out)["not_checked"]
    for block in graph:
        graph.nodes[block]["use"] = CoreUse()
    save_graph(graph, path)
    _, out, _ = called(capsys, path)
    assert "not checked" not in out
    _, out, _ = called(capsys, path, "--json")
    assert json.loads(out)["not_checked"] == []


def test_one_block(tmp_path, capsys):
    graph = nx.DiGraph()
    graph.add_node(0, label="", n_compartments=3, use=CoreUse())
    save_graph(graph, tmp_path / "graph.json")
    _, out, _ = called(capsys, tmp_path / "graph.json", "--cores-per-chip", 1)
    assert out.startswith("fits: 1 block on 1 chip of 1 core; in use: 1\n")


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["--chips", "0"], "--chips: 0: expected a whole number, 1 to 768"),
        (["--chips", "1" * 400], "expected a whole number, 1 to 768"),
        (["--chips", "1e1"], "--chips: 1e1: expected a whole number, 1 to 768"),
        (["--cores-per-chip", "129"], "--cores-per-chip: 129: expected a whole number, 1 to 128"),
        (["--cores-per-chip", "0"], "--cores-per-chip: 0: expected a whole number, 1 to 128"),
        (["--seed", "-1"], "--seed: -1: expected a whole number, 0 to 2147483647"),
        (["--proof-seconds", "nan"], "--proof-seconds: nan: expected a number, 0 to 86400"),
        (["--proof-seconds", "-1"], "--proof-seconds: -1: expected a number, 0 to 86400"),
        (["--proof-seconds", "1e5"], "--proof-seconds: 1e5: expected a number, 0 to 86400"),
        (["--chips", "two"], "--chips: two: expected a whole number"),
        (["--board", "ring"], "invalid choice: 'ring'"),
        (["--bord", "line"], "unrecognized arguments"),
    ],
)
def test_wrong_options(path, capsys, arguments, says):
    code, out, err = called(capsys, path, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert says in err


def test_wrong_files(path, capsys, tmp_path):
    for data, says in [
        (b"", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"{}", "is not a block graph"),
        (path.read_bytes()[:-20], "not JSON"),
        (graph_text(nx.DiGraph()).replace('"version": 3', '"version": 7').encode(), "version 7"),
    ]:
        (tmp_path / "wrong").write_bytes(data)
        code, out, err = called(capsys, tmp_path / "wrong")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert err.startswith(f"error: {tmp_path / 'wrong'}: ") and says in err
    assert called(capsys, tmp_path / "none")[0] == called(capsys, tmp_path)[0] == 2


def test_where_nothing_can_be_written(path, capsys, tmp_path):
    (tmp_path / "file").write_text("x")
    for option in ("--out", "--picture"):
        code, out, err = called(capsys, path, option, tmp_path / "file" / "below")
        assert (code, out) == (2, "") and "cannot be written" in err


def test_empty_graph(tmp_path, capsys):
    save_graph(nx.DiGraph(), tmp_path / "graph.json")
    code, out, _ = called(capsys, tmp_path / "graph.json")
    assert code == 0
    assert out.startswith("fits: 0 blocks")


def test_help_is_light():
    """It neither imports what it does not need nor reads anything."""
    code = (
        "import sys\n"
        "from partition.cli import parse\n"
        "try:\n    parse(['--help'])\n"
        "except SystemExit as leave:\n    assert leave.code == 0\n"
        "heavy = {'numpy', 'networkx', 'rich', 'matplotlib', 'nengo_loihi', 'tensorflow'}\n"
        "heavy &= set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "--proof-seconds" in found.stdout


def test_the_command_itself(path):
    found = subprocess.run(
        [sys.executable, "-m", "partition", str(path), "--chips", "1", "--cores-per-chip", "3"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert (found.returncode, found.stdout) == (4, "")
    assert found.stderr.startswith("does not fit: needs 6 cores = 2 chips of 3 cores")


def test_it_needs_no_nengo_loihi_and_no_matplotlib(path):
    code = (
        "import sys\n"
        "from partition.cli import run\n"
        f"assert run([{str(path)!r}]) == 0\n"
        "heavy = {'matplotlib', 'nengo', 'nengo_loihi', 'tensorflow', 'loihiseg'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
