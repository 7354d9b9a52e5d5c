"""First arrangements on the mesh by Mt-KaHyPar, a multilevel partitioner, where it is installed.

It maps the blocks of a chip onto the graph of its tiles and minimizes messages times distance
itself; `partition.places.arrange` improves what it finds and does without where there is none.

References
----------
Gottesbüren, Heuer, Maas, Sanders, Schlag 2024, Scalable high-quality hypergraph partitioning,
ACM Transactions on Algorithms 20(1).
Heuer 2024, A direct k-way hypergraph partitioning algorithm for optimizing the Steiner tree metric,
ALENEX.
"""

from collections.abc import Iterator

import numpy as np

from partition.chips.multilevel import TOTAL, engine

N_RUNS = 5
"""Runs, each on the blocks in another order: the deterministic preset knows no other chance."""


def mapped(
    mutual: np.ndarray, coordinates: np.ndarray, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield places of the blocks; none where Mt-KaHyPar is not installed.

    Parameters
    ----------
    mutual : (n, n) float64 array
        Messages per step between two blocks, both ways; symmetric, zero diagonal.
    coordinates : (n, 2) int array
        Row and column of the tile of each place.
    rng : numpy.random.Generator
    """
    tiles, tile_of_place, sizes = np.unique(
        coordinates, axis=0, return_inverse=True, return_counts=True
    )
    low, high = np.nonzero(np.triu(mutual))
    found = engine()
    if len(tiles) < 2 or not len(low) or found is None:
        return
    mtkahypar, initializer = found
    # The preset whose result depends on nothing but its input: neither threads nor time.
    context = initializer.context_from_preset(mtkahypar.PresetType.DETERMINISTIC_QUALITY)
    context.logging = False
    context.set_mapping_parameters(len(tiles), 0.03)
    # A hard limit for each tile, in place of equal parts with a tolerance.
    context.set_individual_target_block_weights(sizes.tolist())
    near = np.abs(tiles[:, None] - tiles).sum(axis=2) == 1
    ends = np.argwhere(np.triu(near)).tolist()
    target = initializer.create_target_graph(context, len(tiles), len(ends), ends, [1] * len(ends))
    weight = mutual[low, high]
    # The longest way is shorter than the number of tiles: sums stay within 32 bits.
    scaled = np.maximum(weight * (TOTAL / len(tiles) / weight.sum()), 1).astype(np.int64)
    by_tile = np.argsort(tile_of_place, kind="stable")
    for _ in range(N_RUNS):
        number, shuffled = rng.permutation(len(mutual)), rng.permutation(len(low))
        graph = initializer.create_graph(
            context,
            len(mutual),
            len(low),
            np.stack([number[low], number[high]], axis=1)[shuffled].tolist(),
            [1] * len(mutual),
            scaled[shuffled].tolist(),
        )
        tile = np.array(graph.map_onto_graph(target, context).get_partition())[number]
        if np.all(np.bincount(tile, minlength=len(tiles)) == sizes):
            places = np.empty(len(mutual), dtype=np.int64)
            places[np.argsort(tile, kind="stable")] = by_tile
            yield places
