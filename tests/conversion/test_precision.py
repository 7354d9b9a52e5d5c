"""A layer's scales and integers are those of a real nengo-loihi build, block by block."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from loihiseg.conversion.linear import Term
from loihiseg.conversion.neuron_kinds import Rectified
from loihiseg.conversion.precision import chip_weights, layer_scales, quantize_network
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.quantization.fixed_point import quantize_bias, quantize_threshold, quantize_weights
from tests import deployed


class Build:
    """A built network: nengo-loihi's blocks by layer."""

    def __init__(self, network, shapes, synapse_s):
        import nengo_loihi

        made = deployed.converted(network, shapes, synapse_s)
        (node,) = made.inputs.values()
        node.output = np.zeros(node.size_out)
        made.net.seed = 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with nengo_loihi.Simulator(made.net, progress_bar=False, precompute=True) as simulator:
                self.model = simulator.model
        self.network, self.shapes, self.synapse_s = network, shapes, synapse_s
        self.blocks = {
            layer.name: self.model.objs[made.ensembles[layer.name]]["out"]
            for layer in network.chip_layers
        }

    def channels_of(self, layer, block):
        """Channels whose neurons are in a block."""
        neurons = np.fromiter(self.model.block_comp_map[block], np.int64)
        return np.unique(neurons % layer.shape[2])


@pytest.fixture(scope="module", params=[0.0, 0.005], ids=["no filter", "5 ms"])
def built(request):
    network = deployed.lowered()
    # Unequal rate scales and one layer of small weights: exponents and scales must differ.
    scales = [100.0, 80.0, 125.0, 100.0, 160.0, 100.0]
    layers = [replace(s, rate_scale_hz=scales[i % 6]) for i, s in enumerate(network.layers)]
    network = replace(network, layers=tuple(layers))
    return Build(network, deployed.split_shapes(network), request.param or None)


def each_block(built):
    hz = {s.name: s.rate_scale_hz for s in built.network.layers}
    for layer in built.network.chip_layers:
        sources_hz = [hz[name] for name in layer.sources]
        width = built.shapes[layer.name][2]
        parts = list(layer_scales(layer, sources_hz, width, built.synapse_s or 0.0))
        for block in built.blocks[layer.name]:
            channels = built.channels_of(layer, block)
            ((part, scale),) = [
                (p, s) for p, s in parts if list(range(p.start, p.stop)) == channels.tolist()
            ]
            yield layer, sources_hz, part, scale, block


def test_layers_are_split_along_channels(built):
    split = {layer.name: len(built.blocks[layer.name]) for layer in built.network.chip_layers}
    assert min(split.values()) >= 4


def test_threshold_and_biases(built):
    for layer, _, part, scale, block in each_block(built):
        assert set(block.compartment.vth) == {quantize_threshold(1000.0, scale)}
        bias = quantize_bias(layer.bias[part] * np.float32(layer.rate_scale_hz), scale)
        per_neuron = np.tile(bias, block.n_neurons // len(bias))
        np.testing.assert_array_equal(block.compartment.bias, per_neuron)


def test_exponents_and_weights(built):
    exponents = set()
    for layer, sources_hz, part, scale, block in each_block(built):
        weights = chip_weights(layer, sources_hz)
        assert len(block.synapses) == len(layer.terms)
        for value, synapse in zip(weights, block.synapses):
            group = quantize_weights(value[..., part], scale)
            exponents.add(synapse.synapse_cfg.weight_exp)
            assert synapse.synapse_cfg.weight_exp == group.exponent
            theirs = np.concatenate([np.ravel(w) for w in synapse.weights])
            # A convolution's axons hold kernel entries, cut at borders: the same set of integers.
            assert set(np.unique(theirs)) <= set(np.unique(group.integers))
            assert np.abs(theirs).max() == np.abs(group.integers).max()
            full = max(synapse.weights, key=lambda w: np.asarray(w).size)
            full = np.asarray(full).reshape(value.shape[2], -1)
            if full.size == group.integers.size:
                ours = np.moveaxis(group.integers, 2, 0).reshape(value.shape[2], -1)
                np.testing.assert_array_equal(np.sort(full, axis=1), np.sort(ours, axis=1))
    assert len(exponents) > 1


def test_discretization_starts_from_the_same_scale(built):
    """The factor from weights to integers, read back from nengo-loihi's own."""
    for layer, sources_hz, part, scale, _ in each_block(built):
        largest = max(float(np.abs(w[..., part]).max()) for w in chip_weights(layer, sources_hz))
        assert scale.weight_max == largest
        assert scale.weight_scale == pytest.approx(255 / largest)


def one_layer(kernel, bias=(0.0, 0.0), n_channels=2):
    """A chip layer fed by one host layer, rate scales such that a chip weight is the kernel."""
    host = SpikingLayer(
        "host", (2, 2, 1), (Term("pixels", np.ones((1, 1, 1, 1), np.float32)),),
        np.zeros(1, np.float32), 1000.0, True, Rectified(),
    )  # fmt: skip
    term = Term("host", np.asarray(kernel, np.float32).reshape(1, 1, 1, n_channels))
    chip = SpikingLayer(
        "chip",
        (2, 2, n_channels),
        (term,),
        np.asarray(bias, np.float32),
        1000.0,
        False,
        Rectified(),
    )
    return LoweredNetwork({"pixels": (2, 2, 1)}, (host, chip), ("chip",))


def quantized_row(network, shapes, synapse_s=0.0):
    done = quantize_network(network, shapes, synapse_s)
    (row,) = done.precision
    return done.network.layers[1], row


def test_zeroed_share_and_noise_by_hand():
    # Chip weights are 1000 times the kernel: 1000 and 1. Scale 255 / 1000; mantissas
    # round(127.5) = 128, clipped to 127, and round(0.1275) = 0.
    layer, row = quantized_row(one_layer([1.0, 0.001]), {"chip": (2, 2, 2)})
    assert (row.n_scales, row.zeroed_share) == (1, 0.5)
    assert row.weight_scale_low == row.weight_scale_high == pytest.approx(0.255)
    kernel = layer.terms[0].kernel.ravel()
    # The threshold's own rounding is within 1e-4.
    assert kernel[0] == pytest.approx(127 / 127.5, rel=1e-3) and kernel[1] == 0
    kept = 1000 * float(kernel[0])
    noise = (1000 - kept) ** 2 + 1.0
    assert row.signal_to_noise_db == pytest.approx(10 * np.log10((1e6 + 1) / noise), rel=1e-4)
    assert 40 < row.signal_to_noise_db < 50


def test_a_block_of_its_own_keeps_small_weights():
    _, together = quantized_row(one_layer([1.0, 0.001]), {"chip": (2, 2, 2)})
    layer, apart = quantized_row(one_layer([1.0, 0.001]), {"chip": (2, 2, 1)})
    assert (apart.n_scales, apart.zeroed_share) == (2, 0.0)
    assert apart.weight_scale_high == pytest.approx(1000 * apart.weight_scale_low)
    assert apart.signal_to_noise_db > together.signal_to_noise_db
    assert layer.terms[0].kernel.ravel()[1] == pytest.approx(0.001, rel=0.01)


def test_bias_error_by_hand():
    # A threshold of 1000 is 16324, kept as 255 * 64 = 16320: 16.32 units to the Hz. The bias,
    # 301 * 16.324 = 4914, is too large for 12 bits; 2 * 2457 is kept.
    layer, row = quantized_row(one_layer([1.0, 1.0], bias=[0.301, 0.0]), {"chip": (2, 2, 2)})
    assert row.bias_error_hz == pytest.approx(4914 / 16.32 - 301, rel=1e-3)
    assert 1000 * layer.bias[0] == pytest.approx(4914 / 16.32, rel=1e-6)
    assert row.threshold_error == pytest.approx(1 - 16320 / 16324, rel=0.02)


@pytest.mark.parametrize("synapse_s", [0.0, 0.005])
def test_meant_values_stay_close_to_the_floats(synapse_s):
    network = deployed.lowered()
    done = quantize_network(network, deployed.split_shapes(network), synapse_s)
    assert [r.layer for r in done.precision] == [s.name for s in network.chip_layers]
    assert done.network.layers[0] is network.layers[0]  # the host computes in floats
    for before, after, row in zip(network.layers[1:], done.network.layers[1:], done.precision):
        largest = max(np.abs(t.kernel).max() for t in before.terms)
        for a, b in zip(before.terms, after.terms):
            assert b.kernel.dtype == np.float32
            assert np.abs(a.kernel - b.kernel).max() < largest / 50
        assert row.signal_to_noise_db > 25 and row.threshold_error < 2e-3
        assert row.bias_error_hz == pytest.approx(
            np.abs(after.bias - before.bias).max() * before.rate_scale_hz, abs=1e-3
        )


def test_rows_and_columns_of_a_block_do_not_matter():
    network = deployed.lowered()
    shapes = deployed.split_shapes(network)
    other = {name: (1, 1, shape[2]) for name, shape in shapes.items()}
    assert (
        quantize_network(network, shapes, 0.005).precision
        == quantize_network(network, other, 0.005).precision
    )
