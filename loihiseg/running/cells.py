"""Cells of a section from its map of membrane, and their ids through a volume.

*Membrane* and *cell* are meant as in the scores (`metrics.isbi`): a pixel is membrane where the
mask says so, all others are cell, and pixels of one cell touch by their sides. The scores take each
connected region for a cell, so that one gap in a membrane makes one cell of two. Here such regions
are split at their necks by a seeded watershed, or there is no mask and the map itself is flooded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage, sparse
from skimage.morphology import local_maxima, reconstruction
from skimage.segmentation import watershed

from loihiseg.errors import Option, OptionError
from loihiseg.network.logits import to_logits
from loihiseg.running.basins import basins

_SIDES = 1
"""Pixels touch by their sides (4-connectivity), as in the scores."""
_MOST_ID = 2**32 - 1
_BAND_PIXELS = 2**22


DEFAULT_PIXEL_NM = 4.0
"""That the defaults of `CellOptions` are for."""


@dataclass(frozen=True)
class CellOptions:
    """How cells are told apart.

    neck_px : how much wider, in radius, the two parts of a region must be than the neck between
        them to be two cells, in pixels: the height h of the h-maxima that are seeds. The default
        is the best of 5 to 20 on two validation sections of ISBI 2012, at 4 nm per pixel.
    smallest_px : pixels that a cell has at least. The pixels of a smaller one go to the cells it
        touches; where it touches none it is no cell.
    fill : give the pixels of membranes to the cells around them; otherwise they have no id, 0.
    """

    neck_px: float = 10.0
    smallest_px: int = 50
    fill: bool = False

    @classmethod
    def at(cls, pixel_nm: float | None) -> CellOptions:
        """The defaults in nanometres, at a size of the pixels; as at 4 nm where it is not known."""
        scale = 1.0 if pixel_nm is None else DEFAULT_PIXEL_NM / pixel_nm
        return cls(cls.neck_px * scale, max(round(cls.smallest_px * scale**2), 1))

    def __post_init__(self) -> None:
        if not self.neck_px > 0:
            raise OptionError(Option("neck_px"), f" {self.neck_px} must be above 0")
        if self.smallest_px < 0:
            raise OptionError(Option("smallest_px"), f" {self.smallest_px} must be 0 or more")


DEFAULT = CellOptions()


def section_cells(
    probability: np.ndarray, membrane: np.ndarray, options: CellOptions = DEFAULT
) -> np.ndarray:
    """Cells of one section by seeded watershed.

    probability : (rows, columns) of membrane, of any real type: only its order counts.
    membrane : (rows, columns) bool, which pixels are membrane.

    Returns (rows, columns) uint32: 1, 2, ... in the order of their first pixels, row by row; 0
    where there is no cell: on membranes (unless `fill`) and on specks, regions below `smallest_px`.
    Every other pixel that is no membrane has a cell. The same arrays give the same cells.

    Notes
    -----
    Seeds are the h-maxima, h = `neck_px`, of the Euclidean distance to the next membrane, so that
    each connected region has one at least. The edge of the section is no membrane, nor are
    patches of it of less than `smallest_px`, such as a vesicle: a cell goes through them. From the
    seeds `probability` is flooded from low to high within the region: cells meet where a membrane
    was seen, if faintly. Then cells below `smallest_px` lose their seeds, but for the largest of
    each region, and it is flooded again.

    Memory is some 76 bytes and time some 2.7 us per pixel: 5 GB for a section of 8192 x 8192.
    """
    inside = _without_patches(~membrane, options.smallest_px)
    seeds = _seeds(inside, options.neck_px)
    cells = watershed(probability, seeds, connectivity=_SIDES, mask=inside)
    # Pixels of patches do not make a cell larger.
    sizes = np.bincount(cells[~membrane], minlength=int(seeds.max()) + 1)
    is_small = sizes < options.smallest_px
    if is_small[1:].any():
        goes = is_small.copy()
        goes[_largest_of_each_region(cells, inside, sizes)] = False
        seeds[goes[seeds]] = 0
        cells = watershed(probability, seeds, connectivity=_SIDES, mask=inside)
        sizes = np.bincount(cells[~membrane], minlength=len(sizes))
        cells[(sizes < options.smallest_px)[cells]] = 0
    if not options.fill:
        cells = np.where(membrane, 0, cells)
    elif cells.any():
        cells = watershed(probability, cells, connectivity=_SIDES)
    return _in_order(cells)


def flooded_cells(probability: np.ndarray, depth: float) -> np.ndarray:
    """Cells of one section by flooding its map from its minima, whatever a threshold says.

    Parameters
    ----------
    probability : numpy.ndarray
        Of membrane, float32 (rows, columns); its logits end at 13.8 on either side. Those of 255
        steps would end at 5.5, where minima are deeper.
    depth : float
        In logits, above 0: of a minimum that is a cell; see `loihiseg.running.basins.basins`.

    Returns
    -------
    numpy.ndarray
        uint32 (rows, columns): 1, 2, ... in the order of their first pixels, row by row; 0 on the
        lines between them, of one pixel, along the ridges of membranes.

    Notes
    -----
    Memory is some 140 bytes and time some 5 us per pixel: 9 GB for a section of 8192 x 8192.
    """
    return _in_order(basins(to_logits(probability, is_probability=True), depth))


def _largest_of_each_region(cells: np.ndarray, inside: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The cell of most pixels in each connected region; 0 among them."""
    regions, _ = ndimage.label(inside)
    region_of = np.zeros(len(sizes), np.int64)
    region_of[cells.ravel()] = regions.ravel()
    largest = np.zeros(int(regions.max()) + 1, np.int64)
    by_size = np.lexsort((-np.arange(len(sizes)), sizes))
    largest[region_of[by_size]] = by_size  # what comes last stays
    return np.append(largest, 0)


def _without_patches(inside: np.ndarray, smallest: int) -> np.ndarray:
    """(rows, columns) bool: the inside of cells, with the patches of membrane that lie in it.

    Those at the edge of the section stay: who knows how far they go.
    """
    patches, _ = ndimage.label(~inside, ndimage.generate_binary_structure(2, 2))
    sizes = np.bincount(patches.ravel())
    edges = (patches[0], patches[-1], patches[:, 0], patches[:, -1])
    sizes[np.concatenate(edges)] = smallest
    filled: np.ndarray = inside | (sizes < smallest)[patches]
    return filled


def _seeds(inside: np.ndarray, height: float) -> np.ndarray:
    """(rows, columns) int32: one number for each h-maximum of the distance to the outside."""
    distance = ndimage.distance_transform_edt(inside).astype(np.float32)
    if inside.all():
        distance[...] = 1  # there is nothing to be away from
    # Far below all that is inside: a region has a maximum whatever the height of others.
    distance[~inside] = -2 * np.float32(height)
    cross = ndimage.generate_binary_structure(2, _SIDES)
    lowered = distance - np.float32(height)
    tops = reconstruction(lowered, distance, method="dilation", footprint=cross)
    del distance, lowered
    found = local_maxima(tops, connectivity=_SIDES) if tops.min() < tops.max() else inside
    del tops
    seeds: np.ndarray = ndimage.label(found & inside)[0]
    return seeds


def _in_order(cells: np.ndarray) -> np.ndarray:
    """The same cells as 1, 2, ... by their first pixels; uint32."""
    pixels = cells.ravel()
    first = np.full(int(cells.max(initial=0)) + 1, -1, np.int64)
    # Of what is assigned to one place, the last stays: the first pixel.
    first[pixels[::-1]] = np.arange(pixels.size - 1, -1, -1)
    present = np.flatnonzero(first[1:] >= 0) + 1
    numbers = np.zeros(len(first), np.uint32)
    numbers[present[np.argsort(first[present])]] = np.arange(1, len(present) + 1, dtype=np.uint32)
    return numbers[cells]


class CellIds:
    """Ids of cells that are unique in a volume, given to its sections in order.

    Linked, a cell has the id of the cell it continues in the section before: each is the one that
    the other shares most pixels with (among equals the one of the lower number), and these are at
    least `share` of the smaller of the two. So a cell continues one cell at most and is continued
    by one: where cells part or meet, the largest goes on. Memory is that of two sections.

    next_id : the first id that is not given yet.
    """

    def __init__(
        self, share: float | None = None, next_id: int = 1, previous: np.ndarray | None = None
    ) -> None:
        """share : above 0, up to 1; None for ids that are not linked.

        next_id, previous : of a run that is gone on with: `next_id` after the last section that it
            finished, and that section's ids, (rows, columns); None if it has none.
        Raises OptionError.
        """
        if share is not None and not 0 < share <= 1:
            raise OptionError(Option("share"), f" {share} must be above 0, at most 1")
        self._share = share
        self.next_id = next_id
        self._previous: tuple[np.ndarray, np.ndarray] | None = None
        if share is not None and previous is not None:
            # As `section_cells` numbered them: among equals the lower number goes on.
            compact = np.unique(np.append(0, previous), return_inverse=True)[1]
            cells = _in_order(compact[1:].reshape(previous.shape))
            ids = np.zeros(int(cells.max(initial=0)) + 1, np.uint32)
            ids[cells] = previous
            self._previous = cells, ids

    def of(self, cells: np.ndarray) -> np.ndarray:
        """Ids of the next section.

        cells : (rows, columns) of 0 for none, 1, 2, ... as `section_cells` gives them.

        Returns (rows, columns) uint32: 0 where `cells` is 0. Raises OptionError where the ids do
        not fit into 32 bits.
        """
        n_cells = int(cells.max(initial=0))
        ids = np.zeros(n_cells + 1, np.uint32)
        if self._share is not None and self._previous is not None:
            before, their_ids = self._previous
            if before.shape == cells.shape:
                ids = their_ids[continued(before, cells, self._share)].astype(np.uint32)
        new = np.flatnonzero(ids[1:] == 0) + 1
        if self.next_id + len(new) - 1 > _MOST_ID:
            raise OptionError(
                "more than 4,294,967,295 cells do not fit into uint32 labels; raise ",
                Option("smallest_px"),
                " or give a part of the stack",
            )
        ids[new] = np.arange(self.next_id, self.next_id + len(new), dtype=np.uint32)
        self.next_id += len(new)
        if self._share is not None:
            self._previous = cells, ids
        return ids[cells]

    def skip(self) -> None:
        """A section is missing: nothing is linked across it."""
        self._previous = None


def number_cells(
    sections: Iterable[np.ndarray], share: float | None = None
) -> Iterator[np.ndarray]:
    """Sections of cells with ids that are unique in the volume, see `CellIds`."""
    ids = CellIds(share)
    for cells in sections:
        yield ids.of(cells)


def continued(before: np.ndarray, cells: np.ndarray, share: float) -> np.ndarray:
    """Which cell of the section before each cell continues.

    before, cells : (rows, columns) of 0 for none, 1, 2, ...
    share : of the pixels of the smaller of two cells that they have in common at least.

    Returns int64 (number of cells + 1,): by cell the one before, 0 for none.
    """
    overlap = _overlap(before, cells)
    sizes_before = np.bincount(before.ravel(), minlength=overlap.shape[0])
    sizes = np.bincount(cells.ravel(), minlength=overlap.shape[1])
    rows, columns, common = sparse.find(overlap)
    kept = (rows > 0) & (columns > 0)
    rows, columns, common = rows[kept], columns[kept], common[kept]
    best_after = _largest(rows, columns, common, overlap.shape[0])
    best_before = _largest(columns, rows, common, overlap.shape[1])
    mutual = (best_after[rows] == columns) & (best_before[columns] == rows)
    enough = common >= share * np.minimum(sizes_before[rows], sizes[columns])
    found = np.zeros(overlap.shape[1], np.int64)
    found[columns[mutual & enough]] = rows[mutual & enough]
    return found


def _overlap(before: np.ndarray, cells: np.ndarray) -> sparse.csr_array:
    """Pixels that two cells have in common, by their numbers; band by band, to save memory."""
    shape = int(before.max(initial=0)) + 1, int(cells.max(initial=0)) + 1
    total = sparse.csr_array(shape, dtype=np.int64)
    n_rows = max(1, _BAND_PIXELS // max(1, cells.shape[1]))
    for top in range(0, len(cells), n_rows):
        one, other = (part[top : top + n_rows].ravel() for part in (before, cells))
        ones = np.ones(one.size, np.int64)
        total = total + sparse.coo_array((ones, (one, other)), shape=shape).tocsr()
    return total


def _largest(of: np.ndarray, partner: np.ndarray, common: np.ndarray, n: int) -> np.ndarray:
    """By number, the partner with most in common, among equals the lowest; 0 for none."""
    order = np.lexsort((-partner, common))
    found = np.zeros(n, np.int64)
    found[of[order]] = partner[order]  # what comes last stays
    return found
