"""The drop-in simulator: its arguments, what it says of itself, its counters."""

import warnings

import nengo
import numpy as np
import pytest

from tests.emulator.random_networks import random_network


def simulator(net, **kwargs):
    from loihiseg.emulator.simulator import Simulator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Simulator(net, **kwargs)


def test_says_what_runs_compiled():
    with simulator(random_network(1), target="sim") as sim:
        assert sim.accelerated.compartments and sim.accelerated.synapse_groups
        assert sim.accelerated.reason == ""
    with simulator(random_network(3), target="sim") as sim:
        assert sim.accelerated.n_reference_groups > 0
        assert "learn" in sim.accelerated.reason
    with simulator(random_network(1), target="simreal") as sim:
        assert not sim.accelerated.compartments
        assert "simreal" in sim.accelerated.reason
        with pytest.raises(AttributeError, match="simreal"):
            sim.activity  # noqa: B018


def test_float_target_is_the_references():
    import nengo_loihi

    net = random_network(6)
    with simulator(net, target="simreal", seed=1) as ours:
        with nengo_loihi.Simulator(net, target="simreal", seed=1) as theirs:
            ours.run(0.05)
            theirs.run(0.05)
            for probe in net.all_probes:
                np.testing.assert_array_equal(ours.data[probe], theirs.data[probe])


def test_errors_are_the_references():
    from nengo.exceptions import SimulatorClosed, ValidationError

    with pytest.raises(ValidationError):
        simulator(None, target="sim")
    with pytest.raises(ValidationError, match="simreal"):
        simulator(random_network(1), target="elsewhere")
    sim = simulator(random_network(1), target="sim")
    sim.close()
    with pytest.raises(SimulatorClosed):
        sim.run(0.01)


def test_activity_equals_a_count_by_hand():
    """Spikes of every step, times their axons and synapses, followed object by object."""
    with nengo.Network(seed=0) as net:
        one, two = (
            nengo.Ensemble(
                20,
                1,
                neuron_type=nengo.SpikingRectifiedLinear(),
                gain=nengo.dists.Choice([1]),
                bias=nengo.dists.Uniform(0, 300),
            )
            for _ in range(2)
        )
        weights = np.random.default_rng(0).normal(size=(20, 20))
        nengo.Connection(one.neurons, two.neurons, transform=weights, synapse=0.005)
        nengo.Connection(two.neurons[:7], one.neurons, transform=weights[:, :7])
    with simulator(net, target="sim", seed=0) as sim:
        messages = events = 0
        blocks = list(sim.model.blocks)
        bounds = np.cumsum([0] + [block.n_neurons for block in blocks])
        for _ in range(30):
            fired = sim.sims["emulator"].compartment.spiked.copy()
            for block, low, high in zip(blocks, bounds, bounds[1:]):
                for axon in block.axons:
                    for spike in axon.map_spikes(np.flatnonzero(fired[low:high])):
                        if spike is not None:
                            weights, _ = axon.target.axon_weights_indices(
                                spike.axon_idx, atom=spike.atom
                            )
                            messages += 1
                            events += len(weights)
            sim.step()
        activity = sim.activity
        assert messages > 0
        assert (activity.messages, activity.synaptic_events) == (messages, events)
        assert activity.n_steps == 30
        assert activity.neuron_updates == 30 * bounds[-1]
        assert activity.spikes == activity.compartment_spikes.sum()
        assert set(activity.traffic) == set(range(len(blocks)))


def test_network_without_neurons_on_chip_fails_as_the_reference_does():
    import nengo_loihi

    with nengo.Network() as net:
        nengo.Node(0)
    with pytest.raises(Exception) as theirs:
        nengo_loihi.Simulator(net, target="sim")
    with pytest.raises(type(theirs.value)):
        simulator(net, target="sim")


def test_activity_can_be_read_after_the_end():
    with simulator(random_network(4), target="sim", seed=0) as sim:
        sim.run_steps(30)
        spikes = sim.activity.spikes
    assert sim.activity.spikes == spikes > 0
    assert sim.activity.n_steps == 30


def test_rates_are_of_when_activity_was_asked_for():
    """They are made when they are looked at, which may be later, or after the end."""
    with simulator(random_network(4), target="sim", seed=0) as sim:
        sim.run_steps(30)
        early, looked_at = sim.activity, sim.activity
        rates, edges = looked_at.rates, set(looked_at.traffic.edges(data="weight"))
        assert not set(vars(early)) & {"rates", "traffic"}
        sim.run_steps(60)
        late = sim.activity
    assert rates.keys() == early.rates.keys() == late.rates.keys()
    for name, found in early.rates.items():
        np.testing.assert_array_equal(found, rates[name])
    assert set(early.traffic.edges(data="weight")) == edges
    assert sum(float(one.sum()) for one in rates.values()) > 0
    assert any(not np.array_equal(found, late.rates[name]) for name, found in rates.items())


@pytest.mark.parametrize("seed", range(12))
def test_reset_is_a_new_simulator(seed):
    """Learning, noise, host to chip and back, precomputed and not: `random_networks` says which."""
    net = random_network(seed)
    with simulator(net, target="sim", seed=seed) as fresh:
        fresh.run_steps(40)
        expected = {probe: fresh.data[probe].copy() for probe in net.all_probes}
        counted = fresh.activity
    with simulator(net, target="sim", seed=seed) as sim:
        sim.run_steps(17)
        sim.reset()
        assert sim.n_steps == 0 and sim.time == 0 and sim.activity.spikes == 0
        assert all(len(sim.data[probe]) == 0 for probe in net.all_probes)
        for _ in range(2):
            sim.run_steps(40)
            for probe in net.all_probes:
                np.testing.assert_array_equal(sim.data[probe], expected[probe])
            assert sim.activity.synaptic_events == counted.synaptic_events
            assert sim.activity.spikes == counted.spikes
            sim.reset()


def test_reset_of_the_float_target():
    net = random_network(6)
    with simulator(net, target="simreal", seed=1) as sim:
        sim.run_steps(30)
        first = {probe: sim.data[probe].copy() for probe in net.all_probes}
        sim.reset()
        sim.run_steps(30)
        for probe in net.all_probes:
            np.testing.assert_array_equal(sim.data[probe], first[probe])


def test_reset_with_another_seed_draws_anew():
    with nengo.Network(seed=0) as net:
        node = nengo.Node(nengo.processes.WhiteNoise())
        ensemble = nengo.Ensemble(20, 1)
        nengo.Connection(node, ensemble)
        probe = nengo.Probe(node)
    with simulator(net, target="sim", seed=1) as sim:
        found = []
        for again in (None, 5, 5, 6):
            sim.reset(again)
            sim.run_steps(20)
            found.append(sim.data[probe].copy())
    assert not np.array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[1], found[2])
    assert not np.array_equal(found[2], found[3])


def test_reset_of_a_closed_one():
    from nengo.exceptions import SimulatorClosed

    sim = simulator(random_network(1), target="sim")
    sim.close()
    with pytest.raises(SimulatorClosed):
        sim.reset()


def test_activity_is_said_in_a_line():
    with simulator(random_network(1), target="sim", seed=0) as sim:
        sim.run_steps(1_000)
        text = repr(sim.activity)
    assert "1,000 steps" in text and f"{sim.activity.spikes:,} spikes" in text and len(text) < 160
