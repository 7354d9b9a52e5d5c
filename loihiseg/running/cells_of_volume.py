"""Cells of a volume while its maps are made, section by section, in order."""

from collections.abc import Callable

import numpy as np

from loihiseg.data.writers import SectionWriter
from loihiseg.running.cells import CellIds
from loihiseg.running.volume import Maps

CellsOf = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Labels the cells of a section: of its probability, as it is kept, and its membrane, bool, each
(rows, columns); gives uint32, 0 for none. Of the same maps the same cells."""


class CellsOfVolume:
    """Labels cells from the maps as they are on the disk.

    Parameters
    ----------
    maps : Maps
    writer : SectionWriter
        uint32; gets the ids.
        Their journal gets each section whose cells are on the disk, with the next id.
    share : float or None
        See `CellIds`; None for ids that are not linked.
    cells_of : callable
    """

    def __init__(self, maps: Maps, writer: SectionWriter, share: float | None, cells_of: CellsOf):
        self._maps, self._writer, self._journal = maps, writer, maps.journal
        self._cells_of = cells_of
        journal = maps.journal
        done = [unit[0] for unit in journal.done if len(unit) == 1]
        self._n_done = len(done)
        next_id, previous = 1, None
        if done:
            last = max(done)
            next_id = int(journal.done[(last,)]["next_id"])
            previous = writer.section(last) if share is not None else None
        self._ids = CellIds(share, next_id, previous)

    @property
    def n_cells(self) -> int:
        """Ids given so far."""
        return self._ids.next_id - 1

    def add(self, position: int, is_missing: bool = False) -> None:
        """Label a section; sections come in order, and those of earlier runs are left alone.

        A section that was left out has no cells, and none goes on across it.
        """
        if is_missing:
            self._ids.skip()
            return
        if (position,) in self._journal.done:
            return
        membrane: np.ndarray = self._maps.mask.section(position) != 0
        probability = self._maps.probability.section(position)
        self._writer.write(position, self._ids.of(self._cells_of(probability, membrane)))
        self._writer.sync()
        self._journal.append((position,), next_id=self._ids.next_id)
