"""Voltages and spikes that are watched step by step, held against nengo-loihi's emulator."""

from dataclasses import replace

import numpy as np
import pytest

from loihiseg.emulator.presenter import CompiledPresenter
from loihiseg.emulator.traces import traces
from tests import deployed
from tests.small_deployed import TILE, small_deployed

STEPS = 40


def test_equal_the_reference_step_by_step():
    network = deployed.lowered()
    names = [network.chip_layers[0].name, network.chip_layers[-1].name]
    _, made = deployed.presenter(network, deployed.split_shapes(network))
    with made:
        found = traces(made.deployable, network, deployed.image(3), STEPS, names)
        emulator, _ = made._begun(deployed.image(3), STEPS)
        for step in range(STEPS):
            emulator.step()
            part = emulator.compartment
            for name in names:
                places = made.deployable.places[name]
                shape = network.layer(name).shape
                fired = part.spiked[places].reshape(shape)
                np.testing.assert_array_equal(found[name].fired[step], fired)
                # What fires is at 0 afterwards; it was above the threshold before.
                after = np.where(fired, 0, found[name].voltage[step])
                np.testing.assert_array_equal(after, part.voltage[places].reshape(shape))
                above = found[name].voltage[step] > found[name].threshold
                np.testing.assert_array_equal(above, fired)
        emulator.close()
    assert found[names[0]].fired.any()


@pytest.mark.parametrize("seed", range(3))
def test_spikes_are_those_of_a_presentation(seed):
    one = small_deployed(seed)
    pixels = np.random.default_rng(seed).normal(0, 1, (TILE, TILE)).astype(np.float32)
    names = ["first", "last"]
    found = traces(one.deployable, one.neurons, pixels, STEPS, names)
    with CompiledPresenter(one.deployable, one.neurons, 1) as presenter:
        rasters = presenter.rasters(pixels, STEPS, names)
    for name in names:
        np.testing.assert_array_equal(found[name].fired, rasters[name])


def test_a_leak_is_kept_by_hand():
    """Threshold 100, bias 64, of the voltage 3/4 is kept: 64, then 112, which fires, then 64."""
    one = small_deployed()
    program = one.deployable.program
    segment = np.array([[0, 3072, 100, -1000, 2**23 - 1, 1]] * 2, np.int32)
    bias = np.full(program.n_compartments, 64, np.int32)
    silent = replace(program, segment=segment, bias=bias, weights=np.zeros_like(program.weights))
    deployable = replace(one.deployable, program=silent)
    pixels = np.zeros((TILE, TILE), np.float32)
    found = traces(deployable, one.neurons, pixels, 4, ["first"])["first"]
    assert found.voltage[:, 0, 0, 0].tolist() == [64, 112, 64, 112]
    assert found.fired[:, 0, 0, 0].tolist() == [False, True, False, True]
    assert found.threshold.shape == (TILE, TILE, 2) and (found.threshold == 100).all()
