"""The U-Net in the shape Loihi can run: convolutions only, one activation per layer.

::

    pixels ── stem ────────┬─ conv ──────────────── skip ──────────────► concat ─ conv ── read-out ── logits
            (host: pixels  │                                               ▲             (host)
             to spikes)    └► down ─ conv ── skip ──► concat ─ conv ─ up ──┘
                                └► down ─ conv ─ up ────┘

Strided convolutions go down, 2 x 2 transposed convolutions up; there is no pooling. The stem turns
pixels into spikes on the host and halves the resolution; the linear read-out runs on the host and
restores it, so labels are met at full resolution.
"""

from dataclasses import dataclass

import tensorflow as tf

from loihiseg.errors import InputError
from loihiseg.network.activations import LoihiReLU
from loihiseg.network.regularizers import PercentileFiringRate


@dataclass(frozen=True)
class RateTarget:
    """Where firing rates should lie, and how hard they are pushed there.

    A weight of 0 switches the regularizer off. ``scale_hz`` is the rate of an activation of 1.
    """

    percentile: float = 99.5
    low_hz: float = 50.0
    high_hz: float = 200.0
    weight: float = 0.1
    scale_hz: float = 100.0


@dataclass(frozen=True)
class UNetConfig:
    """Shape of the network.

    Attributes
    ----------
    tile : int
        Rows and columns of the pixels the deployed network sees at once.
    channels : tuple of int
        Channels of each level, from full (stem) resolution to the deepest.
    convs_down, convs_up : tuple of int
        3 x 3 convolutions of each level after arriving from above, and after the concatenation
        with the skip (one entry less).
    stem_stride : int
        Factor by which the host's stem lowers the resolution.
    stem_channels : int
        Channels of the stem, whose spikes the host sends.
    """

    tile: int = 128
    channels: tuple[int, ...] = (4, 8, 16)
    convs_down: tuple[int, ...] = (1, 1, 1)
    convs_up: tuple[int, ...] = (1, 1)
    stem_stride: int = 2
    stem_channels: int = 4
    rates: RateTarget = RateTarget()

    def __post_init__(self):
        levels = len(self.channels)
        if levels < 1 or len(self.convs_down) != levels or len(self.convs_up) != levels - 1:
            raise InputError(
                f"U-Net configuration: {levels} levels of channels need {levels} convs_down and "
                f"{levels - 1} convs_up, got {len(self.convs_down)} and {len(self.convs_up)}"
            )
        if self.tile < 1 or self.tile % self.multiple:
            raise InputError(
                f"U-Net configuration: tile {self.tile} must be a multiple of {self.multiple}"
            )

    @property
    def multiple(self) -> int:
        """Pixels by which tiles of this network grow."""
        return self.stem_stride * 2 ** (len(self.channels) - 1)


def build_unet(config: UNetConfig, tile: int | None = None) -> tf.keras.Model:
    """Build the network, untrained.

    Parameters
    ----------
    config : UNetConfig
    tile : int, optional
        Rows and columns of the input instead of ``config.tile``; weights do not depend on it.

    Returns
    -------
    tf.keras.Model
        (batch, tile, tile, 1) float32 pixels to (batch, tile, tile, 1) logits of "membrane".
    """
    tile = tile or config.tile
    pixels = tf.keras.Input((tile, tile, 1), name="pixels")
    stem_kernel = 2 * config.stem_stride + 1
    x = _conv(pixels, config.stem_channels, "stem", config, stem_kernel, config.stem_stride)
    skips = []
    last = len(config.channels) - 1
    for level, channels in enumerate(config.channels):
        if level:
            x = _conv(x, channels, f"down{level}", config, 3, 2)
        for i in range(config.convs_down[level]):
            x = _conv(x, channels, f"encode{level}_{i}", config)
        skips.append(x)
    for level in range(last - 1, -1, -1):
        channels = config.channels[level]
        x = _activate(
            tf.keras.layers.Conv2DTranspose(
                channels, 2, 2, padding="valid", name=f"up{level}", kernel_initializer="he_normal"
            )(x),
            f"up{level}",
            config,
        )
        x = tf.keras.layers.Concatenate(name=f"skip{level}")([x, skips[level]])
        for i in range(config.convs_up[level]):
            x = _conv(x, channels, f"decode{level}_{i}", config)
    if config.stem_stride == 1:
        logits = tf.keras.layers.Conv2D(1, 1, name="readout")(x)
    else:
        logits = tf.keras.layers.Conv2DTranspose(
            1, 2 * config.stem_stride, config.stem_stride, padding="same", name="readout"
        )(x)
    return tf.keras.Model(pixels, logits, name="unet")


def _conv(x, channels, name, config, kernel=3, strides=1):
    layer = tf.keras.layers.Conv2D(
        channels, kernel, strides, padding="same", name=name, kernel_initializer="he_normal"
    )
    return _activate(layer(x), name, config)


def _activate(x, name, config):
    rates = config.rates
    regularizer = None
    if rates.weight:
        regularizer = PercentileFiringRate(
            rates.percentile, rates.low_hz, rates.high_hz, rates.weight
        )
    return LoihiReLU(rates.scale_hz, regularizer, name=f"{name}_spikes")(x)
