"""What is deployed: spiking layers as plain arrays, free of Keras and of Nengo."""

from dataclasses import dataclass

import numpy as np

from loihiseg.conversion.linear import AnyTerm
from loihiseg.conversion.neuron import Neuron


@dataclass(frozen=True, eq=False)
class SpikingLayer:
    """One layer of neurons and every convolution that feeds it.

    Attributes
    ----------
    name : str
        Name of the Keras layer whose output the neurons carry.
    shape : tuple of int
        (rows, columns, channels) of the neurons.
    terms : tuple of Term and SparseTerm
        What is heard of each source; their sum is the input (for neurons that choose an extreme,
        see `loihiseg.conversion.neuron_kinds.Extremum`, it is no sum). A source may have several.
    bias : numpy.ndarray
        float32, (channels,), or (rows, columns, channels) where it differs from pixel to pixel, as
        a constant does that zero padding cuts off at the border.
    rate_scale_hz : float
        Firing rate that stands for an activation of 1.
    on_host : bool
        Whether the neurons run on the host and send their spikes to the chip.
    neuron : Neuron
        What the neurons are; see `loihiseg.conversion.neuron`.
    """

    name: str
    shape: tuple[int, int, int]
    terms: tuple[AnyTerm, ...]
    bias: np.ndarray
    rate_scale_hz: float
    on_host: bool
    neuron: Neuron

    @property
    def n_neurons(self) -> int:
        """Neurons of the layer."""
        return int(np.prod(self.shape))

    @property
    def channel_bias(self) -> bool:
        """Whether all pixels of a channel have one bias, so that ``bias`` is (channels,)."""
        return self.bias.ndim == 1

    @property
    def levels(self) -> int:
        """Levels of the activation; 0 for one that a firing rate stands for."""
        return self.neuron.levels

    @property
    def level_value(self) -> float:
        """What one level is worth."""
        return self.neuron.level_value

    @property
    def is_clocked(self) -> bool:
        """Whether a clock feeds the layer, see `loihiseg.codes.thermometer.clocks`."""
        return any(term.clock for term in self.terms)

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the layers or inputs that feed it."""
        return tuple(term.source for term in self.terms)


@dataclass(frozen=True, eq=False)
class LoweredNetwork:
    """A network as Loihi sees it.

    Attributes
    ----------
    inputs : dict of str to tuple of int
        Shape (rows, columns, channels) of each input of analog values.
    layers : tuple of SpikingLayer
        In an order in which sources come first.
    outputs : tuple of str
        Spiking layers that the host reads.
    """

    inputs: dict[str, tuple[int, int, int]]
    layers: tuple[SpikingLayer, ...]
    outputs: tuple[str, ...]

    @property
    def tile(self) -> int:
        """Rows and columns of its one input, pixels."""
        ((rows, _, _),) = self.inputs.values()
        return rows

    def layer(self, name: str) -> SpikingLayer:
        """Return the layer of that name, or raise KeyError."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(name)

    @property
    def chip_layers(self) -> tuple[SpikingLayer, ...]:
        """Layers whose neurons are on the chip."""
        return tuple(layer for layer in self.layers if not layer.on_host)

    @property
    def n_chip_neurons(self) -> int:
        """Neurons on the chip."""
        return sum(layer.n_neurons for layer in self.chip_layers)


def neuron_bias(layer: SpikingLayer) -> np.ndarray:
    """Bias of a layer's neurons in Nengo, float32, of the shape of the layer's."""
    if layer.neuron.bias_sent:
        return np.zeros_like(layer.bias)
    return layer.bias + np.float32(layer.neuron.bias_offset(layer.on_host))


ARROW = " -> "


def connection_label(source: str, target: str) -> str:
    """Label of a connection; nengo-loihi hands that of a host connection on to its input."""
    return f"{source}{ARROW}{target}"


def source_of(label: str) -> str:
    """Source named in a connection's label, or in a label that nengo-loihi made of it."""
    return label.split(ARROW)[0]
