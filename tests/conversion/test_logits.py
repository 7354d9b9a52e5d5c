"""Outputs of any supported network become logits at full resolution."""

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.compilation.source import predictor
from loihiseg.conversion.logits import readout_logits
from loihiseg.conversion.lowering import lower
from loihiseg.network.logits import sigmoid
from tests.conversion import models
from tests.conversion.models import L, conv, relu, stem


def ending(*layers):
    def build():
        pixels, x = stem()
        x = conv(relu(conv(x, 4, "c1", strides=2), "s1"), 1, "logit", 1)
        for layer in layers:
            x = layer()(x)
        return pixels, x

    return build


def probability():
    return L.Activation("sigmoid", name="probability")


def larger():
    return L.UpSampling2D(2, interpolation="bilinear", name="larger")


ENDINGS = {
    "logits": (ending(), False),
    "probability": (ending(probability), True),
    "larger": (ending(larger), False),
    "larger, then probability": (ending(larger, probability), True),
    "probability, then larger": (ending(probability, larger), True),
}


@pytest.mark.parametrize("build, is_probability", ENDINGS.values(), ids=list(ENDINGS))
def test_logits_of_both_the_network_and_its_readout(build, is_probability):
    model = models.build(build)
    pixels = models.pixels_for(model)
    logits = predictor(model)(pixels)
    assert logits.shape == (2, 8, 8, 1)
    output = model(pixels).numpy()
    if output.shape == logits.shape:
        expected = output if is_probability else sigmoid(output)
        np.testing.assert_allclose(sigmoid(logits), expected, atol=1e-5)
    lowering = lower(model)
    last = tf.keras.Model(model.inputs, model.get_layer("s1").output)(pixels).numpy()
    assert lowering.graph.ends_in_sigmoid == is_probability
    ours = readout_logits(lowering.graph, {"s1": last}, 8)
    np.testing.assert_allclose(ours, logits[..., 0], atol=1e-4)
