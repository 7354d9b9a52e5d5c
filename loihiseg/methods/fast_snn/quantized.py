"""A lowered network of quantized activations, run as such, and the neurons of Fast-SNN for it."""

from collections.abc import Mapping
from functools import partial

from loihiseg.frameworks import tf

import numpy as np

from loihiseg.conversion.layer_input import layer_input
from loihiseg.conversion.lowering import Lowering
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.conversion.stepwise import Stepwise
from loihiseg.errors import InputError, Option, OptionError
from loihiseg.network.quantized import quantized_relu
from loihiseg.simulation.network import (
    BATCH,
    Maps,
    Predict,
    batches,
    check_steps,
    mean_maps,
    predictor,
)
from loihiseg.simulation.neurons import IntegrateAndFire


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
            raise OptionError(
                f"layer '{layer.name}' has no levels; train with ", Option("levels"),
                " to run it as Fast-SNN",
            )  # fmt: skip
        if isinstance(layer.neuron, Stepwise):
            raise InputError(
                f"layer '{layer.name}' has levels of another function than a ReLU; Fast-SNN has "
                "none for it: use QuantizedReLU"
            )


def neurons_of(network: LoweredNetwork, signed: bool = True) -> IntegrateAndFire:
    """Neurons of Fast-SNN: reset by subtraction, from half the threshold.

    Parameters
    ----------
    network : LoweredNetwork
        With levels in every layer. The counts of its neurons are those of the quantized network
        where inputs are constant and steps are as many as levels.
    signed : bool
        Whether neurons take spikes back.

    Raises
    ------
    InputError
        If a layer has no levels.
    """
    check_levels(network)
    return IntegrateAndFire({layer.name: scale_of(layer) for layer in network.layers}, signed)


def quantized_maps(network: LoweredNetwork, inputs: Mapping[str, tf.Tensor]) -> Maps:
    """Activations of every layer of the quantized network, by name.

    Parameters
    ----------
    network : LoweredNetwork
        With levels in every layer.
    inputs : mapping of str to tf.Tensor
        Pixels by name of input, (batch, rows, columns, channels).
    """
    maps = dict(inputs)
    for layer in network.layers:
        maps[layer.name] = quantized_relu(layer_input(layer, maps), scale_of(layer), layer.levels)
    return {layer.name: maps[layer.name] for layer in network.layers}


def quantized_levels(
    network: LoweredNetwork, pixels: np.ndarray, batch: int = BATCH
) -> dict[str, np.ndarray]:
    """Levels of every unit of the quantized network, int32, by layer.

    Parameters
    ----------
    network : LoweredNetwork
        With levels in every layer and one input.
    pixels : numpy.ndarray
        float32, (images, rows, columns, channels).
    batch : int
        Images at once.
    """
    check_levels(network)
    (name,) = network.inputs
    run = tf.function(lambda part: quantized_maps(network, {name: part}))
    parts = [run(part) for part in batches(pixels, batch)]
    return {
        layer.name: np.rint(
            np.concatenate([part[layer.name] for part in parts]) / np.float32(layer.level_value)
        ).astype(np.int32)
        for layer in network.layers
    }


def quantized_predictor(lowering: Lowering, batch: int = BATCH) -> Predict:
    """A function from pixels to logits of the quantized network itself."""
    check_levels(lowering.network)
    return predictor(lowering, partial(quantized_maps, lowering.network), batch)


def spiking_predictor(
    lowering: Lowering, steps: int, signed: bool = True, batch: int = BATCH
) -> Predict:
    """The same as Fast-SNN, of the means over so many steps, at least 1."""
    network = lowering.network
    check_steps(steps)
    maps = partial(mean_maps, network, steps=steps, neurons=neurons_of(network, signed))
    return predictor(lowering, maps, batch)
