"""Steps a few at a time: the same spikes, and pooling whose counts are the maximum of counts."""

import numpy as np
import pytest

from loihiseg.conversion.convolution import layer_total
from loihiseg.conversion.forward import forward
from loihiseg.methods.spicalib.neurons import Bursts
from loihiseg.simulation import network as at_once
from loihiseg.simulation import stepping
from loihiseg.simulation.neurons import IntegrateAndFire
from loihiseg.simulation.pooling import PoolingState
from loihiseg.simulation.stepping import Passing, Stepper
from tests.simulation.networks import chain, pooled

POINTS = np.random.default_rng(1).normal(size=(40, 1, 1, 8)).astype(np.float32)
PICTURES = np.random.default_rng(2).integers(0, 64, (5, 8, 8, 1)).astype(np.float32) / 64


def trains_of(network, neurons, pixels, ends):
    """All spikes of every layer."""
    parts = list(Stepper(network).chunks(neurons, pixels, ends))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def pool_layer(n_members, pooling="lateral"):
    """A pool over so many pixels beside each other, of one channel."""
    from loihiseg.conversion.linear import Term
    from loihiseg.conversion.neuron_kinds import Extremum
    from loihiseg.conversion.spec import SpikingLayer

    ones = np.ones((1, n_members, 1, 1), np.float32)
    term = Term("in", ones, (1, n_members), "valid", depthwise=True)
    layer = SpikingLayer("pool", (1, 1, 1), (term,), np.zeros(1, np.float32), 100.0, False,
                         Extremum(0))  # fmt: skip
    return PoolingState(layer, pooling)


def pooled_trains(*members, pooling="lateral"):
    """What a pool makes of trains of single neurons."""
    train = np.array(members, np.float32).T[:, None, None, :, None]
    return pool_layer(len(members), pooling).spikes({"in": train}).ravel().tolist()


def test_pooling_by_hand():
    one, other = [1, 0, 1, 0], [0, 1, 1, 1]
    assert pooled_trains(one, other) == [1, 0, 1, 1]
    # Gates let through what has sent most: four spikes, where no member sent more than three.
    assert pooled_trains(one, other, pooling="gated") == [1, 1, 1, 1]
    assert pooled_trains([2, 0, 0, 1], [0, 2, 1, 0]) == [2, 0, 1, 0]
    # What is taken back of the largest is taken back as far as the next.
    assert pooled_trains([2, 0, -1, -1], [1, 0, 0, 0]) == [2, 0, -1, 0]


def test_pooled_counts_are_the_maximum_of_counts_at_every_step():
    """1,000 windows of four, bursts and spikes taken back, in pieces."""
    rng = np.random.default_rng(0)
    trains = rng.integers(-1, 4, (24, 1000, 1, 4, 1)).astype(np.float32)
    state = pool_layer(4)
    found = np.concatenate([state.spikes({"in": part}) for part in np.split(trains, 6)])
    np.testing.assert_array_equal(np.cumsum(found, 0)[..., 0, 0, 0],
                                  np.cumsum(trains, 0)[..., 0, :, 0].max(-1))  # fmt: skip


def thresholds(network, value=0.25):
    return {layer.name: np.float32(value) for layer in network.layers}


def test_pools_that_overlap_and_maxima_of_layers_are_exact_too():
    network = pooled()
    trains = trains_of(network, Bursts(thresholds(network), 3), PICTURES, (24,))
    counts = {name: np.cumsum(train, 0) for name, train in trains.items()}
    for name in ("larger", "pool", "wide"):
        layer = network.layer(name)
        for step in (0, 11, 23):
            heard = {source: counts[source][step] for source in layer.sources}
            expected = layer_total(layer, heard, len(PICTURES))
            np.testing.assert_array_equal(counts[name][step], expected)
            assert expected.max() > 0


def test_steps_in_pieces_change_nothing():
    network = pooled()
    neurons = Bursts(thresholds(network), 3, allowance=2)
    one = trains_of(network, neurons, PICTURES, (24,))
    other = trains_of(network, neurons, PICTURES, (1, 5, 9, 24))
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])
        assert len(one[name]) == 24


def test_without_pooling_it_is_the_simulation_of_all_steps_at_once():
    network = chain(3, 0)
    neurons = Bursts(thresholds(network, 0.5), 2)
    trains = trains_of(network, neurons, POINTS, (12,))
    other = IntegrateAndFire(dict.fromkeys(trains, 0.5), most_spikes=2, start=0.0)
    runs = at_once.simulate(network, POINTS, 12, other)
    for name, run in runs.items():
        wrong = np.mean(trains[name].sum(0) != run.counts)
        # A few inputs lie where float32 rounds differently.
        assert wrong < 0.005 and run.counts.max() > 12, name


def test_more_steps_come_closer_to_the_floats():
    network = pooled()
    exact = forward(network, PICTURES, staircase=False)["d"]
    neurons = Bursts(thresholds(network, 2.0), 4)
    passing = Passing(Stepper(network), lambda maps: maps["d"], neurons, (8, 64, 256))
    errors = [np.abs(found - exact).mean() for found in passing.logits(PICTURES).values()]
    assert errors[0] > 3 * errors[1] > 9 * errors[2] and errors[2] < 0.03 * exact.mean()


def test_one_run_passes_through_every_number_of_steps(monkeypatch):
    network = pooled()
    stepper = Stepper(network)

    def passing_of(steps):
        return Passing(stepper, lambda maps: 2 * maps["d"], neurons, steps)

    neurons = Bursts(thresholds(network), 3)
    passing = passing_of((3, 7))
    found = passing.logits(PICTURES)
    for steps in (3, 7):
        alone = passing_of((steps,))
        np.testing.assert_array_equal(found[steps], alone.logits(PICTURES)[steps])
        assert alone.work(steps, 2) == passing.work(steps, 2)
    trains = trains_of(network, neurons, PICTURES, (7,))
    np.testing.assert_allclose(found[7], 2 * 0.25 * trains["d"].mean(0), rtol=1e-6)
    chip = [layer.name for layer in network.chip_layers]
    assert chip == ["larger", "pool", "c", "wide", "d"]
    work = passing.work(7, 2)
    assert work.spikes == sum(trains[name].sum() for name in chip) / 2
    assert work.neuron_updates == network.n_chip_neurons * 7 * 5 / 2
    assert work.tiles == 2.5
    monkeypatch.setattr(stepping, "IMAGES", 2)
    other = passing_of((3, 7)).logits(PICTURES)
    np.testing.assert_array_equal(found[7], other[7])


def test_pools_of_the_simulation_of_all_steps_at_once_are_lateral():
    network = pooled()
    trains = trains_of(network, Bursts(thresholds(network), 3), PICTURES, (6,))
    other = IntegrateAndFire(dict.fromkeys(trains, 0.25), most_spikes=3, start=0.0)
    for name, run in at_once.simulate(network, PICTURES, 6, other).items():
        np.testing.assert_array_equal(trains[name].sum(0), run.counts)


@pytest.mark.parametrize("steps", [(0,), (-1, 3)])
def test_no_steps_are_refused(steps):
    from loihiseg.errors import InputError

    network = chain(1, 0)
    with pytest.raises(InputError, match="expected at least 1"):
        trains_of(network, Bursts(thresholds(network)), POINTS, steps)
