"""Shape of the U-Net and its firing rates, as plain values free of TensorFlow."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from loihiseg.errors import InputError
from loihiseg.storage.ranges import Channels, Levels, Percent, Rate, Share, Side

MOST_NEIGHBOURS = 8
"""Sections that a network sees on either side of one, at most."""

_Depths = Meta(max_length=10)
_Convolutions = Annotated[int, Meta(ge=0, le=100)]


@dataclass(frozen=True)
class RateTarget:
    """Where firing rates should lie, and how hard they are pushed there.

    Attributes
    ----------
    percentile : float
        The rate of a neuron is this percentile over images.
    low_hz, high_hz : float
        Range the rates should lie in.
    weight : float
        Of the regularizer; 0 switches it off.
    scale_hz : float
        Rate of an activation of 1.
    aim : (float, float)
        Part of the range, 0 its low and 1 its high end, that training pushes the rates of a whole
        channel into. The neurons of a channel differ, and most lie below the channel's
        percentile: it must lie high for most neurons to lie within the range.
    """

    percentile: Percent = 99.5
    low_hz: Rate = 50.0
    high_hz: Rate = 200.0
    weight: Annotated[float, Meta(ge=0, le=1e9)] = 0.1
    scale_hz: Annotated[float, Meta(gt=0, le=1e6)] = 100.0
    aim: tuple[Share, Share] = (0.6, 0.95)

    @property
    def aim_hz(self) -> tuple[float, float]:
        """Range that training pushes the rates of a channel into, in Hz."""
        width = self.high_hz - self.low_hz
        return self.low_hz + self.aim[0] * width, self.low_hz + self.aim[1] * width


_LEAST = {
    "channels": 1, "convs_down": 0, "convs_up": 0, "stem_stride": 1, "stem_channels": 1,
    "neighbours": 0,
}  # fmt: skip


@dataclass(frozen=True)
class UNetConfig:
    """Shape of the network.

    Attributes
    ----------
    tile : int
        Rows and columns of the pixels the deployed network sees at once.
    channels : tuple of int
        Channels of each level, from full (stem) resolution to the deepest.
    convs_down, convs_up : tuple of int
        3 x 3 convolutions of each level after arriving from above, and after the concatenation
        with the skip (one entry less).
    stem_stride : int
        Factor by which the host's stem lowers the resolution.
    stem_channels : int
        Channels of the stem, whose spikes the host sends.
    levels : int or tuple of int
        0: activations are Loihi firing rates. At least 1: every activation, the stem's included,
        has so many levels above 0; see `loihiseg.network.quantized`. A tuple gives the levels of
        each, in the order in which they are built.
    batch_norm : bool
        Whether a batch normalization follows each convolution but the read-out.
    pooling : bool
        The way down is 2 x 2 max pooling and the way up repeats each pixel: no convolution and no
        activation of their own. Else convolutions of stride 2 and transposed ones. Of rates the
        chip takes no largest: such a network is deployed with levels.
    neighbours : int
        Sections before a section, and as many behind it, that the stem sees as channels beside it.
    """

    tile: Side = 128
    channels: Annotated[tuple[Channels, ...], _Depths] = (4, 8, 16)
    convs_down: Annotated[tuple[_Convolutions, ...], _Depths] = (1, 1, 1)
    convs_up: Annotated[tuple[_Convolutions, ...], _Depths] = (1, 1)
    stem_stride: Annotated[int, Meta(ge=1, le=64)] = 2
    stem_channels: Channels = 4
    rates: RateTarget = RateTarget()
    levels: Levels | tuple[Levels, ...] = 0
    batch_norm: bool = False
    pooling: bool = False
    neighbours: Annotated[int, Meta(ge=0, le=MOST_NEIGHBOURS)] = 0

    def __post_init__(self) -> None:
        depth = len(self.channels)
        if depth < 1 or len(self.convs_down) != depth or len(self.convs_up) != depth - 1:
            raise InputError(
                f"U-Net configuration: channels of {depth} depths need {depth} convs_down and "
                f"{depth - 1} convs_up, got {len(self.convs_down)} and {len(self.convs_up)}"
            )
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if min(value if isinstance(value, tuple) else (value,), default=least) < least:
                raise InputError(f"U-Net configuration: {name} {value} must not be below {least}")
        if self.tile < 1 or self.tile % self.multiple:
            raise InputError(
                f"U-Net configuration: tile {self.tile} must be a multiple of {self.multiple}"
            )
        self._check_levels()

    def _check_levels(self) -> None:
        if isinstance(self.levels, int):
            if self.levels < 0:
                raise InputError(f"U-Net configuration: levels {self.levels} must not be below 0")
        elif len(self.levels) != len(self.activations) or min(self.levels) < 1:
            raise InputError(
                f"U-Net configuration: levels {self.levels} must be {len(self.activations)} "
                "numbers, one per activation, none below 1"
            )

    @property
    def n_inputs(self) -> int:
        """Channels of the input: a section between its neighbours, in their order."""
        return 1 + 2 * self.neighbours

    @property
    def activations(self) -> tuple[str, ...]:
        """Convolutions followed by an activation, in the order in which they are built."""
        names = ["stem"]
        last = len(self.channels) - 1
        for level, n_convs in enumerate(self.convs_down):
            names += [f"down{level}"] if level and not self.pooling else []
            names += [f"encode{level}_{i}" for i in range(n_convs)]
        for level in range(last - 1, -1, -1):
            names += [] if self.pooling else [f"up{level}"]
            names += [f"decode{level}_{i}" for i in range(self.convs_up[level])]
        return tuple(names)

    @property
    def layer_levels(self) -> dict[str, int]:
        """Levels of each activation, by the name of its convolution."""
        levels = self.levels
        if isinstance(levels, int):
            levels = (levels,) * len(self.activations)
        return dict(zip(self.activations, levels))

    @property
    def multiple(self) -> int:
        """Pixels by which tiles of this network grow."""
        return self.stem_stride * 2 ** (len(self.channels) - 1)
