"""What happened in a run, counted: spikes, messages, synaptic events, neuron updates."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from loihiseg.conversion.spec import source_of

if TYPE_CHECKING:
    from nengo_loihi.builder import Model

    from loihiseg.emulator.presenter import Deployable


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
    messages_per_step, synaptic_events_per_step : numpy.ndarray
        int64, (n_steps,): axon messages that arrive at cores, from the chip and from the host, and
        synapses they drive.
    compartment_spikes : numpy.ndarray
        int32, (n_compartments,): spikes of every compartment in block order, all steps.
    early : dict of str to int or None
        Spikes outside of the steps in which a layer may fire, of layers that sent any; None where
        that was not looked at.
    """

    spikes: dict[str, np.ndarray]
    window_spikes: dict[str, np.ndarray]
    n_steps: int
    n_window_steps: int
    spikes_per_step: np.ndarray
    messages_per_step: np.ndarray
    synaptic_events_per_step: np.ndarray
    compartment_spikes: np.ndarray
    early: dict[str, int] | None = None

    def rates_hz(self, layer: str, dt_s: float = 0.001) -> np.ndarray:
        """Mean firing rate of each neuron of a layer over the window, in Hz, float32."""
        return self.window_spikes[layer].astype(np.float32) / (self.n_window_steps * dt_s)

    def firing_per_step(self, layer: str) -> np.ndarray:
        """Spikes per step of each neuron of a layer over the window, float32."""
        return self.window_spikes[layer].astype(np.float32) / np.float32(self.n_window_steps)


def compact(presentation: Presentation) -> Presentation:
    """The same with the smallest integers that hold its counts: for many presentations at once."""
    kind = np.min_scalar_type(presentation.n_steps)

    def smaller(by_layer: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: counts.astype(kind) for name, counts in by_layer.items()}

    return replace(
        presentation,
        spikes=smaller(presentation.spikes),
        window_spikes=smaller(presentation.window_spikes),
        compartment_spikes=presentation.compartment_spikes.astype(kind),
    )


class SpikesDigest:
    """SHA-256 of all that was counted: equal where every neuron spiked as often, in every step.

    How wide the integers are that hold counts does not matter; the order of presentations does.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, one: Presentation) -> None:
        """Take in a presentation."""
        self._digest.update(f"{one.n_steps} {one.n_window_steps}\n".encode())
        for by_layer in (one.spikes, one.window_spikes):
            for name in sorted(by_layer):
                self._add(name, by_layer[name])
        self._add("spikes", one.spikes_per_step)
        self._add("messages", one.messages_per_step)
        self._add("synaptic events", one.synaptic_events_per_step)
        self._add("compartments", one.compartment_spikes)

    def _add(self, name: str, counts: np.ndarray) -> None:
        self._digest.update(f"{name} {counts.shape}\n".encode())
        self._digest.update(np.ascontiguousarray(counts, "<i8").tobytes())

    def hexdigest(self) -> str:
        """Hexadecimal, of what was taken in so far."""
        return self._digest.hexdigest()


def spikes_sha256(presentations: Iterable[Presentation]) -> str:
    """`SpikesDigest` of presentations in order, hexadecimal."""
    digest = SpikesDigest()
    for one in presentations:
        digest.add(one)
    return digest.hexdigest()


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


def host_sources(model: "Model") -> tuple[str, ...]:
    """Host layer behind each input of a built model, read from the label of its connection."""
    return tuple(source_of(str(source.label)) for source in model.inputs)


def fan_out(deployable: "Deployable") -> FanOut:
    """Count the destinations of every compartment and host neuron of a program.

    Parameters
    ----------
    deployable : loihiseg.emulator.presenter.Deployable

    Returns
    -------
    FanOut
    """
    program = deployable.program
    per_row = program.row_events
    messages, events = _count(program.entry_start, program.entries[:, 1], per_row)
    host = _count(program.input_entry_start, program.input_entries[:, 1], per_row)
    parts = program.input_start[1:-1]
    return FanOut(
        messages,
        events,
        tuple(np.split(host[0], parts)),
        tuple(np.split(host[1], parts)),
        deployable.input_sources,
    )


def events_by_block(
    deployable: "Deployable", spikes: np.ndarray, host_spikes: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Synaptic events on the core of each block, whoever set them off.

    Parameters
    ----------
    deployable : loihiseg.emulator.presenter.Deployable
    spikes : numpy.ndarray
        (n_compartments,): spikes of every compartment, in block order.
    host_spikes : dict of str to numpy.ndarray
        (n_neurons,): of the neurons of each host layer that sends to the chip.

    Returns
    -------
    numpy.ndarray
        int64, (n_blocks,).
    """
    program = deployable.program
    sources = [host_spikes[name] for name in deployable.input_sources]
    sent = np.concatenate([np.zeros(0, np.int64), *sources])
    total = np.zeros(program.n_blocks, np.int64)
    for start, entries, fired in (
        (program.entry_start, program.entries, spikes),
        (program.input_entry_start, program.input_entries, sent),
    ):
        source = np.repeat(np.arange(len(start) - 1), np.diff(start))
        block = np.searchsorted(program.block_start, entries[:, 0], side="right") - 1
        # One message drives the synapses of its row.
        events = np.asarray(fired, np.int64)[source] * program.row_events[entries[:, 1]]
        total += np.bincount(block, events, program.n_blocks).astype(np.int64)
    return total


def _count(
    start: np.ndarray, rows: np.ndarray, per_row: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Messages and synaptic events of one spike of each neuron."""
    source = np.repeat(np.arange(len(start) - 1), np.diff(start))
    events = np.bincount(source, weights=per_row[rows], minlength=len(start) - 1)
    return np.diff(start), events.astype(np.int64)
