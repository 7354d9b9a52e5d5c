"""A lowered network of quantized activations, run as such and as Fast-SNN.

In simulation only: Loihi 1 has neither soft reset nor signed spikes. Layers run one after another,
each over all of its steps, so time is a part of the batch for every convolution.
"""

from dataclasses import dataclass

from loihiseg.frameworks import tf

import numpy as np

from loihiseg.conversion.lowering import Lowering
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.errors import InputError
from loihiseg.fast_snn.neurons import integrate_and_fire
from loihiseg.network.quantized import quantized_relu

BATCH = 8
"""Images at once."""


@dataclass(frozen=True, eq=False)
class Run:
    """What one layer did.

    Attributes
    ----------
    counts : numpy.ndarray
        int32, (images, rows, columns, channels): spikes less those taken back.
    activation : numpy.ndarray
        float32, same shape: ``counts * scale / steps``, what the layer hands on per step.
    positive, negative : int
        Spikes, and spikes taken back, over all images and steps.
    """

    counts: np.ndarray
    activation: np.ndarray
    positive: int
    negative: int


def scale_of(layer: SpikingLayer) -> float:
    """Value of the highest level: threshold and amplitude of the layer's neurons."""
    return float(layer.levels * layer.level_value)


def check_levels(network: LoweredNetwork) -> None:
    """Refuse a network with a layer that has no levels.

    Raises
    ------
    InputError
        Names the layer.
    """
    for layer in network.layers:
        if not layer.levels:
            raise InputError(
                f"layer '{layer.name}' has no levels; train with --levels to run it as Fast-SNN"
            )


def input_current(layer: SpikingLayer, sources, kernels=None, bias=None):
    """Input of a layer's neurons.

    Parameters
    ----------
    layer : SpikingLayer
    sources : dict of str to tensor
        (batch, rows, columns, channels), by name.
    kernels, bias : optional
        In place of those of the layer, to be trained.

    Returns
    -------
    tensor, shape (batch, rows, columns, channels)
    """
    kernels = [term.kernel for term in layer.terms] if kernels is None else kernels
    total = layer.bias if bias is None else bias
    for term, kernel in zip(layer.terms, kernels):
        total = _convolve(term, sources[term.source], kernel) + total
    return total


def _convolve(term, x, kernel):
    padding = term.padding.upper()
    if not term.transposed:
        return tf.nn.conv2d(x, kernel, term.strides, padding)
    batch, rows, columns, _ = tf.unstack(tf.shape(x))
    sizes = [
        n * stride + max(side - stride, 0) * (padding == "VALID")
        for n, stride, side in zip((rows, columns), term.strides, kernel.shape)
    ]
    shape = (batch, *sizes, kernel.shape[3])
    return tf.nn.conv2d_transpose(
        x, tf.transpose(kernel, (0, 1, 3, 2)), shape, term.strides, padding
    )


def quantized_maps(network: LoweredNetwork, inputs):
    """Activations of every layer of the quantized network, by name, as tensors.

    Parameters
    ----------
    network : LoweredNetwork
        With levels in every layer.
    inputs : dict of str to tensor
        Pixels by name of input, (batch, rows, columns, channels).
    """
    maps = dict(inputs)
    for layer in network.layers:
        maps[layer.name] = quantized_relu(input_current(layer, maps), scale_of(layer), layer.levels)
    return {layer.name: maps[layer.name] for layer in network.layers}


def layer_spikes(layer: SpikingLayer, trains, inputs, steps, signed, kernels=None, bias=None):
    """Spikes of one layer over all steps.

    Parameters
    ----------
    layer : SpikingLayer
    trains : dict of str to tensor
        For each spiking source what it sends, (steps, batch, rows, columns, channels): spikes
        times their amplitude, so sources of unequal scales may be joined.
    inputs : dict of str to tensor
        Pixels, held over all steps.
    steps : int
    signed : bool
    kernels, bias : optional
        As in `input_current`.

    Returns
    -------
    tensor, shape (steps, batch, rows, columns, channels)
        1, 0 or -1.
    """
    if all(source in inputs for source in layer.sources):
        current = input_current(layer, inputs, kernels, bias)
        currents = tf.tile(current[None], (steps, 1, 1, 1, 1))
    else:
        merged = {name: tf.reshape(trains[name], (-1, *trains[name].shape[2:])) for name in trains}
        current = input_current(layer, merged, kernels, bias)
        currents = tf.reshape(current, (steps, -1, *current.shape[1:]))
    return integrate_and_fire(currents, scale_of(layer), signed)


def simulate(
    network: LoweredNetwork, pixels, steps: int, signed: bool = True, batch: int = BATCH
) -> dict[str, Run]:
    """Run a quantized network as Fast-SNN; in simulation only.

    Parameters
    ----------
    network : LoweredNetwork
        With levels in every layer and one input. Its counts are those of the quantized network
        where inputs are constant and steps are as many as levels.
    pixels : array, float32, (images, rows, columns, channels)
    steps : int
        T, at least 1.
    signed : bool
        Whether neurons take spikes back.
    batch : int
        Images at once.

    Returns
    -------
    dict of str to Run
        By layer, in the network's order.

    Raises
    ------
    InputError
        If a layer has no levels, or there are no steps.
    """
    count = _counter(network, steps, signed)
    parts = [count(part) for part in _batches(pixels, batch)]
    runs = {}
    for layer in network.layers:
        counts, positive, negative = zip(*(part[layer.name] for part in parts))
        counts = np.concatenate(counts)
        activation = counts.astype(np.float32) * np.float32(scale_of(layer) / steps)
        runs[layer.name] = Run(counts, activation, int(sum(positive)), int(sum(negative)))
    return runs


def quantized_levels(network: LoweredNetwork, pixels, batch: int = BATCH) -> dict[str, np.ndarray]:
    """Levels of every unit of the quantized network, int32, by layer; see `simulate`."""
    check_levels(network)
    (name,) = network.inputs
    run = tf.function(lambda part: quantized_maps(network, {name: part}))
    parts = [run(part) for part in _batches(pixels, batch)]
    return {
        layer.name: np.rint(
            np.concatenate([part[layer.name] for part in parts]) / np.float32(layer.level_value)
        ).astype(np.int32)
        for layer in network.layers
    }


def predictor(lowering: Lowering, steps: int, signed: bool = True, batch: int = BATCH):
    """A function from pixels to logits, as `loihiseg.inference.predict_sections` takes it.

    Parameters
    ----------
    lowering : Lowering
    steps : int
        0 for the quantized network itself.
    signed : bool
    batch : int

    Returns
    -------
    callable
        (n, rows, columns, channels) float32 to (n, rows, columns, 1) logits: the read-out of the
        mean over steps, which for a linear read-out is the mean of the read-outs.
    """
    check_levels(lowering.network)
    (name,) = lowering.network.inputs
    outputs = lowering.network.outputs

    @tf.function
    def logits(part):
        if steps:
            maps = mean_maps(lowering.network, {name: part}, steps, signed)
        else:
            maps = quantized_maps(lowering.network, {name: part})
        return lowering.readout([maps[output] for output in outputs])

    def predict(pixels):
        return np.concatenate([np.asarray(logits(part)) for part in _batches(pixels, batch)])

    return predict


def spike_trains(network: LoweredNetwork, inputs, steps, signed, until: str | None = None):
    """What every layer sends, spikes times amplitude, by name; up to the layer before ``until``."""
    trains = {}
    for layer in network.layers:
        if layer.name == until:
            break
        spikes = layer_spikes(layer, trains, inputs, steps, signed)
        trains[layer.name] = spikes * scale_of(layer)
    return trains


def mean_maps(network: LoweredNetwork, inputs, steps, signed):
    """Means over the steps of what every layer sends, by name."""
    trains = spike_trains(network, inputs, steps, signed)
    return {name: tf.reduce_mean(train, 0) for name, train in trains.items()}


def _counter(network, steps, signed):
    check_levels(network)
    if steps < 1:
        raise InputError(f"Fast-SNN: {steps} steps; expected at least 1")
    (name,) = network.inputs

    @tf.function
    def count(part):
        trains = spike_trains(network, {name: part}, steps, signed)
        found = {}
        for layer in network.layers:
            spikes = tf.round(trains[layer.name] / scale_of(layer))
            found[layer.name] = (
                tf.cast(tf.reduce_sum(spikes, 0), tf.int32),
                tf.math.count_nonzero(spikes > 0),
                tf.math.count_nonzero(spikes < 0),
            )
        return found

    return lambda part: {
        name: tuple(value.numpy() for value in values) for name, values in count(part).items()
    }


def _batches(pixels, batch):
    pixels = np.asarray(pixels, np.float32)
    # A smaller last batch would be traced again.
    for start in range(0, len(pixels), batch):
        yield tf.constant(pixels[start : start + batch])
