"""Lowered and converted networks equal the Keras model they come from, layer by layer."""

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.conversion.converter import convert, keras_network
from loihiseg.conversion.lowering import lower
from loihiseg.conversion.transforms import TermTransform
from loihiseg.network.activations import LoihiReLU
from tests.conversion import models

pytestmark = pytest.mark.filterwarnings("ignore")


class Case:
    """A model, its lowering, and both sides' values on the same images."""

    def __init__(self, builder):
        self.model = models.build(builder)
        self.lowering = lower(self.model, rate_scale_hz=150.0)
        self.network = self.lowering.network
        self.pixels = models.pixels_for(self.model)
        # Before the staircase: what every activation is, were it an ideal rectified-linear unit.
        for layer in self.model.layers:
            if isinstance(layer, LoihiReLU):
                layer.staircase = False
        tensors = [self.model.get_layer(spec.name).output for spec in self.network.layers]
        probe = tf.keras.Model(self.model.inputs, [*tensors, *self.model.outputs])
        *values, self.output = probe(self.pixels)
        self.expected = dict(zip([spec.name for spec in self.network.layers], values))


@pytest.fixture(scope="module", params=models.BUILDERS, ids=lambda b: b.__name__)
def case(request):
    return Case(request.param)


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_every_activation_becomes_a_layer(case):
    def spikes(layer):
        own = getattr(layer, "activation", None) in (tf.nn.relu, tf.keras.activations.relu)
        return own or isinstance(layer, (tf.keras.layers.ReLU, LoihiReLU))

    assert {spec.name for spec in case.network.layers} == {
        layer.name for layer in case.model.layers if spikes(layer)
    }
    on_host = [spec.name for spec in case.network.layers if spec.on_host]
    assert len(on_host) == 1 and case.network.layers[0].name == on_host[0]
    for spec in case.network.layers:
        assert spec.shape == tuple(case.expected[spec.name].shape[1:])
        assert spec.bias.shape == (spec.shape[2],) and spec.bias.dtype == np.float32
    assert set(case.lowering.stages) == {
        layer.name for layer in case.model.layers if layer.name != "pixels"
    }


def test_sources_come_first(case):
    known = set(case.network.inputs)
    for spec in case.network.layers:
        assert set(spec.sources) <= known
        known.add(spec.name)
    assert set(case.network.outputs) <= known


def test_keras_rebuilt_equals_the_model(case):
    rebuilt = keras_network(case.network, staircase=False)(case.pixels)
    for spec, value in zip(case.network.layers, rebuilt):
        close(value, case.expected[spec.name])


def test_readout_equals_the_model(case):
    values = {name: case.expected[name].numpy() for name in case.network.outputs}
    close(case.lowering.graph(values), case.output)


def has_own_terms(layer):
    return any(term.depthwise for term in layer.terms)


def test_nengo_equals_the_model(case):
    from loihiseg.frameworks import nengo_dl

    import nengo

    converted = convert(case.network, spiking=False)
    with converted.net:
        probes = {name: nengo.Probe(e.neurons) for name, e in converted.ensembles.items()}
    ((_, node),) = converted.inputs.items()
    flat = case.pixels.reshape(len(case.pixels), 1, -1)
    if any(has_own_terms(layer) for layer in case.network.layers):
        node.output = flat[0, 0]  # NengoDL knows Nengo's transforms alone
        with nengo.Simulator(converted.net, progress_bar=False) as simulator:
            simulator.step()
            for name, probe in probes.items():
                close(simulator.data[probe][0], np.ravel(case.expected[name][0]))
        return
    with nengo_dl.Simulator(
        converted.net, minibatch_size=len(flat), progress_bar=False
    ) as simulator:
        simulator.run_steps(1, data={node: flat}, stateful=False)
        for name, probe in probes.items():
            value = simulator.data[probe][:, 0]
            close(value, np.reshape(case.expected[name], value.shape))


def test_nothing_stands_between_spiking_layers(case):
    import nengo

    net = convert(case.network).net
    assert list(net.all_nodes) == [net.all_nodes[0]], "a relay is left"
    assert len(net.all_ensembles) == len(case.network.layers)
    found = []
    for connection in net.all_connections:
        if connection.pre_obj is not net.all_nodes[0]:
            assert isinstance(connection.pre_obj, nengo.ensemble.Neurons)
        assert isinstance(connection.post_obj, nengo.ensemble.Neurons)
        kinds = (nengo.Convolution, nengo.ConvolutionTranspose, TermTransform)
        assert isinstance(connection.transform, kinds)
        assert connection.pre_slice == slice(None) and connection.post_slice == slice(None)
        found.append(connection)
    assert len(found) == sum(len(spec.terms) for spec in case.network.layers)


def test_spiking_network_has_loihi_neurons_of_equal_gain(case):
    import nengo
    from nengo_loihi.neurons import LoihiSpikingRectifiedLinear

    converted = convert(case.network, synapse_s=0.003)
    for spec in case.network.layers:
        ensemble = converted.ensembles[spec.name]
        assert isinstance(ensemble.neuron_type, LoihiSpikingRectifiedLinear)
        np.testing.assert_allclose(
            ensemble.gain.sample(1) if hasattr(ensemble.gain, "sample") else ensemble.gain,
            spec.rate_scale_hz,
        )
        assert ensemble.neuron_type.amplitude == pytest.approx(1 / spec.rate_scale_hz)
    for connection in converted.net.all_connections:
        if isinstance(connection.pre_obj, nengo.ensemble.Neurons):
            assert connection.synapse.tau == 0.003


def test_lowering_again_gives_the_same(case):
    again = lower(case.model, rate_scale_hz=150.0).network
    assert again.outputs == case.network.outputs
    for one, other in zip(again.layers, case.network.layers):
        assert (one.name, one.sources, one.on_host) == (other.name, other.sources, other.on_host)
        for a, b in zip(one.terms, other.terms):
            np.testing.assert_array_equal(a.kernel, b.kernel)


def test_rate_scale_is_the_layers_own_or_the_default():
    scales = {s.name: s.rate_scale_hz for s in Case(models.loihi_relu).network.layers}
    assert scales == {"s0": 80.0, "s1": 120.0, "s2": 200.0}
    assert {s.rate_scale_hz for s in Case(models.plain).network.layers} == {150.0}


def test_staircase_is_remembered():
    network = lower(models.build(models.loihi_relu)).network
    assert [s.neuron.staircase for s in network.layers] == [True, True, False]
    model = models.build(models.loihi_relu)
    tensors = [model.get_layer(s.name).output for s in network.layers]
    pixels = models.pixels_for(model)
    rebuilt = keras_network(network)(pixels)
    for ours, theirs in zip(rebuilt, tf.keras.Model(model.inputs, tensors)(pixels)):
        # Rounding may move a neuron by one step of its staircase; hardly any does.
        assert np.mean(np.abs(ours - theirs) > 1e-4) < 0.01


def test_terms_of_a_resnet_block_by_hand():
    network = Case(models.resnet_block).network
    terms = [(t.source, t.kernel.shape, t.strides) for t in network.layer("s2").terms]
    assert terms == [("s1", (3, 3, 4, 4), (1, 1)), ("s0", (1, 1, 4, 1), (1, 1))]
    assert network.layer("s2").terms[1].depthwise
    np.testing.assert_array_equal(network.layer("s2").terms[1].kernel, np.ones((1, 1, 4, 1)))
    terms = [(t.source, t.kernel.shape, t.strides) for t in network.layer("s4").terms]
    assert terms == [("s3", (3, 3, 6, 6), (1, 1)), ("s2", (1, 1, 4, 6), (2, 2))]


def test_equal_convolutions_of_one_source_are_merged():
    network = Case(models.two_convolutions_of_one_source).network
    assert [t.kernel.shape for t in network.layer("s1").terms] == [(3, 3, 3, 4), (1, 1, 3, 4)]


def test_a_source_joined_twice_is_one_convolution():
    network = Case(models.nested_concatenation).network
    assert network.layer("e").sources == ("d", "a")
    assert network.layer("d").sources == ("a", "b", "c", "s0")


def test_sequential_model():
    model = tf.keras.Sequential(
        [
            tf.keras.Input((8, 8, 1)),
            tf.keras.layers.Conv2D(2, 3, activation="relu", name="stem"),
            tf.keras.layers.Conv2D(3, 3, activation="relu", name="c1"),
            tf.keras.layers.Conv2D(1, 1, name="logit"),
        ]
    )
    assert [s.name for s in lower(model).network.layers] == ["stem", "c1"]


def test_layers_used_by_another_model_too_are_not_shared():
    model = models.build(models.plain)
    tf.keras.Model(model.get_layer("s0").output, model.outputs)  # a part of it, as a model
    other = tf.keras.Input((8, 8, 3))
    model.get_layer("c1")(other)
    assert [s.name for s in lower(model).network.layers] == ["s0", "s1", "s2"]


def test_loaded_model_is_lowered_like_the_saved_one(tmp_path):
    model = models.build(models.resnet_block)
    for suffix in (".h5", ".keras"):
        model.save(tmp_path / f"model{suffix}")
        loaded = tf.keras.models.load_model(tmp_path / f"model{suffix}", compile=False)
        one, other = lower(model).network, lower(loaded).network
        assert [s.name for s in one.layers] == [s.name for s in other.layers]
        for a, b in zip(one.layers, other.layers):
            np.testing.assert_array_equal(a.bias, b.bias)
