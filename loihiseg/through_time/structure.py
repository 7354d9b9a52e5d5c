"""Layers of a U-Net over time: what each hears, in which of its steps, and how many it is needed.

Steps of a layer are its own, from 0. On the chip, where a spike takes a step to the next layer, own
step k of a layer is step ``1 + depth + k``, its depth the number of layers on its longest way from
the host's stem. Own step k then hears own step ``k + lag`` of a source, with ``lag = depth - 1 -
depth of the source``: 0 in a chain, more over a skip connection, whose source has to go on for
longer. Without delay all lags are 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from loihiseg.errors import InputError
from loihiseg.network.config import UNetConfig
from loihiseg.through_time.settings import MOST_STEPS

Kind = Literal["stem", "same", "down", "up"]
"""Of a convolution: the host's, of its source's resolution, to half and to double of it."""


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
    """

    name: str
    sources: tuple[str, ...]
    channels: int
    kind: Kind


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
    """

    depth: int
    steps: int
    lags: tuple[int, ...]


def wires(config: UNetConfig) -> tuple[Wire, ...]:
    """The layers of a U-Net in the order in which they are built; the last is read out."""
    found = [Wire("stem", (), config.stem_channels, "stem")]

    def add(name: str, channels: int, kind: Kind, *more: str) -> None:
        found.append(Wire(name, (found[-1].name, *more), channels, kind))

    skips = []
    for depth, channels in enumerate(config.channels):
        if depth:
            add(f"down{depth}", channels, "down")
        for i in range(config.convs_down[depth]):
            add(f"encode{depth}_{i}", channels, "same")
        skips.append(found[-1].name)
    for depth in range(len(config.channels) - 2, -1, -1):
        channels = config.channels[depth]
        add(f"up{depth}", channels, "up")
        if not config.convs_up[depth]:
            raise InputError(
                f"U-Net configuration: convs_up {config.convs_up}: training through time needs a "
                "convolution behind every concatenation"
            )
        for i in range(config.convs_up[depth]):
            add(f"decode{depth}_{i}", channels, "same", *([] if i else [skips[depth]]))
    return tuple(found)


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
            depth[layer.name] - 1 - depth[name] if delayed else 0 for name in layer.sources
        )
        for name, lag in zip(layer.sources, lags[layer.name], strict=True):
            needed[name] = max(needed.get(name, 0), own + lag)
    return tuple(
        TimedLayer(
            layer.name,
            layer.sources,
            layer.channels,
            layer.kind,
            depth[layer.name],
            needed[layer.name],
            lags[layer.name],
        )
        for layer in layers
    )
