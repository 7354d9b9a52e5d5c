"""Limits of Loihi hardware as named fields, each with its source."""

from dataclasses import dataclass

CORES_PER_CHIP = 128
"""Neuron cores on one Loihi 1 chip (Davies et al. 2018, IEEE Micro 38(1), 82-99)."""

POP16_IN_AXONS = 1024
"""Axon identifiers a pop16 spike can carry: 10 bits (nengo_loihi ``Synapse.axon_bits``)."""

POP16_SOURCE_CHANNELS = 32
"""Channels a pop16 spike can tell apart (nengo_loihi ``Synapse.atom_bits_extra``: more than
32 raises NotImplementedError on a hardware build)."""

POP16_BASE_MULTIPLE = 4
"""A pop16 axon stores its compartment base divided by four (nengo_loihi
``hardware/builder.py``, ``build_synapse``)."""

COMPARTMENT_BASE_LIMIT = 256
"""Compartment bases of population axons are below this value (nengo_loihi ``conv.py``)."""


@dataclass(frozen=True)
class CoreLimits:
    """What one neuron core holds.

    Attributes
    ----------
    compartments : int
        Compartments (neurons). nengo_loihi ``block.MAX_COMPARTMENTS``; Davies et al. 2018.
    in_axons : int
        Input axons. nengo_loihi ``block.MAX_IN_AXONS``; Davies et al. 2018.
    out_axon_slots : int
        Output axon slots; a pop32 axon takes two. nengo_loihi ``block.MAX_OUT_AXONS``.
    synapse_bits : int
        Synapse memory in bits: 16 384 words of 64 bits. nengo_loihi
        ``block.MAX_SYNAPSE_BITS``; Davies et al. 2018.
    compartment_configs : int
        Different (decay, refractory, noise) settings. nengo_loihi ``hardware/builder.py``
        asserts fewer than ``MAX_COMPARTMENT_CFGS`` = 32; hardware builds only.
    threshold_configs : int
        Different thresholds. nengo_loihi ``hardware/builder.py`` asserts fewer than
        ``MAX_VTH_CFGS`` = 8; hardware builds only.
    synapse_configs : int
        Different synapse formats. nengo_loihi ``hardware/nxsdk_objects.py`` sets
        ``MAX_SYNAPSE_CFGS`` = 8 and keeps index 0 unused. nengo_loihi never asserts this
        value, its ``validate_core`` lets 15 through: the smaller one is taken here.
    """

    compartments: int = 1024
    in_axons: int = 4096
    out_axon_slots: int = 4096
    synapse_bits: int = 16384 * 64
    compartment_configs: int = 31
    threshold_configs: int = 7
    synapse_configs: int = 7


LOIHI1 = CoreLimits()
"""A core of a Loihi 1 chip."""
