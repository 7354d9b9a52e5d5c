"""Small functional models, one for each construction that can be lowered."""

from loihiseg.frameworks import tf

import numpy as np

from loihiseg.network.activations import LoihiReLU

L = tf.keras.layers


def conv(x, channels, name, kernel=3, strides=1, padding="same", **kwargs):
    return L.Conv2D(channels, kernel, strides, padding=padding, name=name, **kwargs)(x)


def relu(x, name):
    return L.ReLU(name=name)(x)


def stem(side=8, channels=3):
    pixels = tf.keras.Input((side, side, 1), name="pixels")
    return pixels, relu(conv(pixels, channels, "stem"), "s0")


def logit(x):
    return conv(x, 1, "logit", 1)


def plain():
    pixels, x = stem()
    x = relu(conv(x, 4, "c1"), "s1")
    return pixels, logit(relu(conv(x, 2, "c2", padding="valid"), "s2"))


def relu_inside():
    pixels = tf.keras.Input((8, 8, 1), name="pixels")
    x = conv(pixels, 3, "stem", activation="relu")
    x = conv(x, 4, "c1", activation=tf.nn.relu)
    x = L.Conv2DTranspose(2, 2, 2, activation="relu", name="up")(x)
    return pixels, logit(x)


def activation_layers():
    pixels, x = stem()
    x = L.Activation("relu", name="s1")(conv(x, 4, "c1"))
    x = L.Activation(tf.nn.relu, name="s2")(conv(x, 4, "c2"))
    x = L.Activation("linear", name="nothing")(conv(x, 4, "c3"))
    return pixels, logit(relu(x, "s3"))


def loihi_relu():
    pixels = tf.keras.Input((8, 8, 1), name="pixels")
    x = LoihiReLU(80.0, name="s0")(conv(pixels, 3, "stem"))
    x = LoihiReLU(120.0, name="s1")(conv(x, 4, "c1"))
    return pixels, logit(LoihiReLU(200.0, staircase=False, name="s2")(conv(x, 2, "c2")))


def norm_after_conv():
    pixels = tf.keras.Input((8, 8, 1), name="pixels")
    x = relu(L.BatchNormalization(name="n0")(conv(pixels, 3, "stem", use_bias=False)), "s0")
    x = relu(L.BatchNormalization(name="n1")(conv(x, 4, "c1")), "s1")
    x = L.Conv2DTranspose(2, 2, 2, name="up")(x)
    x = relu(L.BatchNormalization(scale=False, name="n2")(x), "s2")
    return pixels, logit(x)


def norm_before_valid_conv():
    pixels, x = stem()
    x = L.BatchNormalization(name="n1")(x)
    x = relu(conv(x, 4, "c1", padding="valid"), "s1")
    x = L.BatchNormalization(center=False, name="n2")(x)
    return pixels, logit(relu(conv(x, 4, "c2", padding="valid", strides=2), "s2"))


def norm_before_pointwise_conv():
    pixels, x = stem()
    x = L.BatchNormalization(name="n1")(x)
    return pixels, logit(relu(conv(x, 4, "c1", 1), "s1"))


def norm_of_pixels():
    pixels = tf.keras.Input((8, 8, 1), name="pixels")
    x = L.BatchNormalization(name="n0")(pixels)
    x = relu(conv(x, 3, "stem", padding="valid"), "s0")
    return pixels, logit(relu(conv(x, 4, "c1"), "s1"))


def nested_concatenation():
    pixels, x = stem()
    a = relu(conv(x, 2, "c1"), "a")
    b = relu(conv(x, 3, "c2"), "b")
    c = relu(conv(a, 4, "c3"), "c")
    inner = L.Concatenate(name="inner")([b, c])
    outer = L.Concatenate(axis=3, name="outer")([a, inner, x])
    x = relu(conv(outer, 4, "c4"), "d")
    three = L.Concatenate(name="three")([x, a, x])
    return pixels, logit(relu(conv(three, 2, "c5", strides=2), "e"))


def norm_of_concatenation():
    pixels, x = stem()
    a = relu(conv(x, 2, "c1"), "a")
    joined = L.BatchNormalization(name="n1")(L.Concatenate(name="join")([x, a]))
    return pixels, logit(relu(conv(joined, 4, "c2", padding="valid"), "b"))


def concatenated_convolutions():
    pixels, x = stem()
    joined = L.Concatenate(name="join")([conv(x, 2, "c1"), conv(x, 3, "c2", 5)])
    return pixels, logit(relu(conv(relu(joined, "a"), 2, "c3"), "b"))


def resnet_block():
    pixels, x = stem(channels=4)
    y = relu(conv(x, 4, "c1"), "s1")
    x = relu(L.Add(name="sum1")([conv(y, 4, "c2"), x]), "s2")
    y = relu(conv(x, 6, "c3", strides=2), "s3")
    shortcut = conv(x, 6, "short", 1, 2)
    return pixels, logit(relu(L.Add(name="sum2")([conv(y, 6, "c4"), shortcut]), "s4"))


def sum_of_normalized_convolutions():
    pixels, x = stem()
    y = relu(conv(x, 4, "c1"), "s1")
    both = [L.BatchNormalization(name="n1")(conv(x, 4, "c2")), conv(y, 4, "c3", 5)]
    return pixels, logit(relu(L.Add(name="sum")(both), "s2"))


def convolution_of_sums():
    pixels, x = stem(channels=4)
    a = relu(conv(x, 4, "c1"), "a")
    b = relu(conv(a, 4, "c2"), "b")
    total = L.Add(name="sum")([x, a, b])
    x = relu(conv(total, 3, "c3"), "c")
    doubled = L.Add(name="doubled")([x, x])
    return pixels, logit(relu(conv(doubled, 3, "c4"), "d"))


def two_convolutions_of_one_source():
    pixels, x = stem()
    total = L.Add(name="sum")([conv(x, 4, "c1"), conv(x, 4, "c2"), conv(x, 4, "c3", 1)])
    return pixels, logit(relu(total, "s1"))


def dropout():
    pixels, x = stem()
    x = L.Dropout(0.5, name="d1")(x)
    x = relu(L.Dropout(0.2, name="d2")(conv(x, 4, "c1")), "s1")
    x = L.SpatialDropout2D(0.3, name="d3")(L.GaussianNoise(0.3, name="d4")(x))
    return pixels, logit(relu(conv(x, 4, "c2"), "s2"))


def strides():
    pixels, x = stem(side=15)
    x = relu(conv(x, 4, "c1", strides=2), "s1")
    x = relu(conv(x, 4, "c2", 5, strides=(1, 2)), "s2")
    x = relu(conv(x, 4, "c3", (3, 1), strides=2, padding="valid"), "s3")
    return pixels, logit(x)


def transposed():
    pixels, x = stem(side=4)
    x = relu(L.Conv2DTranspose(3, 2, 2, padding="same", name="up1")(x), "s1")
    x = relu(L.Conv2DTranspose(2, 2, 2, padding="valid", name="up2")(x), "s2")
    x = relu(L.Conv2DTranspose(3, 3, 2, padding="valid", use_bias=False, name="up3")(x), "s3")
    x = relu(L.Conv2DTranspose(2, 1, 1, padding="same", name="up4")(x), "s4")
    return pixels, logit(x)


def transposed_concatenation():
    pixels, x = stem(side=4)
    a = relu(conv(x, 2, "c1"), "a")
    joined = L.Concatenate(name="join")([x, a])
    return pixels, logit(relu(L.Conv2DTranspose(3, 2, 2, name="up")(joined), "b"))


def readout_sigmoid():
    pixels, x = stem()
    x = relu(conv(x, 4, "c1"), "s1")
    return pixels, conv(x, 1, "logit", 1, activation="sigmoid")


def readout_upsampling():
    pixels, x = stem()
    x = L.UpSampling2D(2, interpolation="bilinear", name="larger")(
        relu(conv(x, 4, "c1", strides=2), "s1")
    )
    return pixels, L.Activation("sigmoid", name="probability")(logit(x))


def readout_two_convolutions():
    pixels, x = stem()
    x = relu(conv(x, 4, "c1"), "s1")
    return pixels, logit(conv(x, 3, "r1", activation="tanh"))


def readout_of_two_layers():
    pixels, x = stem()
    a = relu(conv(x, 4, "c1"), "a")
    b = relu(conv(a, 2, "c2"), "b")
    return pixels, logit(L.Concatenate(name="last")([b, x, a]))


def readout_is_the_last_activation():
    pixels, x = stem()
    x = relu(conv(x, 4, "c1"), "s1")
    return pixels, relu(conv(x, 1, "c2"), "s2")


BUILDERS = (
    plain,
    relu_inside,
    activation_layers,
    loihi_relu,
    norm_after_conv,
    norm_before_valid_conv,
    norm_before_pointwise_conv,
    norm_of_pixels,
    nested_concatenation,
    norm_of_concatenation,
    concatenated_convolutions,
    resnet_block,
    sum_of_normalized_convolutions,
    convolution_of_sums,
    two_convolutions_of_one_source,
    dropout,
    strides,
    transposed,
    transposed_concatenation,
    readout_sigmoid,
    readout_upsampling,
    readout_two_convolutions,
    readout_of_two_layers,
    readout_is_the_last_activation,
)


def build(builder, seed=0):
    """The model with weights, biases and statistics none of which is 0 or 1."""
    model = tf.keras.Model(*builder())
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        if "variance" in variable.name or "gamma" in variable.name:
            variable.assign(rng.uniform(0.5, 2, variable.shape))
        elif "kernel" in variable.name:
            fan_in = np.prod(variable.shape[:3])
            variable.assign(rng.normal(0, 1.5 / np.sqrt(fan_in), variable.shape))
        else:
            variable.assign(rng.normal(0, 0.3, variable.shape))
    return model


def pixels_for(model, count=2, seed=1):
    """Random images for a model."""
    return np.random.default_rng(seed).normal(size=(count, *model.input_shape[1:])).astype("f4")
