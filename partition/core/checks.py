"""Second opinions: walk over a result again, by other means than those that made it."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from partition.core.claims import AssignmentClaims, PlacementClaims, TilingClaims
from partition.core.errors import PartitionError
from partition.core.layers import Layer, Projection, Shape
from partition.core.limits import CORES_PER_CHIP, LOIHI1, CoreLimits

if TYPE_CHECKING:
    import networkx as nx  # takes a moment to load

Chips = Sequence[int] | Mapping[int, int] | np.ndarray
"""Chip per block."""

_Block = tuple[range, range, range]
_Counts = dict[tuple[int, int], dict[tuple[bool, range], int]]
"""Axons by source pixel: whether dense, and of which of the source's channels."""

_Key = TypeVar("_Key")


def message_count(graph: "nx.DiGraph", chip_of_block: Chips) -> float:
    """Messages per step between chips, summed edge by edge.

    Parameters
    ----------
    graph : networkx.DiGraph
        Edge attribute ``weight`` in messages per step.
    chip_of_block : sequence or mapping
        Chip per block.
    """
    total = 0.0
    for source, target, weight in graph.edges(data="weight"):
        if chip_of_block[source] != chip_of_block[target]:
            total += weight
    return total


def check_assignment(
    graph: "nx.DiGraph",
    assignment: AssignmentClaims,
    n_chips: int,
    *,
    cores_per_chip: int = CORES_PER_CHIP,
) -> None:
    """Check an assignment against its graph.

    Raises
    ------
    PartitionError
        Listing everything that is wrong: blocks without a chip, chips that do not exist, are
        empty or hold too many blocks, messages or link loads that a recount does not confirm.
    """
    chips = assignment.chip_of_block
    n_blocks = graph.number_of_nodes()
    if len(chips) != n_blocks:
        raise PartitionError(f"{len(chips)} blocks have a chip, the graph has {n_blocks}")
    problems = []
    for chip in sorted(set(chips)):
        if not 0 <= chip < n_chips:
            problems.append(f"chip {chip} does not exist, there are {n_chips}")
        held = sum(other == chip for other in chips)
        if held > cores_per_chip:
            problems.append(f"chip {chip} holds {held} blocks, the limit is {cores_per_chip}")
    n_used = len(set(chips))
    if set(chips) != set(range(n_used)):
        problems.append(f"chips {sorted(set(chips))} are not numbered without gaps")
    if assignment.n_chips_used != n_used:
        problems.append(f"n_chips_used is {assignment.n_chips_used}, blocks use {n_used}")
    loads: dict[tuple[int, int], float] = {}
    for source, target, weight in graph.edges(data="weight"):
        link = (chips[source], chips[target])
        if link[0] != link[1] and weight:
            loads[link] = loads.get(link, 0.0) + weight
    for link in sorted(set(loads) | set(assignment.link_loads)):
        stated, counted = assignment.link_loads.get(link, 0.0), loads.get(link, 0.0)
        if not _close(stated, counted):
            problems.append(f"link {link} carries {counted} messages per step, not {stated}")
    counted = message_count(graph, chips)
    if not _close(assignment.messages, counted):
        problems.append(f"{counted} messages per step cross, not {assignment.messages}")
    if problems:
        raise PartitionError("; ".join(problems), problems)


def _close(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-9 * max(abs(a), abs(b), 1.0)


def check_placement(
    graph: "nx.DiGraph", chip_of_block: Sequence[int], placement: PlacementClaims
) -> None:
    """Check a placement by sending every edge's messages over tiles and chips, link by link.

    Raises
    ------
    PartitionError
        Listing everything that is wrong: blocks that share a core or leave one empty below them,
        chips that share a place, counts of messages and hops and loads of links that a recount
        does not confirm.
    """
    n_blocks, cores = graph.number_of_nodes(), placement.core_of_block
    if not len(cores) == len(chip_of_block) == n_blocks:
        raise PartitionError(f"{len(cores)} blocks have a core, the graph has {n_blocks}")
    problems = []
    for chip in sorted(set(chip_of_block)):
        used = sorted(core for core, other in zip(cores, chip_of_block) if other == chip)
        if used != list(range(len(used))) or len(used) > CORES_PER_CHIP:
            problems.append(f"chip {chip}: cores {used} are not the first {len(used)} of a chip")
    places, columns = placement.place_of_chip, placement.board.columns
    if len(set(places)) < len(places) or not set(places) <= set(range(placement.board.n_places)):
        problems.append(f"places {places} of the chips are not places of their own on the board")
    if problems:
        raise PartitionError("; ".join(problems), problems)
    messages = local = hops = board_hops = 0.0
    tile_links: dict[tuple[int, tuple[int, int]], float] = {}
    board_links: dict[tuple[int, int], float] = {}
    for source, target, weight in graph.edges(data="weight"):
        a, b = chip_of_block[source], chip_of_block[target]
        if source == target:
            continue
        if a == b:
            local += weight
            # A chip has rows of eight tiles with four cores each.
            links = _walk(cores[source] // 4, cores[target] // 4, 8)
            hops += weight * len(links)
            _add(tile_links, ((a, link) for link in links), weight)
        else:
            messages += weight
            links = _walk(places[a], places[b], columns)
            board_hops += weight * len(links)
            _add(board_links, links, weight)
    for link in sorted(set(board_links) | set(placement.link_loads)):
        stated, counted = placement.link_loads.get(link, 0.0), board_links.get(link, 0.0)
        if not _close(stated, counted):
            problems.append(f"link {link} carries {counted} messages per step, not {stated}")
    counts = {
        "messages": messages,
        "local_messages": local,
        "hops": hops,
        "board_hops": board_hops,
        "max_tile_link_load": max(tile_links.values(), default=0.0),
    }
    for name, counted in counts.items():
        if not _close(getattr(placement, name), counted):
            problems.append(f"{name} is {counted}, not {getattr(placement, name)}")
    if problems:
        raise PartitionError("; ".join(problems), problems)


def _walk(source: int, target: int, columns: int) -> list[tuple[int, int]]:
    """Links between neighbouring places: columns are crossed first, then rows."""
    row, column = divmod(source, columns)
    end_row, end_column = divmod(target, columns)
    visited = [source]
    while column != end_column:
        column += 1 if end_column > column else -1
        visited.append(row * columns + column)
    while row != end_row:
        row += 1 if end_row > row else -1
        visited.append(row * columns + column)
    return list(pairwise(visited))


def _add(loads: dict[_Key, float], links: Iterable[_Key], weight: float) -> None:
    for link in links:
        loads[link] = loads.get(link, 0.0) + weight


def check_tiling(
    layers: Sequence[Layer],
    tiling: TilingClaims,
    *,
    limits: CoreLimits = LOIHI1,
    pop_type: int = 32,
) -> None:
    """Check block shapes by walking over every block and every source pixel.

    Counts compartments, input axons and output axon slots one by one, from the definition of a
    convolution, and compares the worst block of each layer with the tiling and the limits.
    Synapse memory is only compared with its limit.

    Raises
    ------
    PartitionError
        Listing every difference and every limit exceeded.
    """
    problems = []
    outgoing: dict[str, _Counts] = {layer.name: {} for layer in layers}
    rows = {row.layer: row for row in tiling.usage}
    for layer in layers:
        row = rows[layer.name]
        if row.shape != tiling.shapes[layer.name]:
            problems.append(f"layer {layer.name}: two shapes, {row.shape} and another")
        blocks = _blocks(layer.shape, row.shape)
        n_in = _count_axons(layer, blocks, outgoing)
        size = max(len(_pixels(block)) * len(block[2]) for block in blocks)
        problems += _compare(layer, "in_axons", row.in_axons, n_in, limits.in_axons)
        problems += _compare(layer, "compartments", row.compartments, size, limits.compartments)
        problems += _compare(
            layer, "synapse_bits", row.synapse_bits, row.synapse_bits, limits.synapse_bits
        )
    n_cores = 0
    for layer in layers:
        row, counts = rows[layer.name], outgoing[layer.name]
        blocks = _blocks(layer.shape, row.shape)
        n_cores += len(blocks)
        slots = max(_slots(block, counts, 2 if pop_type == 32 else 1) for block in blocks)
        problems += _compare(
            layer, "out_axon_slots", row.out_axon_slots, slots, limits.out_axon_slots
        )
    if n_cores != tiling.n_cores:
        problems.append(f"{n_cores} blocks, the tiling says {tiling.n_cores}")
    if problems:
        raise PartitionError("; ".join(problems), problems)


def _count_axons(layer: Layer, blocks: list[_Block], outgoing: dict[str, _Counts]) -> int:
    """Input axons of the worst block; adds each to its source pixel's count in ``outgoing``,
    dense ones apart."""
    worst = 0
    for block in blocks:
        n_in = 0
        for projection in layer.inputs:
            whole = len(blocks) == 1 and not layer.used_axons
            pixels = _sources(layer, projection, block, whole)
            n_in += len(pixels) * (projection.source_shape[2] if projection.dense else 1)
            if not projection.on_host:
                counts = outgoing[projection.source]
                key = projection.dense, _channels_heard(layer, projection, block[2])
                for pixel in pixels:
                    own = counts.setdefault(pixel, {})
                    own[key] = own.get(key, 0) + 1
        worst = max(worst, n_in)
    return worst


def _slots(block: _Block, counts: _Counts, pixel_slots: int) -> int:
    """Output axon slots: one axon for all channels of a pixel, or one for each neuron if dense."""
    total = 0
    for pixel in _pixels(block):
        for (dense, channels), n in counts.get(pixel, {}).items():
            if max(channels.start, block[2].start) < min(channels.stop, block[2].stop):
                total += n * (len(block[2]) if dense else pixel_slots)
    return total


def _channels_heard(layer: Layer, projection: Projection, channels: range) -> range:
    """Channels of a source that a run of the layer's channels hears."""
    if not projection.depthwise:
        return range(projection.source_shape[2])
    each = layer.shape[2] // projection.n_atoms
    heard = [channel // each for channel in channels]
    return range(min(heard) * projection.levels, (max(heard) + 1) * projection.levels)


def _compare(layer: Layer, name: str, stated: int, counted: int, limit: int) -> list[str]:
    problems = []
    if stated != counted:
        problems.append(f"layer {layer.name}: {name} is {counted}, not {stated}")
    if counted > limit:
        problems.append(f"layer {layer.name}: {name} is {counted}, the limit is {limit}")
    return problems


def _blocks(shape: Shape, block_shape: Shape) -> list[_Block]:
    """(rows, columns, channels) ranges of every block."""
    cuts = [
        [range(start, min(start + size, length)) for start in range(0, length, size)]
        for length, size in zip(shape, block_shape)
    ]
    return [(r, c, k) for r in cuts[0] for c in cuts[1] for k in cuts[2]]


def _pixels(block: _Block) -> list[tuple[int, int]]:
    return [(row, column) for row in block[0] for column in block[1]]


def _sources(
    layer: Layer, projection: Projection, block: _Block, whole: bool
) -> set[tuple[int, int]]:
    """Source pixels with a weight into a block, found from the outputs backwards."""
    height, width = projection.source_shape[:2]
    if whole:
        return {(row, column) for row in range(height) for column in range(width)}
    if projection.links is not None:
        atoms = zip(projection.links.sources.tolist(), projection.links.targets.tolist())
        neurons = {
            (row * layer.shape[1] + column) * layer.shape[2] + channel
            for row, column in _pixels(block)
            for channel in block[2]
        }
        pixels = {atom // projection.n_atoms for atom, neuron in atoms if neuron in neurons}
        return {divmod(pixel, width) for pixel in pixels}
    rows, columns = (
        {source for target in block[axis] for source in _receptive(layer, projection, axis, target)}
        for axis in (0, 1)
    )
    return {(row, column) for row in rows for column in columns}


def _receptive(layer: Layer, projection: Projection, axis: int, target: int) -> list[int]:
    """Source positions along an axis that an output position sees."""
    n_sources, n_targets = projection.source_shape[axis], layer.shape[axis]
    kernel, stride = projection.kernel[axis], projection.strides[axis]
    same = projection.padding == "same"
    if projection.pads is not None:
        start, reach = projection.pads[axis][0], range(n_sources)
        if projection.transposed:
            return [s for s in reach if 0 <= target + start - s * stride < kernel]
        return [s for s in reach if 0 <= s + start - target * stride < kernel]
    if projection.transposed:
        # The padding of nengo-loihi's ``conv2d_loihi_weights``, which cuts from the full output.
        full = (n_sources - 1) * stride + 1
        total = min(max(n_targets + kernel - 1 - full, 0), 2 * (kernel - 1))
        before = total // 2 if same else 0
        starts = ((source, source * stride - before) for source in range(n_sources))
        return [source for source, start in starts if start <= target < start + kernel]
    before = max((n_targets - 1) * stride + kernel - n_sources, 0) // 2 if same else 0
    first = target * stride - before
    return [source for source in range(first, first + kernel) if 0 <= source < n_sources]
