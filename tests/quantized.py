"""Small networks of quantized activations, and what is made of them, that several tests share."""

from dataclasses import replace

import numpy as np

from loihiseg.compilation.mapping import apply_block_shapes
from loihiseg.conversion.converter import convert, keras_network
from loihiseg.conversion.lowering import lower
from loihiseg.network.config import UNetConfig
from loihiseg.network.unet import build_unet

CONFIG = UNetConfig(
    tile=16, channels=(4, 6), convs_down=(1, 1), convs_up=(1,), stem_channels=3, levels=3
)


def model(seed=0, config=CONFIG):
    """A U-Net of which every layer uses all of its levels, untrained."""
    made = build_unet(config)
    rng = np.random.default_rng(seed)
    for variable in made.weights:
        if "bias" in variable.name:
            variable.assign(rng.normal(0.15, 0.2, variable.shape))
        elif "alpha" in variable.name:
            variable.assign(rng.uniform(1, 2))
        else:
            fan_in = np.prod(variable.shape[:3])
            variable.assign(rng.normal(0, 1.3 / np.sqrt(fan_in), variable.shape))
    return made


def lowered(seed=0, levels=3, config=CONFIG):
    """The lowered network; ``levels`` is one number, or one per layer."""
    return lower(model(seed, replace(config, levels=levels))).network


def split_shapes(neurons):
    """Blocks of part of the rows, columns and channels; channels split unevenly."""
    shapes = {}
    for layer in neurons.chip_layers:
        rows, columns, channels = layer.shape
        width = max(1, channels - 5)
        shapes[layer.name] = (-(-rows // 2), columns, width)
    return shapes


def converted(neurons, shapes):
    """The Nengo network with its blocks set."""
    made = convert(neurons, synapse_s=None)
    apply_block_shapes(made, neurons, shapes)
    return made


def presenter(neurons, shapes, seed=0):
    """A `Presenter` of the neurons."""
    from loihiseg.emulator.reference import Presenter

    made = converted(neurons, shapes)
    (node,) = made.inputs.values()
    return Presenter(
        made.net, node, made.ensembles, {x.name: x.shape for x in neurons.layers}, seed
    )


def images(count=1, seed=5, tile=CONFIG.tile):
    """Normalized pixels, (count, tile, tile)."""
    return np.random.default_rng(seed).normal(0, 1.5, (count, tile, tile)).astype(np.float32)


def activations(network, pixels, channels=True):
    """What a network's Keras form gives, by layer."""
    outputs = keras_network(network, channels=channels)(pixels[..., None])
    return {layer.name: out.numpy() for layer, out in zip(network.layers, outputs)}
