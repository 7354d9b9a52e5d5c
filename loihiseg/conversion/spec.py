"""What is deployed: spiking layers as plain arrays, free of Keras and of Nengo."""

from dataclasses import dataclass

import numpy as np

from loihiseg.conversion.linear import Term


@dataclass(frozen=True, eq=False)
class SpikingLayer:
    """One layer of neurons and every convolution that feeds it.

    Attributes
    ----------
    name : str
        Name of the Keras layer whose output the neurons carry.
    shape : tuple of int
        (rows, columns, channels) of the neurons.
    terms : tuple of Term
        Convolutions whose sum is the input, one per source.
    bias : numpy.ndarray
        float32, (channels,).
    rate_scale_hz : float
        Firing rate that stands for an activation of 1.
    on_host : bool
        Whether the neurons run on the host and send their spikes to the chip.
    staircase : bool
        Whether the Keras activation is the chip's rate staircase (else an ideal ReLU).
    levels : int
        Levels of a quantized activation; 0 for one that a firing rate stands for.
    level_value : float
        What one level is worth: the activation is ``level_value`` times the number of levels k for
        which the input is at least ``(k - 1/2) * level_value``.
    binary : bool
        Whether the layer is of the memoryless neurons that stand for levels, each of which fires
        in every step in which its input is above 0. Of the neurons of a channel follow ``levels``
        each other; ``shape`` counts neurons. See `loihiseg.conversion.thermometer`.
    active_steps : tuple of int or None
        Steps, from 1, in which binary neurons on the host may fire; None for all.
    """

    name: str
    shape: tuple[int, int, int]
    terms: tuple[Term, ...]
    bias: np.ndarray
    rate_scale_hz: float
    on_host: bool
    staircase: bool
    levels: int = 0
    level_value: float = 1.0
    binary: bool = False
    active_steps: tuple[int, ...] | None = None

    @property
    def n_neurons(self) -> int:
        """Neurons of the layer."""
        return int(np.prod(self.shape))

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


ARROW = " -> "


def connection_label(source: str, target: str) -> str:
    """Label of a connection; nengo-loihi hands that of a host connection on to its input."""
    return f"{source}{ARROW}{target}"


def source_of(label: str) -> str:
    """Source named in a connection's label, or in a label that nengo-loihi made of it."""
    return label.split(ARROW)[0]
