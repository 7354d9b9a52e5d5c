"""Random models computed as lowered are what Keras computes."""

from collections import Counter

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.codes.ramp.code import RampCode
from loihiseg.codes.thermometer.code import ThermometerCode
from loihiseg.conversion.convolution import layer_total
from loihiseg.conversion.forward import forward
from loihiseg.conversion.lowering import lower
from loihiseg.conversion.neuron_kinds import Extremum
from loihiseg.errors import InputError
from partition.core.errors import DoesNotFitError
from tests.conversion.random_models import IMAGES, JOINS, random_model
from tests.emulated_levels import emulated, tiled_shapes

pytestmark = pytest.mark.filterwarnings("ignore")

SUITE = 45
MANY = 1000
REFUSED = "fed by nothing"


def lowered(model, pixels):
    """None of a model with a layer that hears nothing, which is refused and constant in Keras."""
    try:
        return lower(model)
    except InputError as error:
        (text,) = error.violations
        assert "is fed by nothing: all its weights are 0" in text
        silent = model.get_layer(text.split("'")[1])
        shown = tf.keras.Model(model.inputs, silent.input)(pixels).numpy()
        assert np.ptp(shown, axis=0).max() < 1e-5 * max(np.abs(shown).max(), 1.0)
        return None


def of_rates(seed):
    """Kinds of layers of a random model that is lowered and compared."""
    model, pixels, kinds = random_model(seed)
    lowering = lowered(model, pixels)
    if lowering is None:
        return Counter({REFUSED: 1})
    found = lowering.graph(forward(lowering.network, pixels))
    expected = model(pixels).numpy()
    found = found.reshape(expected.shape)
    scale = max(np.abs(expected).max(), 1.0)
    np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=1e-5)
    return kinds


def of_levels(seed):
    """The same of levels, layer by layer: rounding may move an input over the edge of a level."""
    model, pixels, kinds = random_model(seed, levels=True)
    lowering = lowered(model, pixels)
    if lowering is None:
        return Counter({REFUSED: 1})
    network = lowering.network
    names = [layer.name for layer in network.layers if not isinstance(layer.neuron, Extremum)]
    named = {step.name: step for step in model.layers}
    known = [name for name in names if name in named]
    outputs = tf.keras.Model(model.inputs, [named[name].output for name in known])(pixels)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    values = {"pixels": pixels}
    keras = {name: value.numpy() for name, value in zip(known, outputs, strict=True)}
    n_different = n_values = 0
    for layer in network.layers:
        total = layer_total(layer, values, len(pixels))
        own = layer.neuron.activation(total, layer.rate_scale_hz)
        values[layer.name] = own
        if layer.name in keras:
            theirs = keras[layer.name].reshape(own.shape)
            n_different += int((np.abs(own - theirs) > 1e-4).sum())
            n_values += own.size
            values[layer.name] = theirs
    assert n_different <= max(1, n_values // 500)
    return kinds


def on_the_emulator(seed):
    """What became of a random model of levels on nengo-loihi's own emulator, by both codes."""
    model, pixels, _ = random_model(seed, levels=True)
    notes = Counter()
    lowering = lowered(model, pixels)
    if lowering is None:
        return Counter({REFUSED: 1})
    network = lowering.network
    if not network.chip_layers:
        return Counter({"no layer on the chip": 1})
    for kind in (RampCode, ThermometerCode):
        try:
            code = kind.of(network)
            code.neurons(network)
        except InputError:
            notes[f"refused by {kind.name}"] += 1
            continue
        try:
            n_spikes = emulated(network, code, pixels, tiled_shapes)
        except DoesNotFitError:
            notes[f"does not fit, {code.name}"] += 1
            continue
        notes[f"equal, {code.name}"] += 1
        notes[f"spikes, {code.name}"] += n_spikes
        notes["with extremes"] += any(one.neuron.chooses for one in network.layers)
    return notes


@pytest.mark.parametrize("seed", range(SUITE))
def test_rates(seed):
    of_rates(seed)


@pytest.mark.parametrize("seed", range(SUITE // 3))
def test_levels(seed):
    of_levels(seed)


@pytest.mark.parametrize("seed", (3, 5))
def test_levels_on_nengo_loihi(seed):
    notes = on_the_emulator(seed)
    assert notes["equal, ramp"] and notes["equal, thermometer"] and notes["spikes, ramp"]


@pytest.mark.slow
def test_many_of_levels_on_nengo_loihi():
    """0 units are at another level than the quantized network has them."""
    notes = Counter()
    for seed in range(MANY):
        notes += on_the_emulator(seed)
        tf.keras.backend.clear_session()
    print(dict(notes))
    assert notes["equal, ramp"] > MANY // 2 and notes["equal, thermometer"] > MANY // 2
    assert notes["with extremes"] > MANY // 4


@pytest.mark.slow
def test_many():
    kinds = Counter()
    for seed in range(MANY):
        kinds += of_rates(seed)
        tf.keras.backend.clear_session()
    print(f"{MANY - kinds.pop(REFUSED, 0)} models of {len(kinds)} kinds of layers", dict(kinds))
    wanted = {*IMAGES, *JOINS[:-1], "nested", "shared", "depth to space", "Flatten", "Reshape"}
    wanted |= {"ReLU with a maximum"}
    assert wanted <= set(kinds), wanted - set(kinds)


@pytest.mark.slow
def test_many_of_levels():
    kinds = Counter()
    for seed in range(MANY // 4):
        kinds += of_levels(seed)
        tf.keras.backend.clear_session()
    print(f"{MANY // 4 - kinds.pop(REFUSED, 0)} models of levels", dict(kinds))
    wanted = {"MaxPooling2D", "MinPooling", "GlobalMaxPooling2D", "Maximum", "Minimum"}
    assert wanted <= set(kinds), wanted - set(kinds)
