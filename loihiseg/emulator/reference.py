"""The nengo-loihi emulator, presented one image after another.

nengo-loihi builds a model in half a minute and cannot reset a simulator. Here the model is built
once; every presentation gets a fresh emulator state of it, as a new simulator would.
"""

import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Self, TypeVar

import numpy as np

from loihiseg.emulator.activity import FanOut, Presentation, fan_out, host_sources
from loihiseg.emulator.presenter import Deployable, collected
from loihiseg.errors import LoihisegError
from partition.built.blocks import core_use

if TYPE_CHECKING:
    import nengo
    from nengo_loihi.builder import Model
    from nengo_loihi.emulator import EmulatorInterface

_Emulator = TypeVar("_Emulator", bound="EmulatorInterface")


class Presenter:
    """Runs images through the block model of a converted network.

    Parameters
    ----------
    net : nengo.Network
        Its ensembles have their ``on_chip`` and ``block_shape`` set.
    input_node : nengo.Node
        The node that carries pixels; its output is taken over.
    ensembles : dict of str to nengo.Ensemble
    shapes : dict of str to tuple of int
        (rows, columns, channels) of each ensemble, on the chip or on the host.
    seed : int
        Seed of the network and the emulator.

    Attributes
    ----------
    model : nengo_loihi.builder.Model
        The discretized blocks.

    Raises
    ------
    LoihisegError
        If nengo-loihi cannot build the network; carries its message.
    """

    def __init__(
        self,
        net: "nengo.Network",
        input_node: "nengo.Node",
        ensembles: "Mapping[str, nengo.Ensemble]",
        shapes: Mapping[str, tuple[int, int, int]],
        seed: int = 0,
    ) -> None:
        import loihiseg.frameworks  # noqa: F401 (before nengo-loihi)

        import nengo
        import nengo_loihi

        self._pixels = np.zeros(input_node.size_out)
        self._shapes = shapes
        input_node.output = self._present
        net.seed = seed
        self._seed = seed
        host = [e for e in ensembles.values() if net.config[e].on_chip is False]
        with net:
            self._host_probes = {
                name: nengo.Probe(e.neurons) for name, e in ensembles.items() if e in host
            }
        with _quiet_build():
            try:
                self._simulator = nengo_loihi.Simulator(
                    net, target="sim", precompute=True, seed=seed, progress_bar=False
                )
            except nengo.exceptions.BuildError as error:
                raise LoihisegError(f"nengo-loihi cannot build the network: {error}") from None
        self.model = self._simulator.model
        self._places = _places(self.model, ensembles, host)

    def _present(self, _t: float) -> np.ndarray:
        return self._pixels

    @property
    def n_compartments(self) -> int:
        """Compartments in all blocks."""
        return sum(block.n_neurons for block in self.model.blocks)

    def present(
        self,
        image: np.ndarray,
        n_steps: int,
        n_window_steps: int,
        progress: Callable[[], None] | None = None,
    ) -> Presentation:
        """Hold an image at the input for a number of steps, from a state of rest.

        Parameters
        ----------
        image : numpy.ndarray
            Normalized pixels, as many as the input node has values.
        n_steps : int
            Length of the presentation.
        n_window_steps : int
            The last so many steps are counted for the read-out.
        progress : callable, optional
            Called after every step without arguments.

        Returns
        -------
        Presentation
        """
        emulator, fired_on_host = self._begun(image, n_steps)
        arriving = self._from_host(fired_on_host)
        total = np.zeros(self.n_compartments, np.int32)
        before_window = None
        per_step = np.zeros((3, n_steps), np.int64)
        for step in range(n_steps):
            if step == n_steps - n_window_steps:
                before_window = total.copy()
            if step:
                # What was sent in the step before arrives in this one.
                sent = emulator.compartment.spiked
                per_step[1, step] = self._fans.messages[sent].sum() + arriving[0][step - 1]
                per_step[2, step] = self._fans.synaptic_events[sent].sum() + arriving[1][step - 1]
            emulator.step()
            total += emulator.compartment.spiked
            per_step[0, step] = np.count_nonzero(emulator.compartment.spiked)
            if progress is not None:
                progress()
        assert before_window is not None  # no window is longer than its presentation
        spikes = self.deployable.by_layer(total, self._shapes)
        window = self.deployable.by_layer(total - before_window, self._shapes)
        for name, fired in fired_on_host.items():
            spikes[name] = fired.sum(axis=0, dtype=np.int32).reshape(self._shapes[name])
            window[name] = fired[-n_window_steps:].sum(axis=0, dtype=np.int32)
            window[name] = window[name].reshape(self._shapes[name])
        emulator.close()
        on_chip, messages, events = per_step
        return Presentation(
            spikes, window, n_steps, n_window_steps, on_chip, messages, events, total
        )

    def _begun(
        self, image: np.ndarray, n_steps: int
    ) -> "tuple[EmulatorInterface, dict[str, np.ndarray]]":
        """An emulator at rest with all that the host sends it, and what fired on the host."""
        from nengo_loihi.emulator import EmulatorInterface

        self._pixels = np.asarray(image, np.float64).reshape(-1)
        host = self._simulator.sims["host_pre"]
        host.reset()
        for source in self.model.inputs:
            # A spike sent at the last step of a presentation has not been fetched.
            for step in set(source.spikes) - source.permanent:
                del source.spikes[step]
        runner = self._simulator._runner
        runner.queues = runner._extract_queues()
        emulator = self.fresh(EmulatorInterface)
        host.run_steps(n_steps)
        runner._host2chip(emulator)
        return emulator, {name: host.data[probe] > 0 for name, probe in self._host_probes.items()}

    @cached_property
    def _fans(self) -> FanOut:
        return fan_out(self.deployable)

    def _from_host(self, fired: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Messages and synaptic events that each step's host spikes set off, (n_steps,) each."""
        fans = self._fans
        messages = events = np.zeros((), np.int64)
        host = zip(fans.host_sources, fans.host_messages, fans.host_synaptic_events)
        for name, sent, driven in host:
            messages = messages + fired[name] @ sent
            events = events + fired[name] @ driven
        return messages, events

    def fresh(self, kind: "type[_Emulator]") -> "_Emulator":
        """An emulator of class ``kind`` at rest, of the built model."""
        with _quiet_build():
            return kind(self.model, seed=self._seed)

    @cached_property
    def deployable(self) -> Deployable:
        """The built model compiled, as `loihiseg.emulator.presenter` runs it."""
        from loihiseg.emulator.program import compile_model

        uses = tuple(core_use(block) for block in self.model.blocks)
        return Deployable(
            compile_model(self.model), dict(self._places), host_sources(self.model), uses
        )

    def present_each(
        self, images: Iterable[np.ndarray], n_steps: int, n_window_steps: int
    ) -> Iterator[Presentation]:
        """Present images one after the other; yields the `Presentation` of each."""
        for image in images:
            yield self.present(image, n_steps, n_window_steps)

    def present_all(
        self,
        images: Iterable[np.ndarray],
        n_steps: int,
        n_window_steps: int,
        progress: Callable[[], None] | None = None,
    ) -> list[Presentation]:
        """All of `present_each`; ``progress`` is called after each image."""
        return collected(self.present_each(images, n_steps, n_window_steps), progress)

    def close(self) -> None:
        """Free the simulator."""
        self._simulator.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _places(
    model: "Model", ensembles: "Mapping[str, nengo.Ensemble]", host: "Collection[nengo.Ensemble]"
) -> dict[str, np.ndarray]:
    """Where in block order the compartment of each neuron of a layer is."""
    starts, start = {}, 0
    for block in model.blocks:
        starts[block] = start
        start += block.n_neurons
    places = {}
    for name, ensemble in ensembles.items():
        if ensemble in host:
            continue
        blocks = model.objs[ensemble]["out"]
        blocks = blocks if isinstance(blocks, list) else [blocks]
        place = np.empty(ensemble.n_neurons, np.int64)
        for block in blocks:
            neurons = np.fromiter(model.block_comp_map[block], np.int64)
            place[neurons] = starts[block] + np.arange(block.n_neurons)
        places[name] = place
    return places


@contextmanager
def _quiet_build() -> Iterator[None]:
    """Keep back the warnings that a build repeats for every block."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Lost .* extra bits in weight rounding")
        warnings.filterwarnings("ignore", message="invalid value encountered in cast")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        yield
