"""All layers step by step are what plain loops give, whatever their neurons do."""

from loihiseg.frameworks import tf

import numpy as np

from loihiseg.conversion.converter import keras_network
from loihiseg.conversion.lowering import Lowering
from loihiseg.methods.fast_snn.quantized import neurons_of
from loihiseg.simulation.network import mean_maps, predictor, simulate
from loihiseg.simulation.neurons import IntegrateAndFire
from loihiseg.simulation.work import CountingPredictor
from tests.simulation.networks import chain, unet

PIXELS = np.random.default_rng(0).normal(size=(5, 16, 16, 1)).astype(np.float32)
POINTS = np.random.default_rng(1).normal(size=(200, 1, 1, 8)).astype(np.float32)


def neuron_by_neuron(network, pixels, steps):
    """Signed Fast-SNN of a chain of 1 x 1 convolutions in plain loops."""
    sent = np.repeat(pixels[None, :, 0, 0].astype(np.float64), steps, 0)
    for layer in network.layers:
        scale = layer.levels * layer.level_value
        kernel = layer.terms[0].kernel[0, 0].astype(np.float64)
        out = np.zeros((steps, len(pixels), kernel.shape[1]))
        for image in range(len(pixels)):
            for unit in range(kernel.shape[1]):
                v, count = scale / 2, 0
                for t in range(steps):
                    v += sent[t, image] @ kernel[:, unit] + layer.bias[unit]
                    if v >= scale:
                        v, count, out[t, image, unit] = v - scale, count + 1, 1
                    elif v <= -1e-3 and count:
                        v, count, out[t, image, unit] = v + scale, count - 1, -1
        sent = out * scale
    return out.sum(0)


def test_equals_plain_loops():
    network = chain(3, 5, channels=6)
    ours = simulate(network, POINTS[:40], 5, neurons_of(network))["l2"].counts[:, 0, 0]
    assert np.mean(ours != neuron_by_neuron(network, POINTS[:40], 5)) < 0.01


def test_a_batch_changes_nothing():
    _, lowering = unet(3)
    neurons = neurons_of(lowering.network)
    one, other = (simulate(lowering.network, PIXELS, 3, neurons, batch=n) for n in (5, 2))
    for name in one:
        np.testing.assert_array_equal(one[name].counts, other[name].counts)


def test_float_networks_come_closer_with_steps_and_bursts():
    """Thresholds from the largest activations, as calibration gives them: error as 1 / spikes."""
    network = chain(3, 0)
    floats = keras_network(network, staircase=False)(POINTS)
    outputs = {layer.name: np.asarray(out) for layer, out in zip(network.layers, floats)}

    def error(steps, most_spikes):
        thresholds = {name: float(out.max()) / most_spikes for name, out in outputs.items()}
        neurons = IntegrateAndFire(thresholds, most_spikes=most_spikes)
        found = simulate(network, POINTS, steps, neurons)["l2"].activation
        return np.abs(found - outputs["l2"]).mean()

    alone, longer, bursts = error(4, 1), error(16, 1), error(4, 4)
    assert alone > 3 * longer and alone > 3 * bursts
    assert max(longer, bursts) < 0.25 * outputs["l2"].mean()


class TwiceAStep:
    """Neurons of another kind: two spikes in every step in which the input is above 1."""

    def amplitude(self, layer):
        return 0.25

    def spikes(self, layer, currents):
        return 2.0 * tf.cast(currents > 1, currents.dtype)


def test_any_neurons_run_and_every_spike_is_counted():
    network = chain(2, 0)
    runs = simulate(network, POINTS, 3, TwiceAStep())
    first = np.asarray(keras_network(network, staircase=False)(POINTS)[0]) > 1
    np.testing.assert_array_equal(runs["l0"].counts, 6 * first)
    assert runs["l0"].positive == 6 * first.sum() > 0 and runs["l0"].negative == 0
    np.testing.assert_allclose(runs["l0"].activation, 0.5 * first)


def test_counting_predictor_gives_the_logits_and_the_work():
    network = chain(3, 3)
    lowering = Lowering(network, lambda maps: 2 * maps[network.outputs[0]])
    neurons = neurons_of(network)
    count = CountingPredictor(lowering, 3, neurons)
    logits = np.concatenate([count(POINTS[:3]), count(POINTS[3:5])])
    predict = predictor(lowering, lambda part: mean_maps(network, part, 3, neurons))
    np.testing.assert_allclose(logits, predict(POINTS[:5]), atol=1e-5)
    runs = simulate(network, POINTS[:5], 3, neurons)
    np.testing.assert_allclose(logits, 2 * runs["l2"].activation, atol=1e-6)
    # The first layer is the host's.
    chip = [runs["l1"], runs["l2"]]
    work = count.work(2)
    assert work.spikes == sum(run.positive + run.negative for run in chip) / 2
    assert work.neuron_updates == 2 * 32 * 3 * 5 / 2
    assert work.tiles == 5 / 2
