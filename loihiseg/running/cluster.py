"""Windows on a cluster of Dask: this process reads and writes, workers segment.

Nothing of a volume is known to workers but the windows they are given, a few at a time, and no
worker is told of an output. A window is done again elsewhere where a worker is lost; a pixel comes
out the same wherever that is. What goes between the processes is pickled: everyone who can reach
the scheduler can run code on all of them.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing import resource_tracker
from typing import Any

import dask
import distributed
import numpy as np
from distributed.diagnostics.plugin import WorkerPlugin

from loihiseg import __version__
from loihiseg.compilation.deployed import DeployedNetwork, FloatNetwork
from loihiseg.emulator.presenter import CompiledPresenter
from loihiseg.errors import LoihisegError, Option, OptionError
from loihiseg.running.counts import Counted, Tally
from loihiseg.running.options import SegmentOptions
from loihiseg.running.scheduler import Local, scheduler
from loihiseg.running.windows import Piece, WindowRun, run_windows
from partition.system import stops_held_back

CONNECT_S = 10.0
"""Seconds after which a scheduler, or a first worker, is taken not to be there."""

_AHEAD = 2
"""Windows per thread that are read and not done: one that is worked on, and the next."""

_RETRIES = 2
"""Times that a window is done again where it failed."""

_LOST_WORKERS = 5
"""That a window may take with it before it is taken for the reason."""

_ONE_THREAD = {
    f"{name}_NUM_THREADS": "1"
    for name in ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM", "NUMEXPR", "NUMBA")
}

_SETTINGS = {
    "distributed.scheduler.allowed-failures": _LOST_WORKERS,
    # A window and its halo; of large tiles it is more than the 10 MB that are warned of.
    "distributed.admin.large-graph-warning-threshold": "1GB",
    "distributed.comm.timeouts.connect": f"{CONNECT_S:g}s",
    # Nobody asks Dask what its processes are busy with: workers look at their own stacks a hundred
    # times a second, and every process at its clock fifty times, unless they are told not to.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "5s",
    # Nothing is served to browsers.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}


class ClusterError(LoihisegError):
    """A cluster that cannot be had, or does not do its work."""


@dataclass(frozen=True, eq=False)
class _Done:
    """What a worker sends back of a window; the rest of a `WindowRun` is known here."""

    logits: np.ndarray
    n_tiles: int
    counted: Counted | None


class _NetworkOnWorker(WorkerPlugin):  # type: ignore[misc]
    """A network, sent to each worker once; to those that come later too.

    name : of the plugin.
    """

    def __init__(
        self, name: str, network: DeployedNetwork | FloatNetwork, options: SegmentOptions
    ) -> None:
        self.name, self._network, self._options = name, network, options

    def setup(self, worker: distributed.Worker) -> None:
        self._local = threading.local()
        self._opened: list[CompiledPresenter] = []

    def teardown(self, worker: distributed.Worker) -> None:
        for presenter in self._opened:
            presenter.close()

    def segmented(self, piece: Piece) -> _Done:
        """A window, in a thread of the worker."""
        options = self._options
        (one,) = run_windows(
            self._network,
            [piece],
            options.on,
            orientations=options.orientations,
            presenter=self._presenter() if options.on == "chip" else None,
        )
        counted = None if one.tally is None else one.tally.counted
        return _Done(one.logits, one.n_tiles, counted)

    def _presenter(self) -> CompiledPresenter | None:
        """The emulator of this thread; it is slow to make."""
        if not isinstance(self._network, DeployedNetwork):
            return None
        if not hasattr(self._local, "presenter"):
            network = self._network
            self._local.presenter = CompiledPresenter(
                network.deployable, network.neurons, 1, network.code.windows(network.network)
            )
            self._opened.append(self._local.presenter)
        found: CompiledPresenter = self._local.presenter
        return found


def _segmented(name: str, piece: Piece) -> _Done:
    """What a worker runs."""
    plugin: Any = distributed.get_worker().plugins[name]
    found: _Done = plugin.segmented(piece)
    return found


def _versions() -> dict[str, str]:
    """What must be the same in all processes."""
    return {"loihiseg": __version__, "numpy": np.__version__}


class Cluster:
    """A scheduler of Dask and its workers, see `open_cluster`.

    name : of the scheduler, in words.
    """

    def __init__(self, client: distributed.Client, name: str) -> None:
        self.name, self._client = name, client

    @property
    def n_threads(self) -> int:
        """Of all workers that there are now."""
        return sum(self._client.nthreads().values())

    def in_words(self) -> str:
        """How many there are."""
        n, n_threads = len(self._client.nthreads()), self.n_threads
        threads = f"{n_threads} thread{'s' * (n_threads != 1)}"
        return f"{n} worker{'s' * (n != 1)} of {self.name}, {threads}"

    def run(
        self,
        network: DeployedNetwork | FloatNetwork,
        pieces: Iterable[Piece],
        options: SegmentOptions,
    ) -> Iterator[WindowRun]:
        """Segment windows, as `loihiseg.running.windows.run_windows` does.

        Parameters
        ----------
        network : DeployedNetwork or FloatNetwork
        pieces : iterable of Piece
            Taken as workers need them.
        options : SegmentOptions

        Yields
        ------
        WindowRun
            As they are done: in any order.

        Raises
        ------
        ClusterError
            If a window fails again and again, or the scheduler is lost.
        """
        plugin = _NetworkOnWorker(f"loihiseg-{id(self)}-{id(network)}", network, options)
        self._client.register_plugin(plugin)
        waiting = iter(pieces)
        begun: dict[object, Piece] = {}
        # With nobody at work nothing is ever done.
        done = distributed.as_completed(loop=self._client.loop)

        def begin(count: int) -> None:
            for piece in islice(waiting, max(count, 0)):
                future = self._client.submit(
                    _segmented, plugin.name, piece, pure=False, retries=_RETRIES
                )
                begun[future.key] = piece
                done.add(future)

        try:
            begin(_AHEAD * max(self.n_threads, 1))
            while begun:
                future = next(done)
                piece = begun.pop(future.key)
                found = self._result(future, piece)
                begin(_AHEAD * max(self.n_threads, 1) - len(begun))
                yield _window_run(piece, found, network)
        finally:
            done.clear()
            with suppress(Exception):  # of a scheduler that is lost
                self._client.unregister_worker_plugin(plugin.name)

    def _result(self, future: distributed.Future, piece: Piece) -> _Done:
        where = f"window at row {piece.window.top}, column {piece.window.left}"
        try:
            found: _Done = future.result()
        except distributed.KilledWorker:
            reason = f"{_LOST_WORKERS + 1} workers died with it"
        except distributed.client.FutureCancelledError:
            raise ClusterError(
                f"{self.name}: the scheduler was lost; start it again and go on"
            ) from None
        except LoihisegError as error:
            raise ClusterError(f"{self.name}: {where}: {error}") from None
        except Exception as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
        else:
            future.release()
            return found
        raise ClusterError(
            f"{self.name}: {where} of section {piece.number} failed {_RETRIES + 1} times "
            f"({reason}); see to the workers and go on"
        )


def _window_run(piece: Piece, found: _Done, network: DeployedNetwork | FloatNetwork) -> WindowRun:
    tally = None
    if found.counted is not None and isinstance(network, DeployedNetwork):
        tally = Tally(network, found.counted)
    return WindowRun(piece, found.logits, found.n_tiles, tally)


@contextmanager
def open_cluster(text: str) -> Iterator[Cluster]:
    """Connect to a scheduler, or start workers on this machine.

    Parameters
    ----------
    text : str
        Address of a scheduler, or ``local:N`` for N workers of one thread each, which end with the
        block.

    Raises
    ------
    ClusterError
        If nobody answers, there is no worker, or versions differ.
    """
    found = scheduler(text)
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(_SETTINGS))
        stack.enter_context(_silent())
        if isinstance(found, Local):
            address = stack.enter_context(_local(found.n_workers)).scheduler_address
        else:
            address = found
        client = stack.enter_context(_client(address, text))
        _check_workers(client, text)
        yield Cluster(client, text)


@contextmanager
def _local(n_workers: int) -> Iterator[distributed.LocalCluster]:
    """Workers on this machine, that other machines do not reach."""
    # Ctrl-C in a terminal goes to all processes. Threads and processes that are started now never
    # hear of it; this one does when the workers are there, and ends them in order.
    resource_tracker.ensure_running()  # it would let them hear of it again
    with stops_held_back():
        cluster = distributed.LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            memory_limit=0,
            silence_logs=logging.CRITICAL,
            env=_ONE_THREAD,
        )
    with cluster:
        yield cluster


@contextmanager
def _client(address: str, text: str) -> Iterator[distributed.Client]:
    # A client that gets no answer tries on for long after it was given up.
    try:
        kind = asyncio.run(asyncio.wait_for(_kind_of(address), CONNECT_S))
    except Exception as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise OptionError(
            Option("scheduler"), f" {text}: no scheduler answers within {CONNECT_S:g} s ({reason});"
            " start one there with dask scheduler, or give local:N for workers on this machine",
        ) from None  # fmt: skip
    if kind != "Scheduler":
        raise OptionError(
            Option("scheduler"), f" {text}: is a {kind[:40]} of Dask, expected its scheduler; give "
            "the address that dask scheduler says",
        )  # fmt: skip
    with distributed.Client(address, timeout=CONNECT_S, set_as_default=False) as client:
        yield client


async def _kind_of(address: str) -> str:
    """What answers at an address."""
    async with distributed.rpc(address, timeout=CONNECT_S) as there:
        return str((await there.identity())["type"])


def _check_workers(client: distributed.Client, name: str) -> None:
    """Refuse a cluster without workers, or with others than this process."""
    try:
        client.wait_for_workers(1, timeout=CONNECT_S)
    except (TimeoutError, OSError):
        raise ClusterError(
            f"{name}: has no worker after {CONNECT_S:g} s; start dask-worker for it"
        ) from None
    here = _versions()
    for worker, found in client.run(_versions, on_error="return").items():
        if isinstance(found, ModuleNotFoundError):
            raise ClusterError(f"{name}: worker {worker} has no {found.name}; install it there")
        if isinstance(found, BaseException):
            raise ClusterError(f"{name}: worker {worker} does not answer ({found})")
        for package, version in here.items():
            if found.get(package) != version:
                raise ClusterError(
                    f"{name}: worker {worker} has {package} {found.get(package)}, this process "
                    f"{version}; install the same in both"
                )


@contextmanager
def _silent() -> Iterator[None]:
    """Keep back what Dask says of workers that come and go."""
    names = ("distributed", "distributed.client", "tornado", "tornado.application", "asyncio")
    loggers = [logging.getLogger(name) for name in names]
    levels: list[Any] = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)
