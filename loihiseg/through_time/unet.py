"""The U-Net of `loihiseg.network.unet` as a spiking network over time, in Keras.

Two forms have the same layers, under the same names:

- *normalized*: kernels in floats, a normalization behind each; what training begins with;
- *chip*: normalizations folded (`loihiseg.through_time.folding`) into kernels of the chip's
  integers and a shift for each step, neurons in integers: it computes what the chip does, and can
  be trained on.

The stem is the host's: its currents are constant over time; its neurons are floats in both, and
integrate without a leak, as those of nengo-loihi's host do.
"""

from dataclasses import replace

from loihiseg.frameworks import KerasTensor, tf

from loihiseg.network.config import UNetConfig
from loihiseg.network.unet import SAME
from loihiseg.through_time.layers import (
    AddedSpikes,
    Gate,
    Later,
    MeanOfHeads,
    MeanOverTime,
    OneScaleConv2D,
    OneScaleConv2DTranspose,
    Repeated,
    ShiftPerStep,
    Spikes,
    Unit,
)
from loihiseg.through_time.normalization import NormalizationOverTime
from loihiseg.through_time.settings import Form, Normalization, ThroughTime, check_on_chip
from loihiseg.through_time.structure import ADDED, MEMBRANE, TimedLayer, timed, wires
from loihiseg.through_time.weight_shapes import ADDED_SPIKES, CURRENT, NORM, SHIFT, SPIKES


def build_through_time(
    config: UNetConfig, time: ThroughTime, tile: int | None = None, form: Form = "normalized"
) -> tf.keras.Model:
    """Build the network, untrained.

    Parameters
    ----------
    config : UNetConfig
        Its levels, firing rates and batch normalizations do not count.
    time : ThroughTime
    tile : int, optional
        Rows and columns of the input instead of ``config.tile``.
    form : str
        See the module.

    Returns
    -------
    tf.keras.Model
        (batch, tile, tile, 1) float32 pixels to (batch, tile, tile, 1) logits of "membrane".

    Raises
    ------
    InputError
        If the U-Net cannot run over time, or the chip's form lacks something of it.
    """
    if form == "chip" and time.residual == "membrane":
        check_on_chip(time)
    layers = timed(wires(config, time.residual), time.steps, time.delayed)
    tile = tile or config.tile
    pixels = tf.keras.Input((tile, tile, 1), name="pixels")
    found = {"stem": _stem(pixels, config, layers[0], time, form)}
    currents: dict[str, KerasTensor] = {}
    steps = {layer.name: layer.steps for layer in layers}
    for layer in layers[1:]:
        slots: dict[int, list[KerasTensor]] = {}
        for name, lag, slot in zip(layer.sources, layer.lags, layer.slots, strict=True):
            heard = currents[name] if slot == MEMBRANE else found[name]
            suffix = CURRENT if slot == MEMBRANE else ""
            slots.setdefault(slot, []).append(_later(heard, steps[name], lag, layer, name + suffix))
        if layer.kind == "gate":
            found[layer.name] = _gate(slots, layer, time)
            continue
        currents[layer.name], found[layer.name] = _layer(slots, layer, time, form)
    x = MeanOverTime(time.steps, name="mean")(found[layers[-1].name])
    heads = 1 if form == "chip" else time.heads
    return tf.keras.Model(pixels, _logits(x, config, heads), name="unet_through_time")


def _stem(
    pixels: KerasTensor, config: UNetConfig, layer: TimedLayer, time: ThroughTime, form: Form
) -> KerasTensor:
    """Pixels to spikes of all steps."""
    stride = config.stem_stride
    convolve = tf.keras.layers.Conv2D(
        layer.channels, 2 * stride + 1, stride, use_bias=False, name=layer.name, **SAME
    )
    x = convolve(pixels)
    if form == "chip":
        x = ShiftPerStep(1, name=layer.name + SHIFT)(x)
    else:
        kind: Normalization = "none" if time.normalization == "none" else "shared"
        x = NormalizationOverTime(kind, 1, name=layer.name + NORM)(x)
    x = Repeated(layer.steps, name="repeated")(x)
    neurons = replace(time.dynamics, decay=0, reset="hard")
    return Spikes(layer.steps, neurons, name=layer.name + SPIKES)(x)


def _later(x: KerasTensor, steps: int, lag: int, layer: TimedLayer, source: str) -> KerasTensor:
    if (lag, steps) == (0, layer.steps):
        return x
    return Later(steps, lag, layer.steps, name=f"{source}_to_{layer.name}")(x)


def _gate(slots: dict[int, list[KerasTensor]], layer: TimedLayer, time: ThroughTime) -> KerasTensor:
    return Gate(time.residual, name=layer.name + SPIKES)([slots[0][0], slots[1][0]])


def _layer(
    slots: dict[int, list[KerasTensor]], layer: TimedLayer, time: ThroughTime, form: Form
) -> tuple[KerasTensor, KerasTensor]:
    """Spikes that are heard to currents, and their spikes; of a layer that is no gate."""
    name = layer.name
    parts = [
        heard[0] if len(heard) == 1 else tf.keras.layers.Add(name=f"{name}_sum{slot}")(heard)
        for slot, heard in slots.items()
        if slot not in (ADDED, MEMBRANE)
    ]
    x = parts[0]
    if len(parts) > 1:
        x = tf.keras.layers.Concatenate(name=f"{name}_heard")(parts)
    convolve = _convolution(layer, form)
    unit: Unit | None = None
    if form == "chip":

        def unit() -> tf.Tensor:
            return convolve.unit

    x = convolve(x)
    if form == "chip":
        x = ShiftPerStep(layer.steps, unit, name=name + SHIFT)(x)
    else:
        x = NormalizationOverTime(time.normalization, layer.steps, name=name + NORM)(x)
    if ADDED in slots:
        x = AddedSpikes(unit, name=name + ADDED_SPIKES)([x, *slots[ADDED]])
    if MEMBRANE in slots:
        x = tf.keras.layers.Add(name=name + CURRENT)([x, *slots[MEMBRANE]])
    flushed = form == "chip" and is_flushed(layer)
    idle = layer.idle if time.rests else ()
    return x, Spikes(layer.steps, time.dynamics, flushed, unit, idle, name=name + SPIKES)(x)


def _convolution(layer: TimedLayer, form: Form) -> tf.keras.layers.Layer:
    """Of a layer, without bias."""
    chip = form == "chip"
    if layer.kind == "up":
        transpose = OneScaleConv2DTranspose if chip else tf.keras.layers.Conv2DTranspose
        return transpose(
            layer.channels, 2, 2, padding="valid", use_bias=False, name=layer.name,
            kernel_initializer="he_normal",
        )  # fmt: skip
    conv = OneScaleConv2D if chip else tf.keras.layers.Conv2D
    stride = 2 if layer.kind == "down" else 1
    return conv(layer.channels, 3, stride, use_bias=False, name=layer.name, **SAME)


def is_flushed(layer: TimedLayer) -> bool:
    """Whether a layer hears something before its first step, which has to be forgotten."""
    return any(layer.lags)


def _logits(x: KerasTensor, config: UNetConfig, heads: int) -> KerasTensor:
    """The read-out of `loihiseg.network.unet`; of several the mean."""
    stride = config.stem_stride
    if stride == 1:
        found = tf.keras.layers.Conv2D(heads, 1, name="readout")(x)
    else:
        transpose = tf.keras.layers.Conv2DTranspose(
            heads, 2 * stride, stride, padding="same", name="readout"
        )
        found = transpose(x)
    return found if heads == 1 else MeanOfHeads(name="mean_of_heads")(found)
