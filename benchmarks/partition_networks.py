"""Networks to cut and place that others published, as layers, with the block shapes they chose.

From the example notebooks of nengo-loihi 1.0.0 (``docs/examples`` of its source distribution).
"""

from typing import NamedTuple

from partition.core.layers import Layer, Projection, dense_projection, output_lengths


class Example(NamedTuple):
    """Layers on the chip, and the block shapes that were chosen by hand."""

    layers: list
    shapes: dict


def cifar10() -> Example:
    """``cifar10-convnet.ipynb``: valid convolutions, one host layer of 32 x 32 x 4 neurons."""
    chain = _Chain("input-layer", (32, 32, 4))
    chain.convolution("conv-layer1", 64, 3, 2, (8, 8, 16))
    chain.convolution("conv-layer2", 72, 3, 1, (7, 7, 8))
    chain.convolution("conv-layer3", 256, 3, 2, (6, 6, 12))
    chain.convolution("conv-layer4", 256, 1, 1, (6, 6, 24))
    chain.convolution("conv-layer5", 64, 1, 1, (6, 6, 24))
    chain.dense("dense-layer", 100, 50)
    return Example(chain.layers, chain.shapes)


def keras_to_loihi() -> Example:
    """``keras-to-loihi.ipynb``: valid convolutions, one host layer of 28 x 28 x 3 neurons."""
    chain = _Chain("to-spikes", (28, 28, 3))
    chain.convolution("conv0", 32, 3, 2, (16, 16, 4))
    chain.convolution("conv1", 64, 3, 2, (8, 8, 16))
    chain.dense("dense0", 100, 50)
    return Example(chain.layers, chain.shapes)


EXAMPLES = {"cifar10": cifar10, "keras-to-loihi": keras_to_loihi}


class _Chain:
    """Layers one after the other."""

    def __init__(self, host, shape):
        self.host = self.name = host
        self.shape = shape
        self.layers = []
        self.shapes = {}

    def convolution(self, name, channels, kernel, stride, block):
        on_host = self.name == self.host
        projection = Projection(
            self.name, (kernel, kernel), (stride, stride), "valid", False, self.shape, on_host
        )
        rows, columns = (
            output_lengths(n, kernel, stride, "valid", False)[0] for n in self.shape[:2]
        )
        self._add(name, (rows, columns, channels), projection, block)

    def dense(self, name, n_neurons, block):
        projection = dense_projection(self.name, self.shape, self.name == self.host)
        self._add(name, (1, 1, n_neurons), projection, (1, 1, block))

    def _add(self, name, shape, projection, block):
        self.layers.append(Layer(name, shape, (projection,)))
        self.shapes[name] = block
        self.name, self.shape = name, shape
