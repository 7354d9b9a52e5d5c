"""Margins from calibration images: by hand, exact where they hold, and said where they do not."""

from dataclasses import replace

import numpy as np
import pytest

from loihiseg.codes.ramp import measured
from loihiseg.codes.ramp import network as ramp_network
from loihiseg.codes.ramp.clock import COARSE
from loihiseg.codes.ramp.code import RampCode
from loihiseg.codes.ramp.integers import GRID
from loihiseg.codes.ramp.schedule import Times
from loihiseg.conversion.forward import forward
from loihiseg.emulator.presenter import CompiledPresenter
from loihiseg.errors import InputError
from tests import quantized, ramp_networks


def test_what_a_train_has_sent_by_hand():
    levels = np.array([0, 1, 2, 3])
    train = Times(1, 2, (3, 5))
    sent = [measured.sent_until(step, train, levels).tolist() for step in (2, 3, 4, 5, 6)]
    assert sent == [[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3]]
    at_once = Times(0, 0, (4, 4))
    assert measured.sent_until(3, at_once, levels).tolist() == [0, 0, 0, 0]
    assert measured.sent_until(4, at_once, levels).tolist() == [0, 1, 2, 3]


def sums(network, images):
    """The largest early sum of each layer, and the plan that it is of."""
    found = ramp_network.plan(network)
    reached = measured.levels_of(network, forward(network, images))
    return found, {
        name: measured.early_sum(network.layer(name), integers, found.times, reached)
        for name, integers in found.integers.items()
    }


def test_sums_of_images_are_within_those_of_all_images():
    seen = 0
    for seed in range(12):
        network = ramp_networks.fitting(seed)
        found, early = sums(network, ramp_networks.random_images(network, seed))
        for name, largest in early.items():
            assert 0 <= largest <= found.bounds[name].early[0].max()
            assert largest % GRID == 0
            seen += largest > 0
    assert seen > 10


@pytest.fixture(scope="module")
def chain():
    """A small U-Net of three levels, images, and the sums of a layer that hears several steps."""
    network = quantized.lowered(levels=3)
    images = quantized.images(3)
    _, early = sums(network, images)
    name = max(early, key=lambda one: early[one])
    assert early[name] > 4 * COARSE
    return network, images, name, early[name]


def presented(network, images, measured_sums):
    code = replace(RampCode.of(network), measured=measured_sums)
    neurons = code.neurons(network)
    deployable = ramp_networks.Direct(neurons).deployable
    windows = code.windows(network)
    with CompiledPresenter(deployable, neurons, 1, windows) as presenter:
        return presenter.present_all(images, code.n_steps, code.n_window_steps)


def test_margins_of_images_are_exact_for_them_and_too_small_ones_are_said(chain):
    network, images, name, largest = chain
    proved = presented(network, images, {})
    own = presented(network, images, {name: largest})
    for one, other in zip(proved, own):
        for layer in network.chip_layers:
            np.testing.assert_array_equal(one.spikes[layer.name], other.spikes[layer.name])
    assert [one.early for one in own] == [{}] * len(images)
    early = [one.early for one in presented(network, images, {name: largest - 3 * COARSE})]
    assert all(set(one) <= {name} for one in early)
    assert sum(one.get(name, 0) for one in early) > 0


def test_layers_are_measured_where_the_chip_has_no_room_for_all_images(chain, monkeypatch):
    network, images, _, _ = chain
    assert RampCode.of(network).calibrated(network, {}).measured == {}
    many = quantized.lowered(levels=(3, 31, 31, 31, 31, 31))
    monkeypatch.setattr("loihiseg.codes.ramp.clock.MOST_INPUT", 1_800_000)
    code, settled = RampCode.of(many), forward(many, images)
    assert ramp_network.plan(many, to_be_measured=True).to_measure == ("decode0_0_spikes",)
    with pytest.raises(InputError, match="in a step"):
        code.neurons(many, settled)
    calibrated = code.calibrated(many, settled)
    assert list(calibrated.measured) == ["decode0_0_spikes"]
    assert calibrated.windows(many) == {
        "decode0_0_spikes": (calibrated.n_steps - 30, calibrated.n_steps)
    }
    assert (
        "decode0_0_spikes: 1.5 times"
        in dict(calibrated.rows(many))["margins from calibration tiles"]
    )
    monkeypatch.setattr("loihiseg.codes.ramp.code.ROOM", 100)
    with pytest.raises(
        InputError, match=r"'decode0_0_spikes': .* the ramp code needs smaller ones"
    ):
        code.calibrated(many, settled)
