"""Axons and synapse groups as entries, rows and runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from nengo_loihi.block import Axon, Synapse


@dataclass(frozen=True, eq=False)
class Entries:
    """Entries of a list of neurons.

    Attributes
    ----------
    start : numpy.ndarray
        int64, (n_neurons + 1,).
    table : numpy.ndarray
        int32, (n_entries, 2): base and row.
    """

    start: np.ndarray
    table: np.ndarray


class RowTable:
    """Rows of weights, each kept once however often it is used."""

    def __init__(self) -> None:
        self._row_of: dict[tuple[bytes, bytes], int] = {}
        self._runs_per_row: list[int] = []
        self._offsets: list[np.ndarray] = []
        self._lengths: list[np.ndarray] = []
        self._weights: list[np.ndarray] = []

    def row(self, indices: np.ndarray, weights: np.ndarray) -> int:
        """Number of the row with these target compartments and weights, both (n,)."""
        key = (indices.tobytes(), weights.tobytes())
        found = self._row_of.get(key)
        if found is None:
            found = self._row_of[key] = len(self._runs_per_row)
            self._add(indices, weights)
        return found

    def _add(self, indices: np.ndarray, weights: np.ndarray) -> None:
        # Where a target stands twice, the reference's indexed addition counts the last weight.
        targets, last = np.unique(indices[::-1], return_index=True)
        values = weights[::-1][last]
        if not len(targets):
            self._runs_per_row.append(0)
            return
        first = np.concatenate([[0], np.flatnonzero(np.diff(targets) != 1) + 1])
        self._runs_per_row.append(len(first))
        self._offsets.append(targets[first])
        self._lengths.append(np.diff(np.append(first, len(targets))))
        self._weights.append(values)

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """``row_start``, ``runs`` and ``weights`` of a `Program`."""
        row_start = np.concatenate([[0], np.cumsum(self._runs_per_row)]).astype(np.int64)
        lengths = _concatenate(self._lengths, np.int64)
        weights = _concatenate(self._weights, np.int32)
        limits = np.iinfo(np.int16)
        if not len(weights) or (limits.min <= weights.min() and weights.max() <= limits.max):
            weights = weights.astype(np.int16)
        first = np.cumsum(lengths) - lengths
        runs = np.stack([_concatenate(self._offsets, np.int64), first, lengths], axis=1)
        return row_start, np.ascontiguousarray(runs.astype(np.int32)), weights


def flatten_axons(
    groups: "Iterable[tuple[Sequence[Axon], int]]", start_of: dict[int, int], rows: RowTable
) -> Entries:
    """Entries of neurons in groups.

    Parameters
    ----------
    groups : list of (axons, int)
        Axons and number of neurons of each block or input.
    start_of : dict of int to int
        First compartment of the block that holds a synapse group, by ``id`` of the group.
    rows : RowTable
        Takes the weights.

    Returns
    -------
    Entries
    """
    tables: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    sources: list[np.ndarray] = []
    bases: list[np.ndarray] = []
    numbers: list[np.ndarray] = []
    first = 0
    for axons, n_neurons in groups:
        for axon in axons:
            synapse = axon.target
            if synapse.learning:
                continue
            if id(synapse) not in tables:
                tables[id(synapse)] = _axon_table(synapse, start_of[id(synapse)], rows)
            base, row = tables[id(synapse)]
            targets = _per_neuron(axon.compartment_map, np.arange(n_neurons))
            atoms = _per_neuron(axon.compartment_atoms, np.zeros(n_neurons, np.int64))
            neurons = np.flatnonzero(targets >= 0)
            used = targets[neurons]
            live = base[used] >= 0
            neurons, used = neurons[live], used[live]
            sources.append(first + neurons)
            bases.append(base[used])
            numbers.append(row[used, np.minimum(atoms[neurons], row.shape[1] - 1)])
        first += n_neurons
    source = _concatenate(sources, np.int64)
    order = np.argsort(source, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(source, minlength=first))])
    table = np.stack([_concatenate(bases, np.int32), _concatenate(numbers, np.int32)], axis=1)
    return Entries(start.astype(np.int64), np.ascontiguousarray(table[order]))


def _per_neuron(values: np.ndarray | None, default: np.ndarray) -> np.ndarray:
    return default if values is None else np.asarray(values, np.int64)


def _axon_table(
    synapse: "Synapse", block_start: int, rows: RowTable
) -> tuple[np.ndarray, np.ndarray]:
    """Base compartment of each axon of a group, -1 where unused, and its row for each atom."""
    n_atoms = max((len(w) for w in synapse.weights), default=1)
    base = np.full(synapse.n_axons, -1, np.int64)
    row = np.zeros((synapse.n_axons, max(n_atoms, 1)), np.int64)
    row_of_weights = {}
    for axon in range(synapse.n_axons):
        offset = synapse.axon_compartment_base(axon)
        if offset is None:
            continue
        base[axon] = block_start + offset
        number = synapse.axon_weight_idx(axon)
        if number not in row_of_weights:
            weights, indices = synapse.weights[number], synapse.indices[number]
            found = np.zeros(row.shape[1], np.int64)
            for atom in range(len(weights)):
                found[atom] = rows.row(
                    np.ascontiguousarray(indices[atom]).astype(np.int64),
                    np.ascontiguousarray(weights[atom]).astype(np.int32),
                )
            row_of_weights[number] = found
        row[axon] = row_of_weights[number]
    return base, row


def _concatenate(parts: list[np.ndarray], dtype: type) -> np.ndarray:
    if not parts:
        return np.zeros(0, dtype)
    return np.ascontiguousarray(np.concatenate(parts).astype(dtype))
