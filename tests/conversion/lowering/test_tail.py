"""Read-outs in numpy are those of Keras, layer by layer and as whole models."""

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.conversion.forward import forward
from loihiseg.conversion.lowering import lower
from loihiseg.errors import InputError
from tests import deployed, quantized
from tests.conversion import models
from tests.conversion.models import L, conv, logit, relu, stem

ENDINGS = {
    "convolution, strided": lambda x: conv(x, 3, "r", 3, strides=2),
    "convolution, valid": lambda x: L.Conv2D(3, (4, 3), padding="valid")(x),
    "convolution, sigmoid": lambda x: conv(x, 3, "r", 5, activation="sigmoid"),
    "transposed": lambda x: L.Conv2DTranspose(3, 2, 2)(x),
    "transposed, overlapping": lambda x: L.Conv2DTranspose(3, 3, 2, padding="valid")(x),
    "transposed, same": lambda x: L.Conv2DTranspose(3, 3, 2, padding="same")(x),
    "transposed, same, wide": lambda x: L.Conv2DTranspose(3, 4, 2, padding="same")(x),
    "transposed, same, larger strides": lambda x: L.Conv2DTranspose(3, 2, 3, padding="same")(x),
    "transposed, dilated": lambda x: L.Conv2DTranspose(3, 3, dilation_rate=2)(x),
    "transposed, output padding": lambda x: L.Conv2DTranspose(3, 3, 2, output_padding=1)(x),
    "transposed, more of it": lambda x: L.Conv2DTranspose(
        3, 4, 3, padding="same", output_padding=2
    )(x),
    "dilated": lambda x: conv(x, 3, "r", 3, dilation_rate=(2, 1)),
    "grouped": lambda x: conv(x, 6, "r", 3, groups=2),
    "depthwise": lambda x: L.DepthwiseConv2D(3, depth_multiplier=2, activation="tanh")(x),
    "separable": lambda x: L.SeparableConv2D(3, 3, padding="same", depth_multiplier=2)(x),
    "dense": lambda x: L.Dense(3)(x),
    "classes": lambda x: L.Dense(5, activation="softmax")(L.GlobalAveragePooling2D()(x)),
    "largest": lambda x: L.Flatten()(L.GlobalMaxPooling2D(keepdims=True)(x)),
    "transposed, no bias": lambda x: L.Conv2DTranspose(3, 2, 1, use_bias=False)(x),
    "normalized": lambda x: L.BatchNormalization()(x),
    "normalized, bare": lambda x: L.BatchNormalization(scale=False, center=False)(x),
    "rescaled": lambda x: L.Rescaling(0.3, offset=-1.5)(x),
    "leaky": lambda x: L.LeakyReLU(alpha=0.1)(logit(x)),
    "elu": lambda x: L.ELU(alpha=0.7)(logit(x)),
    "softmax": lambda x: L.Softmax()(x),
    "max pooling": lambda x: L.MaxPooling2D(2)(x),
    "max pooling, same": lambda x: L.MaxPooling2D(3, 2, padding="same")(x),
    "mean pooling": lambda x: L.AveragePooling2D(2)(x),
    "mean pooling, same": lambda x: L.AveragePooling2D(3, 1, padding="same")(x),
    "larger": lambda x: L.UpSampling2D((2, 3))(x),
    "larger, bilinear": lambda x: L.UpSampling2D(2, interpolation="bilinear")(x),
    "larger, bilinear, three times": lambda x: L.UpSampling2D(3, interpolation="bilinear")(x),
    "padded": lambda x: L.ZeroPadding2D(((1, 2), (3, 0)))(x),
    "cropped": lambda x: L.Cropping2D(((1, 2), (3, 0)))(x),
    "dropped": lambda x: L.Dropout(0.5)(x),
    **{
        name: (lambda x, name=name: L.Activation(name)(conv(x, 2, "r", 1)))
        for name in (
            "linear", "elu", "sigmoid", "hard_sigmoid", "tanh", "softplus",
            "exponential", "softmax",
        )
    },
    **{
        kind: (lambda x, kind=kind: getattr(L, kind)()([x, conv(x, 4, "r", 3), x]))
        for kind in ("Add", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")
    },
    "Subtract": lambda x: L.Subtract()([x, conv(x, 4, "r", 3)]),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDINGS)
def test_every_operation_is_keras(name):
    def ending():
        pixels, x = stem()
        return pixels, ENDINGS[name](relu(conv(x, 4, "c1"), "s1"))

    model = models.build(ending)
    pixels = models.pixels_for(model)
    lowering = lower(model)
    last = tf.keras.Model(model.inputs, model.get_layer("s1").output)(pixels).numpy()
    ours = lowering.graph({"s1": last})
    theirs = model(pixels).numpy()
    theirs = theirs.reshape(len(theirs), *(1,) * (4 - theirs.ndim), *theirs.shape[1:])
    assert ours.shape == theirs.shape and ours.dtype == np.float32
    # Of sums of tens of values of the order of 1.
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    assert theirs.std() > 1e-3


@pytest.mark.parametrize("builder", models.BUILDERS, ids=lambda builder: builder.__name__)
def test_whole_models_in_numpy(builder):
    model = models.build(builder)
    pixels = models.pixels_for(model)
    lowering = lower(model)
    found = forward(lowering.network, pixels)
    reference = tf.keras.Model(
        model.inputs, [model.get_layer(layer.name).output for layer in lowering.network.layers]
    )
    expected = reference(pixels)
    expected = expected if isinstance(expected, list) else [expected]
    # Rounding moves a few inputs over the edge of a step of a rate.
    least = 0.97 if any(layer.neuron.stepped for layer in lowering.network.layers) else 1.0
    pairs = [(found[x.name], y) for x, y in zip(lowering.network.layers, expected, strict=True)]
    for ours, theirs in (*pairs, (lowering.graph(found), model(pixels).numpy())):
        assert np.isclose(ours, theirs, rtol=1e-4, atol=1e-4).mean() >= least


@pytest.mark.parametrize("network", [deployed.lowered(), quantized.lowered()])
def test_steps_of_activations_are_those_of_keras(network):
    """But for inputs that rounding moves over the edge of a step."""
    from loihiseg.compilation.activations import settled_activations

    pixels = deployed.image()[None]
    ours, theirs = forward(network, pixels, True), settled_activations(network, pixels)
    for layer in network.layers:
        same = np.isclose(ours[layer.name], theirs[layer.name], rtol=1e-5, atol=1e-5)
        assert same.mean() > 0.99 and theirs[layer.name].any()


def test_binary_neurons_are_those_of_keras():
    from loihiseg.codes.thermometer.centring import centred
    from loihiseg.codes.thermometer.code import ThermometerCode
    from loihiseg.conversion.precision import quantize_network

    network = quantized.lowered()
    neurons = ThermometerCode.of(network).neurons(network)
    shapes = quantized.split_shapes(neurons)
    chip = quantize_network(centred(neurons, shapes), shapes, 0.0).network
    pixels = quantized.images(2)
    ours, theirs = forward(chip, pixels), quantized.activations(chip, pixels)
    for layer in chip.layers:
        np.testing.assert_array_equal(ours[layer.name], theirs[layer.name])
        assert layer.on_host or theirs[layer.name].any()


@pytest.mark.parametrize(
    "ending, says",
    [
        (lambda x: L.Flatten()(x), "Flatten"),
        (lambda x: L.Reshape((4, 16, 4))(x), "Reshape"),
        (lambda x: L.UpSampling2D(2, interpolation="bicubic")(x), "nearest or bilinear"),
        (lambda x: L.Concatenate(axis=1)([x, x]), "axis 1"),
        (lambda x: L.Activation("selu")(logit(x)), "'selu'"),
    ],
)
def test_what_a_read_out_lacks_is_named(ending, says):
    pixels, x = stem()
    model = tf.keras.Model(pixels, ending(relu(conv(x, 4, "c1"), "s1")))
    with pytest.raises(InputError, match=says) as error:
        lower(model)
    assert "layer '" in str(error.value) and "\n" not in str(error.value)
