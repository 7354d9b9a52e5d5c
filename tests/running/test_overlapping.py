"""Tiles that overlap on the chip give the answers of tiles one after the other."""

from dataclasses import replace

import numpy as np
import pytest

from loihiseg.codes.ramp.code import RampCode
from loihiseg.errors import InputError
from loihiseg.running.overlapping import overlapping_tiles
from loihiseg.running.runners import chip_tiles, compiled_presenter
from tests import ramp_networks
from tests.small_deployed import TILE, small_deployed

LEVELS = 3


@pytest.fixture(scope="module")
def waiting():
    """Of the ramp code; its outputs are its first layer and its last, which answer one by one."""
    made = small_deployed(seed=2, levels=LEVELS)
    code = RampCode.of(made.network)
    neurons = code.neurons(made.network)
    deployable = ramp_networks.Direct(neurons).deployable
    return replace(made, code=code, neurons=neurons, deployable=deployable)


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(3).normal(0.5, 1.5, (7, TILE, TILE)).astype(np.float32)


def test_as_one_after_the_other(waiting, pixels):
    code, network = waiting.code, waiting.network
    apart = code.steps_between_images(network)
    answers = code.answers(network)
    assert answers == {"first": (3, 5), "last": (6, 8)} and code.n_steps == 8
    assert LEVELS < apart < code.n_steps
    with compiled_presenter(waiting) as presenter:
        alone = np.stack([one.logits for one in chip_tiles(waiting, presenter, pixels)])
        counts = presenter.overlapping(pixels, code.n_steps, apart, answers)
        sooner = presenter.overlapping(pixels, code.n_steps, apart - 1, answers)
    assert len({one.tobytes() for one in alone}) == 7, "all tiles differ"
    np.testing.assert_array_equal(overlapping_tiles(waiting, pixels), alone)
    # All follow but the last are spoilt.
    differ = [any((a[name] != b[name]).any() for name in a) for a, b in zip(counts, sooner)]
    assert differ[:-1] == [True] * 6


def test_an_image_in_the_steps_of_another_is_refused(waiting, pixels):
    code = waiting.code
    with compiled_presenter(waiting) as presenter:
        with pytest.raises(ValueError, match="images 0 steps apart both need a neuron of"):
            presenter.overlapping(pixels[:2], code.n_steps, 0, code.answers(waiting.network))


def test_rates_wait_for_the_end_of_a_tile(pixels):
    rates = small_deployed()
    assert rates.code.steps_between_images(rates.network) is None
    assert rates.code.answers(rates.network) == {"last": (19, 30), "first": (19, 30)}
    with pytest.raises(InputError, match="the rate code with held input: a tile waits"):
        overlapping_tiles(rates, pixels)
