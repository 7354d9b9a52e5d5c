"""What Loihi cannot run is refused by name, with what to use instead."""

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.conversion.lowering import lower
from loihiseg.conversion.precision import quantize_network
from loihiseg.errors import InputError
from tests.conversion.models import L, conv, logit, relu, stem


def finish(x, kernel=3):
    """An activation behind, so that the layer in question is not part of the read-out."""
    return logit(relu(conv(x, 2, "last", kernel), "last_relu"))


def between(layer):
    def build():
        pixels, x = stem()
        return pixels, finish(layer(x))

    return build


def before_activation(layer):
    def build():
        pixels, x = stem()
        return pixels, logit(relu(layer(x), "s1"))

    return build


def leaky_after_convolution():
    pixels, x = stem()
    return pixels, finish(L.LeakyReLU(name="bad")(conv(x, 2, "c1")), 1)


def only_leaky():
    pixels = tf.keras.Input((8, 8, 1), name="pixels")
    x = L.LeakyReLU(name="bad")(conv(pixels, 2, "c1"))
    return pixels, logit(L.LeakyReLU(name="bad2")(conv(x, 2, "c2")))


def sigmoid_between():
    pixels, x = stem()
    return pixels, finish(L.Activation("sigmoid", name="bad")(conv(x, 2, "c1")), 1)


def tanh_inside():
    pixels, x = stem()
    return pixels, finish(conv(x, 2, "bad", activation="tanh"), 1)


def pixels_with_spikes():
    pixels, x = stem()
    joined = L.Concatenate(name="join")([pixels, x])
    return pixels, logit(relu(conv(joined, 2, "c1"), "bad"))


def norm_of_rows():
    pixels, x = stem()
    return pixels, finish(L.BatchNormalization(axis=1, name="bad")(x), 1)


def custom_layer():
    class Halve(tf.keras.layers.Layer):
        def call(self, x):
            return x / 2

    return between(Halve(name="bad"))()


def own_convolution():
    class OwnConv2D(L.Conv2D):
        def call(self, x):
            return 2 * super().call(x)

    return between(OwnConv2D(3, 3, name="bad"))()


CASES = {
    "max pooling": (
        between(L.MaxPooling2D(name="bad")), "MaxPooling2D.*QuantizedReLU.* Conv2D with strides=2",
    ),
    "largest of all": (
        before_activation(L.GlobalMaxPooling2D(keepdims=True, name="bad")),
        "GlobalMaxPooling2D.*QuantizedReLU",
    ),
    "maximum": (
        lambda: (lambda p, x: (p, finish(L.Maximum(name="bad")([x, relu(conv(x, 3, "g"), "r")]))))(
            *stem()
        ),
        "Maximum.*QuantizedReLU.* an Add",
    ),
    "upsampling": (
        between(L.UpSampling2D(interpolation="bicubic", name="bad")), "bicubic; use nearest",
    ),
    "leaky": (leaky_after_convolution, "LeakyReLU.*use a ReLU"),
    "only leaky": (only_leaky, "LeakyReLU.*use a ReLU"),
    "PReLU": (between(L.PReLU(name="bad")), "PReLU.*use a ReLU"),
    "ELU": (between(L.ELU(name="bad")), "ELU.*use a ReLU"),
    "sigmoid": (sigmoid_between, "sigmoid.*ReLU"),
    "tanh inside": (tanh_inside, "'tanh'.*use a ReLU, or a code of levels"),
    "lambda": (between(L.Lambda(lambda x: x * 2, name="bad")), "Lambda.*use Conv2D"),
    "custom": (custom_layer, "Halve.*use Conv2D"),
    "own convolution": (own_convolution, "OwnConv2D.*use Conv2D"),
    "channels first": (
        before_activation(
            lambda x: L.Conv2D(2, 3, data_format="channels_first", padding="same", name="bad")(x)
        ),
        "channels-first; use channels_last",
    ),
    "relu with slope and maximum": (
        before_activation(lambda x: L.ReLU(6, 0.1, name="bad")(conv(x, 2, "c1"))),
        "use a ReLU, or a code of levels: with an EqualLevels",
    ),
    "relu with slope": (
        before_activation(lambda x: L.ReLU(negative_slope=0.1, name="bad")(conv(x, 2, "c1"))),
        "use a ReLU, or a code of levels",
    ),
    "relu with threshold": (
        before_activation(lambda x: L.ReLU(threshold=0.1, name="bad")(conv(x, 2, "c1"))),
        "use a ReLU, or a code of levels",
    ),
    "pixels with spikes": (pixels_with_spikes, "pixels and by spikes.*activation of their own"),
    "rows normalized": (norm_of_rows, "must normalize channels"),
    "layer normalization": (
        between(L.LayerNormalization(name="bad")), "LayerNormalization.*a BatchNormalization",
    ),
    "gating": (
        lambda: (lambda p, x: (p, finish(L.Multiply(name="bad")([x, relu(conv(x, 3, "g"), "r")]))))(
            *stem()
        ),
        "Multiply.*an Add or a Concatenate",
    ),
}  # fmt: skip


@pytest.mark.parametrize("build, says", CASES.values(), ids=list(CASES))
def test_refused_by_name(build, says):
    model = tf.keras.Model(*build())
    with pytest.raises(InputError, match=says) as error:
        lower(model)
    assert "'bad'" in str(error.value)
    assert "\n" not in str(error.value)


def test_pixels_that_reach_the_output():
    pixels, x = stem()
    out = L.Concatenate(name="join")([relu(conv(x, 2, "c1"), "s1"), pixels])
    with pytest.raises(InputError, match="input 'pixels' reaches the output past every activation"):
        lower(tf.keras.Model(pixels, logit(out)))


def test_nothing_for_the_chip():
    pixels, x = stem()
    with pytest.raises(InputError, match=r"no layer for the chip.*add a convolution"):
        lower(tf.keras.Model(pixels, logit(x)))


def test_size_must_be_fixed():
    pixels = tf.keras.Input((None, None, 1), name="pixels")
    x = relu(conv(pixels, 2, "c1"), "s1")
    with pytest.raises(InputError, match=r"'pixels'.*rows, columns and channels must be fixed"):
        lower(tf.keras.Model(pixels, logit(relu(conv(x, 2, "c2"), "s2"))))


def test_all_layers_are_named_at_once():
    """Whatever stands behind a layer that cannot be placed is looked at all the same."""
    pixels, x = stem()
    x = L.LeakyReLU(name="a")(conv(x, 2, "c1"))
    x = L.MaxPooling2D(name="b")(x)
    x = conv(x, 2, "c", activation="tanh")
    y = L.Lambda(lambda x: x + 1, name="d")(x)
    z = relu(L.LayerNormalization(name="e")(y), "r1")
    with pytest.raises(InputError) as caught:
        lower(tf.keras.Model(pixels, L.Activation("selu", name="f")(logit(z))))
    assert [text.split("'")[1] for text in caught.value.violations] == list("abcdef")
    assert all("; use" in text for text in caught.value.violations)


def test_operations_of_tensorflow_are_named():
    model = tf.keras.Model(*between(lambda x: x * 2.0 + 1.0)())
    with pytest.raises(InputError, match=r"layer 'tf.*\(TFOpLambda\).*; use Conv2D") as caught:
        lower(model)
    assert len(caught.value.violations) == 2


def test_no_functional_graph():
    class Net(tf.keras.Model):
        def call(self, x):
            return x

    with pytest.raises(InputError, match=r"no functional graph; build it with tf\.keras\.Input"):
        lower(Net())
    with pytest.raises(InputError, match="no functional graph"):
        lower(tf.keras.Sequential([L.Conv2D(2, 3)]))


def test_pooling_in_the_readout_is_none_of_the_chips_business():
    pixels, x = stem()
    x = L.MaxPooling2D(name="pool")(relu(conv(x, 2, "c1"), "s1"))
    lowered = lower(tf.keras.Model(pixels, logit(L.LeakyReLU()(x))))
    assert lowered.network.outputs == ("s1",)


def two_convolutions():
    pixels, x = stem()
    x = relu(L.BatchNormalization(name="bn")(conv(x, 2, "c1")), "s1")
    return tf.keras.Model(pixels, finish(x))


def replaced(model, layer, which, values):
    weights = model.get_layer(layer).get_weights()
    weights[which] = np.broadcast_to(np.float32(values), weights[which].shape)
    model.get_layer(layer).set_weights(weights)


@pytest.mark.parametrize(
    ("layer", "which", "value", "words"),
    [
        ("c1", 0, np.nan, "'c1' (Conv2D): 54 of 54 values of its kernel are not finite"),
        ("c1", 1, np.inf, "'c1' (Conv2D): 2 of 2 values of its bias are not finite"),
        ("c1", 0, 0.0, "'c1' (Conv2D): its kernel is wholly 0"),
        ("c1", 0, 2e30, "its kernel reaches 2e+30, at most 1e+30"),
        ("bn", 0, -np.inf, "'bn' (BatchNormalization): 2 of 2 values of its gamma"),
        ("bn", 2, np.nan, "of its moving_mean are not finite"),
        ("bn", 3, -1.0, "its moving_variance reaches -1, expected 0 or more"),
        ("read", 0, np.nan, "of its kernel are not finite"),
    ],
)
def test_weights_that_cannot_be(layer, which, value, words):
    model = two_convolutions()
    layer = model.layers[-1].name if layer == "read" else layer
    replaced(model, layer, which, value)
    with pytest.raises(InputError) as caught:
        lower(model)
    assert words in str(caught.value) and len(caught.value.violations) == 1


def test_all_layers_with_such_weights_are_named():
    model = two_convolutions()
    replaced(model, "c1", 0, np.nan)
    replaced(model, "bn", 3, -2.0)
    replaced(model, "last", 0, 0.0)
    with pytest.raises(InputError) as caught:
        lower(model)
    assert [text.split("'")[1] for text in caught.value.violations] == ["c1", "bn", "last"]


@pytest.mark.parametrize("factor", [1e4, 1e6, 1e12, 1e29])
@pytest.mark.parametrize("bias", [0.0, 1e6])
def test_weights_beyond_every_scale_of_the_chip(factor, bias):
    """What lowers, but leaves nothing of the threshold in the chip's integers."""
    model = two_convolutions()
    for name in ("c1", "last"):
        replaced(model, name, 0, factor)
        replaced(model, name, 1, bias)
    network = lower(model).network
    widths = {layer.name: layer.shape for layer in network.chip_layers}
    with pytest.raises(InputError) as caught:
        quantize_network(network, widths, 0.0015)
    assert len(caught.value.violations) == 2
    assert all("scale the layer's activations" in text for text in caught.value.violations)
    assert "layer 's1'" in str(caught.value)


def test_a_variance_of_nothing_is_one():
    """Batch normalization adds its epsilon: a channel that never changed is no fault."""
    model = two_convolutions()
    replaced(model, "bn", 3, 0.0)
    lower(model)
