"""Activations that never fall, from models in memory and files of Keras 2 and 3."""

from pathlib import Path

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.conversion.forward import forward
from loihiseg.conversion.keras_file import load_keras_model
from loihiseg.conversion.lowering import lower
from loihiseg.conversion.stepwise import FloatActivation, Stepwise, of_levels
from loihiseg.errors import InputError
from loihiseg.network.equal_levels import EqualLevels
from tests.function_models import FUNCTIONS
from tests.keras_3_activations import ARRAYS, MODEL, N_KINDS

L = tf.keras.layers
SAID = ("ReLU of all", "LeakyReLU", "PReLU", "ELU", "ThresholdedReLU", "hard_sigmoid")
"""Functions that are looked for in files too: those with settings, and one by its name."""

FIXTURES = Path(__file__).parents[2] / "fixtures"


def model(function, levels=True, inside=None):
    pixels = tf.keras.Input((6, 6, 1), name="pixels")
    x = function(L.Conv2D(2, 3, padding="same", activation=inside)(pixels))
    if levels:
        x = L.Dropout(0.5)(x)
        x = EqualLevels(3, -0.4, 1.2, name="s")(x)
    x = L.Conv2D(3, 3, padding="same")(x)
    x = EqualLevels(2, 0.1, 2.0)(L.ReLU()(x)) if levels else L.ReLU()(x)
    return filled(tf.keras.Model(pixels, L.Conv2D(1, 1)(x)))


def filled(made):
    rng = np.random.default_rng(3)
    for variable in made.weights:
        if "alpha" in variable.name:
            variable.assign(rng.uniform(0.1, 0.8, variable.shape))
        elif not variable.name.rsplit("/", 1)[-1].startswith(("low", "high")):
            variable.assign(rng.normal(0.05, 0.6, variable.shape))
    return made


def same(made, source, **settings):
    """What Keras gives, and what is lowered from the model or file, are alike."""
    pixels = np.random.default_rng(0).normal(size=(3, 6, 6, 1)).astype(np.float32)
    lowering = lower(source, **settings)
    found = lowering.graph(forward(lowering.network, pixels, staircase=False))
    expected = np.asarray(made(pixels))
    assert (np.abs(found - expected) > 1e-4).mean() < 0.02
    return lowering.network


@pytest.mark.parametrize("name", FUNCTIONS)
def test_levels_of_every_function(name, tmp_path):
    made = model(FUNCTIONS[name](np.random.default_rng(0)))
    found = same(made, made)
    assert [type(one.neuron) for one in found.layers] == [Stepwise, Stepwise]
    assert found.layers[0].neuron.offset == pytest.approx(-0.4)
    if name not in SAID:
        return
    for suffix in ("keras", "h5"):
        made.save(tmp_path / f"m.{suffix}")
        again = same(made, tmp_path / f"m.{suffix}")
        assert [one.neuron for one in again.layers] == [one.neuron for one in found.layers]


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in ("ReLU", "linear")])
def test_floats_that_are_given_levels_later(name):
    made = model(FUNCTIONS[name](np.random.default_rng(0)), levels=False)
    first, _ = same(made, made, levels_follow=True).layers
    assert isinstance(first.neuron, FloatActivation)
    assert isinstance(of_levels(first.neuron, 3, 0.1, 0.9), Stepwise)
    if name == "ReLU6":
        # By rates too: see tests.conversion.lowering.test_cut_off.
        assert len(same(made, made).layers) == 3
        return
    with pytest.raises(InputError, match="use a ReLU, or a code of levels"):
        same(made, made)


def test_inside_a_layer_and_behind_the_last():
    made = model(L.Identity(), inside="tanh")
    assert len(same(made, made).layers) == 2
    pixels = tf.keras.Input((6, 6, 1), name="pixels")
    x = L.Conv2D(2, 3, activation="elu")(pixels)
    made = filled(
        tf.keras.Model(pixels, L.Conv2D(1, 1, activation="sigmoid")(L.ReLU()(L.Conv2D(2, 1)(x))))
    )
    # A sigmoid that nothing with weights hears is the host's.
    assert len(same(made, made, levels_follow=True).layers) == 2


def own(x):
    return tf.maximum(x, 0) + 1


own.__name__ = "relu"


@pytest.mark.parametrize(
    "function, says",
    [
        (L.PReLU(), r"an alpha for every pixel.*shared_axes=\[1, 2\]"),
        (L.ELU(-1.0), "alpha -1 and falls"),
        (L.Activation("swish"), "cannot run on Loihi"),
        (L.Activation(own), "relu' *.*cannot run on Loihi"),
    ],
)
def test_refused_by_name(function, says):
    with pytest.raises(InputError, match=says):
        lower(model(function))


def test_slopes_below_0_are_counted():
    made = model(L.PReLU(shared_axes=[1, 2], name="bad"))
    made.get_layer("bad").set_weights([np.float32([[[0.5, -0.1]]])])
    with pytest.raises(InputError, match=r"'bad'.*below 0 in 1 of 2 channels"):
        lower(made)


def test_values_that_others_hear_too_are_refused():
    pixels = tf.keras.Input((6, 6, 1), name="pixels")
    x = L.LeakyReLU(name="bad")(L.Conv2D(2, 3)(pixels))
    both = L.Concatenate()([EqualLevels()(x), x])
    with pytest.raises(InputError, match=r"'bad'.*nothing else"):
        lower(tf.keras.Model(pixels, L.Conv2D(1, 1)(EqualLevels()(L.Conv2D(2, 1)(both)))))


def test_a_file_of_keras_3(tmp_path):
    """All kinds with all settings; an output channel of each."""
    path = FIXTURES / MODEL
    with np.load(FIXTURES / ARRAYS) as arrays:
        pixels, expected = arrays["images"], arrays["values"]
    close = {"atol": 1e-5, "rtol": 1e-5}
    lowering = lower(path, levels_follow=True)
    of_floats = [isinstance(one.neuron, FloatActivation) for one in lowering.network.layers]
    assert sum(of_floats) == N_KINDS == expected.shape[3]
    found = lowering.graph(forward(lowering.network, pixels, staircase=False))
    np.testing.assert_allclose(found, expected, **close)
    made = load_keras_model(path)
    np.testing.assert_allclose(made(pixels), expected, **close)
    # Written again, it is read again.
    for suffix in ("keras", "h5"):
        made.save(tmp_path / f"again.{suffix}")
        again = load_keras_model(tmp_path / f"again.{suffix}")
        np.testing.assert_allclose(again(pixels), expected, **close)
