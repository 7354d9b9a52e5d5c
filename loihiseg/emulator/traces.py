"""Voltages and spikes of some layers, step by step, while an image is shown: to be looked at.

The arithmetic is that of `loihiseg.emulator.kernels`, one step at a time; presentations count the
same spikes without it, and are much faster.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.emulator import kernels
from loihiseg.emulator.host import host_spikes, ordered_spikes
from loihiseg.emulator.program import GRID, SEGMENT_PARAMETERS, Program

if TYPE_CHECKING:
    from loihiseg.emulator.presenter import Deployable

DECAY_ONE = 2**12
"""What a decay leaves is of so many."""

LEAST_KEPT = 1
"""Of them, by the largest decay that the chip has: nothing of a voltage below them."""


@dataclass(frozen=True, eq=False)
class Trace:
    """What the neurons of a layer on the chip did.

    Attributes
    ----------
    voltage : numpy.ndarray
        int32, (n_steps, rows, columns, neurons): as it is compared with the threshold, in the
        chip's integers; a neuron that fires is at 0 right after.
    fired : numpy.ndarray
        bool, the same shape.
    threshold : numpy.ndarray
        int32, (rows, columns, neurons).
    forgets : bool
        Whether nothing of a voltage is kept in the next step.
    """

    voltage: np.ndarray
    fired: np.ndarray
    threshold: np.ndarray
    forgets: bool = False


def traces(
    deployable: "Deployable",
    network: LoweredNetwork,
    pixels: np.ndarray,
    n_steps: int,
    layers: Sequence[str],
) -> dict[str, Trace]:
    """Run a program from rest and watch some of its layers.

    Parameters
    ----------
    deployable : Deployable
        Its program is without noise.
    network : LoweredNetwork
        Of its neurons.
    pixels : numpy.ndarray
        One image, normalized.
    n_steps : int
    layers : sequence of str
        Of the chip.

    Returns
    -------
    dict of str to Trace
        By layer.
    """
    program = deployable.program
    shapes = {name: network.layer(name).shape for name in layers}
    places = {name: deployable.places[name] for name in layers}
    watched = np.concatenate([places[name] for name in layers])
    host = host_spikes(network, pixels, n_steps)
    start, sent = ordered_spikes(program.input_start, deployable.input_sources, host, n_steps)
    state = _State(program)
    voltage = np.zeros((n_steps, len(watched)), np.int32)
    fired = np.zeros((n_steps, len(watched)), bool)
    for step in range(n_steps):
        arrives = sent[start[step - 1] : start[step]] if step else sent[:0]
        voltage[step], fired[step] = state.step(arrives, watched)
    threshold = state.parameters["vth"]
    found, ends = {}, np.cumsum([len(places[name]) for name in layers])
    for name, end in zip(layers, ends):
        own = slice(end - len(places[name]), end)
        shape = (n_steps, *shapes[name])
        found[name] = Trace(
            voltage[:, own].reshape(shape),
            fired[:, own].reshape(shape),
            threshold[places[name]].reshape(shapes[name]),
            bool((state.parameters["keep_v"][places[name]] <= LEAST_KEPT).all()),
        )
    return found


class _State:
    """All compartments of a program at rest, to be advanced."""

    def __init__(self, program: Program) -> None:
        n = program.n_compartments
        self._program = program
        lengths = np.diff(program.segment_start)
        self.parameters = {
            name: np.repeat(program.segment[:, column], lengths)
            for column, name in enumerate(SEGMENT_PARAMETERS)
        }
        self._current_in, self._current, self._voltage, self._refractory = np.zeros(
            (4, n), np.int32
        )
        self._fired, self._counts = np.zeros(n, bool), np.zeros(n, np.int32)
        self._touched, self._quiet = np.zeros((2, -(-n // GRID)), np.uint8)
        self._spikes, self._n_spikes = np.empty(n, np.int32), 0

    def step(self, arrives: np.ndarray, watched: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One step in which these neurons of the host are heard; voltages and spikes of some."""
        program = self._program
        nothing = np.empty(0, np.int32)
        before = self._voltage[watched]
        self._send(arrives, len(arrives), program.input_entry_start, program.input_entries)
        self._send(self._spikes, self._n_spikes, program.entry_start, program.entries)
        self._n_spikes, _ = kernels.update(
            program.segment_start, program.segment, program.bias, nothing, nothing, False,
            self._current_in, self._current, self._voltage, self._refractory, self._fired,
            self._counts, self._touched, self._quiet, self._spikes, 0,
        )  # fmt: skip
        fired = self._fired[watched]
        return np.where(fired, self._compared(before, watched), self._voltage[watched]), fired

    def _send(
        self, sources: np.ndarray, n_sources: int, starts: np.ndarray, entries: np.ndarray
    ) -> None:
        program = self._program
        kernels.scatter(
            sources, n_sources, starts, entries, program.row_start, program.runs, program.weights,
            self._current_in, self._touched,
        )  # fmt: skip

    def _compared(self, before: np.ndarray, watched: np.ndarray) -> np.ndarray:
        """Voltages before spikes take them back: what was kept, with current and bias added."""
        keep, low, high = (self.parameters[name][watched] for name in ("keep_v", "vmin", "vmax"))
        whole = before.astype(np.int64)
        kept = np.sign(whole) * (np.abs(whole) * keep // DECAY_ONE)
        total = kept + self._current[watched] + self._program.bias[watched]
        return np.clip(total, low, high).astype(np.int32)
