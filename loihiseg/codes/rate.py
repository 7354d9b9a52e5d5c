"""Rate code: one neuron per unit; its firing rate stands for the activation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self

import numpy as np
from msgspec import Meta

from loihiseg.codes.code import Calibration, NeuralCode, Steps, Trained
from loihiseg.codes.options import CodeOption, Values
from loihiseg.codes.shown import LayersTable, layers_of_rates, words_of_rates
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.errors import Option, OptionError
from loihiseg.results.run import Code, Results
from partition.command_line.options import real, whole

USUAL = {"steps": 200, "window": 0.4, "synapse_ms": 1.5, "input": "held"}


@dataclass(frozen=True)
class RateCode(NeuralCode):
    """One neuron per unit; its firing rate stands for the activation."""

    n_steps: Steps = 200
    n_window_steps: Steps = 80
    synapse_s: Annotated[float, Meta(ge=0, le=1)] = 0.0015

    name = "rate"
    meaning = "by firing rate"
    options = (
        CodeOption("steps", "steps per tile, 1 ms each", str(USUAL["steps"]), whole(1, 10**4)),
        CodeOption(
            "window",
            "last part of the steps in which rates are read out, as a share",
            str(USUAL["window"]),
            real(0, 1, above=True),
        ),
        CodeOption(
            "synapse_ms",
            "time constant of the synapses, ms",
            str(USUAL["synapse_ms"]),
            real(0, 1000),
        ),
        CodeOption("input", "hold the image at the input", "held", choices=("held",)),
    )
    input = "held"
    first_step = 1
    fits_readout = True

    @property
    def held(self) -> bool:
        """Always."""
        return True

    @classmethod
    def suits(cls, trained: Trained) -> bool:
        """Activations without levels, of networks without steps."""
        return not (trained.has_levels or trained.over_time)

    @classmethod
    def usual(cls, given: Values, looked_at: bool) -> dict[str, Any]:
        """See `NeuralCode.usual`."""
        return USUAL | {name: value for name, value in given.items() if value is not None}

    @classmethod
    def made(cls, options: Values, network: LoweredNetwork, trained: Trained) -> Self:
        """See `NeuralCode.made`."""
        n_steps = options["steps"]
        window = max(1, round(n_steps * options["window"]))
        return cls(n_steps, window, options["synapse_ms"] / 1000)

    def neurons(
        self, network: LoweredNetwork, calibration: Calibration | None = None
    ) -> LoweredNetwork:
        """The network itself."""
        for layer in network.layers:
            if layer.neuron.over_time:
                raise OptionError(
                    Option("code"),
                    f" {self.name}: layer '{layer.name}' was trained step by step, no firing rate "
                    "stands for it; use ",
                    Option("code"),
                    " direct",
                )
            if layer.neuron.chooses:
                raise OptionError(
                    Option("code"),
                    f" {self.name}: layer '{layer.name}' is the largest or smallest of others, "
                    "which no firing rate stands for; use ",
                    Option("code"),
                    " thermometer or ramp",
                )
            if layer.levels:
                raise OptionError(
                    Option("code"),
                    f" {self.name}: layer '{layer.name}' has {layer.levels} levels, for which no "
                    "firing rate stands; use ",
                    Option("code"),
                    " thermometer",
                )
        return network

    def spikes_per_step(self, layer: SpikingLayer, activation: np.ndarray) -> np.ndarray:
        """The layer's rate for the activation."""
        return np.asarray(activation, np.float32) * np.float32(layer.rate_scale_hz / 1000)

    def rates(
        self, neurons: LoweredNetwork, settled: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """The same all the time."""
        return dict(settled)

    def activation(self, layer: SpikingLayer, spikes_per_step: np.ndarray) -> np.ndarray:
        """The activation for the rate."""
        return np.asarray(spikes_per_step / np.float32(layer.rate_scale_hz / 1000))

    @classmethod
    def words(cls, code: Code) -> str:
        """See `NeuralCode.words`."""
        return words_of_rates(code)

    @classmethod
    def layers_table(cls, results: Results) -> LayersTable:
        """Rates and errors."""
        return layers_of_rates(results)


RATE = RateCode()
"""The rate code with its usual times."""
