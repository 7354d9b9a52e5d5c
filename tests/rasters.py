"""When every compartment fires, by either emulator; what several tests compare with."""

from dataclasses import dataclass, replace

import numpy as np

from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.emulator.blockwise import block_order
from loihiseg.emulator.presentation import present


@dataclass(frozen=True)
class Built:
    """A network of neurons, and what runs it."""

    neurons: LoweredNetwork
    presenter: object


def compiled_raster(made, sent, keep_current=None):
    """(steps, compartments) spikes of the compiled emulator."""
    deployable = made.presenter.deployable
    program = deployable.program
    if keep_current is not None:
        segment = program.segment.copy()
        segment[:, 0] = keep_current
        program = replace(program, segment=segment)
    steps, neurons = [], []
    for first, source in zip(program.input_start, deployable.input_sources):
        step, neuron = np.nonzero(sent[source])
        steps.append(step)
        neurons.append(neuron + first)
    step, neuron = np.concatenate(steps), np.concatenate(neurons)
    total = len(next(iter(sent.values())))
    start = np.concatenate([[0], np.cumsum(np.bincount(step, minlength=total))]).astype(np.int64)
    ordered = neuron[np.argsort(step, kind="stable")].astype(np.int32)
    everything = np.arange(program.n_compartments)
    found = present(program, block_order(program), start, ordered, 1, recorded=everything)
    assert not found.overflow
    return found.raster


def stock_raster(made, sent):
    """The same of nengo-loihi's own emulator."""
    from nengo_loihi.emulator import EmulatorInterface

    presenter = made.presenter
    emulator = presenter.fresh(EmulatorInterface)
    sources = [sent[name] for name in presenter.deployable.input_sources]
    fired = []
    for step in range(len(sources[0])):
        for source, spikes in zip(presenter.model.inputs, sources):
            source.spikes.clear()
            if step:
                source.add_spikes(step, np.flatnonzero(spikes[step - 1]))
        emulator.step()
        fired.append(emulator.compartment.spiked.copy())
    emulator.close()
    return np.array(fired)
