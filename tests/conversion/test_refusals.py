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


def dense():
    pixels, x = stem()
    x = L.Dense(8 * 8 * 2, name="bad")(L.Reshape((8 * 8 * 3,), name="flat")(x))
    return pixels, logit(relu(L.Reshape((8, 8, 2), name="square")(x), "s1"))


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


def shared_convolution():
    pixels, x = stem()
    shared = L.Conv2D(3, 3, padding="same", name="bad")
    return pixels, logit(relu(shared(relu(shared(x), "s1")), "s2"))


def shared_activation():
    pixels, x = stem()
    shared = L.ReLU(name="bad")
    return pixels, logit(shared(conv(shared(conv(x, 2, "c1")), 2, "c2")))


def pixels_with_spikes():
    pixels, x = stem()
    joined = L.Concatenate(name="join")([pixels, x])
    return pixels, logit(relu(conv(joined, 2, "c1"), "bad"))


def convolution_after_convolution():
    pixels, x = stem()
    return pixels, logit(relu(conv(conv(x, 2, "c1"), 2, "bad"), "s1"))


def transposed_after_convolution():
    pixels, x = stem()
    x = L.Conv2DTranspose(2, 2, 2, name="bad")(L.BatchNormalization(name="n")(conv(x, 2, "c1")))
    return pixels, logit(relu(x, "s1"))


def norm_before_padded_convolution():
    pixels, x = stem()
    x = L.BatchNormalization(name="n", beta_initializer="ones")(x)
    return pixels, logit(relu(conv(x, 2, "bad"), "s1"))


def nested_model():
    inside = tf.keras.Input((8, 8, 3))
    part = tf.keras.Model(inside, relu(conv(inside, 2, "c1"), "s1"), name="bad")
    pixels, x = stem()
    return pixels, finish(part(x))


def whole_network_nested():
    inside = tf.keras.Input((8, 8, 1))
    x = relu(conv(inside, 2, "c1"), "s1")
    part = tf.keras.Model(inside, relu(conv(x, 2, "c2"), "s2"), name="bad")
    pixels = tf.keras.Input((8, 8, 1), name="pixels")
    return pixels, logit(part(pixels))


def rows_joined():
    pixels, x = stem()
    return pixels, finish(L.Concatenate(axis=1, name="bad")([x, x]))


def broadcast_sum():
    pixels, x = stem()
    pooled = relu(conv(x, 3, "c1", 8, padding="valid"), "s1")
    return pixels, logit(relu(L.Add(name="bad")([x, pooled]), "s2"))


def norm_of_rows():
    pixels, x = stem()
    return pixels, finish(L.BatchNormalization(axis=1, name="bad")(x), 1)


def custom_layer():
    class Halve(tf.keras.layers.Layer):
        def call(self, x):
            return x / 2

    return between(Halve(name="bad"))()


CASES = {
    "max pooling": (between(L.MaxPooling2D(name="bad")), "MaxPooling2D.*Conv2D with strides=2"),
    "average pooling": (between(L.AveragePooling2D(name="bad")), "AveragePooling2D.*strides=2"),
    "upsampling": (between(L.UpSampling2D(name="bad")), "UpSampling2D.*Conv2DTranspose"),
    "upsampling before activation": (
        before_activation(lambda x: L.UpSampling2D(name="bad")(conv(x, 2, "c1"))),
        "UpSampling2D.*Conv2DTranspose",
    ),
    "dense over channels": (before_activation(L.Dense(4, name="bad")), "Dense.*Conv2D"),
    "leaky": (leaky_after_convolution, "LeakyReLU.*use a ReLU"),
    "only leaky": (only_leaky, "LeakyReLU.*use a ReLU"),
    "PReLU": (between(L.PReLU(name="bad")), "PReLU.*use a ReLU"),
    "ELU": (between(L.ELU(name="bad")), "ELU.*use a ReLU"),
    "sigmoid": (sigmoid_between, "sigmoid.*ReLU"),
    "tanh inside": (tanh_inside, "'tanh'.*use 'relu'"),
    "relu6 inside": (
        before_activation(lambda x: conv(x, 2, "bad", activation=tf.nn.relu6)),
        "relu6.*use 'relu'",
    ),
    "lambda": (between(L.Lambda(lambda x: x * 2, name="bad")), "Lambda.*use Conv2D"),
    "custom": (custom_layer, "Halve.*use Conv2D"),
    "dilation": (
        before_activation(lambda x: conv(x, 2, "bad", dilation_rate=2)),
        "dilated or grouped; use a plain",
    ),
    "dilation and relu": (
        lambda: (lambda p, x: (p, finish(conv(x, 2, "bad", dilation_rate=2, activation="relu"))))(
            *stem()
        ),
        "dilated or grouped; use a plain",
    ),
    "groups": (
        before_activation(lambda x: conv(x, 6, "bad", groups=3)),
        "dilated or grouped; use a plain",
    ),
    "separable": (before_activation(L.SeparableConv2D(2, 3, name="bad")), "Separable.* a Conv2D"),
    "depthwise": (before_activation(L.DepthwiseConv2D(3, name="bad")), "Depthwise.* a Conv2D"),
    "channels first": (
        before_activation(
            lambda x: L.Conv2D(2, 3, data_format="channels_first", padding="same", name="bad")(x)
        ),
        "channels-first; use channels_last",
    ),
    "transposed same": (
        before_activation(L.Conv2DTranspose(2, 3, 2, padding="same", name="bad")),
        "kernel_size equal to strides, or padding='valid'",
    ),
    "output padding": (
        before_activation(L.Conv2DTranspose(2, 3, 2, output_padding=1, name="bad")),
        "kernel_size equal to strides, or padding='valid'",
    ),
    "relu of 6": (
        before_activation(lambda x: L.ReLU(6, name="bad")(conv(x, 2, "c1"))),
        "plain ReLU",
    ),
    "relu with slope": (
        before_activation(lambda x: L.ReLU(negative_slope=0.1, name="bad")(conv(x, 2, "c1"))),
        "plain ReLU",
    ),
    "relu with threshold": (
        before_activation(lambda x: L.ReLU(threshold=0.1, name="bad")(conv(x, 2, "c1"))),
        "plain ReLU",
    ),
    "shared convolution": (shared_convolution, "more than once; give every use a layer"),
    "shared activation": (shared_activation, "more than once; give every use a layer"),
    "pixels with spikes": (pixels_with_spikes, "pixels and by spikes.*activation of their own"),
    "convolution twice": (convolution_after_convolution, "follows another convolution without an"),
    "transposed after convolution": (transposed_after_convolution, "follows another convolution"),
    "offset at the border": (norm_before_padded_convolution, "zero padding cuts off"),
    "nested model": (nested_model, "its layers, called one by one"),
    "whole network nested": (whole_network_nested, "its layers, called one by one"),
    "rows joined": (rows_joined, "axis 1; join the channels"),
    "broadcast": (broadcast_sum, "unequal shape"),
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
    "padding layer": (between(L.ZeroPadding2D(name="bad")), "ZeroPadding2D.*use Conv2D"),
}  # fmt: skip


@pytest.mark.parametrize("build, says", CASES.values(), ids=list(CASES))
def test_refused_by_name(build, says):
    model = tf.keras.Model(*build())
    with pytest.raises(InputError, match=says) as error:
        lower(model)
    assert "'bad'" in str(error.value)
    assert "\n" not in str(error.value)


def test_dense_of_a_flat_map_is_refused():
    with pytest.raises(InputError, match=r"'(bad|flat|square)' .*cannot run on Loihi"):
        lower(tf.keras.Model(*dense()))


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
    with pytest.raises(InputError, match="rows, columns and channels must be fixed"):
        lower(tf.keras.Model(pixels, logit(relu(conv(x, 2, "c2"), "s2"))))


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
