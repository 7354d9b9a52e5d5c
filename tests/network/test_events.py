"""Synaptic events of a network of levels, counted by hand and by brute force."""

from dataclasses import replace

from loihiseg.frameworks import tf

import numpy as np
import pytest

from loihiseg.codes.thermometer.levels import steps_needed, times_needed
from loihiseg.conversion.lowering import lower
from loihiseg.network.config import UNetConfig
from loihiseg.network.events import charge_events, event_costs
from loihiseg.network.quantized import QuantizedReLU
from loihiseg.network.unet import build_unet
from loihiseg.training.presets import PRESETS

SMALL = UNetConfig(tile=16, channels=(2, 3), convs_down=(1, 1), convs_up=(1,), levels=2)


def chain():
    """4 x 4 x 1 to 3 channels, then by stride 2 to 5; a 2 x 2 transposed convolution to 2."""
    pixels = tf.keras.Input((4, 4, 1))
    x = tf.keras.layers.Conv2D(3, 3, padding="same")(pixels)
    x = QuantizedReLU(3, name="first")(x)
    x = tf.keras.layers.Conv2D(5, 3, 2, padding="same")(x)
    x = QuantizedReLU(2, name="second")(x)
    x = tf.keras.layers.Conv2DTranspose(2, 2, 2)(x)
    x = QuantizedReLU(1, name="third")(x)
    return tf.keras.Model(pixels, tf.keras.layers.Conv2D(1, 1)(x))


def test_costs_by_hand():
    # 48 units with 9 * 5 / 4 synapses each; 20 units with 4 * 2.
    first, second = 48 * 45 / 4, 20 * 8
    total = first + second
    expected = {"first": first * 2 / total, "second": second * 1 / total}
    assert event_costs(chain()) == pytest.approx(expected)


def test_what_is_before_a_skip_fires_twice():
    costs = event_costs(build_unet(SMALL))
    # stem (8 x 8 x 4) -> encode0 (2) -> down1 (4 x 4 x 3) -> encode1 -> up0 (8 x 8 x 2) -> decode0
    units = {"stem": 256, "encode0_0": 128, "down1": 48, "encode1_0": 48, "up0": 128}
    synapses = {
        "stem": 9 * 2,
        "encode0_0": 9 * 3 / 4 + 9 * 2,
        "down1": 9 * 3,
        "encode1_0": 4 * 2,
        "up0": 9 * 2,
    }
    total = sum(units[name] * synapses[name] for name in units)
    # Two steps before the end by the skip, four by the long way; the stem before both.
    fires = {"stem": 2, "encode0_0": 2}
    expected = {
        f"{name}_spikes": fires.get(name, 1) * units[name] * synapses[name] * 2 for name in units
    }
    assert costs == pytest.approx({name: n / total for name, n in expected.items()})


def test_normalizations_change_no_cost():
    assert event_costs(build_unet(replace(SMALL, batch_norm=True))) == event_costs(
        build_unet(SMALL)
    )


def test_costs_do_not_depend_on_the_size():
    assert event_costs(build_unet(SMALL, 32)) == pytest.approx(event_costs(build_unet(SMALL)))


def test_a_network_without_levels_costs_nothing():
    assert event_costs(build_unet(replace(SMALL, levels=0))) == {}


def test_loss_is_the_weight_times_the_ratio():
    model = build_unet(SMALL)
    images = np.random.default_rng(0).random((2, 16, 16, 1)).astype(np.float32)
    charge_events(model, 0.25)
    layers = [layer for layer in model.layers if isinstance(layer, QuantizedReLU)]
    model(images)
    charged = sum(float(loss) for loss in model.losses)
    inner = tf.keras.Model(model.inputs, [layer.output for layer in layers])
    values = inner(images)
    costs = event_costs(model)
    expected = sum(
        costs.get(layer.name, 0) * float(tf.reduce_mean(value)) * 2 / float(layer.scale)
        for layer, value in zip(layers, values)
    )
    assert charged == pytest.approx(0.25 * expected, rel=1e-5)
    assert charged > 0


def test_training_makes_spikes_rarer():
    rng = np.random.default_rng(1)
    images = rng.random((4, 16, 16, 1)).astype(np.float32)
    targets = (images > 0.5).astype(np.float32)

    def events_after(weight):
        tf.keras.utils.set_random_seed(3)
        model = build_unet(SMALL)
        if weight:
            charge_events(model, weight)
        model.compile(
            tf.keras.optimizers.Adam(0.01),
            tf.keras.losses.BinaryCrossentropy(from_logits=True),
        )
        model.fit(images, targets, epochs=30, verbose=0)
        charge_events(model, 1.0)
        model(images)
        return sum(float(loss) for loss in model.losses)

    assert events_after(1.0) < 0.5 * events_after(0.0)


@pytest.mark.parametrize("preset", ["paper", "pooled"])
def test_equals_what_the_lowered_network_needs(preset):
    """Synapses and firing times of the preset, from the layers that go to the chip."""
    config = replace(PRESETS[preset].network, tile=24, channels=(2, 3, 4), levels=2)
    model = build_unet(config)
    network = lower(model).network
    times = times_needed(network, steps_needed(network))
    assert {len(found) for found in times.values()} == {1, 2, 3}
    shapes = {layer.name: layer.shape for layer in network.layers}
    # What a pool sends is charged to what it pools, which is on as often.
    charged = {x.name: x.terms[0].source for x in network.layers if x.neuron.chooses}
    events, total = {}, 0
    for layer in network.chip_layers:
        for term in layer.terms:
            rows, columns, _ = shapes[term.source] if term.transposed else layer.shape
            n_synapses = rows * columns * term.kernel.size
            fired, source = len(times[term.source]), charged.get(term.source, term.source)
            if layer.name in charged:
                # A gate of each level hears that level alone, and multiplies nothing.
                heard = rows * columns * layer.shape[2] * 4
                events[source] = events.get(source, 0) + fired * heard
                continue
            total += n_synapses
            events[source] = events.get(source, 0) + fired * 2 * n_synapses
    assert event_costs(model) == pytest.approx({name: n / total for name, n in events.items()})
