"""Images through the compiled program: the same as through nengo-loihi's emulator, all of it."""

import threading
from dataclasses import fields

import numpy as np
import pytest

from loihiseg.conversion.firing import rectified_spikes
from loihiseg.emulator.presenter import CompiledPresenter
from tests import deployed


@pytest.fixture(scope="module")
def network():
    return deployed.lowered()


@pytest.fixture(scope="module")
def reference(network):
    _, made = deployed.presenter(network, deployed.split_shapes(network))
    with made:
        yield made


@pytest.mark.parametrize("n_threads", [1, 3])
def test_equals_the_reference(network, reference, n_threads):
    images = [deployed.image(seed) for seed in range(4)]
    with CompiledPresenter(reference.deployable, network, n_threads) as compiled:
        found = compiled.present_all(images, 50, 20)
    for image, ours in zip(images, found):
        theirs = reference.present(image, 50, 20)
        assert theirs.compartment_spikes.any()
        # The reference does not look at what is early.
        assert ours.early == {} and theirs.early is None
        for field in fields(theirs):
            mine, other = getattr(ours, field.name), getattr(theirs, field.name)
            if isinstance(other, dict):
                assert set(mine) == set(other)
                for name in other:
                    np.testing.assert_array_equal(mine[name], other[name])
            elif field.name != "early":
                np.testing.assert_array_equal(mine, other, err_msg=field.name)


def test_one_thread_is_the_one_that_asks(network, reference):
    with CompiledPresenter(reference.deployable, network, 1) as compiled:
        before = threading.active_count()
        for _ in compiled.present_each([deployed.image(0), deployed.image(1)], 9, 4):
            assert threading.active_count() == before


@pytest.mark.parametrize("n_threads", [1, 3])
def test_rasters_are_the_spikes_step_by_step(network, reference, n_threads):
    layers = [network.chip_layers[1].name, network.outputs[0]]
    with CompiledPresenter(reference.deployable, network, n_threads) as compiled:
        found = compiled.rasters(deployed.image(2), 30, layers)
        for n_steps in (1, 12, 30):
            (shown,) = compiled.present_all([deployed.image(2)], n_steps, 1)
            for name in layers:
                assert found[name].shape == (30, *network.layer(name).shape)
                np.testing.assert_array_equal(found[name][:n_steps].sum(axis=0), shown.spikes[name])
                np.testing.assert_array_equal(found[name][n_steps - 1], shown.window_spikes[name])
    assert found[layers[1]].any()


def test_counts_by_step_add_up(network, reference):
    """Every message of a step is a spike of the step before, times its destinations."""
    from loihiseg.emulator.activity import fan_out

    one = reference.present(deployed.image(1), 40, 10)
    before = reference.present(deployed.image(1), 39, 10)
    fans = fan_out(reference.deployable)
    chip = before.compartment_spikes @ fans.messages
    host = sum(
        before.spikes[name].ravel() @ sent
        for name, sent in zip(fans.host_sources, fans.host_messages)
    )
    assert one.messages_per_step.sum() == chip + host
    assert one.spikes_per_step.sum() == one.compartment_spikes.sum()
    assert one.messages_per_step[0] == one.synaptic_events_per_step[0] == 0


def test_a_stem_that_feeds_two_layers():
    """Each connection from the host is an input of its own; all carry the stem's spikes."""
    from loihiseg.frameworks import tf

    from loihiseg.conversion.lowering import lower

    tf.keras.utils.set_random_seed(1)
    pixels = tf.keras.Input((12, 12, 1), name="pixels")
    stem = tf.keras.layers.Conv2D(3, 3, padding="same", activation="relu", name="stem")(pixels)
    inner = tf.keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="inner")(stem)
    both = tf.keras.layers.Concatenate()([stem, inner])
    last = tf.keras.layers.Conv2D(2, 3, padding="same", activation="relu", name="last")(both)
    network = lower(tf.keras.Model(pixels, tf.keras.layers.Conv2D(1, 1)(last))).network
    shapes = {layer.name: layer.shape for layer in network.chip_layers}
    _, made = deployed.presenter(network, shapes)
    with made, CompiledPresenter(made.deployable, network) as compiled:
        assert made.deployable.input_sources == ("stem", "stem")
        image = np.random.default_rng(0).normal(size=(12, 12)) * 3
        (ours,) = compiled.present_all([image], 40, 20)
        theirs = made.present(image, 40, 20)
    assert theirs.spikes["last"].any()
    for name, value in theirs.spikes.items():
        np.testing.assert_array_equal(ours.spikes[name], value)
    np.testing.assert_array_equal(ours.messages_per_step, theirs.messages_per_step)


def test_host_neurons_equal_nengo_loihis():
    from nengo_loihi.neurons import LoihiSpikingRectifiedLinear

    current = np.concatenate([np.random.default_rng(0).uniform(-500, 1500, 500), [0, 1000, 500]])
    voltage, output = np.zeros_like(current), np.zeros_like(current)
    fired = rectified_spikes(current, 100)
    for step in range(100):
        LoihiSpikingRectifiedLinear().step(0.001, current, output, voltage)
        np.testing.assert_array_equal(fired[step], output > 0)


def test_noise_is_refused(network, reference):
    from dataclasses import replace

    deployable = reference.deployable
    noise = deployable.program.noise_multiplier + 1.0
    noisy = replace(deployable, program=replace(deployable.program, noise_multiplier=noise))
    with pytest.raises(ValueError, match="noise"):
        CompiledPresenter(noisy, network)
