"""Presentations are those of a plain nengo-loihi simulator, one after another."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from loihiseg.codes.rate import RATE
from loihiseg.emulator.activity import fan_out
from loihiseg.errors import LoihisegError
from tests import deployed

STEPS, WINDOW = 40, 15


@pytest.fixture(scope="module")
def network():
    return deployed.lowered()


@pytest.fixture(scope="module")
def shapes(network):
    return deployed.split_shapes(network)


@pytest.fixture(scope="module")
def presenter(network, shapes):
    _, made = deployed.presenter(network, shapes)
    with made:
        yield made


@pytest.fixture(scope="module")
def shown(presenter):
    """One image, then another, then the first again."""
    images = [deployed.image(5), deployed.image(6), deployed.image(5)]
    return [presenter.present(x, STEPS, WINDOW) for x in images]


def plain_simulator(network, shapes, pixels):
    """Spikes (steps, neurons) of every layer in a simulator of its own, all probed."""
    import nengo
    import nengo_loihi

    made = deployed.converted(network, shapes)
    (node,) = made.inputs.values()
    node.output = pixels.ravel()
    made.net.seed = 0
    with made.net:
        probes = {name: nengo.Probe(e.neurons) for name, e in made.ensembles.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with nengo_loihi.Simulator(
            made.net, target="sim", precompute=True, seed=0, progress_bar=False
        ) as simulator:
            simulator.run_steps(STEPS)
            return {name: simulator.data[probe] > 0 for name, probe in probes.items()}


def same(one, other):
    assert one.n_steps == other.n_steps and one.n_window_steps == other.n_window_steps
    for name in one.spikes:
        np.testing.assert_array_equal(one.spikes[name], other.spikes[name])
        np.testing.assert_array_equal(one.window_spikes[name], other.window_spikes[name])
    np.testing.assert_array_equal(one.spikes_per_step, other.spikes_per_step)
    np.testing.assert_array_equal(one.compartment_spikes, other.compartment_spikes)


def test_equals_a_plain_simulator_spike_for_spike(network, shapes, shown):
    plain = plain_simulator(network, shapes, deployed.image(5))
    on_chip = np.zeros(STEPS, np.int64)
    for layer in network.layers:
        fired = plain[layer.name]
        assert fired.any(), f"{layer.name} is silent: the test shows nothing"
        total = fired.sum(axis=0).reshape(layer.shape)
        window = fired[-WINDOW:].sum(axis=0).reshape(layer.shape)
        np.testing.assert_array_equal(shown[0].spikes[layer.name], total)
        np.testing.assert_array_equal(shown[0].window_spikes[layer.name], window)
        if not layer.on_host:
            on_chip += fired.sum(axis=1)
    np.testing.assert_array_equal(shown[0].spikes_per_step, on_chip)


def test_second_image_finds_a_fresh_state(network, shapes, shown):
    _, fresh = deployed.presenter(network, shapes)
    with fresh:
        same(shown[1], fresh.present(deployed.image(6), STEPS, WINDOW))


def test_same_image_again_gives_the_same(shown):
    same(shown[2], shown[0])
    assert (shown[1].compartment_spikes != shown[0].compartment_spikes).any()


def test_short_presentation_is_the_start_of_a_long_one(presenter, shown):
    short = presenter.present(deployed.image(5), 12, 5)
    np.testing.assert_array_equal(short.spikes_per_step, shown[0].spikes_per_step[:12])


@pytest.mark.parametrize("window", [1, 7, STEPS])
def test_window_holds_the_last_steps(presenter, shown, window):
    one = presenter.present(deployed.image(5), STEPS, window)
    chip = [name for name in one.spikes if name != "stem_spikes"]
    counted = sum(int(one.window_spikes[name].sum()) for name in chip)
    assert counted == shown[0].spikes_per_step[-window:].sum()
    if window == STEPS:
        for name in one.spikes:
            np.testing.assert_array_equal(one.window_spikes[name], one.spikes[name])


def test_compartments_and_layers_hold_the_same_spikes(network, presenter, shown):
    chip = {s.name: shown[0].spikes[s.name] for s in network.chip_layers}
    laid_out = presenter.deployable.compartment_values(chip)
    np.testing.assert_array_equal(laid_out, shown[0].compartment_spikes)
    assert presenter.n_compartments == network.n_chip_neurons == len(laid_out)
    assert shown[0].compartment_spikes.sum() == shown[0].spikes_per_step.sum()


def test_layer_shapes_and_types(network, shown):
    for layer in network.layers:
        for counts in (shown[0].spikes, shown[0].window_spikes):
            assert counts[layer.name].shape == layer.shape
            assert counts[layer.name].dtype == np.int32
            assert counts[layer.name].min() >= 0


def test_progress_is_called_after_every_step(presenter):
    calls = []
    presenter.present(deployed.image(1), 5, 2, lambda: calls.append(1))
    assert len(calls) == 5


def test_block_shapes_change_no_host_spike(network, shapes, shown):
    other = {layer.name: (*layer.shape[:2], shapes[layer.name][2]) for layer in network.chip_layers}
    _, made = deployed.presenter(network, other)
    with made:
        again = made.present(deployed.image(5), STEPS, WINDOW)
    # Blocks of the same channels have the same scales: rows and columns change nothing at all.
    for name in again.spikes:
        np.testing.assert_array_equal(again.spikes[name], shown[0].spikes[name])


def test_builds_that_fail_are_one_line(network, shapes):
    first, second, *rest = network.layers
    strong = replace(second, bias=np.full_like(second.bias, 1e9))
    with pytest.raises(LoihisegError, match="nengo-loihi cannot build the network: ") as error:
        deployed.presenter(replace(network, layers=(first, strong, *rest)), shapes)
    assert "\n" not in str(error.value)


def brute_force(axons, n_neurons):
    """Follow every neuron along every axon to every weight."""
    messages, events = np.zeros(n_neurons, np.int64), np.zeros(n_neurons, np.int64)
    for axon in axons:
        # What nengo-loihi's emulator itself asks: where does a spike of these compartments go?
        for neuron, spike in enumerate(axon.map_spikes(np.arange(n_neurons))):
            if spike is None:
                continue
            messages[neuron] += 1
            weights, _ = axon.target.axon_weights_indices(spike.axon_idx, atom=spike.atom)
            if axon.target.axon_compartment_base(spike.axon_idx) is not None:
                events[neuron] += np.size(weights)
    return messages, events


def test_fan_out_equals_following_every_spike(presenter):
    fans = fan_out(presenter.deployable)
    start = 0
    for block in presenter.model.blocks:
        messages, events = brute_force(block.axons, block.n_neurons)
        stop = start + block.n_neurons
        np.testing.assert_array_equal(fans.messages[start:stop], messages)
        np.testing.assert_array_equal(fans.synaptic_events[start:stop], events)
        start = stop
    assert start == len(fans.messages) == len(fans.synaptic_events)
    for source, sent, driven in zip(
        presenter.model.inputs, fans.host_messages, fans.host_synaptic_events
    ):
        messages, events = brute_force(source.axons, source.n_neurons)
        np.testing.assert_array_equal(sent, messages)
        np.testing.assert_array_equal(driven, events)


def test_synaptic_events_are_the_entries_of_the_convolutions(network, presenter):
    """Every neuron drives as many synapses as convolutions have entries at its place."""
    fans = fan_out(presenter.deployable)
    total = fans.synaptic_events.sum() + sum(e.sum() for e in fans.host_synaptic_events)
    shapes = {s.name: s.shape for s in network.layers}
    expected = 0
    for layer in network.chip_layers:
        for term in layer.terms:
            expected += entries(term, shapes[term.source], layer.shape)
    assert total == expected


def entries(term, source, target):
    """(source pixel, target pixel) pairs of a convolution times both numbers of channels."""
    pairs = 1
    for axis in range(2):
        size, stride = term.kernel.shape[axis], term.strides[axis]
        n_in, n_out = source[axis], target[axis]
        if term.transposed:
            n_in, n_out = n_out, n_in
        before = 0
        if term.padding == "same":
            before = max((n_out - 1) * stride + size - n_in, 0) // 2
        pairs *= sum(
            0 <= out * stride - before + k < n_in for out in range(n_out) for k in range(size)
        )
    return pairs * term.kernel.shape[2] * term.kernel.shape[3]


def test_rates_and_activations_from_spikes(network, shown):
    activations = {
        layer.name: np.stack([RATE.activation(layer, p.firing_per_step(layer.name)) for p in shown])
        for layer in network.layers
    }
    for layer in network.layers:
        rates = shown[1].rates_hz(layer.name)
        np.testing.assert_allclose(rates, shown[1].window_spikes[layer.name] / 0.015, rtol=1e-6)
        assert activations[layer.name].shape == (3, *layer.shape)
        np.testing.assert_allclose(
            activations[layer.name][1], rates / layer.rate_scale_hz, rtol=1e-6
        )
