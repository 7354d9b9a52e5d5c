"""What happened in a run, counted: spikes, messages, synaptic events, neuron updates."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Presentation:
    """Spikes while one image was presented.

    Attributes
    ----------
    spikes : dict of str to numpy.ndarray
        int32, (rows, columns, channels): spikes of every neuron of each layer, all steps.
    window_spikes : dict of str to numpy.ndarray
        The same, over the read-out window only.
    n_steps, n_window_steps : int
        Length of the presentation and of the window, in steps.
    spikes_per_step : numpy.ndarray
        int64, (n_steps,): spikes on the chip.
    compartment_spikes : numpy.ndarray
        int32, (n_compartments,): spikes of every compartment in block order, all steps.
    """

    spikes: dict[str, np.ndarray]
    window_spikes: dict[str, np.ndarray]
    n_steps: int
    n_window_steps: int
    spikes_per_step: np.ndarray
    compartment_spikes: np.ndarray

    def rates_hz(self, layer: str, dt_s: float = 0.001) -> np.ndarray:
        """Mean firing rate of each neuron of a layer over the window, in Hz, float32."""
        return self.window_spikes[layer].astype(np.float32) / (self.n_window_steps * dt_s)


@dataclass(frozen=True, eq=False)
class FanOut:
    """What one spike of each compartment or host neuron sets off.

    Attributes
    ----------
    messages, synaptic_events : numpy.ndarray
        int64, (n_compartments,) in block order: axon messages sent (one per destination core) and
        synapses they drive.
    host_messages, host_synaptic_events : tuple of numpy.ndarray
        The same for the neurons of each host input, in the order of ``model.inputs``.
    host_sources : tuple of str
        Host layer that each input carries the spikes of.
    """

    messages: np.ndarray
    synaptic_events: np.ndarray
    host_messages: tuple[np.ndarray, ...]
    host_synaptic_events: tuple[np.ndarray, ...]
    host_sources: tuple[str, ...]


def host_sources(model) -> tuple[str, ...]:
    """Host layer behind each input of a built model, read from the label of its connection."""
    return tuple(str(source.label).split(" -> ")[0] for source in model.inputs)


def fan_out(model) -> FanOut:
    """Count the destinations of every compartment of a built nengo-loihi model.

    Parameters
    ----------
    model : nengo_loihi.builder.Model

    Returns
    -------
    FanOut
    """
    sizes = {}
    messages, events = [], []
    for block in model.blocks:
        counted = _count(block.axons, block.n_neurons, sizes)
        messages.append(counted[0])
        events.append(counted[1])
    host = [_count(source.axons, source.n_neurons, sizes) for source in model.inputs]
    return FanOut(
        np.concatenate(messages),
        np.concatenate(events),
        tuple(m for m, _ in host),
        tuple(e for _, e in host),
        host_sources(model),
    )


def _count(axons, n_neurons, sizes):
    """Messages and synaptic events per neuron over a group of axons."""
    messages = np.zeros(n_neurons, np.int64)
    events = np.zeros(n_neurons, np.int64)
    for axon in axons:
        synapse = axon.target
        if id(synapse) not in sizes:
            sizes[id(synapse)] = _synapses_per_axon(synapse)
        targets = axon.compartment_map
        targets = np.arange(n_neurons) if targets is None else np.asarray(targets)
        used = targets >= 0
        messages[used] += 1
        events[used] += sizes[id(synapse)][targets[used]]
    return messages, events


def _synapses_per_axon(synapse):
    """Synapses that one spike on each axon of a synapse group drives; every atom has as many."""
    counts = np.zeros(synapse.n_axons, np.int64)
    for axon in range(synapse.n_axons):
        if synapse.axon_compartment_base(axon) is not None:
            counts[axon] = synapse.weights[synapse.axon_weight_idx(axon)].shape[-1]
    return counts
