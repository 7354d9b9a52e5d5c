"""The compiled emulator equals nengo-loihi's in every spike and every integer of state."""

import warnings

import numpy as np
import pytest

STATE = ("input", "current", "voltage", "ref_count", "spiked", "spike_count")


def add_noise(sim, emulator_class, seed):
    """Make some blocks of a built simulator noisy and give it a new emulator."""
    rng = np.random.default_rng(seed)
    for block in sim.model.blocks:
        compartment = block.compartment
        on_current = int(rng.integers(2))
        if rng.random() < 0.7:
            compartment.enable_noise = rng.random(block.n_neurons) < 0.8
            compartment.noise_exp = int(rng.integers(3, 16))
            compartment.noise_offset = int(rng.integers(-5, 6))
            compartment.noise_at_membrane = on_current
    sim.sims["emulator"] = emulator_class(sim.model, seed=seed)
    sim._runner.emulator = sim.sims["emulator"]


def assert_equal_runs(seed, n_steps, noise):
    """Run a random network on both simulators step by step and compare everything."""
    import nengo
    import nengo_loihi
    from nengo_loihi.emulator import EmulatorInterface

    from loihiseg.emulator.simulator import CompiledEmulator, Simulator
    from tests.emulator.random_networks import random_network

    net = random_network(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            reference = nengo_loihi.Simulator(net, target="sim", seed=seed)
        except (nengo.exceptions.BuildError, AssertionError, NotImplementedError):
            # A random draw that nengo-loihi cannot build either.
            with pytest.raises((nengo.exceptions.BuildError, AssertionError, NotImplementedError)):
                Simulator(net, target="sim", seed=seed)
            return None
        with reference, Simulator(net, target="sim", seed=seed) as compiled:
            assert compiled.accelerated.compartments
            if noise:
                add_noise(reference, EmulatorInterface, seed)
                add_noise(compiled, CompiledEmulator, seed)
            theirs = reference.sims["emulator"]
            ours = compiled.sims["emulator"]
            spikes = 0
            for step in range(n_steps):
                reference.step()
                compiled.step()
                for name in STATE:
                    np.testing.assert_array_equal(
                        getattr(ours.compartment, name),
                        getattr(theirs.compartment, name),
                        err_msg=f"{name} at step {step}, network {seed}",
                    )
                spikes += int(theirs.compartment.spiked.sum())
            for mine, other in zip(ours.synapses.slices, _learning_groups(theirs)):
                for a, b in zip(mine.weights, other.weights):
                    np.testing.assert_array_equal(a, b)
            for probe in net.all_probes:
                np.testing.assert_array_equal(compiled.data[probe], reference.data[probe])
    return spikes


def _learning_groups(emulator):
    return [synapse for synapse in emulator.synapses.slices if synapse.learning]


@pytest.mark.parametrize("seed", range(40))
def test_random_networks(seed):
    assert_equal_runs(seed, n_steps=60, noise=seed % 7 == 4)


def test_random_networks_are_built_and_fire():
    """What is compared has spikes in it, in every kind of network."""
    fired = [assert_equal_runs(seed, n_steps=40, noise=False) for seed in range(100, 120)]
    assert sum(n is None for n in fired) <= 2
    for kind in range(5):
        assert any(fired[kind::5])


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_a_thousand_random_networks(block):
    for seed in range(1000 + 50 * block, 1050 + 50 * block):
        assert_equal_runs(seed, n_steps=100, noise=seed % 7 == 4)
