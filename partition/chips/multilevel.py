"""First assignments by Mt-KaHyPar, a multilevel partitioner, where it is installed.

It contracts the graph, cuts the small one and refines while it expands again, which finds whole
pieces that moves of single blocks do not.

References
----------
Gottesbüren, Heuer, Maas, Sanders, Schlag 2024, Scalable high-quality hypergraph partitioning,
ACM Transactions on Algorithms 20(1).
"""

import functools

import numpy as np

N_RUNS = 12
"""Runs, each on the blocks in another order: the deterministic preset knows no other chance."""

TOTAL = 2**30
"""Sum of the edge weights handed over, which must be 32-bit integers."""


@functools.cache
def engine():
    """The module and its initializer, or None. It can be initialized once per process only."""
    try:
        import mtkahypar
    except ImportError:
        return None
    return mtkahypar, mtkahypar.initialize(1)


def multilevel(links, n_parts, capacity, rng):
    """Yield assignments; none where Mt-KaHyPar is not installed.

    Parameters
    ----------
    links : partition.chips.links.Links
    n_parts, capacity : int
    rng : numpy.random.Generator
    """
    low, high, weight = links.pairs()
    if n_parts < 2 or not len(low) or engine() is None:
        return
    mtkahypar, initializer = engine()
    # The preset whose result depends on nothing but its input: neither threads nor time.
    context = initializer.context_from_preset(mtkahypar.PresetType.DETERMINISTIC_QUALITY)
    context.logging = False
    context.set_partitioning_parameters(n_parts, 0.03, mtkahypar.Objective.CUT)
    # A hard limit for each chip, in place of equal parts with a tolerance.
    context.set_individual_target_block_weights([capacity] * n_parts)
    scaled = np.maximum(weight * (TOTAL / weight.sum()), 1).astype(np.int64)
    for _ in range(N_RUNS):
        number = rng.permutation(links.n_blocks)
        shuffled = rng.permutation(len(low))
        graph = initializer.create_graph(
            context,
            links.n_blocks,
            len(low),
            np.stack([number[low], number[high]], axis=1)[shuffled].tolist(),
            [1] * links.n_blocks,
            scaled[shuffled].tolist(),
        )
        chips = np.array(graph.partition(context).get_partition(), dtype=np.int64)[number]
        if np.bincount(chips, minlength=n_parts).max() <= capacity:
            yield chips
