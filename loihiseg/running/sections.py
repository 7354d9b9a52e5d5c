"""Whole sections through a deployed network, one after the other, in the memory of a few."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from loihiseg.compilation.calibration import Presenter
from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.data.contrast import contrast
from loihiseg.data.orientations import NumberOfOrientations
from loihiseg.data.windows import whole_window
from loihiseg.network.logits import membrane, sigmoid
from loihiseg.running.counts import Tally
from loihiseg.running.windows import Piece, run_windows


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
    orientations: NumberOfOrientations = 1,
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
    orientations : int
        1, or 4 or 8 to show each section turned, and mirrored too, and take the mean probability;
        all of them are counted.
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

    def pieces() -> Iterator[Piece]:
        for number, section in enumerate(sections):
            height, width = section.shape
            window = whole_window((height, width))
            yield Piece(number, (height, width), window, section, (0, 0), contrast(section))

    for one in run_windows(
        deployed,
        pieces(),
        on,
        overlap=overlap,
        orientations=orientations,
        presenter=presenter,
    ):
        yield SectionRun(one.piece.number, one.logits, deployed.threshold, one.tally)
