"""Currents to spikes over time, with the gradients of a surrogate, as one operation for all steps.

In each step ``u = max(kept * v + current, floor)``, a spike where u is above the threshold, and
``v`` from u by the reset. Gradients see the surrogate's slope in place of the step's; they do not
pass the floor, nor the reset unless they are asked to.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from loihiseg.frameworks import tf

from loihiseg.through_time.settings import WHOLE_VOLTAGE, Dynamics, Surrogate


def slope(x: tf.Tensor, surrogate: Surrogate) -> tf.Tensor:
    """Slope of a surrogate, any shape; see `Surrogate`."""
    relative = x / surrogate.width
    if surrogate.shape == "triangle":
        return surrogate.height * tf.maximum(0.0, 1.0 - tf.abs(relative))
    return surrogate.height / (1.0 + tf.square(relative))


def integral(x: tf.Tensor, surrogate: Surrogate) -> tf.Tensor:
    """The function that has a surrogate's slope, 0 at minus infinity; any shape."""
    relative = x / surrogate.width
    area = surrogate.height * surrogate.width
    if surrogate.shape == "triangle":
        inside = tf.clip_by_value(relative, -1.0, 1.0)
        return area * (0.5 + inside - 0.5 * inside * tf.abs(inside))
    return area * (tf.math.atan(relative) + math.pi / 2)


@dataclass(frozen=True, eq=False)
class Integers:
    """What neurons of the chip's integers have beside their dynamics.

    Attributes
    ----------
    unit : tensor, scalar
        Current that one of the chip's least weights, 64, stands for.
    threshold : tensor, scalar
        A multiple of 64.
    floor : tensor, scalar
        At most 0.
    start : tensor, scalar
        What is there in the first step, beside its current.
    """

    unit: tf.Tensor
    threshold: tf.Tensor
    floor: tf.Tensor
    start: tf.Tensor


GRID = 64.0
"""The chip's least weight."""


def spike_trains(
    currents: tf.Tensor,
    dynamics: Dynamics,
    integers: Integers | None = None,
    smooth: bool = False,
) -> tf.Tensor:
    """Spikes of neurons from rest.

    Parameters
    ----------
    currents : tensor, (batch, steps, ...), float32
        In thresholds.
    dynamics : Dynamics
    integers : Integers, optional
        Compute in the chip's integers: currents are rounded to multiples of 64, what is left of a
        voltage towards 0. Sums below 2**23 are exact. Gradients are those of the currents.
    smooth : bool
        The surrogate's integral in place of the step, to check gradients by.

    Returns
    -------
    tensor, same shape
        1 where a neuron fires, else 0.
    """
    surrogate = dynamics.surrogate
    n_steps = currents.shape[1]

    @tf.custom_gradient
    def fired(currents: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        voltages, spikes, floor = _forward(currents, dynamics, integers, smooth)

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            found: list[tf.Tensor] = []
            later: tf.Tensor | None = None
            for t in reversed(range(n_steps)):
                u, s = voltages[t], spikes[t]
                steep = slope(u - 1.0, surrogate)
                own = upstream[:, t] * steep
                if later is not None:
                    own += later * _kept_by_reset(u, s, steep, dynamics)
                own = tf.where(u > floor, own, tf.zeros_like(own))
                found.append(own)
                later = dynamics.kept * own
            return tf.stack(found[::-1], axis=1)

        return tf.stack(spikes, axis=1), gradient

    return fired(currents)


def _forward(
    currents: tf.Tensor, dynamics: Dynamics, integers: Integers | None, smooth: bool
) -> tuple[list[tf.Tensor], list[tf.Tensor], tf.Tensor | float]:
    """Voltages before the reset, in thresholds, and spikes, step by step; the floor."""
    threshold: tf.Tensor | float = 1.0
    floor: tf.Tensor | float = dynamics.floor
    if integers is not None:
        currents = GRID * tf.round(currents / integers.unit)
        threshold, floor = integers.threshold, integers.floor
    voltages, spikes = [], []
    v: tf.Tensor | None = None
    for t in range(currents.shape[1]):
        before = 0.0 if integers is None else integers.start
        if v is not None:
            before = dynamics.kept * v if integers is None else truncated(v, dynamics.decay)
        u = tf.maximum(before + currents[:, t], floor)
        if smooth:
            s = integral(u / threshold - 1.0, dynamics.surrogate)
        else:
            s = tf.cast(u > threshold, u.dtype)
        v = u - threshold * s if dynamics.reset == "soft" else u * (1.0 - s)
        voltages.append(u / threshold)
        spikes.append(s)
    return voltages, spikes, floor / threshold


def _kept_by_reset(u: tf.Tensor, s: tf.Tensor, steep: tf.Tensor, dynamics: Dynamics) -> tf.Tensor:
    """Slope of the voltage after the reset by the one before."""
    if dynamics.reset == "soft":
        return 1.0 - steep if dynamics.reset_gradient else tf.ones_like(s)
    return 1.0 - s - u * steep if dynamics.reset_gradient else 1.0 - s


def truncated(voltage: tf.Tensor, decay: int) -> tf.Tensor:
    """What the chip leaves of a voltage: ``sign(v) * floor(|v| * (4096 - decay) / 4096)``.

    Parameters
    ----------
    voltage : tensor, any shape, float32
        Whole numbers below 2**23; no product here needs more than the 24 bits of a float32.
    decay : int
    """
    kept = float(WHOLE_VOLTAGE - decay)
    size = tf.abs(voltage)
    high = tf.floor(size / WHOLE_VOLTAGE)
    low = size - WHOLE_VOLTAGE * high
    return tf.sign(voltage) * (high * kept + tf.floor(low * kept / WHOLE_VOLTAGE))
