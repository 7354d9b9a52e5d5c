"""The cut as a nengo-loihi allocator, and nengo-loihi's own allocators beside it.

The only module that imports nengo_loihi when it is imported.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
from nengo import Ensemble
from nengo_loihi.builder import Model
from nengo_loihi.hardware.allocators import (
    Allocator,
    Greedy,
    GreedyInterchip,
    RoundRobin,
)
from nengo_loihi.hardware.nxsdk_objects import Board
from numpy.typing import ArrayLike

from partition.built.blocks import block_violations
from partition.built.graph import block_graph
from partition.built.rates import ensemble_rates_of, rates_per_step
from partition.chips.cut import Assignment, assign_chips
from partition.core.block_limits import exceeded
from partition.core.checks import message_count
from partition.core.errors import PartitionError
from partition.core.limits import CORES_PER_CHIP
from partition.places.placement import Placement, numbered_by_place, place_blocks


class MinTrafficAllocator(Allocator):
    """Few messages between chips, on as few chips as hold the blocks.

    Use as ``hardware_options={"allocator": MinTrafficAllocator(), "n_chips": 2}``; it takes what
    nengo-loihi's ``GreedyInterchip`` takes, in the same order. Only a hardware build calls it, the
    emulator ignores allocators. It stands outside the network: whichever chip a block is on, the
    spikes are the same.

    Parameters
    ----------
    cores_per_chip : int
    ensemble_rates : dict of nengo.Ensemble to (n_neurons,) array_like, optional
        Spikes per second, as nengo-loihi's own allocators take them; those of blocks of no ensemble
        (decode neurons) by label, as ``Simulator.activity.rates`` has them. What is left out is
        given the mean rate of the others, with a warning. Without rates every neuron counts one
        spike per step.
    rates : (n_compartments,) array_like, optional
        Spikes per step of every compartment, blocks concatenated in model order.
    seed : int
        The same seed gives the same board.
    proof_seconds : float
        For a proof that fewer messages are impossible, where the search does not prove it;
        `assignment` tells. Above two chips its ``lower_bound`` is 0 without.
    board : {"line", "grid"} or None
        How the chips lie: they are numbered so that the busiest link is light, and the blocks of
        each chip so that messages within it have short ways, both under the assumptions of
        ``partition.places.mesh``. None leaves both in model order.

    Attributes
    ----------
    assignment : Assignment or None
        Of the last call; chips as they are numbered on the board.
    placement : Placement or None
        Of the last call.

    Raises
    ------
    PartitionError
        ``cores_per_chip`` is not 1 to 128, or both kinds of rates are given. When called: see
        `block_graph`, `assign_chips` and `place_blocks`.
    DoesNotFitError
        When called: a block exceeds a core, every violation listed; or too few chips.
    """

    def __init__(
        self,
        cores_per_chip: int = CORES_PER_CHIP,
        ensemble_rates: Mapping[Ensemble | str, ArrayLike] | None = None,
        *,
        rates: ArrayLike | None = None,
        seed: int = 0,
        proof_seconds: float = 0.0,
        board: str | None = "line",
    ):
        if not 1 <= cores_per_chip <= CORES_PER_CHIP:
            raise PartitionError(
                f"cores_per_chip is {cores_per_chip}, a chip has {CORES_PER_CHIP} cores"
            )
        if ensemble_rates is not None and rates is not None:
            raise PartitionError("give ensemble_rates or rates, not both")
        self.cores_per_chip = cores_per_chip
        self.ensemble_rates = ensemble_rates
        self.rates = rates
        self.seed = seed
        self.proof_seconds = proof_seconds
        self.board = board
        self.assignment: Assignment | None = None
        self.placement: Placement | None = None

    def __call__(self, model: Model, n_chips: int) -> Board:
        """Place a built model; returns a ``nengo_loihi.hardware.nxsdk_objects.Board``."""
        found = block_violations(model)
        if found:
            raise exceeded(found, len(model.blocks))
        rates = self.rates
        if self.ensemble_rates is not None:
            rates = rates_per_step(model, self.ensemble_rates)
        graph = block_graph(model, rates)
        assignment = assign_chips(
            graph,
            n_chips,
            cores_per_chip=self.cores_per_chip,
            seed=self.seed,
            proof_seconds=self.proof_seconds,
        )
        if self.board is None:
            self.assignment, self.placement = assignment, None
            return make_board(self, model, assignment.chip_of_block)
        placement = place_blocks(graph, assignment.chip_of_block, board=self.board, seed=self.seed)
        self.assignment, self.placement = numbered_by_place(assignment, placement)
        return make_board(self, model, self.assignment.chip_of_block, self.placement.core_of_block)


class FixedAllocator(Allocator):
    """Puts each block where it was assigned to before.

    Parameters
    ----------
    chip_of_block : sequence of int
        In the order of ``model.blocks``.
    core_of_block : sequence of int, optional
        Order of the blocks on each chip; model order without.
    """

    def __init__(self, chip_of_block: Sequence[int], core_of_block: Sequence[int] | None = None):
        self.chip_of_block = tuple(chip_of_block)
        self.core_of_block = core_of_block

    def __call__(self, model: Model, n_chips: int) -> Board:
        """Place a built model.

        Raises
        ------
        PartitionError
            The model has another number of blocks, or there are too few chips.
        """
        n_used = max(self.chip_of_block, default=-1) + 1
        if len(self.chip_of_block) != len(model.blocks) or n_used > n_chips:
            raise PartitionError(
                f"{len(self.chip_of_block)} blocks on {n_used} chips were assigned, the model has "
                f"{len(model.blocks)} blocks and there are {n_chips} chips"
            )
        return make_board(self, model, self.chip_of_block, self.core_of_block)


def make_board(
    allocator: Allocator,
    model: Model,
    chip_of_block: Sequence[int],
    core_of_block: Sequence[int] | None = None,
) -> Board:
    """Board with every block on a core of its own.

    Parameters
    ----------
    allocator : nengo_loihi.hardware.allocators.Allocator
        Whose methods configure inputs and cores.
    model : nengo_loihi.builder.Model
    chip_of_block, core_of_block : sequence of int
        In the order of ``model.blocks``; blocks of a chip in order of their cores, in model order
        without.
    """
    board = Board()
    for host_input in model.inputs:
        allocator.input_to_board(host_input, board)
    # No chip is opened without a block: NxSDK fails on chips without cores.
    chips = {chip: board.new_chip() for chip in sorted(set(chip_of_block))}
    blocks = list(zip(model.blocks, chip_of_block))
    order = (
        range(len(blocks)) if core_of_block is None else np.argsort(core_of_block, kind="stable")
    )
    for index in order:
        block, chip = blocks[index]
        allocator.block_to_new_core(block, chips[chip])
    board.probes.extend(model.probes)
    return board


def chips_of_board(board: Board, model: Model) -> tuple[int, ...]:
    """Chip of every block of a model, read from a board."""
    chip_of = {
        id(block): index
        for index, chip in enumerate(board.chips)
        for core in chip.cores
        for block in core.blocks
    }
    return tuple(chip_of[id(block)] for block in model.blocks)


def cores_of_board(board: Board, model: Model) -> tuple[int, ...]:
    """Core of every block of a model on its chip, in the order in which a board has them."""
    core_of = {
        id(block): index
        for chip in board.chips
        for index, core in enumerate(chip.cores)
        for block in core.blocks
    }
    return tuple(core_of[id(block)] for block in model.blocks)


@dataclass(frozen=True)
class AllocatorRow:
    """One allocator's result.

    Attributes
    ----------
    name : str
    messages : float or None
        Messages per step between chips; None when the allocator failed.
    n_chips_used : int
    max_cores : int
        Cores on the fullest chip.
    note : str
        Why it failed, or that it exceeds a chip.
    """

    name: str
    messages: float | None
    n_chips_used: int = 0
    max_cores: int = 0
    note: str = ""


def compare_allocators(
    model: Model,
    n_chips: int,
    rates: ArrayLike | None = None,
    *,
    cores_per_chip: int = CORES_PER_CHIP,
    seed: int = 0,
) -> list[AllocatorRow]:
    """Messages between chips under nengo-loihi's allocators and ours, counted alike.

    Parameters
    ----------
    model : nengo_loihi.builder.Model
    n_chips : int
    rates : (n_compartments,) array_like, optional
        Spikes per step in block order; one per step without.
    cores_per_chip, seed : int
    """
    graph = block_graph(model, rates)
    ours = MinTrafficAllocator(cores_per_chip=cores_per_chip, rates=rates, seed=seed, board=None)
    allocators = _peers(model, rates, cores_per_chip) | {"MinTraffic": ours}
    return [
        _compare(name, allocator, model, n_chips, graph, cores_per_chip)
        for name, allocator in allocators.items()
    ]


def peer_placements(
    model: Model,
    n_chips: int,
    rates: ArrayLike | None = None,
    *,
    cores_per_chip: int = CORES_PER_CHIP,
) -> dict[str, dict[str, list[int]]]:
    """Where each of nengo-loihi's own allocators puts every block; those that fail are left out.

    Parameters as in `compare_allocators`.

    Returns
    -------
    dict of str to dict
        By allocator: ``chips`` and ``cores``, chip and core on it of each block in model order.
    """
    found = {}
    for name, allocator in _peers(model, rates, cores_per_chip).items():
        try:
            board = allocator(model, n_chips)
        except Exception:  # a peer may fail in any way; the others still count
            continue
        found[name] = {
            "chips": list(chips_of_board(board, model)),
            "cores": list(cores_of_board(board, model)),
        }
    return found


def _peers(model: Model, rates: ArrayLike | None, cores_per_chip: int) -> dict[str, Allocator]:
    ensemble_rates = None if rates is None else ensemble_rates_of(model, rates)
    return {
        "Greedy": Greedy(cores_per_chip=cores_per_chip),
        "RoundRobin": RoundRobin(),
        "GreedyInterchip": GreedyInterchip(
            cores_per_chip=cores_per_chip, ensemble_rates=ensemble_rates
        ),
    }


def _compare(
    name: str,
    allocator: Allocator,
    model: Model,
    n_chips: int,
    graph: nx.DiGraph,
    cores_per_chip: int,
) -> AllocatorRow:
    try:
        board = allocator(model, n_chips)
    except Exception as error:  # a peer may fail in any way; the others still count
        return AllocatorRow(name, None, note=f"{type(error).__name__}: {error}")
    chips = chips_of_board(board, model)
    max_cores = max(chip.n_cores for chip in board.chips)
    note = ""
    if max_cores > cores_per_chip:
        note = f"{max_cores} blocks on a chip of {cores_per_chip} cores"
    return AllocatorRow(name, message_count(graph, chips), len(set(chips)), max_cores, note)
