"""What a network is to be run on; free of frameworks, so that command lines can name it."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from loihiseg.data.orientations import NumberOfOrientations
from loihiseg.errors import Option, OptionError
from loihiseg.option_fields import Number, OneOf, Text, Whole, Words, YesOrNo, check_options, option

WINDOW = 2048
"""Rows and columns of a window, pixels: whole chunks of what is written, and few tiles twice."""

ProbabilityType = Literal["uint8", "float32"]


@dataclass(frozen=True)
class SegmentOptions:
    """How a volume is segmented.

    Attributes
    ----------
    on : str
        "chip" for the emulated chip, "float" for the float network.
    orientations : int
        1, 4 or 8, see `loihiseg.running.windows.run_windows`.
    probability : str
        "uint8", 255 for certain membrane, or "float32".
    window : int
        Rows and columns of the windows, pixels.
    """

    on: Literal["chip", "float"] = "chip"
    orientations: NumberOfOrientations = 1
    probability: ProbabilityType = "uint8"
    window: int = WINDOW


@dataclass(frozen=True)
class RunOptions:
    """Which sections and tiles a deployment looks at, and what it runs them on.

    Attributes
    ----------
    sections : str or None
        As ``A:B``; None for the test sections of the split.
    tiles : int or None
        Tiles, spread evenly over the sections without overlap; None for whole sections.
    calibration_tiles : int
        Of the validation sections, to fit the read-out on.
    target : str
        "sim" for an emulator, "loihi" for chips.
    emulator : str
        "compiled", or "nengo-loihi" for its own.
    check : int
        Steps of both emulators whose state is compared first, integer by integer.
    early_exit : float or None
        Also stop each tile once its map has stopped changing, by a rule for which at most this
        share of the calibration tiles' pixels differs from the map at the end.
    orientations : int
        1, or 4 or 8 to show each tile turned, and mirrored too, and take the mean probability; all
        of them are counted.
    topology : bool
        Also choose a threshold for cells on all labelled sections beside these, of the network in
        floats and of the spikes, and score which cells are joined and cut by it.
    task : str or None
        "membrane" or "classes", what the network has to give; None for what its shapes say.

    Raises
    ------
    OptionError
        Names the first option that is out of its range, or that another one keeps from being used.
    """

    sections: str | None = option(None, Text("text as '20:24', '20:' or '3'"))
    tiles: int | None = option(None, Whole(1, 10**6))
    calibration_tiles: int = option(8, Whole(0, 10**6))
    target: str = option("sim", Words(("sim", "loihi")))
    emulator: str = option("compiled", Words(("compiled", "nengo-loihi")))
    check: int = option(0, Whole(0, 10**4))
    early_exit: float | None = option(None, Number(0, 1))
    orientations: Literal[1, 4, 8] = option(1, OneOf((1, 4, 8)))
    topology: bool = option(False, YesOrNo())
    task: Literal["membrane", "classes"] | None = option(None, Words(("membrane", "classes")))

    def __post_init__(self) -> None:
        check_options(self)
        if self.topology and self.tiles is not None:
            # Cells of tiles end at their borders.
            raise OptionError(
                Option("topology"), " is of whole sections; leave ", Option("tiles"), " out"
            )
        if self.early_exit is None:
            return
        exits = Option("early_exit")
        if self.orientations != 1:
            # Where one map stops changing, the mean of them may not; the rule is for one.
            raise OptionError(
                exits, " stops by the map of one presentation, and with ", Option("orientations"),
                f" {self.orientations} the mean of so many is the map; leave one of the two out",
            )  # fmt: skip
        if self.emulator != "compiled" or self.target != "sim":
            raise OptionError(
                exits, " needs ", Option("emulator"), " compiled and ", Option("target"), " sim"
            )
        if not self.calibration_tiles:
            raise OptionError(
                exits, " is chosen on ", Option("calibration_tiles"), ": expected 1 or more"
            )


def check_held(sent: str | None) -> None:
    """Refuse early exit where the host does not hold the image, as ``sent`` says; None is open.

    Raises
    ------
    OptionError
    """
    if sent not in (None, "held"):
        raise OptionError(
            Option("early_exit"), " needs ", Option("input"),
            f" held: {sent} input has one right map, the last",
        )  # fmt: skip


def check_target(target: str) -> None:
    """Refuse a target that cannot be reached from here.

    Raises
    ------
    OptionError
    """
    if target == "loihi" and find_spec("nxsdk") is None:
        raise OptionError(
            Option("target"), " loihi: NxSDK, Intel's driver for the chip, is not installed here; "
            "use ", Option("target"), " sim for the emulator",
        )  # fmt: skip
