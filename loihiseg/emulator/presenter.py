"""Images through a compiled program, several at a time.

The same interface as `loihiseg.emulator.reference.Presenter`, and the same spikes.
"""

import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from typing import Self

import numpy as np

from loihiseg.conversion.spec import LoweredNetwork
from loihiseg.emulator import kernels
from loihiseg.emulator.activity import Presentation, compact
from loihiseg.emulator.blockwise import block_order
from loihiseg.emulator.host import HostSpikes, host_spikes, ordered_spikes
from loihiseg.emulator.presentation import Counts, present
from loihiseg.emulator.program import Program
from loihiseg.emulator.step_loads import StepLoads, step_loads
from loihiseg.emulator.validation import check_fits
from partition.core.block_limits import CoreUse
from partition.system import n_cores


@dataclass(frozen=True, eq=False)
class Deployable:
    """A program and what its compartments and inputs stand for.

    Attributes
    ----------
    program : Program
    places : dict of str to numpy.ndarray
        int64, (n_neurons,): compartment of each neuron of every layer on the chip.
    input_sources : tuple of str
        Host layer that each input of the program carries the spikes of.
    uses : tuple of partition.core.block_limits.CoreUse or None
        What each block takes of its core; None of a program that was kept without.
    """

    program: Program
    places: dict[str, np.ndarray]
    input_sources: tuple[str, ...]
    uses: tuple[CoreUse, ...] | None = None

    def compartment_values(self, layers: Mapping[str, np.ndarray]) -> np.ndarray:
        """Lay values per neuron out in block order.

        Parameters
        ----------
        layers : dict of str to numpy.ndarray
            (rows, columns, channels) for every layer on the chip.

        Returns
        -------
        numpy.ndarray
            (n_compartments,) float64.
        """
        values = np.zeros(self.program.n_compartments)
        for name, places in self.places.items():
            values[places] = np.asarray(layers[name]).reshape(-1)
        return values

    def block_of(self, compartments: np.ndarray) -> np.ndarray:
        """Block that each compartment lies in, int64."""
        return np.searchsorted(self.program.block_start, compartments, side="right") - 1

    def by_layer(
        self, counts: np.ndarray, shapes: Mapping[str, tuple[int, int, int]]
    ) -> dict[str, np.ndarray]:
        """Counts per compartment as (rows, columns, channels) by layer; ``shapes`` says which."""
        return {name: counts[places].reshape(shapes[name]) for name, places in self.places.items()}


class CompiledPresenter:
    """Runs images through a program.

    Parameters
    ----------
    deployable : Deployable
    network : LoweredNetwork
        For its host layers and the shapes of all layers.
    n_threads : int, optional
        Images at a time, or parts of one image if there are fewer images; as many as there are
        cores by default. With one, all is done in the thread that asks.
    windows : mapping of str to (int, int), optional
        Layers on the chip that must fire in no step but from the first to the last of these,
        counted from 1: the answer to an image for which one does is not exact. What they send in
        other steps is in `Presentation.early`.

    Raises
    ------
    ValueError
        If the program is noisy: that needs the simulator. If it has loops, and there are windows.
    InputError
        If the program is one of another network.
    """

    def __init__(
        self,
        deployable: Deployable,
        network: LoweredNetwork,
        n_threads: int | None = None,
        windows: Mapping[str, tuple[int, int]] | None = None,
    ) -> None:
        if deployable.program.has_noise:
            raise ValueError("program has noise; run it with the simulator")
        self.deployable = deployable
        self.shapes = {layer.name: layer.shape for layer in network.layers}
        check_fits(deployable, self.shapes)
        self._network = network
        self._order = block_order(deployable.program)
        if windows and self._order is None:
            raise ValueError("program has loops: it is not counted when its blocks fire")
        self._windows = [
            (name, np.unique(deployable.block_of(deployable.places[name])), window)
            for name, window in (windows or {}).items()
        ]
        self._n_threads = n_threads or n_cores()
        self._pool = ThreadPoolExecutor(self._n_threads)

    def present_each(
        self, images: Iterable[np.ndarray], n_steps: int, n_window_steps: int
    ) -> Iterator[Presentation]:
        """Hold each image at the input for a number of steps, from a state of rest.

        Parameters
        ----------
        images : iterable of numpy.ndarray
            Normalized pixels; taken as they are needed, a few ahead.
        n_steps : int
            Length of a presentation.
        n_window_steps : int
            The last so many steps are counted for the read-out.

        Yields
        ------
        Presentation
            In the order of the images, each as soon as it is done.
        """
        images = iter(images)
        if self._n_threads == 1:
            # The caller's own: what is held to one thread does not take two.
            for image in images:
                yield self._run(host_spikes(self._network, image, n_steps), n_steps, n_window_steps)
            return
        first = list(islice(images, self._n_threads))
        if len(first) < self._n_threads:
            # The threads share the blocks of each image.
            for image in first:
                host = host_spikes(self._network, image, n_steps)
                yield self._run(host, n_steps, n_window_steps, self._pool)
            return
        waiting: deque[Future[Presentation]] = deque()
        try:
            for image in chain(first, images):
                # The host is far faster than the chip's program: its spikes must not pile up.
                if len(waiting) >= 2 * self._n_threads:
                    yield waiting.popleft().result()
                host = host_spikes(self._network, image, n_steps)
                waiting.append(self._pool.submit(self._run, host, n_steps, n_window_steps))
            while waiting:
                yield waiting.popleft().result()
        finally:
            for task in waiting:
                task.cancel()

    def present_all(
        self,
        images: Iterable[np.ndarray],
        n_steps: int,
        n_window_steps: int,
        progress: Callable[[], None] | None = None,
    ) -> list[Presentation]:
        """All of `present_each`; ``progress`` is called after each image."""
        return collected(self.present_each(images, n_steps, n_window_steps), progress)

    def rasters(
        self, image: np.ndarray, n_steps: int, layers: Sequence[str]
    ) -> dict[str, np.ndarray]:
        """Spikes of some layers, step by step, while an image is held.

        Parameters
        ----------
        image : numpy.ndarray
            Normalized pixels.
        n_steps : int
        layers : sequence of str
            Names of layers on the chip or on the host.

        Returns
        -------
        dict of str to numpy.ndarray
            bool, (n_steps, rows, columns, neurons) by layer.

        Raises
        ------
        ValueError
            If the program has loops.
        """
        return self._rasters(host_spikes(self._network, image, n_steps), n_steps, layers)

    def _rasters(
        self, host: HostSpikes, n_steps: int, layers: Sequence[str]
    ) -> dict[str, np.ndarray]:
        on_chip = [name for name in layers if name not in host.fired]
        places = [self.deployable.places[name] for name in on_chip]
        counts = present(
            self.deployable.program, self._order, *self._input_spikes(host, n_steps), 1,
            self._pool, self._n_threads, np.concatenate([np.zeros(0, np.int64), *places]),
        )  # fmt: skip
        assert counts.raster is not None  # it was asked for
        ends = np.cumsum([len(place) for place in places])[:-1]
        found = dict(zip(on_chip, np.split(counts.raster, ends, axis=1)))
        found |= {name: host.fired[name] for name in layers if name in host.fired}
        return {name: found[name].reshape(n_steps, *self.shapes[name]) for name in layers}

    def overlapping(
        self,
        images: Sequence[np.ndarray],
        n_steps: int,
        apart: int,
        answers: Mapping[str, tuple[int, int]],
    ) -> list[dict[str, np.ndarray]]:
        """Present images that follow each other before the first has ended, without a rest between.

        Parameters
        ----------
        images : sequence of numpy.ndarray
            Normalized pixels.
        n_steps : int
            Of each image by itself.
        apart : int
            Steps from one image to the next; what the code says that is exact.
        answers : mapping of str to (int, int)
            First and last step, from an image's own first, in which layers on the chip answer.

        Returns
        -------
        list of dict of str to numpy.ndarray
            int32, (rows, columns, neurons) by layer: spikes of each image's answer.

        Raises
        ------
        ValueError
            If the program has loops, or a neuron of the host is to fire for two images at once.
        """
        total = (len(images) - 1) * apart + n_steps
        sent: dict[str, np.ndarray] = {}
        for number, image in enumerate(images):
            for name, fired in host_spikes(self._network, image, n_steps).fired.items():
                whole = sent.setdefault(name, np.zeros((total, fired.shape[1]), bool))
                own = whole[number * apart : number * apart + n_steps]
                if (own & fired).any():
                    raise ValueError(f"images {apart} steps apart both need a neuron of {name}")
                own |= fired
        rasters = self._rasters(HostSpikes(sent), total, tuple(answers))
        return [
            {
                name: rasters[name][number * apart + first - 1 : number * apart + last].sum(
                    axis=0, dtype=np.int32
                )
                for name, (first, last) in answers.items()
            }
            for number in range(len(images))
        ]

    def step_loads(self, image: np.ndarray, n_steps: int) -> StepLoads | None:
        """What every core does in every step while an image is held.

        Parameters
        ----------
        image : numpy.ndarray
            Normalized pixels.
        n_steps : int

        Returns
        -------
        StepLoads or None
            None if the program has loops.
        """
        if self._order is None:
            return None
        program = self.deployable.program
        host = host_spikes(self._network, image, n_steps)
        counts = present(
            program, self._order, *self._input_spikes(host, n_steps), 1,
            self._pool, self._n_threads, np.arange(program.n_compartments),
        )  # fmt: skip
        assert counts.raster is not None  # it was asked for
        return step_loads(program, self.deployable.input_sources, host.fired, counts.raster)

    def _run(
        self, host: HostSpikes, n_steps: int, n_window_steps: int, pool: Executor | None = None
    ) -> Presentation:
        counts = present(
            self.deployable.program,
            self._order,
            *self._input_spikes(host, n_steps),
            n_window_steps,
            pool,
            self._n_threads,
        )
        if counts.overflow:
            names = ", ".join(kernels.overflow_names(counts.overflow))
            warnings.warn(f"Overflow in {names}", stacklevel=2)
        by_layer = self.deployable.by_layer(counts.spikes, self.shapes)
        window_by_layer = self.deployable.by_layer(counts.window_spikes, self.shapes)
        for name, fired in host.fired.items():
            shape = self.shapes[name]
            by_layer[name] = fired.sum(axis=0, dtype=np.int32).reshape(shape)
            late = fired[n_steps - n_window_steps :]
            window_by_layer[name] = late.sum(axis=0, dtype=np.int32).reshape(shape)
        shown = Presentation(
            by_layer,
            window_by_layer,
            n_steps,
            n_window_steps,
            counts.spikes_per_step,
            counts.messages_per_step,
            counts.synaptic_events_per_step,
            counts.spikes,
            self._early(counts),
        )
        return compact(shown)

    def _early(self, counts: Counts) -> dict[str, int]:
        """Spikes outside of the steps in which a layer may fire, of layers that sent any."""
        found = {}
        for name, blocks, (first, last) in self._windows:
            assert counts.block_spikes is not None  # there are no loops
            fired = counts.block_spikes[blocks].sum(axis=0)
            outside = int(fired[: first - 1].sum() + fired[last:].sum())
            if outside:
                found[name] = outside
        return found

    def _input_spikes(self, host: HostSpikes, n_steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Spikes of all inputs, ordered by step."""
        deployable = self.deployable
        return ordered_spikes(
            deployable.program.input_start, deployable.input_sources, host, n_steps
        )

    def close(self) -> None:
        """Free threads."""
        self._pool.shutdown(cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def collected(
    presentations: Iterable[Presentation], progress: Callable[[], None] | None
) -> list[Presentation]:
    """Presentations as a list; ``progress`` is called after each."""
    found = []
    for one in presentations:
        found.append(one)
        if progress is not None:
            progress()
    return found
