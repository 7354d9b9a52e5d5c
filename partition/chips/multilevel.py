"""First assignments by Mt-KaHyPar, a multilevel partitioner, where it is installed.

It contracts the graph, cuts the small one and refines while it expands again, which finds whole
pieces that moves of single blocks do not.

References
----------
Gottesbüren, Heuer, Maas, Sanders, Schlag 2024, Scalable high-quality hypergraph partitioning,
ACM Transactions on Algorithms 20(1).
"""

import functools
from collections.abc import Iterator
from types import ModuleType
from typing import Protocol

import numpy as np

from partition.chips.links import Links

N_RUNS = 12
"""Runs, each on the blocks in another order: the deterministic preset knows no other chance."""

TOTAL = 2**30
"""Sum of the edge weights handed over, which must be 32-bit integers."""


class _Partitioned(Protocol):
    def get_partition(self) -> list[int]: ...


class _Context(Protocol):
    logging: bool

    def set_partitioning_parameters(
        self, n_parts: int, tolerance: float, objective: object
    ) -> None: ...
    def set_mapping_parameters(self, n_parts: int, tolerance: float) -> None: ...
    def set_individual_target_block_weights(self, most: list[int]) -> None: ...


class _Graph(Protocol):
    def partition(self, context: _Context) -> _Partitioned: ...
    def map_onto_graph(self, target: object, context: _Context) -> _Partitioned: ...


class Initializer(Protocol):
    """What is called here of Mt-KaHyPar, whose own objects have no types."""

    def context_from_preset(self, preset: object) -> _Context: ...
    def create_graph(
        self,
        context: _Context,
        n_nodes: int,
        n_edges: int,
        ends: list[list[int]],
        node_weights: list[int],
        edge_weights: list[int],
    ) -> _Graph: ...
    def create_target_graph(
        self,
        context: _Context,
        n_nodes: int,
        n_edges: int,
        ends: list[list[int]],
        edge_weights: list[int],
    ) -> object: ...


@functools.cache
def engine() -> tuple[ModuleType, Initializer] | None:
    """The module and its initializer, or None. It can be initialized once per process only."""
    try:
        import mtkahypar
    except ImportError:
        return None
    return mtkahypar, mtkahypar.initialize(1)


def multilevel(
    links: Links, n_parts: int, capacity: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield assignments; none where Mt-KaHyPar is not installed.

    Parameters
    ----------
    links : partition.chips.links.Links
    n_parts, capacity : int
    rng : numpy.random.Generator
    """
    low, high, weight = links.pairs()
    found = engine()
    if n_parts < 2 or not len(low) or found is None:
        return
    mtkahypar, initializer = found
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
