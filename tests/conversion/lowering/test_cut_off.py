"""A ReLU with a maximum, by firing rates: rectifying neurons, and others that take off the rest."""

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.compilation.artifact import load_deployed, save_deployed
from loihiseg.compilation.calibration import fired_activations, logits_of
from loihiseg.compilation.checking import layer_verdicts
from loihiseg.conversion.forward import forward
from loihiseg.conversion.host_work import count_macs, host_layers
from loihiseg.conversion.lowering import lower, verdicts
from loihiseg.conversion.neuron_kinds import Rectified
from loihiseg.conversion.stepwise import FloatActivation
from loihiseg.errors import InputError
from loihiseg.running.runners import compiled_presenter
from tests import deployed
from tests.conversion import models
from tests.conversion.models import L, conv, logit, relu, stem


def inside():
    pixels, x = stem()
    x = conv(x, 4, "c1", activation=tf.nn.relu6)
    return pixels, logit(relu(conv(x, 2, "c2"), "s2"))


def from_pixels():
    pixels = tf.keras.Input((8, 8, 1), name="pixels")
    x = L.ReLU(0.5, name="s0")(conv(pixels, 3, "stem"))
    return pixels, logit(relu(conv(x, 4, "c1"), "s1"))


def last():
    pixels, x = stem()
    x = L.ReLU(0.3, name="s1")(conv(x, 4, "c1"))
    return pixels, logit(L.UpSampling2D()(L.AveragePooling2D()(x)))


def two_last():
    pixels, x = stem()
    low, high = (L.ReLU(n / 10, name=f"s{n}")(conv(x, 3, f"c{n}")) for n in (2, 4))
    return pixels, logit(L.Concatenate()([low, L.Average()([low, high])]))


def over_linear_layers():
    """Offsets, pools and skips between what is cut off and what hears it."""
    pixels, x = stem()
    cut = L.ReLU(0.4, name="s1")(conv(x, 4, "c1"))
    y = L.AveragePooling2D(2)(L.BatchNormalization(name="n")(cut))
    y = L.UpSampling2D(interpolation="bilinear")(y)
    y = L.ReLU(0.25, name="s2")(conv(L.Concatenate()([y, cut, x]), 4, "c2", strides=2))
    y = L.ReLU(0.6, name="s3")(L.Dense(5, name="d")(L.Flatten()(y)))
    return pixels, L.Dense(3, name="out")(y)


BUILDERS = (inside, from_pixels, last, two_last, over_linear_layers)


@pytest.mark.parametrize("builder", BUILDERS, ids=lambda one: one.__name__)
def test_lowered_is_what_keras_computes(builder):
    model = models.build(builder)
    pixels = 3 * models.pixels_for(model)
    lowering = lower(model)
    found = forward(lowering.network, pixels)
    expected = model(pixels).numpy()
    ours = lowering.graph(found).reshape(expected.shape)
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)
    above = [name for name in found if name.endswith("_above")]
    assert above
    assert all(isinstance(one.neuron, Rectified) for one in lowering.network.layers)
    for name in above:
        whole = name.removesuffix("_above")
        own = model.get_layer("c1" if builder is inside else whole).output
        theirs = tf.keras.Model(model.inputs, own)(pixels).numpy()
        ours = (found[whole] - found[name]).reshape(theirs.shape)
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
        assert builder is inside or whole == "s3" or found[name].any()


def test_both_hear_the_same():
    network = lower(models.build(over_linear_layers)).network
    whole, above = network.layer("s1"), network.layer("s1_above")
    np.testing.assert_array_equal(whole.terms[0].kernel, above.terms[0].kernel)
    np.testing.assert_allclose(above.bias, whole.bias - 0.4, rtol=1e-6)
    assert {"s1", "s1_above"} <= set(network.layer("s2").sources)


def test_verdicts_know_one_layer():
    found = verdicts(models.build(from_pixels))
    rows = {row.layer: row.verdict for row in layer_verdicts(found)}
    assert rows["s0"] == "host before" and rows["s1"] == "chip"
    assert found.lowering.network.layer("s0_above").on_host


def test_work_of_the_network_in_floats_is_counted_once():
    pixels = tf.keras.Input((8, 8, 1), name="pixels")
    x = L.ReLU(6.0, name="s0")(conv(pixels, 3, "stem"))
    lowering = lower(tf.keras.Model(pixels, logit(L.ReLU(6.0, name="s1")(conv(x, 4, "c1")))))
    network, macs = lowering.network, {"s0": 64 * 27, "s0_above": 0, "logit": 64 * 4}
    assert {one.layer: one.macs for one in host_layers(network, lowering.graph)} == macs
    # What takes the rest off is work of the chip, and none of the network in floats.
    assert count_macs(network, lowering.graph) == 64 * (27 + 9 * 3 * 4 + 4)


def test_neurons_of_pixels_alone_still_leave_nothing_for_the_chip():
    pixels = tf.keras.Input((8, 8, 1), name="pixels")
    x = L.ReLU(6.0, name="s0")(conv(pixels, 3, "stem"))
    with pytest.raises(InputError, match="no layer for the chip"):
        lower(tf.keras.Model(pixels, logit(x)))


def test_levels_have_it_as_one_layer():
    network = lower(models.build(inside), levels_follow=True).network
    assert isinstance(network.layer("c1").neuron, FloatActivation)
    assert [layer.name for layer in network.layers] == ["s0", "c1", "s2"]


@pytest.mark.parametrize("builder", [inside, from_pixels, last], ids=lambda one: one.__name__)
def test_spikes_stand_for_it(builder, tmp_path):
    """Counted over many steps; what a step more or less comes to is left of the difference."""
    from loihiseg.codes.rate import RateCode

    model = models.build(builder)
    pixels = models.pixels_for(model)[..., 0]
    made = deployed.compiled(RateCode(1000, 800, 0.005), model, pixels)
    with compiled_presenter(made) as presenter:
        shown = presenter.present_all(pixels, 1000, 800)
    fired = [fired_activations(made, one) for one in shown]
    together = {name: np.stack([one[name] for one in fired]) for name in fired[0]}
    ours = logits_of(made, {name: together[name] for name in made.network.outputs})
    settled = forward(made.network, pixels, staircase=True)
    theirs = logits_of(made, {name: settled[name] for name in made.network.outputs})
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.85
    assert abs(ours.mean() - theirs.mean()) < 0.03
    save_deployed(tmp_path / "kept", made)
    again = load_deployed(tmp_path / "kept")
    with compiled_presenter(again) as presenter:
        (one,) = presenter.present_all(pixels[:1], 1000, 800)
    for name, spikes in shown[0].spikes.items():
        np.testing.assert_array_equal(one.spikes[name], spikes)
