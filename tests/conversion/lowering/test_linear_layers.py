"""What is linear between two activations is lowered, as the kernels and biases that it should."""

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.conversion.forward import forward
from loihiseg.conversion.linear import SparseTerm, Term
from loihiseg.conversion.lowering import lower
from tests.conversion.models import L, conv, logit, relu
from tests.conversion.random_models import with_weights

pytestmark = pytest.mark.filterwarnings("ignore")


def conv_of(channels, kernel=3, **settings):
    return L.Conv2D(channels, kernel, padding="same", **settings)


def depth_to_space(x):
    rows, columns, channels = x.shape[1:]
    y = L.Reshape((rows, columns, 2, 2, channels // 4))(x)
    return L.Reshape((2 * rows, 2 * columns, -1))(L.Permute((1, 3, 2, 4, 5))(y))


BRANCHES = {
    "mean": [L.AveragePooling2D()],
    "mean, same": [L.AveragePooling2D(3, 2, padding="same")],
    "mean and convolution": [L.AveragePooling2D(), conv_of(4)],
    "nearest and convolution": [L.UpSampling2D(), conv_of(4)],
    "bilinear": [L.UpSampling2D(3, interpolation="bilinear")],
    "zeros": [L.ZeroPadding2D(((1, 2), (3, 0))), L.Conv2D(2, 3)],
    "cropped": [L.Cropping2D(((1, 2), (3, 0))), conv_of(2)],
    "1 x 1": [conv_of(4, 1, use_bias=False), conv_of(3)],
    "two convolutions": [L.Conv2D(2, 3), L.Conv2D(3, 3)],
    "two, same": [conv_of(2), conv_of(3)],
    "offset at the border": [L.BatchNormalization(), conv_of(2)],
    "offset, transposed": [L.BatchNormalization(), L.Conv2DTranspose(2, 3, 2, padding="same")],
    "kernel below stride": [L.Conv2DTranspose(4, 1, 2)],
    "transposed, same": [L.Conv2DTranspose(4, 3, 2, padding="same")],
    "transposed, no activation": [L.Conv2DTranspose(4, 2, 2), conv_of(2)],
    "output padding": [L.Conv2DTranspose(4, 4, 2, padding="same", output_padding=1)],
    "dilated": [conv_of(4, dilation_rate=2)],
    "grouped": [conv_of(6, groups=3)],
    "depthwise": [L.DepthwiseConv2D(3, padding="same")],
    "separable": [L.SeparableConv2D(4, 3, depth_multiplier=2)],
    "dense": [L.Flatten(), L.Dense(5)],
    "whole mean": [L.GlobalAveragePooling2D(), L.Dense(5)],
    "reshaped": [L.Flatten(), L.Dense(24), L.Reshape((2, 3, 4))],
    "depth to space": [conv_of(8), depth_to_space],
    "permuted": [L.Permute((2, 1, 3)), conv_of(2)],
    "rescaled": [L.Rescaling(2.0, 1.0)],
    "rows joined": [lambda x: L.Concatenate(axis=1)([x, conv_of(3, 1)(x)])],
    "broadcast": [lambda x: L.Add()([x, L.GlobalAveragePooling2D(keepdims=True)(x)])],
    "difference": [lambda x: L.Subtract()([x, L.DepthwiseConv2D(5, padding="same")(x)])],
    "no effect": [
        L.ActivityRegularization(1e-3), L.AlphaDropout(0.1), L.Identity(), L.GaussianDropout(0.1),
        L.Rescaling(1.0), L.LeakyReLU(0.0), L.Dropout(0.1),
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def network():
    """A model of all branches, its images, and what Keras computes."""
    pixels = tf.keras.Input((9, 8, 1), name="pixels")
    first = relu(conv(pixels, 3, "stem"), "s0")
    outputs = []
    for number, layers in enumerate(BRANCHES.values()):
        x = first
        for layer in layers:
            x = layer(x)
        x = L.ReLU(name=f"s{number + 1}")(x)
        outputs.append(L.Activation("linear", name=f"end{number}")(x))
    model = with_weights(tf.keras.Model(pixels, outputs), 0)
    images = np.random.default_rng(1).normal(size=(2, 9, 8, 1)).astype(np.float32)
    return model, images, dict(zip(BRANCHES, model(images), strict=True))


def layer_of(network, name):
    model, _, _ = network
    number = list(BRANCHES).index(name)
    lowering = lower(model, output=f"end{number}")
    return lowering, lowering.network.layer(f"s{number + 1}")


@pytest.mark.parametrize("name", BRANCHES)
def test_lowered_is_keras(network, name):
    _, images, expected = network
    lowering, layer = layer_of(network, name)
    found, wanted = forward(lowering.network, images)[layer.name], expected[name].numpy()
    scale = np.abs(wanted).max()
    np.testing.assert_allclose(found.reshape(wanted.shape) / scale, wanted / scale, atol=1e-5)
    assert scale > 0.1 and not layer.on_host


KERNELS = {
    "mean": ((2, 2, 3, 1), "valid", None),
    "nearest and convolution": ((4, 4, 3, 4), "valid", ((1, 1), (1, 1))),
    "zeros": ((3, 3, 3, 2), "valid", ((1, 2), (3, 0))),
    "1 x 1": ((3, 3, 3, 3), "same", None),
    "two convolutions": ((5, 5, 3, 3), "valid", None),
    "offset at the border": ((3, 3, 3, 2), "same", None),
    "kernel below stride": ((1, 1, 3, 4), "valid", ((0, -1), (0, -1))),
    "transposed, same": ((3, 3, 3, 4), "valid", ((0, 1), (0, 1))),
    "transposed, no activation": ((4, 4, 3, 2), "valid", ((1, 1), (1, 1))),
    "dilated": ((5, 5, 3, 4), "same", None),
    "depthwise": ((3, 3, 3, 1), "same", None),
    "dense": ((9, 8, 3, 5), "valid", None),
    "whole mean": ((9, 8, 3, 5), "valid", None),
    "depth to space": ((6, 6, 3, 2), "valid", ((2, 2), (2, 2))),
    "rescaled": ((1, 1, 3, 1), "valid", None),
}


@pytest.mark.parametrize("name", KERNELS)
def test_one_kernel_that_is_tight(network, name):
    _, layer = layer_of(network, name)
    (term,) = layer.terms
    assert isinstance(term, Term) and term.kernel.dtype == np.float32
    assert (term.kernel.shape, term.padding, term.pads) == KERNELS[name]
    assert term.depthwise == (term.kernel.shape[3] == 1)


def test_offsets_that_padding_cuts_off_are_a_bias_per_neuron(network):
    _, layer = layer_of(network, "offset at the border")
    assert layer.bias.shape == layer.shape and layer.bias.dtype == np.float32
    inner = layer.bias[1:-1, 1:-1]
    np.testing.assert_array_equal(inner, np.broadcast_to(inner[0, 0], inner.shape))
    assert (layer.bias[0] != layer.bias[1]).all()
    _, layer = layer_of(network, "rescaled")
    assert layer.bias.shape == (3,)


def test_borders_alone_are_sparse(network):
    _, layer = layer_of(network, "two, same")
    whole, border = layer.terms
    assert isinstance(whole, Term) and isinstance(border, SparseTerm)
    rows = np.unique(border.weights.nonzero()[0] // 3)
    assert set(rows) == {
        r * 8 + c for r in range(9) for c in range(8) if r in (0, 8) or c in (0, 7)
    }


def test_a_relu_of_levels_at_6_is_what_relu6_is_refused_for():
    pixels = tf.keras.Input((8, 8, 1), name="pixels")
    x = conv(relu(conv(pixels, 2, "stem"), "s0"), 2, "c1")
    from loihiseg.network.quantized import QuantizedReLU

    x = QuantizedReLU(6, alpha=6.0, name="s1")(x)
    network = lower(tf.keras.Model(pixels, logit(x))).network
    assert network.layer("s1").neuron.level_value == 1.0
