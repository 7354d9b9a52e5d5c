"""A lowered network step by step in floats, with any neurons.

Layers run one after another, each over all of its steps, so time is a part of the batch for every
convolution. Pixels are held over all steps.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from loihiseg.frameworks import tf

import numpy as np

from loihiseg.conversion.layer_input import layer_input
from loihiseg.conversion.lowering import Lowering
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.errors import InputError
from loihiseg.simulation.neurons import Neurons

BATCH = 8
"""Images at once."""

Maps = dict[str, tf.Tensor]
"""Tensors by name of a layer or an input."""

Predict = Callable[[np.ndarray], np.ndarray]
"""From (n, rows, columns, channels) float32 pixels to (n, rows, columns, 1) logits."""


@dataclass(frozen=True, eq=False)
class Run:
    """What one layer did.

    Attributes
    ----------
    counts : numpy.ndarray
        int32, (images, rows, columns, channels): spikes less those taken back.
    activation : numpy.ndarray
        float32, same shape: ``counts * amplitude / steps``, what the layer hands on per step.
    positive, negative : int
        Spikes, and spikes taken back, over all images and steps.
    """

    counts: np.ndarray
    activation: np.ndarray
    positive: int
    negative: int


def layer_spikes(
    layer: SpikingLayer,
    trains: Mapping[str, tf.Tensor],
    inputs: Mapping[str, tf.Tensor],
    steps: int,
    neurons: Neurons,
    kernels: Sequence[tf.Variable] | None = None,
    bias: tf.Variable | None = None,
) -> tf.Tensor:
    """Spikes of one layer over all steps.

    Parameters
    ----------
    layer : SpikingLayer
    trains : mapping of str to tf.Tensor
        For each spiking source what it sends, (steps, batch, rows, columns, channels): spikes
        times their amplitude, so sources of unequal amplitudes may be joined.
    inputs : mapping of str to tf.Tensor
        Pixels, (batch, rows, columns, channels), held over all steps.
    steps : int
    neurons : Neurons
    kernels, bias : optional
        As in `loihiseg.conversion.layer_input.layer_input`.

    Returns
    -------
    tf.Tensor
        (steps, batch, rows, columns, channels), as of `Neurons.spikes`. Those of a layer that
        chooses an extreme add up, to any step, to the extreme of what its sources have sent, as
        in lateral pooling (`loihiseg.simulation.pooling`).
    """
    if layer.neuron.chooses:
        return _pooled(layer, trains, steps) / neurons.amplitude(layer)
    if all(source in inputs for source in layer.sources):
        current = layer_input(layer, inputs, kernels, bias)
        currents = tf.tile(current[None], (steps, 1, 1, 1, 1))
    else:
        merged = {name: tf.reshape(trains[name], (-1, *trains[name].shape[2:])) for name in trains}
        current = layer_input(layer, merged, kernels, bias)
        currents = tf.reshape(current, (steps, -1, *current.shape[1:]))
    return neurons.spikes(layer, currents)


def _pooled(layer: SpikingLayer, trains: Mapping[str, tf.Tensor], steps: int) -> tf.Tensor:
    """What a layer sends that chooses an extreme, spikes times amplitude."""
    sums = {name: tf.cumsum(trains[name]) for name in layer.sources}
    merged = {name: tf.reshape(part, (-1, *part.shape[2:])) for name, part in sums.items()}
    reached = tf.reshape(layer_input(layer, merged), (steps, -1, *layer.shape))
    return tf.concat([reached[:1], reached[1:] - reached[:-1]], 0)


def spike_trains(
    network: LoweredNetwork,
    inputs: Mapping[str, tf.Tensor],
    steps: int,
    neurons: Neurons,
) -> Maps:
    """What every layer sends, spikes times amplitude, by name; see `layer_spikes`."""
    trains: Maps = {}
    for layer in network.layers:
        spikes = layer_spikes(layer, trains, inputs, steps, neurons)
        trains[layer.name] = spikes * neurons.amplitude(layer)
    return trains


def mean_maps(
    network: LoweredNetwork,
    inputs: Mapping[str, tf.Tensor],
    steps: int,
    neurons: Neurons,
) -> Maps:
    """Means over the steps of what every layer sends, (batch, rows, columns, channels), by name."""
    trains = spike_trains(network, inputs, steps, neurons)
    return {name: tf.reduce_mean(train, 0) for name, train in trains.items()}


def simulate(
    network: LoweredNetwork, pixels: np.ndarray, steps: int, neurons: Neurons, batch: int = BATCH
) -> dict[str, Run]:
    """Run a network and count its spikes.

    Parameters
    ----------
    network : LoweredNetwork
        With one input.
    pixels : numpy.ndarray
        float32, (images, rows, columns, channels).
    steps : int
        At least 1.
    neurons : Neurons
    batch : int
        Images at once.

    Returns
    -------
    dict of str to Run
        By layer, in the network's order.

    Raises
    ------
    InputError
        If there are no steps.
    """
    count = _counter(network, steps, neurons)
    parts = [count(part) for part in batches(pixels, batch)]
    runs = {}
    for layer in network.layers:
        counts, positive, negative = zip(*(part[layer.name] for part in parts))
        summed = np.concatenate(counts)
        activation = summed.astype(np.float32) * np.float32(neurons.amplitude(layer) / steps)
        runs[layer.name] = Run(summed, activation, int(sum(positive)), int(sum(negative)))
    return runs


def predictor(lowering: Lowering, maps: Callable[[Maps], Maps], batch: int = BATCH) -> Predict:
    """A function from pixels to logits, as `loihiseg.data.tiles.predict_sections` takes it.

    Parameters
    ----------
    lowering : Lowering
        With one input.
    maps : callable
        From the inputs by name to the activations of all layers by name, such as `mean_maps`.
    batch : int

    Returns
    -------
    Predict
        The read-out of the maps; of means over steps it is, if linear, the mean of the read-outs.
    """
    (name,) = lowering.network.inputs
    outputs = lowering.network.outputs

    @tf.function
    def last(part: tf.Tensor) -> dict[str, tf.Tensor]:
        found = maps({name: part})
        return {output: found[output] for output in outputs}

    def predict(pixels: np.ndarray) -> np.ndarray:
        parts = [last(part) for part in batches(pixels, batch)]
        return np.concatenate(
            [lowering.graph({key: value.numpy() for key, value in part.items()}) for part in parts]
        )

    return predict


def check_steps(steps: int) -> None:
    """Refuse fewer steps than one with an InputError."""
    if steps < 1:
        raise InputError(f"simulation: {steps} steps; expected at least 1")


def batches(pixels: np.ndarray, batch: int) -> Iterator[tf.Tensor]:
    """Images, ``batch`` at once, as float32 tensors."""
    pixels = np.asarray(pixels, np.float32)
    # A smaller last batch would be traced again.
    for start in range(0, len(pixels), batch):
        yield tf.constant(pixels[start : start + batch])


_Counts = dict[str, tuple[np.ndarray, ...]]


def _counter(
    network: LoweredNetwork, steps: int, neurons: Neurons
) -> Callable[[tf.Tensor], _Counts]:
    """A function that gives counts, positive and negative spikes of a batch, by layer."""
    check_steps(steps)
    (name,) = network.inputs

    @tf.function
    def count(part: tf.Tensor) -> dict[str, tuple[tf.Tensor, ...]]:
        trains = spike_trains(network, {name: part}, steps, neurons)
        found = {}
        for layer in network.layers:
            spikes = tf.cast(tf.round(trains[layer.name] / neurons.amplitude(layer)), tf.int32)
            whole = tf.cast(spikes, tf.int64)
            found[layer.name] = (
                tf.reduce_sum(spikes, 0),
                tf.reduce_sum(tf.maximum(whole, 0)),
                -tf.reduce_sum(tf.minimum(whole, 0)),
            )
        return found

    return lambda part: {
        name: tuple(value.numpy() for value in values) for name, values in count(part).items()
    }
