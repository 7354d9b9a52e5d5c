"""A small U-Net with channel-split blocks, ready to be built, that several tests share."""

import numpy as np

from loihiseg.compilation.mapping import apply_block_shapes
from loihiseg.conversion.converter import convert
from loihiseg.conversion.lowering import lower
from loihiseg.network.config import UNetConfig
from loihiseg.network.unet import build_unet

CONFIG = UNetConfig(tile=16, channels=(4, 6), convs_down=(1, 1), convs_up=(1,), stem_channels=3)


def unet(seed=0, config=CONFIG):
    """A U-Net with biases and weights that make its neurons fire."""
    model = build_unet(config)
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        if "bias" in variable.name:
            variable.assign(rng.normal(0.15, 0.2, variable.shape))
        else:
            fan_in = np.prod(variable.shape[:3])
            variable.assign(rng.normal(0, 1.6 / np.sqrt(fan_in), variable.shape))
    return model


def lowered(seed=0, config=CONFIG):
    """Its lowered network."""
    return lower(unet(seed, config)).network


def split_shapes(network):
    """Blocks of part of the rows, columns and channels; channels split unevenly."""
    shapes = {}
    for layer in network.chip_layers:
        rows, columns, channels = layer.shape
        shapes[layer.name] = (-(-rows // 2), columns, max(2, channels - 2))
    return shapes


def converted(network, shapes, synapse_s=0.005):
    """The Nengo network with its blocks set."""
    made = convert(network, synapse_s=synapse_s)
    apply_block_shapes(made, network, shapes)
    return made


def presenter(network, shapes, synapse_s=0.005, seed=0):
    """A `Presenter` of the network."""
    from loihiseg.emulator.reference import Presenter

    made = converted(network, shapes, synapse_s)
    (node,) = made.inputs.values()
    ensemble_shapes = {layer.name: layer.shape for layer in network.layers}
    return made, Presenter(made.net, node, made.ensembles, ensemble_shapes, seed)


def image(seed=5, tile=CONFIG.tile):
    """Normalized pixels."""
    return np.random.default_rng(seed).normal(0, 1.5, (tile, tile)).astype(np.float32)


def compiled(code=None, model=None, pixels=None, **options):
    """A `DeployedNetwork` of a small U-Net, or of another model, with its read-out uncalibrated."""
    from loihiseg.codes.rate import RateCode
    from loihiseg.compilation.compile import compile_network
    from loihiseg.compilation.options import CompileOptions
    from loihiseg.compilation.prepared import Calibration, Prepared
    from loihiseg.compilation.source import Network
    from loihiseg.progress import Reporter

    model = model or unet()
    lowering = lower(model)
    code = code or RateCode(30, 12, 0.005)
    prepared = Prepared(
        Network(model, 0.5, "a test", None),
        lowering.network,
        lowering.graph,
        code,
        code.neurons(lowering.network),
    )
    tile = int(model.inputs[0].shape[1])
    pixels = np.stack([image(seed, tile) for seed in (1, 2)]) if pixels is None else pixels
    asked = CompileOptions(**{"proof_seconds": 0.0} | options)
    found = compile_network(
        prepared, asked, Calibration(pixels, "2 tiles"), 0.5, Reporter(quiet=True)
    )
    return found.deployed
