"""Whole sections through a deployed network, one after the other, in the memory of a few."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import numpy as np

from loihiseg.compilation.calibration import Presenter
from loihiseg.compilation.deployed import DeployedNetwork
from loihiseg.data.contrast import Contrast, contrast, together
from loihiseg.data.neighbours import in_sight, warn_of_one
from loihiseg.data.orientations import NumberOfOrientations
from loihiseg.data.windows import whole_window
from loihiseg.errors import InputError
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
        (rows, columns) uint8 each, as read; taken one by one, a few tiles ahead. A network that
        sees the sections around one takes them in order of z, and so many ahead; or each already
        with those around it, (rows, columns, channels), as `Stack.seen` gives them.
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
        If a section is smaller than a tile, or sections that are seen together differ in size.
    """
    for one in run_windows(
        deployed,
        _pieces(sections, deployed.task.neighbours),
        on,
        overlap=overlap,
        orientations=orientations,
        presenter=presenter,
    ):
        yield SectionRun(one.piece.number, one.logits, deployed.threshold, one.tally)


def _pieces(sections: Iterable[np.ndarray], reach: int) -> Iterator[Piece]:
    """Whole sections, each with what is seen of those around it."""
    coming = iter(sections)
    first = next(coming, None)
    if first is None:
        return
    _check_channels(first, reach)
    every = ((one, _contrast(one)) for one in chain([first], coming))
    around = ((one,) for one in every) if first.ndim == 3 else in_sight(every, reach)
    for number, seen in enumerate(around):
        if not number and len(seen) > 1 and all(one is seen[0] for one in seen):
            warn_of_one("images", reach)
        pixels, levels = zip(*seen)
        height, width = _one_size(number, pixels)
        shown = pixels[0] if len(pixels) == 1 else np.stack(pixels, -1)
        window = whole_window((height, width))
        yield Piece(number, (height, width), window, shown, (0, 0), together(levels))


def _check_channels(section: np.ndarray, reach: int) -> None:
    if section.ndim == 3 and section.shape[2] != 1 + 2 * reach:
        raise InputError(
            f"sections have shape {section.shape}, the network sees {1 + 2 * reach} together: "
            "expected them as channels behind, or sections (rows, columns) one by one"
        )


def _contrast(section: np.ndarray) -> Contrast:
    if section.ndim == 2:
        return contrast(section)
    return together([contrast(channel) for channel in np.moveaxis(section, -1, 0)])


def _one_size(number: int, pixels: Sequence[np.ndarray]) -> tuple[int, int]:
    """(height, width) of sections that are seen together."""
    sizes = [(int(one.shape[0]), int(one.shape[1])) for one in pixels]
    other = next((size for size in sizes if size != sizes[len(sizes) // 2]), None)
    if other is not None:
        height, width = sizes[len(sizes) // 2]
        raise InputError(
            f"section {number} has {height} x {width} pixels, one that is seen beside it has "
            f"{other[0]} x {other[1]}: expected the same; give sections of one stack"
        )
    return sizes[0]
