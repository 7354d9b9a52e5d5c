"""A presentation in one go: the spikes of nengo-loihi's emulator, in any order of the blocks."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import nengo
import numpy as np
import pytest

from loihiseg.emulator.blockwise import block_order
from loihiseg.emulator.presentation import present
from loihiseg.emulator.program import compile_model
from tests.emulator.random_networks import random_network

N_WINDOW_STEPS = 25


def built(seed):
    """Model of a random network, or None if nengo-loihi cannot build it."""
    import nengo_loihi

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with nengo_loihi.Simulator(random_network(seed), target="sim", seed=seed) as sim:
                return sim.model
        except (nengo.exceptions.BuildError, AssertionError, NotImplementedError):
            return None


def reference_spikes(model, host, n_steps):
    """(n_steps, n_compartments) bool spikes of nengo-loihi's emulator; host spikes by input."""
    from nengo_loihi.emulator import EmulatorInterface

    emulator = EmulatorInterface(model, seed=0)
    fired = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for step in range(n_steps):
            for spike_input, spikes in zip(model.inputs, host):
                spike_input.spikes.clear()
                if step:
                    spike_input.add_spikes(step, np.flatnonzero(spikes[step - 1]))
            emulator.step()
            fired.append(emulator.compartment.spiked.copy())
    return np.array(fired)


def flat(program, host, n_steps):
    """Host spikes as `present` takes them."""
    together = np.concatenate(host or [np.zeros((n_steps, 0), bool)], axis=1)
    step, neuron = np.nonzero(together)
    start = np.searchsorted(step, np.arange(n_steps + 1)).astype(np.int64)
    return start, neuron.astype(np.int32)


def assert_equal_presentations(seed, n_steps):
    """Present random host spikes; returns whether block by block, or None if there is nothing."""
    model = built(seed)
    if model is None or any(s.learning for b in model.blocks for s in b.synapses):
        return None
    rng = np.random.default_rng(seed)
    share = rng.choice([0.02, 0.2, 0.6])
    host = [rng.random((n_steps, source.n_neurons)) < share for source in model.inputs]
    program = compile_model(model)
    expected = reference_spikes(model, host, n_steps)
    orders = [None] if block_order(program) is None else [None, block_order(program)]
    counted = []
    with ThreadPoolExecutor(2) as pool:
        for order in orders:
            for parts in (1, 3):
                counts = present(
                    program, order, *flat(program, host, n_steps), N_WINDOW_STEPS, pool, parts
                )
                np.testing.assert_array_equal(counts.spikes, expected.sum(axis=0))
                window = expected[n_steps - N_WINDOW_STEPS :].sum(axis=0)
                np.testing.assert_array_equal(counts.window_spikes, window)
                np.testing.assert_array_equal(counts.spikes_per_step, expected.sum(axis=1))
                counted.append(
                    (*counts.messages_per_step, *counts.synaptic_events_per_step, counts.overflow)
                )
    assert len(set(counted)) == 1
    return len(orders) == 2 if expected.any() else None


def test_random_networks():
    """Both ways are among those compared, each many times with spikes."""
    found = [assert_equal_presentations(seed, 50) for seed in range(60)]
    assert found.count(True) >= 10
    assert found.count(False) >= 5


@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_many_random_networks(block):
    for seed in range(2000 + 50 * block, 2050 + 50 * block):
        assert_equal_presentations(seed, 100)


def two_blocks(connect):
    """Program of two populations of three integrators, wired by a function."""
    with nengo.Network(seed=0) as net:
        a, b = (
            nengo.Ensemble(
                3, 1, neuron_type=nengo.SpikingRectifiedLinear(), label=name,
                gain=np.ones(3), bias=[100.0, 50.0, 0.0],
            )
            for name in "ab"
        )  # fmt: skip
        connect(a.neurons, b.neurons)
    import nengo_loihi

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with nengo_loihi.Simulator(net, target="sim", seed=0) as sim:
            return compile_model(sim.model)


def test_levels_follow_the_longest_way():
    program = two_blocks(lambda a, b: nengo.Connection(a, b, transform=np.eye(3), synapse=None))
    order = block_order(program)
    assert [level.tolist() for level in order.levels] == [[0], [1]]
    assert order.link_start.tolist() == [0, 0, 1]
    assert order.link_source.tolist() == [0]


@pytest.mark.parametrize("way", ["itself", "each other"])
def test_a_loop_has_no_order(way):
    def connect(a, b):
        nengo.Connection(a, b, transform=np.eye(3), synapse=None)
        nengo.Connection(b, b if way == "itself" else a, transform=np.eye(3), synapse=None)

    assert block_order(two_blocks(connect)) is None


def test_a_program_without_connections():
    program = two_blocks(lambda a, b: None)
    order = block_order(program)
    assert [level.tolist() for level in order.levels] == [[0, 1]]
    no_input = np.zeros(201, np.int64), np.zeros(0, np.int32)
    alone = [present(program, way, *no_input, 200).spikes for way in (None, order)]
    assert alone[0].any()
    np.testing.assert_array_equal(*alone)
