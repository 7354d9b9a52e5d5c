"""The ramp code: the spikes of the trained network's levels, in every emulator."""

from dataclasses import replace

import numpy as np
import pytest

from loihiseg.codes.ramp.clock import (
    COARSE,
    LARGEST,
    Bounds,
    check_steps,
    digits,
    margins,
    within_reach,
)
from loihiseg.codes.ramp.code import RampCode
from loihiseg.codes.ramp.integers import GRID, IntegerLayer, integer_layers, largest_sums
from loihiseg.codes.ramp.network import COARSE_SUFFIX, FINE_SUFFIX, plan
from loihiseg.codes.ramp.neuron import Pulsed, Ramp
from loihiseg.codes.thermometer.centring import centred
from loihiseg.codes.thermometer.levels import neurons_of
from loihiseg.codes.thermometer.rulers import ruled
from loihiseg.conversion.forward import forward
from loihiseg.conversion.precision import quantize_network
from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.emulator.check import check_equality
from loihiseg.emulator.presenter import CompiledPresenter
from loihiseg.errors import InputError
from tests import quantized, ramp_networks

CASES = {
    "one": (0, (3, 1, 1, 1, 1, 1)),
    "three": (1, 3),
    "mixed": (3, (3, 1, 2, 3, 2, 1)),
    "seven": (2, 7),
}
"""Seed of the weights, and levels."""

IMAGES = quantized.images(3)


def presented(network, pixels, shapes=None):
    """Presentations, and the rasters of the layers on the chip of the first image."""
    code = RampCode.of(network)
    neurons = code.neurons(network)
    shapes = shapes or {layer.name: layer.shape for layer in neurons.chip_layers}
    with (
        quantized.presenter(neurons, shapes) as stock,
        CompiledPresenter(stock.deployable, neurons, 1) as compiled,
    ):
        names = [layer.name for layer in neurons.chip_layers]
        shown = compiled.present_all(pixels, code.n_steps, code.n_window_steps)
        rasters = [compiled.rasters(image, code.n_steps, names) for image in pixels]
        return code, shown, rasters


def test_trains_by_hand():
    network = ramp_networks.one_unit()
    sums = [-15, -1, 0, 1, 2, 3, 4, 5, 6, 15]
    pixels = np.array([[max(s, 0), max(-s, 0)] for s in sums], np.float32).reshape(-1, 1, 1, 2)
    code, _, rasters = presented(network, pixels)
    trains = ["".join(map(str, one["unit"].astype(int).ravel()[-3:])) for one in rasters]
    assert trains == "000 000 000 001 001 011 011 111 111 111".split()
    # A flush, the image, three levels: spikes arrive a step after they are sent.
    assert code.n_steps == 5
    assert not any(one["unit"][:-3].any() for one in rasters)


@pytest.fixture(scope="module", params=CASES.values(), ids=list(CASES))
def made(request):
    """A network, its code and neurons, and nengo-loihi's emulator of them, cut every way."""
    network = quantized.lowered(*request.param)
    code = RampCode.of(network)
    neurons = code.neurons(network)
    with quantized.presenter(neurons, quantized.split_shapes(neurons)) as stock:
        yield network, code, neurons, stock


def test_every_unit_as_the_thermometer_code_has_it(made):
    network, code, neurons, stock = made
    meant = ruled(neurons_of(network))
    shapes = {layer.name: layer.shape for layer in meant.chip_layers}
    meant = quantize_network(centred(meant, shapes), shapes, 0.0).network
    expected = forward(meant, IMAGES)
    ours = forward(quantize_network(neurons, shapes, 0.0).network, IMAGES)
    with CompiledPresenter(stock.deployable, neurons, 1) as compiled:
        shown = compiled.present_all(IMAGES, code.n_steps, code.n_window_steps)
    fired = 0
    for layer in network.layers:
        for number, one in enumerate(shown):
            found = code.activation(layer, one.firing_per_step(layer.name))
            np.testing.assert_array_equal(found, ours[layer.name][number])
            np.testing.assert_allclose(found, expected[layer.name][number], rtol=1e-6)
            fired += int((found > 0).sum())
    assert fired


def test_all_emulators_do_the_same(made):
    _, code, neurons, stock = made
    assert check_equality(stock, neurons, IMAGES[0], code.n_steps) > 0
    with CompiledPresenter(stock.deployable, neurons, 2) as compiled:
        ours = compiled.present_all(IMAGES[1:], code.n_steps, code.n_window_steps)
    for image, one in zip(IMAGES[1:], ours):
        theirs = stock.present(image, code.n_steps, code.n_window_steps)
        for name in theirs.spikes:
            np.testing.assert_array_equal(one.spikes[name], theirs.spikes[name])
        for name in ("spikes_per_step", "messages_per_step", "synaptic_events_per_step"):
            np.testing.assert_array_equal(getattr(one, name), getattr(theirs, name))


def test_layers_fire_in_their_steps_one_level_after_the_other(made):
    network, code, neurons, stock = made
    times = plan(network).times
    names = [layer.name for layer in neurons.chip_layers]
    with CompiledPresenter(stock.deployable, neurons, 1) as compiled:
        fired = compiled.rasters(IMAGES[0], code.n_steps, names)
    for layer in network.chip_layers:
        first, last = times[layer.name].fires
        assert last - first + 1 == layer.levels
        assert not fired[layer.name][: first - 1].any() and not fired[layer.name][last:].any()
        own = fired[layer.name][first - 1 : last].astype(int)
        # A neuron that has begun goes on to the end.
        assert (np.diff(own, axis=0) >= 0).all()


def test_each_layer_starts_when_its_last_source_has_finished():
    network = quantized.lowered(0, 3)
    times = plan(network).times
    assert times["stem_spikes"].fires == (2, 2)
    assert times["encode0_0_spikes"].fires == (3, 5)
    assert times["down1_spikes"].fires == (6, 8)
    # The skip connection is heard from step 3 on and waits in the voltage.
    last = times["decode0_0_spikes"]
    assert (last.hears, last.released, last.fires) == (3, 14, (15, 17))
    assert RampCode.of(network).n_steps == 17


def test_clock_by_hand():
    network = ramp_networks.one_unit()
    neurons = RampCode.of(network).neurons(network)
    found = plan(network).margins["unit"]
    coarse = neurons.layer("unit" + COARSE_SUFFIX)
    assert isinstance(coarse.neuron, Pulsed) and coarse.on_host
    unit = neurons.layer("unit")
    assert isinstance(unit.neuron, Ramp) and unit.shape == (1, 1, 1)
    (own,) = integer_layers(network).values()
    weight = own.weights[0][0, 0, 0, 0]
    # All is sent at once, with the release: nothing can fire early. Fifteen spikes can take away.
    assert found.margin == 0 and 2**found.floor_exponent >= 15 * weight
    assert coarse.neuron.pulses[:2] == ((1,), (2,)), "flush, then set with the first input"
    flush, up = unit.terms[1].kernel[0, 0, :2, 0]
    assert (flush, up) == (-LARGEST, 2**found.floor_exponent - found.margin)
    names = [unit.terms[0].source, *(t.source for t in unit.terms if t.clock)]
    assert names == ["stem", "unit" + COARSE_SUFFIX, "unit" + FINE_SUFFIX][: len(names)]


@pytest.mark.parametrize("largest", [127, 128, 10_000, 30_000])
def test_digits_add_up(largest):
    values = GRID * np.random.default_rng(largest).integers(-largest, largest + 1, 20)
    values[0] = GRID * largest
    parts = digits(values)
    np.testing.assert_array_equal(sum(parts), values)
    for part in parts:
        step = COARSE if not (part % COARSE).any() else GRID
        assert not (part % step).any() and np.abs(part).max() <= 127 * step
    assert len(parts) == (1 if largest <= 127 else 2 if largest < 127 * 128 else 3)
    assert digits(np.zeros(3, int)) == []


def test_margins_hold_what_comes_before_the_last_step():
    """Of two levels of the last source one spike, of a skip connection all."""
    network = quantized.lowered(0, 2)
    found = plan(network)
    layer = network.layer("decode0_0_spikes")
    last, _ = layer.sources
    assert found.times[last].fires[1] == found.times[layer.name].released
    sums = [
        np.stack(largest_sums(term, weights, layer.shape[2]))
        for term, weights in zip(layer.terms, found.integers[layer.name].weights)
    ]
    own, margin = found.bounds[layer.name], found.margins[layer.name]
    np.testing.assert_array_equal(own.early, sums[0] + 2 * sums[1])
    np.testing.assert_array_equal(own.total, 2 * sums[0] + 2 * sums[1])
    np.testing.assert_array_equal(own.at_once, sums[0] + sums[1])
    assert 0 <= margin.margin - own.early[0].max() < 2 * COARSE
    assert 2**margin.floor_exponent - margin.margin >= own.total[1].max()


def test_thresholds_out_of_reach_come_near():
    total = np.array([[1000 * GRID], [500 * GRID]])
    far = GRID * np.array([[-9000, -700, -100, 1000, 5000, 10**6]]).T
    found = within_reach(far, total)
    np.testing.assert_array_equal(found.T // GRID, [[-502, -500, -100, 1000, 1002, 1004]])
    sums = np.arange(-500, 1001) * GRID
    np.testing.assert_array_equal(sums >= found, sums >= far)


def test_networks_without_room_are_refused_by_name():
    network = ramp_networks.one_unit()
    first, second = network.layers
    close = replace(second, neuron=type(second.neuron)(3, 0.001))
    with pytest.raises(InputError, match="layer 'unit': two of its levels need the same sum"):
        plan(replace(network, layers=(first, close)))
    for channels, says in ((40, "in a step, the chip adds up to 2,097,151"), (200, "voltages")):
        first = ramp_networks.stem((1, 1, channels), 15)
        kernel = np.ones((1, 1, channels, 1))
        if channels == 200:
            kernel[..., ::2, :] = -1
        wide = ramp_networks.layer("unit", (1, 1, 1), ["stem"], [kernel], 0, 3, 100.0)
        wide = LoweredNetwork({"pixels": (1, 1, channels)}, (first, wide), ("unit",))
        with pytest.raises(InputError, match=f"layer 'unit': its sums need .*{says}"):
            RampCode.of(wide).neurons(wide)


def test_thresholds_too_far_apart_for_one_step_are_refused_by_name():
    """A step of the ramp is input too; of equal ones it never is the largest."""
    total = np.array([[2**21], [2**21]])
    bounds = Bounds(total, 0 * total, 0 * total)

    def check(apart):
        integers = IntegerLayer((), np.array([[-(2**20)], [apart - 2**20]]))
        found = margins("own", integers, bounds)
        check_steps("own", integers, bounds, found)

    check(2**21 - 64)
    with pytest.raises(InputError, match=r"layer 'own'.*2,097,152 in a step"):
        check(2**21)
