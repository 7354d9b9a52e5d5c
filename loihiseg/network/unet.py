"""The U-Net in the shape Loihi can run: convolutions only, one activation per layer.

::

  pixels ─ stem ───────┬─ conv ─────────────── skip ──────────────► concat ─ conv ─ readout ─ logits
         (host: pixels │                                              ▲             (host)
          to spikes)   └► down ─ conv ─ skip ──► concat ─ conv ─ up ──┘
                            └► down ─ conv ─ up ──┘

Strided convolutions go down, 2 x 2 transposed convolutions up; or, where the configuration has
pooling, 2 x 2 max pooling and repeated pixels. The stem turns pixels, of a section and perhaps of
its neighbours, into spikes on the host and halves the resolution; the linear read-out runs on the
host and restores it, so labels are met at full resolution.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypedDict

from loihiseg.frameworks import KerasTensor, tf

from loihiseg.errors import InputError
from loihiseg.network.activations import LoihiReLU
from loihiseg.network.config import UNetConfig
from loihiseg.network.eight_bit import (
    EightBitConv2D,
    EightBitConv2DTranspose,
    EightBitEnlargedConv2D,
)
from loihiseg.network.quantized import QuantizedReLU
from loihiseg.network.regularizers import PercentileFiringRate


class _Settings(TypedDict):
    """Of every convolution that keeps rows and columns."""

    padding: str
    kernel_initializer: str


class _SourceGroups(TypedDict, total=False):
    """What `EightBitConv2D` must know of the activations it gets joined."""

    source_channels: list[int]
    source_values: Callable[[], list[tf.Tensor]] | None


SAME: _Settings = {"padding": "same", "kernel_initializer": "he_normal"}
# Averages over some ten steps: a training has few, and its batches hold many pixels.
NORM = {"momentum": 0.9, "epsilon": 1e-3}


@dataclass(frozen=True)
class ChipEffects:
    """What of the chip a network is trained with, beside its firing-rate staircase.

    Attributes
    ----------
    eight_bit : bool
        Weights on the chip are rounded.
    window_steps : int
        Rates are counted in a window of so many steps; 0: exact.
    staircase : bool
        Rates follow the chip's staircase; else they are ideal.
    """

    eight_bit: bool = False
    window_steps: int = 0
    staircase: bool = True


def build_unet(
    config: UNetConfig, tile: int | None = None, effects: ChipEffects = ChipEffects()
) -> tf.keras.Model:
    """Build the network, untrained.

    Parameters
    ----------
    config : UNetConfig
    tile : int, optional
        Rows and columns of the input instead of ``config.tile``; weights do not depend on it.
    effects : ChipEffects
        For training only: a network to be deployed has none.

    Returns
    -------
    tf.keras.Model
        (batch, tile, tile, channels) float32 pixels, the channels ``config.n_inputs``, to
        (batch, tile, tile, 1) logits of "membrane".
    """
    tile = tile or config.tile
    pixels = tf.keras.Input((tile, tile, config.n_inputs), name="pixels")
    layers = _Layers(config, effects)
    x = layers.stem(pixels)
    skips = []
    for depth, channels in enumerate(config.channels):
        if depth:
            x = layers.down(x, depth)
        for i in range(config.convs_down[depth]):
            x = layers.conv(x, channels, f"encode{depth}_{i}")
        skips.append(x)
    for depth in range(len(config.channels) - 2, -1, -1):
        x, sources = layers.up(x, depth), [x, skips[depth]]
        if not config.pooling:
            sources[0] = x
        x = tf.keras.layers.Concatenate(name=f"skip{depth}")([x, skips[depth]])
        for i in range(config.convs_up[depth]):
            name = f"decode{depth}_{i}"
            x = layers.conv(x, config.channels[depth], name, sources=None if i else sources)
    return tf.keras.Model(pixels, _logits(x, config), name="unet")


@dataclass(frozen=True)
class _Layers:
    """Makes the layers of a U-Net, each with its activation."""

    config: UNetConfig
    effects: ChipEffects

    def stem(self, pixels: KerasTensor) -> KerasTensor:
        """Of the host: it stays float."""
        channels, stride = self.config.stem_channels, self.config.stem_stride
        stem = tf.keras.layers.Conv2D(channels, 2 * stride + 1, stride, name="stem", **SAME)
        return self.activated(stem(pixels), "stem")

    def conv(
        self,
        x: KerasTensor,
        channels: int,
        name: str,
        strides: int = 1,
        sources: list[KerasTensor] | None = None,
    ) -> KerasTensor:
        """A 3 x 3 convolution, of activations that were joined where ``sources`` are given."""
        kind, more = tf.keras.layers.Conv2D, _SourceGroups()
        if self.effects.eight_bit:
            kind = EightBitConv2D
            if sources:
                kind = EightBitEnlargedConv2D if self.config.pooling else kind
                more = _source_groups(sources)
        return self.activated(kind(channels, 3, strides, name=name, **SAME, **more)(x), name)

    def down(self, x: KerasTensor, depth: int) -> KerasTensor:
        """Half the rows and columns."""
        if self.config.pooling:
            return tf.keras.layers.MaxPooling2D(name=f"pool{depth}")(x)
        return self.conv(x, self.config.channels[depth], f"down{depth}", strides=2)

    def up(self, x: KerasTensor, depth: int) -> KerasTensor:
        """Twice the rows and columns."""
        name = f"up{depth}"
        if self.config.pooling:
            return tf.keras.layers.UpSampling2D(name=name)(x)
        kind = tf.keras.layers.Conv2DTranspose
        kind = EightBitConv2DTranspose if self.effects.eight_bit else kind
        up = kind(
            self.config.channels[depth], 2, 2,
            padding="valid", name=name, kernel_initializer="he_normal",
        )  # fmt: skip
        return self.activated(up(x), name, phases=2)

    def activated(self, x: KerasTensor, name: str, phases: int = 1) -> KerasTensor:
        """What follows a convolution."""
        if self.config.batch_norm:
            x = tf.keras.layers.BatchNormalization(**NORM, name=f"{name}_norm")(x)
        levels = self.config.layer_levels[name]
        if levels:
            return QuantizedReLU(levels, name=f"{name}_spikes")(x)
        rates, regularizer = self.config.rates, None
        if rates.weight:
            aim = rates.aim_hz
            regularizer = PercentileFiringRate(rates.percentile, *aim, rates.weight, phases)
        return LoihiReLU(
            rates.scale_hz,
            regularizer,
            staircase=self.effects.staircase,
            window_steps=self.effects.window_steps or None,
            name=f"{name}_spikes",
        )(x)


def _logits(x: KerasTensor, config: UNetConfig) -> KerasTensor:
    """The linear read-out, which restores what the stem took of the resolution."""
    stride = config.stem_stride
    if stride == 1:
        return tf.keras.layers.Conv2D(1, 1, name="readout")(x)
    return tf.keras.layers.Conv2DTranspose(1, 2 * stride, stride, padding="same", name="readout")(x)


def round_weights(config: UNetConfig, model: tf.keras.Model) -> None:
    """Replace the kernels of a U-Net by those that training with 8-bit weights computes with.

    Parameters
    ----------
    config : UNetConfig
    model : tf.keras.Model
        Of `build_unet`, without effects; its kernels on the chip are changed in place. For
        comparison only: rounded again, as a deployment would, they lose once more.

    Raises
    ------
    InputError
        If the network repeats pixels: the chip rounds sums of weights there, which no kernel of 3 x
        3 has.
    """
    if config.pooling:
        raise InputError(
            "U-Net configuration: pooling: pixels are repeated on the way up, and no 3 x 3 kernel "
            "has the rounded weights; expected a network without"
        )
    aware = build_unet(config, effects=ChipEffects(eight_bit=True))
    aware.set_weights(model.get_weights())
    for layer in aware.layers:
        if isinstance(layer, (EightBitConv2D, EightBitConv2DTranspose)):
            model.get_layer(layer.name).kernel.assign(layer.rounded_kernel)


def _source_groups(tensors: list[KerasTensor]) -> _SourceGroups:
    """What `EightBitConv2D` must know of the activations it gets joined."""
    layers = [tensor.node.layer for tensor in tensors]
    quantized = isinstance(layers[0], QuantizedReLU)
    return {
        "source_channels": [tensor.shape[-1] for tensor in tensors],
        "source_values": (lambda: [x.scale / x.levels for x in layers]) if quantized else None,
    }
