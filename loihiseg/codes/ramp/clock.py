"""The clock of a layer: flush, set, release, ramp.

A neuron has no decay and no bias; its threshold is `THRESHOLD`, the least of the chip, its floor
``-2**k + 1``. Host spikes with a weight per channel move it through an image::

    flush    at least -2**k - 64: to the floor, from any voltage
    set      2**k - M: to -M + 1. M is at least the largest sum of positive input before the last
             step of it, so that nothing fires early; 2**k - M at least the largest sum of negative
             input, so that nothing meets the floor
    release  M + 64 - t(L), together with the last input: fires if the sum reaches t(L), the
             threshold of the highest level
    ramp     t(L) - t(L-1), t(L-1) - t(L-2), ... in the steps that follow: at each of them, those
             fire that reach the next lower threshold

All of it is in multiples of 64, but for the 1 of the floor, which is below them. What no weight is
large or fine enough for is sent as two: one of steps of `COARSE`, one of 64. Each is a group of
synapses with an exponent of its own; nengo-loihi's own groups have none above 0, in which a
thousand times as many spikes would have to be sent. A neuron that has
fired is reset to 0; every step of the ramp is above the threshold, so it fires in all that follow:
as many spikes as levels. After the last of them nothing moves it until the next image.

The ramp could be the neuron's own bias where all its steps are alike, and would then cost no
events. They are not quite: each threshold is rounded to the grid on its own, as the thermometer
code has it. And from rest a biased neuron fires in the first step, whole layers at once, which is
more than the events saved. So it is the clock's.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from loihiseg.codes.ramp.integers import GRID, LEAST_APART, IntegerLayer, largest_sums
from loihiseg.codes.ramp.neuron import MOST_FLOOR_EXPONENT, THRESHOLD
from loihiseg.codes.ramp.schedule import Times
from loihiseg.conversion.spec import SpikingLayer
from loihiseg.errors import InputError
from loihiseg.quantization.fixed_point import (
    ACCUMULATOR_BITS,
    WEIGHT_MANTISSA_MAX,
)

COARSE = 128 * GRID
"""Step of a clock's large weights: the rest of any number is below the largest fine weight."""

_LEAST_FLOOR_EXPONENT = COARSE.bit_length()

LARGEST = WEIGHT_MANTISSA_MAX * COARSE
"""The largest weight of a clock."""

MOST_INPUT = 2**ACCUMULATOR_BITS - 1
"""The largest input of a step."""


@dataclass(frozen=True, eq=False)
class Margins:
    """How far a layer is kept below its threshold while it hears, and how deep its floor is.

    Attributes
    ----------
    margin : int
        M.
    floor_exponent : int
        k.
    n_flush, n_set : int
        Spikes of the clock for each.
    """

    margin: int
    floor_exponent: int
    n_flush: int
    n_set: int

    @property
    def prepared(self) -> int:
        """Steps of the clock before the first step in which something is heard."""
        return self.n_flush + self.n_set - 1


@dataclass(frozen=True, eq=False)
class Pulse:
    """A neuron of a clock.

    Attributes
    ----------
    weights : numpy.ndarray
        int64, (channels,), or (rows, columns, channels).
    steps : tuple of int
        In which it fires, ascending, from 1.
    """

    weights: np.ndarray
    steps: tuple[int, ...]

    @property
    def coarse(self) -> bool:
        """Whether its weights are of steps of `COARSE`."""
        return not (self.weights % COARSE).any()


@dataclass(frozen=True)
class Sent:
    """The most spikes that one unit of a source sends to a layer for an image.

    Attributes
    ----------
    total, early, at_once : int
        In all; before the step in which the layer is released; in one step.
    """

    total: int
    early: int
    at_once: int


@dataclass(frozen=True, eq=False)
class Bounds:
    """Largest sums of a layer's positive and of its negative input, each at least 0.

    Attributes
    ----------
    total, early, at_once : numpy.ndarray
        int64, (2, channels): positive and negative; over the spikes that `Sent` has.
    """

    total: np.ndarray
    early: np.ndarray
    at_once: np.ndarray


def bounds(layer: SpikingLayer, integers: IntegerLayer, sent: Mapping[str, Sent]) -> Bounds:
    """Largest sums that there can be, whatever the image is.

    Parameters
    ----------
    layer : SpikingLayer
        Of activations.
    integers : IntegerLayer
    sent : mapping of str to Sent
        By source.
    """
    total, early, at_once = np.zeros((3, 2, layer.shape[2]), np.int64)
    for term, weights in zip(layer.terms, integers.weights, strict=True):
        sums, spikes = np.stack(largest_sums(term, weights, layer.shape[2])), sent[term.source]
        total += spikes.total * sums
        early += spikes.early * sums
        at_once += spikes.at_once * sums
    if integers.bias is not None:
        # It is sent with the release.
        total += np.stack([np.maximum(sign * integers.bias, 0).max((0, 1)) for sign in (1, -1)])
    return Bounds(total, early, at_once)


def within_reach(thresholds: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Thresholds that no sum reaches, or all do, as near to the sums as can be.

    Parameters
    ----------
    thresholds : numpy.ndarray
        (levels, channels), as of `IntegerLayer`.
    total : numpy.ndarray
        As of `Bounds`.
    """
    found = thresholds.copy()
    highest, lowest = total[0] + GRID, -total[1]
    for level in range(len(found)):
        found[level] = np.minimum(found[level], highest)
        highest = np.maximum(total[0] + GRID, found[level] + LEAST_APART)
    for level in range(len(found))[::-1]:
        found[level] = np.maximum(found[level], lowest)
        lowest = np.minimum(-total[1], found[level] - LEAST_APART)
    return found


def margins(name: str, integers: IntegerLayer, found: Bounds) -> Margins:
    """The least margins with which a layer is right for every input.

    Parameters
    ----------
    name : str
        Of the layer, for errors.
    integers : IntegerLayer
        Its thresholds `within_reach`.
    found : Bounds

    Raises
    ------
    TooLargeError
        If the chip's voltages are too small; names the layer.
    """
    least = -(-int(found.early[0].max()) // COARSE) * COARSE
    deepest = int(found.total[1].max())
    # The highest level's threshold, from the lowest sum, is what a whole ramp could have to pass.
    below = int((found.total[1] + integers.thresholds[-1]).max()) - THRESHOLD
    for k in range(_LEAST_FLOOR_EXPONENT, MOST_FLOOR_EXPONENT + 1):
        n_set = max(-(-(2**k - least) // LARGEST), 1)
        # Each spike that sets has the same weight.
        up = (2**k - least) // (COARSE * n_set) * n_set * COARSE
        if up >= max(deepest, COARSE) and 2**k >= below:
            return Margins(2**k - up, k, -(-(2**k + GRID) // LARGEST), n_set)
    needed = max(least + deepest, below)
    raise _too_large(name, f"{needed:,}, voltages hold {2**MOST_FLOOR_EXPONENT - 1:,}")


class TooLargeError(InputError):
    """The sums of a layer are too large for the chip."""


def check_steps(name: str, integers: IntegerLayer, found: Bounds, margins: Margins) -> None:
    """See that the chip can add up what a layer is sent in one step.

    Parameters
    ----------
    name, integers, found
        As of `margins`.
    margins : Margins

    Raises
    ------
    TooLargeError
        If the input of a step could be larger; names the layer.
    """
    up, release = _up(margins), _release(integers, margins)
    positive, negative = found.at_once
    ramp = np.diff(integers.thresholds, axis=0)
    sums = (release + positive, negative - release, negative, up + positive, ramp)
    largest = max(int(np.max(own, initial=0)) for own in sums)
    if largest > MOST_INPUT:
        raise _too_large(name, f"{largest:,} in a step, the chip adds up to {MOST_INPUT:,}")


def _up(margins: Margins) -> int:
    """By how much each spike of the clock that sets moves a voltage."""
    return (2**margins.floor_exponent - margins.margin) // margins.n_set


def _release(integers: IntegerLayer, margins: Margins) -> np.ndarray:
    """By how much the release does, with the bias of a pixel."""
    release = margins.margin + THRESHOLD - integers.thresholds[-1]
    return release if integers.bias is None else release + integers.bias


def pulses(
    name: str, integers: IntegerLayer, found: Bounds, margins: Margins, times: Times
) -> tuple[Pulse, ...]:
    """The neurons of a layer's clock.

    Parameters
    ----------
    name, integers, found
        As of `margins`.
    margins : Margins
    times : Times

    Raises
    ------
    TooLargeError
        If the input of a step could be larger than the chip adds up; names the layer.
    """
    check_steps(name, integers, found, margins)
    channels = integers.thresholds.shape[1]
    up, release = _up(margins), _release(integers, margins)
    first_set = times.hears - margins.n_set + 1
    flush = np.full(channels, -LARGEST)
    sent = [(flush, first_set - n) for n in range(1, margins.n_flush + 1)]
    for n in range(margins.n_set):
        sent += [(part, first_set + n) for part in digits(np.full(channels, up))]
    sent += [(part, times.released) for part in digits(release)]
    steps_down = np.diff(integers.thresholds, axis=0)[::-1]
    for n, step in enumerate(steps_down, start=1):
        sent += [(part, times.released + n) for part in digits(step)]
    return joined(sent)


def digits(values: np.ndarray) -> list[np.ndarray]:
    """Weights of pulses, coarse or fine, that add up to multiples of 64.

    Parameters
    ----------
    values : numpy.ndarray
        int64, multiples of `GRID`.

    Returns
    -------
    list of numpy.ndarray
        As few as can be; none of zeros alone.
    """
    found, rest = [], values
    while np.abs(rest).max(initial=0) > WEIGHT_MANTISSA_MAX * GRID:
        coarse = np.rint(rest / COARSE).astype(np.int64)
        found.append(np.clip(coarse, -WEIGHT_MANTISSA_MAX, WEIGHT_MANTISSA_MAX) * COARSE)
        rest = rest - found[-1]
    return [*found, rest] if rest.any() else found


def joined(sent: list[tuple[np.ndarray, int]]) -> tuple[Pulse, ...]:
    """One neuron for all steps in which the same weights are sent.

    Parameters
    ----------
    sent : list of (numpy.ndarray, int)
        Weights, int64, and the step in which they are sent.
    """
    steps: dict[tuple[bytes, int], list[int]] = {}
    weights: dict[tuple[bytes, int], np.ndarray] = {}
    for values, step in sent:
        key, copy = values.astype(np.int64).tobytes(), 0
        while step in steps.get((key, copy), []):
            copy += 1
        steps.setdefault((key, copy), []).append(step)
        weights[key, copy] = values.astype(np.int64)
    return tuple(Pulse(weights[key], tuple(sorted(found))) for key, found in steps.items())


def _too_large(name: str, what: str) -> TooLargeError:
    return TooLargeError(
        f"layer '{name}': its sums need {what}; the ramp code needs smaller ones: use fewer "
        "levels or channels, or the thermometer code"
    )
