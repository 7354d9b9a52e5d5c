"""Connections that no kernel describes, one by one, and what they come to block by block.

A block has an axon for each source pixel that reaches it. All atoms of the pixel share it, and each
has as many weights as the one with the most.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

_Shape = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Links:
    """Which atoms of a source reach which neurons.

    Attributes
    ----------
    sources, targets : numpy.ndarray
        int64, (n_links,): number of the atom in its source, rows, columns and atoms raveled, and
        of the neuron in its layer. No pair is there twice.
    n_sources, n_targets : int
        Atoms of the source and neurons of the layer.
    """

    sources: np.ndarray
    targets: np.ndarray
    n_sources: int
    n_targets: int


@dataclass(frozen=True, eq=False)
class Reach:
    """What of a source reaches which blocks of a layer.

    Attributes
    ----------
    blocks, pixels : numpy.ndarray
        int64, (n_pairs,): each pair of a block and a source pixel that reaches it.
    widths : numpy.ndarray
        int64, (n_pairs,): most weights that one atom of the pixel has into the block.
    n_blocks, n_pixels : int
    """

    blocks: np.ndarray
    pixels: np.ndarray
    widths: np.ndarray
    n_blocks: int
    n_pixels: int

    @property
    def pixels_per_block(self) -> np.ndarray:
        """int64, (n_blocks,): source pixels that reach each."""
        return np.bincount(self.blocks, minlength=self.n_blocks)

    @property
    def blocks_per_pixel(self) -> np.ndarray:
        """int64, (n_pixels,): blocks that each reaches."""
        return np.bincount(self.pixels, minlength=self.n_pixels)


def block_of(targets: np.ndarray, shape: _Shape, block_shape: _Shape) -> np.ndarray:
    """Number of the block that each neuron of a layer lies in, channel runs the fastest."""
    places = np.unravel_index(targets, shape)
    runs = [-(-total // size) for total, size in zip(shape, block_shape)]
    row, column, channel = (place // size for place, size in zip(places, block_shape))
    return np.asarray((row * runs[1] + column) * runs[2] + channel)


@lru_cache(maxsize=256)
def atoms_reaching(
    links: Links, shape: _Shape, block_shape: _Shape
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each pair of a block and an atom that reaches it, and by how many weights.

    Returns
    -------
    blocks, atoms, counts : numpy.ndarray
        int64, (n_pairs,), ordered by block.
    """
    blocks = block_of(links.targets, shape, block_shape)
    pairs, counts = np.unique(blocks * links.n_sources + links.sources, return_counts=True)
    return pairs // links.n_sources, pairs % links.n_sources, counts


@lru_cache(maxsize=256)
def reach_of(links: Links, n_atoms: int, shape: _Shape, block_shape: _Shape) -> Reach:
    """What reaches which blocks of a layer that is cut into blocks of a shape."""
    blocks, atoms, counts = atoms_reaching(links, shape, block_shape)
    n_pixels = links.n_sources // n_atoms
    n_blocks = int(np.prod([-(-total // size) for total, size in zip(shape, block_shape)]))
    pairs, place = np.unique(blocks * n_pixels + atoms // n_atoms, return_inverse=True)
    widths = np.zeros(len(pairs), np.int64)
    np.maximum.at(widths, place, counts)
    return Reach(pairs // n_pixels, pairs % n_pixels, widths, n_blocks, n_pixels)


def runs_reached_by_pixel(
    links: Links, n_atoms: int, shape: _Shape, axis: int, sizes: Sequence[int]
) -> np.ndarray:
    """Runs of outputs along an axis that each source pixel reaches: (n_sizes, n_pixels) int64."""
    n_pixels = links.n_sources // n_atoms
    pairs = np.unique(
        links.sources // n_atoms * shape[axis] + np.unravel_index(links.targets, shape)[axis]
    )
    pixels, places = np.divmod(pairs, shape[axis])
    found = np.zeros((len(sizes), n_pixels), np.int64)
    for row, size in zip(found, sizes):
        runs = np.unique(pixels * shape[axis] + places // size) // shape[axis]
        row += np.bincount(runs, minlength=n_pixels)
    return found
