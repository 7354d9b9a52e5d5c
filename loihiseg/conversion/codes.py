"""Neural codes: how activations become spikes of neurons, and spikes activations again.

A code says which neurons stand for a network's layers, how often they fire for an activation, how
long an image is presented, and what the spikes of the last steps mean. All else, from the converter
to the report, takes neurons as they are.
"""

from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

import numpy as np
from msgspec import Meta

from loihiseg.conversion import clocks, rulers, thermometer
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.errors import InputError

NAMES = ("rate", "thermometer")

INPUTS = ("held", "timed", "clocked")
"""When the host sends, see `ThermometerCode`."""


Steps = Annotated[int, Meta(ge=1, le=10_000)]


class NeuralCode(Protocol):
    """A neural code with its times.

    Attributes
    ----------
    name : str
        One of ``NAMES``.
    n_steps, n_window_steps : int
        Length of a presentation, and of the window at its end that is read out.
    synapse_s : float
        Time constant of the synapses in seconds; 0 for none.
    first_step : int
        Before it the output says nothing, however still it is.
    input : str
        One of ``INPUTS``: when the host sends.
    held : bool
        Whether all layers may be looked at in the end, not the outputs alone.
    fits_readout : bool
        Whether a straight line from the chip's logits to the trained network's is worth fitting.
    """

    name: str
    n_steps: int
    n_window_steps: int
    synapse_s: float
    first_step: int
    input: str
    held: bool
    fits_readout: bool

    def neurons(self, network: LoweredNetwork) -> LoweredNetwork:
        """The network of neurons that stands for a network of activations."""

    def spikes_per_step(self, layer: SpikingLayer, activation: np.ndarray) -> np.ndarray:
        """How often neurons fire: (..., channels) activations to (..., neurons), float32."""

    def rates(self, neurons: LoweredNetwork, settled: dict) -> dict[str, np.ndarray]:
        """Mean spikes per step over a presentation, of what they are in the end, by layer."""

    def activation(self, layer: SpikingLayer, spikes_per_step: np.ndarray) -> np.ndarray:
        """What spikes mean: (..., neurons) in the window to (..., channels), float32."""


@dataclass(frozen=True)
class RateCode:
    """One neuron per unit; its firing rate stands for the activation."""

    n_steps: Steps = 200
    n_window_steps: Steps = 80
    synapse_s: Annotated[float, Meta(ge=0, le=1)] = 0.0015

    name = "rate"
    input = "held"
    held = True
    first_step = 1
    fits_readout = True

    def neurons(self, network):
        """The network itself."""
        for layer in network.layers:
            if layer.levels:
                raise InputError(
                    f"--code rate: layer '{layer.name}' has {layer.levels} levels, for which no "
                    "firing rate stands; use --code thermometer"
                )
        return network

    def spikes_per_step(self, layer, activation):
        """The layer's rate for the activation."""
        return np.asarray(activation, np.float32) * np.float32(layer.rate_scale_hz / 1000)

    def rates(self, neurons, settled):
        """The same all the time."""
        return settled

    def activation(self, layer, spikes_per_step):
        """The activation for the rate."""
        return spikes_per_step / np.float32(layer.rate_scale_hz / 1000)


RATE = RateCode()
"""The rate code with its usual times."""


@dataclass(frozen=True)
class ThermometerCode:
    """A binary neuron per level of a unit; see `loihiseg.conversion.thermometer`.

    With ``input`` "held" the image is held at the input, and all layers are right in the end; else
    the host sends it when it is needed, and only the outputs are. "clocked" layers also fire only
    when they are needed, see `loihiseg.conversion.clocks`. With ``one_scale`` the weights of a
    layer are rounded with one scale, as they are where training rounds them; see
    `loihiseg.conversion.rulers`.
    """

    n_steps: Steps
    input: Literal["held", "timed", "clocked"] = "held"
    first_step: Steps = 1
    one_scale: bool = False

    name = "thermometer"
    n_window_steps = 1
    synapse_s = 0.0
    fits_readout = False

    @property
    def held(self):
        """Whether the image is held at the input."""
        return self.input == "held"

    def neurons(self, network):
        """A network of as many times the channels as there are levels."""
        for layer in network.layers:
            if not layer.levels:
                raise InputError(
                    f"--code thermometer: layer '{layer.name}' stands for a firing rate, it has no "
                    "levels; train with --levels, or use --code rate"
                )
        neurons = thermometer.neurons_of(network)
        if self.one_scale:
            neurons = rulers.ruled(neurons)
        if self.held:
            return neurons
        sent = clocks.clocked if self.input == "clocked" else thermometer.timed
        return sent(neurons, self.n_steps)

    def spikes_per_step(self, layer, activation):
        """1 for the levels that are on."""
        return thermometer.neurons_on(layer, activation).astype(np.float32)

    def rates(self, neurons, settled):
        """Neurons on the host, and those with a clock, fire in the steps they are needed in."""
        times = thermometer.times_needed(neurons, self.n_steps)
        found = {}
        for layer in neurons.layers:
            brief = layer.active_steps is not None or clocks.is_clocked(layer)
            share = len(times[layer.name]) / self.n_steps if brief else 1.0
            # Blind neurons have no activation: their biases alone decide.
            blind = np.broadcast_to(layer.bias > 0, layer.shape).astype(np.float32)
            found[layer.name] = settled.get(layer.name, blind) * share
        return found

    def activation(self, layer, spikes_per_step):
        """The levels that are on, each at its value."""
        on = thermometer.levels_on(layer, np.asarray(spikes_per_step, np.float32))
        return on * np.float32(layer.level_value)


KINDS: dict[str, type] = {RateCode.name: RateCode, ThermometerCode.name: ThermometerCode}
"""Codes by name."""


def thermometer_code(
    network: LoweredNetwork,
    n_steps: int | None = None,
    input: str = "held",
    one_scale: bool = False,
) -> ThermometerCode:
    """The thermometer code with the steps a network needs, or more.

    Raises
    ------
    InputError
        If ``n_steps`` are too few.
    """
    needed = thermometer.steps_needed(network)
    if n_steps is not None and n_steps < needed:
        raise InputError(
            f"--steps {n_steps}: the longest way through the network has {needed} layers, the "
            f"output is right from step {needed} on"
        )
    return ThermometerCode(n_steps or needed, input, needed, one_scale)
