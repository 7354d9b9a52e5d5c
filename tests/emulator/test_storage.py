"""A program's file: round trip, and every way in which it can be wrong."""

from dataclasses import fields, replace

import numpy as np
import pytest

from loihiseg.emulator.storage import load_program, save_program
from loihiseg.errors import InputError


@pytest.fixture(scope="module")
def model():
    import nengo_loihi

    from tests.emulator.random_networks import random_network

    with nengo_loihi.Simulator(random_network(2), target="sim") as simulator:
        return simulator.model


@pytest.fixture(scope="module")
def deployable(model):
    from loihiseg.emulator.presenter import Deployable
    from loihiseg.emulator.program import compile_model

    return Deployable(compile_model(model), {"layer": np.arange(3)}, ("host",))


@pytest.fixture
def path(tmp_path, deployable):
    save_program(tmp_path / "net.program", deployable, {"answer": 42})
    return tmp_path / "net.program"


def test_round_trip(path, deployable):
    found, about = load_program(path)
    assert about == {"answer": 42}
    assert found.input_sources == ("host",)
    np.testing.assert_array_equal(found.places["layer"], [0, 1, 2])
    for field in fields(found.program):
        ours, theirs = getattr(found.program, field.name), getattr(deployable.program, field.name)
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


def test_what_blocks_take_of_their_cores_comes_back(path, tmp_path, model, deployable):
    from partition.built.blocks import core_use
    from partition.built.graph_file import load_graph
    from partition.core.block_limits import unchecked

    assert load_program(path)[0].uses is None
    assert unchecked(load_graph(path))
    uses = tuple(core_use(block) for block in model.blocks)
    save_program(tmp_path / "whole.program", replace(deployable, uses=uses))
    assert load_program(tmp_path / "whole.program")[0].uses == uses
    assert not unchecked(load_graph(tmp_path / "whole.program"))


def test_same_program_same_bytes(path, tmp_path, deployable):
    save_program(tmp_path / "again", deployable, {"answer": 42})
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_refuses_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_program(tmp_path / "none")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.99])
def test_refuses_a_truncated_file(path, share):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError, match="damaged or truncated") as error:
        load_program(path)
    assert "\n" not in str(error.value)


def test_refuses_one_changed_byte(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match="damaged or truncated"):
        load_program(path)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 something", b"\xff" * 5000])
def test_refuses_a_foreign_file(path, data):
    path.write_bytes(data)
    with pytest.raises(InputError, match="not a program"):
        load_program(path)


def test_refuses_another_format(path):
    path.write_bytes(path.read_bytes().replace(b"loihiseg-program 3 ", b"loihiseg-program 99 ", 1))
    assert path.read_bytes().startswith(b"loihiseg-program 99 ")
    with pytest.raises(InputError, match="program format 99"):
        load_program(path)


def test_graph_equals_the_models(model, deployable):
    from loihiseg.emulator.traffic import program_graph
    from partition.built.graph import block_graph

    rates = np.random.default_rng(0).random(deployable.program.n_compartments)
    ours, theirs = program_graph(deployable.program, rates), block_graph(model, rates)
    assert set(ours.edges) == {e for e in theirs.edges if theirs.edges[e]["weight"] > 0}
    for edge in ours.edges:
        assert ours.edges[edge]["weight"] == pytest.approx(theirs.edges[edge]["weight"])


def test_graph_in_the_file(path, tmp_path, model, deployable):
    from partition.built.graph import block_graph
    from partition.built.graph_file import load_graph

    found, expected = load_graph(path), block_graph(model)
    assert {e for e in found.edges} == {e for e in expected.edges if expected.edges[e]["weight"]}
    for edge in found.edges:
        assert found.edges[edge]["weight"] == expected.edges[edge]["weight"]
    # Compartments 0 to 2 are of the layer, all of them in block 0.
    assert [found.nodes[n]["label"] for n in (0, 1)] == ["layer[0]", "block 1"]
    sizes = [found.nodes[n]["n_compartments"] for n in found]
    assert sizes == [block.n_neurons for block in model.blocks]
    theirs = expected.graph["host_inputs"]
    assert [h["messages"] for h in found.graph["host_inputs"]] == [h["messages"] for h in theirs]
    assert found.graph["host_inputs"][0]["label"] == "host"

    rates = np.random.default_rng(0).random(deployable.program.n_compartments)
    save_program(tmp_path / "rated", deployable, rates=rates)
    rated, expected = load_graph(tmp_path / "rated"), block_graph(model, rates)
    for edge in rated.edges:
        assert rated.edges[edge]["weight"] == pytest.approx(expected.edges[edge]["weight"])


def test_checksum_covers_the_graph(path):
    data = path.read_bytes()
    where = data.index(b"partition-block-graph")
    path.write_bytes(data[:where] + b"P" + data[where + 1 :])
    with pytest.raises(InputError, match="damaged"):
        load_program(path)


def test_loading_needs_no_tensorflow(path):
    import subprocess
    import sys

    code = (
        "import sys; from loihiseg.emulator.storage import load_program; "
        f"load_program({str(path)!r}); "
        "assert not {'tensorflow', 'nengo_loihi', 'nengo'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
