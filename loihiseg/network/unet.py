"""The U-Net in the shape Loihi can run: convolutions only, one activation per layer.

::

  pixels ─ stem ───────┬─ conv ─────────────── skip ──────────────► concat ─ conv ─ readout ─ logits
         (host: pixels │                                              ▲             (host)
          to spikes)   └► down ─ conv ─ skip ──► concat ─ conv ─ up ──┘
                            └► down ─ conv ─ up ──┘

Strided convolutions go down, 2 x 2 transposed convolutions up; there is no pooling. The stem turns
pixels into spikes on the host and halves the resolution; the linear read-out runs on the host and
restores it, so labels are met at full resolution.
"""

import tensorflow as tf

from loihiseg.network.activations import LoihiReLU
from loihiseg.network.config import UNetConfig
from loihiseg.network.regularizers import PercentileFiringRate


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
            phases=2,
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


def _activate(x, name, config, phases=1):
    rates = config.rates
    regularizer = None
    if rates.weight:
        regularizer = PercentileFiringRate(rates.percentile, *rates.aim_hz, rates.weight, phases)
    return LoihiReLU(rates.scale_hz, regularizer, name=f"{name}_spikes")(x)
