"""The direct code with its times; see `loihiseg.codes.direct.network`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from loihiseg.codes.code import Calibration, NeuralCode, Steps, Trained
from loihiseg.codes.direct.network import clocked
from loihiseg.codes.options import CodeOption, Values
from loihiseg.codes.shown import LayersTable, layers_of_rates
from loihiseg.conversion.leaky import Leaky
from loihiseg.conversion.over_time import own_steps, steps_needed
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.results.run import Code, Results


@dataclass(frozen=True)
class DirectCode(NeuralCode):
    """Neurons that were trained as spiking ones, step by step: an activation is a share of steps.

    No layer fires outside of its own steps, so all spikes of an image count: the window is the
    whole presentation. A host that looks before the end takes the share of the output's steps so
    far; all outputs have to have the same.

    Attributes
    ----------
    first_step : int
        The first own step of the outputs.
    """

    n_steps: Steps
    n_window_steps: Steps
    first_step: Steps  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if not self.first_step <= self.n_steps == self.n_window_steps:
            raise ValueError(
                f"direct code of {self.n_steps} steps, {self.n_window_steps} read out from "
                f"{self.first_step} on; expected as many, and no later"
            )

    name = "direct"
    meaning = "step by step, as it was trained"
    options = (CodeOption("input", "hold the image at the input", "held", choices=("held",)),)
    synapse_s = 0.0
    input = "held"
    fits_readout = False

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
        return {"input": "held"} | dict(given)

    @classmethod
    def made(cls, options: Values, network: LoweredNetwork, trained: Trained) -> Self:
        """See `NeuralCode.made`."""
        clocked(network)
        n_steps = steps_needed(network)
        steps = own_steps(network)
        return cls(n_steps, n_steps, min(steps[name][0] for name in network.outputs))

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

    def looked_at(self, layer: SpikingLayer, fired: np.ndarray) -> np.ndarray:
        """Of an output: spikes over its own steps so far."""
        own = len(fired) - self.first_step + 1
        return np.asarray(fired.sum(axis=0, dtype=np.float32) / np.float32(own))

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
