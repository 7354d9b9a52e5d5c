"""Clocks: the same outputs, in every integer, from layers that fire when they are needed."""

from dataclasses import replace

import numpy as np
import pytest

from loihiseg.codes.thermometer.centring import centred
from loihiseg.codes.thermometer.clocks import N_SPIKES, clocked
from loihiseg.codes.thermometer.levels import (
    levels_on,
    neurons_of,
    steps_needed,
    timed,
    times_needed,
)
from loihiseg.compilation.mapping import partition_layers
from loihiseg.conversion.precision import quantize_network
from loihiseg.emulator.check import check_equality
from loihiseg.emulator.presenter import CompiledPresenter
from loihiseg.quantization.fixed_point import BIAS_MANTISSA_MAX
from tests import quantized

CASES = [(0, 1), (1, 2), (2, 3), (3, (3, 1, 2, 3, 2, 1))]
"""Seed of the weights, and levels."""

IMAGES = quantized.images(3)


@pytest.fixture(scope="module", params=CASES, ids=str)
def network(request):
    neurons = neurons_of(quantized.lowered(*request.param))
    return neurons, quantized.split_shapes(neurons)


def integers(presenter, layer):
    """Thresholds, biases and what a spike of each source adds, for every neuron of a layer."""
    found = {}
    places = presenter.deployable.places[layer.name]
    blocks = presenter.model.blocks
    for name in ("vth", "bias"):
        values = [
            np.broadcast_to(getattr(b.compartment, name), b.n_neurons).astype(int) for b in blocks
        ]
        found[name] = np.concatenate(values)[places]
    return found


def clock_current(presenter, layer):
    """What the clock of a layer adds to every neuron in a step, from the compiled program."""
    program = presenter.deployable.program
    number = presenter.deployable.input_sources.index(layer.terms[-1].source)
    added = np.zeros(program.n_compartments, int)
    for neuron in range(program.input_start[number], program.input_start[number + 1]):
        entries = slice(*program.input_entry_start[[neuron, neuron + 1]])
        for base, row in program.input_entries[entries]:
            for start, first, n in program.runs[slice(*program.row_start[[row, row + 1]])]:
                added[base + start : base + start + n] += program.weights[first : first + n]
    return added[presenter.deployable.places[layer.name]]


def test_bias_and_clock_add_up_to_the_bias_without(network):
    neurons, shapes = network
    ours = centred(clocked(neurons, 6), shapes)
    held = centred(neurons, shapes)
    with quantized.presenter(ours, shapes) as one, quantized.presenter(held, shapes) as other:
        lowered = 0
        for layer in ours.chip_layers:
            mine, plain = integers(one, layer), integers(other, layer)
            np.testing.assert_array_equal(mine["vth"], plain["vth"])
            if not layer.is_clocked:
                np.testing.assert_array_equal(mine["bias"], plain["bias"])
                continue
            current = clock_current(one, layer)
            np.testing.assert_array_equal(mine["bias"] + current, plain["bias"])
            assert (np.abs(mine["bias"]) <= 64 * BIAS_MANTISSA_MAX).all()
            lowered += (current > 3 * 64 * 127).mean()
        # The last layer needs no clock.
        assert lowered == len(ours.chip_layers) - 1


def test_weights_are_as_fine_as_without(network):
    neurons, shapes = network
    ours, held = (
        quantize_network(centred(n, shapes), shapes, 0.0) for n in (clocked(neurons, 6), neurons)
    )
    for layer in held.network.chip_layers:
        for a, b in zip(layer.terms, ours.network.layer(layer.name).terms):
            np.testing.assert_array_equal(a.kernel, b.kernel)
    for a, b in zip(held.precision, ours.precision):
        assert (a.exponent_high, a.zeroed_share) == (b.exponent_high, b.zeroed_share)
        assert a.signal_to_noise_db == b.signal_to_noise_db


@pytest.mark.parametrize("n_steps", [6, pytest.param(9, marks=pytest.mark.slow)])
def test_same_output_as_held_in_all_emulators_for_less(network, n_steps):
    neurons, shapes = network
    held, brief = centred(neurons, shapes), centred(timed(neurons, n_steps), shapes)
    ours = centred(clocked(neurons, n_steps, 2), shapes)
    meant = quantized.activations(quantize_network(ours, shapes, 0.0).network, IMAGES)
    with quantized.presenter(held, shapes) as stock:
        expected = stock.present_all(IMAGES, n_steps, 1)
        with CompiledPresenter(stock.deployable, brief, 1) as presenter:
            sent = presenter.present_all(IMAGES, n_steps, 1)
    with quantized.presenter(ours, shapes) as stock:
        shown = stock.present_all(IMAGES, n_steps, 1)
        assert check_equality(stock, ours, IMAGES[0], n_steps) > 0
        with CompiledPresenter(stock.deployable, ours, 1) as presenter:
            compiled = presenter.present_all(IMAGES, n_steps, 1)
    for name in neurons.outputs:
        layer = neurons.layer(name)
        for n, one in enumerate(shown):
            np.testing.assert_array_equal(one.window_spikes[name], expected[n].window_spikes[name])
            np.testing.assert_array_equal(
                levels_on(layer, one.window_spikes[name].astype(int)),
                np.rint(meant[name][n] / layer.level_value),
            )
    for one, other in zip(shown, compiled):
        for name in one.spikes:
            np.testing.assert_array_equal(one.spikes[name], other.spikes[name])
        np.testing.assert_array_equal(one.synaptic_events_per_step, other.synaptic_events_per_step)
    fired, more = (sum(p.spikes_per_step.sum() for p in all_) for all_ in (shown, sent))
    assert fired < 0.95 * more


def test_layers_fire_in_their_steps(network):
    neurons, shapes = network
    ours = centred(clocked(neurons, 6), shapes)
    times = times_needed(neurons, 6)
    with (
        quantized.presenter(ours, shapes) as stock,
        CompiledPresenter(stock.deployable, ours, 1) as presenter,
    ):
        names = [layer.name for layer in ours.chip_layers if layer.is_clocked]
        fired = presenter.rasters(IMAGES[0], 6, names)
    right = wrong = 0
    for name in names:
        on = fired[name].reshape(6, -1).sum(axis=1)
        wanted = np.isin(np.arange(1, 7), times[name])
        right, wrong = right + on[wanted].sum(), wrong + on[~wanted].sum()
    assert wrong < 0.02 * right


def test_clocks_by_hand():
    neurons = neurons_of(quantized.lowered(levels=2))
    ours = clocked(neurons, 6)
    clock = ours.layer("encode0_0_spikes_clock")
    # encode0 is needed in steps 2 and 5.
    assert (clock.shape, clock.on_host) == ((1, 1, N_SPIKES), True)
    assert clock.neuron.active_steps == (1, 4)
    assert ours.layer("stem_spikes").neuron.active_steps == (1, 4)
    assert not ours.layer("decode0_0_spikes").is_clocked
    assert steps_needed(ours) == 6
    # Without an image too: pixels do not matter to it.
    blank = quantized.activations(ours, np.zeros((1, 16, 16), np.float32), channels=False)
    assert blank[clock.name].shape == (1, 1, 1, N_SPIKES) and blank[clock.name].all()


def test_layers_needed_twice_in_a_row_have_no_clock():
    neurons = neurons_of(quantized.lowered(levels=2))
    *rest, last = neurons.layers
    # The last layer hears the first on the chip, and what hears that, which is needed at 5 too.
    first = next(x for x in rest if x.name == "encode0_0_spikes")
    again = replace(
        last,
        name="again",
        terms=tuple(replace(t, source=last.name) for t in last.terms[:1]),
    )
    shallow = replace(neurons, layers=(*rest, last, again), outputs=("again", last.name))
    times = times_needed(shallow, 7)
    assert times[last.name] == (6, 7) and times[first.name] == (2, 3, 5, 6)
    ours = clocked(shallow, 7)
    assert not ours.layer(first.name).is_clocked and not ours.layer(last.name).is_clocked


def test_one_axon_and_one_weight_per_compartment():
    neurons = neurons_of(quantized.lowered(levels=2))
    for layer in partition_layers(clocked(neurons, 6)):
        clocks = [p for p in layer.inputs if p.uniform]
        assert len(clocks) == (layer.name != "decode0_0_spikes")
        assert all((p.n_atoms, p.kernel) == (1, layer.shape[:2]) for p in clocks)
