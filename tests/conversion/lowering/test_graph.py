"""Models inside models, shared layers, several inputs and outputs; files and models in memory."""

import subprocess
import sys

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.conversion.forward import forward
from loihiseg.conversion.lowering import lower, verdicts
from loihiseg.conversion.lowering.sources import graph_of
from loihiseg.errors import InputError
from loihiseg.network.quantized import QuantizedReLU
from tests.conversion.models import L, conv, logit, relu, stem
from tests.conversion.random_models import with_weights

pytestmark = pytest.mark.filterwarnings("ignore")


def built(inputs, outputs):
    return with_weights(tf.keras.Model(inputs, outputs), 3)


def images(model, seed=1):
    rng = np.random.default_rng(seed)
    return {
        tensor.node.layer.name: rng.normal(size=(2, *tensor.shape[1:])).astype(np.float32)
        for tensor in model.inputs
    }


def check(model, output=None, index=0):
    """Lowered as Keras computes it; returns the names of its layers."""
    pixels = images(model)
    lowering = lower(model, output=output)
    network = lowering.network
    found = lowering.graph(forward(network, {name: pixels[name] for name in network.inputs}))
    every = model([pixels[t.node.layer.name] for t in model.inputs])
    expected = (every[index] if isinstance(every, list) else every).numpy()
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=1e-4, atol=1e-5)
    return [layer.name for layer in network.layers]


def block(channels, name):
    inside = tf.keras.Input((8, 8, channels))
    x = L.BatchNormalization(name="n")(conv(inside, 2, "c1"))
    return tf.keras.Model(inside, [relu(x, "s1"), conv(x, 1, "side", 1)], name=name)


def test_models_inside_models():
    pixels, x = stem()
    part = block(3, "part")
    (a, b), (c, _) = part(x), part(relu(conv(x, 3, "c1"), "s1"))
    inner = tf.keras.Sequential([tf.keras.Input((8, 8, 2)), L.Conv2D(2, 3, padding="same")])
    x = relu(L.Concatenate()([inner(a), b, c]), "end")
    names = check(built(pixels, logit(x)))
    assert names == ["s0", "part_s1", "s1", "part_s1_2", "end"]


def test_a_whole_network_inside():
    inside = tf.keras.Input((8, 8, 1))
    x = relu(conv(inside, 2, "c1"), "s1")
    part = tf.keras.Model(inside, relu(conv(x, 2, "c2"), "s2"), name="whole")
    pixels = tf.keras.Input((8, 8, 1), name="pixels")
    assert check(built(pixels, logit(part(pixels)))) == ["s1", "s2"]


def test_shared_layers():
    pixels, x = stem()
    shared, activation = conv_of(3, "shared"), L.ReLU(name="s1")
    x = activation(shared(x))
    y = L.Dropout(0.5, name="drop")
    x = activation(shared(y(x)))
    assert check(built(pixels, logit(y(x)))) == ["s0", "s1", "s1_2"]


def conv_of(channels, name):
    return L.Conv2D(channels, 3, padding="same", name=name)


def test_several_inputs_and_outputs():
    one = tf.keras.Input((8, 8, 1), name="one")
    other = tf.keras.Input((4, 4, 2), name="other")
    a, b = relu(conv(one, 3, "c0"), "s0"), relu(conv(other, 2, "c1"), "s1")
    x = relu(conv(L.Concatenate()([a, L.UpSampling2D()(b)]), 2, "c2"), "s2")
    y = relu(conv(a, 2, "c3"), "s3")
    model = built([one, other], [conv(x, 1, "membrane", 1), conv(y, 1, "side", 1)])
    assert check(model, "membrane", 0) == ["s0", "s1", "s2"]
    assert check(model, "side", 1) == ["s0", "s3"]
    assert set(lower(model, output="side").network.inputs) == {"one"}
    with pytest.raises(InputError, match="2 outputs, membrane, side; choose one"):
        lower(model)
    with pytest.raises(InputError, match="no output 'none'; it has membrane, side"):
        lower(model, output="none")


@pytest.fixture(scope="module")
def model():
    """Most kinds of layers in one."""
    pixels, x = stem()
    x = QuantizedReLU(3, 2.0, name="q")(conv(x, 4, "c1"))
    x = L.BatchNormalization(name="n")(L.MaxPooling2D(name="pool")(x))
    part = tf.keras.Sequential([L.Conv2D(2, 3, padding="same", name="c2"), L.ReLU(name="s2")])
    x = L.SeparableConv2D(3, 3, padding="same", name="sep", activation="relu")(part(x))
    x = L.Identity(name="same")(L.Conv2DTranspose(2, 3, 2, padding="same", name="up")(x))
    return built(pixels, conv(relu(x, "s4"), 1, "logit", 1, activation="sigmoid"))


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_a_file_is_the_model_in_memory(model, tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    model.save(path)
    memory, file = graph_of(model), graph_of(path)
    one, other = lower(memory), lower(file)
    assert one.stages == other.stages and one.network.inputs == other.network.inputs
    for a, b in zip(one.network.layers, other.network.layers, strict=True):
        assert (a.name, a.shape, a.neuron, a.on_host) == (b.name, b.shape, b.neuron, b.on_host)
        np.testing.assert_array_equal(a.bias, b.bias)
        for s, t in zip(a.terms, b.terms, strict=True):
            np.testing.assert_array_equal(s.values, t.values)
    assert [n.name for n in one.graph.nodes] == [n.name for n in other.graph.nodes]
    for name in ("stem", "q", "n", "sep", "up"):
        ours, theirs = file.steps[name].weights, memory.steps[name].weights
        assert list(ours) == list(theirs)
        for key, value in ours.items():
            np.testing.assert_array_equal(value, theirs[key])


def test_a_file_is_lowered_without_tensorflow(model, tmp_path):
    path = tmp_path / "model.keras"
    model.save(path)
    code = (
        "import sys\nfrom loihiseg.conversion.lowering import lower\n"
        f"assert lower({str(path)!r}).network.n_chip_neurons\n"
        "assert not {'tensorflow', 'tf_keras', 'nengo'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


def test_a_file_with_layers_that_are_not_read_names_all(tmp_path):
    pixels, x = stem()
    x = L.LocallyConnected2D(2, 3, name="local")(x)
    x = L.LeakyReLU(name="leaky")(L.BatchNormalization(name="n")(x))
    model = tf.keras.Model(pixels, logit(relu(conv(x, 2, "c"), "s")))
    for suffix in (".h5", ".keras"):
        path = tmp_path / f"model{suffix}"
        model.save(path)
        for source in (model, path):
            named = [name for name, _ in verdicts(source).refusals]
            assert named == ["local", "leaky"]


def test_shapes_are_those_of_keras(model):
    found = verdicts(model).shapes
    for layer in model.layers:
        if layer.name in found:
            assert found[layer.name] == tuple(layer.output.shape[1:])
    assert len(found) >= 12


def test_stages_say_where_layers_run(model):
    stages = lower(model).stages
    assert stages["s0"] == "host before" and stages["stem"] == "composed"
    assert {stages[name] for name in ("q", "pool", "s2", "sep", "s4")} == {"chip"}
    assert stages["logit"] == "host after"
