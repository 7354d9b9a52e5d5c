"""Nengo neurons of our own: those that forget, and those that wait."""

from collections.abc import Sequence
from typing import ClassVar

import nengo
import numpy as np
from nengo.dists import Choice
from nengo.neurons import NeuronType
from nengo.params import IntParam, NumberParam, TupleParam

from loihiseg.conversion.neuron import MEMORYLESS_TAU_S


class Binary(NeuronType):
    """Neurons that fire in every step in which their input is above zero, for the host.

    Parameters
    ----------
    amplitude : float
        Scales the output, which is this over the length of a step.
    active_steps : sequence of int, optional
        Steps, counted from 1, in which they may fire; all by default.
    """

    negative = False
    spiking = True
    state: ClassVar = {"steps": Choice([0])}
    amplitude = NumberParam("amplitude", low=0, low_open=True)
    active_steps = TupleParam("active_steps", optional=True)

    def __init__(
        self, amplitude: float = 1, active_steps: Sequence[int] | None = None, **kwargs: object
    ) -> None:
        super().__init__(**kwargs)
        self.amplitude = amplitude
        self.active_steps = active_steps

    def gain_bias(
        self, max_rates: np.ndarray, intercepts: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """No rate can be asked for: a gain of 1, a bias that puts the step at the intercept."""
        intercepts = np.array(intercepts, dtype=float, ndmin=1)
        return np.ones_like(intercepts), -intercepts

    def max_rates_intercepts(
        self, gain: np.ndarray, bias: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The rate of every step, and where the input is zero."""
        gain = np.asarray(gain, float)
        return np.full_like(gain, 1000.0), -np.asarray(bias, float) / gain

    def step(self, dt: float, J: np.ndarray, output: np.ndarray, steps: np.ndarray) -> None:
        """Fire or not, by the input of this step alone."""
        steps += 1
        active = self.active_steps is None or int(steps[0]) in self.active_steps
        output[:] = (J > 0) * (active * self.amplitude / dt)


class Pulsed(Binary):
    """Neurons of the host that fire in steps of their own, whatever their input is.

    Parameters
    ----------
    pulses : sequence of sequence of int
        Of each neuron, the steps in which it fires, counted from 1.
    amplitude : float
        As of `Binary`.
    """

    pulses = TupleParam("pulses")

    def __init__(self, pulses: Sequence[Sequence[int]], amplitude: float = 1) -> None:
        super().__init__(amplitude)
        self.pulses = pulses

    def step(self, dt: float, J: np.ndarray, output: np.ndarray, steps: np.ndarray) -> None:
        """Fire or not, by the step alone."""
        steps += 1
        fires = [int(steps[0]) in own for own in self.pulses]
        output[:] = np.array(fires) * (self.amplitude / dt)


class Staggered(Binary):
    """Neurons of the host, levels one after the other, that each fire in a step of their own.

    Parameters
    ----------
    levels : int
        Neurons of a unit.
    first : int
        The step of the highest level, from 1; those below follow step by step.
    amplitude : float
        As of `Binary`.
    """

    levels = IntParam("levels", low=1)
    first = IntParam("first", low=1)

    def __init__(self, levels: int, first: int, amplitude: float = 1) -> None:
        super().__init__(amplitude)
        self.levels = levels
        self.first = first

    def step(self, dt: float, J: np.ndarray, output: np.ndarray, steps: np.ndarray) -> None:
        """Fire or not, in the own step alone."""
        steps += 1
        level = np.arange(len(J)) % self.levels
        active = int(steps[0]) == self.first + self.levels - 1 - level
        output[:] = ((J > 0) & active) * (self.amplitude / dt)


class Forgetting(nengo.LIF):
    """Neurons of the chip of whose voltage and current nothing is left in the next step.

    `loihiseg.conversion.exact_blocks` builds them: of the current of a `nengo.LIF` without a
    synaptic filter nengo-loihi leaves 1/4096.

    Parameters
    ----------
    amplitude : float
        As of `Binary`.
    """

    def __init__(self, amplitude: float = 1) -> None:
        super().__init__(
            MEMORYLESS_TAU_S,
            tau_ref=0,
            amplitude=amplitude,
            initial_state={"voltage": Choice([0])},
        )


class _OfIntegers(NeuronType):
    """Neurons whose input is the chip's integers, not a rate that somebody asks for."""

    def gain_bias(
        self, max_rates: np.ndarray, intercepts: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """No rate can be asked for: they take what they are sent."""
        intercepts = np.array(intercepts, dtype=float, ndmin=1)
        return np.full_like(intercepts, 1000.0), np.zeros_like(intercepts)

    def max_rates_intercepts(
        self, gain: np.ndarray, bias: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The rate of every step, and no input."""
        gain = np.asarray(gain, float)
        return np.full_like(gain, 1000.0), np.zeros_like(gain)


class Counting(_OfIntegers):
    """Neurons that compare the input of each step, in integers, with a threshold, and forget it.

    Input is the chip's integers, as for `Waiting`.

    Parameters
    ----------
    threshold : int
        Above which they fire.
    amplitude : float
        Scales the output, which is this over the length of a step.
    """

    negative = False
    spiking = True
    amplitude = NumberParam("amplitude", low=0, low_open=True)
    threshold = IntParam("threshold", low=0)

    def __init__(self, threshold: int, amplitude: float = 1, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.threshold = threshold
        self.amplitude = amplitude

    def step(self, dt: float, J: np.ndarray, output: np.ndarray) -> None:
        """Compare the input of this step, which a spike of weight 1 makes 1 over its length."""
        output[:] = (J * dt > self.threshold) * (self.amplitude / dt)


class Waiting(_OfIntegers):
    """Neurons that integrate integers, down to a floor: those of the ramp and direct codes.

    A spike resets the voltage to 0. Input and voltage are the chip's integers: on Loihi
    `loihiseg.conversion.exact_blocks` builds them, with weights that are not rounded.

    Parameters
    ----------
    threshold : int
        Above which they fire.
    floor_exponent : int
        The lowest voltage is 1 above minus 2 to the power of this.
    amplitude : float
        Scales the output, which is this over the length of a step.
    decay : int
        Of the voltage in a step, in parts of 4096; what is left is rounded towards 0.
    """

    negative = False
    spiking = True
    state: ClassVar = {"voltage": Choice([0])}
    amplitude = NumberParam("amplitude", low=0, low_open=True)
    threshold = IntParam("threshold", low=0)
    floor_exponent = IntParam("floor_exponent", low=0)
    decay = IntParam("decay", low=0, high=4095)

    def __init__(
        self,
        threshold: int,
        floor_exponent: int,
        amplitude: float = 1,
        decay: int = 0,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self.threshold = threshold
        self.floor_exponent = floor_exponent
        self.amplitude = amplitude
        self.decay = decay

    @property
    def floor(self) -> int:
        """The lowest voltage."""
        return -(2**self.floor_exponent) + 1

    def step(self, dt: float, J: np.ndarray, output: np.ndarray, voltage: np.ndarray) -> None:
        """Add the input of this step, which a spike of weight 1 makes 1 over its length."""
        if self.decay:
            kept = np.floor(np.abs(voltage) * (4096 - self.decay) / 4096)
            voltage[:] = np.sign(voltage) * kept
        voltage += J * dt
        np.maximum(voltage, self.floor, out=voltage)
        spiked = voltage > self.threshold
        voltage[spiked] = 0
        output[:] = spiked * (self.amplitude / dt)
