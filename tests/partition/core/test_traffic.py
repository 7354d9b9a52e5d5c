"""The predicted block graph against the one read from what nengo-loihi builds."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from partition.built.graph import block_graph
from partition.core.errors import PartitionError
from partition.core.layers import Layer, dense_projection
from partition.core.limits import COMPARTMENT_BASE_LIMIT
from partition.core.rates import neuron_rates
from partition.core.traffic import edges, tiling_graph
from partition.shapes.tiling import choose_block_shapes, make_tiling
from tests.partition.networks import blocks_of, build, convolution, random_network, skip_net


def model_of(layers, shapes):
    import nengo_loihi

    net, ensembles, _ = build(layers, shapes)
    model = nengo_loihi.Simulator(net, target="sim", progress_bar=False).model
    return model, ensembles


def compartment_rates(model, ensembles, layers, rates):
    """Rates per neuron as rates per compartment in block order."""
    values = {}
    for layer in layers:
        given = rates.get(layer.name, np.zeros(layer.shape))
        for block in blocks_of(model, ensembles[layer.name]):
            values[block] = np.ravel(given)[list(model.block_comp_map[block])]
    return np.concatenate([values[block] for block in model.blocks])


def assert_equal_to_build(layers, shapes, seed):
    model, ensembles = model_of(layers, shapes)
    rng = np.random.default_rng(seed)
    rates = {name: rng.uniform(0, 0.2, r.shape) for name, r in neuron_rates(layers).items()}
    for name in rates:
        rates[name][rng.uniform(size=rates[name].shape) < 0.5] = 0
    built = [block_graph(model)]
    built.append(block_graph(model, compartment_rates(model, ensembles, layers, rates)))
    for used, expected in zip((None, rates), built):
        found = tiling_graph(layers, shapes, used)
        sizes = [graph.nodes(data="n_compartments") for graph in (found, expected)]
        assert dict(sizes[0]) == dict(sizes[1])
        assert set(found.edges) == set(expected.edges)
        for edge in expected.edges:
            weight = expected.edges[edge]["weight"]
            assert found.edges[edge]["weight"] == pytest.approx(weight, rel=1e-12, abs=1e-12)
        hosts = [graph.graph["host_inputs"] for graph in (found, expected)]
        assert [h["messages"] for h in hosts[0]] == [h["messages"] for h in hosts[1]]
        assert [h["n_neurons"] for h in hosts[0]] == [h["n_neurons"] for h in hosts[1]]
    from_host = sum(sum(h["messages"].values()) for h in built[0].graph["host_inputs"])
    assert make_tiling(layers, shapes).messages == built[0].size("weight") + from_host


@pytest.mark.parametrize("last", [(8, 5, 5), (12, 12, 5), (6, 6, 2), (1, 12, 5)])
def test_skips(last):
    assert_equal_to_build(skip_net(), {"a": (6, 5, 3), "b": (6, 3, 8), "c": last}, 0)


def test_dense():
    layers = [
        Layer("a", (6, 5, 4), (convolution("image", (6, 5, 1), 3, 1, on_host=True)[0],)),
        Layer("b", (1, 1, 30), (dense_projection("a", (6, 5, 4)),)),
    ]
    assert_equal_to_build(layers, {"a": (4, 2, 3), "b": (1, 1, 13)}, 1)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1))
def test_random_networks(seed):
    rng = np.random.default_rng(seed)
    layers = random_network(rng)
    shapes = {
        layer.name: tuple(int(rng.integers(1, n + 1)) for n in layer.shape) for layer in layers
    }
    assume(all(np.prod(shape) <= COMPARTMENT_BASE_LIMIT for shape in shapes.values()))
    assert_equal_to_build(layers, shapes, seed)


def test_edges_by_hand():
    # One row of four pixels, two channels, 3 wide: pixels 1 and 2 reach both halves.
    projection, _ = convolution("a", (1, 4, 2), 3, 1)
    layer = Layer("b", (1, 4, 3), (projection,))
    rates = np.array([[[1, 10], [2, 20], [3, 30], [4, 40]]])
    sources, targets, weights = edges(layer, projection, (1, 4, 1), (1, 2, 3), rates)
    found = dict(zip(zip(sources, targets), weights))
    assert found == {(0, 0): 6, (0, 1): 9, (1, 0): 60, (1, 1): 90}


def test_rates_broadcast_and_are_checked():
    layers = skip_net()
    shapes = choose_block_shapes(layers).shapes
    by_channel = {"image": 1, "a": [1, 2, 3, 4], "b": 0.5}
    full = {"image": 1, "a": np.tile([1, 2, 3, 4], (12, 12, 1)), "b": np.full((6, 6, 8), 0.5)}
    one, two = (tiling_graph(layers, shapes, rates) for rates in (by_channel, full))
    assert dict(one.edges) == dict(two.edges)
    for wrong, words in (
        ({"a": 1}, "no rates for image, b"),
        ({**full, "a": [1, 2]}, r"rates of a have shape \(2,\), its neurons \(12, 12, 4\)"),
        ({**full, "a": -1}, "rates of a must be finite and not negative"),
    ):
        with pytest.raises(PartitionError, match=words):
            tiling_graph(layers, shapes, wrong)
