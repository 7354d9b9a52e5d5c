"""What the links of mesh and board carry step by step.

Placements are searched for with messages per step as a mean. How long a step takes follows from
its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from partition.core.errors import PartitionError
from partition.places.mesh import CORES_PER_TILE, TILES, board_grid


@dataclass(frozen=True, eq=False)
class StepLinks:
    """Messages on each link.

    Attributes
    ----------
    mesh : (n_steps, n_links) float64 array
        Between neighbouring tiles of the chips; messages that leave a chip are not on it.
    board : (n_steps, n_links) float64 array
        Between neighbouring chips; no columns where there is one chip.
    """

    mesh: np.ndarray
    board: np.ndarray


def step_links(
    pairs: np.ndarray,
    messages: np.ndarray,
    chip_of_block: Sequence[int],
    core_of_block: Sequence[int],
    *,
    board: str = "line",
) -> StepLinks:
    """Lead messages along their ways.

    Parameters
    ----------
    pairs : (n_pairs, 2) int64 array
        Blocks, from the first to the second.
    messages : (n_steps, n_pairs) array
    chip_of_block, core_of_block : sequence of int
        Chips numbered by their places on the board.
    board : {"line", "grid"}

    Raises
    ------
    PartitionError
        If a block has no place.
    """
    chips = np.asarray(chip_of_block, np.int64)
    tiles = np.asarray(core_of_block, np.int64) // CORES_PER_TILE
    if len(chips) != len(tiles) or pairs.max(initial=-1) >= len(chips):
        raise PartitionError(
            f"{len(chips)} blocks have a chip and {len(tiles)} a core, messages go between "
            f"{pairs.max(initial=-1) + 1}"
        )
    n_chips = int(chips.max(initial=-1)) + 1
    source, target = pairs[:, 0], pairs[:, 1]
    counted = np.asarray(messages, np.float64)
    mesh = []
    for chip in range(n_chips):
        own = np.flatnonzero((chips[source] == chip) & (chips[target] == chip))
        ways = TILES.routes[tiles[source[own]] * TILES.n_places + tiles[target[own]]]
        mesh.append(counted[:, own] @ ways)
    grid = board_grid(board, n_chips)
    between = grid.routes[chips[source] * grid.n_places + chips[target]]
    return StepLinks(np.concatenate(mesh, axis=1), counted @ between)
