"""The Nengo neurons of a spiking layer."""

import nengo
import numpy as np
from nengo.dists import Choice
from nengo.neurons import NeuronType
from nengo.params import NumberParam

from loihiseg.conversion.thermometer import MEMORYLESS_TAU_S


class Binary(NeuronType):
    """Neurons that fire in every step in which their input is above zero, for the host.

    Parameters
    ----------
    amplitude : float
        Scales the output, which is this over the length of a step.
    """

    negative = False
    spiking = True
    amplitude = NumberParam("amplitude", low=0, low_open=True)

    def __init__(self, amplitude=1, **kwargs):
        super().__init__(**kwargs)
        self.amplitude = amplitude

    def gain_bias(self, max_rates, intercepts):
        """No rate can be asked for: a gain of 1, a bias that puts the step at the intercept."""
        intercepts = np.array(intercepts, dtype=float, ndmin=1)
        return np.ones_like(intercepts), -intercepts

    def max_rates_intercepts(self, gain, bias):
        """The rate of every step, and where the input is zero."""
        gain = np.asarray(gain, float)
        return np.full_like(gain, 1000.0), -np.asarray(bias, float) / gain

    def step(self, dt, J, output):
        """Fire or not, by the input of this step alone."""
        output[:] = (J > 0) * (self.amplitude / dt)


def neuron_type(spec):
    """Neurons for a layer, or None where NengoDL chooses them by the Keras activation.

    Parameters
    ----------
    spec : loihiseg.conversion.spec.SpikingLayer
    """
    if not spec.binary:
        return None
    if spec.on_host:
        return Binary()
    return nengo.LIF(tau_rc=MEMORYLESS_TAU_S, tau_ref=0, initial_state={"voltage": Choice([0])})
