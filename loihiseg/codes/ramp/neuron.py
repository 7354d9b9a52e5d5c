"""Kinds of neurons: those that wait for all of their input, and those of their clocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np
from msgspec import Meta

from loihiseg.codes.ramp.integers import MOST_SUM
from loihiseg.conversion.firing import DT_S
from loihiseg.conversion.neuron import MOST_LEVELS, MOST_STEPS, Membrane, Neuron
from loihiseg.conversion.neuron_kinds import NeuronPerLevel, Offset, stands_for_levels

if TYPE_CHECKING:
    from loihiseg.frameworks import tf

    from nengo.neurons import NeuronType

THRESHOLD = 64
"""Of the chip's neurons, in its integers: the least there is."""

MOST_FLOOR_EXPONENT = 23
"""Bits of a voltage on the chip, without sign."""

MOST_PULSED = 1024
"""Neurons of a clock."""

_Step = Annotated[int, Meta(ge=1, le=MOST_STEPS)]

_Sum = Annotated[int, Meta(ge=-MOST_SUM, le=MOST_SUM)]


class Ramp(Neuron, msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="ramp"):
    """Neurons that send a spike for every level that the sum of their input reaches.

    Kernels of their layers are the chip's integers, and so are thresholds: nothing is left to be
    rounded.

    Attributes
    ----------
    levels : int
    level_value, offset : float
        As of the activation that they stand for.
    thresholds : tuple of tuple of int
        What a sum must reach for each level, the lowest first, by channel.
    floor_exponent : int
        The lowest voltage is 1 above minus 2 to the power of this.
    """

    levels: Annotated[int, Meta(ge=1, le=MOST_LEVELS)]
    level_value: Annotated[float, Meta(gt=0, le=1e30)]
    thresholds: Annotated[tuple[tuple[_Sum, ...], ...], Meta(max_length=MOST_LEVELS)]
    floor_exponent: Annotated[int, Meta(ge=1, le=MOST_FLOOR_EXPONENT)]
    offset: Offset = 0.0

    integers = True
    bias_sent = True

    def check(self, channels: int) -> None:
        """See `Neuron.check`."""
        if len(self.thresholds) != self.levels:
            raise ValueError(f"{len(self.thresholds)} thresholds are not of {self.levels} levels")
        if any(len(row) != channels for row in self.thresholds):
            raise ValueError(f"thresholds are not of {channels} channels")
        if (np.diff(self._thresholds, axis=0) < 0).any():
            raise ValueError("thresholds do not ascend with their levels")

    @property
    def _thresholds(self) -> np.ndarray:
        """float32, (levels, channels)."""
        return np.asarray(self.thresholds, np.float32)

    def stands_for(self, activation: Neuron) -> bool:
        """For as many levels."""
        return stands_for_levels(self.levels, activation)

    def activation(
        self, total: np.ndarray, rate_scale_hz: float, staircase: bool | None = None
    ) -> np.ndarray:
        """Levels that are reached: as many spikes."""
        found = np.zeros_like(total)
        for threshold in self._thresholds:
            found += total >= threshold
        return found

    def keras_activation(
        self, total: tf.Tensor, rate_scale_hz: float, staircase: bool | None
    ) -> tf.Tensor:
        """The same of a tensor."""
        from loihiseg.frameworks import tf

        return tf.add_n([tf.cast(total >= row, total.dtype) for row in self._thresholds])

    def represented(self, values: np.ndarray) -> np.ndarray:
        """The levels at their value."""
        return np.asarray(values * np.float32(self.level_value) + np.float32(self.offset))

    def keras_represented(self, values: tf.Tensor) -> tf.Tensor:
        """The same of a tensor."""
        return values * self.level_value + self.offset

    def nengo_type(self, on_host: bool) -> NeuronType:
        """See `loihiseg.conversion.nengo_neurons.Waiting`."""
        from loihiseg.conversion.nengo_neurons import Waiting

        if on_host:
            raise TypeError("neurons that wait are on the chip")
        return Waiting(threshold=THRESHOLD, floor_exponent=self.floor_exponent)

    def membrane(self, dt_s: float = DT_S) -> Membrane:
        """Without decay."""
        return Membrane(float(THRESHOLD))


class Train(NeuronPerLevel, msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="train"):
    """Neurons on the host, one for each level, that fire one after the other: the highest first.

    So a unit sends its levels as neurons on the chip do, which fire in the last steps of a train.

    Attributes
    ----------
    levels : int
    level_value, offset : float
        As of the activation that they stand for.
    first : int
        The step of the highest level, from 1.
    """

    levels: Annotated[int, Meta(ge=1, le=MOST_LEVELS)]
    level_value: Annotated[float, Meta(gt=0, le=1e30)]
    first: _Step
    offset: Offset = 0.0

    def nengo_type(self, on_host: bool) -> NeuronType:
        """See `loihiseg.conversion.nengo_neurons.Staggered`."""
        from loihiseg.conversion import nengo_neurons

        if not on_host:
            raise TypeError("neurons on the chip send trains by themselves")
        return nengo_neurons.Staggered(levels=self.levels, first=self.first)

    def schedule(self, n_steps: int) -> np.ndarray:
        """Steps of the neurons of a unit, bool, (n_steps, levels): of all units alike."""
        steps = np.arange(1, n_steps + 1)[:, None]
        return steps == self.first + self.levels - 1 - np.arange(self.levels)

    def host_spikes(self, current: np.ndarray, n_steps: int) -> np.ndarray:
        """All that are on, each in its step."""
        times = self.schedule(n_steps)
        return (current > 0) & np.tile(times, (1, len(current) // self.levels))

    def membrane(self, dt_s: float = DT_S) -> Membrane:
        """None there is."""
        raise TypeError("these neurons are on the host")


class Pulsed(Neuron, msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="pulsed"):
    """Neurons on the host, each of which fires in steps of its own, whatever the pixels are.

    Attributes
    ----------
    pulses : tuple of tuple of int
        Of each neuron, the steps in which it fires, ascending from 1.
    """

    pulses: Annotated[tuple[tuple[_Step, ...], ...], Meta(max_length=MOST_PULSED)]

    compares = True

    def check(self, channels: int) -> None:
        """See `Neuron.check`."""
        if len(self.pulses) != channels:
            raise ValueError(f"pulses of {len(self.pulses)} neurons are not of {channels}")
        if any(list(own) != sorted(set(own)) for own in self.pulses):
            raise ValueError("pulses of a neuron are not ascending")

    def stands_for(self, activation: Neuron) -> bool:
        """For nothing."""
        return False

    def activation(
        self, total: np.ndarray, rate_scale_hz: float, staircase: bool | None = None
    ) -> np.ndarray:
        """1: it fires whenever it may."""
        return np.ones_like(total)

    def keras_activation(
        self, total: tf.Tensor, rate_scale_hz: float, staircase: bool | None
    ) -> tf.Tensor:
        """The same of a tensor."""
        return 0.0 * total + 1.0

    def nengo_type(self, on_host: bool) -> NeuronType:
        """See `loihiseg.conversion.nengo_neurons.Pulsed`."""
        from loihiseg.conversion import nengo_neurons

        if not on_host:
            raise TypeError("clocks are on the host")
        return nengo_neurons.Pulsed(self.pulses)

    def schedule(self, n_steps: int) -> np.ndarray:
        """Steps in which each neuron fires, bool, (n_steps, neurons)."""
        steps = np.arange(1, n_steps + 1)
        return np.stack([np.isin(steps, own) for own in self.pulses], axis=1)

    def host_spikes(self, current: np.ndarray, n_steps: int) -> np.ndarray:
        """The schedule."""
        return self.schedule(n_steps)

    def membrane(self, dt_s: float = DT_S) -> Membrane:
        """None there is."""
        raise TypeError("clocks are on the host")
