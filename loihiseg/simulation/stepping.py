"""A lowered network over many steps, a few at a time, with neurons that remember.

`loihiseg.simulation.network` holds all steps of all layers at once and can be trained through. Here
memory is that of a few steps, and one run passes through every number of steps on its way.
Convolutions are TensorFlow's, what neurons do is numpy's or compiled.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from loihiseg.frameworks import tf

import numpy as np

from loihiseg.conversion.layer_input import layer_input
from loihiseg.conversion.spec import LoweredNetwork, SpikingLayer
from loihiseg.results import SimulatedWork
from loihiseg.simulation.network import check_steps
from loihiseg.simulation.pooling import Pooling, PoolingState

CHUNK = 16
"""Steps at once."""

IMAGES = 4
"""Images at once."""

State = TypeVar("State")


class SteppedNeurons(Protocol[State]):
    """What neurons do with the input of some steps, and what they remember of them.

    Attributes
    ----------
    pooling : Pooling
        How layers that choose an extreme spike.
    """

    @property
    def pooling(self) -> Pooling: ...

    def amplitude(self, layer: SpikingLayer) -> np.ndarray:
        """What one spike is worth, float32, () or (channels,), above 0.

        Alike for a layer that chooses an extreme and its sources.
        """

    def start(self, layer: SpikingLayer, n_images: int) -> State:
        """What the neurons of a layer remember before the first step."""

    def spikes(self, layer: SpikingLayer, state: State, currents: np.ndarray) -> np.ndarray:
        """Spikes of the next steps; the state goes on.

        Parameters
        ----------
        layer : SpikingLayer
            Not one that chooses an extreme.
        state : State
        currents : numpy.ndarray
            float32, (steps, images, rows, columns, channels).

        Returns
        -------
        numpy.ndarray
            float32, the same shape: whole numbers, below 0 for spikes that are taken back.
        """


Trains = dict[str, np.ndarray]
"""Spikes of some steps by layer, float32, (steps, images, rows, columns, channels)."""


class Stepper:
    """Runs a network of one input, with any neurons: its convolutions are traced once.

    Parameters
    ----------
    network : LoweredNetwork
    """

    def __init__(self, network: LoweredNetwork):
        self.network = network
        (self._input,) = network.inputs
        self._currents = {
            layer.name: _current_of(network, layer)
            for layer in network.layers
            if not layer.neuron.chooses
        }

    def chunks(
        self, neurons: SteppedNeurons[State], pixels: np.ndarray, ends: Sequence[int]
    ) -> Iterator[Trains]:
        """Spikes of all layers, a few steps at a time.

        Parameters
        ----------
        neurons : SteppedNeurons
        pixels : numpy.ndarray
            float32, (images, rows, columns, channels), held over all steps.
        ends : sequence of int
            Numbers of steps, at least 1, ascending. No chunk goes past one of them.

        Yields
        ------
        dict of str to numpy.ndarray
            `Trains`.
        """
        check_steps(ends[0])
        held = np.asarray(pixels, np.float32)
        states = {
            name: neurons.start(self.network.layer(name), len(held)) for name in self._currents
        }
        pools = {
            layer.name: PoolingState(layer, neurons.pooling)
            for layer in self.network.layers
            if layer.neuron.chooses
        }
        constant: dict[str, np.ndarray] = {}
        done = 0
        for end in ends:
            while done < end:
                steps = min(CHUNK, end - done)
                trains: Trains = {}
                for layer in self.network.layers:
                    if layer.name in pools:
                        trains[layer.name] = pools[layer.name].spikes(trains)
                        continue
                    sent = {
                        source: trains[source] * neurons.amplitude(self.network.layer(source))
                        for source in set(layer.sources) & set(trains)
                    }
                    current = self._current(layer, sent, held, steps, constant)
                    trains[layer.name] = neurons.spikes(layer, states[layer.name], current)
                done += steps
                yield trains

    def _current(
        self,
        layer: SpikingLayer,
        sent: Trains,
        pixels: np.ndarray,
        steps: int,
        constant: dict[str, np.ndarray],
    ) -> np.ndarray:
        """Input of a layer, (steps, images, rows, columns, channels)."""
        compute = self._currents[layer.name]
        if all(source == self._input for source in layer.sources):
            if layer.name not in constant:
                constant[layer.name] = compute({self._input: pixels})
            return np.broadcast_to(constant[layer.name], (steps, *constant[layer.name].shape))
        merged = {source: part.reshape(-1, *part.shape[2:]) for source, part in sent.items()}
        return compute(merged).reshape(steps, -1, *layer.shape)


def _current_of(
    network: LoweredNetwork, layer: SpikingLayer
) -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
    """A function from what the sources of a layer send to its input, traced once."""
    shapes = {one.name: one.shape for one in network.layers} | network.inputs
    spec = {
        name: tf.TensorSpec((None, *shapes[name]), tf.float32)
        for name in sorted(set(layer.sources))
    }
    traced = tf.function(lambda sources: layer_input(layer, sources), input_signature=[spec])
    return lambda sources: np.asarray(
        traced({name: tf.constant(sources[name]) for name in spec}).numpy()
    )


@dataclass
class _Sums:
    """Up to some step: means of what the outputs send, spikes of the layers on the chip."""

    outputs: dict[str, np.ndarray] = field(default_factory=dict)
    spikes: float = 0.0


class Passing(Generic[State]):
    """Logits and work after each of some numbers of steps, all of one run.

    Parameters
    ----------
    stepper : Stepper
    readout : callable
        From the mean activations of the outputs by name to logits, as ``Lowering.graph``.
    neurons : SteppedNeurons
    steps : sequence of int
        At least 1, ascending.
    """

    def __init__(
        self,
        stepper: Stepper,
        readout: Callable[[dict[str, np.ndarray]], np.ndarray],
        neurons: SteppedNeurons[State],
        steps: Sequence[int],
    ) -> None:
        self.steps = tuple(steps)
        self._stepper, self._readout, self._neurons = stepper, readout, neurons
        self._spikes = dict.fromkeys(self.steps, 0.0)
        self._tiles = 0

    def logits(self, pixels: np.ndarray) -> dict[int, np.ndarray]:
        """Logits of images (n, rows, columns, channels), (n, rows, columns, 1), by steps."""
        parts = [
            self._part(pixels[first : first + IMAGES]) for first in range(0, len(pixels), IMAGES)
        ]
        return {steps: np.concatenate([part[steps] for part in parts]) for steps in self.steps}

    def work(self, steps: int, n_sections: int) -> SimulatedWork:
        """Work per section of the chip's layers, of all images so far; taking back is work too."""
        neurons = self._stepper.network.n_chip_neurons
        return SimulatedWork(
            spikes=self._spikes[steps] / n_sections,
            neuron_updates=neurons * steps * self._tiles / n_sections,
            tiles=self._tiles / n_sections,
        )

    def _part(self, pixels: np.ndarray) -> dict[int, np.ndarray]:
        network, sums, found = self._stepper.network, _Sums(), {}
        self._tiles += len(pixels)
        done = 0
        for trains in self._stepper.chunks(self._neurons, pixels, self.steps):
            done += len(next(iter(trains.values())))
            for layer in network.chip_layers:
                sums.spikes += float(np.abs(trains[layer.name]).sum(dtype=np.float64))
            for name in network.outputs:
                # Whole numbers: no order of additions matters.
                sent = trains[name].sum(0, dtype=np.float64)
                sums.outputs[name] = sums.outputs.get(name, 0.0) + sent
            if done in self._spikes:
                self._spikes[done] += sums.spikes
                found[done] = self._readout(
                    {
                        name: (value / done * self._neurons.amplitude(network.layer(name))).astype(
                            np.float32
                        )
                        for name, value in sums.outputs.items()
                    }
                )
        return found
