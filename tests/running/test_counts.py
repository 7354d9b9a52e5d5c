"""Counts over presentations are those of every spike followed by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from loihiseg.codes.ramp.code import RampCode
from loihiseg.conversion.host_graph import HostGraph
from loihiseg.conversion.host_work import count_macs
from loihiseg.emulator.activity import FanOut, Presentation, fan_out
from loihiseg.emulator.presenter import CompiledPresenter
from loihiseg.metrics.energy import LOIHI, estimate_energy
from loihiseg.running import counts
from loihiseg.running.counts import Tally
from tests import deployed, ramp_networks
from tests.small_deployed import TILE, small_deployed

STEPS = 40


@pytest.fixture(scope="module")
def network():
    return deployed.compiled()


@pytest.fixture(scope="module")
def shown(network):
    with CompiledPresenter(network.deployable, network.neurons) as presenter:
        return presenter.present_all([deployed.image(5), deployed.image(6)], STEPS, 15)


def tallied(network, shown):
    tally = Tally(network)
    for one in shown:
        tally.add(one)
    return tally


def test_activity_totals(network, shown):
    fans = fan_out(network.deployable)
    found = tallied(network, shown).counts()
    assert found.neuron_updates == network.neurons.n_chip_neurons * 2 * STEPS
    assert found.spikes == sum(int(one.spikes_per_step.sum()) for one in shown) > 0
    assert (found.n_steps, found.n_images) == (2 * STEPS, 2)
    messages = synaptic = 0
    for one in shown:
        for neuron, n in enumerate(one.compartment_spikes):
            messages += int(n) * int(fans.messages[neuron])
            synaptic += int(n) * int(fans.synaptic_events[neuron])
        for neuron, n in enumerate(one.spikes["stem_spikes"].ravel()):
            messages += int(n) * int(fans.host_messages[0][neuron])
            synaptic += int(n) * int(fans.host_synaptic_events[0][neuron])
    assert (found.messages, found.synaptic_events) == (messages, synaptic)
    assert found.macs == count_macs(network.network, network.readout)


def test_tallies_merge(network, shown):
    whole, parts = tallied(network, shown), Tally(network)
    for one in shown:
        parts.merge(tallied(network, [one]))
    assert parts.counts() == whole.counts()


def test_energy_of_clocks_and_of_all_steps_by_hand(monkeypatch):
    """Of the ramp code: a clock's spikes drive synapses, neurons are updated in all steps."""
    network = ramp_networks.one_unit()
    code = RampCode.of(network)
    neurons = code.neurons(network)
    deployable = ramp_networks.Direct(neurons).deployable
    readout = HostGraph(network.outputs, (), network.outputs[0])
    made = SimpleNamespace(network=network, neurons=neurons, deployable=deployable, readout=readout)
    monkeypatch.setattr(Tally, "messages_between_chips", lambda _: 0.0)
    pixels = [np.array(values, np.float32).reshape(1, 1, 2) for values in ((5, 2), (9, 0))]
    with CompiledPresenter(deployable, neurons, 1) as presenter:
        found = tallied(made, presenter.present_all(pixels, code.n_steps, 1)).counts()
    clocks = [layer for layer in neurons.layers if layer.name.startswith("unit_")]
    of_clocks = sum(len(own) for layer in clocks for own in layer.neuron.pulses)
    # Flush, set, release and two steps of the ramp; of the images 7 and 9 levels. A synapse each.
    assert of_clocks >= 5
    assert found.synaptic_events == found.messages == 2 * of_clocks + 7 + 9
    # The sums 3 and 9 reach two and three levels, from 1 on every 2; nobody hears them.
    assert found.spikes == 2 + 3
    # A flush, the image, three levels: five steps.
    assert (code.n_steps, found.neuron_updates) == (5, 2 * 5)
    energy = estimate_energy(found, LOIHI)
    assert energy.synaptic_uj == pytest.approx((2 * of_clocks + 16) * 27.1e-6 / 2)
    assert energy.neuron_uj == pytest.approx(5 * 81e-6)


def test_messages_between_chips_by_hand(network, shown):
    """Every spike of a compartment is one message to each block that hears it."""
    from dataclasses import replace

    program = network.deployable.program
    chips = tuple(block % 2 for block in range(program.n_blocks))
    apart = replace(network, places=replace(network.places, chip_of_block=chips))
    block_of = np.searchsorted(program.block_start, np.arange(program.n_compartments), "right") - 1
    total = 0
    for neuron in range(program.n_compartments):
        entries = program.entries[program.entry_start[neuron] : program.entry_start[neuron + 1]]
        spikes = sum(int(one.compartment_spikes[neuron]) for one in shown)
        crossing = [chips[block_of[base]] != chips[block_of[neuron]] for base in entries[:, 0]]
        total += spikes * sum(crossing)
    assert total > 0
    tally = tallied(apart, shown)
    assert tally.messages_between_chips() == pytest.approx(total / (2 * STEPS), rel=1e-12)
    assert tally.counts().inter_chip_messages == pytest.approx(total, rel=1e-12)
    assert tally.counts(tally.messages_between_chips()) == tally.counts()


def test_activity_does_not_overflow(monkeypatch):
    """Counts of many spikes and wide fan-out pass 2**31."""
    network = deployed.lowered()
    n, host = network.n_chip_neurons, network.layers[0]
    one = Presentation(
        {host.name: np.full(host.shape, 60_000, np.int32)},
        {},
        60_000,
        1,
        *np.zeros((3, 1), np.int64),
        np.full(n, 60_000, np.int32),
    )
    wide = np.full(n, 4_000, np.int64)
    sent, driven = np.full(host.n_neurons, 7), np.full(host.n_neurons, 9)
    fans = FanOut(wide, wide, (sent,), (driven,), (host.name,))
    monkeypatch.setattr(counts, "fan_out", lambda _: fans)
    monkeypatch.setattr(Tally, "messages_between_chips", lambda _: 0.0)
    program = SimpleNamespace(n_compartments=n)
    made = SimpleNamespace(
        network=network,
        neurons=network,
        readout=HostGraph(network.outputs, (), network.outputs[0]),
        deployable=SimpleNamespace(program=program, input_sources=(host.name,)),
    )
    found = tallied(made, [one]).counts()
    assert found.spikes == n * 60_000
    assert found.messages == n * 60_000 * 4_000 + host.n_neurons * 60_000 * 7
    assert found.synaptic_events == n * 60_000 * 4_000 + host.n_neurons * 60_000 * 9


def test_macs_by_hand(network):
    # Sizes: stem 8x8x3, encode0 8x8x4, down1 and encode1 4x4x6, up0 8x8x4, decode0 8x8x4.
    by_hand = (
        64 * 25 * 3  # stem: 5 x 5 of 1 channel
        + 64 * 9 * 3 * 4
        + 16 * 9 * 4 * 6
        + 16 * 9 * 6 * 6
        + 16 * 4 * 6 * 4  # transposed: per input pixel
        + 64 * 9 * 8 * 4
    )
    readout = 64 * 16 * 4  # transposed, 4 x 4 of the 4 channels of decode0
    assert count_macs(network.network, network.readout) == by_hand + readout


@pytest.mark.parametrize("levels", [0, 2])
def test_work_by_layer_adds_up_to_that_of_the_chip(levels):
    network = small_deployed(levels=levels)
    images = np.random.default_rng(0).normal(0.5, 1, (3, TILE * TILE))
    with CompiledPresenter(network.deployable, network.neurons, 1) as presenter:
        tally = tallied(network, presenter.present_all(images, 9, 4))
    whole, layers = tally.counts(), tally.work_by_layer()
    assert list(layers) == ["first", "last"]
    for name in ("neuron_updates", "spikes", "synaptic_events"):
        assert sum(getattr(work, name) for work in layers.values()) == getattr(whole, name)
    energy = estimate_energy(whole, LOIHI).total_uj_per_image
    assert sum(work.energy_uj for work in layers.values()) == pytest.approx(energy)
    # Events of a layer are set off by the one before it: by hand, neuron by neuron.
    _, first, last = network.neurons.layers
    sent = tally.counted.host_spikes["stem"].sum() * first.shape[2]
    assert layers["first"].synaptic_events == sent > 0
    assert layers["last"].synaptic_events == layers["first"].spikes * last.shape[2] > 0
