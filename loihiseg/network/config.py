"""Shape of the U-Net and its firing rates, as plain values free of TensorFlow."""

from dataclasses import dataclass

from loihiseg.errors import InputError


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

    percentile: float = 99.5
    low_hz: float = 50.0
    high_hz: float = 200.0
    weight: float = 0.1
    scale_hz: float = 100.0
    aim: tuple[float, float] = (0.6, 0.95)

    @property
    def aim_hz(self) -> tuple[float, float]:
        """Range that training pushes the rates of a channel into, in Hz."""
        width = self.high_hz - self.low_hz
        return self.low_hz + self.aim[0] * width, self.low_hz + self.aim[1] * width


_LEAST = {"channels": 1, "convs_down": 0, "convs_up": 0, "stem_stride": 1, "stem_channels": 1}


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
    """

    tile: int = 128
    channels: tuple[int, ...] = (4, 8, 16)
    convs_down: tuple[int, ...] = (1, 1, 1)
    convs_up: tuple[int, ...] = (1, 1)
    stem_stride: int = 2
    stem_channels: int = 4
    rates: RateTarget = RateTarget()

    def __post_init__(self):
        levels = len(self.channels)
        if levels < 1 or len(self.convs_down) != levels or len(self.convs_up) != levels - 1:
            raise InputError(
                f"U-Net configuration: {levels} levels of channels need {levels} convs_down and "
                f"{levels - 1} convs_up, got {len(self.convs_down)} and {len(self.convs_up)}"
            )
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if min(value if isinstance(value, tuple) else (value,), default=least) < least:
                raise InputError(f"U-Net configuration: {name} {value} must not be below {least}")
        if self.tile < 1 or self.tile % self.multiple:
            raise InputError(
                f"U-Net configuration: tile {self.tile} must be a multiple of {self.multiple}"
            )

    @property
    def multiple(self) -> int:
        """Pixels by which tiles of this network grow."""
        return self.stem_stride * 2 ** (len(self.channels) - 1)
