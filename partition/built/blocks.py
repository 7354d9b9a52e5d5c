"""Limits of a core, checked on the blocks of a built nengo-loihi model.

Includes those that nengo-loihi only meets on a hardware build, which an emulator run never sees.
Each rule takes a block and the limits and returns a sentence fragment or None. Models are read
by their attributes; nothing here imports nengo-loihi.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from partition.core.limits import (
    COMPARTMENT_BASE_LIMIT,
    LOIHI1,
    POP16_BASE_MULTIPLE,
    POP16_IN_AXONS,
    POP16_SOURCE_CHANNELS,
    CoreLimits,
)
from partition.core.rules import above

if TYPE_CHECKING:
    from nengo_loihi.block import LoihiBlock
    from nengo_loihi.builder import Model


def compartments(block: "LoihiBlock", limits: CoreLimits) -> str | None:
    """Compartments of a core."""
    return above(
        block.compartment.n_compartments, limits.compartments, "compartments", "split the ensemble"
    )


def in_axons(block: "LoihiBlock", limits: CoreLimits) -> str | None:
    """Input axons; fewer where pop16 axons arrive."""
    pop16 = any(synapse.pop_type == 16 for synapse in block.synapses)
    limit = min(limits.in_axons, POP16_IN_AXONS) if pop16 else limits.in_axons
    value = sum(synapse.n_axons for synapse in block.synapses)
    return above(value, limit, "in-axons", "use blocks of fewer pixels")


def out_axon_slots(block: "LoihiBlock", limits: CoreLimits) -> str | None:
    """Output axon slots."""
    value = sum(axon.axon_slots() for axon in block.axons)
    remedy = "use blocks of fewer pixels here, or larger blocks in the layers this one projects to"
    return above(value, limits.out_axon_slots, "out-axon slots", remedy)


def synapse_bits(block: "LoihiBlock", limits: CoreLimits) -> str | None:
    """Synapse memory in bits."""
    value = sum(synapse.bits() for synapse in block.synapses)
    return above(value, limits.synapse_bits, "synapse bits", "use fewer channels per block")


def compartment_configs(block: "LoihiBlock", limits: CoreLimits) -> str | None:
    """Different settings of compartments; a hardware build only."""
    part = block.compartment
    settings = (part.decay_u, part.decay_v, part.refract_delay, part.enable_noise)
    value = len(np.unique(np.stack(settings, axis=1).astype(np.int64), axis=0))
    remedy = "use fewer different time constants in the ensemble"
    return above(value, limits.compartment_configs, "compartment configurations", remedy)


def threshold_configs(block: "LoihiBlock", limits: CoreLimits) -> str | None:
    """Different thresholds; a hardware build only."""
    value = len(np.unique(block.compartment.vth))
    remedy = "fold thresholds into weights and biases"
    return above(value, limits.threshold_configs, "threshold configurations", remedy)


def synapse_configs(block: "LoihiBlock", limits: CoreLimits) -> str | None:
    """Different synapse formats."""
    value = len({synapse.synapse_cfg for synapse in block.synapses})
    remedy = "join sources before this layer"
    return above(value, limits.synapse_configs, "synapse formats", remedy)


def pop16_channels(block: "LoihiBlock", limits: CoreLimits) -> str | None:
    """Channels a pop16 spike tells apart; a hardware build only."""
    sizes = [s.weights[0].shape[0] for s in block.synapses if s.pop_type == 16]
    remedy = "use pop_type 32"
    return above(max(sizes, default=0), POP16_SOURCE_CHANNELS, "channels on pop16 axons", remedy)


def compartment_bases(block: "LoihiBlock", limits: CoreLimits) -> str | None:
    """Bases of population axons: small, and aligned for pop16."""
    for synapse in block.synapses:
        bases = np.asarray([] if synapse.pop_type == 0 else synapse.axon_compartment_bases)
        if np.any(bases >= COMPARTMENT_BASE_LIMIT):
            return above(
                int(bases.max()), COMPARTMENT_BASE_LIMIT - 1, "as compartment base", "split it"
            )
        if synapse.pop_type == 16 and np.any(bases[bases >= 0] % POP16_BASE_MULTIPLE):
            return f"a pop16 axon base is no multiple of {POP16_BASE_MULTIPLE}: use pop_type 32"
    return None


def numbered_axons(block: "LoihiBlock", limits: CoreLimits) -> str | None:
    """Axons after an unused one that ends a synapse group cannot be numbered.

    nengo-loihi's ``Core.add_synapse`` counts on from the last axon of the group before, which
    is None when no spike can use it.
    """
    for synapse in block.synapses[:-1]:
        last = synapse.n_axons - 1
        unused = synapse.axon_compartment_base(last) is None
        if unused or synapse.weights[synapse.axon_weight_idx(last)].size == 0:
            return (
                "the last axon of an input is unused and more inputs follow, which nengo-loihi "
                "cannot number: split the layer or connect this input last"
            )
    return None


RULES: tuple[Callable[["LoihiBlock", CoreLimits], str | None], ...] = (
    compartments,
    in_axons,
    out_axon_slots,
    synapse_bits,
    compartment_configs,
    threshold_configs,
    synapse_configs,
    pop16_channels,
    compartment_bases,
    numbered_axons,
)
"""Settings shared by a core (vmin, vmax, noise) are not listed: a block has a core to itself."""


def block_violations(model: "Model", limits: CoreLimits = LOIHI1) -> list[str]:
    """Every limit that any block of a built and discretised model exceeds.

    Parameters
    ----------
    model : nengo_loihi.builder.Model
    limits : CoreLimits

    Returns
    -------
    list of str
        Block, value, limit and remedy; empty when every block fits a core.
    """
    return [
        f"block {index} ({block.label}): {text}"
        for index, block in enumerate(model.blocks)
        for text in (rule(block, limits) for rule in RULES)
        if text
    ]
