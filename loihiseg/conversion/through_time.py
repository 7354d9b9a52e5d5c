"""A network that was trained through time, lowered: from Keras to the chip's integers."""

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from loihiseg.conversion.leaky import GRID, Leaky
from loihiseg.conversion.linear import Term
from loihiseg.conversion.lowering import Lowering, lower
from loihiseg.conversion.neuron import SPIKE_RATE_HZ
from loihiseg.conversion.neuron_kinds import Rectified
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.conversion.unet_graph import unet_graph
from loihiseg.network.config import UNetConfig
from loihiseg.through_time.settings import Residual, ThroughTime
from loihiseg.through_time.structure import ADDED, TimedLayer, Wire, timed, wires
from loihiseg.through_time.weight_shapes import ADDED_SPIKES, SHIFT, SPIKES

if TYPE_CHECKING:
    from loihiseg.frameworks import tf

_GATES: dict[Residual, tuple[tuple[int, int], int]] = {
    "and": ((1, 1), 3),
    "or": ((1, 1), 1),
    "iand": ((-1, 1), 1),
}
"""Signs by which a gate hears a block's spikes and those it heard, and twice the threshold."""

_FORGETS = 4095
"""Decay by which less than 4096 leaves nothing."""


def lower_over_time(config: UNetConfig, time: ThroughTime, model: "tf.keras.Model") -> Lowering:
    """Layers with own steps of a U-Net in the chip's form, and its read-out.

    Parameters
    ----------
    config : UNetConfig
    time : ThroughTime
        Of the network, with delays.
    model : tf.keras.Model or the like
        Of `loihiseg.through_time.unet.build_through_time`, in the chip's form.

    Returns
    -------
    Lowering
        Kernels of layers on the chip are its integers.
    """
    # The plain U-Net has the same stem and read-out.
    plain = lower(unet_graph(*_plain(config, model)))
    stem = plain.network.layers[0]
    layers = [replace(stem, neuron=Rectified(), rate_scale_hz=SPIKE_RATE_HZ)]
    shapes = {"stem": stem.shape}
    for layer in timed(wires(config, time.residual), time.steps, time.delayed)[1:]:
        shapes[layer.name] = _shape(layer, shapes)
        neuron = _gate(layer, time) if layer.kind == "gate" else _leaky(model, layer)
        layers.append(
            SpikingLayer(
                name=layer.name + SPIKES,
                shape=shapes[layer.name],
                terms=_terms(layer, model, shapes, time),
                bias=np.zeros(layer.channels, np.float32),
                rate_scale_hz=SPIKE_RATE_HZ,
                on_host=False,
                neuron=neuron,
            )
        )
    network = LoweredNetwork(plain.network.inputs, tuple(layers), (layers[-1].name,))
    return Lowering(network, plain.graph)


def _plain(config: UNetConfig, model: "tf.keras.Model") -> tuple[UNetConfig, dict[str, np.ndarray]]:
    """The U-Net without steps, and its weights: biases on the host alone."""
    weights = dict[str, np.ndarray]()
    for name in config.activations:
        shift = model.get_layer(name + SHIFT).shift.numpy()[0]
        weights[f"{name}/kernel:0"] = model.get_layer(name).kernel.numpy()
        weights[f"{name}/bias:0"] = shift if name == "stem" else np.zeros_like(shift)
    readout = model.get_layer("readout").get_weights()
    weights |= {f"readout/{part}:0": w for part, w in zip(("kernel", "bias"), readout, strict=True)}
    tile = int(model.inputs[0].shape[1])
    return replace(config, tile=tile, levels=0, batch_norm=False), weights


def _shape(layer: Wire, shapes: dict[str, tuple[int, int, int]]) -> tuple[int, int, int]:
    rows, columns, _ = shapes[layer.sources[0]]
    if layer.kind == "down":
        return -(-rows // 2), -(-columns // 2), layer.channels
    if layer.kind == "up":
        return 2 * rows, 2 * columns, layer.channels
    return rows, columns, layer.channels


def _terms(
    layer: TimedLayer,
    model: "tf.keras.Model",
    shapes: dict[str, tuple[int, int, int]],
    time: ThroughTime,
) -> tuple[Term, ...]:
    """What a layer hears of each source."""
    if layer.kind == "gate":
        signs, _ = _GATES[time.residual]
        return tuple(
            _one_by_one(source, 2 * GRID * sign, layer.channels)
            for source, sign in zip(layer.sources, signs, strict=True)
        )
    kernel = np.float32(GRID) * model.get_layer(layer.name).mantissas.numpy()
    if layer.kind == "up":
        kernel = kernel.transpose(0, 1, 3, 2)
    starts, stop = dict[int, int](), 0
    found = []
    for source, slot in zip(layer.sources, layer.slots, strict=True):
        if slot == ADDED:
            units = float(model.get_layer(layer.name + ADDED_SPIKES).units)
            found.append(_one_by_one(source, GRID * units, layer.channels))
            continue
        width = shapes[source][2]
        if slot not in starts:
            starts[slot], stop = stop, stop + width
        part = np.ascontiguousarray(kernel[:, :, starts[slot] : starts[slot] + width])
        strides, padding, transposed = {
            "same": ((1, 1), "same", False),
            "down": ((2, 2), "same", False),
            "up": ((2, 2), "valid", True),
        }[layer.kind]
        found.append(Term(source + SPIKES, part, strides, padding, transposed))
    return tuple(found)


def _one_by_one(source: str, weight: float, channels: int) -> Term:
    """Each neuron hears the one in its place."""
    kernel = np.full((1, 1, channels, 1), weight, np.float32)
    return Term(source + SPIKES, kernel, depthwise=True)


def _gate(layer: TimedLayer, time: ThroughTime) -> Leaky:
    """Neurons that forget, of which spikes of one step are enough."""
    _, halves = _GATES[time.residual]
    nothing = tuple((0,) * layer.channels for _ in range(layer.steps))
    return Leaky(nothing, GRID * halves, _FORGETS, is_flushed=any(layer.lags))


def _leaky(model: "tf.keras.Model", layer: TimedLayer) -> Leaky:
    """Neurons of a layer in the chip's form; in idle steps a shift leaves them at their floor."""
    name = layer.name
    spikes, unit = model.get_layer(name + SPIKES), model.get_layer(name).unit.numpy()
    integers = spikes.integers
    shifts = GRID * np.rint(model.get_layer(name + SHIFT).shift.numpy() / unit).astype(np.int64)
    lowest = int(integers.floor)
    if spikes.idle:
        most = int(integers.threshold) - lowest + GRID * _most_heard(model, layer)
        shifts[list(spikes.idle)] = -GRID * -(-most // GRID)
    return Leaky(
        shifts=tuple(tuple(int(value) for value in row) for row in shifts),
        threshold=int(integers.threshold),
        decay=spikes.dynamics.decay,
        floor_exponent=int(np.rint(np.log2(1 - lowest))),
        start=int(integers.start),
        is_flushed=spikes.flushed,
    )


def _most_heard(model: "tf.keras.Model", layer: TimedLayer) -> int:
    """What a neuron of a layer hears at most in a step, over the chip's least weight."""
    positive = np.maximum(model.get_layer(layer.name).mantissas.numpy(), 0).astype(np.int64)
    # Several sources of one slot are heard by the same part of the kernel.
    most = max(Counter(layer.slots).values()) * positive.sum(
        axis=(0, 1, 3 if layer.kind == "up" else 2)
    )
    if ADDED in layer.slots:
        most += int(model.get_layer(layer.name + ADDED_SPIKES).units)
    return int(most.max())
