"""`nengo_loihi.Simulator` with compiled inner loops: same arguments, same results, bit for bit.

>>> from loihiseg.emulator.simulator import Simulator
>>> with Simulator(net, target="sim") as sim:
...     sim.run(0.1)
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import loihiseg.frameworks  # noqa: F401 (before nengo-loihi)

import nengo
import nengo_loihi
import networkx as nx
import numpy as np
from nengo_loihi.builder import Model
from nengo_loihi.emulator import EmulatorInterface
from nengo_loihi.emulator.interface import CompartmentState
from nengo_loihi.inputs import SpikeInput
from nengo_loihi.simulator import StepRunner

from loihiseg.emulator import kernels
from loihiseg.emulator.limits import EnforceLimits, limits_enforced
from loihiseg.emulator.program import GRID, Program, compile_model
from loihiseg.emulator.traffic import program_graph
from partition.built.rates import rates_by_owner


@dataclass(frozen=True)
class Accelerated:
    """What runs compiled, and what through nengo-loihi's own code.

    Attributes
    ----------
    compartments, synapse_groups : bool
        Whether compartments and the synapse groups with fixed weights are compiled.
    n_reference_groups : int
        Synapse groups that learn and so run through the reference code.
    reason : str
        Why anything does not run compiled; empty if all does.
    """

    compartments: bool
    synapse_groups: bool
    n_reference_groups: int = 0
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Activity:
    """What a simulator has done so far. Synapse groups that learn are not counted.

    Attributes
    ----------
    n_steps : int
    neuron_updates, spikes, messages, synaptic_events : int
        Totals; messages and synaptic events of the host's spikes are included.
    compartment_spikes : numpy.ndarray
        int32, (n_compartments,) in block order, which may change from build to build.
    """

    n_steps: int
    neuron_updates: int
    spikes: int
    messages: int
    synaptic_events: int
    compartment_spikes: np.ndarray
    _model: Model
    _program: Program

    @cached_property
    def rates(self) -> dict[nengo.Ensemble | str, np.ndarray]:
        """(n_neurons,) Hz by ensemble, and by label of blocks that are of none.

        For ``partition.block_graph`` or an allocator, with any build of the network. Like the
        traffic it is made when it is asked for first: that takes longer than a step.
        """
        return rates_by_owner(self._model, self._spikes_per_step)

    @cached_property
    def traffic(self) -> nx.DiGraph:
        """Blocks, and messages per step from block to block as edge ``weight``."""
        return program_graph(self._program, self._spikes_per_step)

    @property
    def _spikes_per_step(self) -> np.ndarray:
        return self.compartment_spikes / max(self.n_steps, 1)

    def __repr__(self) -> str:
        return (
            f"<Activity: {self.n_steps:,} steps of {len(self.compartment_spikes):,} compartments, "
            f"{self.spikes:,} spikes, {self.messages:,} messages, "
            f"{self.synaptic_events:,} synaptic events>"
        )


@contextmanager
def _casts_unsaid() -> Iterator[None]:
    """Without numpy's warning of nengo-loihi's integers that are filled with a float."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="invalid value encountered in cast")
        yield


class Simulator(nengo_loihi.Simulator):
    """Drop-in for `nengo_loihi.Simulator`; ``target="sim"`` runs compiled.

    Other targets run as they do there. `accelerated` says what runs compiled, `activity` what
    happened; `reset` goes back to the start, which nengo-loihi's own cannot.

    Parameters
    ----------
    network : nengo.Network
    dt : float
        Of a step, in seconds.
    seed : int, optional
    model : nengo_loihi.builder.Model, optional
    *args, **kwargs
        As `nengo_loihi.Simulator` takes them.
    enforce_limits : {"error", "warn", "off"}, optional
        Whether a network with blocks that exceed a core is refused (BuildError), run with a
        `LimitsWarning`, or just run; each block is named, with value, limit and excess. Without,
        what nengo-loihi refuses is an error, and what only a hardware build would refuse a warning.
    """

    def __init__(
        self,
        network: nengo.Network,
        dt: float = 0.001,
        seed: int | None = None,
        model: Model | None = None,
        *args: object,
        enforce_limits: EnforceLimits | None = None,
        **kwargs: object,
    ) -> None:
        # As nengo-loihi's own: there is nothing to close if the constructor raises.
        self.closed = True
        if model is None:
            model = Model(dt=float(dt), label=f"{network}, dt={dt:f}")
        with limits_enforced(model, enforce_limits), _casts_unsaid():
            super().__init__(network, dt, seed, model, *args, **kwargs)
        emulator = self.sims.get("emulator")
        self.accelerated = Accelerated(False, False, reason=f"target is {self.target!r}")
        # Learning changes the weights of the built model itself.
        self._learning_weights = [
            (synapse, [row.copy() for row in synapse.weights])
            for block in self.model.blocks
            for synapse in block.synapses
            if synapse.learning
        ]
        if emulator is None or self.target != "sim":
            return
        with _casts_unsaid():
            compiled = CompiledEmulator(self.model, seed=emulator.seed)
        self.sims["emulator"] = compiled
        self._runner.emulator = compiled
        self.accelerated = compiled.accelerated

    def reset(self, seed: int | None = None) -> None:
        """Go back to the start: state, learned weights, probes and counts as those of a new one.

        Parameters
        ----------
        seed : int, optional
            Of all that is drawn at random in a run, on the chip and on the host; without, the run
            comes out as the first did.

        Raises
        ------
        SimulatorClosed
            If it is closed.
        NotImplementedError
            On a board, as in nengo-loihi.
        """
        emulator = self.sims.get("emulator")
        if self.closed or emulator is None:
            super().reset(seed)
        seed = emulator.seed if seed is None else seed
        for synapse, rows in self._learning_weights:
            for row, first in zip(synapse.weights, rows, strict=True):
                row[:] = first
        for spikes in self.model.inputs:
            spikes.spikes = {t: spikes.spikes[t] for t in spikes.permanent}
        kind = CompiledEmulator if isinstance(emulator, CompiledEmulator) else EmulatorInterface
        with _casts_unsaid():
            self.sims["emulator"] = kind(self.model, seed=seed)
        for name in ("host_pre", "host"):
            if name in self.sims:
                self.sims[name].reset(None if seed == emulator.seed else seed)
        self.clear_probes()
        # It holds what the hosts send and receive through, which they made anew.
        self._runner = StepRunner(self.model, self.sims, self.precompute, self.timers)
        self._n_steps, self._time = 0, 0.0

    @property
    def activity(self) -> Activity:
        """Counts since the start; AttributeError where nothing runs compiled."""
        emulator = self.sims.get("emulator")
        if not isinstance(emulator, CompiledEmulator):
            raise AttributeError(f"activity is not counted: {self.accelerated.reason}")
        return emulator.activity()


class CompiledEmulator(EmulatorInterface):
    """nengo-loihi's emulator with its loops over spikes and compartments compiled.

    State lives where the reference keeps it, so probes and everything that looks at
    ``compartment`` work on it unchanged.
    """

    def __init__(self, model: Model, seed: int | None = None) -> None:
        super().__init__(model, seed=seed)
        self._model = model
        self.program: Program = compile_model(model)
        n_cells = -(-self.program.n_compartments // GRID)
        self._touched = np.zeros(n_cells, np.uint8)
        self._quiet = np.zeros(n_cells, np.uint8)
        self._spikes = np.empty(self.program.n_compartments, np.int32)
        self._n_spikes = 0
        self._nothing = np.empty(0, np.int32)
        self._messages = self._synaptic_events = 0
        self._leave_learning_to_the_reference()
        n_learning = len(self.synapses.slices)
        reason = "synapse groups that learn run through nengo-loihi" if n_learning else ""
        self.accelerated = Accelerated(True, True, n_learning, reason)
        # Learning rounds at random from the same generator, so its draws have to stay in step.
        self._noisy = self.program.has_noise
        self._draw = self._noisy or n_learning > 0

    def _leave_learning_to_the_reference(self) -> None:
        """Keep only what learns among the synapses and axons that the reference code walks."""
        for synapse in [s for s in self.synapses.slices if not s.learning]:
            del self.synapses.slices[synapse]
            del self.synapses.spikes_in[synapse]
        for axon in [a for a in self.axons.slices if not a.target.learning]:
            del self.axons.slices[axon]

    def step(self) -> None:
        """Advance by one step."""
        self.t += 1
        compartment = self.compartment
        compartment.advance_input()
        inputs = self._fetch_inputs()
        self.synapses.inject_current(self.t, inputs, self.axons, compartment.spiked)
        self._scatter(inputs)
        self.synapses.update_input(compartment.input)
        self.synapses.update_traces(self.t, self.rng)
        self.synapses.update_weights(self.t, self.rng)
        self._update()
        self.probes.update(self.t, compartment)

    def close(self) -> None:
        """Free the state; what was counted can still be read."""
        if not self.closed:
            self._counted = self.activity()
        super().close()

    def activity(self) -> Activity:
        """Counts since the start."""
        if self.closed:
            return self._counted
        spikes = self.compartment.spike_count.copy()
        return Activity(
            self.t,
            self.t * self.program.n_compartments,
            int(spikes.sum(dtype=np.int64)),
            self._messages,
            self._synaptic_events,
            spikes,
            self._model,
            self.program,
        )

    def _fetch_inputs(self) -> "list[_Fetched]":
        """Spikes of the host that arrive now; a `SpikeInput` gives them out once."""
        if self.t < 2:
            return []
        return [_Fetched(source, self.t - 1) for source in self.inputs]

    def _scatter(self, inputs: "list[_Fetched]") -> None:
        program = self.program
        host = (program.input_entry_start, program.input_entries)
        for first, fetched in zip(program.input_start, inputs):
            sources = (np.asarray(fetched.spikes, np.int64) + first).astype(np.int32)
            self._send(sources, len(sources), host)
        chip = (program.entry_start, program.entries)
        self._send(self._spikes, self._n_spikes, chip)
        if self.synapses.slices:
            self._touched[:] = 1

    def _send(
        self, sources: np.ndarray, n_sources: int, entries: tuple[np.ndarray, np.ndarray]
    ) -> None:
        program = self.program
        messages, events = kernels.scatter(
            sources,
            n_sources,
            *entries,
            program.row_start,
            program.runs,
            program.weights,
            self.compartment.input[0],
            self._touched,
        )
        self._messages += messages
        self._synaptic_events += events

    def _update(self) -> None:
        program, state = self.program, self.compartment
        noise_in = noise_sum = self._nothing
        if self._draw:
            noise = state.noise.sample(self.rng)
            noise_in = np.where(program.noise_on_current, 0, noise).astype(np.int32)
            noise_sum = np.where(program.noise_on_current, noise, 0).astype(np.int32)
        self._n_spikes, overflow = kernels.update(
            program.segment_start,
            program.segment,
            program.bias,
            noise_in,
            noise_sum,
            self._noisy,
            state.input[0],
            state.current,
            state.voltage,
            state.ref_count,
            state.spiked,
            state.spike_count,
            self._touched,
            self._quiet,
            self._spikes,
            -1,
        )
        if overflow:
            _report_overflow(state, overflow)


class _Fetched:
    """Spikes of one host input, as often as asked, and its axons to groups that learn."""

    def __init__(self, source: SpikeInput, step: int) -> None:
        self.spikes = source.spike_idxs(step)
        self.axons = [axon for axon in source.axons if axon.target.learning]

    def spike_idxs(self, _step: int) -> list[int]:
        return self.spikes


def _report_overflow(state: CompartmentState, overflow: int) -> None:
    for name in kernels.overflow_names(overflow):
        state.error(f"Overflow in {name}")
