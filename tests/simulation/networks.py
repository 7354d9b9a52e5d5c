"""Lowered networks with random weights, plain and with skips."""

from dataclasses import replace

import numpy as np

from loihiseg.conversion.linear import Term
from loihiseg.conversion.lowering import lower
from loihiseg.conversion.neuron_kinds import Quantized, Rectified
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
