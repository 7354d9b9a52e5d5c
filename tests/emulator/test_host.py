"""The host's part in numpy: bit for bit what Nengo's reference simulator computes."""

import numpy as np
import pytest

from loihiseg.conversion.convolution import layer_total
from loihiseg.conversion.firing import DT_S
from loihiseg.conversion.forward import forward
from loihiseg.conversion.linear import Term
from loihiseg.conversion.neuron import SPIKE_RATE_HZ
from loihiseg.conversion.neuron_kinds import Memoryless, Rectified
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.emulator.host import host_currents, host_spikes


class NengoHost:
    """The layers on the host as a Nengo network, one step of which gives their input."""

    def __init__(self, network):
        import nengo

        from loihiseg.conversion.transforms import nengo_transform

        ((pixels, shape),) = network.inputs.items()
        self._pixels = np.zeros(int(np.prod(shape)))
        with nengo.Network(seed=0) as net:
            node = nengo.Node(lambda t: self._pixels, label=pixels)
            self._neurons = {}
            for layer in network.layers:
                if not layer.on_host:
                    continue
                biases = np.tile(layer.bias, int(np.prod(layer.shape[:2]))).astype(np.float32)
                biases *= layer.rate_scale_hz
                ensemble = nengo.Ensemble(
                    layer.n_neurons,
                    1,
                    neuron_type=nengo.SpikingRectifiedLinear(),
                    gain=nengo.dists.Choice([layer.rate_scale_hz]),
                    bias=biases,
                )
                self._neurons[layer.name] = ensemble.neurons
                for term in layer.terms:
                    transform = nengo_transform(term, shape)
                    nengo.Connection(node, ensemble.neurons, transform=transform, synapse=None)
        model = nengo.builder.Model(dt=DT_S)
        self._simulator = nengo.Simulator(net, model=model, progress_bar=False, optimize=False)

    def currents(self, image):
        self._pixels = np.asarray(image, np.float64).reshape(-1)
        self._simulator.reset()
        self._simulator.step()
        signals, model = self._simulator.signals, self._simulator.model
        return {
            name: np.array(signals[model.sig[neurons]["in"]])
            for name, neurons in self._neurons.items()
        }


def spikes_of(current, n_steps, dt_s=DT_S):
    """nengo-loihi's own neurons at constant input, step by step."""
    import loihiseg.frameworks  # noqa: F401

    from nengo_loihi.neurons import LoihiSpikingRectifiedLinear

    neuron, voltage = LoihiSpikingRectifiedLinear(), np.zeros_like(current)
    fired = np.zeros((n_steps, len(current)), bool)
    for step in range(n_steps):
        output = np.zeros_like(current)
        neuron.step(dt_s, current, output, voltage)
        fired[step] = output > 0
    return fired


def host_layer(rng, size, kernel_size, filters, name="stem", **term):
    kernel = rng.normal(size=(*kernel_size, 1, filters)).astype(np.float32)
    one = Term("pixels", kernel, **term)
    strides = one.strides
    if one.transposed:
        shape = [(size - 1) * s + k for s, k in zip(strides, kernel_size)]
    elif one.padding == "same":
        shape = [-(-size // s) for s in strides]
    else:
        shape = [(size - k) // s + 1 for s, k in zip(strides, kernel_size)]
    bias = rng.normal(size=filters).astype(np.float32)
    return SpikingLayer(name, (*shape, filters), (one,), bias, 130.0, True, Rectified(True))


KINDS = [
    ((3, 3), {"padding": "same"}),
    ((3, 3), {"padding": "valid"}),
    ((5, 3), {"padding": "same", "strides": (2, 1)}),
    ((2, 2), {"padding": "same", "strides": (2, 2)}),
    ((1, 1), {"strides": (3, 3)}),
    ((7, 7), {"padding": "same", "strides": (2, 3)}),
    ((4, 4), {"padding": "same"}),
    ((2, 2), {"transposed": True, "strides": (2, 2)}),
    ((3, 3), {"transposed": True, "strides": (2, 2)}),
    ((3, 2), {"transposed": True, "strides": (1, 1)}),
]


@pytest.mark.parametrize("kernel_size, term", KINDS)
def test_currents_are_nengos_to_the_last_bit(kernel_size, term):
    rng = np.random.default_rng(0)
    for size in (12, 13):
        layer = host_layer(rng, size, kernel_size, 5, **term)
        network = LoweredNetwork({"pixels": (size, size, 1)}, (layer,), ("stem",))
        host = NengoHost(network)
        for _ in range(3):
            image = rng.normal(size=(size, size)).astype(np.float32)
            theirs, ours = host.currents(image)["stem"], host_currents(network, image)["stem"]
            assert ours.dtype == np.float64 and theirs.any()
            np.testing.assert_array_equal(ours, theirs)


def test_several_terms_of_one_layer():
    rng = np.random.default_rng(1)
    one, two = (host_layer(rng, 9, size, 4, padding="same") for size in ((3, 3), (1, 1)))
    layer = SpikingLayer("stem", one.shape, one.terms + two.terms, one.bias, 90.0, True, one.neuron)
    network = LoweredNetwork({"pixels": (9, 9, 1)}, (layer,), ("stem",))
    image = rng.normal(size=(9, 9)).astype(np.float32)
    theirs, ours = NengoHost(network).currents(image), host_currents(network, image)
    np.testing.assert_allclose(ours["stem"], theirs["stem"], rtol=1e-13)


def test_spikes_of_a_thousand_random_tiles():
    """Spikes of nengo-loihi's own neurons for Nengo's own currents, tile by tile."""
    rng = np.random.default_rng(2)
    for _ in range(10):
        layer = host_layer(rng, 16, (3, 3), 8, padding="same")
        network = LoweredNetwork({"pixels": (16, 16, 1)}, (layer,), ("stem",))
        host = NengoHost(network)
        for _ in range(100):
            image = rng.normal(size=(16, 16)).astype(np.float32)
            theirs = spikes_of(host.currents(image)["stem"], 20)
            ours = host_spikes(network, image, 20).fired["stem"]
            assert theirs.any() and not theirs.all()
            np.testing.assert_array_equal(ours, theirs)


def test_a_shipped_stem_on_whole_tiles():
    """Of its real size: sums in other orders would show in the last bits of so many."""
    from loihiseg.compilation import source as source_network
    from loihiseg.conversion.lowering import lower
    from loihiseg.training import shipped

    path = shipped.resolve(shipped.FOR_SECTIONS, "")
    network = lower(source_network.load_network(path).model).network
    ((_, (rows, columns, _)),) = network.inputs.items()
    host, rng = NengoHost(network), np.random.default_rng(3)
    for _ in range(2):
        image = rng.normal(size=(rows, columns)).astype(np.float32)
        theirs, ours = host.currents(image), host_currents(network, image)
        assert set(ours) == set(theirs)
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name])


@pytest.mark.parametrize("levels", [1, 3])
def test_a_network_of_levels_hears_what_its_host_sends(levels):
    """Sums that end at a threshold, where the last bit decides: one sum in both places."""
    rng, ties = np.random.default_rng(4), 0
    for _ in range(20):
        tenths = rng.integers(-9, 10, (3, 3, 1, 2 * levels)).astype(np.float32)
        term = Term("pixels", tenths / np.float32(10), padding="same")
        bias = rng.integers(-9, 10, 2 * levels).astype(np.float32) / np.float32(10)
        layer = SpikingLayer(
            "stem", (12, 12, 2 * levels), (term,), bias, SPIKE_RATE_HZ, True, Memoryless(levels)
        )
        network = LoweredNetwork({"pixels": (12, 12, 1)}, (layer,), ("stem",))
        images = rng.integers(-9, 10, (5, 12, 12)).astype(np.float32) / np.float32(10)
        reached = forward(network, images)["stem"]
        for image, own in zip(images, reached, strict=True):
            sent = host_spikes(network, image, 1).fired["stem"].reshape(layer.shape)
            np.testing.assert_array_equal(own, sent.reshape(12, 12, 2, levels).sum(-1))
            single = layer_total(layer, {"pixels": image[None, ..., None]}, 1)[0] > 0
            ties += int((single != sent).sum())
    assert ties > 20  # in float32 they fall to the other side
