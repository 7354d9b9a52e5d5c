"""The thermometer code with its times; see `loihiseg.codes.thermometer.levels`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np

from loihiseg.codes.code import BlockShapes, Calibration, NeuralCode, Steps, Trained
from loihiseg.codes.gates import Gate
from loihiseg.codes.options import CodeOption, Values
from loihiseg.codes.shown import LayersTable, layers_of_levels, words_of_levels
from loihiseg.codes.thermometer import levels
from loihiseg.codes.thermometer.centring import centred
from loihiseg.codes.thermometer.clocks import clocked
from loihiseg.codes.thermometer.rulers import ruled
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.errors import Option, OptionError
from loihiseg.results.run import Code, Results
from partition.command_line.options import whole

Sent = Literal["held", "timed", "clocked"]


@dataclass(frozen=True)
class ThermometerCode(NeuralCode):
    """A binary neuron per level of a unit; see `loihiseg.codes.thermometer.levels`.

    With ``input`` "held" the image is held at the input, and all layers are right in the end; else
    the host sends it when it is needed, and only the outputs are. "clocked" layers also fire only
    when they are needed, see `loihiseg.codes.thermometer.clocks`. With ``one_scale`` the weights of
    a layer are rounded with one scale, as they are where training rounds them; see
    `loihiseg.codes.thermometer.rulers`.
    """

    n_steps: Steps
    input: Sent = "held"
    first_step: Steps = 1
    one_scale: bool = False

    name = "thermometer"
    meaning = "by a neuron for each level of a quantized activation"
    options = (
        CodeOption(
            "steps",
            "steps per tile, 1 ms each",
            "one per layer on the longest way",
            whole(1, 10**4),
        ),
        CodeOption(
            "input",
            "hold the image at the input, or send it only in the steps from which it reaches the "
            "output in time, or also let layers fire only in the steps in which they are heard in "
            "time: fewer spikes, the same output",
            "clocked, but held with early exit",
            choices=("held", "timed", "clocked"),
        ),
    )
    neuron_kinds = (Gate,)
    n_window_steps = 1
    synapse_s = 0.0
    fits_readout = False

    @property
    def held(self) -> bool:
        """Whether the image is held at the input."""
        return self.input == "held"

    @classmethod
    def suits(cls, trained: Trained) -> bool:
        """Activations of levels."""
        return trained.has_levels

    @classmethod
    def usual(cls, given: Values, looked_at: bool) -> dict[str, Any]:
        """See `NeuralCode.usual`; steps stay None for as many as a network needs."""
        sent = given.get("input") or ("held" if looked_at else "clocked")
        return {"steps": given.get("steps"), "input": sent}

    @classmethod
    def made(cls, options: Values, network: LoweredNetwork, trained: Trained) -> Self:
        """See `NeuralCode.made`."""
        return cls.of(network, options["steps"], options["input"], trained.eight_bit)

    @classmethod
    def of(
        cls,
        network: LoweredNetwork,
        n_steps: int | None = None,
        input: Sent = "held",
        one_scale: bool = False,
    ) -> Self:
        """The code with the steps a network needs, or more.

        Raises
        ------
        OptionError
            If ``n_steps`` are too few.
        """
        needed = levels.steps_needed(network)
        if n_steps is not None and n_steps < needed:
            raise OptionError(
                Option("steps"),
                f" {n_steps}: the longest way through the network has {needed} layers, the output "
                f"is right from step {needed} on",
            )
        return cls(n_steps or needed, input, needed, one_scale)

    def neurons(
        self, network: LoweredNetwork, calibration: Calibration | None = None
    ) -> LoweredNetwork:
        """A network of as many times the channels as there are levels."""
        for layer in network.layers:
            if not layer.levels:
                raise OptionError(
                    Option("code"),
                    f" {self.name}: layer '{layer.name}' stands for a firing rate, it has no "
                    "levels; train with levels, give it some with ",
                    Option("levels"),
                    ", or use ",
                    Option("code"),
                    " rate",
                )
        neurons = levels.neurons_of(network)
        if self.one_scale:
            neurons = ruled(neurons)
        if self.held:
            return neurons
        sent = clocked if self.input == "clocked" else levels.timed
        return sent(neurons, self.n_steps)

    @classmethod
    def settled(cls, neurons: LoweredNetwork, block_shapes: BlockShapes) -> LoweredNetwork:
        """Thresholds lie in the middle between the sums of each block's weights."""
        return centred(neurons, block_shapes)

    def spikes_per_step(self, layer: SpikingLayer, activation: np.ndarray) -> np.ndarray:
        """1 for the levels that are on."""
        return levels.neurons_on(layer, activation).astype(np.float32)

    def rates(
        self, neurons: LoweredNetwork, settled: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Neurons on the host, and those with a clock, fire in the steps they are needed in."""
        times = levels.times_needed(neurons, self.n_steps)
        found = {}
        is_brief: dict[str, bool] = {}
        for layer in neurons.layers:
            brief = layer.is_clocked or not layer.neuron.schedule(self.n_steps).all()
            if layer.neuron.chooses:
                brief = all(is_brief[source] for source in layer.sources)
            is_brief[layer.name] = brief
            share = len(times[layer.name]) / self.n_steps if brief else 1.0
            # Blind neurons have no activation: their biases alone decide.
            blind = np.broadcast_to(layer.bias > 0, layer.shape).astype(np.float32)
            found[layer.name] = settled.get(layer.name, blind) * share
        return found

    def activation(self, layer: SpikingLayer, spikes_per_step: np.ndarray) -> np.ndarray:
        """The levels that are on, each at its value."""
        on = levels.levels_on(layer, np.asarray(spikes_per_step, np.float32))
        return on * np.float32(layer.level_value) + np.float32(layer.neuron.offset)

    def steps_between_images(self, network: LoweredNetwork) -> int | None:
        """See `levels.steps_between_images`; None where the host holds an image."""
        return None if self.held else levels.steps_between_images(network)

    def rows(self, network: LoweredNetwork) -> tuple[tuple[str, str], ...]:
        """How soon the next image can follow, where the host does not hold one."""
        apart = self.steps_between_images(network)
        if apart is None:
            return ()
        return (("images can follow each other", f"every {apart} steps"),)

    @classmethod
    def words(cls, code: Code) -> str:
        """See `NeuralCode.words`."""
        return words_of_levels(code)

    @classmethod
    def layers_table(cls, results: Results) -> LayersTable:
        """How many levels are on, and right."""
        return layers_of_levels(results)
