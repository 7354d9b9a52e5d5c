"""What the blocks of a built nengo-loihi model take of their cores, and which limits they exceed.

Models are read by their attributes; nothing here imports nengo-loihi.
"""

from typing import TYPE_CHECKING

import numpy as np

from partition.core.block_limits import CoreUse, Violation, violations_of
from partition.core.limits import LOIHI1, POP16_BASE_MULTIPLE, CoreLimits

if TYPE_CHECKING:
    from nengo_loihi.block import LoihiBlock, Synapse
    from nengo_loihi.builder import Model


def core_use(block: "LoihiBlock") -> CoreUse:
    """What a built and discretised block takes of its core."""
    part, synapses = block.compartment, block.synapses
    settings = (part.decay_u, part.decay_v, part.refract_delay, part.enable_noise)
    bases = [_bases(synapse) for synapse in synapses]
    pop16 = [synapse for synapse in synapses if synapse.pop_type == 16]
    learning = [bool(synapse.learning) for synapse in synapses]
    return CoreUse(
        in_axons=int(sum(synapse.n_axons * synapse.idxs_per_synapse() for synapse in synapses)),
        out_axon_slots=int(sum(axon.axon_slots() for axon in block.axons)),
        synapse_bits=int(sum(synapse.bits() for synapse in synapses)),
        compartment_configs=len(np.unique(np.stack(settings, axis=1).astype(np.int64), axis=0)),
        threshold_configs=len(np.unique(part.vth)),
        synapse_formats=len({synapse.synapse_cfg for synapse in synapses}),
        pop16_channels=max((int(synapse.weights[0].shape[0]) for synapse in pop16), default=0),
        largest_base=max((int(some.max(initial=-1)) for some in bases), default=-1),
        unaligned_base=any(
            bool(np.any(some[some >= 0] % POP16_BASE_MULTIPLE))
            for synapse, some in zip(synapses, bases, strict=True)
            if synapse.pop_type == 16
        ),
        unnumbered_axons=any(_ends_unused(synapse) for synapse in synapses[:-1]),
        partly_learning=any(learning) and not all(learning),
        dense=all(synapse.pop_type == 0 for synapse in synapses),
    )


def _bases(synapse: "Synapse") -> np.ndarray:
    """Compartment bases of population axons, negative where an axon is unused."""
    bases = None if synapse.pop_type == 0 else synapse.axon_compartment_bases
    return np.asarray([] if bases is None else bases, np.int64)


def _ends_unused(synapse: "Synapse") -> bool:
    """Whether the last axon of an input is one that no spike can use.

    nengo-loihi's ``Core.add_synapse`` counts on from the last axon of the group before, which is
    None then.
    """
    last = synapse.n_axons - 1
    is_unused = synapse.axon_compartment_base(last) is None
    return is_unused or synapse.weights[synapse.axon_weight_idx(last)].size == 0


def block_violations(model: "Model", limits: CoreLimits = LOIHI1) -> list[Violation]:
    """Every limit that any block of a built and discretised model exceeds.

    Parameters
    ----------
    model : nengo_loihi.builder.Model
    limits : CoreLimits

    Returns
    -------
    list of Violation
        Each with block, value, limit, excess and remedy, as text one line; empty when every block
        fits a core.
    """
    return [
        violation
        for index, block in enumerate(model.blocks)
        for violation in violations_of(
            index,
            str(block.label or ""),
            int(block.compartment.n_compartments),
            core_use(block),
            limits,
        )
    ]
