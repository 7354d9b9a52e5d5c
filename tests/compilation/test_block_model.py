"""Programs kept between runs: used when everything that decides them is equal, made again else."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from loihiseg.compilation.block_model import build, signature
from loihiseg.compilation.cache import Kept, cache_folder
from loihiseg.emulator.storage import save_program
from tests import deployed


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LOIHISEG_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def network():
    return deployed.lowered()


@pytest.fixture(scope="module")
def shapes(network):
    return {layer.name: layer.shape for layer in network.chip_layers}


@pytest.fixture(scope="module")
def rates(network):
    return {layer.name: np.full(layer.shape, 0.01) for layer in network.chip_layers}


def test_second_build_is_kept_from_the_first(network, shapes, rates):
    first = build(network, shapes, 0.005, 0, 2, rates)
    second = build(network, shapes, 0.005, 0, 2, rates)
    assert first.presenter is not None and second.presenter is None
    assert second.peers == first.peers and "GreedyInterchip" in first.peers
    np.testing.assert_array_equal(
        first.deployable.program.weights, second.deployable.program.weights
    )
    values = second.deployable.compartment_values(rates)
    np.testing.assert_array_equal(values, first.deployable.compartment_values(rates))
    assert build(network, shapes, 0.005, 0, 2, rates, fresh=True).presenter is not None


@pytest.mark.parametrize("damage", [b"", b"not a program", None])
def test_damaged_program_is_made_again(network, shapes, rates, damage):
    build(network, shapes, 0.005, 0, 2, rates)
    (path,) = cache_folder().iterdir()
    good = path.read_bytes()
    path.write_bytes(good[:-100] if damage is None else damage)
    said = []
    assert build(network, shapes, 0.005, 0, 2, rates, say=said.append).presenter is not None
    assert len(said) == 1 and str(path) in said[0] and "the program is built again" in said[0]
    assert path.read_bytes() == good


@pytest.mark.parametrize(
    "peers",
    [
        3,
        {"2": 3},
        {"2": {"Greedy": {"chips": [0, 5], "cores": [0, 1]}}},
        {"2": {"Greedy": {"chips": [0, -1], "cores": [0, 1]}}},
        {"2": {"Greedy": {"chips": [0, 1], "cores": [0, 9]}}},
        {"2": {"Greedy": {"chips": [0], "cores": [0, 1]}}},
        {"2": {"Greedy": {"chips": [0, 1]}}},
        {"two": {"Greedy": {"chips": [0, 1], "cores": [0, 0]}}},
    ],
)
def test_placements_that_are_none_of_the_program(peers):
    from loihiseg.compilation.block_model import _known_peers

    good = {"2": {"Greedy": {"chips": [0, 1], "cores": [0, 0]}}}
    assert _known_peers(good, 2) == good
    try:
        known = msgspec.convert({"signature": "", "peers": peers}, Kept).peers
    except msgspec.ValidationError:
        return  # The cache refuses it before.
    assert _known_peers(known, 2) == {}


def test_program_of_another_network_is_made_again(network, shapes, rates):
    """Whatever its name says."""
    from tests.programs import small_program

    build(network, shapes, 0.005, 0, 2, rates)
    (path,) = cache_folder().iterdir()
    good = path.read_bytes()
    save_program(path, small_program(), {"peers": {"2": {}}})
    assert build(network, shapes, 0.005, 0, 2, rates).presenter is not None
    assert path.read_bytes() == good


def test_signature_follows_what_decides_the_integers(network, shapes):
    base = signature(network, shapes, 0.005, 0)
    assert base == signature(network, dict(shapes), 0.005, 0)
    name = next(iter(shapes))
    rows, columns, channels = shapes[name]
    other = shapes | {name: (rows // 2, columns, channels)}
    assert base != signature(network, other, 0.005, 0)
    assert base != signature(network, shapes, 0.004, 0)
    assert base != signature(network, shapes, 0.005, 1)
    last = network.layers[-1]
    binary = replace(network, layers=(*network.layers[:-1], replace(last, binary=True)))
    assert base != signature(binary, shapes, 0.005, 0)
    terms = (replace(last.terms[0], levels=2), *last.terms[1:])
    shared = replace(network, layers=(*network.layers[:-1], replace(last, terms=terms)))
    assert base != signature(shared, shapes, 0.005, 0)


def test_run_survives_a_cache_that_cannot_be_written(network, shapes, rates, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("LOIHISEG_CACHE", str(tmp_path / "file" / "below"))
    said = []
    assert build(network, shapes, 0.005, 0, 2, rates, say=said.append).presenter is not None
    assert len(said) == 1 and "built and not kept" in said[0]


def test_other_chip_count_is_compared_too(network, shapes, rates):
    build(network, shapes, 0.005, 0, 2, rates)
    three = build(network, shapes, 0.005, 0, 3, rates)
    assert three.presenter is not None and three.peers
    assert build(network, shapes, 0.005, 0, 2, rates).presenter is None
    assert build(network, shapes, 0.005, 0, 3, rates).peers == three.peers
