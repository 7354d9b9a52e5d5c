"""Images through a real Loihi chip, one nengo-loihi simulator each.

A chip gives out the spikes of the layers the host reads, and no others: probing every neuron would
cost more than running it. Everything else is counted in the emulator, which has the same integers.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import tee
from typing import TYPE_CHECKING, Protocol

import numpy as np

from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.emulator.activity import Presentation
from loihiseg.emulator.presenter import collected

if TYPE_CHECKING:
    import nengo
    import nengo_loihi

    from loihiseg.conversion.converter import ConvertedNetwork


class Presents(Protocol):
    """An emulator, as far as it is needed here."""

    def present_each(
        self, images: Iterable[np.ndarray], n_steps: int, n_window_steps: int
    ) -> Iterator[Presentation]: ...


class HardwarePresenter:
    """Takes the output layers' spikes from a chip, the rest from an emulator.

    Parameters
    ----------
    network : LoweredNetwork
    make : callable
        Returns a new `loihiseg.conversion.converter.ConvertedNetwork` with its block shapes set;
        nengo-loihi cannot reset a simulator, so each image gets a network of its own.
    emulator : Presents
    simulator : callable
        Called with the network: `nengo_loihi.Simulator` with ``target="loihi"`` and its
        ``hardware_options``.
    """

    def __init__(
        self,
        network: LoweredNetwork,
        make: "Callable[[], ConvertedNetwork]",
        emulator: Presents,
        simulator: "Callable[[nengo.Network], nengo_loihi.Simulator]",
    ) -> None:
        self.network = network
        self._make = make
        self._emulator = emulator
        self._simulator = simulator

    def present_each(
        self, images: Iterable[np.ndarray], n_steps: int, n_window_steps: int
    ) -> Iterator[Presentation]:
        """As ``present_each`` of the emulators."""
        own, theirs = tee(images)
        emulated = self._emulator.present_each(theirs, n_steps, n_window_steps)
        for image, presentation in zip(own, emulated):
            fired = self._fired(image, n_steps)
            spikes, window = dict(presentation.spikes), dict(presentation.window_spikes)
            for name, value in fired.items():
                shape = self.network.layer(name).shape
                late = value[n_steps - n_window_steps :]
                spikes[name] = value.sum(axis=0, dtype=np.int32).reshape(shape)
                window[name] = late.sum(axis=0, dtype=np.int32).reshape(shape)
            yield replace(presentation, spikes=spikes, window_spikes=window)

    def present_all(
        self,
        images: Iterable[np.ndarray],
        n_steps: int,
        n_window_steps: int,
        progress: Callable[[], None] | None = None,
    ) -> list[Presentation]:
        """All of `present_each`; ``progress`` is called after each image."""
        return collected(self.present_each(images, n_steps, n_window_steps), progress)

    def _fired(self, image: np.ndarray, n_steps: int) -> dict[str, np.ndarray]:
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
