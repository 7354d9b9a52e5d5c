"""Levels of functions that never fall: every spike is that of integers from the Keras layers."""

from collections import Counter

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.codes.ramp.code import RampCode
from loihiseg.codes.thermometer.code import ThermometerCode
from loihiseg.conversion.forward import forward
from loihiseg.conversion.lowering import lower
from loihiseg.conversion.precision import quantize_network
from loihiseg.errors import InputError
from tests import function_models
from tests.emulated_levels import counts, emulated, random_shapes
from tests.keras_levels import KerasLevels, Undecided

pytestmark = pytest.mark.filterwarnings("ignore")

ROOM = 32
"""Largest weights that biases may be for thermometer neurons to have all bits of weights."""


def integers(network, code, pixels):
    """Levels of the quantized network where each layer is one block."""
    neurons = code.neurons(network)
    shapes = {one.name: one.shape for one in neurons.chip_layers}
    found = forward(quantize_network(code.settled(neurons, shapes), shapes, 0.0).network, pixels)
    return {one.name: counts(one, found[one.name]) for one in network.layers}


def has_room(neurons):
    for one in neurons.chip_layers:
        weight = max(float(np.abs(term.values).max()) for term in one.terms)
        if one.neuron.compares and np.abs(one.bias).max() >= ROOM * weight:
            return False
    return True


def is_one_rounding(network, model):
    """Whether the weights of a source are rounded together, as the reference rounds them."""
    names = {layer.name for layer in model.layers}
    if not names.issuperset(
        one.name.split("_largest")[0].split("_smallest")[0] for one in network.layers
    ):
        return False
    return all(len(set(one.sources)) == len(one.sources) for one in network.layers)


def checked(seed, emulate=True):
    """What became of a random model, and its functions."""
    model, pixels, names = function_models.random_model(seed)
    network = lower(model).network
    rng = np.random.default_rng(seed)
    notes = Counter()
    codes = [ThermometerCode.of(network, one_scale=True)]
    try:
        codes.append(RampCode.of(network))
    except InputError:
        notes["no ramp"] += 1
    neurons = codes[0].neurons(network)
    notes["bias by pixel"] += any(one.bias.ndim == 3 for one in neurons.chip_layers)
    if emulate:
        for code in codes:
            notes[f"spikes {code.name}"] += emulated(network, code, pixels, random_shapes(rng))
    try:
        wanted = KerasLevels(model).counts(pixels)
    except Undecided:
        wanted = None
    if wanted is None or not is_one_rounding(network, model):
        notes["undecided"] += 1
        return notes, names
    for code in codes:
        if code.name == "thermometer" and not has_room(code.neurons(network)):
            notes["no room"] += 1
            continue
        found = integers(network, code, pixels)
        for name, values in wanted.items():
            if name in found:
                shape = found[name].shape
                np.testing.assert_array_equal(found[name], values.reshape(shape), f"{seed} {name}")
        notes[f"equal {code.name}"] += 1
    return notes, names


def test_random_models():
    notes = Counter()
    for seed in (1, 4):
        notes += checked(seed, emulate=seed == 1)[0]
    assert notes["equal thermometer"] == notes["equal ramp"] == 2, notes
    assert notes["bias by pixel"] and notes["spikes ramp"] > 100


@pytest.mark.slow
def test_many_random_models():
    """300, each on nengo-loihi's own emulator by both codes."""
    notes, functions = Counter(), Counter()
    for seed in range(100, 400):
        found, names = checked(seed)
        notes += found
        functions += Counter(names)
        tf.keras.backend.clear_session()
    print(dict(notes), dict(functions))
    assert set(functions) == set(function_models.FUNCTIONS)
    assert notes["bias by pixel"] > 50
    assert notes["equal thermometer"] > 150 and notes["equal ramp"] > 150
