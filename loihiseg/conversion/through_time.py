"""A network that was trained through time, lowered: from Keras to the chip's integers."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from loihiseg.conversion.leaky import GRID, Leaky
from loihiseg.conversion.lowering import Lowering, lower
from loihiseg.conversion.neuron import SPIKE_RATE_HZ, Neuron
from loihiseg.conversion.neuron_kinds import Rectified
from loihiseg.conversion.spec import SpikingLayer
from loihiseg.conversion.unet_graph import unet_graph
from loihiseg.network.config import UNetConfig
from loihiseg.through_time.weight_shapes import SHIFT, SPIKES

if TYPE_CHECKING:
    from loihiseg.frameworks import tf


def lower_over_time(config: UNetConfig, model: "tf.keras.Model") -> Lowering:
    """Layers with own steps of a U-Net in the chip's form, and its read-out.

    Parameters
    ----------
    config : UNetConfig
    model : tf.keras.Model or the like
        Of `loihiseg.through_time.unet.build_through_time`, in the chip's form, with delays.

    Returns
    -------
    Lowering
        Kernels of layers on the chip are its integers.
    """
    weights, neurons = dict[str, np.ndarray](), dict[str, Neuron]()
    for name in config.activations:
        layer = model.get_layer(name)
        shift = model.get_layer(name + SHIFT)
        bias = np.zeros(shift.shift.shape[1], np.float32)
        if name == "stem":
            kernel, bias = layer.kernel.numpy(), shift.shift.numpy()[0]
            neurons[name] = Rectified()
        else:
            kernel = np.float32(GRID) * layer.mantissas.numpy()
            neurons[name] = _leaky(model, name)
        weights |= {f"{name}/kernel:0": kernel, f"{name}/bias:0": bias}
    readout = model.get_layer("readout").get_weights()
    weights |= {f"readout/{part}:0": w for part, w in zip(("kernel", "bias"), readout, strict=True)}
    plain = replace(config, tile=model.inputs[0].shape[1], levels=0, batch_norm=False)
    lowering = lower(unet_graph(plain, weights))
    # Names of layers of neurons are those of their activations.
    layers = tuple(
        _replaced(layer, neurons[name])
        for layer, name in zip(lowering.network.layers, config.activations, strict=True)
    )
    return replace(lowering, network=replace(lowering.network, layers=layers))


def _replaced(layer: SpikingLayer, neuron: Neuron) -> SpikingLayer:
    """Of spikes that count 1 each."""
    bias = layer.bias if layer.on_host else np.zeros(layer.shape[2], np.float32)
    return replace(layer, neuron=neuron, rate_scale_hz=SPIKE_RATE_HZ, bias=bias)


def _leaky(model: "tf.keras.Model", name: str) -> Leaky:
    """Neurons of a layer in the chip's form."""
    spikes, unit = model.get_layer(name + SPIKES), model.get_layer(name).unit.numpy()
    integers = spikes.integers
    shifts = GRID * np.rint(model.get_layer(name + SHIFT).shift.numpy() / unit).astype(np.int64)
    return Leaky(
        shifts=tuple(tuple(int(value) for value in row) for row in shifts),
        threshold=int(integers.threshold),
        decay=spikes.dynamics.decay,
        floor_exponent=int(np.rint(np.log2(1 - int(integers.floor)))),
        start=int(integers.start),
        is_flushed=spikes.flushed,
    )
