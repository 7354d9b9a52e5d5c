"""The direct code with its times; see `loihiseg.codes.direct.network`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from loihiseg.codes.code import Calibration, NeuralCode, Steps, Trained
from loihiseg.codes.direct.network import clocked
from loihiseg.codes.options import Values
from loihiseg.codes.shown import LayersTable, layers_of_rates
from loihiseg.conversion.leaky import Leaky
from loihiseg.conversion.over_time import own_steps, steps_needed
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.errors import Option, OptionError
from loihiseg.results.run import Code, Results


@dataclass(frozen=True)
class DirectCode(NeuralCode):
    """Neurons that were trained as spiking ones, step by step: an activation is a share of steps.

    No layer fires outside of its own steps, so all spikes of an image count: the window is the
    whole presentation.
    """

    n_steps: Steps
    n_window_steps: Steps

    name = "direct"
    meaning = "step by step, as it was trained"
    synapse_s = 0.0
    input = "held"
    fits_readout = False

    @property
    def first_step(self) -> int:  # type: ignore[override]
        """The last: the output counts once it has all of its steps."""
        return self.n_steps

    @property
    def held(self) -> bool:
        """Always; all spikes of a layer are there in the end."""
        return True

    @classmethod
    def suits(cls, trained: Trained) -> bool:
        """Networks trained through time."""
        return trained.over_time

    @classmethod
    def usual(cls, given: Values, looked_at: bool) -> dict[str, Any]:
        """See `NeuralCode.usual`."""
        if looked_at:
            raise OptionError(
                Option("code"),
                f" {cls.name}: the output counts in the last steps alone, there is nothing to stop "
                "at; leave out early exit",
            )
        return {}

    @classmethod
    def made(cls, options: Values, network: LoweredNetwork, trained: Trained) -> Self:
        """See `NeuralCode.made`."""
        clocked(network)
        n_steps = steps_needed(network)
        return cls(n_steps, n_steps)

    def neurons(
        self, network: LoweredNetwork, calibration: Calibration | None = None
    ) -> LoweredNetwork:
        """The network itself, and its clocks."""
        return clocked(network)

    def windows(self, network: LoweredNetwork) -> dict[str, tuple[int, int]]:
        """The own steps of all layers."""
        return own_steps(network)

    def spikes_per_step(self, layer: SpikingLayer, activation: np.ndarray) -> np.ndarray:
        """The share of own steps, spread over the presentation."""
        share = np.float32(self._own(layer) / self.n_steps)
        return np.asarray(activation, np.float32) * share

    def rates(
        self, neurons: LoweredNetwork, settled: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """The same, and of clocks what they send."""
        found = dict(settled)
        for layer in neurons.layers:
            if layer.name not in settled:
                sent = layer.neuron.schedule(self.n_steps).mean(axis=0)
                found[layer.name] = sent.reshape(layer.shape)
        return found

    def activation(self, layer: SpikingLayer, spikes_per_step: np.ndarray) -> np.ndarray:
        """Spikes over own steps."""
        spikes = np.rint(np.asarray(spikes_per_step, np.float32) * np.float32(self.n_window_steps))
        return np.asarray(spikes / np.float32(self._own(layer)))

    def _own(self, layer: SpikingLayer) -> int:
        return layer.neuron.own_steps if isinstance(layer.neuron, Leaky) else self.n_steps

    def answers(self, network: LoweredNetwork) -> dict[str, tuple[int, int]]:
        """The own steps of each output."""
        steps = own_steps(network)
        return {name: steps[name] for name in network.outputs}

    def rows(self, network: LoweredNetwork) -> tuple[tuple[str, str], ...]:
        """Own steps of the outputs, and of the layer that has the most."""
        steps = {name: last - first + 1 for name, (first, last) in own_steps(network).items()}
        outputs = max(steps[name] for name in network.outputs)
        return (("steps of the output; of a layer at most", f"{outputs}; {max(steps.values())}"),)

    @classmethod
    def words(cls, code: Code) -> str:
        """See `NeuralCode.words`."""
        return f"{code.name}, {code.steps} steps, each layer in its own"

    @classmethod
    def layers_table(cls, results: Results) -> LayersTable:
        """Rates and errors."""
        return layers_of_rates(results)
