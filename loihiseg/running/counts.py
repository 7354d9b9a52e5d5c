"""What happened on the chip, added up presentation by presentation."""

from dataclasses import dataclass

import numpy as np

from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.conversion.host_work import count_macs, host_layers
from loihiseg.emulator.activity import Presentation, events_by_block, fan_out
from loihiseg.emulator.traffic import program_graph
from loihiseg.metrics.energy import layer_work
from loihiseg.results.layers import LayerWork
from loihiseg.results.work import ActivityCounts
from partition.core.checks import message_count


@dataclass(frozen=True, eq=False)
class StepCounts:
    """What happened on the chip in each step of one presentation; int64, (n_steps,) each."""

    spikes: np.ndarray
    messages: np.ndarray
    synaptic_events: np.ndarray


@dataclass(eq=False)
class Counted:
    """What a `Tally` has counted, without the network.

    Attributes
    ----------
    n_images, n_steps : int
        Presentations, and their steps together.
    compartment_spikes : numpy.ndarray
        int64, (n_compartments,): spikes of every compartment in block order.
    host_spikes : dict of str to numpy.ndarray
        int64, (n_neurons,): of the neurons of each host layer that sends to the chip.
    """

    n_images: int
    n_steps: int
    compartment_spikes: np.ndarray
    host_spikes: dict[str, np.ndarray]


class Tally:
    """Counts over any number of presentations, in the memory of one.

    Parameters
    ----------
    deployed : DeployedNetwork
    counted : Counted, optional
        To go on from.

    Attributes
    ----------
    counted : Counted
    """

    def __init__(self, deployed: DeployedNetwork, counted: Counted | None = None):
        self._deployed = deployed
        n = deployed.deployable.program.n_compartments
        host = {
            name: np.zeros(deployed.neurons.layer(name).n_neurons, np.int64)
            for name in sorted(set(deployed.deployable.input_sources))
        }
        self.counted = counted or Counted(0, 0, np.zeros(n, np.int64), host)

    @property
    def n_images(self) -> int:
        """Presentations."""
        return self.counted.n_images

    @property
    def n_steps(self) -> int:
        """Of all presentations together."""
        return self.counted.n_steps

    @property
    def compartment_spikes(self) -> np.ndarray:
        """int64, (n_compartments,): spikes of every compartment in block order."""
        return self.counted.compartment_spikes

    def add(self, one: Presentation) -> None:
        """Take in a presentation."""
        counted = self.counted
        counted.n_images += 1
        counted.n_steps += one.n_steps
        counted.compartment_spikes += one.compartment_spikes
        for name, total in counted.host_spikes.items():
            total += one.spikes[name].reshape(-1)

    def merge(self, other: "Tally") -> None:
        """Take in the presentations of another tally of the same network."""
        counted, others = self.counted, other.counted
        counted.n_images += others.n_images
        counted.n_steps += others.n_steps
        counted.compartment_spikes += others.compartment_spikes
        for name, total in counted.host_spikes.items():
            total += others.host_spikes[name]

    def messages_between_chips(self) -> float:
        """Per step, counted from the spikes of the blocks; those of the host apart."""
        if not self.n_steps:
            return 0.0
        rates = self.compartment_spikes.astype(np.float64) / self.n_steps
        graph = program_graph(self._deployed.deployable.program, rates)
        return float(message_count(graph, self._deployed.places.chip_of_block))

    def work_by_layer(self) -> dict[str, LayerWork]:
        """What was counted of every layer on the chip, and its energy per image.

        The sum over all layers is what `counts` says of the chip.

        Raises
        ------
        InputError
            If nothing was counted.
        """
        deployed, spikes = self._deployed, self.compartment_spikes
        deployable = deployed.deployable
        events = events_by_block(deployable, spikes, self.counted.host_spikes)
        starts = deployable.program.block_start
        found = {}
        for layer in deployed.neurons.chip_layers:
            places = deployable.places[layer.name]
            own = np.unique(np.searchsorted(starts, places, side="right") - 1)
            found[layer.name] = layer_work(
                neuron_updates=layer.n_neurons * self.n_steps,
                spikes=int(spikes[places].sum()),
                synaptic_events=int(events[own].sum()),
                n_images=self.n_images,
            )
        return found

    def counts(self, between_chips: float | None = None) -> ActivityCounts:
        """All that was counted; messages and events caused by spikes from the host included.

        Parameters
        ----------
        between_chips : float, optional
            What `messages_between_chips` said, where it was asked already: that walks over all
            that the blocks are connected by.

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
            messages += int(self.counted.host_spikes[name] @ sent)
            synaptic += int(self.counted.host_spikes[name] @ driven)
        if between_chips is None:
            between_chips = self.messages_between_chips()
        on_host = host_layers(deployed.network, deployed.readout)
        behind = sum(layer.activations for layer in on_host if layer.stage == "after")
        return ActivityCounts(
            neuron_updates=deployed.neurons.n_chip_neurons * self.n_steps,
            synaptic_events=synaptic,
            spikes=int(self.compartment_spikes.sum()),
            messages=messages,
            inter_chip_messages=between_chips * self.n_steps,
            n_steps=self.n_steps,
            n_images=self.n_images,
            macs=count_macs(deployed.network, deployed.readout),
            activations=sum(layer.n_neurons for layer in deployed.network.layers) + behind,
            host_macs=sum(layer.macs for layer in on_host),
            host_neurons=sum(layer.n_neurons for layer in deployed.neurons.layers if layer.on_host),
            host_activations=behind,
        )
