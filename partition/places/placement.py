"""Chips to places on a board, blocks to cores on the mesh of their chip.

Which chip a block is on is decided before, see ``partition.chips.cut``. Here the chips get places
so that the busiest link between neighbours and then the way of all messages are least, and the
blocks of each chip get cores so that messages within the chip have short ways.

Where a core or a chip lies is **assumed**, see ``partition.places.mesh``: the numbering of cores in
NxSDK is not public, so hops are a model and no measurement. Blocks fill the cores of a chip from 0
on, and chips the places of a board, because the order of the chips and of the cores on each is all
that a nengo-loihi allocator can give; it has no way to leave a core empty.

Messages that leave a chip are no part of the hops on its mesh: where they leave it is not public
either. They are counted on the links of the board.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import networkx as nx
import numpy as np

from partition.chips.cut import Assignment
from partition.core.errors import PartitionError
from partition.core.limits import CORES_PER_CHIP
from partition.places.arrange import arrange
from partition.places.board import order_chips
from partition.places.mesh import CORES_PER_TILE, TILES, Grid, board_grid, core_coordinates
from partition.places.multilevel import mapped


@dataclass(frozen=True)
class Placement:
    """Where chips and blocks lie, and the ways that follow.

    Attributes
    ----------
    board : Grid
        Places of the chips.
    place_of_chip : tuple of int
    core_of_block : tuple of int
        Core on its chip, per block; the cores in use of a chip are numbered from 0 without gaps.
    messages : float
        Messages per step between chips.
    local_messages : float
        Messages per step between different blocks of the same chip.
    hops : float
        Those messages times the links between tiles on their way.
    max_tile_link_load : float
        Messages per step on the busiest link between two tiles.
    board_hops : float
        Messages per step between chips times the links between places on their way.
    link_loads : Mapping of (int, int) to float
        Messages per step on each link from one place of the board to a neighbouring one.
    """

    board: Grid
    place_of_chip: tuple[int, ...]
    core_of_block: tuple[int, ...]
    messages: float
    local_messages: float
    hops: float
    max_tile_link_load: float
    board_hops: float
    link_loads: Mapping[tuple[int, int], float]

    @property
    def mean_hops(self) -> float:
        """Links between tiles that a message within a chip takes; 0 where there is none."""
        return self.hops / self.local_messages if self.local_messages else 0.0

    @property
    def max_link_load(self) -> float:
        """Messages per step on the busiest link between two neighbouring chips."""
        return max(self.link_loads.values(), default=0.0)


def place_blocks(
    graph: nx.DiGraph,
    chip_of_block: Sequence[int] | np.ndarray,
    *,
    board: str = "line",
    seed: int = 0,
) -> Placement:
    """Find places for the chips and cores for the blocks.

    Parameters
    ----------
    graph : networkx.DiGraph
        Nodes 0 to n - 1; edge attribute ``weight`` in messages per step.
    chip_of_block : sequence of int
        Chip of each block, as `partition.chips.cut.assign_chips` finds it.
    board : {"line", "grid"}
        Whether the chips of the board are in one row, or in rows and columns.
    seed : int
        The same seed gives the same placement, where Mt-KaHyPar is installed another one than
        where it is not.

    Returns
    -------
    Placement

    Raises
    ------
    PartitionError
        The graph and the chips do not belong together, a chip has more blocks than cores, or
        ``board`` is unknown.
    """
    traffic, chips = _checked(graph, chip_of_block)
    n_chips = int(chips.max(initial=-1)) + 1
    grid = board_grid(board, n_chips)
    places = order_chips(_between_chips(traffic, chips), grid, np.random.default_rng(seed))
    cores = np.zeros(len(chips), dtype=np.int64)
    for chip in range(n_chips):
        blocks = np.flatnonzero(chips == chip)
        mutual = traffic[np.ix_(blocks, blocks)]
        mutual = mutual + mutual.T
        rng, coordinates = np.random.default_rng([seed, chip]), core_coordinates(len(blocks))
        cores[blocks] = arrange(mutual, coordinates, rng, mapped(mutual, coordinates, rng))
    return _measured(traffic, chips, cores, places, grid)


def place_in_order(
    graph: nx.DiGraph,
    chip_of_block: Sequence[int] | np.ndarray,
    core_of_block: Sequence[int] | np.ndarray | None = None,
    *,
    board: str = "line",
) -> Placement:
    """Chips in the order of their numbers, blocks on given cores: what a search is compared with.

    Parameters
    ----------
    graph, chip_of_block, board
        As in `place_blocks`.
    core_of_block : sequence of int, optional
        Core of each block on its chip; without it, cores are given out in block order.

    Returns
    -------
    Placement

    Raises
    ------
    PartitionError
        As `place_blocks`, or two blocks share a core.
    """
    traffic, chips = _checked(graph, chip_of_block)
    n_chips = int(chips.max(initial=-1)) + 1
    if core_of_block is None:
        cores = np.zeros(len(chips), dtype=np.int64)
        for chip in range(n_chips):
            blocks = np.flatnonzero(chips == chip)
            cores[blocks] = np.arange(len(blocks))
    else:
        cores = np.asarray(core_of_block, dtype=np.int64)
        shared = len(set(zip(chips.tolist(), cores.tolist()))) < len(chips)
        if cores.shape != chips.shape or shared:
            raise PartitionError("core_of_block does not give every block a core of its own")
        if np.any((cores < 0) | (cores >= CORES_PER_CHIP)):
            raise PartitionError(f"core_of_block: a chip has cores 0 to {CORES_PER_CHIP - 1}")
    return _measured(traffic, chips, cores, tuple(range(n_chips)), board_grid(board, n_chips))


def numbered_by_place(assignment: Assignment, placement: Placement) -> tuple[Assignment, Placement]:
    """The same result with every chip numbered by its place, as the chips of a board are.

    Parameters
    ----------
    assignment : partition.chips.cut.Assignment
    placement : Placement
        Of the same blocks and chips.

    Returns
    -------
    Assignment, Placement
    """
    place = placement.place_of_chip
    loads = {(place[a], place[b]): load for (a, b), load in assignment.link_loads.items()}
    return (
        replace(
            assignment,
            chip_of_block=tuple(place[chip] for chip in assignment.chip_of_block),
            link_loads=loads,
        ),
        replace(placement, place_of_chip=tuple(range(len(place)))),
    )


def tile_link_loads(
    graph: nx.DiGraph,
    chip_of_block: Sequence[int] | np.ndarray,
    core_of_block: Sequence[int] | np.ndarray,
) -> dict[tuple[int, int, int], float]:
    """Messages per step on each link between neighbouring tiles: (chip, from tile, to tile)."""
    traffic, chips = _checked(graph, chip_of_block)
    local = np.where(chips[:, None] == chips, traffic, 0)
    return _tile_link_loads(local, chips, np.asarray(core_of_block, np.int64) // CORES_PER_TILE)


def _checked(
    graph: nx.DiGraph, chip_of_block: Sequence[int] | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Messages from block to block as (n, n) float64, own ones left out, and chips as int64."""
    n_blocks = graph.number_of_nodes()
    chips = np.asarray(chip_of_block, dtype=np.int64)
    if set(graph.nodes) != set(range(n_blocks)) or chips.shape != (n_blocks,):
        raise PartitionError(
            f"{len(chips)} blocks have a chip, the graph has {n_blocks} numbered 0 to n - 1"
        )
    if np.any(chips < 0):
        raise PartitionError("chips are numbered from 0")
    sizes = np.bincount(chips)
    if sizes.max(initial=0) > CORES_PER_CHIP:
        chip = int(np.argmax(sizes))
        raise PartitionError(
            f"chip {chip} holds {sizes[chip]} blocks, a chip has {CORES_PER_CHIP} cores"
        )
    traffic = nx.to_numpy_array(graph, nodelist=range(n_blocks)) if n_blocks else np.zeros((0, 0))
    if not np.all(np.isfinite(traffic)) or np.any(traffic < 0):
        raise PartitionError("weights of a block graph must be finite and not negative")
    np.fill_diagonal(traffic, 0)
    return traffic, chips


def _between_chips(traffic: np.ndarray, chips: np.ndarray) -> np.ndarray:
    """Messages per step from chip to chip; what stays on a chip is left out."""
    member = np.eye(int(chips.max(initial=-1)) + 1)[chips]
    between = member.T @ traffic @ member
    np.fill_diagonal(between, 0)
    return between


def _measured(
    traffic: np.ndarray, chips: np.ndarray, cores: np.ndarray, places: tuple[int, ...], grid: Grid
) -> Placement:
    """The placement with its messages, hops and loads."""
    local = np.where(chips[:, None] == chips, traffic, 0)
    tiles = cores // CORES_PER_TILE
    between = _between_chips(traffic, chips)
    on_board = np.zeros((grid.n_places, grid.n_places))
    on_board[np.ix_(places, places)] = between
    return Placement(
        board=grid,
        place_of_chip=places,
        core_of_block=tuple(int(core) for core in cores),
        messages=float(between.sum()),
        local_messages=float(local.sum()),
        hops=float((local * TILES.distances[np.ix_(tiles, tiles)]).sum()),
        max_tile_link_load=max(_tile_link_loads(local, chips, tiles).values(), default=0.0),
        board_hops=float((on_board * grid.distances).sum()),
        link_loads=grid.link_loads(on_board),
    )


def _tile_link_loads(
    local: np.ndarray, chips: np.ndarray, tiles: np.ndarray
) -> dict[tuple[int, int, int], float]:
    found: dict[tuple[int, int, int], float] = {}
    for chip in sorted(set(chips.tolist())):
        blocks = np.flatnonzero(chips == chip)
        on_tile = np.eye(TILES.n_places)[tiles[blocks]]
        between = on_tile.T @ local[np.ix_(blocks, blocks)] @ on_tile
        loads = TILES.link_loads(between)
        found |= {(chip, *link): load for link, load in loads.items()}
    return found
