"""Whole sections through a deployed network, one after the other, in the memory of a few."""

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal

import numpy as np

from loihiseg.compilation.calibration import Presenter
from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.data.augmentation import normalize
from loihiseg.data.tiles import TileGrid, cut, default_overlap, stitch, tile_grid
from loihiseg.network.logits import membrane, sigmoid
from loihiseg.running.counts import Tally
from loihiseg.running.runners import chip_tiles, compiled_presenter, float_tiles


@dataclass(frozen=True, eq=False)
class SectionRun:
    """What a network made of one section.

    Attributes
    ----------
    number : int
        Of the section, counted from 0 in the order given.
    logits : numpy.ndarray
        (rows, columns) float32, of membrane.
    threshold : float
        Probability above which a pixel is called membrane.
    tally : Tally or None
        What was counted on the chip; None of the float network.
    """

    number: int
    logits: np.ndarray
    threshold: float
    tally: Tally | None

    @property
    def probability(self) -> np.ndarray:
        """(rows, columns) float32, of membrane."""
        return sigmoid(self.logits)

    @property
    def membrane(self) -> np.ndarray:
        """(rows, columns) bool: which pixels are called membrane."""
        return membrane(self.logits, self.threshold)


def run(
    deployed: DeployedNetwork,
    sections: Iterable[np.ndarray],
    on: Literal["chip", "float"] = "chip",
    *,
    overlap: int | None = None,
    presenter: Presenter | None = None,
) -> Iterator[SectionRun]:
    """Segment sections, whatever their number; each comes back as soon as it is done.

    Parameters
    ----------
    deployed : DeployedNetwork
    sections : iterable of numpy.ndarray
        (rows, columns) uint8 each, as read; taken one by one, a few tiles ahead.
    on : str
        "chip" for the emulated chip, "float" for the float network.
    overlap : int, optional
        Pixels that neighbouring tiles share; a quarter of a tile by default.
    presenter : Presenter, optional
        Another emulator, or a board; the compiled emulator by default.

    Yields
    ------
    SectionRun

    Raises
    ------
    InputError
        If a section is smaller than a tile.
    """
    overlap = default_overlap(deployed.tile) if overlap is None else overlap
    cut_up: deque[TileGrid] = deque()

    def tiles() -> Iterator[np.ndarray]:
        for section in sections:
            grid = tile_grid(section.shape, deployed.tile, overlap)
            cut_up.append(grid)
            yield from cut(normalize(section).astype(np.float32), grid)

    with ExitStack() as stack:
        if on == "float":
            shown = float_tiles(deployed, tiles())
        else:
            if presenter is None:
                presenter = stack.enter_context(compiled_presenter(deployed))
            shown = chip_tiles(deployed, presenter, tiles())
        logits: list[np.ndarray] = []
        number, tally = 0, Tally(deployed) if on == "chip" else None
        for one in shown:
            logits.append(one.logits)
            if tally is not None and one.presentation is not None:
                tally.add(one.presentation)
            if len(logits) == len(cut_up[0].origins):
                found = stitch(np.stack(logits), cut_up.popleft())
                yield SectionRun(number, found.astype(np.float32), deployed.threshold, tally)
                logits, number = [], number + 1
                tally = Tally(deployed) if on == "chip" else None
