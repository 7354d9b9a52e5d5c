"""Random networks: every spike on both emulators is where plain integers have it."""

import numpy as np
import pytest

from loihiseg.conversion.over_time import own_steps, steps_needed, trains_over_time
from loihiseg.emulator.golden import golden_arrays
from loihiseg.emulator.host import host_spikes
from tests import direct_networks, quantized, ramp_networks
from tests.golden_judge import judge
from tests.rasters import Built, compiled_raster, stock_raster


def built(neurons, rng, by_nengo_loihi):
    """By nengo-loihi, cut into blocks at random; or laid out from the integers alone."""
    if not by_nengo_loihi:
        return Built(neurons, ramp_networks.Direct(neurons))
    shapes = {one.name: ramp_networks.cut(rng, one.shape) for one in neurons.chip_layers}
    return Built(neurons, quantized.presenter(neurons, shapes))


def meant(network, made, image):
    """(steps, compartments) spikes in plain integers, of one image."""
    trains = trains_over_time(network, image[None])
    places = made.presenter.deployable.places
    found = np.zeros((steps_needed(network), made.presenter.n_compartments), bool)
    for name, place in places.items():
        found[:, place] = trains[name][0].reshape(len(found), -1) > 0
    return found


def differing(seed, by_nengo_loihi=False, stock=False):
    """Spikes of a random network that are not where they have to be, and how many are meant."""
    network, neurons = direct_networks.fitting(seed)
    made = built(neurons, np.random.default_rng(seed), by_nengo_loihi or stock)
    n_steps = steps_needed(network)
    wrong = spikes = 0
    for image in direct_networks.random_images(network, seed):
        sent = host_spikes(neurons, image, n_steps).fired
        raster = stock_raster(made, sent) if stock else compiled_raster(made, sent)
        wanted = meant(network, made, image)
        wrong += int((raster != wanted).sum())
        spikes += int(wanted.sum())
    made.presenter.close()
    return wrong, spikes


@pytest.mark.parametrize("part", range(3))
def test_random_networks_are_right_in_every_spike(part):
    """A tenth built by nengo-loihi, of these half run by its own emulator."""
    spikes = 0
    for seed in range(20 * part, 20 * part + 20):
        wrong, wanted = differing(seed, by_nengo_loihi=seed % 10 == 3, stock=seed % 20 == 3)
        assert wrong == 0, f"network {seed}"
        spikes += wanted
    assert spikes > 1000


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_five_hundred_networks_are_right_in_every_spike(part):
    """All built by nengo-loihi, and every other run by its own emulator too."""
    for seed in range(1000 + 50 * part, 1050 + 50 * part):
        assert differing(seed, by_nengo_loihi=True)[0] == 0, f"network {seed}"
        if seed % 2:
            assert differing(seed, stock=True)[0] == 0, f"network {seed}"


def test_spikes_outside_of_own_steps_are_none():
    for seed in range(40, 60):
        network, neurons = direct_networks.fitting(seed)
        made = built(neurons, np.random.default_rng(seed), False)
        image = direct_networks.random_images(network, seed)[0]
        raster = compiled_raster(made, host_spikes(neurons, image, steps_needed(network)).fired)
        for name, (first, last) in own_steps(network).items():
            fired = raster[:, made.presenter.deployable.places[name]].any(axis=1)
            assert not fired[: first - 1].any() and not fired[last:].any(), (seed, name)


def test_the_golden_network_has_every_spike():
    """`docs/golden.py`, which shares nothing with us but the file."""
    for seed in (3, 44, 61):
        network, neurons = direct_networks.fitting(seed)
        made = built(neurons, np.random.default_rng(seed), False)
        n_steps = steps_needed(network)
        golden = golden_arrays(made.presenter.deployable, neurons, n_steps, n_steps)
        image = direct_networks.random_images(network, seed)[-1]
        found = judge.run(golden, image)
        for name, fired in trains_over_time(network, image[None]).items():
            np.testing.assert_array_equal(found[name], fired[0].reshape(n_steps, -1) > 0, name)
