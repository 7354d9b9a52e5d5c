"""The clock of a layer: flush, set, release, ramp.

A neuron has no decay and no bias; its threshold is `THRESHOLD`, the least of the chip, its floor
``-2**k + 1``. Host spikes with a weight per channel move it through an image::

    flush    at least -2**k - 64: to the floor, from any voltage
    set      2**k - M: to -M + 1. M is at least the largest sum of positive weights, so that no sum
             of input fires; 2**k - M at least the largest of negative ones, so that none meets the
             floor
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

from dataclasses import dataclass

import numpy as np

from loihiseg.codes.ramp.integers import GRID, IntegerLayer, largest_sums
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
        int64, (channels,).
    steps : tuple of int
        In which it fires, ascending, from 1.
    """

    weights: np.ndarray
    steps: tuple[int, ...]

    @property
    def coarse(self) -> bool:
        """Whether its weights are of steps of `COARSE`."""
        return not (self.weights % COARSE).any()


def margins(layer: SpikingLayer, integers: IntegerLayer, spikes: dict[str, int]) -> Margins:
    """The least margins with which a layer is right for every input.

    Parameters
    ----------
    layer : SpikingLayer
        Of activations.
    integers : IntegerLayer
    spikes : dict of str to int
        The most spikes that one unit of each source sends for an image.

    Raises
    ------
    InputError
        If the chip's voltages are too small; names the layer.
    """
    positive, negative = _bounds(layer, integers, spikes)
    least = max(-(-int(positive.max(initial=0)) // COARSE), 1) * COARSE
    deepest = int(negative.max(initial=0))
    for k in range(_LEAST_FLOOR_EXPONENT, MOST_FLOOR_EXPONENT + 1):
        n_set = max(-(-(2**k - least) // LARGEST), 1)
        # Each spike that sets has the same weight.
        up = (2**k - least) // (COARSE * n_set) * n_set * COARSE
        if up >= max(deepest, COARSE):
            return Margins(2**k - up, k, -(-(2**k + GRID) // LARGEST), n_set)
    raise _too_large(
        layer.name, f"{least + deepest:,}, voltages hold {2**MOST_FLOOR_EXPONENT - 1:,}"
    )


def _bounds(
    layer: SpikingLayer, integers: IntegerLayer, spikes: dict[str, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Largest sums of positive and of negative input of an image, (channels,) each."""
    total = np.zeros((2, layer.shape[2]), np.int64)
    for term, weights in zip(layer.terms, integers.weights, strict=True):
        total += spikes[term.source] * np.stack(largest_sums(term, weights))
    return total[0], total[1]


def pulses(
    layer: SpikingLayer,
    integers: IntegerLayer,
    found: Margins,
    times: Times,
    in_a_step: dict[str, int],
) -> tuple[Pulse, ...]:
    """The neurons of a layer's clock.

    Parameters
    ----------
    layer : SpikingLayer
    integers : IntegerLayer
    found : Margins
    times : Times
    in_a_step : dict of str to int
        The most spikes that one unit of each source sends in a step.

    Raises
    ------
    InputError
        If the input of a step could be larger than the chip adds up; names the layer.
    """
    channels = layer.shape[2]
    up = (2**found.floor_exponent - found.margin) // found.n_set
    release = found.margin + THRESHOLD - integers.thresholds[-1]
    positive, negative = _bounds(layer, integers, in_a_step)
    first_set = times.hears - found.n_set + 1
    largest = int(
        max(
            (release + positive).max(),
            (negative - release).max(),
            negative.max(),
            up + positive.max(),
        )
    )
    if largest > MOST_INPUT:
        raise _too_large(layer.name, f"{largest:,} in a step, the chip adds up to {MOST_INPUT:,}")
    sent: list[tuple[np.ndarray, int]] = [
        (np.full(channels, -LARGEST), first_set - n) for n in range(1, found.n_flush + 1)
    ]
    sent += [(np.full(channels, up), first_set + n) for n in range(found.n_set)]
    sent += [(part, times.released) for part in digits(release)]
    steps_down = np.diff(integers.thresholds, axis=0)[::-1]
    for n, step in enumerate(steps_down, start=1):
        sent += [(part, times.released + n) for part in digits(step)]
    return _joined(sent)


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


def _joined(sent: list[tuple[np.ndarray, int]]) -> tuple[Pulse, ...]:
    """One neuron for all steps in which the same weights are sent."""
    steps: dict[tuple[bytes, int], list[int]] = {}
    weights: dict[tuple[bytes, int], np.ndarray] = {}
    for values, step in sent:
        key, copy = values.astype(np.int64).tobytes(), 0
        while step in steps.get((key, copy), []):
            copy += 1
        steps.setdefault((key, copy), []).append(step)
        weights[key, copy] = values.astype(np.int64)
    return tuple(Pulse(weights[key], tuple(sorted(found))) for key, found in steps.items())


def _too_large(name: str, what: str) -> InputError:
    return InputError(
        f"layer '{name}': its sums need {what}; the ramp code needs smaller ones: use fewer "
        "levels or channels, or the thermometer code"
    )
