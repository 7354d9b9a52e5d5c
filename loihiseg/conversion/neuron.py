"""What the neurons of a layer are, and what Keras, Nengo, the host and fixed point need of them.

A layer has one kind of neuron. Nobody asks which: each kind is a class that answers for itself. The
kinds that every network may have are in `loihiseg.conversion.neuron_kinds`; a neural code that
needs neurons of its own brings a class like these, and names it in its ``neuron_kinds``
(`loihiseg.codes.code.NeuralCode`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from loihiseg.conversion.firing import DT_S

if TYPE_CHECKING:
    from loihiseg.frameworks import tf

    from nengo.neurons import NeuronType

    from loihiseg.conversion.spec import SpikingLayer

SPIKE_RATE_HZ = 1000.0
"""Rate of a neuron that is on: a spike in every step of 1 ms."""

THRESHOLD = 1.0 / SPIKE_RATE_HZ
"""Input above which the chip's neurons fire: a current of 1 at a gain of ``SPIKE_RATE_HZ``."""

MEMORYLESS_TAU_S = 1e-4
"""Membrane time constant that nengo-loihi turns into the fastest decay, 4095 of 4096 per step."""

BLOCKS_VERSION = 2
"""Of how the chip's blocks are made of neurons: networks are not taken from a cache of another."""

MOST_LEVELS = 2**16
MOST_STEPS = 10_000


@dataclass(frozen=True)
class Membrane:
    """A neuron's voltage, as nengo-loihi chooses a block's integers from it.

    Attributes
    ----------
    threshold : float
        In nengo-loihi's units.
    decay : float
        Share of the voltage that is lost in a step.
    undo_gain : bool
        Whether the gain that a decaying voltage has is undone in its scale.
    forgets_current : bool
        Whether nothing of the current of a step is left in the next. Without a synaptic filter
        nengo-loihi leaves 1/4096 of it.
    """

    threshold: float
    decay: float = 0.0
    undo_gain: bool = False
    forgets_current: bool = False


@dataclass(frozen=True, eq=False)
class ChipLayer:
    """A layer on the chip in the chip's integers, and what one of each is worth.

    Attributes
    ----------
    weights : tuple of numpy.ndarray
        Of each term, the shape of its values: what a spike adds to the current.
    channels : tuple of numpy.ndarray
        Of each term, the channel that hears by each of its weights, or what broadcasts to that.
    bias : numpy.ndarray
        Of the shape of the layer's.
    threshold : numpy.ndarray
        (channels,).
    current_scale, bias_scale, voltage_scale : numpy.ndarray
        float64, (channels,): integers that weights, biases and thresholds of 1 become.
    sources_hz : tuple of float
        Rate scale of each term's source.
    dt_s : float
        Length of a step in seconds.
    """

    weights: tuple[np.ndarray, ...]
    channels: tuple[np.ndarray, ...]
    bias: np.ndarray
    threshold: np.ndarray
    current_scale: np.ndarray
    bias_scale: np.ndarray
    voltage_scale: np.ndarray
    sources_hz: tuple[float, ...]
    dt_s: float

    @property
    def floats(self) -> list[np.ndarray]:
        """Weights of each term over the scale of their currents."""
        pairs = zip(self.weights, self.channels, strict=True)
        return [weights / self.current_scale[channels] for weights, channels in pairs]


class Neuron:
    """What the neurons of a layer are; this class says what of a kind there is to know.

    A kind is a tagged ``msgspec.Struct`` beside this class: its fields are what a file holds of it.

    Attributes
    ----------
    levels : int
        Levels of the activation; 0 for one that a firing rate stands for.
    level_value : float
        What one level is worth: the activation is ``offset`` and ``level_value`` times the number
        of levels that the input reaches.
    offset : float
        What the activation is at level 0.
    is_activation : bool
        Whether networks of activations have such layers; else only those of neurons.
    compares : bool
        Whether a neuron compares the input of each step with its threshold and keeps nothing.
    chooses : bool
        Whether an activation is the extreme of what its terms look at, and not their sum.
    whole_kernels : bool
        Whether all blocks of a layer are to hear through whole kernels, so that they have one
        scale; see ``partition.layers.Layer``.
    integers : bool
        Whether kernels and biases are the chip's integers already.
    bias_sent : bool
        Whether a clock sends the biases, and the neurons have none of their own.
    over_time : bool
        Whether a layer has steps of its own; see `loihiseg.conversion.over_time`.
    """

    levels: int = 0
    level_value: float = 1.0
    offset: float = 0.0
    is_activation: bool = False
    compares: bool = False
    chooses: bool = False
    whole_kernels: bool = False
    integers: bool = False
    bias_sent: bool = False
    over_time: bool = False

    @property
    def per_channel(self) -> int:
        """Neurons that stand for one channel of the activation, one after the other."""
        return 1

    @property
    def stepped(self) -> bool:
        """Whether the activation, as it was trained, is what neurons can be at on the chip."""
        return True

    def check(self, channels: int) -> None:
        """That the values are in range, and suit a layer of so many channels.

        Raises
        ------
        ValueError
            In one line.
        """

    def stands_for(self, activation: Neuron) -> bool:
        """Whether neurons of this kind can stand for an activation."""
        raise NotImplementedError

    def activation(
        self, total: np.ndarray, rate_scale_hz: float, staircase: bool | None = None
    ) -> np.ndarray:
        """Activation for an input, float32, the same shape.

        Parameters
        ----------
        total : numpy.ndarray
            float32.
        rate_scale_hz : float
            Firing rate of an activation of 1.
        staircase : bool, optional
            The chip's rate staircase or an ideal ReLU; as it was trained by default. Without
            meaning for levels, which are what they are.
        """
        raise NotImplementedError

    def keras_activation(
        self, total: tf.Tensor, rate_scale_hz: float, staircase: bool | None
    ) -> tf.Tensor:
        """The same of a tensor."""
        raise NotImplementedError

    def represented(self, values: np.ndarray) -> np.ndarray:
        """(..., neurons) values of `activation` as the (..., channels) that they stand for."""
        return values

    def keras_represented(self, values: tf.Tensor) -> tf.Tensor:
        """The same of a tensor (batch, rows, columns, neurons)."""
        return values

    def nengo_type(self, on_host: bool) -> NeuronType | None:
        """The ``nengo.neurons.NeuronType``; None where NengoDL has one for the activation."""
        raise NotImplementedError

    def bias_offset(self, on_host: bool) -> float:
        """What Nengo's biases are above those of the layer, as its neurons have a threshold."""
        return 0.0

    def schedule(self, n_steps: int) -> np.ndarray:
        """Steps in which neurons on the host may fire, bool.

        (n_steps,) for all alike, or (n_steps, n) for runs of n neurons that are alike.
        """
        return np.ones(n_steps, bool)

    def host_spikes(self, current: np.ndarray, n_steps: int) -> np.ndarray:
        """Spikes on the host at constant input, from rest.

        Parameters
        ----------
        current : numpy.ndarray
            float64, (n,), in Hz.
        n_steps : int

        Returns
        -------
        numpy.ndarray
            bool, (n_steps, n).
        """
        raise NotImplementedError

    def membrane(self, dt_s: float = DT_S) -> Membrane:
        """The voltage of neurons on the chip."""
        raise NotImplementedError

    def meant(self, chip: ChipLayer) -> tuple[list[np.ndarray], np.ndarray]:
        """Weights of each term and biases that the integers stand for, in nengo-loihi's units."""
        raise NotImplementedError

    def quantized(self, layer: SpikingLayer, chip: ChipLayer) -> SpikingLayer:
        """The layer that computes in floats what the chip does in integers."""
        raise NotImplementedError

    def bias_unit(self, weights: list[np.ndarray]) -> float:
        """Times a difference of biases, what their errors are reported in."""
        return 1.0


def summed(values: np.ndarray, levels: int) -> np.ndarray:
    """Sums of runs of neurons: (..., n) to (..., n / levels), of the same type."""
    runs = values.reshape(*values.shape[:-1], -1, levels)
    return np.asarray(runs.sum(axis=-1, dtype=values.dtype))
