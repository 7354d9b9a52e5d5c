"""Limits of a core for blocks that are built, whether they come from a model or from a file.

One table of rules, those included that nengo-loihi meets only in a hardware build: the allocator,
the command, the emulator and a compiled network ask here.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields

import networkx as nx

from partition.core.errors import DoesNotFitError
from partition.core.limits import (
    COMPARTMENT_BASE_LIMIT,
    LOIHI1,
    POP16_BASE_MULTIPLE,
    POP16_IN_AXONS,
    POP16_SOURCE_CHANNELS,
    CoreLimits,
)
from partition.core.rules import over_limit

USE = "use"
"""Attribute of a block in a graph: its `CoreUse`; None, or absent, where that is not known."""


@dataclass(frozen=True)
class CoreUse:
    """What a built block takes of its core, beside its compartments.

    Attributes
    ----------
    in_axons : int
        Input axons; those that learn take two.
    out_axon_slots, synapse_bits : int
        Of its output axons, a pop32 axon taking two; of its synapse memory.
    compartment_configs, threshold_configs, synapse_formats : int
        How many different ones: decays with refractory delay and noise, thresholds, formats.
    pop16_channels : int
        Most channels of a source that arrives on pop16 axons; 0 where none does.
    largest_base : int
        Largest compartment base of its population axons; -1 where there are none.
    unaligned_base, unnumbered_axons, partly_learning : bool
        A pop16 axon's base is no multiple of four; an input ends in an unused axon and others
        follow; some inputs learn and others do not.
    dense : bool
        No input is a convolution: every axon is of one source neuron.
    """

    in_axons: int = 0
    out_axon_slots: int = 0
    synapse_bits: int = 0
    compartment_configs: int = 1
    threshold_configs: int = 1
    synapse_formats: int = 0
    pop16_channels: int = 0
    largest_base: int = -1
    unaligned_base: bool = False
    unnumbered_axons: bool = False
    partly_learning: bool = False
    dense: bool = True


NOT_COMPARTMENTS = tuple(
    field.name.replace("_", " ") for field in fields(CoreUse) if field.name != "dense"
)
"""What cannot be checked of a block whose `CoreUse` is not known."""


@dataclass(frozen=True)
class Violation:
    """A limit of a core that a block exceeds; as text one line.

    Attributes
    ----------
    block : int
    label : str
        Of the block, as nengo-loihi names it.
    what : str
        What there is too much of, or what is wrong.
    value, limit : int or None
        None where it is no matter of how many.
    remedy : str
    """

    block: int
    label: str
    what: str
    value: int | None
    limit: int | None
    remedy: str

    @property
    def excess(self) -> int | None:
        """By how much the value is above the limit."""
        return None if self.value is None or self.limit is None else self.value - self.limit

    @property
    def ensemble(self) -> str:
        """Label of what the block was cut from."""
        return ensemble_of(self.label)

    def __str__(self) -> str:
        name = f"block {self.block} ({self.label})" if self.label else f"block {self.block}"
        if self.value is None or self.limit is None:
            return f"{name}: {self.what}: {self.remedy}"
        return f"{name}: {over_limit(self.value, self.limit, self.what)}: {self.remedy}"


def ensemble_of(label: str) -> str:
    """Label of an ensemble, from that of one of its blocks."""
    return re.sub(r"\[[^\[\]]*\]$", "", label)


_Found = tuple[str, int | None, int | None, str]
"""What, value, limit and remedy."""


def _axons(use: CoreUse, limits: CoreLimits) -> Iterator[_Found]:
    limit = min(limits.in_axons, POP16_IN_AXONS) if use.pop16_channels else limits.in_axons
    yield (
        "in-axons", use.in_axons, limit,
        "connect fewer neurons to it, each has an axon" if use.dense else
        "use blocks of fewer pixels",
    )  # fmt: skip
    yield (
        "out-axon slots", use.out_axon_slots, limits.out_axon_slots,
        f"use {'smaller blocks' if use.dense else 'blocks of fewer pixels'} here, or larger blocks "
        "in the layers this one projects to",
    )  # fmt: skip


def _synapses(use: CoreUse, limits: CoreLimits) -> Iterator[_Found]:
    yield (
        "synapse bits", use.synapse_bits, limits.synapse_bits,
        "split the ensemble, or connect fewer neurons to it" if use.dense else
        "use fewer channels per block",
    )  # fmt: skip
    yield (
        "synapse formats", use.synapse_formats, limits.synapse_configs,
        "join sources before this layer",
    )  # fmt: skip


def _settings(use: CoreUse, limits: CoreLimits) -> Iterator[_Found]:
    yield (
        "compartment configurations", use.compartment_configs, limits.compartment_configs,
        "use fewer different time constants in the ensemble",
    )  # fmt: skip
    yield (
        "threshold configurations", use.threshold_configs, limits.threshold_configs,
        "fold thresholds into weights and biases",
    )  # fmt: skip


def _populations(use: CoreUse, limits: CoreLimits) -> Iterator[_Found]:
    yield (
        "channels on pop16 axons", use.pop16_channels, POP16_SOURCE_CHANNELS, "use pop_type 32",
    )  # fmt: skip
    yield "as compartment base", use.largest_base, COMPARTMENT_BASE_LIMIT - 1, "split it"
    if use.unaligned_base:
        what = f"a pop16 axon base is no multiple of {POP16_BASE_MULTIPLE}"
        yield what, None, None, "use pop_type 32"


def _hardware_build(use: CoreUse, limits: CoreLimits) -> Iterator[_Found]:
    if use.unnumbered_axons:
        what = (
            "the last axon of an input is unused and more inputs follow, which nengo-loihi "
            "cannot number"
        )
        other = "give its last neuron a weight" if use.dense else "split the layer"
        yield what, None, None, f"{other} or connect this input last"
    if use.partly_learning:
        what = "some of its inputs learn and others do not, which nengo-loihi cannot build"
        yield what, None, None, "send the others through an ensemble of their own"


RULES: tuple[Callable[[CoreUse, CoreLimits], Iterator[_Found]], ...] = (
    _axons,
    _synapses,
    _settings,
    _populations,
    _hardware_build,
)
"""Settings shared by a core (vmin, vmax, noise) are not listed: a block has a core to itself."""


def violations_of(
    block: int, label: str, n_compartments: int, use: CoreUse | None, limits: CoreLimits = LOIHI1
) -> list[Violation]:
    """Every limit that a block exceeds; of a block whose use is not known, its compartments."""
    found: list[_Found] = [
        ("compartments", n_compartments, limits.compartments, "split the ensemble")
    ]
    if use is not None:
        found += [one for rule in RULES for one in rule(use, limits)]
    return [
        Violation(block, label, what, value, limit, remedy)
        for what, value, limit, remedy in found
        if value is None or limit is None or value > limit
    ]


def graph_violations(graph: nx.DiGraph, limits: CoreLimits = LOIHI1) -> list[Violation]:
    """Every limit that any block of a graph exceeds, block by block.

    Parameters
    ----------
    graph : networkx.DiGraph
        Nodes 0 to n - 1 with ``label``, ``n_compartments`` and ``use``, as
        `partition.built.graph.block_graph` makes it. Whatever is not there is not checked; see
        `unchecked`.
    limits : CoreLimits
    """
    return [
        violation
        for block in sorted(graph.nodes)
        for violation in violations_of(
            block,
            str(graph.nodes[block].get("label", "")),
            graph.nodes[block].get("n_compartments", 0),
            graph.nodes[block].get(USE),
            limits,
        )
    ]


def unchecked(graph: nx.DiGraph) -> tuple[str, ...]:
    """What `graph_violations` cannot tell of a graph; empty where every block says what it uses."""
    known = all(graph.nodes[block].get(USE) is not None for block in graph.nodes)
    return () if known else NOT_COMPARTMENTS


def exceeded(found: Sequence[Violation], n_blocks: int) -> DoesNotFitError:
    """The error that says which blocks exceed a core, all of them, and a summary by ensemble."""
    texts = [str(violation) for violation in found]
    if len(texts) == 1:
        return DoesNotFitError(texts[0], texts)
    n_bad = len({violation.block for violation in found})
    start = f"{n_bad} of {n_blocks} blocks exceed{'s' * (n_bad == 1)} a core: "
    return DoesNotFitError(start + "; ".join(texts + by_ensemble(found)), texts)


def by_ensemble(found: Sequence[Violation]) -> list[str]:
    """A line for each ensemble and limit that several of its blocks exceed."""
    kinds = Counter((violation.ensemble, violation.what) for violation in found)
    lines = []
    for (ensemble, what), n in kinds.items():
        excess = [v.excess or 0 for v in found if (v.ensemble, v.what) == (ensemble, what)]
        if n > 1:
            most = f", at most {max(excess)} too many" if max(excess) else ""
            lines.append(f"{ensemble or 'without a label'}: {n} blocks, {what}{most}")
    return lines
