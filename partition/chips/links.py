"""A block graph as arrays: what two blocks exchange, both ways together, in whole numbers.

Searches add and subtract weights in any order. In whole numbers that is exact, so that a gain is
no matter of rounding, results do not depend on the order of sums, and a bound holds.
"""

from dataclasses import dataclass

import networkx as nx
import numpy as np

from partition.core.errors import PartitionError

PRODUCT_BITS = 60
"""Bits of the sum of all weights times the number of blocks, which searches count with."""

TOTAL_BITS = 52
"""Most bits of the sum of all weights: floating-point sums of them are still exact."""


@dataclass(frozen=True, eq=False)
class Traffic:
    """Messages per step from block to block, self messages left out.

    Attributes
    ----------
    n_blocks : int
    sources, targets : (m,) int64 array
    weights : (m,) float64 array
        Positive.
    """

    n_blocks: int
    sources: np.ndarray
    targets: np.ndarray
    weights: np.ndarray

    @classmethod
    def of_graph(cls, graph: nx.DiGraph) -> "Traffic":
        """Arrays of a block graph.

        Raises
        ------
        PartitionError
            Nodes not numbered from 0; a weight, or the sum of all, negative or not finite.
        """
        n_blocks = graph.number_of_nodes()
        if set(graph.nodes) != set(range(n_blocks)):
            raise PartitionError("the nodes of a block graph must be numbered 0 to n - 1")
        rows = []
        for source, target, weight in graph.edges(data="weight"):
            if weight is None or not np.isfinite(weight) or weight < 0:
                raise PartitionError(
                    f"edge {source} to {target}: weight {weight} is not a number of messages"
                )
            if source != target and weight > 0:
                rows.append((source, target, float(weight)))
        # The order in which a graph lists its edges is no part of it.
        rows.sort()
        sources, targets, weights = zip(*rows) if rows else ((), (), ())
        amounts = np.array(weights, dtype=np.float64)
        with np.errstate(over="ignore"):
            if not np.isfinite(amounts.sum()):
                raise PartitionError("the weights of the block graph add up to no finite number")
        starts, ends = (np.array(numbers, dtype=np.int64) for numbers in (sources, targets))
        return cls(n_blocks, starts, ends, amounts)

    def loads(self, chips: np.ndarray) -> dict[tuple[int, int], float]:
        """Messages per step on every link between chips that carries any.

        Parameters
        ----------
        chips : (n_blocks,) int64 array

        Returns
        -------
        dict of (int, int) to float
        """
        n_chips = int(chips.max(initial=-1)) + 1
        table = np.zeros((n_chips, n_chips))
        np.add.at(table, (chips[self.sources], chips[self.targets]), self.weights)
        return {(int(a), int(b)): float(table[a, b]) for a, b in zip(*np.nonzero(table)) if a != b}


Neighbours = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""``first``, ``other``, ``back`` and ``weight`` of `Links`, as compiled loops take them."""


@dataclass(frozen=True, eq=False)
class Links:
    """The neighbours of every block, those of one block after those of the other.

    Attributes
    ----------
    first : (n + 1,) int64 array
        Where the neighbours of each block begin.
    other : (2 m,) int64 array
        Neighbours, ascending for each block.
    back : (2 m,) int64 array
        Where the same link stands among those of its neighbour.
    weight : (2 m,) int64 array
        Messages both ways, in ``unit``, rounded down.
    unit : float
        Messages per step; a power of two.
    """

    first: np.ndarray
    other: np.ndarray
    back: np.ndarray
    weight: np.ndarray
    unit: float = 1.0

    @property
    def n_blocks(self) -> int:
        return len(self.first) - 1

    @property
    def neighbours(self) -> Neighbours:
        """The arrays as a plain tuple, which compiled functions take fastest."""
        return self.first, self.other, self.back, self.weight

    @property
    def owner(self) -> np.ndarray:
        """(2 m,) int64 array: the block whose neighbour each one is."""
        return np.repeat(np.arange(self.n_blocks), np.diff(self.first))

    @property
    def degree(self) -> np.ndarray:
        """(n,) int64 array: sum of the weights at each block."""
        return np.bincount(self.owner, self.weight, self.n_blocks).astype(np.int64)

    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(m,) int64 arrays of every link once: lower block, higher block, weight."""
        owner = self.owner
        once = owner < self.other
        return owner[once], self.other[once], self.weight[once]

    def crossing(self, chips: np.ndarray) -> int:
        """Weight between chips."""
        a, b, weight = self.pairs()
        return int(weight[chips[a] != chips[b]].sum())

    def among(self, blocks: np.ndarray) -> "Links":
        """Links among some blocks, which are numbered anew in the order given.

        Parameters
        ----------
        blocks : (k,) int64 array
        """
        number = np.full(self.n_blocks, -1, dtype=np.int64)
        number[blocks] = np.arange(len(blocks))
        a, b, weight = self.pairs()
        inside = (number[a] >= 0) & (number[b] >= 0)
        return _links(len(blocks), number[a[inside]], number[b[inside]], weight[inside], self.unit)


def links_of(traffic: Traffic) -> Links:
    """Both directions added, in a unit small enough that rounding loses next to nothing."""
    low = np.minimum(traffic.sources, traffic.targets)
    high = np.maximum(traffic.sources, traffic.targets)
    keys, inverse = np.unique(low * traffic.n_blocks + high, return_inverse=True)
    mutual = np.bincount(inverse, traffic.weights, len(keys))
    _, exponent = np.frexp(mutual.sum())
    n_bits = min(TOTAL_BITS, PRODUCT_BITS - traffic.n_blocks.bit_length())
    shift = n_bits - int(exponent)
    weight = np.floor(np.ldexp(mutual, shift)).astype(np.int64)
    unit = float(np.ldexp(1.0, -shift))
    n = max(traffic.n_blocks, 1)
    return _links(traffic.n_blocks, keys // n, keys % n, weight, unit)


def links_of_matrix(mutual: np.ndarray) -> Links:
    """Links of an (n, n) symmetric array of messages per step between blocks, both ways."""
    low, high = np.nonzero(np.triu(mutual, 1))
    return links_of(Traffic(len(mutual), low, high, mutual[low, high]))


def _links(n_blocks: int, a: np.ndarray, b: np.ndarray, weight: np.ndarray, unit: float) -> Links:
    some = weight > 0
    a, b, weight = a[some], b[some], weight[some]
    owner, other = np.concatenate([a, b]), np.concatenate([b, a])
    order = np.lexsort((other, owner))
    # Link i stands at place[i] and, seen from its other end, at place[i + m].
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    back = np.roll(place, len(a))[order] if len(a) else place
    first = np.searchsorted(owner[order], np.arange(n_blocks + 1)).astype(np.int64)
    return Links(first, other[order], back, np.concatenate([weight, weight])[order], unit)
