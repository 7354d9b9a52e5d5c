"""One layer cut and placed anew while all other layers stay as they are.

Blocks of one layer exchange no messages, so with the rest fixed each block's chip can be chosen by
itself: the chip that keeps most of its messages off the links, as far as there are cores. That
makes it cheap to try every block shape of a layer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from partition.core.axes import Axis, axes_of
from partition.core.layers import Layer, Projection, Shape
from partition.core.rates import Rates, neuron_rates
from partition.core.traffic import reach

UNIT = 2.0**-24
"""Spikes per step that messages are counted in here: sums of whole numbers are exact, so that
equal costs are equal however they were added up."""


@dataclass(frozen=True, eq=False)
class Plan:
    """Block shapes, and a chip for every block.

    Attributes
    ----------
    shapes : dict of str to (int, int, int)
    chips : dict of str to (row runs, column runs, channel runs) int64 array
    """

    shapes: dict[str, Shape]
    chips: dict[str, np.ndarray]

    def n_cores(self, n_chips: int) -> np.ndarray:
        """Cores in use on each chip: (n_chips,) int64."""
        counts = [np.bincount(c.ravel(), minlength=n_chips) for c in self.chips.values()]
        return np.sum(counts, axis=0)

    def flat(self) -> np.ndarray:
        """Chip per block, in block order (layers in the order of ``shapes``)."""
        return np.concatenate([self.chips[name].ravel() for name in self.shapes])

    def with_layer(self, name: str, shape: Shape, chips: np.ndarray) -> "Plan":
        """The plan with one layer changed."""
        return Plan({**self.shapes, name: shape}, {**self.chips, name: chips})

    def with_chips(self, chips: np.ndarray) -> "Plan":
        """The plan with other chips, given per block in block order."""
        starts = np.cumsum([c.size for c in self.chips.values()])[:-1]
        parts = np.split(np.asarray(chips), starts)
        shaped = {n: p.reshape(c.shape) for (n, c), p in zip(self.chips.items(), parts)}
        return replace(self, chips=shaped)


class Network:
    """Layers with their rates, ready for many looks at them.

    Parameters
    ----------
    layers : sequence of Layer
    rates : dict of str to array_like, optional
        As `rates.neuron_rates` takes them. ``Network.rates`` has them in `UNIT`.
    """

    def __init__(self, layers: Sequence[Layer], rates: Rates | None = None):
        self.layers = tuple(layers)
        self.rates = {n: np.round(r / UNIT) for n, r in neuron_rates(layers, rates).items()}
        self.outputs: dict[str, list[tuple[Layer, Projection]]] = {
            layer.name: [] for layer in layers
        }
        for layer in layers:
            for projection in layer.inputs:
                if not projection.on_host:
                    self.outputs[projection.source].append((layer, projection))


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What a layer receives and sends, by chip, whatever its own blocks are.

    Attributes
    ----------
    layer : Layer
    incoming : list of ((Axis, Axis), (n_chips, rows + 1, columns + 1) array)
        Per projection spikes of the source's pixels, by the chip that they come from, summed from
        the first row and column on. Pixels that reach nothing count nothing.
    outgoing : (n_chips, rows + 1, columns + 1, channels + 1) array
        Messages of the layer's neurons to each chip, summed from the first row, column and
        channel on.

    Both in `UNIT` per step.
    """

    layer: Layer
    incoming: list[tuple[tuple[Axis, Axis], np.ndarray]]
    outgoing: np.ndarray

    def kept(self, shape: Shape) -> tuple[float, np.ndarray]:
        """Messages that stay on a chip, for each block and chip it may be on.

        Returns
        -------
        total : float
            Messages into and out of the layer, cut like this.
        kept : (n_chips, row runs, column runs, channel runs) array
        """
        ends = [
            np.minimum(np.arange(0, length + size, size), length)
            for length, size in zip(self.layer.shape, shape)
        ]
        corners = self.outgoing[:, ends[0][:, None, None], ends[1][:, None], ends[2]]
        kept = np.diff(np.diff(np.diff(corners, axis=1), axis=2), axis=3)
        total = float(self.outgoing[:, -1, -1, -1].sum())
        for (rows, columns), sums in self.incoming:
            (top, bottom), (left, right) = senders(rows, shape[0]), senders(columns, shape[1])
            arriving = (sums[:, bottom[:, None], right] - sums[:, top[:, None], right]) - (
                sums[:, bottom[:, None], left] - sums[:, top[:, None], left]
            )
            kept = kept + arriving[..., None]
            total += float(arriving.sum()) * kept.shape[3]
        return total, kept


@lru_cache(maxsize=16384)
def senders(axis: Axis, size: int) -> tuple[np.ndarray, np.ndarray]:
    """First source position that reaches each run of ``size`` outputs, and the one after the last.

    Positions between them that reach no output at all are included.
    """
    reached = reach(axis, size) > 0
    first, last = reached.argmax(axis=1), reached.shape[1] - reached[:, ::-1].argmax(axis=1)
    return first, np.where(reached.any(axis=1), last, first)


def surroundings(network: Network, layer: Layer, plan: Plan, n_chips: int) -> Surroundings:
    """A layer's surroundings in a plan."""
    neurons = {
        p.source: _of_neurons(plan.chips[p.source], plan.shapes[p.source], p.source_shape)
        for p in layer.inputs
        if not p.on_host
    }
    to_chip = np.zeros((n_chips, *layer.shape[:2]))
    for target, projection in network.outputs[layer.name]:
        rows, columns = (
            reach(axis, size)
            for axis, size in zip(axes_of(target, projection), plan.shapes[target.name])
        )
        for chip in range(n_chips):
            n_runs = (plan.chips[target.name] == chip).sum(axis=2)
            to_chip[chip] += rows.T @ n_runs @ columns
    return _surroundings(network, layer, neurons, to_chip, n_chips)


def ideal_surroundings(
    network: Network, layer: Layer, neurons: Mapping[str, np.ndarray], n_chips: int
) -> Surroundings:
    """A layer's surroundings when every other neuron is on a given chip, in blocks that fit.

    Parameters
    ----------
    network : Network
    layer : Layer
    neurons : dict of str to (rows, columns, channels) int array
        Chip of every neuron by layer.
    n_chips : int
    """
    to_chip = np.zeros((n_chips, *layer.shape[:2]))
    for target, projection in network.outputs[layer.name]:
        rows, columns = (reach(axis, 1) for axis in axes_of(target, projection))
        for chip in range(n_chips):
            there = (neurons[target.name] == chip).any(axis=2)
            to_chip[chip] += (rows.T @ there @ columns) > 0
    return _surroundings(network, layer, neurons, to_chip, n_chips)


def _surroundings(
    network: Network,
    layer: Layer,
    neurons: Mapping[str, np.ndarray],
    to_chip: np.ndarray,
    n_chips: int,
) -> Surroundings:
    incoming = []
    for projection in layer.inputs:
        if projection.on_host:
            continue
        rates, chips = network.rates[projection.source], neurons[projection.source]
        axes = axes_of(layer, projection)
        rows, columns = ([len(taps) > 0 for taps in axis.taps] for axis in axes)
        used = np.outer(rows, columns)
        sums = np.zeros((n_chips, *(n + 1 for n in used.shape)))
        for chip in range(n_chips):
            sums[chip, 1:, 1:] = (rates * (chips == chip)).sum(axis=2) * used
        incoming.append((axes, sums.cumsum(axis=1).cumsum(axis=2)))
    outgoing = np.zeros((n_chips, *(n + 1 for n in layer.shape)))
    if network.outputs[layer.name]:
        messages = network.rates[layer.name] * to_chip[..., None]
        outgoing[:, 1:, 1:, 1:] = messages.cumsum(axis=1).cumsum(axis=2).cumsum(axis=3)
    return Surroundings(layer, incoming, outgoing)


def _of_neurons(chips: np.ndarray, block_shape: Shape, layer_shape: Shape) -> np.ndarray:
    """Chip of every neuron from the chip of every block."""
    runs = [np.arange(length) // size for length, size in zip(layer_shape, block_shape)]
    return chips[np.ix_(*runs)]


def best_chips(kept: np.ndarray, free: np.ndarray) -> np.ndarray | None:
    """Chip of every block, so that most messages stay on a chip.

    Exact where no chip runs full, and for two chips; else blocks that lose most by the next best
    chip go first.

    Parameters
    ----------
    kept : (n_chips, ...) array
    free : (n_chips,) int array
        Cores that are left.

    Returns
    -------
    int64 array of the shape of a row of ``kept``, or None if there are too few cores
    """
    shape = kept.shape[1:]
    kept = kept.reshape(len(kept), -1)
    n_blocks = kept.shape[1]
    if n_blocks > free.sum() or free.min() < 0:
        return None
    chips = kept.argmax(axis=0)
    if np.any(np.bincount(chips, minlength=len(free)) > free):
        chips = _squeezed(kept, free)
    return chips.reshape(shape)


def _squeezed(kept: np.ndarray, free: np.ndarray) -> np.ndarray:
    n_blocks = kept.shape[1]
    if len(free) == 2:
        gain = kept[0] - kept[1]
        n_first = np.clip((gain > 0).sum(), n_blocks - free[1], free[0])
        chips = np.ones(n_blocks, dtype=np.int64)
        chips[np.argsort(-gain, kind="stable")[:n_first]] = 0
        return chips
    ordered = np.sort(kept, axis=0)
    free = free.copy()
    chips = np.empty(n_blocks, dtype=np.int64)
    for block in np.argsort(ordered[-2] - ordered[-1], kind="stable"):
        chip = int(np.argmax(np.where(free > 0, kept[:, block], -np.inf)))
        chips[block] = chip
        free[chip] -= 1
    return chips
