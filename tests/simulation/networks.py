"""Lowered networks with random weights, plain, with skips, and with pooling."""

from dataclasses import replace

import numpy as np

from loihiseg.conversion.linear import Term
from loihiseg.conversion.lowering import lower
from loihiseg.conversion.neuron_kinds import Extremum, Quantized, Rectified
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.network.config import UNetConfig
from loihiseg.network.unet import ChipEffects, build_unet
from loihiseg.training.carry_over import carry_over


def chain(depth, levels, channels=32, seed=0):
    """A perceptron: 1 x 1 convolutions, one after another, activations of about unit size.

    Without levels they are ideal rectified-linear units.
    """
    rng = np.random.default_rng(seed)
    layers, source, width = [], "pixels", 8
    for index in range(depth):
        kernel = rng.normal(0, np.sqrt(2 / width), (1, 1, width, channels)).astype(np.float32)
        layers.append(
            SpikingLayer(
                name=f"l{index}",
                shape=(1, 1, channels),
                terms=(Term(source, kernel),),
                bias=rng.normal(0, 0.1, channels).astype(np.float32),
                rate_scale_hz=100.0,
                on_host=not index,
                neuron=Quantized(levels, 2.0 / levels) if levels else Rectified(),
            )
        )
        source, width = f"l{index}", channels
    return LoweredNetwork({"pixels": (1, 1, 8)}, tuple(layers), (source,))


def unet(levels=3, seed=0):
    """A small U-Net with random weights, scales that suit them; as Keras model and lowered."""
    config = UNetConfig(16, (3, 4), (1, 1), (1,), stem_channels=2)
    rng = np.random.default_rng(seed)
    ideal = build_unet(config, effects=ChipEffects(staircase=False))
    for weight in ideal.weights:
        spread = np.sqrt(2 / max(np.prod(weight.shape[:-1]), 1)) if "kernel" in weight.name else 0.1
        weight.assign(rng.normal(0, spread, weight.shape))
    model = build_unet(replace(config, levels=levels))
    carry_over(ideal, model, rng.normal(size=(8, 16, 16, 1)).astype(np.float32))
    return model, lower(model)


def pooled(seed=0):
    """Two layers, the larger of both, pooled; and one that is pooled by overlapping windows.

    Layers ``a`` and ``b`` hear pixels, ``larger`` chooses of them and ``pool`` of that, ``c`` hears
    it, and ``wide`` looks at 3 x 3 of ``c`` at every second pixel, past its border; ``d`` hears
    ``wide``. All of two channels, 8 x 8 pixels and less, weights in 64ths.
    """
    rng = np.random.default_rng(seed)
    layers = []

    def add(name, sources, side, size=None, strides=(1, 1)):
        terms = []
        for source in sources:
            if size is None:
                channels = 1 if source == "pixels" else 2
                weights = rng.integers(-24, 40, (3, 3, channels, 2)) / 64
                terms.append(Term(source, weights.astype(np.float32), padding="same"))
            else:
                ones = np.ones((size, size, 2, 1), np.float32)
                terms.append(Term(source, ones, strides, "same", depthwise=True))
        layers.append(
            SpikingLayer(
                name=name,
                shape=(side, side, 2),
                terms=tuple(terms),
                bias=np.zeros(2, np.float32),
                rate_scale_hz=100.0,
                on_host=sources == ["pixels"],
                neuron=Rectified() if size is None else Extremum(0),
            )
        )

    add("a", ["pixels"], 8)
    add("b", ["pixels"], 8)
    add("larger", ["a", "b"], 8, size=1)
    add("pool", ["larger"], 4, size=2, strides=(2, 2))
    add("c", ["pool"], 4)
    add("wide", ["c"], 2, size=3, strides=(2, 2))
    add("d", ["wide"], 2)
    return LoweredNetwork({"pixels": (8, 8, 1)}, tuple(layers), ("d",))
