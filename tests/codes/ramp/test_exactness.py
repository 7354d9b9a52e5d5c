"""Random networks, image after image without a reset: every spike is in its place."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from loihiseg.codes.ramp import network as ramp_network
from loihiseg.codes.ramp.integers import GRID
from loihiseg.codes.ramp.network import plan
from loihiseg.codes.ramp.schedule import steps_between_images
from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.emulator.host import host_spikes
from tests import quantized, ramp_networks
from tests.rasters import compiled_raster, stock_raster

OWN, STEPWISE = ramp_networks.random_own_network, ramp_networks.random_stepwise_network
GATED = ramp_networks.random_gated_network


@dataclass(frozen=True)
class Built:
    """A network, its plan and neurons, and what runs them."""

    network: LoweredNetwork
    plan: ramp_network.Plan
    neurons: LoweredNetwork
    presenter: object
    n_steps: int


def built(network, rng, by_nengo_loihi=True):
    """By nengo-loihi, cut into blocks at random; or laid out from the integers alone."""
    found = plan(network)
    neurons = ramp_network.neurons_that_wait(network, found)
    n_steps = max(found.times[name].fires[1] for name in network.outputs)
    if not by_nengo_loihi:
        return Built(network, found, neurons, ramp_networks.Direct(neurons), n_steps)
    shapes = {}
    for layer in neurons.chip_layers:
        shapes[layer.name] = ramp_networks.cut(rng, layer.shape)
    return Built(network, found, neurons, quantized.presenter(neurons, shapes), n_steps)


def of_host(made, images, apart):
    """Spikes of every source on the host while images follow each other, by name."""
    n_steps = made.n_steps
    total = (len(images) - 1) * apart + n_steps + 1
    found = {}
    for number, image in enumerate(images):
        for name, fired in host_spikes(made.neurons, image, n_steps).fired.items():
            sent = found.setdefault(name, np.zeros((total, fired.shape[1]), bool))
            part = sent[number * apart : number * apart + n_steps]
            assert not (part & fired).any(), "two images need one neuron in the same step"
            part |= fired
    return found


def meant(made, images, apart):
    """The same from sums of whole numbers: when every spike has to be."""
    levels = ramp_networks.integer_network(made.network, images)
    places = made.presenter.deployable.places
    total = (len(images) - 1) * apart + made.n_steps + 1
    found = np.zeros((total, made.presenter.n_compartments), bool)
    for layer in made.network.chip_layers:
        first, last = made.plan.times[layer.name].fires
        for number, own in enumerate(levels[layer.name]):
            for step in range(first, last + 1):
                # Level m fires in the last m steps.
                on = own.ravel() > last - step
                found[number * apart + step - 1, places[layer.name]] = on
    return found


def differing(seed, by_nengo_loihi=True, stock=False, of=ramp_networks.random_network):
    """Spikes of a random network that are not where they have to be, and those that are meant.

    Parameters
    ----------
    seed : int
    by_nengo_loihi : bool
        Whether nengo-loihi builds its blocks.
    stock : bool
        Whether its emulator runs them too.
    of : callable
        From a seed to a network.
    """
    rng = np.random.default_rng(seed)
    network = ramp_networks.fitting(seed, of)
    images = ramp_networks.random_images(network, seed)
    made = built(network, rng, by_nengo_loihi or stock)
    prepared = made.plan.prepared
    soonest = steps_between_images(made.plan.times, prepared)
    apart = soonest if rng.random() < 0.5 else made.n_steps + int(rng.integers(0, 3))
    sent = of_host(made, images, apart)
    raster = stock_raster(made, sent) if stock else compiled_raster(made, sent)
    wanted = meant(made, images, apart)
    made.presenter.close()
    return int((raster != wanted).sum()), int(wanted.sum())


@pytest.mark.parametrize("part", range(4))
def test_random_networks_are_right_in_every_spike(part):
    """As soon after each other as images can be, or one by one; a third built by nengo-loihi."""
    spikes = 0
    for seed in range(10 * part, 10 * part + 10):
        wrong, wanted = differing(seed, by_nengo_loihi=seed % 3 == 0, stock=seed % 9 == 0)
        assert wrong == 0, f"network {seed}"
        spikes += wanted
    assert spikes > 1000


def wrong_and_worked(seed, sooner):
    """Spikes that are wrong if images follow so many steps sooner; whether the layer in use longest
    fires for an image that another follows."""
    network = ramp_networks.fitting(seed)
    images = ramp_networks.random_images(network, seed)
    made = built(network, np.random.default_rng(seed), by_nengo_loihi=False)
    times, prepared = made.plan.times, made.plan.prepared
    used = {name: times[name].fires[1] - times[name].hears + n for name, n in prepared.items()}
    apart = steps_between_images(times, prepared)
    assert apart == max(used.values())
    levels = ramp_networks.integer_network(network, images[:-1])
    worked = any(levels[name].any() for name, steps in used.items() if steps == apart)
    sent = of_host(made, images, apart - sooner)
    wrong = compiled_raster(made, sent) != meant(made, images, apart - sooner)
    return int(wrong.sum()), worked


def test_one_step_sooner_is_too_soon():
    tight = 0
    for seed in range(200, 230):
        assert wrong_and_worked(seed, 0)[0] == 0, f"network {seed}"
        wrong, worked = wrong_and_worked(seed, 1)
        assert (wrong > 0) == worked, f"network {seed}"
        tight += worked
    assert tight > 20


def of_two_layers():
    """A layer of one level that hears one of two, with weights of 127 and 1: sums of 128 steps."""
    first = ramp_networks.stem((1, 1, 2), 2)
    second = ramp_networks.layer("a", (1, 1, 2), ["stem"], [np.eye(2)[None, None]], 0, 2, 0.98)
    kernel = np.array([[127.0], [1.0]])[None, None] / 127
    third = ramp_networks.layer("b", (1, 1, 1), ["a"], [kernel / 0.98], -9, 1, 1.0)
    return LoweredNetwork({"pixels": (1, 1, 2)}, (first, second, third), ("b",))


def wrong_with(network, images, **settings):
    made = built(network, np.random.default_rng(0))
    sent = of_host(made, images, made.n_steps)
    wrong = compiled_raster(made, sent, **settings) != meant(made, images, made.n_steps)
    made.presenter.close()
    return int(wrong.sum())


def test_a_margin_one_step_smaller_is_too_small(monkeypatch):
    network = of_two_layers()
    images = np.full((2, 1, 1, 2), 2, np.float32)
    found = plan(network)
    # One spike of each before the last step: what the margin has to hold, to the step.
    assert found.margins["b"].margin == found.bounds["b"].early[0, 0] == 128 * GRID
    assert wrong_with(network, images) == 0
    exact = ramp_network.margins

    def smaller(name, *arguments):
        one = exact(name, *arguments)
        return replace(one, margin=one.margin - GRID * (name == "b"))

    monkeypatch.setattr(ramp_network, "margins", smaller)
    assert plan(network).margins["b"].margin == 127 * GRID
    assert wrong_with(network, images) > 0


def test_a_current_that_leaves_something_is_wrong():
    """With the decay that nengo-loihi stores, 1/4096 of a current is left in the next step."""
    wrong = [0, 0]
    for seed in range(3):
        network = ramp_networks.fitting(seed)
        images = ramp_networks.random_images(network, seed)
        for number, keep in enumerate((0, 1)):
            wrong[number] += wrong_with(network, images, keep_current=keep)
    assert wrong[0] == 0 and wrong[1] > 0


def test_random_networks_of_all_terms():
    """Extremes, borders, depthwise and sparse weights, biases by pixel; a few by nengo-loihi."""
    spikes = 0
    for seed in range(18):
        wrong, wanted = differing(seed, by_nengo_loihi=seed % 6 == 0, stock=seed == 12, of=OWN)
        assert wrong == 0, f"network {seed}"
        spikes += wanted
    assert spikes > 3000


def test_random_networks_of_any_thresholds():
    """That are not 0 at level 0, as far apart as may be, some out of reach."""
    spikes = 0
    for seed in range(12):
        wrong, wanted = differing(seed, by_nengo_loihi=seed % 6 == 0, stock=seed == 6, of=STEPWISE)
        assert wrong == 0, f"network {seed}"
        spikes += wanted
    assert spikes > 2000


def test_random_networks_of_extremes_of_what_follows_from_each_other():
    """Through relays, as many as are needed."""
    relayed = 0
    for seed in range(30):
        assert differing(seed, by_nengo_loihi=False, of=GATED)[0] == 0, f"network {seed}"
        relayed += any(one.name.endswith("_again") for one in GATED(seed).layers)
    assert relayed > 10
    assert differing(31, stock=True, of=GATED)[0] == 0


@pytest.mark.slow
@pytest.mark.parametrize("of", [OWN, STEPWISE, GATED])
def test_many_random_networks_of_all_terms(of):
    """3,000 on the compiled emulator, 300 more built by nengo-loihi and run on its own."""
    for seed in range(100, 3100):
        assert differing(seed, by_nengo_loihi=False, of=of)[0] == 0, f"network {seed}"
    for seed in range(3100, 3400):
        assert differing(seed, stock=True, of=of)[0] == 0, f"network {seed}"


@pytest.mark.slow
def test_many_random_networks():
    """10,000 on the compiled emulator."""
    for seed in range(100, 10_100):
        assert differing(seed, by_nengo_loihi=False)[0] == 0, f"network {seed}"


@pytest.mark.slow
def test_many_random_networks_on_nengo_loihi():
    """1,000 built by it and run on its own emulator."""
    for seed in range(10_100, 11_100):
        assert differing(seed, stock=True)[0] == 0, f"network {seed}"
