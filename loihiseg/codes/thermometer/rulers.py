"""Rulers: all blocks of a layer round their weights as the layer was trained to.

nengo-loihi chooses the scale of the 8-bit weights block by block, from the largest weight into each
(`loihiseg.quantization.fixed_point`). A network that was trained with rounded weights had one scale
per layer. A block of smaller weights rounds more finely, to other values than those trained with:
what training had learned to live with is gone, and new errors are there instead.

The ruler is a neuron on the host that never fires. It reaches every neuron of a layer with the
layer's largest weight, so that every block finds it and takes its scale; and the weights are
rounded beforehand, so that blocks keep them as they are. It costs a block an axon, and memory for
one more weight per compartment; no spike, no event.
"""

from dataclasses import replace

import numpy as np

from loihiseg.codes.thermometer.blind import blind_layer, blind_term
from loihiseg.conversion.precision import chip_weights, layer_scales
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.quantization.fixed_point import BlockScale, quantize_weights

RULER = "ruler"
"""Name of the host's layer of one neuron."""


def ruled(network: LoweredNetwork) -> LoweredNetwork:
    """Round the weights on the chip with one scale per layer, and make every block keep to it.

    Parameters
    ----------
    network : LoweredNetwork
        Of binary neurons.

    Returns
    -------
    LoweredNetwork
        With the ruler, before all other layers. The weights of each source of a layer are those of
        `loihiseg.network.eight_bit.eight_bit`, and stay so in blocks of any shape.
    """
    ruler = blind_layer(RULER, network.inputs, [-1.0])
    layers = tuple(
        layer if layer.on_host or layer.neuron.integers else _ruled(network, layer, ruler)
        for layer in network.layers
    )
    return replace(network, layers=(ruler, *layers))


def _ruled(network: LoweredNetwork, layer: SpikingLayer, ruler: SpikingLayer) -> SpikingLayer:
    sources_hz = [network.layer(name).rate_scale_hz for name in layer.sources]
    ((_, scale),) = layer_scales(layer, sources_hz, layer.shape[2], 0.0)
    terms = [
        term.with_values(_rounded(term.values, weights, scale))
        for term, weights in zip(layer.terms, chip_weights(layer, sources_hz))
    ]
    return replace(layer, terms=(*terms, blind_term(layer, ruler, ruler=True)))


def _rounded(kernel: np.ndarray, weights: np.ndarray, scale: BlockScale) -> np.ndarray:
    """A kernel with the values that its weights have in the chip's integers."""
    meant = quantize_weights(weights, scale).integers / scale.current_scale
    # Weights are a common multiple of the kernel.
    largest = np.abs(weights).argmax()
    unit = float(kernel.flat[largest]) / float(weights.flat[largest]) if weights.any() else 1.0
    return (meant * unit).astype(np.float32)
