"""SpiCalib as a method: what it needs, and what it takes on the command line."""

import argparse
import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loihiseg.errors import Option, OptionError
from loihiseg.methods.method import Need, OnChip
from partition.command_line.options import real, whole
from partition.display.messages import one_line

if TYPE_CHECKING:
    from loihiseg.methods.task import Task
    from loihiseg.progress import Reporter
    from loihiseg.results import SimulationResults

NAME = "spicalib"

MOST_STEPS = 10**4


@dataclass(frozen=True)
class Settings:
    """Options of SpiCalib.

    Attributes
    ----------
    steps : tuple of int
        T, ascending: one run passes through all of them.
    most_spikes : int
        Gamma: spikes of a burst, in one step.
    allowance : int
        A: steps that a neuron may be silent for longer than it uses to be.
    quantile : float
        Of activations on calibration crops, what a threshold is.
    scales : str
        Whether of a "layer" or a "channel".
    divided : bool
        Whether a burst of ``most_spikes`` is worth the quantile, as so many levels are; else one
        spike is, as published.
    as_published : bool
        With the faults of the published code: spikes lost after silence, activations cut off in
        calibration, and a quantile that is one value too low.
    crops : int
        Crops of the training sections to calibrate on.
    search : int
        Evaluations in which quantiles are searched; 0 for none.
    search_steps : int
        T of the search.
    search_by : str
        Whether each "resolution" or each "layer" has a quantile of its own, or "all" have one.
    """

    steps: tuple[int, ...] = (8, 16, 32, 64, 128, 256)
    most_spikes: int = 5
    allowance: int = 16
    quantile: float = 0.99
    scales: str = "layer"
    divided: bool = False
    as_published: bool = False
    crops: int = 16
    search: int = 0
    search_steps: int = 32
    search_by: str = "resolution"


class SpiCalib:
    """As of `loihiseg.methods.method.Method`; see `loihiseg.methods.spicalib`."""

    name = NAME
    summary = (
        "Spike calibration with burst spikes and lateral pooling (Li, He, Dong, Kong, Zeng 2022): "
        "float ReLU networks with max pooling as spiking ones, without training."
    )
    needs = frozenset({Need.CALIBRATION})
    on_chip = OnChip(
        compiles=False,
        says="not its neurons: Loihi has no reset by subtraction, no bursts and no spikes that are "
        "taken back. Thresholds by quantile are those of levels without training, which the "
        "thermometer and ramp codes run exactly, max pooling with them; their neurons send no "
        "spike too early, so that there is none to take back.",
    )

    def add_options(self, parser: argparse._ActionsContainer) -> None:
        """Add its own options."""
        usual = Settings()
        parser.add_argument(
            "--steps",
            type=steps,
            default=usual.steps,
            metavar="T,T,...",
            help="steps per tile, scored after each (default: 8,16,32,64,128,256)",
        )
        parser.add_argument(
            "--most-spikes", type=whole(1, 255), default=usual.most_spikes, metavar="N",
            help="spikes of a neuron in one step",
        )  # fmt: skip
        parser.add_argument(
            "--allowance", type=whole(0, MOST_STEPS), default=usual.allowance, metavar="STEPS",
            help="by which a neuron may be silent for longer than on average before it takes "
            "spikes back",
        )  # fmt: skip
        parser.add_argument(
            "--quantile", type=real(0, 1, above=True), default=usual.quantile, metavar="SHARE",
            help="share of an activation's values on calibration crops that its threshold reaches",
        )  # fmt: skip
        parser.add_argument(
            "--scales", choices=("layer", "channel"), default=usual.scales,
            help="what has a threshold of its own",
        )  # fmt: skip
        parser.add_argument(
            "--divided", action="store_true",
            help="thresholds so low that a burst of all spikes reaches the quantile, not one spike",
        )  # fmt: skip
        parser.add_argument(
            "--as-published", action="store_true",
            help="with the faults of the published code, to compare with",
        )  # fmt: skip
        parser.add_argument(
            "--crops", type=whole(1, 10**4), default=usual.crops, metavar="N",
            help="crops of the training sections to calibrate on",
        )  # fmt: skip
        self._add_search(parser, usual)

    def _add_search(self, parser: argparse._ActionsContainer, usual: Settings) -> None:
        parser.add_argument(
            "--search", type=whole(0, 1000), default=usual.search, metavar="N",
            help="evaluations in which quantiles are searched on the crops, beside fixed ones; "
            "needs loihiseg[calibration]; 0 for none",
        )  # fmt: skip
        parser.add_argument(
            "--search-steps", type=whole(1, MOST_STEPS), default=usual.search_steps, metavar="T",
            help="steps that quantiles are searched for",
        )  # fmt: skip
        parser.add_argument(
            "--search-by", choices=("all", "resolution", "layer"), default=usual.search_by,
            help="what has a quantile of its own in the search",
        )  # fmt: skip

    def settings(self, options: argparse.Namespace) -> Settings:
        """Its own options, checked."""
        names = Settings.__dataclass_fields__
        found = Settings(**{name: getattr(options, name) for name in names})
        if found.divided and found.as_published:
            raise OptionError(
                Option("divided"), ": is not as published; leave out one of it and ",
                Option("as_published"),
            )  # fmt: skip
        if found.as_published and found.allowance == 0:
            raise OptionError(
                Option("allowance"), " 0: means no calibration in the published code; give more "
                "steps, or leave out ", Option("as_published"),
            )  # fmt: skip
        if found.search and importlib.util.find_spec("optuna") is None:
            raise OptionError(
                Option("search"), " needs optuna, which is not installed; install "
                "loihiseg[calibration], or leave it out",
            )  # fmt: skip
        return found

    def run(self, task: "Task", settings: Settings, reporter: "Reporter") -> "SimulationResults":
        """Score the float network, and the published parts, each added in turn."""
        from loihiseg.methods.spicalib.experiment import run

        return run(task, settings, reporter)


def steps(text: str) -> tuple[int, ...]:
    """A type for argparse: whole numbers of steps, ascending, as 8,16,32."""
    number = whole(1, MOST_STEPS)
    found = tuple(number(part) for part in text.split(","))
    if list(found) != sorted(set(found)):
        raise argparse.ArgumentTypeError(
            f"{one_line(text, 40)}: expected numbers of steps, each larger than the one before"
        )
    return found
