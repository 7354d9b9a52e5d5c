"""Neurons of networks that were trained through time: of the chip's integers, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np
from msgspec import Meta

from loihiseg.conversion.firing import DT_S
from loihiseg.conversion.neuron import Membrane, Neuron
from loihiseg.quantization.fixed_point import (
    ACCUMULATOR_BITS,
    DECAY_BITS,
    THRESHOLD_MAX,
)

if TYPE_CHECKING:
    from loihiseg.frameworks import tf

    from nengo.neurons import NeuronType

GRID = 64
"""What all of the chip's weights are multiples of."""

MOST_FLOOR_EXPONENT = 23

MOST_OWN_STEPS = 256

_Shift = Annotated[int, Meta(ge=-(2**ACCUMULATOR_BITS), le=2**ACCUMULATOR_BITS)]


class Leaky(Neuron, msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="leaky"):
    """Neurons that integrate with a leak, and are reset to 0 by a spike.

    Kernels of their layers are the chip's integers. Layers have steps of their own, in which they
    fire; see `loihiseg.conversion.over_time`. A clock sends the shifts, and keeps a layer silent in
    all other steps.

    Attributes
    ----------
    shifts : tuple of tuple of int
        Of each own step and channel, what is added to the sum of spikes.
    threshold : int
        Above which they fire.
    decay : int
        Of the voltage, in parts of 4096.
    floor_exponent : int
        The lowest voltage is 1 above minus 2 to the power of this.
    start : int
        The voltage in the first own step, beside its input: of a layer that was flushed, what is
        left of that.
    is_flushed : bool
        Whether the layer hears something before its first own step, and was brought to its floor.
    """

    shifts: Annotated[tuple[tuple[_Shift, ...], ...], Meta(min_length=1, max_length=MOST_OWN_STEPS)]
    threshold: Annotated[int, Meta(ge=GRID, le=THRESHOLD_MAX)]
    decay: Annotated[int, Meta(ge=0, le=2**DECAY_BITS - 1)] = 0
    floor_exponent: Annotated[int, Meta(ge=0, le=MOST_FLOOR_EXPONENT)] = 0
    start: Annotated[int, Meta(ge=0, le=GRID - 1)] = 0
    is_flushed: bool = False

    is_activation = True
    integers = True
    bias_sent = True
    over_time = True

    @property
    def own_steps(self) -> int:
        """Steps in which they may fire."""
        return len(self.shifts)

    @property
    def floor(self) -> int:
        """The lowest voltage."""
        return -(2**self.floor_exponent) + 1

    def check(self, channels: int) -> None:
        """See `Neuron.check`."""
        if any(len(row) != channels for row in self.shifts):
            raise ValueError(f"shifts are not of {channels} channels")
        if any(value % GRID for row in self.shifts for value in row) or self.threshold % GRID:
            raise ValueError(f"shifts or threshold are no multiples of {GRID}")
        kept = -self.floor * (2**DECAY_BITS - self.decay) >> DECAY_BITS
        if self.start != (-kept % GRID if self.is_flushed else 0):
            raise ValueError(f"start is {self.start}, not what a flush leaves")

    def stands_for(self, activation: Neuron) -> bool:
        """For what they are themselves."""
        return activation == self

    def trains(self, sums: np.ndarray) -> np.ndarray:
        """Spikes in the own steps.

        Parameters
        ----------
        sums : numpy.ndarray
            (n, own steps, ..., channels): sums of the weights of all spikes that are heard in each
            of them, whole numbers of any type.

        Returns
        -------
        numpy.ndarray
            float32, of the same shape: 0 or 1.
        """
        found = np.zeros(sums.shape, np.float32)
        keep = 2**DECAY_BITS - self.decay
        voltage = np.full(sums[:, 0].shape, self.start, np.int64)
        for step, shift in enumerate(np.asarray(self.shifts, np.int64)):
            if step:
                voltage = np.sign(voltage) * (np.abs(voltage) * keep >> DECAY_BITS)
            total = np.rint(sums[:, step]).astype(np.int64) + shift
            voltage = np.maximum(voltage + total, self.floor)
            fires = voltage > self.threshold
            found[:, step] = fires
            voltage[fires] = 0
        return found

    def activation(
        self, total: np.ndarray, rate_scale_hz: float, staircase: bool | None = None
    ) -> np.ndarray:
        """Whether a sum alone makes them fire: there is no activation without steps."""
        return (total > self.threshold).astype(np.float32)

    def keras_activation(
        self, total: tf.Tensor, rate_scale_hz: float, staircase: bool | None
    ) -> tf.Tensor:
        """The same of a tensor."""
        from loihiseg.frameworks import tf

        return tf.cast(total > float(self.threshold), total.dtype)

    def nengo_type(self, on_host: bool) -> NeuronType:
        """See `loihiseg.conversion.nengo_neurons.Waiting`."""
        from loihiseg.conversion.nengo_neurons import Waiting

        if on_host:
            raise TypeError("neurons with a leak are on the chip")
        return Waiting(self.threshold, self.floor_exponent, decay=self.decay)

    def membrane(self, dt_s: float = DT_S) -> Membrane:
        """In the chip's integers."""
        return Membrane(float(self.threshold), self.decay / 2**DECAY_BITS)


KINDS: tuple[type[Neuron], ...] = (Leaky,)
