"""The graph of a checkpoint's U-Net, as `loihiseg.network.unet.build_unet` would build it.

Told from its configuration and its weights, so that no framework is needed.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from loihiseg.conversion.lowering.graph import Graph, Step
from loihiseg.network.config import UNetConfig

_INPUT = "pixels"


def unet_graph(config: UNetConfig, weights: Mapping[str, np.ndarray]) -> Graph:
    """A U-Net as a graph of its layers.

    Parameters
    ----------
    config : UNetConfig
    weights : mapping of str to numpy.ndarray
        float32, by the names of `loihiseg.network.weight_shapes.weight_shapes`, all of them.
    """
    layers = _Layers(config, weights)
    x = layers.convolution("stem", _INPUT, config.stem_channels, config.stem_stride)
    skips = []
    for depth, channels in enumerate(config.channels):
        if depth and config.pooling:
            x = layers.add(f"pool{depth}", "MaxPooling2D", (x,))
        elif depth:
            x = layers.convolution(f"down{depth}", x, channels, 2)
        for i in range(config.convs_down[depth]):
            x = layers.convolution(f"encode{depth}_{i}", x, channels)
        skips.append(x)
    for depth in range(len(config.channels) - 2, -1, -1):
        channels = config.channels[depth]
        if config.pooling:
            x = layers.add(f"up{depth}", "UpSampling2D", (x,))
        else:
            x = layers.doubling(f"up{depth}", x, channels)
        x = layers.add(f"skip{depth}", "Concatenate", (x, skips[depth]))
        for i in range(config.convs_up[depth]):
            x = layers.convolution(f"decode{depth}_{i}", x, channels)
    layers.readout(x)
    return Graph(
        {_INPUT: (config.tile, config.tile, config.n_inputs)}, layers.steps, {"readout": "readout"}
    )


class _Layers:
    """Collects the layers of a U-Net."""

    def __init__(self, config: UNetConfig, weights: Mapping[str, np.ndarray]) -> None:
        self.config = config
        self.steps: dict[str, Step] = {}
        self.weights: dict[str, dict[str, np.ndarray]] = {}
        for name, values in weights.items():
            layer, _, own = name.removesuffix(":0").rpartition("/")
            self.weights.setdefault(layer, {})[own] = values

    def add(self, name: str, kind: str, sources: tuple[str, ...], **arguments: Any) -> str:
        """One layer more; its name."""
        own = self.weights.get(name, {})
        self.steps[name] = Step(name, name, kind, arguments, sources, own)
        return name

    def convolution(self, name: str, source: str, channels: int, stride: int = 1) -> str:
        """A convolution that keeps rows and columns but for its stride, and its activation."""
        side = self.weights[name]["kernel"].shape[0]
        self.add(
            name, "Conv2D", (source,),
            filters=channels, kernel_size=(side, side), strides=(stride, stride), padding="same",
        )  # fmt: skip
        return self._activated(name)

    def doubling(self, name: str, source: str, channels: int) -> str:
        """A transposed convolution to twice the rows and columns, and its activation."""
        self.add(
            name, "Conv2DTranspose", (source,),
            filters=channels, kernel_size=(2, 2), strides=(2, 2), padding="valid",
        )  # fmt: skip
        return self._activated(name)

    def readout(self, source: str) -> None:
        """The linear read-out at the resolution of the pixels."""
        n = self.config.stem_stride
        if n == 1:
            self.add("readout", "Conv2D", (source,), filters=1, kernel_size=(1, 1))
            return
        self.add(
            "readout", "Conv2DTranspose", (source,),
            filters=1, kernel_size=(2 * n, 2 * n), strides=(n, n), padding="same",
        )  # fmt: skip

    def _activated(self, name: str) -> str:
        last = name
        if self.config.batch_norm:
            # As `loihiseg.network.unet.NORM` has it.
            last = self.add(f"{name}_norm", "BatchNormalization", (last,), axis=[3], epsilon=1e-3)
        levels = self.config.layer_levels[name]
        if levels:
            return self.add(f"{name}_spikes", "QuantizedReLU", (last,), levels=levels)
        hz = self.config.rates.scale_hz
        return self.add(f"{name}_spikes", "LoihiReLU", (last,), rate_scale_hz=hz)
