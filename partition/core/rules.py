"""Rules a block must meet, one small function each.

A rule takes a layer, a block shape and what the block needs, and returns a sentence fragment
that names value, limit and remedy, or None when the rule is met.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from partition.core.axes import axes_of
from partition.core.footprint import drops_unused, in_axons, out_axon_slots, synapse_bits
from partition.core.layers import Layer, Shape, Target
from partition.core.limits import (
    POP16_BASE_MULTIPLE,
    POP16_IN_AXONS,
    POP16_SOURCE_CHANNELS,
    CoreLimits,
)


@dataclass(frozen=True)
class BlockNeeds:
    """What the worst block of a layer needs of its core (bits for ``synapse_bits``)."""

    compartments: int
    in_axons: int
    out_axon_slots: int
    synapse_bits: int


def block_needs(
    layer: Layer, block_shape: Shape, targets: Sequence[Target] = (), pop_type: int = 32
) -> BlockNeeds:
    """Needs of a layer's worst block; ``targets`` as in `footprint.out_axon_slots`."""
    rows, columns, channels = (min(b, n) for b, n in zip(block_shape, layer.shape))
    return BlockNeeds(
        compartments=rows * columns * channels,
        in_axons=in_axons(layer, block_shape),
        out_axon_slots=out_axon_slots(layer.shape, block_shape, targets, pop_type),
        synapse_bits=synapse_bits(layer, block_shape),
    )


def over_limit(value: int, limit: int, what: str) -> str:
    """Say by how much a value exceeds its limit."""
    return f"{value} {what}, the limit is {limit} (over by {value - limit})"


def above(value: int, limit: int, what: str, remedy: str) -> str | None:
    """Say by how much a value exceeds its limit and what helps; None when it does not."""
    return f"{over_limit(value, limit, what)}: {remedy}" if value > limit else None


def is_dense(layer: Layer) -> bool:
    """Whether a layer has neurons and no pixels: nothing reaches it by a convolution."""
    return all(projection.dense for projection in layer.inputs) and layer.shape[:2] == (1, 1)


def too_many_compartments(
    layer: Layer, shape: Shape, needs: BlockNeeds, limits: CoreLimits, pop_type: int
) -> str | None:
    """Compartments of a core."""
    return above(needs.compartments, limits.compartments, "compartments", "use a smaller block")


def too_many_in_axons(
    layer: Layer, shape: Shape, needs: BlockNeeds, limits: CoreLimits, pop_type: int
) -> str | None:
    """Input axons of a core; a pop16 axon has a shorter identifier."""
    pop16 = pop_type == 16 and not all(projection.dense for projection in layer.inputs)
    limit = min(limits.in_axons, POP16_IN_AXONS) if pop16 else limits.in_axons
    remedy = "use blocks of fewer pixels, a smaller kernel or stride"
    if is_dense(layer):
        remedy = (
            "use fewer neurons in the layers before it, each of which has an axon to every block "
            "of a dense layer"
        )
    return above(needs.in_axons, limit, "in-axons", remedy)


def too_many_out_axon_slots(
    layer: Layer, shape: Shape, needs: BlockNeeds, limits: CoreLimits, pop_type: int
) -> str | None:
    """Output axon slots of a core."""
    remedy = (
        "use blocks of fewer neurons here, or larger blocks in the layers this one projects to"
        if is_dense(layer)
        else "use blocks of fewer pixels here, or larger blocks with more channels in the layers "
        "this one projects to"
    )
    return above(needs.out_axon_slots, limits.out_axon_slots, "out-axon slots", remedy)


def too_many_synapse_bits(
    layer: Layer, shape: Shape, needs: BlockNeeds, limits: CoreLimits, pop_type: int
) -> str | None:
    """Synapse memory of a core."""
    remedy = (
        "use fewer neurons per block, or fewer in the layers before it"
        if is_dense(layer)
        else "use fewer channels per block, fewer source channels or a smaller kernel"
    )
    return above(needs.synapse_bits, limits.synapse_bits, "synapse bits", remedy)


def too_many_synapse_configs(
    layer: Layer, shape: Shape, needs: BlockNeeds, limits: CoreLimits, pop_type: int
) -> str | None:
    """Every input has a synapse format of its own."""
    return above(
        len(layer.inputs),
        limits.synapse_configs,
        "inputs with a synapse format each",
        "join sources before this layer",
    )


def too_many_thresholds(
    layer: Layer, shape: Shape, needs: BlockNeeds, limits: CoreLimits, pop_type: int
) -> str | None:
    """Different thresholds of a core; a hardware build only."""
    value = most_kinds(layer.thresholds, shape[2])
    part = "neurons" if is_dense(layer) else "channels"
    remedy = f"use fewer {part} per block, or fold thresholds into weights and biases"
    return above(value, limits.threshold_configs, "different thresholds", remedy)


def too_many_settings(
    layer: Layer, shape: Shape, needs: BlockNeeds, limits: CoreLimits, pop_type: int
) -> str | None:
    """Different settings of compartments of a core; a hardware build only."""
    value = most_kinds(layer.settings, shape[2])
    part = "neurons" if is_dense(layer) else "channels"
    remedy = f"use fewer {part} per block, or fewer different time constants"
    return above(value, limits.compartment_configs, "different compartment settings", remedy)


def most_kinds(values: Sequence[Hashable], size: int) -> int:
    """Most different values in any run of ``size``; 1 when there are none, all being alike."""
    starts = range(0, len(values), size)
    return max((len(set(values[start : start + size])) for start in starts), default=1)


def unused_last_axon(
    layer: Layer, shape: Shape, needs: BlockNeeds, limits: CoreLimits, pop_type: int
) -> str | None:
    """An input after one whose last source pixel is unused breaks nengo-loihi.

    ``Core.add_synapse`` numbers axons from the last axon of the synapse before, which is None
    when that axon is not built. Split layers drop such axons, so only whole layers are hit.
    """
    if drops_unused(layer, shape):
        return None
    for projection in layer.inputs[:-1]:
        if not all(axis.taps[-1] for axis in axes_of(layer, projection)):
            return (
                f"the last pixel of {projection.source} is unused and more inputs follow, which "
                "nengo-loihi cannot number: split the layer or put this input last"
            )
    return None


def pop16_too_many_channels(
    layer: Layer, shape: Shape, needs: BlockNeeds, limits: CoreLimits, pop_type: int
) -> str | None:
    """Channels a pop16 spike can carry."""
    most = max((p.n_atoms for p in layer.inputs if not p.dense), default=0)
    if pop_type != 16:
        return None
    return above(most, POP16_SOURCE_CHANNELS, "source channels on pop16 axons", "use pop_type 32")


def pop16_unaligned(
    layer: Layer, shape: Shape, needs: BlockNeeds, limits: CoreLimits, pop_type: int
) -> str | None:
    """A pop16 axon starts at a multiple of four compartments."""
    one_pixel = min(shape[0], layer.shape[0]) * min(shape[1], layer.shape[1]) == 1
    sizes = {min(shape[2], layer.shape[2]), layer.shape[2] % shape[2]}
    aligned = one_pixel or all(n % POP16_BASE_MULTIPLE == 0 for n in sizes)
    if pop_type != 16 or aligned or all(projection.dense for projection in layer.inputs):
        return None
    return (
        f"{min(shape[2], layer.shape[2])} channels per block with pop16 axons, which need a "
        f"multiple of {POP16_BASE_MULTIPLE}: use another number of channels or pop_type 32"
    )


Rule = Callable[[Layer, Shape, BlockNeeds, CoreLimits, int], str | None]

RULES: tuple[Rule, ...] = (
    too_many_compartments,
    too_many_in_axons,
    too_many_out_axon_slots,
    too_many_synapse_bits,
    too_many_synapse_configs,
    too_many_thresholds,
    too_many_settings,
    unused_last_axon,
    pop16_too_many_channels,
    pop16_unaligned,
)
"""Every limit of a core, those included that nengo-loihi meets only in a hardware build."""


def violations(
    layer: Layer, shape: Shape, needs: BlockNeeds, limits: CoreLimits, pop_type: int = 32
) -> list[str]:
    """Every rule that a layer's worst block breaks: layer, block shape, value, limit, remedy."""
    found = (rule(layer, shape, needs, limits, pop_type) for rule in RULES)
    size = "x".join(str(n) for n in shape)
    return [f"layer {layer.name}, block {size}: {text}" for text in found if text]
