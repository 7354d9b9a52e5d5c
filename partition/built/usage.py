"""What each layer of a built nengo-loihi model takes of its cores."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from partition.core.limits import LOIHI1, CoreLimits

if TYPE_CHECKING:
    from nengo_loihi.block import LoihiBlock
    from nengo_loihi.builder import Model


@dataclass(frozen=True)
class Use:
    """A count of the worst block of a layer, and the limit of a core."""

    value: int
    limit: int

    @property
    def percent(self) -> float:
        return 100.0 * self.value / self.limit


@dataclass(frozen=True)
class LayerRow:
    """One layer; every `Use` is that of the layer's worst block (``synapse_bits`` in bits)."""

    layer: str
    n_blocks: int
    n_compartments: int
    compartments: Use
    in_axons: Use
    out_axon_slots: Use
    synapse_bits: Use


def usage_table(model: "Model", limits: CoreLimits = LOIHI1) -> list[LayerRow]:
    """Rows in order of the layers' first blocks.

    Parameters
    ----------
    model : nengo_loihi.builder.Model
        A built model. Blocks belong together when one ensemble was split into them.
    limits : CoreLimits
    """
    names = _layer_names(model)
    layers: dict[str, list[LoihiBlock]] = {}
    for block in model.blocks:
        layers.setdefault(names.get(id(block), _base_label(block)), []).append(block)
    return [_row(name, blocks, limits) for name, blocks in layers.items()]


def _layer_names(model: "Model") -> dict[int, str]:
    names = {}
    for obj, parts in model.objs.items():
        blocks = parts.get("out", parts.get("in"))
        blocks = blocks if isinstance(blocks, (list, tuple)) else [blocks]
        # Only an ensemble has neurons and connections of its own; its neurons object repeats it.
        if not hasattr(obj, "n_neurons") or not hasattr(obj, "neurons"):
            continue
        for block in blocks:
            names[id(block)] = obj.label or str(obj)
    return names


def _base_label(block: "LoihiBlock") -> str:
    """Label of the block before nengo-loihi split it."""
    return re.sub(r"\[[^\[\]]*\]$", "", str(block.label))


def _row(name: str, blocks: Sequence["LoihiBlock"], limits: CoreLimits) -> LayerRow:
    used = [block.utilization() for block in blocks]

    def worst(key: str, limit: int) -> Use:
        return Use(max(int(row[key][0]) for row in used), limit)

    return LayerRow(
        layer=name,
        n_blocks=len(blocks),
        n_compartments=sum(int(row["compartments"][0]) for row in used),
        compartments=worst("compartments", limits.compartments),
        in_axons=worst("in-axons", limits.in_axons),
        out_axon_slots=worst("out-axons", limits.out_axon_slots),
        synapse_bits=worst("synapses", limits.synapse_bits),
    )
