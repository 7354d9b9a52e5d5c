"""What a block of a convolutional layer takes of its core, without building it.

The counts follow what nengo-loihi 1.1 builds from ``nengo.Convolution`` and
``nengo.ConvolutionTranspose`` (``channels_last=True``): ``conv.conv2d_loihi_weights`` makes one
axon per source pixel and shares weights between pixels, ``builder.split_blocks`` cuts both. A
``nengo.Dense`` has one axon per source neuron (``builder.connection.build_full_chip_connection``).
Everything is a product of a row part and a column part, so each axis is analysed on its own.

Weights are shared where they are equal *by value*. The counts take all weights of a kernel as
different; a kernel with repeated values can need less synapse memory, never more.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from math import ceil, log2

import numpy as np

from partition.core.axes import Run, axes_of, channel_runs_reached, runs, runs_reached
from partition.core.layers import Layer, Projection, Shape, Target
from partition.core.limits import COMPARTMENT_BASE_LIMIT
from partition.core.links import atoms_reaching, reach_of

WEIGHT_BITS = 8
"""Bits of one weight in memory (nengo_loihi ``Synapse._set_weights_indices``)."""

INDEX_BITS = (0, 6, 7, 8, 9, 10, 11, 12)
"""Bits a compartment index may have (nengo_loihi ``SynapseConfig.INDEX_BITS_MAP``)."""

ENTRY_HEADER_BITS = 4 + 6
"""Bits before the weights of a memory entry (nengo_loihi ``SynapseConfig.bits_per_axon``)."""

ENTRY_WEIGHTS = 64
"""Most weights in one memory entry (``n_synapses=63`` in nengo_loihi, plus one)."""

WORD_BITS = 64
"""Memory entries are rounded up to words of this size."""


def is_split(layer_shape: Shape, block_shape: Shape) -> bool:
    """Whether a layer takes more than one block of this shape."""
    return any(size > block for size, block in zip(layer_shape, block_shape))


def drops_unused(layer: Layer, block_shape: Shape) -> bool:
    """Whether blocks have no axons for source pixels that do not reach them."""
    return layer.used_axons or is_split(layer.shape, block_shape)


def n_blocks(layer_shape: Shape, block_shape: Shape) -> int:
    """Blocks, and so cores, of a layer."""
    count = 1
    for size, block in zip(layer_shape, block_shape):
        count *= -(-size // block)
    return count


def in_axons(layer: Layer, block_shape: Shape) -> int:
    """Input axons of the layer's worst block.

    A layer in one block keeps an axon for every source pixel, used or not.
    """
    total = np.zeros((1, 1), int)
    split = drops_unused(layer, block_shape)
    for projection in layer.inputs:
        if split and projection.links is not None:
            found = reach_of(projection.links, projection.n_atoms, layer.shape, block_shape)
            runs_of = [-(-n // size) for n, size in zip(layer.shape, block_shape)]
            # Of blocks that lie behind each other along the channels, the one with the most.
            total = total + found.pixels_per_block.reshape(runs_of).max(axis=2)
            continue
        if split:
            axes = axes_of(layer, projection)
            rows, columns = ([len(run) for run in runs(a, n)] for a, n in zip(axes, block_shape))
        else:
            rows, columns = ([n] for n in projection.source_shape[:2])
        total = total + np.outer(rows, columns) * _axons_per_pixel(projection)
    return int(total.max(initial=0))


def _axons_per_pixel(projection: Projection) -> int:
    """The channels of a pixel share an axon; without shared weights they do not."""
    return projection.source_shape[2] if projection.dense else 1


def messages_in(
    layer: Layer, block_shape: Shape, rates: Mapping[str, np.ndarray] | None = None
) -> float:
    """Messages per step into the layer: one per spike of a source neuron and block it reaches.

    Parameters
    ----------
    layer : Layer
    block_shape : (int, int, int)
    rates : dict of str to (rows, columns) array, optional
        As from `rates.pixel_rates`; without it every source neuron spikes once per step.

    Returns
    -------
    int or float
        A float with rates.
    """
    total: float = 0
    for projection in layer.inputs:
        if projection.links is not None:
            total += _link_messages(layer, projection, block_shape, rates)
            continue
        rows, columns = (
            runs_reached(axis, size) for axis, size in zip(axes_of(layer, projection), block_shape)
        )
        channel_runs = channel_runs_reached(layer, projection, block_shape[2])
        if rates is None:
            total += int(rows.sum() * columns.sum()) * int(channel_runs.sum())
        else:
            # Of a pixel only the sum is known: its channels count alike.
            runs_each = float(channel_runs.mean())
            total += float(rows @ rates[projection.source] @ columns) * runs_each
    return total


def _link_messages(
    layer: Layer,
    projection: Projection,
    block_shape: Shape,
    rates: Mapping[str, np.ndarray] | None,
) -> float:
    """Messages per step of links; with rates the atoms of a pixel count alike."""
    assert projection.links is not None
    _, atoms, _ = atoms_reaching(projection.links, layer.shape, block_shape)
    if rates is None:
        return len(atoms) * projection.levels
    n_atoms = projection.n_atoms
    per_pixel = np.bincount(atoms // n_atoms, minlength=projection.links.n_sources // n_atoms)
    return float(per_pixel @ rates[projection.source].ravel()) / n_atoms


def out_axon_slots(
    layer_shape: Shape, block_shape: Shape, targets: Sequence[Target], pop_type: int = 32
) -> int:
    """Output axon slots of the worst block of a source layer.

    Parameters
    ----------
    layer_shape, block_shape : (int, int, int)
        Of the source.
    targets : sequence of (Layer, Projection, (int, int, int))
        Target layer, the projection from this source, and the target's block shape.
    pop_type : {16, 32}
    """
    if not targets:
        return 0
    row_starts = np.arange(0, layer_shape[0], block_shape[0])
    column_starts = np.arange(0, layer_shape[1], block_shape[1])
    pixel_slots = 2 if pop_type == 32 else 1
    total = np.zeros((1, 1), int)
    for layer, projection, target_shape in targets:
        if projection.links is not None:
            per_pixel = pixel_slots * _blocks_of_pixels(layer, projection, target_shape)
            total = total + np.add.reduceat(
                np.add.reduceat(per_pixel, row_starts, axis=0), column_starts, axis=1
            )
            continue
        if drops_unused(layer, target_shape):
            rows, columns = axes_of(layer, projection)
            per_row = runs_reached(rows, target_shape[0])
            per_column = runs_reached(columns, target_shape[1])
        else:
            per_row, per_column = np.ones(layer_shape[0], int), np.ones(layer_shape[1], int)
        channel_runs = _runs_of_a_block(layer, projection, target_shape[2], block_shape[2])
        # The channels of a pixel share an axon, unless every neuron has (discrete) ones of its own.
        slots = min(block_shape[2], layer_shape[2]) if projection.dense else pixel_slots
        total = total + slots * channel_runs * np.outer(
            np.add.reduceat(per_row, row_starts), np.add.reduceat(per_column, column_starts)
        )
    return int(total.max())


def _blocks_of_pixels(layer: Layer, projection: Projection, target_shape: Shape) -> np.ndarray:
    """Blocks of a layer that each source pixel reaches by links, (rows, columns) int64.

    Counted as if all atoms of a pixel lay in one block of the source: else there are fewer. A layer
    in one block keeps an axon for every pixel.
    """
    assert projection.links is not None
    rows, columns, _ = projection.source_shape
    if not drops_unused(layer, target_shape):
        return np.ones((rows, columns), np.int64)
    found = reach_of(projection.links, projection.n_atoms, layer.shape, target_shape)
    return found.blocks_per_pixel.reshape(rows, columns)


def _runs_of_a_block(layer: Layer, projection: Projection, size: int, source_size: int) -> int:
    """Most runs of ``size`` channels that a run of ``source_size`` source channels reaches."""
    if not projection.depthwise:
        return -(-layer.shape[2] // size)
    each = layer.shape[2] // projection.n_atoms
    starts = np.arange(0, projection.source_shape[2], source_size)
    ends = np.minimum(starts + source_size, projection.source_shape[2]) - 1
    first = starts // projection.levels * each
    last = ends // projection.levels * each + each - 1
    return int((last // size - first // size + 1).max())


def synapse_bits(layer: Layer, block_shape: Shape, stop: int | None = None) -> int:
    """Synapse memory, in bits, of the layer's worst block.

    With ``stop``, of any block that needs more than that, where there is one.
    """
    linked = sum(_link_bits(layer, p, block_shape) for p in layer.inputs if p.links is not None)
    if stop is not None and linked > stop:
        return linked
    inputs = [projection for projection in layer.inputs if projection.links is None]
    stop = None if stop is None else stop - linked
    return linked + _kernel_bits(replace(layer, inputs=tuple(inputs)), block_shape, stop)


def _link_bits(layer: Layer, projection: Projection, block_shape: Shape) -> int:
    """Synapse memory of links in the block that needs most; equal weights are not shared."""
    assert projection.links is not None
    found = reach_of(projection.links, projection.n_atoms, layer.shape, block_shape)
    size = int(np.prod(np.minimum(block_shape, layer.shape)))
    widths, place = np.unique(found.widths, return_inverse=True)
    bits = [entry_bits(int(n) * projection.n_atoms, _index_bits(size - 1)) for n in widths]
    per_block = np.bincount(found.blocks, weights=np.array(bits)[place] if bits else None)
    return int(per_block.max(initial=0))


def _kernel_bits(layer: Layer, block_shape: Shape, stop: int | None) -> int:
    """Synapse memory of all that kernels describe."""
    channels = _channel_kinds(layer, block_shape[2])
    axes = [axes_of(layer, projection) for projection in layer.inputs]
    columns = layer.shape[1]
    widths = [min(block_shape[1], columns - start) for start in range(0, columns, block_shape[1])]
    # Most blocks see the same pattern: count each pattern once.
    row_kinds = set(zip(*(runs(a[0], block_shape[0]) for a in axes)))
    column_kinds = set(zip(widths, zip(*(runs(a[1], block_shape[1]) for a in axes))))
    worst = 0
    for row_kind in sorted(row_kinds, key=_n_sources, reverse=True):
        for width, column_kind in sorted(
            column_kinds, key=lambda kind: _n_sources(kind[1]), reverse=True
        ):
            for n_channels, weights in channels:
                bits = sum(
                    dense_bits(p, n_channels)
                    if p.dense
                    else projection_bits(r, c, width, n_channels, *heard)
                    for r, c, p, heard in zip(row_kind, column_kind, layer.inputs, weights)
                )
                worst = max(worst, bits)
                if stop is not None and worst > stop:
                    return worst
    return worst


def _channel_kinds(layer: Layer, size: int) -> set[tuple[int, tuple[tuple[int, int], ...]]]:
    """Kinds of runs of channels: how many they are, and of each input what `_heard` says."""
    total = layer.shape[2]
    if not any(projection.depthwise for projection in layer.inputs):
        sizes = {min(size, total), total % size} - {0}
        return {(n, tuple((p.n_atoms, n) for p in layer.inputs)) for n in sizes}
    parts = [range(start, min(start + size, total)) for start in range(0, total, size)]
    return {(len(part), tuple(_heard(layer, p, part) for p in layer.inputs)) for part in parts}


def _heard(layer: Layer, projection: Projection, part: range) -> tuple[int, int]:
    """Atoms that a run of channels hears, and the most channels of it that hear one of them."""
    if not projection.depthwise:
        return projection.n_atoms, len(part)
    each = layer.shape[2] // projection.n_atoms
    first, last = part.start // each, (part.stop - 1) // each
    ends = [
        min(atom * each + each, part.stop) - max(atom * each, part.start)
        for atom in (first, min(first + 1, last), last)
    ]
    return last - first + 1, max(ends)


def _n_sources(kinds: Iterable[Run]) -> int:
    return sum(len(entries) for entries in kinds)


@lru_cache(maxsize=65536)
def projection_bits(
    rows: Run,
    columns: Run,
    width: int,
    n_channels: int,
    n_source_channels: int,
    n_heard: int | None = None,
) -> int:
    """Synapse memory in bits of one projection into one block.

    Parameters
    ----------
    rows, columns : tuple of (first, taps)
        As from `reached`.
    width, n_channels : int
        Columns and channels of the block.
    n_source_channels : int
        That the weights tell apart.
    n_heard : int, optional
        Channels of the block at a pixel that hear one source channel; all by default.
    """
    if not rows or not columns:
        return 0
    row_first, row_kind, row_taps = _axis_arrays(rows)
    column_first, column_kind, column_taps = _axis_arrays(columns)
    first = (row_first[:, None] * width + column_first) * n_channels
    page = first // COMPARTMENT_BASE_LIMIT
    n_column_kinds, n_pages = len(column_taps), int(page.max()) + 1
    key = (row_kind[:, None] * n_column_kinds + column_kind) * n_pages + page
    kinds, page = np.divmod(np.unique(key), n_pages)
    n_rows = row_taps[kinds // n_column_kinds]
    n_columns = column_taps[kinds % n_column_kinds]
    last = ((n_rows - 1) * width + n_columns) * n_channels - 1
    index_bits = _index_bits(int((page * COMPARTMENT_BASE_LIMIT + last).max()))
    sizes, counts = np.unique(n_rows * n_columns, return_counts=True)
    per_weight = n_source_channels * (n_channels if n_heard is None else n_heard)
    return sum(
        int(count) * entry_bits(int(size) * per_weight, index_bits)
        for size, count in zip(sizes, counts)
    )


def dense_bits(projection: Projection, n_targets: int) -> int:
    """Synapse memory in bits of an all-to-all projection: a list per source neuron, no indices."""
    return int(np.prod(projection.source_shape)) * entry_bits(n_targets, 0)


def _axis_arrays(entries: Run) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First outputs, kind of tap run per position, and number of taps per kind."""
    kinds: dict[tuple[int, ...], int] = {}
    kind = [kinds.setdefault(taps, len(kinds)) for _, taps in entries]
    return (
        np.array([first for first, _ in entries]),
        np.array(kind),
        np.array([len(taps) for taps in kinds]),
    )


def _index_bits(largest_index: int) -> int:
    needed = ceil(log2(largest_index + 1))
    return next(bits for bits in INDEX_BITS if bits >= needed)


def entry_bits(n_weights: int, index_bits: int) -> int:
    """Memory of one shared set of weights, in bits (nengo_loihi ``bits_per_axon``)."""
    per_weight = WEIGHT_BITS + index_bits

    def rounded(n: int) -> int:
        return -(-(n * per_weight + ENTRY_HEADER_BITS) // WORD_BITS) * WORD_BITS

    full, rest = divmod(n_weights, ENTRY_WEIGHTS)
    return full * rounded(ENTRY_WEIGHTS) + (rounded(rest) if rest else 0)
