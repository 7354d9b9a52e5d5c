"""Random networks of all that terms can be: every level on the chip is that of the integers."""

import numpy as np
import pytest

from loihiseg.codes.thermometer import levels
from loihiseg.codes.thermometer.code import ThermometerCode
from loihiseg.compilation.mapping import partition_layers
from loihiseg.conversion.forward import forward
from loihiseg.conversion.precision import quantize_network
from loihiseg.emulator.presenter import CompiledPresenter
from partition.shapes.tiling import choose_block_shapes
from tests import quantized, ramp_networks

OWN, STEPWISE = ramp_networks.random_own_network, ramp_networks.random_stepwise_network


def built(seed, of):
    """A random network, the code for it, its neurons cut at random, and their `Presenter`."""
    rng = np.random.default_rng(seed)
    network = of(seed)
    sent = ("held", "timed", "clocked")[seed % 3]
    code = ThermometerCode.of(network, input=sent, one_scale=bool(seed % 2))
    neurons = code.neurons(network)
    if seed % 4 == 0:
        shapes = choose_block_shapes(partition_layers(neurons)).shapes
    else:
        shapes = {layer.name: ramp_networks.cut(rng, layer.shape) for layer in neurons.chip_layers}
    neurons = code.settled(neurons, shapes)
    return network, code, neurons, shapes, quantized.presenter(neurons, shapes)


def differing(seed, of=OWN):
    """Units at another level than the quantized network has them, of two emulators, and levels on.

    With held input those of all layers, else of the outputs.
    """
    network, code, neurons, shapes, presenter = built(seed, of)
    meant = quantize_network(neurons, shapes, 0.0).network
    names = [layer.name for layer in network.layers] if code.held else network.outputs
    wrong = on = 0
    images = ramp_networks.random_images(network, seed)
    expected = forward(meant, images)
    with presenter:
        stock = presenter.present_all(images, code.n_steps, 1)
        ours = CompiledPresenter(presenter.deployable, neurons, 1)
        for shown in (stock, ours.present_all(images, code.n_steps, 1)):
            for name in names:
                layer = neurons.layer(name)
                above = expected[name] - np.float32(layer.neuron.offset)
                wanted = np.rint(above / layer.level_value)
                found = np.stack([one.window_spikes[name] for one in shown])
                wrong += int((levels.levels_on(layer, found) != wanted).sum())
                on += int(wanted.sum())
    return wrong, on


def test_random_networks_are_right_in_every_level():
    """Of held, timed and clocked input; weights of one scale or of one for each block."""
    on = 0
    for seed in (0, 1, 5):
        wrong, wanted = differing(seed)
        assert wrong == 0, f"network {seed}"
        on += wanted
    assert on > 1000


@pytest.mark.parametrize("seed", [1, 2])
def test_random_networks_of_any_thresholds_are_right_in_every_level(seed):
    wrong, on = differing(seed, STEPWISE)
    assert wrong == 0 and on > 50


@pytest.mark.slow
@pytest.mark.parametrize("of", [OWN, STEPWISE])
def test_many_random_networks(of):
    """300, on nengo-loihi's emulator and on ours."""
    for seed in range(100, 400):
        assert differing(seed, of)[0] == 0, f"network {seed}"


def with_room(seed):
    """The first stepwise network from a number on whose biases are no larger than 32 weights.

    For larger ones the thermometer code has coarser weights than the ramp code, which has none.
    """
    while True:
        network = STEPWISE(seed)
        layers = [one for one in levels.neurons_of(network).chip_layers if one.neuron.compares]
        weights = [max(np.abs(term.values).max() for term in one.terms) for one in layers]
        most = (np.abs(one.bias).max() / weight for one, weight in zip(layers, weights))
        if max(most, default=0) < 32:
            return network
        seed += 10**4


@pytest.mark.parametrize("of", [OWN, with_room])
@pytest.mark.parametrize("seed", range(8))
def test_both_codes_are_one_function(seed, of):
    """With weights of one scale: of the same sums, unit for unit."""
    network = ramp_networks.fitting(seed, of)
    images = ramp_networks.random_images(network, seed)
    code = ThermometerCode.of(network, one_scale=True)
    neurons = code.neurons(network)
    shapes = {layer.name: layer.shape for layer in neurons.chip_layers}
    meant = quantize_network(code.settled(neurons, shapes), shapes, 0.0).network
    found, wanted = forward(meant, images), ramp_networks.integer_network(network, images)
    for layer in network.layers:
        above = found[layer.name] - np.float32(layer.neuron.offset)
        levels_on = np.rint(above / layer.level_value)
        np.testing.assert_array_equal(levels_on, wanted[layer.name], err_msg=layer.name)
