"""Block shapes a layer could take, and whether they fit a core."""

from collections.abc import Iterator, Mapping, Sequence
from math import prod

import numpy as np

from partition.core.axes import axes_of, channel_runs_reached, hears_all_taps, runs_reached
from partition.core.errors import DoesNotFitError
from partition.core.footprint import in_axons, out_axon_slots, synapse_bits
from partition.core.layers import Layer, Projection, Shape, Target, as_shape
from partition.core.limits import LOIHI1, CoreLimits
from partition.core.links import runs_reached_by_pixel
from partition.core.rates import PixelRates
from partition.core.rules import BlockNeeds, block_needs, violations

Candidate = tuple[int, float, Shape]
"""Cores and messages of a layer cut into blocks of a shape."""


def candidate_shapes(
    layer: Layer, limits: CoreLimits = LOIHI1, rates: PixelRates | None = None
) -> list[Candidate]:
    """Every block shape that a core's compartments allow, best first.

    Parameters
    ----------
    layer : Layer
    limits : CoreLimits
    rates : dict of str to (rows, columns) array, optional
        As from `rates.pixel_rates`.

    Returns
    -------
    list of (cores, messages, shape)
        Sorted by cores, then messages, then rows plus columns (compact blocks have fewer
        neighbours), then compartments per block.
    """
    rows, columns, channels = layer.shape
    # Runs of channels only matter by their number: take the smallest run of each number.
    runs_of_channels = sorted({-(-channels // n) for n in range(1, channels + 1)})
    r, c, k = (
        a.ravel()
        for a in np.meshgrid(
            np.arange(1, rows + 1), np.arange(1, columns + 1), runs_of_channels, indexing="ij"
        )
    )
    keep = r * c * k <= limits.compartments
    if layer.whole_kernels:
        keep &= np.isin(r, _whole(layer, 0)) & np.isin(c, _whole(layer, 1))
    r, c, k = r[keep], c[keep], k[keep]
    cores = -(-rows // r) * -(-columns // c) * -(-channels // k)
    messages = np.zeros(len(r))
    for projection in layer.inputs:
        runs_reached_by_size = np.zeros(channels + 1)
        for size in runs_of_channels:
            reached = channel_runs_reached(layer, projection, size)
            runs_reached_by_size[size] = reached.mean()
        by_size = _messages_by_size(layer, projection, rates)
        messages += by_size[r - 1, c - 1] * runs_reached_by_size[k]
    # Rounded, so that sums taken in another order do not change the choice.
    order = np.lexsort((k, c, r, r * c * k, r + c, messages.round(9), cores))
    return [(int(cores[i]), float(messages[i]), (int(r[i]), int(c[i]), int(k[i]))) for i in order]


def _whole(layer: Layer, axis: int) -> list[int]:
    """Lengths of blocks that hear through whole kernels along an axis."""
    axes = [axes_of(layer, projection)[axis] for projection in layer.inputs]
    sizes = range(1, layer.shape[axis] + 1)
    return [size for size in sizes if all(hears_all_taps(one, size) for one in axes)]


def _messages_by_size(layer: Layer, projection: Projection, rates: PixelRates | None) -> np.ndarray:
    """Messages per step and channel run by rows and columns of a block: (rows, columns) array."""
    if projection.links is not None:
        return _link_messages_by_size(layer, projection, rates)
    by_row, by_column = (
        np.stack([runs_reached(axis, size) for size in range(1, axis.n_targets + 1)])
        for axis in axes_of(layer, projection)
    )
    if rates is None:
        return projection.source_shape[2] * np.outer(by_row.sum(axis=1), by_column.sum(axis=1))
    return by_row @ rates[projection.source] @ by_column.T


def _link_messages_by_size(
    layer: Layer, projection: Projection, rates: PixelRates | None
) -> np.ndarray:
    """The same of links, as if a pixel reached all blocks of its runs of rows and of columns."""
    assert projection.links is not None
    by_row, by_column = (
        runs_reached_by_pixel(
            projection.links, projection.n_atoms, layer.shape, axis, range(1, layer.shape[axis] + 1)
        )
        for axis in (0, 1)
    )
    if rates is None:
        return projection.source_shape[2] * (by_row @ by_column.T)
    return (by_row * rates[projection.source].ravel()) @ by_column.T


def targets_of(layer: Layer, layers: Sequence[Layer], shapes: Mapping[str, Shape]) -> list[Target]:
    """Layers this one projects to: (Layer, Projection, block shape) per projection."""
    return [
        (target, projection, as_shape(shapes[target.name]))
        for target in layers
        for projection in target.inputs
        if projection.source == layer.name and not projection.on_host
    ]


class Candidates:
    """The block shapes of one network's layers; remembers what was already worked out.

    Parameters
    ----------
    layers : sequence of Layer
    limits : CoreLimits
    pop_type : {32, 16}
    rates : dict of str to (rows, columns) array, optional
        As from `rates.pixel_rates`.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        limits: CoreLimits = LOIHI1,
        pop_type: int = 32,
        rates: PixelRates | None = None,
    ):
        self.layers = tuple(layers)
        self.limits = limits
        self.pop_type = pop_type
        self.shapes = {layer.name: candidate_shapes(layer, limits, rates) for layer in layers}
        self._fitting: dict[str, list[Candidate]] = {layer.name: [] for layer in layers}
        self._n_tried = {layer.name: 0 for layer in layers}
        self._fits: dict[tuple[str, Shape], bool] = {}
        self._slots: dict[tuple[object, ...], int] = {}

    def check_feasible(self) -> None:
        """No block needs less than a block of one neuron, so one look per layer decides."""
        found = {layer.name: self.violations(layer, (1, 1, 1), targets=()) for layer in self.layers}
        texts = [text for some in found.values() for text in some]
        if texts:
            names = [name for name, some in found.items() if some]
            raise DoesNotFitError(
                "even blocks of one neuron exceed a core: " + "; ".join(texts), texts, names
            )

    def violations(self, layer: Layer, shape: Shape, targets: Sequence[Target]) -> list[str]:
        """What a block shape breaks, given the layers it projects to; see `rules.violations`."""
        needs = block_needs(layer, shape, targets, self.pop_type)
        return violations(layer, shape, needs, self.limits, self.pop_type)

    def fits(self, layer: Layer, shape: Shape) -> bool:
        """Whether a block fits a core, output axons left aside."""
        key = layer.name, shape
        if key not in self._fits:
            self._fits[key] = self._fits_a_core(layer, shape)
        return self._fits[key]

    def _fits_a_core(self, layer: Layer, shape: Shape) -> bool:
        # Synapses take longest to count, so they come last, and only as far as they may.
        needs = BlockNeeds(min(prod(shape), layer.n_neurons), in_axons(layer, shape), 0, 0)
        if violations(layer, shape, needs, self.limits, self.pop_type):
            return False
        most = self.limits.synapse_bits
        return synapse_bits(layer, shape, stop=most) <= most

    def emits(self, layer: Layer, shape: Shape, targets: Sequence[Target]) -> bool:
        """Whether the output axons of a layer fit; ``targets`` as from `targets_of`."""
        # Channels share the axons of their pixel, so their number only matters where they reach
        # different blocks, and to dense targets.
        apart = any(projection.dense or projection.depthwise for _, projection, _ in targets)
        channels = shape[2] if apart else 0
        key = (layer.name, shape[:2], channels, tuple((t.name, s) for t, _, s in targets))
        if key not in self._slots:
            self._slots[key] = out_axon_slots(layer.shape, shape, targets, self.pop_type)
        return self._slots[key] <= self.limits.out_axon_slots

    def fitting(self, layer: Layer) -> Iterator[Candidate]:
        """Candidates that fit a core, output axons left aside, best first; found on demand."""
        done = self._fitting[layer.name]
        position = 0
        while True:
            if position < len(done):
                yield done[position]
                position += 1
                continue
            if self._n_tried[layer.name] == len(self.shapes[layer.name]):
                return
            candidate = self.shapes[layer.name][self._n_tried[layer.name]]
            self._n_tried[layer.name] += 1
            if self.fits(layer, candidate[2]):
                done.append(candidate)

    def choose(self, layer: Layer, shapes: Mapping[str, Shape]) -> Candidate | None:
        """Best candidate whose output axons fit too, or None."""
        targets = targets_of(layer, self.layers, shapes)
        return next((c for c in self.fitting(layer) if self.emits(layer, c[2], targets)), None)
