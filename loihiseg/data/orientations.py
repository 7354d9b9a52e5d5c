"""A section as it would look rotated and mirrored; EM sections have no up and no left."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

NumberOfOrientations = Literal[1, 4, 8]


@dataclass(frozen=True)
class Orientation:
    """One of the eight symmetries of a square.

    Attributes
    ----------
    quarter_turns : int
        Counterclockwise, 0 to 3.
    is_mirrored : bool
        Columns reversed, before it is turned.
    """

    quarter_turns: int
    is_mirrored: bool

    def shown(self, tile: np.ndarray) -> np.ndarray:
        """(tile, tile) in, the same pixels turned out."""
        return np.rot90(tile[:, ::-1] if self.is_mirrored else tile, self.quarter_turns)

    def brought_back(self, tile: np.ndarray) -> np.ndarray:
        """What was `shown`, as it was."""
        turned = np.rot90(tile, -self.quarter_turns)
        return turned[:, ::-1] if self.is_mirrored else turned


def orientations(count: NumberOfOrientations) -> tuple[Orientation, ...]:
    """1 for the section as it is, 4 for its turns, 8 for these mirrored too.

    Raises
    ------
    ValueError
        For any other number.
    """
    if count not in (1, 4, 8):
        raise ValueError(f"{count} orientations; expected 1, 4 or 8")
    n_turns, mirrored = (1, (False,)) if count == 1 else (4, (False, True)[: count // 4])
    return tuple(Orientation(turn, flip) for flip in mirrored for turn in range(n_turns))
