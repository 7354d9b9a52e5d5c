"""What happened on the chip, added up presentation by presentation."""

from dataclasses import dataclass

import numpy as np

from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.emulator.activity import Presentation, fan_out
from loihiseg.emulator.traffic import program_graph
from loihiseg.results.work import ActivityCounts
from partition.core.checks import message_count


@dataclass(frozen=True, eq=False)
class StepCounts:
    """What happened on the chip in each step of one presentation; int64, (n_steps,) each."""

    spikes: np.ndarray
    messages: np.ndarray
    synaptic_events: np.ndarray


class Tally:
    """Counts over any number of presentations, in the memory of one.

    Parameters
    ----------
    deployed : DeployedNetwork

    Attributes
    ----------
    n_images, n_steps : int
        Presentations, and their steps together.
    compartment_spikes : numpy.ndarray
        int64, (n_compartments,): spikes of every compartment in block order.
    """

    def __init__(self, deployed: DeployedNetwork):
        self._deployed = deployed
        self.n_images = self.n_steps = 0
        self.compartment_spikes = np.zeros(deployed.deployable.program.n_compartments, np.int64)
        self._host = {
            name: np.zeros(deployed.neurons.layer(name).n_neurons, np.int64)
            for name in sorted(set(deployed.deployable.input_sources))
        }

    def add(self, one: Presentation) -> None:
        """Take in a presentation."""
        self.n_images += 1
        self.n_steps += one.n_steps
        self.compartment_spikes += one.compartment_spikes
        for name, total in self._host.items():
            total += one.spikes[name].reshape(-1)

    def merge(self, other: "Tally") -> None:
        """Take in the presentations of another tally of the same network."""
        self.n_images += other.n_images
        self.n_steps += other.n_steps
        self.compartment_spikes += other.compartment_spikes
        for name, total in self._host.items():
            total += other._host[name]

    def messages_between_chips(self) -> float:
        """Per step, counted from the spikes of the blocks; those of the host apart."""
        rates = self.compartment_spikes.astype(np.float64) / self.n_steps
        graph = program_graph(self._deployed.deployable.program, rates)
        return float(message_count(graph, self._deployed.places.chip_of_block))

    def counts(self, between: float | None = None) -> ActivityCounts:
        """All that was counted; messages and events caused by spikes from the host included.

        Parameters
        ----------
        between : float, optional
            `messages_between_chips`, where it is known already.

        Raises
        ------
        InputError
            If nothing was.
        """
        deployed = self._deployed
        fans = fan_out(deployed.deployable)
        messages = int(self.compartment_spikes @ fans.messages)
        synaptic = int(self.compartment_spikes @ fans.synaptic_events)
        host = zip(fans.host_sources, fans.host_messages, fans.host_synaptic_events, strict=True)
        for name, sent, driven in host:
            messages += int(self._host[name] @ sent)
            synaptic += int(self._host[name] @ driven)
        if between is None:
            between = self.messages_between_chips() if self.n_steps else 0.0
        return ActivityCounts(
            neuron_updates=deployed.neurons.n_chip_neurons * self.n_steps,
            synaptic_events=synaptic,
            spikes=int(self.compartment_spikes.sum()),
            messages=messages,
            inter_chip_messages=between * self.n_steps,
            n_steps=self.n_steps,
            n_images=self.n_images,
            macs=count_macs(deployed.network),
        )


def count_macs(network: LoweredNetwork) -> int:
    """Multiply-accumulates of one forward pass of all spiking layers, those on the host included.

    A convolution has one per output position and kernel entry; a transposed one, per input
    position. Borders count like the rest.
    """
    shapes = dict(network.inputs) | {layer.name: layer.shape for layer in network.layers}
    total = 0
    for layer in network.layers:
        for term in layer.terms:
            rows, columns, _ = shapes[term.source] if term.transposed else layer.shape
            total += rows * columns * term.kernel.size
    return total
