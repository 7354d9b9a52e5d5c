"""Kinds of neurons: activations that networks are trained with, and neurons that stand for levels.

A kind knows what it is; what it is asked stands in `loihiseg.conversion.neuron.Neuron`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, NoReturn

import msgspec
import numpy as np
from msgspec import Meta

from loihiseg.conversion.firing import DT_S, loihi_rate, rectified_spikes
from loihiseg.conversion.neuron import (
    MEMORYLESS_TAU_S,
    MOST_LEVELS,
    MOST_STEPS,
    THRESHOLD,
    ChipLayer,
    Membrane,
    Neuron,
    summed,
)

if TYPE_CHECKING:
    from loihiseg.frameworks import tf

    from nengo.neurons import NeuronType

    from loihiseg.conversion.spec import SpikingLayer


Offset = Annotated[float, Meta(ge=-1e30, le=1e30)]
"""What an activation is at level 0."""


class Rectified(Neuron, msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="rectified"):
    """Integrate-and-fire neurons, whose firing rate stands for a rectified activation.

    Attributes
    ----------
    staircase : bool
        Whether the activation was trained as the chip's rate staircase (else an ideal ReLU).
    """

    staircase: bool = False

    is_activation = True

    @property
    def stepped(self) -> bool:
        """Whether it was trained as what the chip's neurons settle at."""
        return self.staircase

    def stands_for(self, activation: Neuron) -> bool:
        """For what it is itself."""
        return isinstance(activation, Rectified)

    def activation(
        self, total: np.ndarray, rate_scale_hz: float, staircase: bool | None = None
    ) -> np.ndarray:
        """The rate over that of an activation of 1."""
        scale = np.float32(rate_scale_hz)
        current_hz = total * scale
        steps = self.staircase if staircase is None else staircase
        rates_hz = loihi_rate(current_hz) if steps else np.maximum(current_hz, 0)
        return np.asarray(rates_hz / scale)

    def keras_activation(
        self, total: tf.Tensor, rate_scale_hz: float, staircase: bool | None
    ) -> tf.Tensor:
        """The same of a tensor."""
        from loihiseg.frameworks import tf

        from loihiseg.network.activations import loihi_rate

        steps = self.staircase if staircase is None else staircase
        rate = loihi_rate if steps else tf.nn.relu
        return rate(total * rate_scale_hz) / rate_scale_hz

    def nengo_type(self, on_host: bool) -> None:
        """NengoDL's for a ReLU."""
        return None

    def host_spikes(self, current: np.ndarray, n_steps: int) -> np.ndarray:
        """As nengo-loihi's neurons on the host."""
        return rectified_spikes(current, n_steps)

    def membrane(self, dt_s: float = DT_S) -> Membrane:
        """Without decay; it counts in spikes per second."""
        return Membrane(1.0 / dt_s)

    def meant(self, chip: ChipLayer) -> tuple[list[np.ndarray], np.ndarray]:
        """A threshold that is off by a factor scales all input of a neuron that integrates."""
        threshold = self.membrane(chip.dt_s).threshold
        error = threshold * chip.voltage_scale / chip.threshold
        weights = [
            floats * error[channels]
            for floats, channels in zip(chip.floats, chip.channels, strict=True)
        ]
        return weights, chip.bias / chip.bias_scale * error

    def quantized(self, layer: SpikingLayer, chip: ChipLayer) -> SpikingLayer:
        """The weights that are meant, as kernels."""
        weights, bias = self.meant(chip)
        scale_hz = layer.rate_scale_hz
        terms = tuple(
            term.with_values((meant * chip.dt_s * hz / scale_hz).astype(np.float32))
            for term, meant, hz in zip(layer.terms, weights, chip.sources_hz, strict=True)
        )
        return replace(layer, terms=terms, bias=(bias / scale_hz).astype(np.float32))


def stands_for_levels(levels: int, activation: Neuron) -> bool:
    """Whether neurons of so many levels can stand for an activation: of a sum, in as many."""
    is_of_sum = isinstance(activation, ActivationOfLevels) and not activation.chooses
    return is_of_sum and activation.levels == levels


class ActivationOfLevels(Neuron):
    """What activations of levels have in common: they need neurons that stand for them.

    A code says which.
    """

    is_activation = True

    def check(self, channels: int) -> None:
        """See `Neuron.check`."""
        _check_levels(self)

    def stands_for(self, activation: Neuron) -> bool:
        """For nothing: there are no such neurons."""
        return False

    def crossings(self, channels: int) -> np.ndarray:
        """What the input must reach for each level, float64, (channels, levels)."""
        raise NotImplementedError

    def nengo_type(self, on_host: bool) -> NoReturn:
        """None there is."""
        raise TypeError(_NO_NEURONS)

    def host_spikes(self, current: np.ndarray, n_steps: int) -> NoReturn:
        """None there are."""
        raise TypeError(_NO_NEURONS)

    def membrane(self, dt_s: float = DT_S) -> NoReturn:
        """None there is."""
        raise TypeError(_NO_NEURONS)


class NeuronPerLevel(Neuron):
    """What neurons have in common that stand for levels, one for each, and are on or off.

    They are on where their input is above 0; the layer's shape counts neurons.
    """

    compares = True

    @property
    def per_channel(self) -> int:
        """A neuron for each level."""
        return self.levels

    def check(self, channels: int) -> None:
        """See `Neuron.check`."""
        _check_levels(self)
        if channels % self.levels:
            raise ValueError(f"{channels} neurons are not of {self.levels} levels")

    def stands_for(self, activation: Neuron) -> bool:
        """For the levels of sums, if they are as many."""
        return stands_for_levels(self.levels, activation)

    def activation(
        self, total: np.ndarray, rate_scale_hz: float, staircase: bool | None = None
    ) -> np.ndarray:
        """1 where it is on."""
        return (total > 0).astype(np.float32)

    def keras_activation(
        self, total: tf.Tensor, rate_scale_hz: float, staircase: bool | None
    ) -> tf.Tensor:
        """The same of a tensor."""
        from loihiseg.frameworks import tf

        return tf.cast(total > 0, total.dtype)

    def represented(self, values: np.ndarray) -> np.ndarray:
        """The levels that are on, each at its value."""
        reached = summed(values, self.levels) * np.float32(self.level_value)
        return np.asarray(reached + np.float32(self.offset))

    def keras_represented(self, values: tf.Tensor) -> tf.Tensor:
        """The same of a tensor."""
        from loihiseg.conversion import layer_input

        return layer_input.summed(values, self.levels) * self.level_value + self.offset


class Quantized(
    ActivationOfLevels, msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="quantized"
):
    """A rectified activation of equal levels."""

    levels: Annotated[int, Meta(ge=1, le=MOST_LEVELS)]
    level_value: Annotated[float, Meta(gt=0, le=1e30)] = 1.0

    def crossings(self, channels: int) -> np.ndarray:
        """Level k is reached halfway from the one below."""
        steps = (np.arange(self.levels) + 0.5) * self.level_value
        return np.broadcast_to(steps, (channels, self.levels))

    def activation(
        self, total: np.ndarray, rate_scale_hz: float, staircase: bool | None = None
    ) -> np.ndarray:
        """The levels that the input reaches."""
        step = np.float32(self.level_value)
        reached = np.floor(total / step + np.float32(0.5))
        return np.asarray(step * np.clip(reached, 0, np.float32(self.levels)))

    def keras_activation(
        self, total: tf.Tensor, rate_scale_hz: float, staircase: bool | None
    ) -> tf.Tensor:
        """The same of a tensor."""
        from loihiseg.network.quantized import quantized_relu

        return quantized_relu(total, self.level_value * self.levels, self.levels)


class Extremum(
    ActivationOfLevels, msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="extremum"
):
    """The largest or smallest of activations of levels: pooling, and maxima of layers.

    All that such a layer hears are layers of as many levels, each of the same value. Its terms are
    depthwise, with weights of 1 at the pixels that a window looks at and 0 at those that it does
    not. The activation is the extreme of all that the windows of all terms look at, pixel by pixel
    and channel by channel; padding is looked at by none. The bias is 0.

    It needs neurons that stand for it, as `Quantized` does: a code says which. Without levels it is
    computed in floats alone, and no neurons stand for it.

    Attributes
    ----------
    levels : int
        Of its sources, and so its own; 0 where those have none.
    level_value : float
        Of its sources, and so its own.
    largest : bool
        The largest, or else the smallest.
    offset : float
        Of its sources, and so its own.
    """

    levels: Annotated[int, Meta(ge=0, le=MOST_LEVELS)]
    level_value: Annotated[float, Meta(gt=0, le=1e30)] = 1.0
    largest: bool = True
    offset: Offset = 0.0

    chooses = True

    def check(self, channels: int) -> None:
        """See `Neuron.check`."""
        _check_levels(self, 0)

    def activation(
        self, total: np.ndarray, rate_scale_hz: float, staircase: bool | None = None
    ) -> np.ndarray:
        """What was chosen already, see `loihiseg.conversion.convolution.layer_total`."""
        return total

    def keras_activation(
        self, total: tf.Tensor, rate_scale_hz: float, staircase: bool | None
    ) -> tf.Tensor:
        """The same of a tensor."""
        return total


class Memoryless(
    NeuronPerLevel, msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="memoryless"
):
    """Neurons that fire in every step in which their input is above 0, one for each level.

    Attributes
    ----------
    levels : int
        Neurons of a channel.
    level_value, offset : float
        As of the activation that they stand for.
    active_steps : tuple of int or None
        Steps, from 1, in which those on the host may fire; None for all.
    """

    levels: Annotated[int, Meta(ge=1, le=MOST_LEVELS)]
    level_value: Annotated[float, Meta(gt=0, le=1e30)] = 1.0
    active_steps: tuple[int, ...] | None = None
    offset: Offset = 0.0

    whole_kernels = True

    def check(self, channels: int) -> None:
        """See `Neuron.check`."""
        super().check(channels)
        steps = self.active_steps or ()
        if any(not 1 <= step <= MOST_STEPS for step in steps) or list(steps) != sorted(set(steps)):
            raise ValueError(f"active steps are not ascending from 1 to {MOST_STEPS}")

    def nengo_type(self, on_host: bool) -> NeuronType:
        """Neurons that forget; see `loihiseg.conversion.nengo_neurons`."""
        from loihiseg.conversion.nengo_neurons import Binary, Forgetting

        return Binary(active_steps=self.active_steps) if on_host else Forgetting()

    def bias_offset(self, on_host: bool) -> float:
        """The chip's neurons fire above 1, not above 0."""
        return 0.0 if on_host else THRESHOLD

    def schedule(self, n_steps: int) -> np.ndarray:
        """The active steps."""
        if self.active_steps is None:
            return np.ones(n_steps, bool)
        return np.isin(np.arange(1, n_steps + 1), self.active_steps)

    def host_spikes(self, current: np.ndarray, n_steps: int) -> np.ndarray:
        """All that are on, in every active step."""
        return (current > 0)[None] & self.schedule(n_steps)[:, None]

    def membrane(self, dt_s: float = DT_S) -> Membrane:
        """The fastest decay."""
        decay = -float(np.expm1(-dt_s / MEMORYLESS_TAU_S))
        return Membrane(1.0, decay, undo_gain=True, forgets_current=True)

    def meant(self, chip: ChipLayer) -> tuple[list[np.ndarray], np.ndarray]:
        """A threshold that is off is a bias that is off."""
        threshold = self.membrane(chip.dt_s).threshold
        return chip.floats, chip.bias / chip.bias_scale + (
            threshold - chip.threshold / chip.bias_scale
        )

    def quantized(self, layer: SpikingLayer, chip: ChipLayer) -> SpikingLayer:
        """The integers themselves: only the sign of the input counts.

        float32 adds them without rounding. The bias holds the threshold.
        """
        bias = chip.bias - chip.threshold
        terms = tuple(
            term.with_values(integers)
            for term, integers in zip(layer.terms, chip.weights, strict=True)
        )
        return replace(layer, terms=terms, bias=bias.astype(np.float32))

    def bias_unit(self, weights: list[np.ndarray]) -> float:
        """In thousandths of the largest weight."""
        return 1000.0 / max(*(float(np.abs(w).max(initial=0)) for w in weights), 1e-30)


KINDS: tuple[type[Neuron], ...] = (Rectified, Quantized, Extremum, Memoryless)
"""Kinds that every network may have."""


_NO_NEURONS = "an activation of levels has no neurons: a neural code gives those that stand for it"


def _check_levels(neuron: Neuron, fewest: int = 1) -> None:
    if not fewest <= neuron.levels <= MOST_LEVELS:
        raise ValueError(f"has {neuron.levels} levels, expected {fewest} to {MOST_LEVELS}")
    if not 0 < neuron.level_value <= 1e30:
        raise ValueError(f"level_value is {neuron.level_value}, expected above 0, to 1e+30")
    if not abs(neuron.offset) <= 1e30:
        raise ValueError(f"offset is {neuron.offset}, expected -1e+30 to 1e+30")
