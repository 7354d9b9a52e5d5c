"""The ramp code with its times; see `loihiseg.codes.ramp.clock`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Self

import numpy as np
from msgspec import Meta

from loihiseg.codes.code import Calibration, NeuralCode, Steps, Trained
from loihiseg.codes.gates import Gate
from loihiseg.codes.options import Values
from loihiseg.codes.ramp.clock import check_steps
from loihiseg.codes.ramp.measured import ROOM, early_sum, levels_of
from loihiseg.codes.ramp.network import Plan, neurons_that_wait, plan
from loihiseg.codes.ramp.neuron import Pulsed, Ramp, Train
from loihiseg.codes.ramp.relays import with_relays
from loihiseg.codes.ramp.schedule import steps_between_images
from loihiseg.codes.shown import LayersTable, layers_of_counts
from loihiseg.codes.thermometer import levels
from loihiseg.conversion.neuron import summed
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.errors import Option, OptionError
from loihiseg.quantization.fixed_point import ACCUMULATOR_BITS
from loihiseg.results.run import Code, Results


@dataclass(frozen=True)
class RampCode(NeuralCode):
    """One neuron per unit, which waits for all of its input and then sends a spike per level.

    All spikes of an image count, whenever they are sent: the window is the whole presentation.

    Attributes
    ----------
    measured : dict of str to int
        Sums of layers whose margins are from calibration images; see
        `loihiseg.codes.ramp.measured`.
    """

    n_steps: Steps
    n_window_steps: Steps
    measured: dict[
        Annotated[str, Meta(max_length=1000)], Annotated[int, Meta(ge=0, le=2**ACCUMULATOR_BITS)]
    ] = field(default_factory=dict, hash=False)

    name = "ramp"
    meaning = "by a neuron that waits, and then sends a spike for each level"
    neuron_kinds = (Ramp, Train, Pulsed, Gate)
    synapse_s = 0.0
    input = "once"
    fits_readout = False

    @property
    def first_step(self) -> int:  # type: ignore[override]
        """The last: the output is not known before."""
        return self.n_steps

    @property
    def held(self) -> bool:
        """Layers are not at rest in the end, but all of their spikes are there: they are right."""
        return True

    @classmethod
    def suits(cls, trained: Trained) -> bool:
        """Activations of levels."""
        return trained.has_levels

    @classmethod
    def usual(cls, given: Values, looked_at: bool) -> dict[str, Any]:
        """See `NeuralCode.usual`."""
        if looked_at:
            raise OptionError(
                Option("code"),
                f" {cls.name}: the output is there in the last steps alone, there is nothing to "
                "stop at; use ",
                Option("code"),
                " thermometer with early exit",
            )
        return {}

    @classmethod
    def made(cls, options: Values, network: LoweredNetwork, trained: Trained) -> Self:
        """See `NeuralCode.made`."""
        return cls.of(network)

    @classmethod
    def of(cls, network: LoweredNetwork) -> Self:
        """The code with the steps that a network needs.

        Raises
        ------
        InputError
            If there are no such neurons for it; names the layer.
        """
        n_steps = _last_step(network, _plan(network))
        return cls(n_steps, n_steps)

    def calibrated(self, network: LoweredNetwork, settled: Calibration) -> Self:
        """With margins from images where those for every image do not fit.

        Raises
        ------
        InputError
            If those of the images do not fit either; names the layer.
        """
        before = _plan(network)
        if not before.to_measure:
            return self
        reached = levels_of(network, settled)
        measured = {
            name: int(
                ROOM * early_sum(network.layer(name), before.integers[name], before.times, reached)
            )
            for name in before.to_measure
        }
        found = _plan(network, measured)
        for name in measured:
            check_steps(name, found.integers[name], found.bounds[name], found.margins[name])
        n_steps = _last_step(network, found)
        return replace(self, n_steps=n_steps, n_window_steps=n_steps, measured=measured)

    def windows(self, network: LoweredNetwork) -> dict[str, tuple[int, int]]:
        """Of layers with margins from images, the steps in which they may fire."""
        if not self.measured:
            return {}
        times = _plan(network, self.measured).times
        return {name: times[name].fires for name in self.measured}

    def neurons(
        self, network: LoweredNetwork, calibration: Calibration | None = None
    ) -> LoweredNetwork:
        """A network of as many neurons as units, its clocks, and relays where gates need them."""
        _check_levels(network)
        relayed = with_relays(network)
        found = plan(relayed, self.measured, to_be_measured=calibration is None)
        return neurons_that_wait(relayed, found)

    def spikes_per_step(self, layer: SpikingLayer, activation: np.ndarray) -> np.ndarray:
        """A spike for each level; on the host of a neuron for each."""
        if layer.on_host:
            found = levels.neurons_on(layer, activation)
        else:
            found = (activation - np.float32(layer.neuron.offset)) / np.float32(layer.level_value)
        return found.astype(np.float32) / np.float32(self.n_steps)

    def rates(
        self, neurons: LoweredNetwork, settled: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """The same of neurons that stand for no activation: clocks, and relays of others."""
        found = dict(settled)
        for layer in neurons.layers:
            if layer.name in settled:
                continue
            if layer.on_host:
                sent = layer.neuron.schedule(self.n_steps).mean(axis=0)
                found[layer.name] = sent.reshape(layer.shape)
                continue
            (term,) = (one for one in layer.terms if not one.clock)
            found[layer.name] = summed(found[term.source], term.levels)
        return found

    def activation(self, layer: SpikingLayer, spikes_per_step: np.ndarray) -> np.ndarray:
        """A level for each spike."""
        spikes = np.rint(np.asarray(spikes_per_step, np.float32) * np.float32(self.n_window_steps))
        reached = levels.levels_on(layer, spikes) if layer.on_host else spikes
        return reached * np.float32(layer.level_value) + np.float32(layer.neuron.offset)

    def steps_between_images(self, network: LoweredNetwork) -> int:
        """As long as the layer that is in use longest; see `schedule.steps_between_images`."""
        found = _plan(network, self.measured)
        return steps_between_images(found.times, found.prepared)

    def answers(self, network: LoweredNetwork) -> dict[str, tuple[int, int]]:
        """The steps in which each output fires: in others of its window, other images may."""
        times = _plan(network, self.measured).times
        return {name: times[name].fires for name in network.outputs}

    def rows(self, network: LoweredNetwork) -> tuple[tuple[str, str], ...]:
        """How soon the next image can follow, and how the clock drives each layer."""
        found = _plan(network, self.measured)
        apart = steps_between_images(found.times, found.prepared)
        exponents = [margins.floor_exponent for margins in found.margins.values()]
        follow = ("images can follow each other", f"every {apart} steps")
        if not exponents:
            return (follow,)
        lowest = ("bits of the lowest voltages", f"{min(exponents)} to {max(exponents)} of 23")
        if not self.measured:
            return follow, lowest
        early = (
            "margins from calibration tiles",
            f"{', '.join(self.measured)}: {ROOM:g} times the largest sum",
        )
        return follow, lowest, early

    @classmethod
    def words(cls, code: Code) -> str:
        """See `NeuralCode.words`."""
        return f"{code.name}, {code.steps} steps, each layer in its own"

    @classmethod
    def layers_table(cls, results: Results) -> LayersTable:
        """How many spikes, and levels right."""
        return layers_of_counts(results)


def _plan(network: LoweredNetwork, measured: Mapping[str, int] | None = None) -> Plan:
    """Of a network and the relays it needs."""
    _check_levels(network)
    return plan(with_relays(network), measured, to_be_measured=True)


def _last_step(network: LoweredNetwork, found: Plan) -> int:
    """In which the last of the outputs may fire."""
    return max(found.times[name].fires[1] for name in network.outputs)


def _check_levels(network: LoweredNetwork) -> None:
    for layer in network.layers:
        if not layer.levels:
            raise OptionError(
                Option("code"),
                f" ramp: layer '{layer.name}' stands for a firing rate, it has no levels; train "
                "with levels, give it some with ",
                Option("levels"),
                ", or use ",
                Option("code"),
                " rate",
            )
