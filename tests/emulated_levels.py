"""Networks of levels on nengo-loihi's own emulator, unit for unit, beside their integers."""

import numpy as np

from loihiseg.compilation.mapping import partition_layers
from loihiseg.conversion.forward import forward
from loihiseg.conversion.precision import quantize_network
from loihiseg.emulator.check import check_equality
from partition.shapes.tiling import choose_block_shapes
from tests import quantized, ramp_networks


def counts(layer, values):
    """Levels of activations."""
    return np.rint((values - layer.neuron.offset) / layer.level_value).astype(int)


def random_shapes(rng):
    """Blocks cut anywhere: for weights of one scale in all of them."""

    def shapes_of(neurons):
        return {one.name: ramp_networks.cut(rng, one.shape) for one in neurons.chip_layers}

    return shapes_of


def tiled_shapes(neurons):
    """Blocks as a deployment has them."""
    return choose_block_shapes(partition_layers(neurons)).shapes


def emulated(network, code, pixels, shapes_of):
    """Levels by the quantized network; 0 units of nengo-loihi's own emulator are at others.

    Every integer of the compiled emulator's state is that of nengo-loihi's.
    """
    neurons = code.neurons(network)
    shapes = shapes_of(neurons)
    neurons = code.settled(neurons, shapes)
    expected = forward(quantize_network(neurons, shapes, 0.0).network, pixels)
    with quantized.presenter(neurons, shapes) as stock:
        shown = stock.present_all(list(pixels), code.n_steps, code.n_window_steps)
        for layer in network.layers:
            found = np.stack([one.firing_per_step(layer.name) for one in shown])
            found = counts(layer, code.activation(layer, found))
            np.testing.assert_array_equal(found, counts(layer, expected[layer.name]), layer.name)
        n_spikes = check_equality(stock, neurons, pixels[0], code.n_steps)
    return n_spikes
