"""Work of the cores step by step: by hand, and summed up as the emulator counts it."""

import numpy as np
import pytest

from loihiseg.codes.ramp.code import RampCode
from loihiseg.codes.thermometer.clocks import clocked
from loihiseg.codes.thermometer.levels import neurons_of
from loihiseg.emulator.presenter import CompiledPresenter
from tests import quantized, ramp_networks

IMAGE = quantized.images(1)[0]


def test_one_unit_by_hand():
    network = ramp_networks.one_unit()
    code = RampCode.of(network)
    neurons = code.neurons(network)
    deployable = ramp_networks.Direct(neurons).deployable
    pixels = np.array([5, 2], np.float32).reshape(1, 1, 2)
    with CompiledPresenter(deployable, neurons, 1) as presenter:
        found = presenter.step_loads(pixels, code.n_steps)
        shown = presenter.present_all([pixels], code.n_steps, 1)[0]
    # All levels of both sources in the step in which the host sends; they arrive in the next.
    sent = found.injected["stem"]
    assert sent.tolist() == [0, 7, 0, 0, 0]
    pulses = np.zeros(5, int)
    for layer in neurons.layers:
        if layer.name.startswith("unit_"):
            for own in layer.neuron.pulses:
                pulses[np.array(own) - 1] += 1
    clock = sum(one for name, one in found.injected.items() if name != "stem")
    np.testing.assert_array_equal(clock, pulses)
    assert pulses.sum() >= 5, "flush, set, release, two steps of the ramp"
    # One synapse for each.
    np.testing.assert_array_equal(found.synaptic_events[1:, 0], (sent + pulses)[:-1])
    np.testing.assert_array_equal(found.synaptic_events[:, 0], shown.synaptic_events_per_step)
    assert found.pairs.shape == (0, 2) and found.messages.shape == (5, 0)


@pytest.mark.parametrize("kind", ["ramp", "clocked"])
def test_cores_add_up_to_what_the_emulator_counts(kind):
    network = quantized.lowered(3, (3, 1, 2, 3, 2, 1))
    if kind == "ramp":
        code = RampCode.of(network)
        neurons, n_steps = code.neurons(network), code.n_steps
    else:
        neurons, n_steps = clocked(neurons_of(network), 8), 8
    with quantized.presenter(neurons, quantized.split_shapes(neurons)) as stock:
        deployable = stock.deployable
    with CompiledPresenter(deployable, neurons, 1) as presenter:
        found = presenter.step_loads(IMAGE, n_steps)
        shown = presenter.present_all([IMAGE], n_steps, 1)[0]
    events = found.synaptic_events
    np.testing.assert_array_equal(events.sum(axis=1), shown.synaptic_events_per_step)
    assert (events > 0).any(axis=0).sum() > 3, "several blocks have something to do"
    arrive = np.concatenate([[0], sum(found.injected.values())[:-1]])
    np.testing.assert_array_equal(found.messages.sum(axis=1) + arrive, shown.messages_per_step)
    block_of = np.searchsorted(
        deployable.program.block_start, deployable.program.entries[:, 0], side="right"
    )
    assert set(found.pairs[:, 1]) <= set(block_of - 1)
    assert found.messages.sum() > 0
