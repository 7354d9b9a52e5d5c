"""Blocks with exact sums: what nengo-loihi makes of neurons that forget and that wait."""

from dataclasses import replace

import nengo
import nengo_loihi
import numpy as np
import pytest
from nengo.exceptions import BuildError

from loihiseg.codes.thermometer.centring import centred
from loihiseg.codes.thermometer.levels import neurons_of, steps_needed
from loihiseg.conversion.exact_blocks import HIGHEST_VOLTAGE, STORED_DECAY
from loihiseg.conversion.forward import forward
from loihiseg.conversion.nengo_neurons import Forgetting, Waiting
from loihiseg.conversion.precision import quantize_network
from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.emulator.presenter import CompiledPresenter
from tests import quantized, ramp_networks


def with_stored_decay(deployable, stored):
    """The same program with another decay of the current, as the chip's register has it."""
    program = deployable.program
    segment = program.segment.copy()
    segment[:, 0] = 4096 - 1 - stored
    return replace(deployable, program=replace(program, segment=segment))


def one_layer():
    """288 sources into 60 neurons, whose thresholds are near the sums that there are."""
    rng = np.random.default_rng(3)
    first = ramp_networks.stem((1, 1, 288), 1)
    kernel = np.clip(np.rint(rng.normal(20, 40, (1, 1, 288, 60))), -127, 127) / 127
    bias = -0.4 * kernel.sum((0, 1, 2)) + rng.normal(0, 1, 60)
    second = ramp_networks.layer("unit", (1, 1, 60), ["stem"], [kernel], bias, 1, 0.5)
    return LoweredNetwork({"pixels": (1, 1, 288)}, (first, second), ("unit",))


def test_nothing_of_a_current_tips_a_neuron_that_forgets():
    network = one_layer()
    neurons = neurons_of(network)
    shapes = {layer.name: layer.shape for layer in neurons.chip_layers}
    neurons = centred(neurons, shapes)
    images = (np.random.default_rng(4).random((100, 1, 1, 288)) < 0.4).astype(np.float32)
    expected = forward(quantize_network(neurons, shapes, 0.0).network, images)["unit"]
    n_steps = steps_needed(neurons) + 2
    with quantized.presenter(neurons, shapes) as stock:
        (block,) = stock.model.blocks
        assert set(block.compartment.decay_u) == {STORED_DECAY}
        wrong = []
        for stored in (STORED_DECAY, STORED_DECAY - 1):
            with CompiledPresenter(with_stored_decay(stock.deployable, stored), neurons, 1) as run:
                shown = run.present_all(images, n_steps, 1)
            fired = np.stack([one.window_spikes["unit"] for one in shown])
            wrong.append(int((fired != np.rint(expected / 0.5)).sum()))
        theirs = stock.present(images[0], n_steps, 1).window_spikes["unit"]
    np.testing.assert_array_equal(theirs, np.rint(expected[0] / 0.5))
    assert wrong[0] == 0 and wrong[1] > 0
    assert 0.1 < expected.mean() / 0.5 < 0.9


def waiting(weights, **settings):
    """Three neurons on the chip that wait, heard by two on the host, built by nengo-loihi."""
    with nengo.Network(seed=0) as net:
        nengo_loihi.add_params(net)
        host = nengo.Ensemble(2, 1, gain=np.ones(2), bias=np.ones(2))
        net.config[host].on_chip = False
        chip = nengo.Ensemble(
            3, 1, neuron_type=Waiting(64, 20), gain=np.ones(3), bias=np.zeros(3), **settings
        )
        nengo.Connection(host.neurons, chip.neurons, transform=weights, synapse=None)
        probe = nengo.Probe(chip.neurons)
    with nengo_loihi.Simulator(net, target="sim", progress_bar=False) as simulator:
        (block,) = simulator.model.objs[chip.neurons]["in"]
        simulator.run_steps(3)
        assert simulator.data[probe].shape == (3, 3)
        return block


@pytest.mark.parametrize("step, exponent", [(64, -1), (128, 0), (2**13, 6), (2**14, 7)])
def test_neurons_that_wait_keep_their_integers(step, exponent):
    weights = step * np.array([[127, 0], [-127, 1], [5, -64]])
    block = waiting(weights.astype(float))
    part = block.compartment
    for name, value in (("decay_u", 4095), ("decay_v", 0), ("vth", 64), ("bias", 0)):
        assert set(getattr(part, name)) == {value} and getattr(part, name).dtype == np.int32
    assert (part.vmin, part.vmax) == (-(2**20) + 1, HIGHEST_VOLTAGE)
    (synapse,) = block.synapses
    assert synapse.synapse_cfg.weight_exp == exponent
    np.testing.assert_array_equal(np.concatenate(synapse.weights).T, weights)


def test_other_weights_are_refused():
    with pytest.raises(BuildError, match="no mantissas of 8 bits"):
        waiting(64.0 * np.array([[129, 1], [1, 1], [1, 1]]))


def test_neurons_that_forget_have_no_filter():
    with nengo.Network() as net:
        nengo_loihi.add_params(net)
        host = nengo.Ensemble(2, 1)
        net.config[host].on_chip = False
        chip = nengo.Ensemble(2, 1, neuron_type=Forgetting(), gain=np.ones(2), bias=np.ones(2))
        nengo.Connection(host.neurons, chip.neurons, synapse=0.005)
    with pytest.raises(BuildError, match="without a synapse"):
        nengo_loihi.Simulator(net, target="sim", progress_bar=False)


def test_a_neuron_that_waits_does_the_same_on_the_host():
    """By Nengo's reference: a floor, a reset, and every step above the threshold fires."""
    neuron = Waiting(64, 8)
    voltage, output = np.zeros(1), np.zeros(1)
    fired, found = [], []
    for arrives in (-1000, 192, 127, 128, 64, 65, -64):
        neuron.step(0.001, np.array([1000.0 * arrives]), output, voltage)
        fired.append(bool(output[0]))
        found.append(int(voltage[0]))
    assert found == [-255, -63, 64, 0, 64, 0, -64]
    assert fired == [False, False, False, True, False, True, False]
