"""Gates: neurons that fire when one, or all, of those they hear do.

Levels and thresholds commute: level k of the largest of several activations is on if it is on in
one of them, of the smallest if in all. So a neuron per level chooses an extreme, if each level has
a neuron of its own; or a neuron per unit, step by step, where a unit sends its levels as a train.

A gate forgets. What it hears counts `WEIGHT` each, which is twice its threshold; of n inputs all of
which are to fire, a bias takes n - 1 off. Nothing is rounded.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np
from msgspec import Meta

from loihiseg.conversion.convolution import term_input
from loihiseg.conversion.firing import DT_S
from loihiseg.conversion.linear import Term
from loihiseg.conversion.neuron import MOST_LEVELS, SPIKE_RATE_HZ, Membrane, Neuron, summed
from loihiseg.conversion.neuron_kinds import Extremum, Offset
from loihiseg.conversion.spec import SpikingLayer
from loihiseg.errors import InputError
from loihiseg.quantization.fixed_point import ACCUMULATOR_BITS, BIAS_MAX

if TYPE_CHECKING:
    from loihiseg.frameworks import tf

    from nengo.neurons import NeuronType

THRESHOLD = 64
"""Of a gate, in the chip's integers: the least there is."""

WEIGHT = 2 * THRESHOLD
"""Of all that a gate hears."""


class Gate(Neuron, msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="gate"):
    """Neurons that fire when one, or all, of those they hear do, and keep nothing.

    Attributes
    ----------
    levels : int
    level_value, offset : float
    largest : bool
        As of the `loihiseg.conversion.neuron_kinds.Extremum` that they stand for.
    per_unit : bool
        Whether one neuron stands for all levels of a unit, one after the other, or one for each.
    """

    levels: Annotated[int, Meta(ge=1, le=MOST_LEVELS)]
    level_value: Annotated[float, Meta(gt=0, le=1e30)]
    largest: bool
    per_unit: bool
    offset: Offset = 0.0

    chooses = True
    integers = True

    @property
    def per_channel(self) -> int:
        """A neuron for each level, or one for all."""
        return 1 if self.per_unit else self.levels

    def check(self, channels: int) -> None:
        """See `Neuron.check`."""
        if channels % self.per_channel:
            raise ValueError(f"{channels} neurons are not of {self.levels} levels")

    def stands_for(self, activation: Neuron) -> bool:
        """For the same extreme of as many levels."""
        return (
            isinstance(activation, Extremum)
            and activation.levels == self.levels
            and activation.largest == self.largest
        )

    def activation(
        self, total: np.ndarray, rate_scale_hz: float, staircase: bool | None = None
    ) -> np.ndarray:
        """What was chosen: spikes."""
        return total

    def keras_activation(
        self, total: tf.Tensor, rate_scale_hz: float, staircase: bool | None
    ) -> tf.Tensor:
        """The same of a tensor."""
        return total

    def represented(self, values: np.ndarray) -> np.ndarray:
        """The levels at their value."""
        reached = summed(values, self.per_channel) * np.float32(self.level_value)
        return np.asarray(reached + np.float32(self.offset))

    def keras_represented(self, values: tf.Tensor) -> tf.Tensor:
        """The same of a tensor."""
        from loihiseg.conversion import layer_input

        return layer_input.summed(values, self.per_channel) * self.level_value + self.offset

    def nengo_type(self, on_host: bool) -> NeuronType:
        """See `loihiseg.conversion.nengo_neurons.Counting`."""
        from loihiseg.conversion.nengo_neurons import Counting

        if on_host:
            raise TypeError("gates are on the chip")
        return Counting(threshold=THRESHOLD)

    def membrane(self, dt_s: float = DT_S) -> Membrane:
        """In integers."""
        return Membrane(float(THRESHOLD))


def gate_layer(
    layer: SpikingLayer, shapes: dict[str, tuple[int, int, int]], per_unit: bool
) -> SpikingLayer:
    """The gates that stand for a layer of extremes.

    Parameters
    ----------
    layer : SpikingLayer
        Of an `Extremum`.
    shapes : dict of str to tuple of int
        (rows, columns, channels) of the activations that it hears.
    per_unit : bool
        As of `Gate`. Sources that have a neuron for each level are heard as trains then.

    Raises
    ------
    InputError
        If a window is too large for the chip's integers; names the layer.
    """
    neuron = layer.neuron
    assert isinstance(neuron, Extremum), layer.name
    each = 1 if per_unit else neuron.levels
    terms, heard = [], np.zeros(layer.shape)
    for term in layer.terms:
        assert isinstance(term, Term), layer.name
        seen = (term.kernel != 0).astype(np.float32)
        kernel = np.repeat(seen * np.float32(WEIGHT), each, axis=2)
        terms.append(replace(term, kernel=kernel, levels=1))
        there = np.ones((1, *shapes[term.source]))
        heard += np.rint(term_input(replace(term, kernel=seen), there, layer.shape)[0])
    largest_sum = heard.max() * WEIGHT
    # Where nothing is heard nothing fires either.
    lowered = WEIGHT * np.maximum(heard - 1, 0) * (not neuron.largest)
    most = 2**ACCUMULATOR_BITS // WEIGHT - 1 if neuron.largest else BIAS_MAX // WEIGHT
    if largest_sum >= 2**ACCUMULATOR_BITS or lowered.max() > BIAS_MAX:
        raise InputError(
            f"layer '{layer.name}': a neuron would look at {int(heard.max()):,} others, at most "
            f"{most:,} can be counted; pool in several steps"
        )
    bias = -np.repeat(lowered, each, axis=2).astype(np.float32) + np.float32(0)
    if (bias == bias[:1, :1]).all():
        bias = np.ascontiguousarray(bias[0, 0])
    rows, columns, channels = layer.shape
    return replace(
        layer,
        shape=(rows, columns, channels * each),
        terms=tuple(terms),
        bias=bias,
        rate_scale_hz=SPIKE_RATE_HZ,
        neuron=Gate(neuron.levels, neuron.level_value, neuron.largest, per_unit, neuron.offset),
    )
