"""A whole volume through a network, window by window, into maps on disk.

What is finished is on the disk and in the journal before anything else is begun to be written: a
run that was killed goes on where it was, and a pixel comes out the same however often that happens.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from loihiseg.compilation.deployed import DeployedNetwork, FloatNetwork
from loihiseg.data.contrast import Contrast
from loihiseg.data.resampled import MapGrid
from loihiseg.data.tiles import spread_places
from loihiseg.data.windows import Window, windows_of
from loihiseg.data.writers import SectionWriter
from loihiseg.errors import InputError
from loihiseg.network.logits import sigmoid
from loihiseg.running.counts import Tally
from loihiseg.running.journal import Journal
from loihiseg.running.options import ProbabilityType, SegmentOptions
from loihiseg.running.sight import Sections, Sight
from loihiseg.running.windows import Piece, WindowRun, halo, run_windows

Windows = Callable[
    [DeployedNetwork | FloatNetwork, Iterable[Piece], SegmentOptions], Iterator[WindowRun]
]
"""What segments windows: takes them as it needs them, and gives them back in any order."""
OnSection = Callable[[int, bool], None]
"""Told the position of a section that is finished, and whether it is damaged and left 0."""


@dataclass(frozen=True, eq=False)
class Maps:
    """Where maps are written.

    Attributes
    ----------
    probability : SectionWriter
        Of membrane, of the type that the options name.
    mask : SectionWriter
        uint8; ``mask_value`` where there is membrane.
    mask_value : int
    journal : Journal
        Of what is finished.
    grid : MapGrid, optional
        The maps' pixels, where the volume that is segmented is resampled.
    """

    probability: SectionWriter
    mask: SectionWriter
    mask_value: int
    journal: Journal
    grid: MapGrid | None = None

    def sync(self) -> None:
        """Bring what was written to the disk."""
        self.probability.sync()
        self.mask.sync()


@dataclass
class Progress:
    """What a run came to so far.

    Attributes
    ----------
    n_windows, n_tiles : int
        Done in this run; of tiles, those in all orientations.
    n_membrane, n_pixels : int
        Of all finished windows, those of earlier runs too.
    tally : Tally or None
        What was counted on the chip in this run.
    damaged : dict of int to str
        Sections that could not be read, and why; they are left 0.
    """

    n_windows: int = 0
    n_tiles: int = 0
    n_membrane: int = 0
    n_pixels: int = 0
    tally: Tally | None = None
    damaged: dict[int, str] = field(default_factory=dict)


def n_windows(volume: Sections, numbers: Sequence[int], options: SegmentOptions) -> int:
    """Windows of all sections together."""
    return len(numbers) * sum(1 for _ in windows_of(volume.shape, options.window))


def volume_tiles(
    volume: Sections, numbers: Sequence[int], tile: int, count: int, neighbours: int = 0
) -> np.ndarray:
    """Tiles spread over sections of a volume, in the memory of these and a window.

    Parameters
    ----------
    volume : Sections
    numbers : sequence of int
        Sections to take them from.
    tile : int
        Rows and columns of each.
    count : int
        So many, or as many as there is room for.
    neighbours : int
        Sections that are seen on either side of each.

    Returns
    -------
    numpy.ndarray
        (n, tile, tile) float32, normalized by section, or (n, tile, tile, channels) with those
        around it; as `loihiseg.data.tiles.spread_tiles` cuts them of a stack in memory.

    Raises
    ------
    InputError
        If a section is smaller than a tile, or cannot be read.
    """
    found = []
    places = spread_places(len(numbers), volume.shape, tile, count)
    sight = Sight(volume, neighbours)
    contrasts = sight.contrasts(sorted({numbers[position] for position, _, _ in places}))
    for position, y, x in places:
        levels = contrasts[numbers[position]]
        if isinstance(levels, InputError):
            raise levels
        found.append(levels.applied(sight.window(numbers[position], Window(y, x, tile, tile))))
    channels = (1 + 2 * neighbours,) if neighbours else ()
    return np.stack(found) if found else np.empty((0, tile, tile, *channels), np.float32)


def stored(probability: np.ndarray, kind: ProbabilityType) -> np.ndarray:
    """Probabilities as they are written: float32, or uint8 with 255 for 1, rounded."""
    if kind == "float32":
        return probability.astype(np.float32)
    return np.rint(probability * np.float32(255)).astype(np.uint8)


def segment(
    network: DeployedNetwork | FloatNetwork,
    volume: Sections,
    numbers: Sequence[int],
    maps: Maps,
    options: SegmentOptions,
    *,
    windows: Windows | None = None,
    on_window: Callable[[], None] = lambda: None,
    on_section: OnSection = lambda _position, _is_missing: None,
) -> Progress:
    """Segment sections of a volume that no earlier run has finished.

    Parameters
    ----------
    network : DeployedNetwork or FloatNetwork
    volume : Sections
    numbers : sequence of int
        Which of its sections; the first is section 0 of the maps.
    maps : Maps
        Where they are written; its journal gets each window as soon as it is on the disk.
    options : SegmentOptions
    windows : callable, optional
        What segments them, see `Windows`; `run_windows` in this process by default.
    on_window : callable
        Called after each window that this run does.
    on_section : callable
        Called with the position among ``numbers`` of each section whose windows are all finished,
        those that an earlier run finished too, in order; and whether it is one that could not be
        read, and has nothing in the maps.

    Returns
    -------
    Progress

    Raises
    ------
    InputError
        If a section is smaller than a tile, or something cannot be written.
    """
    progress = _before(maps.journal)
    grid = MapGrid(volume.shape) if maps.grid is None else maps.grid
    every = tuple(windows_of(grid.shape, options.window))
    left = _Left(len(numbers), every, maps.journal, on_section)
    sight = Sight(volume, network.task.neighbours)
    pieces = _pieces(volume, sight, numbers, left.by_section(), network.tile, progress, grid)
    for one in (windows or _here)(network, pieces, options):
        _write(one, network.threshold, maps, options, progress, grid)
        on_window()
        left.take(one.piece.number, one.piece.target)
    left.give_up([position for position, n in enumerate(numbers) if n in progress.damaged])
    return progress


def _before(journal: Journal) -> Progress:
    """What earlier runs came to."""
    progress = Progress()
    for facts in journal.done.values():
        progress.n_membrane += int(facts.get("membrane", 0))
        progress.n_pixels += int(facts.get("pixels", 0))
    return progress


def _here(
    network: DeployedNetwork | FloatNetwork, pieces: Iterable[Piece], options: SegmentOptions
) -> Iterator[WindowRun]:
    return run_windows(network, pieces, options.on, orientations=options.orientations)


class _Left:
    """Windows that are not finished, and which sections are, reported in order.

    Cells of a section go on from those of the section before, so that none is reported early.
    """

    def __init__(
        self,
        n_sections: int,
        windows: Sequence[Window],
        journal: Journal,
        on_section: OnSection,
    ):
        self._on_section = on_section
        self._missing: set[int] = set()
        self._left = {
            position: [w for w in windows if _unit(position, w) not in journal.done]
            for position in range(n_sections)
        }
        self._report()

    def by_section(self) -> dict[int, tuple[Window, ...]]:
        """What is left now, by position of the section."""
        return {position: tuple(left) for position, left in self._left.items() if left}

    def take(self, position: int, window: Window) -> None:
        """A window is finished."""
        self._left[position].remove(window)
        self._report()

    def give_up(self, positions: Sequence[int]) -> None:
        """Sections of which no more will come."""
        self._missing.update(positions)
        for position in positions:
            self._left[position] = []
        self._report()

    def _report(self) -> None:
        while (first := next(iter(self._left), None)) is not None and not self._left[first]:
            del self._left[first]
            self._on_section(first, first in self._missing)


def _pieces(
    volume: Sections,
    sight: Sight,
    numbers: Sequence[int],
    left: Mapping[int, Sequence[Window]],
    tile: int,
    progress: Progress,
    grid: MapGrid,
) -> Iterator[Piece]:
    """Windows that are left, by position of their section; notes sections that are damaged.

    A section is read from end to end before its first window comes: of one that is damaged, none.
    """
    for _, group in groupby(left, key=lambda position: numbers[position] // volume.depth):
        together = list(group)
        contrasts = sight.contrasts([numbers[position] for position in together])
        waiting: dict[Window, list[int]] = {}
        for position in together:
            if isinstance(error := contrasts[numbers[position]], InputError):
                progress.damaged[numbers[position]] = str(error)
                continue
            for window in left[position]:
                waiting.setdefault(window, []).append(position)
        for window in sorted(waiting, key=lambda window: (window.top, window.left)):
            seen = grid.seen(window)
            taken = halo(volume.shape, seen, tile)
            for position in waiting[window]:
                levels = contrasts[numbers[position]]
                assert isinstance(levels, Contrast)
                pixels = sight.window(numbers[position], taken)
                origin = taken.top, taken.left
                yield Piece(position, volume.shape, seen, pixels, origin, levels, window)


def _unit(position: int, window: Window) -> tuple[int, ...]:
    """What the journal calls a window."""
    return position, window.top, window.left


def _write(
    one: WindowRun,
    threshold: float,
    maps: Maps,
    options: SegmentOptions,
    progress: Progress,
    grid: MapGrid,
) -> None:
    position, window = one.piece.number, one.piece.target
    probability = grid.brought_back(sigmoid(one.logits), window)
    membrane = probability > threshold
    kept = stored(probability, options.probability)
    maps.probability.write_window(position, window.top, window.left, kept)
    mask = membrane.astype(np.uint8) * np.uint8(maps.mask_value)
    maps.mask.write_window(position, window.top, window.left, mask)
    maps.sync()
    n_membrane = int(membrane.sum())
    maps.journal.append(_unit(position, window), membrane=n_membrane, pixels=membrane.size)
    progress.n_windows += 1
    progress.n_tiles += one.n_tiles
    progress.n_membrane += n_membrane
    progress.n_pixels += membrane.size
    if one.tally is not None:
        if progress.tally is None:
            progress.tally = one.tally
        else:
            progress.tally.merge(one.tally)
