"""Nengo neurons of our own: those that forget."""

from collections.abc import Sequence
from typing import ClassVar

import nengo
import numpy as np
from nengo.dists import Choice
from nengo.neurons import NeuronType
from nengo.params import NumberParam, TupleParam

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


def forgetting() -> nengo.LIF:
    """Neurons of the chip of whose voltage nothing is left in the next step."""
    return nengo.LIF(tau_rc=MEMORYLESS_TAU_S, tau_ref=0, initial_state={"voltage": Choice([0])})
