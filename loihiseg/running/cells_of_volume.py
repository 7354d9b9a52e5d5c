"""Cells of a volume while its maps are made, section by section, in order."""

import numpy as np

from loihiseg.data.writers import SectionWriter
from loihiseg.running.cells import CellIds, CellOptions, section_cells
from loihiseg.running.volume import Maps


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
    options : CellOptions
    """

    def __init__(
        self, maps: Maps, writer: SectionWriter, share: float | None, options: CellOptions
    ):
        self._maps, self._writer, self._journal = maps, writer, maps.journal
        self._options = options
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

    def add(self, position: int) -> None:
        """Label a section; sections come in order, and those of earlier runs are left alone."""
        if (position,) in self._journal.done:
            return
        membrane: np.ndarray = self._maps.mask.section(position) != 0
        probability = self._maps.probability.section(position)
        cells = section_cells(probability, membrane, self._options)
        self._writer.write(position, self._ids.of(cells))
        self._writer.sync()
        self._journal.append((position,), next_id=self._ids.next_id)
