"""What a network trained through time is, beside the shape of its U-Net: plain values."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from msgspec import Meta

from loihiseg.errors import InputError, Option, OptionError

MOST_STEPS = 256
"""Steps of a layer, those that only a skip connection needs included."""

MOST_TIME_STEPS = 64
"""Of the last layer."""

WHOLE_VOLTAGE = 4096
"""Decays are in parts of it: the chip has 12 bits for them."""

Form = Literal["normalized", "chip"]
"""See `loihiseg.through_time.unet`."""

Residual = Literal["none", "add", "before", "membrane", "and", "iand", "or"]
"""See `loihiseg.through_time.structure`."""

Normalization = Literal["none", "shared", "shift", "bntt"]
"""See `loihiseg.through_time.normalization`."""


@dataclass(frozen=True)
class Surrogate:
    """The slope that gradients see in place of a step's, of x = voltage / threshold - 1.

    Attributes
    ----------
    shape : str
        "triangle": ``height * max(0, 1 - |x| / width)``, as of BNTT (arXiv 2010.01729);
        "arctangent": ``height / (1 + (x / width)**2)``, as of Fang et al. 2021 (arXiv 2007.05785).
    width, height : float
        BNTT has a width of 1 and a height of 0.3.
    """

    shape: Literal["triangle", "arctangent"] = "triangle"
    width: Annotated[float, Meta(gt=0, le=1e3)] = 1.0
    height: Annotated[float, Meta(gt=0, le=1e3)] = 1.0


@dataclass(frozen=True)
class Dynamics:
    """What neurons do from step to step; their threshold is 1.

    Attributes
    ----------
    decay : int
        Of the voltage, lost in a step, in parts of 4096; 0 for integrate-and-fire.
    floor : float
        Below which the voltage does not fall; at most 0.
    reset : str
        "hard": a spike sets the voltage to 0, as on the chip; "soft": it takes 1 from it.
    surrogate : Surrogate
    reset_gradient : bool
        Whether gradients go through the reset too; those of BNTT do not.
    """

    decay: Annotated[int, Meta(ge=0, le=WHOLE_VOLTAGE - 1)] = 512
    floor: Annotated[float, Meta(ge=-1e3, le=0)] = -1.0
    reset: Literal["hard", "soft"] = "hard"
    surrogate: Surrogate = field(default_factory=Surrogate)
    reset_gradient: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.decay < WHOLE_VOLTAGE or not self.floor <= 0:
            raise InputError(
                f"neurons: decay {self.decay} and floor {self.floor:g}; expected 0 to "
                f"{WHOLE_VOLTAGE - 1} and at most 0"
            )

    @property
    def kept(self) -> float:
        """Share of the voltage that is left after a step."""
        return (WHOLE_VOLTAGE - self.decay) / WHOLE_VOLTAGE


@dataclass(frozen=True)
class ThroughTime:
    """How a U-Net runs over time.

    Attributes
    ----------
    steps : int
        T: of its last layer, over which the read-out takes the mean.
    delayed : bool
        Whether a spike takes a step from layer to layer, as on the chip; else all layers are in
        the same step, as published.
    normalization : str
    dynamics : Dynamics
    residual : str
        How blocks of two convolutions are joined with what they hear.
    heads : int
        Read-outs of which the mean is taken, as in boosting; on the host they are one.
    rests : bool
        Whether layers are silent in those of their steps that no output needs, as between the
        ones that the next layer hears and the ones that only a skip connection does.
    """

    steps: Annotated[int, Meta(ge=1, le=MOST_TIME_STEPS)] = 4
    delayed: bool = True
    normalization: Normalization = "shift"
    dynamics: Dynamics = field(default_factory=Dynamics)
    residual: Residual = "none"
    heads: Annotated[int, Meta(ge=1, le=100)] = 1
    rests: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= MOST_TIME_STEPS:
            raise InputError(f"steps {self.steps}: expected 1 to {MOST_TIME_STEPS}")


def lacking_on_chip(time: ThroughTime) -> tuple[str, ...]:
    """All that the chip cannot have of a network, and what to use instead, one by one."""
    lacks = []
    if time.normalization == "bntt":
        lacks.append("scales of their own for each step (normalize by shift instead)")
    if time.dynamics.reset != "hard":
        lacks.append("a reset by subtraction (train with a hard reset)")
    if not time.delayed:
        lacks.append("spikes that arrive in the step in which they are sent (train with delays)")
    if time.residual == "membrane":
        lacks.append("currents that pass a layer by (join blocks by spikes, before or add)")
    return tuple(lacks)


def check_on_chip(time: ThroughTime) -> None:
    """Refuse what the chip cannot have.

    Raises
    ------
    OptionError
        Names all of it.
    """
    lacks = lacking_on_chip(time)
    if lacks:
        raise OptionError(Option("method"), f": the chip lacks {'; '.join(lacks)}")
