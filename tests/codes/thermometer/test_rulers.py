"""A ruler gives all blocks the weights that were trained, and costs no event."""

from dataclasses import replace

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.codes.thermometer.centring import centred
from loihiseg.codes.thermometer.clocks import clocked
from loihiseg.codes.thermometer.code import ThermometerCode
from loihiseg.codes.thermometer.levels import levels_on, neurons_of
from loihiseg.codes.thermometer.rulers import RULER, ruled
from loihiseg.compilation.mapping import partition_layers
from loihiseg.conversion.lowering import lower
from loihiseg.conversion.precision import layer_scales, quantize_network
from loihiseg.emulator.check import check_equality
from loihiseg.emulator.presenter import CompiledPresenter
from loihiseg.network.quantized import QuantizedReLU
from loihiseg.network.unet import ChipEffects, build_unet
from partition.shapes.tiling import choose_block_shapes
from tests import quantized

IMAGES = np.random.default_rng(3).normal(0, 1, (3, 16, 16)).astype(np.float32)


def uneven(seed, levels):
    """A U-Net whose channels have weights of very different size, and its lowered network."""
    config = replace(quantized.CONFIG, levels=levels)
    model = quantized.model(seed, config)
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if layer.name == "stem" or not hasattr(layer, "kernel"):
            continue
        axis = 2 if isinstance(layer, tf.keras.layers.Conv2DTranspose) else 3
        factors = 2.0 ** rng.uniform(-2, 0, layer.kernel.shape[axis])
        shape = [-1 if i == axis else 1 for i in range(4)]
        layer.kernel.assign(layer.kernel * factors.reshape(shape))
    return model, config, lower(model).network


def trained_levels(model, config):
    """Levels of the network that training with 8-bit weights computes with, by layer."""
    aware = build_unet(config, effects=ChipEffects(eight_bit=True))
    aware.set_weights(model.get_weights())
    layers = [layer for layer in aware.layers if isinstance(layer, QuantizedReLU)]
    values = tf.keras.Model(aware.inputs, [layer.output for layer in layers])(IMAGES[..., None])
    return {
        layer.name: np.rint(value.numpy() * layer.levels / float(layer.scale))
        for layer, value in zip(layers, values)
    }


def wrong(network, neurons, wanted):
    """Units whose levels on the chip, in blocks of part of the channels, are not those wanted."""
    shapes = quantized.split_shapes(neurons)
    chip = quantize_network(centred(neurons, shapes), shapes, 0.0).network
    found = quantized.activations(chip, IMAGES)
    return sum(
        int((np.rint(found[layer.name] / layer.level_value) != wanted[layer.name]).sum())
        for layer in network.layers
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("levels", [1, 3, (3, 1, 2, 3, 2, 1)], ids=str)
def test_chip_is_the_network_that_was_trained(seed, levels):
    model, config, network = uneven(seed, levels)
    wanted = trained_levels(model, config)
    neurons = ruled(neurons_of(network))
    assert wrong(network, neurons, wanted) == 0
    assert wrong(network, clocked(neurons, 6), wanted) == 0


def test_scales_of_their_own_change_something():
    found = 0
    for seed in range(3):
        model, config, network = uneven(seed, 3)
        found += wrong(network, neurons_of(network), trained_levels(model, config))
    assert found > 0


def test_blocks_have_the_scale_and_the_weights_of_their_layer():
    _, _, network = uneven(0, 3)
    neurons = ruled(neurons_of(network))
    split = quantized.split_shapes(neurons)
    whole = {layer.name: layer.shape for layer in neurons.chip_layers}
    for layer in neurons.chip_layers:
        hz = [neurons.layer(name).rate_scale_hz for name in layer.sources]
        scales = {
            scale.weight_scale for _, scale in layer_scales(layer, hz, split[layer.name][2], 0)
        }
        assert len(scales) == 1
    parts, one = (quantize_network(neurons, shapes, 0.0) for shapes in (split, whole))
    assert max(row.n_scales for row in parts.precision) > 1
    for row in parts.precision:
        assert row.signal_to_noise_db == 0 or row.signal_to_noise_db > 100, "rounded beforehand"
    for layer in one.network.chip_layers:
        for term, other in zip(layer.terms, parts.network.layer(layer.name).terms):
            ratio = np.unique(term.kernel[term.kernel != 0] / other.kernel[other.kernel != 0])
            assert np.log2(ratio) == pytest.approx(np.rint(np.log2(ratio)))


def test_same_in_all_emulators_and_silent():
    _, _, network = uneven(1, 2)
    code = ThermometerCode.of(network, input="clocked", one_scale=True)
    neurons = code.neurons(network)
    shapes = quantized.split_shapes(neurons)
    neurons = centred(neurons, shapes)
    meant = quantized.activations(quantize_network(neurons, shapes, 0.0).network, IMAGES)
    with quantized.presenter(neurons, shapes) as stock:
        shown = stock.present_all(IMAGES, code.n_steps, 1)
        assert check_equality(stock, neurons, IMAGES[0], code.n_steps) > 0
        with CompiledPresenter(stock.deployable, neurons, 1) as presenter:
            compiled = presenter.present_all(IMAGES, code.n_steps, 1)
    (output,) = neurons.outputs
    layer = neurons.layer(output)
    for n, (one, other) in enumerate(zip(shown, compiled)):
        assert one.spikes[RULER].sum() == 0
        for name in one.spikes:
            np.testing.assert_array_equal(one.spikes[name], other.spikes[name])
        np.testing.assert_array_equal(
            levels_on(layer, one.window_spikes[output].astype(int)),
            np.rint(meant[output][n] / layer.level_value),
        )


def test_costs_an_axon_and_no_message():
    _, _, network = uneven(2, 3)
    plain, ours = neurons_of(network), ruled(neurons_of(network))
    code = ThermometerCode.of(network, one_scale=True)
    assert not code.rates(ours, {})[RULER].any()
    before, after = (partition_layers(neurons) for neurons in (plain, ours))
    assert all(layer.inputs[-1].uniform for layer in after)
    cores = [choose_block_shapes(layers).n_cores for layers in (before, after)]
    assert cores[0] <= cores[1] <= cores[0] + len(after)


def test_network_without_weights_is_left_as_it_is():
    _, _, network = uneven(0, 1)
    layer = network.chip_layers[0]
    terms = tuple(replace(t, kernel=np.zeros_like(t.kernel)) for t in layer.terms)
    layers = tuple(
        replace(one, terms=terms) if one.name == layer.name else one for one in network.layers
    )
    found = ruled(neurons_of(replace(network, layers=layers)))
    assert not any(term.kernel.any() for term in found.layer(layer.name).terms)
