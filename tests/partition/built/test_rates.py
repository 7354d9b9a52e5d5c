"""Rates by ensemble: the same traffic from any build, whatever order its blocks come in."""

import warnings

import nengo
import numpy as np
import pytest

from partition.built.graph import block_graph
from partition.built.rates import rates_by_owner, rates_per_step
from partition.core.errors import PartitionError


def array_network() -> nengo.Network:
    """Two ensemble arrays, whose passthrough nodes nengo-loihi removes in any order."""
    with nengo.Network(seed=2) as net:
        one, two = (nengo.networks.EnsembleArray(20, 8) for _ in range(2))
        for number, ensemble in enumerate(one.ensembles + two.ensembles):
            ensemble.label = f"e{number}"
        nengo.Connection(nengo.Node(np.linspace(-1, 1, 8)), one.input)
        nengo.Connection(one.output, two.input)
    return net


def simulator(net):
    from loihiseg.emulator.simulator import Simulator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Simulator(net, target="sim", seed=0)


def by_label(graph):
    label = graph.nodes(data="label")
    found: dict[tuple[str, str], list[float]] = {}
    for a, b, weight in graph.edges(data="weight"):
        found.setdefault((label[a], label[b]), []).append(round(weight, 9))
    return {edge: sorted(weights) for edge, weights in found.items()}


def test_rates_of_one_build_in_others():
    net = array_network()
    with simulator(net) as sim:
        sim.run_steps(200)
        activity = sim.activity
        expected = by_label(block_graph(sim.model, activity.compartment_spikes / activity.n_steps))
        assert any(weight for weights in expected.values() for weight in weights)
        assert by_label(block_graph(sim.model, activity.rates)) == expected
        first = [str(block.label) for block in sim.model.blocks]
    orders = set()
    for _ in range(4):
        with simulator(net) as again:
            orders.add(tuple(str(block.label) for block in again.model.blocks) != tuple(first))
            assert by_label(block_graph(again.model, activity.rates)) == expected
    # Otherwise nothing was shown.
    assert True in orders


def test_there_and_back():
    with simulator(array_network()) as sim:
        n_compartments = sum(block.compartment.n_compartments for block in sim.model.blocks)
        rates = np.random.default_rng(0).uniform(size=n_compartments)
        owners = rates_by_owner(sim.model, rates)
        np.testing.assert_allclose(rates_per_step(sim.model, owners), rates)


def test_rates_that_do_not_fit():
    net = array_network()
    with simulator(net) as sim:
        ensemble = net.all_ensembles[0]
        with pytest.raises(PartitionError, match=r"have shape \(3,\), it has 20 neurons"):
            rates_per_step(sim.model, {ensemble: np.ones(3)})
        with pytest.raises(PartitionError, match="cover no block"):
            block_graph(sim.model, {})
        with pytest.raises(PartitionError, match="not negative"):
            owners = rates_by_owner(sim.model, np.ones(sim.activity.compartment_spikes.shape))
            block_graph(sim.model, {owner: -values for owner, values in owners.items()})
