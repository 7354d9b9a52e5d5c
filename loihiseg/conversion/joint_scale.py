"""One scale for several blocks, found by nengo-loihi as if they were one.

nengo-loihi chooses the scale of a block's integers from its largest weight and its biases. Here the
compartments of several blocks are laid behind each other, it discretizes them all at once, and each
block takes its part.
"""

from collections.abc import Sequence

import loihiseg.frameworks  # noqa: F401 (before nengo-loihi)

import numpy as np
from nengo_loihi.block import Compartment, LoihiBlock, Synapse
from nengo_loihi.builder.discretize import discretize_compartment, discretize_synapse

_PER_COMPARTMENT = ("decay_u", "decay_v", "refract_delay", "vth", "bias", "enable_noise")

_OF_ALL = (
    "tau_s",
    "scale_u",
    "scale_v",
    "vmin",
    "vmax",
    "noise_offset",
    "noise_exp",
    "noise_at_membrane",
)


class _Group(Synapse):
    """Synapses of several blocks as one, of which the largest weight is given."""

    def __init__(self, synapses: Sequence[Synapse], largest: float) -> None:
        super().__init__(0, label=synapses[0].label)
        self.weights = [weights for synapse in synapses for weights in synapse.weights]
        self.indices = [indices for synapse in synapses for indices in synapse.indices]
        self.format(**{name: getattr(synapses[0].synapse_cfg, name) for name in _FORMAT})
        self._largest = largest

    def max_abs_weight(self) -> float:
        """As it was given."""
        return self._largest


_FORMAT = ("compression", "idx_bits", "fanout_type", "n_synapses", "weight_bits")


def discretize_together(
    blocks: Sequence[LoihiBlock], groups: Sequence[tuple[Sequence[Synapse], float]]
) -> float:
    """Turn blocks into integers of one scale.

    Parameters
    ----------
    blocks : sequence of LoihiBlock
        Changed in place.
    groups : sequence of (sequence of Synapse, float)
        All synapses of the blocks, those of one connection together, with the largest absolute
        weight that the connection has.

    Returns
    -------
    float
        What a voltage of 1 becomes.
    """
    parts = [block.compartment for block in blocks]
    joint = Compartment(sum(part.n_compartments for part in parts))
    for name in _PER_COMPARTMENT:
        setattr(joint, name, np.concatenate([getattr(part, name) for part in parts]))
    for name in _OF_ALL:
        setattr(joint, name, getattr(parts[0], name))
    w_max = max((largest for _, largest in groups), default=0.0)
    info = discretize_compartment(joint, w_max)
    start = 0
    for part in parts:
        own = slice(start, start + part.n_compartments)
        start = own.stop
        for name in _PER_COMPARTMENT:
            setattr(part, name, getattr(joint, name)[own].copy())
        for name in _OF_ALL:
            setattr(part, name, getattr(joint, name))
        part.discretize_info = info
    # All compartments have one scale; nengo-loihi writes it out where there is no weight.
    w_scale = float(np.asarray(info["w_scale"]).flat[0])
    for synapses, largest in groups:
        if not synapses:
            continue
        group = _Group(synapses, largest)
        discretize_synapse(group, w_max, w_scale, info["w_exp"])
        for synapse in synapses:
            synapse.format(weight_exp=group.synapse_cfg.weight_exp)
    return float(info["v_scale"])
