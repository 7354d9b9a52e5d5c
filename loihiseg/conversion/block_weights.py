"""Weights of one term into one block, pixel by pixel of its source, as a synapse group holds them.

An axon is a source pixel; its atoms are the channels of the source that the weights tell apart. A
group holds for each of them as many weights, and what each is added to. Pixels that see the block
alike share what they have in memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from loihiseg.conversion.linear import AnyTerm, SparseTerm, Term
from partition.core.axes import Axis, axis_of
from partition.core.limits import COMPARTMENT_BASE_LIMIT

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Box:
    """The neurons of a block: ranges of a layer's rows, columns and channels."""

    rows: range
    columns: range
    channels: range

    @property
    def size(self) -> int:
        """Neurons."""
        return len(self.rows) * len(self.columns) * len(self.channels)


@dataclass(eq=False)
class BlockWeights:
    """What a synapse group is made of.

    Attributes
    ----------
    first_atom, n_atoms : int
        Of the source's atoms, those that the block hears.
    axons : dict of int to int
        By source pixel, its axon: those that reach the block.
    weights, indices : list of numpy.ndarray
        float32 and int32, (atoms, weights): what is shared.
    numbers, bases : list of int
        Of each axon, which of them, and the compartment that indices count from.
    silent : list of (int, int)
        Pixels with an axon and atoms that have no weight into the block.
    """

    first_atom: int
    n_atoms: int
    axons: dict[int, int] = field(default_factory=dict)
    weights: list[np.ndarray] = field(default_factory=list)
    indices: list[np.ndarray] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    bases: list[int] = field(default_factory=list)
    silent: list[tuple[int, int]] = field(default_factory=list)
    _known: dict[object, int] = field(default_factory=dict)

    def known(self, key: object) -> bool:
        """Whether there are weights of that key already."""
        return key in self._known

    def keep(self, key: object, weights: np.ndarray, indices: np.ndarray) -> None:
        """Weights that pixels may share."""
        self._known[key] = len(self.weights)
        self.weights.append(np.ascontiguousarray(weights, np.float32))
        self.indices.append(np.ascontiguousarray(indices, np.int32))

    def connect(self, pixel: int, key: object, base: int) -> None:
        """An axon for a pixel."""
        self.axons[pixel] = len(self.axons)
        self.numbers.append(self._known[key])
        self.bases.append(base)


def block_weights(
    term: AnyTerm, values: np.ndarray, source_shape: Shape, shape: Shape, box: Box
) -> BlockWeights:
    """Weights of a term into a block.

    Parameters
    ----------
    term : Term or SparseTerm
    values : numpy.ndarray
        In place of the term's, of their shape.
    source_shape, shape : tuple of int
        (rows, columns, channels) of the source's neurons and of the layer's.
    box : Box
        Of the layer.
    """
    if isinstance(term, SparseTerm):
        return _of_matrix(term, values, source_shape, shape, box)
    return _of_kernel(term, values, source_shape, shape, box)


def _of_kernel(
    term: Term, values: np.ndarray, source_shape: Shape, shape: Shape, box: Box
) -> BlockWeights:
    axes = [
        axis_of(
            source_shape[n],
            shape[n],
            term.kernel.shape[n],
            term.strides[n],
            term.padding,
            term.transposed,
            before=None if term.pads is None else term.pads[n][0],
        )
        for n in (0, 1)
    ]
    if not term.transposed:
        # Axes follow nengo-loihi, which turns kernels round.
        values = values[::-1, ::-1]
    each = term.kernel.shape[3] if term.depthwise else None
    atoms, channels = _channels(term, values.shape[2], box, each)
    found = BlockWeights(atoms.start, len(atoms))
    columns = _reaching(axes[1], box.columns)
    width, depth = len(box.columns), len(box.channels)
    for row, first_row, row_taps in _reaching(axes[0], box.rows):
        for column, first_column, column_taps in columns:
            base, page = _base((first_row * width + first_column) * depth)
            key = row_taps, column_taps, page
            if not found.known(key):
                part = values[list(row_taps)][:, list(column_taps)]
                places = _places(len(row_taps), len(column_taps), width) * depth + page
                found.keep(key, *_laid_out(part, places, atoms, channels, box, each))
            found.connect(row * source_shape[1] + column, key, base)
    return found


def _channels(term: Term, n_atoms: int, box: Box, each: int | None) -> tuple[range, np.ndarray]:
    """Atoms that a block hears, and of each the block's channels that hear it: (atoms, n)."""
    if each is None:
        everything = np.arange(len(box.channels))
        return range(n_atoms), np.broadcast_to(everything, (n_atoms, len(everything)))
    atoms = range(box.channels.start // each, (box.channels.stop - 1) // each + 1)
    starts = np.array([max(atom * each - box.channels.start, 0) for atom in atoms])
    ends = [min((atom + 1) * each - box.channels.start, len(box.channels)) for atom in atoms]
    n = int((np.array(ends) - starts).max())
    # Where a block is cut amid the channels of an atom, others stand there with weights of 0.
    starts = np.minimum(starts, len(box.channels) - n)
    return atoms, starts[:, None] + np.arange(n)


def _laid_out(
    part: np.ndarray,
    places: np.ndarray,
    atoms: range,
    channels: np.ndarray,
    box: Box,
    each: int | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Weights and indices, (atoms, pixels * channels).

    Parameters
    ----------
    part : numpy.ndarray
        The kernel's rows and columns that reach the block.
    places : numpy.ndarray
        (pixels,): first index of each pixel that is reached.
    atoms, channels
        As of `_channels`.
    box : Box
    each : int or None
        Channels that hear one atom; None for all.
    """
    absolute = channels + box.channels.start
    if each is None:
        own = part[..., absolute[0]].transpose(2, 0, 1, 3)
    else:
        numbers = np.array(atoms)[:, None]
        offset = absolute - numbers * each
        inside = (offset >= 0) & (offset < each)
        own = part[:, :, numbers, np.clip(offset, 0, each - 1)] * inside
        own = own.transpose(2, 0, 1, 3)
    indices = places[None, :, None] + channels[:, None, :]
    return own.reshape(len(own), -1), indices.reshape(len(own), -1)


def _reaching(axis: Axis, outputs: range) -> list[tuple[int, int, tuple[int, ...]]]:
    """Source positions that reach a range of outputs: where first, counted from it, and taps."""
    found = []
    for position, (first, taps) in enumerate(zip(axis.first, axis.taps, strict=True)):
        low, high = max(first, outputs.start), min(first + len(taps), outputs.stop)
        if taps and low < high:
            found.append((position, low - outputs.start, taps[low - first : high - first]))
    return found


def _base(first: int) -> tuple[int, int]:
    """A first compartment as an axon's base, which is small, and what indices have of it."""
    base = first % COMPARTMENT_BASE_LIMIT
    return base, first - base


def _places(n_rows: int, n_columns: int, width: int) -> np.ndarray:
    return (np.arange(n_rows)[:, None] * width + np.arange(n_columns)).ravel()


def _of_matrix(
    term: SparseTerm, values: np.ndarray, source_shape: Shape, shape: Shape, box: Box
) -> BlockWeights:
    n_atoms = source_shape[2] // term.levels
    numbers = np.arange(int(np.prod(shape))).reshape(shape)
    part = numbers[
        box.rows.start : box.rows.stop,
        box.columns.start : box.columns.stop,
        box.channels.start : box.channels.stop,
    ]
    matrix = term.with_values(values).weights[part.ravel()].tocsc()
    found = BlockWeights(0, n_atoms)
    counts = np.diff(matrix.indptr)
    for pixel in np.flatnonzero(counts.reshape(-1, n_atoms).any(axis=1)).tolist():
        columns = [
            slice(*matrix.indptr[atom : atom + 2])
            for atom in range(pixel * n_atoms, (pixel + 1) * n_atoms)
        ]
        targets = _of_equal_length([matrix.indices[own] for own in columns], box.size)
        weights = np.zeros(targets.shape, np.float32)
        for row, own in zip(weights, columns, strict=True):
            row[: own.stop - own.start] = matrix.data[own]
        base, _ = _base(int(targets.min()))
        indices = (targets - base).astype(np.int32)
        key = weights.tobytes(), indices.tobytes()
        if not found.known(key):
            found.keep(key, weights, indices)
        found.connect(pixel, key, base)
        found.silent += [(pixel, atom) for atom, own in enumerate(columns) if own.start == own.stop]
    return found


def _of_equal_length(targets: Sequence[np.ndarray], n_compartments: int) -> np.ndarray:
    """Targets of each atom, as many for all: compartments that it does not reach stand behind.

    No compartment may stand twice in a row: nengo-loihi's emulator counts the last weight alone.
    """
    longest = max(len(own) for own in targets)
    found = np.empty((len(targets), longest), np.int64)
    for row, own in zip(found, targets, strict=True):
        row[: len(own)] = own
        if len(own) < longest:
            others = np.setdiff1d(np.arange(n_compartments), own)
            row[len(own) :] = others[: longest - len(own)]
    return found
