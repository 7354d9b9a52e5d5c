"""`nengo_loihi.Simulator` with compiled inner loops: same arguments, same results, bit for bit.

>>> from loihiseg.emulator.simulator import Simulator
>>> with Simulator(net, target="sim") as sim:
...     sim.run(0.1)
"""

from dataclasses import dataclass

import nengo_loihi
import numpy as np
from nengo_loihi.emulator import EmulatorInterface

from loihiseg.emulator import kernels
from loihiseg.emulator.program import GRID, Program, compile_model


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


class Simulator(nengo_loihi.Simulator):
    """Drop-in for `nengo_loihi.Simulator`; ``target="sim"`` runs compiled.

    Other targets run as they do there. `accelerated` says what runs compiled.
    """

    def __init__(self, network, *args, **kwargs):
        super().__init__(network, *args, **kwargs)
        emulator = self.sims.get("emulator")
        self.accelerated = Accelerated(False, False, reason=f"target is {self.target!r}")
        if emulator is None or self.target != "sim":
            return
        compiled = CompiledEmulator(self.model, seed=emulator.seed)
        self.sims["emulator"] = compiled
        self._runner.emulator = compiled
        self.accelerated = compiled.accelerated


class CompiledEmulator(EmulatorInterface):
    """nengo-loihi's emulator with its loops over spikes and compartments compiled.

    State lives where the reference keeps it, so probes and everything that looks at
    ``compartment`` work on it unchanged.
    """

    def __init__(self, model, seed=None):
        super().__init__(model, seed=seed)
        self.program: Program = compile_model(model)
        n_cells = -(-self.program.n_compartments // GRID)
        self._touched = np.zeros(n_cells, np.uint8)
        self._quiet = np.zeros(n_cells, np.uint8)
        self._spikes = np.empty(self.program.n_compartments, np.int32)
        self._n_spikes = 0
        self._nothing = np.empty(0, np.int32)
        self._leave_learning_to_the_reference()
        n_learning = len(self.synapses.slices)
        reason = "synapse groups that learn run through nengo-loihi" if n_learning else ""
        self.accelerated = Accelerated(True, True, n_learning, reason)
        # Learning rounds at random from the same generator, so its draws have to stay in step.
        self._noisy = self.program.has_noise
        self._draw = self._noisy or n_learning > 0

    def _leave_learning_to_the_reference(self):
        """Keep only what learns among the synapses and axons that the reference code walks."""
        for synapse in [s for s in self.synapses.slices if not s.learning]:
            del self.synapses.slices[synapse]
            del self.synapses.spikes_in[synapse]
        for axon in [a for a in self.axons.slices if not a.target.learning]:
            del self.axons.slices[axon]

    def step(self):
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

    def _fetch_inputs(self):
        """Spikes of the host that arrive now; a `SpikeInput` gives them out once."""
        if self.t < 2:
            return []
        return [_Fetched(source, self.t - 1) for source in self.inputs]

    def _scatter(self, inputs):
        program, current_in = self.program, self.compartment.input[0]
        rows = (program.row_start, program.run_offset, program.run_start, program.weights)
        for first, fetched in zip(program.input_start, inputs):
            sources = (np.asarray(fetched.spikes, np.int64) + first).astype(np.int32)
            kernels.scatter(
                sources,
                len(sources),
                program.input_entry_start,
                program.input_entry_base,
                program.input_entry_row,
                *rows,
                current_in,
                self._touched,
            )
        kernels.scatter(
            self._spikes,
            self._n_spikes,
            program.entry_start,
            program.entry_base,
            program.entry_row,
            *rows,
            current_in,
            self._touched,
        )
        if self.synapses.slices:
            self._touched[:] = 1

    def _update(self):
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

    def __init__(self, source, step):
        self.spikes = source.spike_idxs(step)
        self.axons = [axon for axon in source.axons if axon.target.learning]

    def spike_idxs(self, _step):
        return self.spikes


def _report_overflow(state, overflow):
    names = {
        kernels.INPUT_OVERFLOW: "q0",
        kernels.CURRENT_OVERFLOW: "current",
        kernels.SUM_OVERFLOW: "u2",
    }
    for bit, name in names.items():
        if overflow & bit:
            state.error(f"Overflow in {name}")
