"""The allocation decides where spikes travel and nothing else; what travels was predicted.

That chips under any allocation give the emulator's output is in `test_hardware_build`.
"""

import warnings
from collections import Counter
from dataclasses import fields

import nengo
import nengo_loihi
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from nengo_loihi.emulator.interface import SynapseState

from loihiseg.emulator.program import compile_model
from loihiseg.emulator.simulator import CompiledEmulator, Simulator
from partition.built.graph import block_graph
from tests.emulator.random_networks import random_network
from tests.partition.models import ALLOCATORS, CASES, allocator, case

STATE = ("input", "current", "voltage", "ref_count", "spiked", "spike_count")


def program_arrays(model):
    program = compile_model(model)
    return {field.name: getattr(program, field.name) for field in fields(program)}


@pytest.mark.parametrize("name", CASES)
def test_no_allocation_changes_the_program(name):
    made = case(name)
    before = program_arrays(made.model)
    for chosen in ALLOCATORS:
        allocator(chosen, made)(made.model, made.n_chips)
        for key, array in program_arrays(made.model).items():
            np.testing.assert_array_equal(array, before[key], err_msg=f"{chosen}: {key}")


# nengo-loihi fills integer arrays with NaN before their values.
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
@pytest.mark.parametrize("name", ["population16", "tiny_preset"])
def test_emulators_after_any_allocation_are_equal_in_every_integer(name):
    made = case(name)
    states = []
    for chosen in (None, *ALLOCATORS):
        if chosen is not None:
            allocator(chosen, made)(made.model, made.n_chips)
        emulator = CompiledEmulator(made.model, seed=0)
        drive = np.random.default_rng(3)
        for step in range(30):
            for source in made.model.inputs:
                source.add_spikes(step + 1, np.flatnonzero(drive.random(source.n_neurons) < 0.3))
            emulator.step()
        states.append({key: getattr(emulator.compartment, key).copy() for key in STATE})
        for source in made.model.inputs:
            source.spikes.clear()
    assert states[0]["spike_count"].any()
    for state in states[1:]:
        for key in STATE:
            np.testing.assert_array_equal(state[key], states[0][key])


class CountingSynapses(SynapseState):
    """The reference emulator's synapses, noting the blocks of each message it delivers."""

    def inject_current(self, t, spike_inputs, all_axons, spiked):
        super().inject_current(t, spike_inputs, all_axons, spiked)
        for axon, part in all_axons.items():
            spikes = axon.map_spikes(np.flatnonzero(spiked[part]))
            n = sum(reaches(axon.target, spike) for spike in spikes if spike is not None)
            if n:
                self.counted[all_axons.block_map[axon], self.block_map[axon.target]] += n


def reaches(synapse, spike):
    """Whether a spike reaches any weight: a build makes no axon for one that does not."""
    base = synapse.axon_compartment_base(spike.axon_idx)
    return base is not None and synapse.weights[synapse.axon_weight_idx(spike.axon_idx)].size > 0


def run_counting(seed, n_steps=40):
    """Run a random network on both emulators, counting messages in each.

    Returns the model, spikes sent by each compartment, messages by (source, target) block in
    nengo-loihi's emulator, and the activity of the compiled one; None if it cannot be built.
    """
    net = random_network(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            sim = nengo_loihi.Simulator(net, target="sim", seed=seed, progress_bar=False)
        except (nengo.exceptions.BuildError, AssertionError, NotImplementedError):
            return None
        with sim, Simulator(net, target="sim", seed=seed, progress_bar=False) as compiled:
            reference = sim.sims["emulator"]
            reference.synapses.__class__ = CountingSynapses
            reference.synapses.counted = Counter()
            sent = np.zeros(reference.compartment.spiked.shape, np.int64)
            for _ in range(n_steps):
                sent += reference.compartment.spiked
                sim.step()
            compiled.run_steps(n_steps)
            number = {block: i for i, block in enumerate(sim.model.blocks)}
            counted = {
                (number[a], number[b]): n for (a, b), n in reference.synapses.counted.items()
            }
            return sim.model, sent, counted, compiled.activity


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_messages_counted_are_messages_predicted(seed):
    found = run_counting(seed)
    assume(found is not None)
    model, sent, counted, activity = found
    predicted = block_graph(model, sent)
    assert counted == {(a, b): n for a, b, n in predicted.edges(data="weight") if n}
    if any(synapse.learning for block in model.blocks for synapse in block.synapses):
        return  # what learns is not part of the compiled program
    # The compiled emulator counts by spikes given out, those of the last step included.
    given_out = block_graph(model, activity.compartment_spikes)
    traffic = {(a, b): n * activity.n_steps for a, b, n in activity.traffic.edges(data="weight")}
    assert traffic.keys() == given_out.edges.keys()
    for edge, weight in given_out.edges.items():
        assert traffic[edge] == pytest.approx(weight["weight"], rel=1e-12)
    if not model.inputs:
        assert activity.messages == sum(counted.values())


def test_random_networks_send_messages():
    """What the property is tested on has messages in it, between blocks too."""
    found = [run_counting(seed) for seed in range(10)]
    totals = [sum(f[2].values()) for f in found if f is not None]
    assert sum(total > 0 for total in totals) >= 4
    assert any(a != b for f in found if f is not None for a, b in f[2])
