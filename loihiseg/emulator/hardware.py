"""Images through a real Loihi chip, one nengo-loihi simulator each.

A chip gives out the spikes of the layers the host reads, and no others: probing every neuron would
cost more than running it. Everything else is counted in the emulator, which has the same integers.
"""

from dataclasses import replace
from itertools import tee

import numpy as np

from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.emulator.presenter import collected


class HardwarePresenter:
    """Takes the output layers' spikes from a chip, the rest from an emulator.

    Parameters
    ----------
    network : LoweredNetwork
    make : callable
        Returns a new `loihiseg.conversion.converter.ConvertedNetwork` with its block shapes set;
        nengo-loihi cannot reset a simulator, so each image gets a network of its own.
    emulator : object
        Has ``present_each``.
    simulator : callable
        Called with the network: `nengo_loihi.Simulator` with ``target="loihi"`` and its
        ``hardware_options``.
    """

    def __init__(self, network: LoweredNetwork, make, emulator, simulator):
        self.network = network
        self._make = make
        self._emulator = emulator
        self._simulator = simulator

    def present_each(self, images, n_steps: int, n_window_steps: int):
        """As ``present_each`` of the emulators."""
        images, emulated = tee(images)
        emulated = self._emulator.present_each(emulated, n_steps, n_window_steps)
        for image, presentation in zip(images, emulated):
            fired = self._fired(image, n_steps)
            spikes, window = dict(presentation.spikes), dict(presentation.window_spikes)
            for name, value in fired.items():
                shape = self.network.layer(name).shape
                late = value[n_steps - n_window_steps :]
                spikes[name] = value.sum(axis=0, dtype=np.int32).reshape(shape)
                window[name] = late.sum(axis=0, dtype=np.int32).reshape(shape)
            yield replace(presentation, spikes=spikes, window_spikes=window)

    def present_all(self, images, n_steps: int, n_window_steps: int, progress=None) -> list:
        """All of `present_each`; ``progress`` is called after each image."""
        return collected(self.present_each(images, n_steps, n_window_steps), progress)

    def _fired(self, image, n_steps):
        """Spikes of the output layers, bool (n_steps, n_neurons) each."""
        import nengo

        converted = self._make()
        (node,) = converted.inputs.values()
        node.output = np.asarray(image, np.float64).reshape(-1)
        with converted.net:
            probes = {
                name: nengo.Probe(converted.ensembles[name].neurons)
                for name in self.network.outputs
            }
        with self._simulator(converted.net) as simulator:
            simulator.run_steps(n_steps)
            return {name: simulator.data[probe] > 0 for name, probe in probes.items()}
