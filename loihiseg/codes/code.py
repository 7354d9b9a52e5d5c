"""What a neural code is.

A code says which neurons stand for a network's layers, how often they fire for an activation, how
long an image is presented, and what the spikes of the last steps mean. It brings its options to the
command line and its rows to the report, and its fields are what a kept network holds of it. All
else, from the converter to the report, takes neurons and codes as they are.

A code is a class; `loihiseg.codes.registry` finds it by its name.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from msgspec import Meta

from loihiseg.codes.options import CodeOption, Values
from loihiseg.codes.shown import LayersTable
from loihiseg.conversion.neuron import Neuron
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.results.run import Code, Results

Steps = Annotated[int, Meta(ge=1, le=10_000)]

Calibration = Mapping[str, np.ndarray]
"""Activations of a network's layers, (n, rows, columns, channels) float32 by name."""

BlockShapes = Mapping[str, tuple[int, int, int]]
"""(rows, columns, channels) of the blocks of each layer on the chip."""


@dataclass(frozen=True)
class Trained:
    """What is known of how a network was trained.

    Attributes
    ----------
    has_levels : bool
        Whether its activations have levels.
    eight_bit : bool
        Whether with the chip's 8-bit weights, of one scale per layer.
    over_time : bool
        Whether step by step, as a spiking network, in the chip's integers.
    """

    has_levels: bool = False
    eight_bit: bool = False
    over_time: bool = False


class NeuralCode(ABC):
    """A neural code with its times: a frozen dataclass, of which a kept network holds the fields.

    Attributes
    ----------
    name : str
        By which it is asked for.
    meaning : str
        For the help, how neurons stand for activations.
    options : tuple of CodeOption
        What it can be asked for.
    neuron_kinds : tuple of type
        Kinds of neurons of its own, beside those of `loihiseg.conversion.neuron`.
    n_steps, n_window_steps : int
        Length of a presentation, and of the window at its end that is read out.
    synapse_s : float
        Time constant of the synapses in seconds; 0 for none.
    first_step : int
        Before it the output says nothing, however still it is.
    input : str
        When the host sends, in a word.
    fits_readout : bool
        Whether a straight line from the chip's logits to the trained network's is worth fitting.
    """

    name: ClassVar[str]
    meaning: ClassVar[str]
    options: ClassVar[tuple[CodeOption, ...]] = ()
    neuron_kinds: ClassVar[tuple[type[Neuron], ...]] = ()

    n_steps: int
    n_window_steps: int
    synapse_s: float
    first_step: int
    input: str
    fits_readout: bool

    @property
    @abstractmethod
    def held(self) -> bool:
        """Whether the image stands at the input all the time, so that all layers settle.

        They may then be looked at in the end, not the outputs alone.
        """

    @classmethod
    @abstractmethod
    def suits(cls, trained: Trained) -> bool:
        """Whether a network was trained for it."""

    @classmethod
    @abstractmethod
    def usual(cls, given: Values, looked_at: bool) -> dict[str, Any]:
        """Values of all its options, with what is usual where they are not given.

        Parameters
        ----------
        given : mapping of str to object
            Each in its range.
        looked_at : bool
            Whether the host looks at the output before the end, to stop early.

        Raises
        ------
        InputError
            If they cannot be had together, or the host is to look and there is nothing to be seen
            before the end.
        """

    @classmethod
    @abstractmethod
    def made(cls, options: Values, network: LoweredNetwork, trained: Trained) -> Self:
        """The code for a network of activations.

        Parameters
        ----------
        options : mapping of str to object
            As `usual` gives them.
        network : LoweredNetwork
        trained : Trained

        Raises
        ------
        InputError
            If the network cannot be had with them.
        """

    @abstractmethod
    def neurons(
        self, network: LoweredNetwork, calibration: Calibration | None = None
    ) -> LoweredNetwork:
        """The network of neurons that stands for a network of activations.

        Parameters
        ----------
        network : LoweredNetwork
        calibration : mapping of str to numpy.ndarray, optional
            What its layers come to on images that nothing is judged by. Without it only the
            neurons and their connections count, not what their values are: it is asked for to see
            whether the network fits.

        Raises
        ------
        InputError
            If there are no such neurons; names the layer.
        """

    def calibrated(self, network: LoweredNetwork, settled: Calibration) -> Self:
        """The code with what it takes from images that nothing is judged by; by default nothing.

        Parameters
        ----------
        network : LoweredNetwork
            Of activations.
        settled : mapping of str to numpy.ndarray
            What its layers come to on the images.

        Raises
        ------
        InputError
            If there are no such neurons; names the layer.
        """
        return self

    def windows(self, network: LoweredNetwork) -> dict[str, tuple[int, int]]:
        """Layers of which it has to be seen that they fire in no step but these; by default none.

        Parameters
        ----------
        network : LoweredNetwork
            Of activations.

        Returns
        -------
        dict of str to (int, int)
            The first and the last step by layer, counted from 1.
        """
        return {}

    @classmethod
    def settled(cls, neurons: LoweredNetwork, block_shapes: BlockShapes) -> LoweredNetwork:
        """The network once it is known how its layers are cut into blocks, each with a scale.

        Nothing else decides it: blocks are kept for networks of the same neurons.
        """
        return neurons

    @abstractmethod
    def spikes_per_step(self, layer: SpikingLayer, activation: np.ndarray) -> np.ndarray:
        """How often neurons fire: (..., channels) activations to (..., neurons), float32."""

    @abstractmethod
    def rates(
        self, neurons: LoweredNetwork, settled: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Mean spikes per step over a presentation, of what they are in the end, by layer."""

    @abstractmethod
    def activation(self, layer: SpikingLayer, spikes_per_step: np.ndarray) -> np.ndarray:
        """What spikes mean: (..., neurons) in the window to (..., channels), float32."""

    def looked_at(self, layer: SpikingLayer, fired: np.ndarray) -> np.ndarray:
        """What spikes mean to a host that looks before the end.

        Parameters
        ----------
        layer : SpikingLayer
        fired : numpy.ndarray
            bool, (steps, ..., neurons): so far, from ``first_step`` on at the least.

        Returns
        -------
        numpy.ndarray
            float32, (..., channels): by default of a window that is as large a part of these steps
            as the read-out's is of all.
        """
        window = max(1, round(len(fired) * (self.n_window_steps / self.n_steps)))
        return self.activation(layer, fired[-window:].mean(axis=0, dtype=np.float32))

    def steps_between_images(self, network: LoweredNetwork) -> int | None:
        """The fewest steps after which the next image may follow without a change of any answer.

        Parameters
        ----------
        network : LoweredNetwork
            Of activations.

        Returns
        -------
        int or None
            None where an image needs neurons at rest: it waits for the end of the one before.
        """
        return None

    def answers(self, network: LoweredNetwork) -> dict[str, tuple[int, int]]:
        """The first and the last step in which each output's spikes are read, counted from 1.

        Parameters
        ----------
        network : LoweredNetwork
            Of activations.
        """
        first = self.n_steps - self.n_window_steps + 1
        return dict.fromkeys(network.outputs, (first, self.n_steps))

    def rows(self, network: LoweredNetwork) -> tuple[tuple[str, str], ...]:
        """What a report says of it with a network of activations: what, and in a few words."""
        return ()

    @classmethod
    @abstractmethod
    def words(cls, code: Code) -> str:
        """It and its times in a line of a report."""

    @classmethod
    @abstractmethod
    def layers_table(cls, results: Results) -> LayersTable:
        """The report's table of layers."""
