"""Levels as binary neurons: the same activations, in one step per layer, with shared weights."""

from dataclasses import replace

import nengo
import nengo_loihi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loihiseg.codes.thermometer.centring import centred
from loihiseg.codes.thermometer.levels import (
    INTEGER_THRESHOLD,
    levels_on,
    neurons_of,
    neurons_on,
    steps_between_images,
    steps_needed,
    timed,
    times_needed,
)
from loihiseg.conversion.linear import Term
from loihiseg.conversion.nengo_neurons import Binary
from loihiseg.conversion.neuron_kinds import Memoryless, Quantized
from loihiseg.conversion.precision import quantize_network
from loihiseg.conversion.shared_weights import share_atoms
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.conversion.transforms import nengo_transform
from loihiseg.emulator.blockwise import block_order
from loihiseg.emulator.host import host_spikes
from loihiseg.emulator.presentation import present
from loihiseg.errors import InputError
from tests import deployed, quantized

MIXED = (3, 1, 2, 3, 2, 1)
"""Levels of each layer of the test network."""


def layer(name, source, on_host=False, levels=2, level_value=1.0):
    term = Term(source, np.ones((1, 1, 1, 1), np.float32))
    bias = np.zeros(1, np.float32)
    neuron = Quantized(levels, level_value)
    return SpikingLayer(name, (2, 2, 1), (term,), bias, 100.0, on_host, neuron)


def test_levels_by_hand():
    first = layer("a", "pixels", True, levels=2, level_value=0.5)
    second = replace(
        layer("b", "a", levels=3, level_value=0.4),
        terms=(Term("a", np.full((1, 1, 1, 1), -2.0, np.float32)),),
        bias=np.full(1, 0.9, np.float32),
    )
    network = LoweredNetwork({"pixels": (2, 2, 1)}, (first, second), ("b",))
    stem, chip = neurons_of(network).layers
    assert (stem.shape, chip.shape) == ((2, 2, 2), (2, 2, 3))
    # Thresholds at half a level, one and a half, two and a half.
    np.testing.assert_allclose(stem.bias, [-0.25, -0.75])
    np.testing.assert_allclose(stem.terms[0].kernel[0, 0], [[1, 1]])
    (term,) = chip.terms
    assert term.levels == 2
    # A level of the source is worth 0.5: -1 for each, 0.9 - 0.2, 0.9 - 0.6, 0.9 - 1.0 as biases.
    scale = -1 / term.kernel[0, 0, 0, 0]
    np.testing.assert_allclose(term.kernel[0, 0] * scale, [[-1, -1, -1]])
    np.testing.assert_allclose(chip.bias * scale, [0.7, 0.3, -0.1], atol=1e-6)


@given(st.integers(1, 7), st.floats(1e-3, 1e3), st.integers(0, 2**32 - 1))
def test_levels_and_neurons_say_the_same(levels, value, seed):
    one = layer("a", "x", levels=levels, level_value=value)
    counts = np.random.default_rng(seed).integers(0, levels + 1, (2, 3, 4))
    on = neurons_on(one, (counts * value).astype(np.float32))
    assert on.shape == (2, 3, 4 * levels)
    np.testing.assert_array_equal(levels_on(one, on.astype(int)), counts)
    # The lower levels of a channel are on before the higher ones.
    assert not (np.diff(on.reshape(2, 3, 4, levels).astype(int), axis=-1) > 0).any()


@pytest.mark.parametrize("levels", [1, 3, MIXED])
def test_neurons_give_the_activations_of_the_network(levels):
    network = quantized.lowered(levels=levels)
    pixels = quantized.images(2)
    trained = quantized.activations(network, pixels)
    ours = quantized.activations(neurons_of(network), pixels)
    for one in network.layers:
        steps = np.rint(trained[one.name] / one.level_value)
        assert steps.max() == one.levels and steps.min() == 0
        # Float sums in another order may fall on the other side of a threshold.
        assert (np.rint(ours[one.name] / one.level_value) == steps).mean() > 0.998


def test_steps_are_the_layers_on_the_longest_way():
    network = quantized.lowered()
    # stem, encode0, down1, encode1, up0, decode0
    assert steps_needed(network) == 6
    assert steps_needed(replace(network, outputs=("encode0_0_spikes",))) == 2


@pytest.fixture(scope="module", params=[1, 3, MIXED], ids=str)
def built(request):
    """Neurons, block shapes, and nengo-loihi's emulator of them."""
    neurons = neurons_of(quantized.lowered(levels=request.param))
    shapes = quantized.split_shapes(neurons)
    neurons = centred(neurons, shapes)
    with quantized.presenter(neurons, shapes) as made:
        yield neurons, shapes, made


def test_right_from_the_step_of_the_depth_on(built):
    neurons, shapes, made = built
    meant = quantize_network(neurons, shapes, 0.0).network
    steps = steps_needed(neurons)
    for image in quantized.images(3):
        expected = quantized.activations(meant, image[None])
        for n in (steps - 1, steps, steps + 1, steps + 7):
            shown = made.present(image, n, 1)
            wrong = [
                levels_on(x, shown.window_spikes[x.name])
                != np.rint(expected[x.name][0] / x.level_value)
                for x in neurons.layers
            ]
            if n < steps:
                assert wrong[-1].mean() > 0.05, "one step less would do: the test shows nothing"
                assert not np.concatenate([w.ravel() for w in wrong[:-1]]).any()
            else:
                assert not np.concatenate([w.ravel() for w in wrong]).any()


def test_a_layer_is_right_a_step_after_those_it_hears(built):
    neurons, _, made = built
    (image,) = quantized.images()
    settled = made.present(image, 20, 1).window_spikes
    for depth, name in enumerate([x.name for x in neurons.layers], start=1):
        early = made.present(image, depth, 1).window_spikes[name]
        np.testing.assert_array_equal(early, settled[name])


def test_compartments_forget(built):
    """Nothing of a voltage is left: below 4096, 1/4096 of it is less than the smallest integer."""
    _, _, made = built
    for block in made.model.blocks:
        assert (block.compartment.vth < 4096).all() and (block.compartment.vth > 0).all()
        assert (block.compartment.decay_v == 4095).all()
        assert (block.compartment.refract_delay == 1).all()
    assert INTEGER_THRESHOLD in {int(v) for b in made.model.blocks for v in b.compartment.vth}


def test_source_levels_share_weights(built):
    neurons, _, made = built
    channels = {x.name: x.shape[2] // x.levels for x in neurons.layers}
    widest = max(channels.values())
    for block in made.model.blocks:
        for synapse in block.synapses:
            assert max(w.shape[0] for w in synapse.weights) <= widest


def random_pair(rng, levels):
    """A host layer and a layer on the chip fed by a random convolution with shared weights."""
    channels, filters = (int(n) for n in rng.integers(1, 5, 2))
    size, kernel, stride = (int(rng.integers(low, high)) for low, high in ((5, 9), (1, 4), (1, 3)))
    term = Term(
        "source",
        rng.normal(0, 1, (kernel, kernel, channels, filters)).astype(np.float32),
        (stride, stride),
        str(rng.choice(["same", "valid"])),
        bool(rng.integers(2)),
        levels,
    )
    return term, (size, size, channels * levels)


def spikes_and_state(term, shape, shared, seed):
    """Everything a stock emulator goes through, with weights shared or not."""
    transform = nengo_transform(term, shape)
    if not shared:
        kind = nengo.ConvolutionTranspose if term.transposed else nengo.Convolution
        transform = kind(
            transform.n_filters, shape, kernel_size=transform.kernel_size,
            strides=transform.strides, padding=transform.padding, init=transform.init,
        )  # fmt: skip
    rng = np.random.default_rng(seed)
    neurons = nengo.SpikingRectifiedLinear(initial_state={"voltage": nengo.dists.Choice([0])})
    with nengo.Network(seed=0) as net:
        nengo_loihi.add_params(net)
        host = nengo.Ensemble(
            int(np.prod(shape)), 1, neuron_type=neurons,
            gain=nengo.dists.Choice([1]), bias=rng.uniform(0, 600, int(np.prod(shape))),
        )  # fmt: skip
        net.config[host].on_chip = False
        size, full = transform.output_shape.size, transform.output_shape.shape
        post = nengo.Ensemble(
            size, 1, neuron_type=neurons, gain=nengo.dists.Choice([1]),
            bias=rng.uniform(50, 400, size),
        )  # fmt: skip
        part = tuple(max(1, (n + 1) // 2) for n in full[:2])
        net.config[post].block_shape = nengo_loihi.BlockShape((*part, full[2]), full)
        nengo.Connection(host.neurons, post.neurons, transform=transform, synapse=0.004)
    with nengo_loihi.Simulator(net, target="sim", seed=0, progress_bar=False) as simulator:
        state = []
        for _ in range(25):
            simulator.step()
            compartment = simulator.sims["emulator"].compartment
            state.append(
                np.stack([compartment.input[0], compartment.current, compartment.voltage,
                          compartment.spiked, compartment.spike_count])
            )  # fmt: skip
        bits = [sum(s.bits() for s in block.synapses) for block in simulator.model.blocks]
        return np.array(state), bits


@pytest.mark.parametrize("seed", range(12))
def test_shared_weights_change_no_integer(seed):
    rng = np.random.default_rng(seed)
    levels = int(rng.integers(2, 5))
    term, shape = random_pair(rng, levels)
    ours, small = spikes_and_state(term, shape, True, seed)
    stock, large = spikes_and_state(term, shape, False, seed)
    np.testing.assert_array_equal(ours, stock)
    assert ours[:, 3].any()
    # An entry takes whole words, so the memory of few weights may not shrink.
    assert sum(small) <= sum(large)


def test_levels_of_unequal_weights_are_not_joined():
    synapse = nengo_loihi.block.Synapse(1)
    weights = np.arange(8, dtype=np.float32).reshape(4, 2)
    indices = np.zeros((4, 2), int) + [0, 1]
    synapse.set_population_weights([weights], [indices], [0], [0], pop_type=32)
    with pytest.raises(ValueError, match="the 2 levels of a channel differ"):
        share_atoms(synapse, 2)


def test_host_neurons_fire_whenever_their_input_is_positive():
    output, steps = np.zeros(4), np.zeros(4)
    kind = Binary(amplitude=0.001)
    for _ in range(3):
        kind.step(0.001, np.array([-1.0, 0.0, 1e-12, 5.0]), output, steps)
        np.testing.assert_array_equal(output, [0, 0, 1, 1])


def test_host_neurons_fire_in_their_steps_only():
    rng = np.random.default_rng(0)
    bias = rng.normal(0, 1, 20)
    ours = Memoryless(1, active_steps=(2, 5)).host_spikes(bias, 7)
    with nengo.Network() as net:
        kind = Binary(active_steps=(2, 5))
        ensemble = nengo.Ensemble(20, 1, neuron_type=kind, gain=np.ones(20), bias=bias)
        probe = nengo.Probe(ensemble.neurons)
    with nengo.Simulator(net, progress_bar=False) as simulator:
        for _ in range(2):
            simulator.run_steps(7)
            np.testing.assert_array_equal(simulator.data[probe] > 0, ours)
            simulator.reset()
    np.testing.assert_array_equal(ours.any(axis=1), [0, 1, 0, 0, 1, 0, 0])


def test_times_needed_by_hand():
    network = quantized.lowered()
    # encode0 is heard by decode0 at the last step and, the long way, four steps before.
    assert times_needed(network, 6) == {
        "stem_spikes": (1, 4),
        "encode0_0_spikes": (2, 5),
        "down1_spikes": (3,),
        "encode1_0_spikes": (4,),
        "up0_spikes": (5,),
        "decode0_0_spikes": (6,),
    }
    assert times_needed(network, 9)["stem_spikes"] == (4, 7)


def test_images_that_follow_each_other_by_hand():
    # Where all ways are equally long, a layer is needed once for each image.
    first = layer("a", "pixels", True)
    chain = [first, layer("b", "a"), layer("c", "b")]
    network = LoweredNetwork({"pixels": (2, 2, 1)}, tuple(chain), ("c",))
    assert steps_between_images(network) == 1
    # The stem is needed in steps 1 and 4: not for images three steps apart, but two.
    assert steps_between_images(quantized.lowered()) == 2
    # Ways of 2, 3 and 4 layers: three times in a row.
    skips = replace(layer("d", "c"), terms=tuple(Term(x, first.terms[0].kernel) for x in "abc"))
    network = LoweredNetwork({"pixels": (2, 2, 1)}, (*chain, skips), ("d",))
    assert times_needed(network, 4)["a"] == (1, 2, 3)
    assert steps_between_images(network) == 3


def test_images_follow_each_other_and_do_not_meet(built):
    neurons, _, made = built
    n_steps, apart, pictures = steps_needed(neurons), steps_between_images(neurons), 5
    brief = timed(neurons, n_steps)
    fired = np.zeros((n_steps + apart * pictures, brief.layers[0].n_neurons), bool)
    images = quantized.images(pictures)
    for number, image in enumerate(images):
        start = number * apart
        fired[start : start + n_steps] |= host_spikes(brief, image, n_steps).fired["stem_spikes"]
    step, neuron = np.nonzero(fired)
    starts = np.searchsorted(step, np.arange(len(fired) + 1))
    program, (name,) = made.deployable.program, neurons.outputs
    shown = present(
        program, block_order(program), starts, neuron.astype(np.int32), 1,
        recorded=made.deployable.places[name],
    ).raster  # fmt: skip
    for number, image in enumerate(images):
        alone = made.present(image, n_steps, 1).window_spikes[name]
        ours = shown[number * apart + n_steps - 1].reshape(alone.shape)
        np.testing.assert_array_equal(ours, alone)


def test_timed_input_gives_the_same_output_with_fewer_spikes(built):
    neurons, shapes, made = built
    for n_steps in (6, 9):
        brief = timed(neurons, n_steps)
        with quantized.presenter(brief, shapes) as short:
            for image in quantized.images(2):
                held, ours = made.present(image, n_steps, 1), short.present(image, n_steps, 1)
                for name in neurons.outputs:
                    np.testing.assert_array_equal(
                        ours.window_spikes[name], held.window_spikes[name]
                    )
                most, fewer = (x.synaptic_events_per_step.sum() for x in (held, ours))
                assert fewer < 0.8 * most
                assert ours.spikes["stem_spikes"].max() == 2


def test_layers_without_levels_are_named():
    with pytest.raises(InputError, match="layer 'stem_spikes' has no levels"):
        neurons_of(deployed.lowered())
