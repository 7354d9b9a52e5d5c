"""Activations that are no rectified sums: functions in floats, and equal levels of them.

Level k of L between two values is where a function has come more than half of the way from the
value of the level before: the activation is ``low + step * clip(floor((f(x) - low) / step + 1/2),
0, L)``, ``step`` being ``(high - low) / L``. As f never falls, that is how many of L thresholds the
argument has reached. Levels are all of one value, so that a spike of any of them weighs the same;
thresholds are as far apart as the function is steep. What level 0 is worth is a constant of the
layers that hear it, pixel by pixel where padding cuts it off; see `heard_offset`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np
from msgspec import Meta

from loihiseg.conversion.convolution import term_input
from loihiseg.conversion.firing import DT_S
from loihiseg.conversion.monotone import Monotone
from loihiseg.conversion.neuron import MOST_LEVELS, Neuron
from loihiseg.conversion.neuron_kinds import (
    ActivationOfLevels,
    Extremum,
    Offset,
    Quantized,
    Rectified,
)

if TYPE_CHECKING:
    from typing import NoReturn

    from loihiseg.frameworks import tf

    from loihiseg.conversion.spec import SpikingLayer

FAR = 1e30
"""A threshold that no sum reaches; below 0, that all do."""

_Threshold = Annotated[float, Meta(ge=-FAR, le=FAR)]


class FloatActivation(
    Neuron, msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="function"
):
    """An activation in floats, for which no neurons stand until it has levels (`of_levels`)."""

    function: Monotone

    is_activation = True

    def check(self, channels: int) -> None:
        """See `Neuron.check`."""
        if len(self.function.slopes) not in (1, channels):
            raise ValueError(f"{len(self.function.slopes)} slopes are not of {channels} channels")

    def stands_for(self, activation: Neuron) -> bool:
        """For nothing."""
        return False

    def activation(
        self, total: np.ndarray, rate_scale_hz: float, staircase: bool | None = None
    ) -> np.ndarray:
        """The function's value."""
        return np.asarray(self.function.of(total), np.float32)

    def keras_activation(
        self, total: tf.Tensor, rate_scale_hz: float, staircase: bool | None
    ) -> tf.Tensor:
        """The same of a tensor."""
        from loihiseg.frameworks import tf

        return tf.cast(self.function.of(total, tf.experimental.numpy), total.dtype)

    def nengo_type(self, on_host: bool) -> NoReturn:
        """None there is."""
        raise TypeError(_NO_NEURONS)

    def host_spikes(self, current: np.ndarray, n_steps: int) -> NoReturn:
        """None there are."""
        raise TypeError(_NO_NEURONS)

    def membrane(self, dt_s: float = DT_S) -> NoReturn:
        """None there is."""
        raise TypeError(_NO_NEURONS)


class Stepwise(
    ActivationOfLevels, msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="stepwise"
):
    """An activation of equal levels with thresholds of their own.

    Attributes
    ----------
    levels : int
    level_value, offset : float
        See `Neuron`.
    thresholds : tuple of tuple of float
        What the input must reach for each level, the lowest first: of all channels, or of each.
    """

    levels: Annotated[int, Meta(ge=1, le=MOST_LEVELS)]
    level_value: Annotated[float, Meta(gt=0, le=1e30)]
    offset: Offset
    thresholds: Annotated[tuple[tuple[_Threshold, ...], ...], Meta(max_length=MOST_LEVELS)]

    def check(self, channels: int) -> None:
        """See `Neuron.check`."""
        super().check(channels)
        if len(self.thresholds) != self.levels:
            raise ValueError(f"{len(self.thresholds)} thresholds are not of {self.levels} levels")
        if {len(row) for row in self.thresholds} not in ({1}, {channels}):
            raise ValueError(f"thresholds are not of {channels} channels")
        if (np.diff(np.asarray(self.thresholds), axis=0) < 0).any():
            raise ValueError("thresholds do not ascend with their levels")

    def crossings(self, channels: int) -> np.ndarray:
        """See `ActivationOfLevels.crossings`."""
        return np.broadcast_to(np.asarray(self.thresholds, np.float64), (self.levels, channels)).T

    def activation(
        self, total: np.ndarray, rate_scale_hz: float, staircase: bool | None = None
    ) -> np.ndarray:
        """What level 0 is worth, and the levels that the input reaches."""
        found = np.zeros_like(total)
        for threshold in np.asarray(self.thresholds, np.float32):
            found += total >= threshold
        return np.asarray(found * np.float32(self.level_value) + np.float32(self.offset))

    def keras_activation(
        self, total: tf.Tensor, rate_scale_hz: float, staircase: bool | None
    ) -> tf.Tensor:
        """The same of a tensor."""
        from loihiseg.frameworks import tf

        rows = np.asarray(self.thresholds, np.float32)
        reached = tf.add_n([tf.cast(total >= row, total.dtype) for row in rows])
        return reached * self.level_value + self.offset


KINDS: tuple[type[Neuron], ...] = (FloatActivation, Stepwise)
"""Kinds of this module."""

RELU = Monotone("relu")

_NO_NEURONS = "an activation in floats has no neurons: give it levels"


def stepwise(function: Monotone, levels: int, low: float, high: float) -> Stepwise:
    """Equal levels of a function.

    Parameters
    ----------
    function : Monotone
    levels : int
    low, high : float
        What level 0 and the highest level are worth; ``low`` below ``high``.

    Raises
    ------
    ValueError
        If the function is at one level for every argument.
    """
    step = (high - low) / levels
    rows = [function.crossing(low + (k + 0.5) * step) for k in range(levels)]
    if not np.isfinite(rows).any():
        raise ValueError(
            f"has {levels} levels from {low:g} to {high:g}, of which the activation before it "
            "takes one alone; choose low and high within what that gives"
        )
    thresholds = np.maximum.accumulate(np.clip(rows, -FAR, FAR), axis=0)
    return Stepwise(levels, step, low, tuple(tuple(map(float, row)) for row in thresholds))


def of_levels(neuron: Neuron, levels: int, low: float, high: float) -> Neuron:
    """An activation without levels as one of equal levels between two values.

    Parameters
    ----------
    neuron : Neuron
        A rectified one, a `FloatActivation`, or an extreme of such, with the ``low`` and ``high``
        of what it is chosen among.
    levels, low, high
        As of `stepwise`.
    """
    if isinstance(neuron, Extremum):
        return Extremum(levels, (high - low) / levels, neuron.largest, low)
    if isinstance(neuron, Rectified) and low == 0:
        return Quantized(levels, high / levels)
    function = neuron.function if isinstance(neuron, FloatActivation) else RELU
    return stepwise(function, levels, low, high)


def heard_offset(layer: SpikingLayer, sources: Mapping[str, SpikingLayer]) -> np.ndarray | None:
    """What a layer hears of its sources at level 0.

    Parameters
    ----------
    layer : SpikingLayer
        Of activations.
    sources : mapping of str to SpikingLayer
        By name; inputs are none of them.

    Returns
    -------
    numpy.ndarray or None
        float64, (channels,), or (rows, columns, channels) where padding makes pixels unlike; None
        for nothing.
    """
    total = None
    for term in layer.terms:
        source = sources.get(term.source)
        if source is None or not source.neuron.offset:
            continue
        there = np.full((1, *source.shape), source.neuron.offset, np.float64)
        found = term_input(term, there, layer.shape)[0]
        total = found if total is None else total + found
    if total is None:
        return None
    # Sums of the same values in another order differ in their last bits.
    apart = np.abs(total - total[0, 0]).max()
    return total[0, 0] if apart <= 1e-9 * np.abs(total).max() else total
