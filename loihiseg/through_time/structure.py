"""Layers of a U-Net over time: what each hears, in which of its steps, and how many it is needed.

Steps of a layer are its own, from 0. On the chip, where a spike takes a step to the next layer, own
step k of a layer is step ``1 + depth + k``, its depth the number of layers on its longest way from
the host's stem. Own step k then hears own step ``k + lag`` of a source, with ``lag = depth - 1 -
depth of the source``: 0 in a chain, more over a skip connection, whose source has to go on for
longer. Without delay all lags are 0.

Behind the convolution that arrives at a depth, pairs of convolutions can be residual blocks
(Vicente-Sola et al., arXiv 2111.05955; Fang et al., arXiv 2102.04159). With o what a block hears
and r the spikes of its second convolution, what follows hears

==========  ========================================================================================
"none"      r
"add"       r + o, not fired again: as published, and SEW-ADD
"before"    r, whose currents have o added, each spike as much as a threshold
"membrane"  r, whose currents have those added by which o was fired: from block to block there are
            sums alone, as in MS-ResNet (Hu et al. 2021, arXiv 2112.08954); in floats only
"and"       r and o; "or" either; "iand" o without r: gates, a step later
==========  ========================================================================================
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from loihiseg.errors import InputError
from loihiseg.network.config import UNetConfig
from loihiseg.through_time.settings import MOST_STEPS, Residual

Kind = Literal["stem", "same", "down", "up", "gate"]
"""A convolution: the host's, of its source's resolution, to half and to double of it; or a gate."""

ADDED = -1
"""The slot of a source whose spikes are added to the currents, each as much as a threshold."""


MEMBRANE = -2
"""The slot of a source whose currents are added to the currents, before they meet a threshold."""


@dataclass(frozen=True)
class Wire:
    """A layer with what it hears, before its times are known.

    Attributes
    ----------
    name : str
    sources : tuple of str
        In the order in which they are concatenated; none for the stem, which sees pixels.
    channels : int
    kind : str
    slots : tuple of int
        Of each source, where in the concatenation it stands: those of one slot are added. `ADDED`
        and `MEMBRANE` stand outside.
    """

    name: str
    sources: tuple[str, ...]
    channels: int
    kind: Kind
    slots: tuple[int, ...] = ()


@dataclass(frozen=True)
class TimedLayer(Wire):
    """A layer over time.

    Attributes
    ----------
    depth : int
        0 of the stem.
    steps : int
        Own steps that somebody hears.
    lags : tuple of int
        Of each source.
    idle : tuple of int
        Own steps that no output needs: nobody hears them, or only in steps that are idle too.
    """

    depth: int = 0
    steps: int = 0
    lags: tuple[int, ...] = ()
    idle: tuple[int, ...] = ()


def wires(config: UNetConfig, residual: Residual = "none") -> tuple[Wire, ...]:
    """The layers of a U-Net in the order in which they are built; the last is read out.

    Parameters
    ----------
    config : UNetConfig
    residual : str
        See the module.

    Raises
    ------
    InputError
        If a concatenation is not convolved, or there is no block to be joined.
    """
    found = _Wires(residual)
    skips = []
    for depth, channels in enumerate(config.channels):
        names = [f"encode{depth}_{i}" for i in range(config.convs_down[depth])]
        if depth:
            found.add(f"down{depth}", channels, "down")
        else:
            found.add("stem", config.stem_channels, "stem")
            found.plain(names[:1], channels)
            names = names[1:]
        found.blocks(names, channels)
        skips.append(found.value)
    for depth in range(len(config.channels) - 2, -1, -1):
        channels = config.channels[depth]
        found.add(f"up{depth}", channels, "up")
        names = [f"decode{depth}_{i}" for i in range(config.convs_up[depth])]
        if not names:
            raise InputError(
                f"U-Net configuration: convs_up {config.convs_up}: training through time needs a "
                "convolution behind every concatenation"
            )
        found.add(names[0], channels, "same", skips[depth])
        # The read-out hears one layer.
        if depth:
            found.blocks(names[1:], channels)
        else:
            found.plain(names[1:], channels)
    if residual != "none" and not found.n_blocks:
        raise InputError(
            f"U-Net configuration: convs_down {config.convs_down}, convs_up {config.convs_up}: "
            "residual blocks are of two convolutions behind that which arrives at a depth, and "
            "there are none; use more convolutions"
        )
    return tuple(found.layers)


class _Wires:
    """Layers that are built one after the other.

    Attributes
    ----------
    value : tuple of str
        Layers whose spikes are added up to what the next layer hears.
    """

    def __init__(self, residual: Residual) -> None:
        self.residual = residual
        self.layers: list[Wire] = []
        self.value: tuple[str, ...] = ()
        self.n_blocks = 0

    def add(self, name: str, channels: int, kind: Kind, *more: tuple[str, ...]) -> None:
        """A layer that hears what there is, and what is concatenated behind it."""
        parts = (self.value, *more) if self.value else ()
        sources = tuple(one for part in parts for one in part)
        slots = tuple(slot for slot, part in enumerate(parts) for _ in part)
        self.layers.append(Wire(name, sources, channels, kind, slots))
        self.value = (name,)

    def plain(self, names: Sequence[str], channels: int) -> None:
        """Convolutions one after the other."""
        for name in names:
            self.add(name, channels, "same")

    def blocks(self, names: Sequence[str], channels: int) -> None:
        """Convolutions two by two; one that is left over stands by itself."""
        for first, second in zip(names[::2], names[1::2]):
            self._block(first, second, channels)
        self.plain(names[len(names) // 2 * 2 :], channels)

    def _block(self, first: str, second: str, channels: int) -> None:
        before = self.value
        self.plain((first, second), channels)
        self.n_blocks += 1
        if self.residual == "add":
            self.value = (second, *before)
        elif self.residual in ("before", "membrane"):
            last = self.layers[-1]
            slot = ADDED if self.residual == "before" else MEMBRANE
            self.layers[-1] = replace(
                last, sources=(*last.sources, *before), slots=(*last.slots, slot)
            )
        elif self.residual != "none":
            name = f"{second}_{self.residual}"
            self.layers.append(Wire(name, (second, *before), channels, "gate", (0, 1)))
            self.value = (name,)


def timed(layers: Sequence[Wire], steps: int, delayed: bool = True) -> tuple[TimedLayer, ...]:
    """Layers with their times.

    Parameters
    ----------
    layers : sequence of Wire
        Sources first; the last is read out.
    steps : int
        Own steps of the last layer.
    delayed : bool
        Whether a spike takes a step from layer to layer.

    Raises
    ------
    InputError
        If a layer would need more than `MOST_STEPS`; names it.
    """
    depth: dict[str, int] = {}
    for layer in layers:
        depth[layer.name] = max((depth[name] + 1 for name in layer.sources), default=0)
    needed = {layers[-1].name: steps}
    lags = {}
    for layer in reversed(layers):
        own = needed.setdefault(layer.name, 0)
        if own > MOST_STEPS:
            raise InputError(
                f"layer '{layer.name}' is needed for {own} steps, at most {MOST_STEPS} can be; "
                "train with fewer steps or layers"
            )
        lags[layer.name] = tuple(
            # Currents are there in the step itself, spikes a step later.
            depth[layer.name] - depth[name] - (slot != MEMBRANE) if delayed else 0
            for name, slot in zip(layer.sources, layer.slots, strict=True)
        )
        for name, lag in zip(layer.sources, lags[layer.name], strict=True):
            needed[name] = max(needed.get(name, 0), own + lag)
    idle = _idle(layers, needed, lags)
    return tuple(
        TimedLayer(
            layer.name,
            layer.sources,
            layer.channels,
            layer.kind,
            layer.slots,
            depth[layer.name],
            needed[layer.name],
            lags[layer.name],
            idle[layer.name],
        )
        for layer in layers
    )


def _idle(
    layers: Sequence[Wire], steps: Mapping[str, int], lags: Mapping[str, tuple[int, ...]]
) -> dict[str, tuple[int, ...]]:
    """Own steps of each layer that no output needs."""
    used = {layer.name: set[int]() for layer in layers}
    used[layers[-1].name] = set(range(steps[layers[-1].name]))
    for layer in reversed(layers):
        for name, lag in zip(layer.sources, lags[layer.name], strict=True):
            used[name] |= {step + lag for step in used[layer.name]}
    return {name: tuple(sorted(set(range(steps[name])) - used[name])) for name in used}
